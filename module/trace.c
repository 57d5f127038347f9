// SPDX-License-Identifier: GPL-2.0
/* The tracepoints of trace.h, and those that ptkit_host.ko passes. */
#include <linux/module.h>

#define CREATE_TRACE_POINTS
#include "trace.h"

EXPORT_TRACEPOINT_SYMBOL_GPL(ptkit_host_let_go);
EXPORT_TRACEPOINT_SYMBOL_GPL(ptkit_host_reclaim);
