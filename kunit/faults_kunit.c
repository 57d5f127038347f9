// SPDX-License-Identifier: GPL-2.0
/*
 * Allocation failures: each operation is run with its first, second, third ... allocation failing,
 * until one run needs no more than were allowed. After each, nothing may be missing or left over.
 *
 * By default the kernel's fault injection spares small pages and allocations that may sleep;
 * scripts/kunit tells it not to. Where it does, the cases are skipped.
 */
#include <linux/sched.h>
#include <linux/slab.h>

#include "ptest.h"

/* No operation here makes so many allocations: one that fails for ever must not loop for ever. */
#define MAX_ALLOCATIONS	500

#ifdef CONFIG_FAULT_INJECTION
static void fail_nth(unsigned int n)
{
	current->fail_nth = n;
}

/* The allocations that were still to come when the operation ended; 0: one was made to fail. */
static unsigned int fail_left(void)
{
	unsigned int left = current->fail_nth;

	current->fail_nth = 0;
	return left;
}
#else
static void fail_nth(unsigned int n)
{
}

static unsigned int fail_left(void)
{
	return 1;
}
#endif

static bool pages_fail(void)
{
	struct page *page;

	fail_nth(1);
	page = alloc_page(GFP_KERNEL | __GFP_NOWARN);
	fail_left();
	if (page)
		__free_page(page);
	return !page;
}

static bool objects_fail(void)
{
	void *object;

	fail_nth(1);
	object = kmalloc(64, GFP_KERNEL | __GFP_NOWARN);
	fail_left();
	kfree(object);
	return !object;
}

static int faults_init(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_FAIL_PAGE_ALLOC) || !IS_ENABLED(CONFIG_FAILSLAB))
		kunit_skip(test, "needs CONFIG_FAIL_PAGE_ALLOC and CONFIG_FAILSLAB");
	if (!pages_fail() || !objects_fail())
		kunit_skip(test, "fault injection spares GFP_KERNEL or order 0: see scripts/kunit");
	ptest_balanced(test);
	return 0;
}

/*
 * Run @operation with its Nth allocation failing, N = 1, 2, ... It returns whether it succeeded,
 * and has undone whatever it did either way.
 */
static void with_every_allocation_failing(struct kunit *test, bool (*operation)(struct kunit *test))
{
	struct ptkit_frozen_stats before;
	unsigned int n, failures = 0;
	bool done, success;

	ptest_shrink_slabs();
	before = ptest_stats();
	for (n = 1; n < MAX_ALLOCATIONS; n++) {
		fail_nth(n);
		success = operation(test);
		done = fail_left();
		failures += !success;
		ptest_shrink_slabs();
		KUNIT_EXPECT_EQ(test, ptest_stats().live, before.live);
		KUNIT_EXPECT_EQ(test, ptest_stats().misuse, before.misuse);
		if (done)
			break;
	}
	KUNIT_EXPECT_TRUE(test, success);
	KUNIT_EXPECT_LT(test, n, MAX_ALLOCATIONS + 0U);
	KUNIT_EXPECT_GT(test, n, 1U);
	kunit_info(test, "%u allocations, %u failures passed on\n", n - 1, failures);
}

/* An operation looks at its results with the next allocation safe. */
static unsigned int hold_faults(void)
{
#ifdef CONFIG_FAULT_INJECTION
	unsigned int left = current->fail_nth;

	current->fail_nth = 0;
	return left;
#else
	return 0;
#endif
}

/* ---- operations ------------------------------------------------------------------------------ */

static bool make_a_quicklist(struct kunit *test)
{
	struct ptkit_quicklist *ql = ptkit_quicklist_create("kunit_fault", NULL, NULL), *again;
	unsigned int left = hold_faults();

	if (!IS_ERR(ql)) {
		ptkit_quicklist_destroy(ql);
		fail_nth(left);
		return true;
	}
	KUNIT_EXPECT_EQ(test, PTR_ERR(ql), (long)-ENOMEM);
	/* The name is free again, and nothing else is in the way. */
	again = ptkit_quicklist_create("kunit_fault", NULL, NULL);
	KUNIT_EXPECT_FALSE(test, IS_ERR(again));
	ptkit_quicklist_destroy(again);
	fail_nth(left);
	return false;
}

static void quicklist_create_survives_every_failure(struct kunit *test)
{
	with_every_allocation_failing(test, make_a_quicklist);
}

/* A constructor that needs memory of its own. */
static int allocating_ctor(struct page *page, gfp_t gfp, void *private)
{
	void *object = kmalloc(32, gfp | __GFP_NOWARN);

	if (!object)
		return -ENOMEM;
	kfree(object);
	memset(page_address(page), 0x42, PAGE_SIZE);
	return 0;
}

static const struct ptkit_quicklist_ops allocating_ops = { .ctor = allocating_ctor };

static void destroy(void *ql)
{
	ptkit_quicklist_destroy(ql);
}

static struct ptkit_quicklist *the_quicklist;

