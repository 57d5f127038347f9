/* SPDX-License-Identifier: GPL-2.0 */
/* What differs between kernels and only the KUnit suites need. */
#ifndef _PTKIT_COMPAT_KUNIT_H
#define _PTKIT_COMPAT_KUNIT_H

#include <kunit/test.h>

#include "config.h"
#include "timer.h"

/* Run suites now. New kernels want to be told that they are to be run, and not only listed. */
static inline int ptkit_kunit_run(struct kunit_suite **suites, int nr)
{
#ifdef HAVE_KUNIT_RUN_ARGUMENT
	return __kunit_test_suites_init(suites, nr, true);
#else
	return __kunit_test_suites_init(suites, nr);
#endif
}

#endif /* _PTKIT_COMPAT_KUNIT_H */
