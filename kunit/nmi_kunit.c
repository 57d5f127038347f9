// SPDX-License-Identifier: GPL-2.0
/* What ptkit.h promises for NMIs, each call alone. NMIs in the middle of others: races_kunit.c. */
#include <linux/delay.h>

#include "../module/arch/nmi.h"
#include "ptest.h"

/**
 * struct nmi_call - what a case wants done in NMI, and what came of it
 * @fn: does it
 * @ql: for quicklists
 * @page: what to free, or what came out
 * @order: of @page
 * @gfp: for allocations
 * @ret: what freeze or thaw said
 * @nmi: it was really done in one
 */
struct nmi_call {
	void (*fn)(struct nmi_call *call);
	struct ptkit_quicklist *ql;
	struct page *page;
	unsigned int order;
	gfp_t gfp;
	int ret;
	bool nmi;
};

/* The call of the case that runs; one CPU, one case. */
static struct nmi_call the_call;

static void in_the_nmi(void)
{
	the_call.nmi = in_nmi();
	the_call.fn(&the_call);
}

static void nmi_stop(void *unused)
{
	ptkit_arch_nmi_stop();
}

static int nmi_init(struct kunit *test)
{
	int ret = ptkit_arch_nmi_start(in_the_nmi);

	if (ret == -EOPNOTSUPP)
		kunit_skip(test, "no NMIs at will here");
	KUNIT_ASSERT_EQ(test, ret, 0);
	ptest_defer(test, nmi_stop, NULL);
	the_call = (struct nmi_call){ .gfp = GFP_ATOMIC };
	ptest_balanced(test);
	ptest_pin_here(test);
	return 0;
}

/* Have @fn done in an NMI on this CPU. */
static struct nmi_call *in_nmi_do(struct kunit *test, void (*fn)(struct nmi_call *call))
{
	int tries = 20000;

	the_call.fn = fn;
	the_call.nmi = false;
	ptkit_arch_nmi_send(raw_smp_processor_id());
	while (ptkit_arch_nmi_pending() && --tries)
		udelay(5);
	KUNIT_ASSERT_TRUE(test, the_call.nmi);
	return &the_call;
}

static void call_ql_alloc(struct nmi_call *call)
{
	call->page = ptkit_quicklist_alloc(call->ql, call->gfp);
}

static void call_ql_free(struct nmi_call *call)
{
	ptkit_quicklist_free(call->ql, call->page);
}

static void call_frozen_alloc(struct nmi_call *call)
{
	call->page = ptkit_frozen_alloc(call->gfp, call->order);
}

static void call_frozen_free(struct nmi_call *call)
{
	ptkit_frozen_free(call->page, call->order);
}

static void call_freeze(struct nmi_call *call)
{
	call->ret = ptkit_page_freeze(call->page);
}

static void call_thaw(struct nmi_call *call)
{
	call->ret = ptkit_page_thaw(call->page, 1);
}

/* ---- quicklists ------------------------------------------------------------------------------ */

static void nmi_ql_destroy(void *ql)
{
	ptkit_quicklist_destroy(ql);
}

static struct ptkit_quicklist *nmi_ql(struct kunit *test)
{
	struct ptkit_quicklist *ql = ptkit_quicklist_create("kunit_nmi", NULL, NULL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ql);
	ptest_defer(test, nmi_ql_destroy, ql);
	the_call.ql = ql;
	return ql;
}

static void quicklist_without_a_page_gives_null_in_nmi(struct kunit *test)
{
	struct ptkit_quicklist *ql = nmi_ql(test);
	struct ptkit_frozen_stats before = ptest_stats();
	struct ptkit_quicklist_stats stats;

	KUNIT_EXPECT_NULL(test, in_nmi_do(test, call_ql_alloc)->page);
	ptkit_quicklist_get_stats(ql, &stats);
	KUNIT_EXPECT_EQ(test, stats.failed, 1UL);
	KUNIT_EXPECT_EQ(test, stats.in_use, 0L);
	KUNIT_EXPECT_EQ(test, ptest_stats().host_alloc, before.host_alloc);
}

/* Also with passthrough, and beyond any limit: there is nowhere else to put it. */
static void quicklist_keeps_what_is_freed_in_nmi_and_gives_it_again(struct kunit *test)
{
	struct ptkit_quicklist *ql = nmi_ql(test);
	struct ptkit_frozen_stats before;
	struct page *page = ptkit_quicklist_alloc(ql, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	ptkit_quicklist_set_limit(ql, 0);
	before = ptest_stats();
	the_call.page = page;
	in_nmi_do(test, call_ql_free);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_total_size(ql), 1UL);
	KUNIT_EXPECT_EQ(test, ptest_stats().host_free, before.host_free);
	KUNIT_EXPECT_PTR_EQ(test, in_nmi_do(test, call_ql_alloc)->page, page);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_total_size(ql), 0UL);
	ptkit_quicklist_free(ql, page);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_total_size(ql), 0UL);
}

