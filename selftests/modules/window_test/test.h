/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of ptkit_window_test.ko share. */
#ifndef _WINDOW_TEST_H
#define _WINDOW_TEST_H

#include <linux/types.h>

/* Say why, and make the command fail with -EIO. */
#define test_fail(fmt, ...)							\
	({									\
		pr_notice("%s:%d: " fmt "\n", __func__, __LINE__, ##__VA_ARGS__);	\
		-EIO;								\
	})
#define test_expect(cond)	((cond) ? 0 : test_fail("not so: %s", #cond))

/* One line of the file "result". */
void test_report(const char *name, long value);

/* Run @fn(@arg, number) in @nr threads, spread over the CPUs; the first error, or 0. */
int test_run_threads(unsigned int nr, int (*fn)(void *arg, unsigned int number), void *arg);

/* The commands; each takes two numbers. */
int test_basic(unsigned long unused, unsigned long unused2);
int test_exact(unsigned long unused, unsigned long unused2);
int test_exact_upper(unsigned long unused, unsigned long unused2);
int test_churn(unsigned long ms, unsigned long threads);
int test_walk(unsigned long ms, unsigned long threads);
int test_exhaust(unsigned long unused, unsigned long unused2);
int test_hold(unsigned long mappings, unsigned long pages);
int test_show(unsigned long unused, unsigned long unused2);
int test_release(unsigned long unused, unsigned long unused2);
int test_lookup(unsigned long unused, unsigned long unused2);
int test_queue(unsigned long tables, unsigned long unused);
int test_bound(unsigned long tables, unsigned long threads);
int test_contexts(unsigned long unused, unsigned long unused2);
int test_nmi(unsigned long tables, unsigned long unused);
int test_skip_flush(unsigned long unused, unsigned long unused2);
int test_sync(unsigned long rounds, unsigned long threads);
int test_late(unsigned long tables, unsigned long wait);
int test_misuse(unsigned long unused, unsigned long unused2);
int test_bench_flush(unsigned long rounds, unsigned long batch);
int test_bench_enqueue(unsigned long rounds, unsigned long threads);
int test_bench_map(unsigned long rounds, unsigned long pages);

void test_window_exit(void);
void test_async_exit(void);

#endif /* _WINDOW_TEST_H */
