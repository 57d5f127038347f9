/* SPDX-License-Identifier: GPL-2.0 */
/*
 * As much of KUnit as a suite needs that is to run on kernels without it, too: distributions' own.
 * An assertion ends the function that it stands in, so it may only stand in those that return
 * nothing, and a case asks test->failed after it called one. Results are KTAP in the kernel log.
 */
#ifndef _PTKIT_KUNIT_SHIM_H
#define _PTKIT_KUNIT_SHIM_H

#include <linux/kernel.h>
#include <linux/module.h>

struct kunit {
	void *priv;
	bool failed;
	const char *skipped;
};

struct kunit_case {
	void (*run_case)(struct kunit *test);
	const char *name;
};

struct kunit_suite {
	const char *name;
	int (*init)(struct kunit *test);
	void (*exit)(struct kunit *test);
	struct kunit_case *test_cases;
};

extern struct kunit_suite ptkit_slab_suite;

#define KUNIT_CASE(fn)		{ .run_case = fn, .name = #fn }
#define KUNIT_CASE_SLOW(fn)	KUNIT_CASE(fn)

static inline void shim_fail(struct kunit *test, const char *what, int line)
{
	test->failed = true;
	pr_info("    # line %d: expected %s\n", line, what);
}

#define shim_expect(test, condition, what)	do {			\
	if (!(condition))						\
		shim_fail(test, what, __LINE__);			\
} while (0)

#define shim_assert(test, condition, what)	do {			\
	if (!(condition)) {						\
		shim_fail(test, what, __LINE__);			\
		return;							\
	}								\
} while (0)

#define shim_compare(test, check, a, op, b)	do {			\
	long long __a = (long long)(a), __b = (long long)(b);		\
									\
	if (!(__a op __b))						\
		pr_info("    # %lld, %lld\n", __a, __b);	\
	check(test, __a op __b, #a " " #op " " #b);			\
} while (0)

#define KUNIT_EXPECT_TRUE(test, c)	shim_expect(test, c, #c)
#define KUNIT_EXPECT_FALSE(test, c)	shim_expect(test, !(c), "not " #c)
#define KUNIT_EXPECT_EQ(test, a, b)	shim_compare(test, shim_expect, a, ==, b)
#define KUNIT_EXPECT_NE(test, a, b)	shim_compare(test, shim_expect, a, !=, b)
#define KUNIT_EXPECT_GE(test, a, b)	shim_compare(test, shim_expect, a, >=, b)
#define KUNIT_EXPECT_GT(test, a, b)	shim_compare(test, shim_expect, a, >, b)
#define KUNIT_EXPECT_LE(test, a, b)	shim_compare(test, shim_expect, a, <=, b)
#define KUNIT_EXPECT_PTR_EQ(test, a, b)	shim_expect(test, (a) == (b), #a " == " #b)
#define KUNIT_EXPECT_PTR_NE(test, a, b)	shim_expect(test, (a) != (b), #a " != " #b)
#define KUNIT_EXPECT_NULL(test, p)	shim_expect(test, !(p), "no " #p)
#define KUNIT_EXPECT_NOT_NULL(test, p)	shim_expect(test, p, #p)
#define KUNIT_ASSERT_TRUE(test, c)	shim_assert(test, c, #c)
#define KUNIT_ASSERT_EQ(test, a, b)	shim_compare(test, shim_assert, a, ==, b)
#define KUNIT_ASSERT_NOT_NULL(test, p)	shim_assert(test, p, #p)

#define kunit_info(test, fmt, ...)	pr_info("    # " fmt, ##__VA_ARGS__)

#define kunit_skip(test, why)	do {					\
	(test)->skipped = why;						\
	return;								\
} while (0)

static inline void shim_run_case(struct kunit_suite *suite, struct kunit_case *c,
				 struct kunit *test)
{
	if (suite->init && suite->init(test)) {
		shim_fail(test, "the case to begin", 0);
		return;
	}
	c->run_case(test);
	if (suite->exit)
		suite->exit(test);
}

static inline void shim_run_suite(struct kunit_suite *suite, const char *only)
{
	struct kunit_case *c;
	int nr = 0;

	for (c = suite->test_cases; c->run_case; c++)
		if (!only || !strcmp(only, c->name))
			nr++;
	pr_info("KTAP version 1\n");
	pr_info("1..%d\n", nr);
	nr = 0;
	for (c = suite->test_cases; c->run_case; c++) {
		struct kunit test = { };

		if (only && strcmp(only, c->name))
			continue;
		shim_run_case(suite, c, &test);
		pr_info("%sok %d %s%s%s\n", test.failed ? "not " : "", ++nr, c->name,
			test.skipped ? " # SKIP " : "", test.skipped ?: "");
	}
}

#endif /* _PTKIT_KUNIT_SHIM_H */