static void quicklist_refuses_a_double_free_in_nmi(struct kunit *test)
{
	struct ptkit_quicklist *ql = nmi_ql(test);
	struct ptkit_quicklist_stats stats;

	the_call.page = ptkit_quicklist_alloc(ql, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, the_call.page);
	in_nmi_do(test, call_ql_free);
	ptest_expect_warning(PTEST_WARN_QL_FREE);
	in_nmi_do(test, call_ql_free);
	ptkit_quicklist_get_stats(ql, &stats);
	KUNIT_EXPECT_EQ(test, stats.misuse, 1UL);
	KUNIT_EXPECT_EQ(test, stats.cached, 1UL);
}

/* ---- frozen pages ---------------------------------------------------------------------------- */

static void drain_stash(void *unused)
{
	ptkit_frozen_drain();
}

static void stash_serves_nmi_with_what_it_has(struct kunit *test)
{
	struct ptkit_frozen_stats before;
	struct page *page;

	/* With passthrough as well a page freed in NMI is kept. */
	ptest_defer(test, drain_stash, NULL);
	page = ptest_frozen(test, GFP_KERNEL, 0);
	ptkit_frozen_drain();
	before = ptest_stats();
	KUNIT_EXPECT_NULL(test, in_nmi_do(test, call_frozen_alloc)->page);
	KUNIT_EXPECT_EQ(test, ptest_stats().failed - before.failed, 1UL);

	the_call.page = ptest_drop(test, page);
	in_nmi_do(test, call_frozen_free);
	KUNIT_EXPECT_EQ(test, ptest_stats().stashed, 1UL);
	KUNIT_EXPECT_PTR_EQ(test, in_nmi_do(test, call_frozen_alloc)->page, page);
	KUNIT_EXPECT_EQ(test, ptest_stats().stashed, 0UL);
	KUNIT_EXPECT_EQ(test, ptest_stats().host_alloc, before.host_alloc);
	KUNIT_EXPECT_EQ(test, ptest_stats().host_free, before.host_free);
	ptkit_frozen_free(page, 0);
}

static void stash_gives_nmi_nothing_that_it_cannot_serve(struct kunit *test)
{
	struct ptkit_frozen_stats before;

	ptest_frozen_free(test, ptest_frozen(test, GFP_KERNEL, 0), 0);
	before = ptest_stats();
	the_call.order = 1;
	KUNIT_EXPECT_NULL(test, in_nmi_do(test, call_frozen_alloc)->page);
	the_call.order = 0;
	the_call.gfp = GFP_ATOMIC | __GFP_ACCOUNT;
	KUNIT_EXPECT_NULL(test, in_nmi_do(test, call_frozen_alloc)->page);
	the_call.gfp = GFP_ATOMIC | __GFP_DMA32;
	KUNIT_EXPECT_NULL(test, in_nmi_do(test, call_frozen_alloc)->page);
	KUNIT_EXPECT_EQ(test, ptest_stats().failed - before.failed, 3UL);
	KUNIT_EXPECT_EQ(test, ptest_stats().stashed, before.stashed);
}

static void block_freed_in_nmi_is_refused(struct kunit *test)
{
	struct page *page = ptest_frozen(test, GFP_KERNEL, 1);
	unsigned long misuse = ptest_stats().misuse;

	ptest_expect_warning(PTEST_WARN_FREE);
	the_call.page = page;
	the_call.order = 1;
	in_nmi_do(test, call_frozen_free);
	KUNIT_EXPECT_EQ(test, ptest_stats().misuse - misuse, 1UL);
	/* Leaked, but for the case that knows it. */
	ptest_frozen_free(test, page, 1);
}

static void page_freezes_and_thaws_in_nmi(struct kunit *test)
{
	struct page *page = alloc_page(GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	the_call.page = page;
	KUNIT_EXPECT_EQ(test, in_nmi_do(test, call_freeze)->ret, 0);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 0);
	KUNIT_EXPECT_EQ(test, in_nmi_do(test, call_thaw)->ret, 0);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 1);
	put_page(page);
}

static struct kunit_case nmi_cases[] = {
	KUNIT_CASE(quicklist_without_a_page_gives_null_in_nmi),
	KUNIT_CASE(quicklist_keeps_what_is_freed_in_nmi_and_gives_it_again),
	KUNIT_CASE(quicklist_refuses_a_double_free_in_nmi),
	KUNIT_CASE(stash_serves_nmi_with_what_it_has),
	KUNIT_CASE(stash_gives_nmi_nothing_that_it_cannot_serve),
	KUNIT_CASE(block_freed_in_nmi_is_refused),
	KUNIT_CASE(page_freezes_and_thaws_in_nmi),
	{ }
};

struct kunit_suite ptkit_nmi_suite = {
	.name = "ptkit_nmi",
	.init = nmi_init,
	.test_cases = nmi_cases,
};
