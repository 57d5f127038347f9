/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints of slow paths: what goes to and comes from the host, and what is linked into the
 * kernel's own tables. No fastpath has one. All have the name of the list, cache or mechanism, and
 * a number of pages, tables or objects; docs/tracing.md lists them.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM ptkit

#if !defined(_PTKIT_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _PTKIT_TRACE_H

#include <linux/string.h>
#include <linux/tracepoint.h>

/* An array and not a __string(), whose assignment is written differently since 6.10. */
#define PTKIT_TRACE_NAME	32

DECLARE_EVENT_CLASS(ptkit_number,
	TP_PROTO(const char *name, unsigned long nr),
	TP_ARGS(name, nr),
	TP_STRUCT__entry(
		__array(char, name, PTKIT_TRACE_NAME)
		__field(unsigned long, nr)
	),
	TP_fast_assign(
		strscpy(__entry->name, name, PTKIT_TRACE_NAME);
		__entry->nr = nr;
	),
	TP_printk("name=%s nr=%lu", __entry->name, __entry->nr)
);

DECLARE_EVENT_CLASS(ptkit_give_back,
	TP_PROTO(const char *name, const char *why, unsigned long nr),
	TP_ARGS(name, why, nr),
	TP_STRUCT__entry(
		__array(char, name, PTKIT_TRACE_NAME)
		__array(char, why, PTKIT_TRACE_NAME)
		__field(unsigned long, nr)
	),
	TP_fast_assign(
		strscpy(__entry->name, name, PTKIT_TRACE_NAME);
		strscpy(__entry->why, why, PTKIT_TRACE_NAME);
		__entry->nr = nr;
	),
	TP_printk("name=%s why=%s nr=%lu", __entry->name, __entry->why, __entry->nr)
);

#define PTKIT_NUMBER_EVENT(event)				\
	DEFINE_EVENT(ptkit_number, event,			\
		     TP_PROTO(const char *name, unsigned long nr),	\
		     TP_ARGS(name, nr))

#define PTKIT_GIVE_BACK_EVENT(event)				\
	DEFINE_EVENT(ptkit_give_back, event,			\
		     TP_PROTO(const char *name, const char *why, unsigned long nr), \
		     TP_ARGS(name, why, nr))

PTKIT_NUMBER_EVENT(ptkit_quicklist_miss);
PTKIT_GIVE_BACK_EVENT(ptkit_quicklist_give_back);
PTKIT_NUMBER_EVENT(ptkit_frozen_refill);
PTKIT_GIVE_BACK_EVENT(ptkit_frozen_give_back);
PTKIT_NUMBER_EVENT(ptkit_slab_refill);
PTKIT_NUMBER_EVENT(ptkit_slab_deactivate);
PTKIT_NUMBER_EVENT(ptkit_async_batch);
PTKIT_NUMBER_EVENT(ptkit_window_link);
PTKIT_NUMBER_EVENT(ptkit_window_unlink);
PTKIT_NUMBER_EVENT(ptkit_host_let_go);
PTKIT_NUMBER_EVENT(ptkit_host_reclaim);

#endif /* _PTKIT_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