static bool take_from_the_quicklist(struct kunit *test)
{
	struct ptkit_quicklist_stats before, after;
	unsigned int left = hold_faults();
	struct page *page;

	ptkit_quicklist_drain(the_quicklist, 0);
	ptkit_frozen_drain();
	ptkit_quicklist_get_stats(the_quicklist, &before);
	fail_nth(left);
	page = ptkit_quicklist_alloc(the_quicklist, GFP_KERNEL | __GFP_NOWARN);
	left = hold_faults();

	ptkit_quicklist_get_stats(the_quicklist, &after);
	if (page) {
		KUNIT_EXPECT_EQ(test, after.misses - before.misses, 1UL);
		KUNIT_EXPECT_EQ(test, after.failed, before.failed);
		KUNIT_EXPECT_TRUE(test, ptest_filled(page, 0x42, 0));
		ptkit_quicklist_free(the_quicklist, page);
		ptkit_quicklist_drain(the_quicklist, 0);
	} else {
		KUNIT_EXPECT_EQ(test, after.misses, before.misses);
		KUNIT_EXPECT_EQ(test, after.failed - before.failed, 1UL);
		KUNIT_EXPECT_EQ(test, after.in_use, 0L);
	}
	fail_nth(left);
	return page;
}

static void quicklist_alloc_survives_every_failure(struct kunit *test)
{
	the_quicklist = ptkit_quicklist_create("kunit_fault", &allocating_ops, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, the_quicklist);
	ptest_defer(test, destroy, the_quicklist);
	with_every_allocation_failing(test, take_from_the_quicklist);
}

static unsigned int the_order;

static bool take_a_frozen_block(struct kunit *test)
{
	unsigned int left = hold_faults();
	unsigned long failed;
	struct page *page;

	ptkit_frozen_drain();
	failed = ptest_stats().failed;
	fail_nth(left);
	page = ptkit_frozen_alloc(GFP_KERNEL | __GFP_NOWARN, the_order);
	left = hold_faults();
	KUNIT_EXPECT_EQ(test, ptest_stats().failed - failed, page ? 0UL : 1UL);
	if (page)
		ptkit_frozen_free(page, the_order);
	fail_nth(left);
	return page;
}

static void frozen_alloc_survives_every_failure(struct kunit *test)
{
	for (the_order = 0; the_order <= 3; the_order++)
		with_every_allocation_failing(test, take_a_frozen_block);
}

static bool take_many_frozen_pages(struct kunit *test)
{
	struct page *pages[40], *canary = ZERO_PAGE(0);
	unsigned int left = hold_faults();
	unsigned long got, i;

	ptkit_frozen_drain();
	for (i = 0; i < ARRAY_SIZE(pages); i++)
		pages[i] = canary;
	fail_nth(left);
	got = ptkit_frozen_alloc_bulk(GFP_KERNEL | __GFP_NOWARN | __GFP_ACCOUNT,
				      ARRAY_SIZE(pages), pages);
	left = hold_faults();

	KUNIT_EXPECT_LE(test, got, 1UL * ARRAY_SIZE(pages));
	for (i = 0; i < ARRAY_SIZE(pages); i++)
		KUNIT_EXPECT_EQ(test, !!pages[i], i < got);
	ptkit_frozen_free_bulk(pages, got);
	fail_nth(left);
	return got == ARRAY_SIZE(pages);
}

static void frozen_bulk_gives_what_there_is_at_every_failure(struct kunit *test)
{
	with_every_allocation_failing(test, take_many_frozen_pages);
}

static bool assemble_a_set(struct kunit *test)
{
	static const unsigned int orders[] = { 2, 0, 3, 1, 0, 4 };
	struct ptkit_frozen_set set = { }, before;
	unsigned int i, left;
	int ret = 0;

	left = hold_faults();
	ptkit_frozen_drain();
	fail_nth(left);
	for (i = 0; i < ARRAY_SIZE(orders) && !ret; i++) {
		before = set;
		ret = ptkit_frozen_set_add(&set, GFP_KERNEL | __GFP_NOWARN, orders[i]);
	}
	left = hold_faults();
	if (ret) {
		KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
		KUNIT_EXPECT_EQ(test, memcmp(&set, &before, sizeof(set)), 0);
	}
	ptkit_frozen_set_rollback(&set);
	KUNIT_EXPECT_EQ(test, set.pages, 0UL);
	fail_nth(left);
	return !ret;
}

static void frozen_set_can_be_rolled_back_at_every_failure(struct kunit *test)
{
	with_every_allocation_failing(test, assemble_a_set);
}

static struct kunit_case faults_cases[] = {
	KUNIT_CASE(quicklist_create_survives_every_failure),
	KUNIT_CASE(quicklist_alloc_survives_every_failure),
	KUNIT_CASE(frozen_alloc_survives_every_failure),
	KUNIT_CASE(frozen_bulk_gives_what_there_is_at_every_failure),
	KUNIT_CASE(frozen_set_can_be_rolled_back_at_every_failure),
	{ }
};

struct kunit_suite ptkit_faults_suite = {
	.name = "ptkit_faults",
	.init = faults_init,
	.test_cases = faults_cases,
};
