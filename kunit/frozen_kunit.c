// SPDX-License-Identifier: GPL-2.0
/* Frozen pages: what each call does, and what it refuses. References of others: races_kunit.c. */
#include <linux/cpu.h>
#include <linux/memcontrol.h>
#include <linux/slab.h>

#include "ptest.h"

/* What a miss brings in; STASH_BATCH in frozen.c. */
#define BATCH		16UL

static int frozen_init(struct kunit *test)
{
	ptest_balanced(test);
	return 0;
}

static void needs_stash(struct kunit *test)
{
	if (ptkit_passthrough)
		kunit_skip(test, "nothing is stashed with passthrough=1");
}

/* A CPU whose stash is empty; returns which. */
static int empty_stash(struct kunit *test)
{
	int cpu = ptest_pin_here(test);

	ptkit_frozen_drain();
	return cpu;
}

static unsigned int max_order(void)
{
	return ilog2(MAX_ORDER_NR_PAGES);
}

/* ---- allocation, every order ----------------------------------------------------------------- */

struct block {
	unsigned int order;
	gfp_t comp;
};

static const struct block blocks[] = {
	{ 0 }, { 0, __GFP_COMP }, { 1 }, { 1, __GFP_COMP }, { 2 }, { 2, __GFP_COMP },
	{ 3 }, { 3, __GFP_COMP }, { 4 }, { 4, __GFP_COMP }, { 5 }, { 5, __GFP_COMP },
	{ 6 }, { 6, __GFP_COMP }, { 7 }, { 7, __GFP_COMP }, { 8 }, { 8, __GFP_COMP },
	{ 9 }, { 9, __GFP_COMP }, { 10 }, { 10, __GFP_COMP },
};

static void block_desc(const struct block *block, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "order %u%s", block->order,
		 block->comp ? ", compound" : "");
}

KUNIT_ARRAY_PARAM(block, blocks, block_desc);

/* The block of the case's parameter. */
static struct page *param_block(struct kunit *test, gfp_t gfp)
{
	const struct block *block = test->param_value;

	if (block->order > max_order())
		kunit_skip(test, "larger than this kernel's largest block");
	return ptest_frozen(test, gfp | block->comp, block->order);
}

static void block_is_aligned_and_has_no_references(struct kunit *test)
{
	const struct block *block = test->param_value;
	struct page *page = param_block(test, GFP_KERNEL);
	unsigned long i, nr = 1UL << block->order;

	KUNIT_EXPECT_TRUE(test, IS_ALIGNED(page_to_pfn(page), nr));
	for (i = 0; i < nr; i++) {
		KUNIT_EXPECT_EQ(test, page_ref_count(page + i), 0);
		KUNIT_EXPECT_FALSE(test, get_page_unless_zero(page + i));
	}
	KUNIT_EXPECT_TRUE(test, ptkit_page_frozen(page));
	KUNIT_EXPECT_EQ(test, !!PageHead(page), block->order && block->comp);

	/* All of it is there: KASAN and DEBUG_PAGEALLOC have their say. */
	memset(page_address(page), 0x5a, PAGE_SIZE << block->order);
	KUNIT_EXPECT_TRUE(test, ptest_filled(page, 0x5a, block->order));
	ptest_frozen_free(test, page, block->order);
}

static void block_is_live_while_it_is_out(struct kunit *test)
{
	const struct block *block = test->param_value;
	struct ptkit_frozen_stats before = ptest_stats();
	struct page *page = param_block(test, GFP_KERNEL);

	KUNIT_EXPECT_EQ(test, ptest_stats().live - before.live, 1L << block->order);
	ptest_frozen_free(test, page, block->order);
	KUNIT_EXPECT_EQ(test, ptest_stats().live, before.live);
	KUNIT_EXPECT_EQ(test, ptest_stats().misuse, before.misuse);
}

static void block_is_zero_if_asked(struct kunit *test)
{
	const struct block *block = test->param_value;
	struct page *page = param_block(test, GFP_KERNEL | __GFP_ZERO);

	KUNIT_EXPECT_TRUE(test, ptest_filled(page, 0, block->order));
	ptest_frozen_free(test, page, block->order);
}

static void block_thaws_into_an_ordinary_one(struct kunit *test)
{
	const struct block *block = test->param_value;
	struct page *page = param_block(test, GFP_KERNEL);
	unsigned long thawed = ptest_stats().thawed;

	KUNIT_EXPECT_EQ(test, ptkit_page_thaw(page, 1), 0);
	ptest_drop(test, page);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 1);
	KUNIT_EXPECT_FALSE(test, pcp_is_marked(page));
	KUNIT_EXPECT_EQ(test, ptest_stats().thawed - thawed, 1UL << block->order);
	__free_pages(page, block->order);
}

/* Too small or too large: the block stays with its owner, who can still free it right. */
static void block_freed_with_another_order_stays_out(struct kunit *test)
{
	const struct block *block = test->param_value;
	struct page *page = param_block(test, GFP_KERNEL);
	struct ptkit_frozen_stats before = ptest_stats();
	unsigned int order, tried = 0;

	ptest_expect_warning(PTEST_WARN_FREE);
	for (order = 0; order <= max_order(); order++) {
		if (order == block->order)
			continue;
		ptkit_frozen_free(page, order);
		tried++;
	}
	KUNIT_EXPECT_EQ(test, ptest_stats().misuse - before.misuse, (unsigned long)tried);
	KUNIT_EXPECT_EQ(test, ptest_stats().live, before.live);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 0);
	ptest_frozen_free(test, page, block->order);
}

static void block_freed_by_its_tail_stays_out(struct kunit *test)
{
	const struct block *block = test->param_value;
	struct page *page = param_block(test, GFP_KERNEL);
	struct ptkit_frozen_stats before = ptest_stats();

	if (!block->order || !block->comp)
		kunit_skip(test, "only a compound page has tails");
	ptest_expect_warning(PTEST_WARN_FREE);
	ptkit_frozen_free(page + 1, 0);
	ptkit_frozen_free(page + (1UL << block->order) - 1, 0);
	ptkit_frozen_free(page + 1, block->order);
	KUNIT_EXPECT_EQ(test, ptest_stats().misuse - before.misuse, 3UL);
	KUNIT_EXPECT_EQ(test, ptest_stats().live, before.live);
	KUNIT_EXPECT_TRUE(test, PageTail(page + 1));
	KUNIT_EXPECT_PTR_EQ(test, compound_head(page + 1), page);
	ptest_frozen_free(test, page, block->order);
}

static void more_than_the_largest_block_is_refused(struct kunit *test)
{
	unsigned long failed = ptest_stats().failed;

	KUNIT_EXPECT_NULL(test, ptkit_frozen_alloc(GFP_KERNEL, max_order() + 1));
	KUNIT_EXPECT_NULL(test, ptkit_frozen_alloc(GFP_KERNEL, 63));
	KUNIT_EXPECT_NULL(test, ptkit_frozen_alloc(GFP_KERNEL, UINT_MAX));
	KUNIT_EXPECT_EQ(test, ptest_stats().failed - failed, 3UL);
}

/* ---- the stash ------------------------------------------------------------------------------- */

static void stash_gives_back_what_it_was_given_last(struct kunit *test)
{
	struct ptkit_frozen_stats before;
	struct page *page;

	needs_stash(test);
	empty_stash(test);
	page = ptest_frozen(test, GFP_KERNEL, 0);
	before = ptest_stats();
	ptest_frozen_free(test, page, 0);
	KUNIT_EXPECT_EQ(test, ptest_stats().stashed, before.stashed + 1);
	KUNIT_EXPECT_PTR_EQ(test, ptest_frozen(test, GFP_KERNEL, 0), page);
	KUNIT_EXPECT_EQ(test, ptest_stats().hits, before.hits + 1);
	KUNIT_EXPECT_EQ(test, ptest_stats().host_alloc, before.host_alloc);
	KUNIT_EXPECT_EQ(test, ptest_stats().host_free, before.host_free);
	ptest_frozen_free(test, page, 0);
}

static void stash_miss_brings_a_batch(struct kunit *test)
{
	struct ptkit_frozen_stats before, after;
	struct page *page;

	needs_stash(test);
	empty_stash(test);
	before = ptest_stats();
	page = ptest_frozen(test, GFP_KERNEL, 0);
	after = ptest_stats();
	KUNIT_EXPECT_EQ(test, after.misses - before.misses, 1UL);
	KUNIT_EXPECT_EQ(test, after.host_alloc - before.host_alloc, BATCH);
	if (num_online_nodes() == 1)
		KUNIT_EXPECT_EQ(test, after.stashed, BATCH - 1);
	ptest_frozen_free(test, page, 0);
}

static void passthrough_sends_every_page_to_the_host(struct kunit *test)
{
	struct ptkit_frozen_stats before = ptest_stats();
	struct page *page;

	if (!ptkit_passthrough)
		kunit_skip(test, "passthrough=0");
	page = ptest_frozen(test, GFP_KERNEL, 0);
	KUNIT_EXPECT_EQ(test, ptest_stats().host_alloc - before.host_alloc, 1UL);
	ptest_frozen_free(test, page, 0);
	KUNIT_EXPECT_EQ(test, ptest_stats().host_free - before.host_free, 1UL);
	KUNIT_EXPECT_EQ(test, ptest_stats().stashed, 0UL);
	KUNIT_EXPECT_EQ(test, ptkit_frozen_set_limit(10), -EPERM);
}

/* What was somebody else's must not be seen through the stash. */
static void stashed_page_is_cleared_if_zero_is_asked(struct kunit *test)
{
	struct page *page;

	needs_stash(test);
	empty_stash(test);
	page = ptest_frozen(test, GFP_KERNEL, 0);
	memset(page_address(page), 0xa5, PAGE_SIZE);
	ptest_frozen_free(test, page, 0);
	KUNIT_EXPECT_PTR_EQ(test, ptest_frozen(test, GFP_KERNEL | __GFP_ZERO, 0), page);
	KUNIT_EXPECT_TRUE(test, ptest_filled(page, 0, 0));
	ptest_frozen_free(test, page, 0);
}

static void restore_stash_limit(void *unused)
{
	ptkit_frozen_set_limit(128);
}

static void stash_never_holds_more_than_its_limit(struct kunit *test)
{
	struct page *pages[40];
	unsigned int i, limit;

	needs_stash(test);
	empty_stash(test);
	ptest_defer(test, restore_stash_limit, NULL);
	for (limit = 1; limit < ARRAY_SIZE(pages); limit += 6) {
		KUNIT_ASSERT_EQ(test, ptkit_frozen_set_limit(limit), 0);
		KUNIT_EXPECT_LE(test, ptest_stats().stashed, (unsigned long)limit);
		for (i = 0; i < ARRAY_SIZE(pages); i++)
			pages[i] = ptest_frozen(test, GFP_KERNEL, 0);
		for (i = 0; i < ARRAY_SIZE(pages); i++) {
			ptest_frozen_free(test, pages[i], 0);
			KUNIT_EXPECT_LE(test, ptest_stats().stashed, (unsigned long)limit);
		}
		KUNIT_EXPECT_GT(test, ptest_stats().stashed, 0UL);
	}
}

static void stash_limit_is_checked_and_lowering_it_trims(struct kunit *test)
{
	unsigned long stashed;
	struct page *page;

	needs_stash(test);
	empty_stash(test);
	ptest_defer(test, restore_stash_limit, NULL);
	KUNIT_EXPECT_EQ(test, ptkit_frozen_set_limit(ULONG_MAX), -ERANGE);
	KUNIT_EXPECT_EQ(test, ptkit_frozen_set_limit(totalram_pages()), -ERANGE);

	page = ptest_frozen(test, GFP_KERNEL, 0);
	stashed = ptest_stats().stashed;
	KUNIT_ASSERT_GT(test, stashed, 3UL);
	KUNIT_EXPECT_EQ(test, ptkit_frozen_set_limit(stashed), 0);
	KUNIT_EXPECT_EQ(test, ptest_stats().stashed, stashed);
	KUNIT_EXPECT_EQ(test, ptkit_frozen_set_limit(3), 0);
	KUNIT_EXPECT_EQ(test, ptest_stats().stashed, 3UL);
	KUNIT_EXPECT_EQ(test, ptkit_frozen_set_limit(0), 0);
	KUNIT_EXPECT_EQ(test, ptest_stats().stashed, 0UL);

	/* At 0 a miss brings one page, and a free takes it home. */
	ptest_frozen_free(test, page, 0);
	page = ptest_frozen(test, GFP_KERNEL, 0);
	KUNIT_EXPECT_EQ(test, ptest_stats().stashed, 0UL);
	ptest_frozen_free(test, page, 0);
	KUNIT_EXPECT_EQ(test, ptest_stats().stashed, 0UL);
}

static void drain_empties_the_stash_of_every_cpu(struct kunit *test)
{
	struct ptkit_frozen_stats before;
	int cpu;

	for_each_online_cpu(cpu) {
		ptest_pin(test, cpu);
		ptest_frozen_free(test, ptest_frozen(test, GFP_KERNEL, 0), 0);
	}
	before = ptest_stats();
	if (!ptkit_passthrough)
		KUNIT_EXPECT_GE(test, before.stashed, (unsigned long)num_online_cpus());
	KUNIT_EXPECT_EQ(test, ptkit_frozen_drain(), before.stashed);
	KUNIT_EXPECT_EQ(test, ptest_stats().stashed, 0UL);
	KUNIT_EXPECT_EQ(test, ptest_stats().host_free - before.host_free, before.stashed);
	KUNIT_EXPECT_EQ(test, ptkit_frozen_drain(), 0UL);
}

static void shrinker_counts_and_takes_what_is_stashed(struct kunit *test)
{
	struct ptkit_shrinker *shrinker = ptkit_frozen_shrinker();
	int node = cpu_to_mem(empty_stash(test));
	unsigned long stashed;

	KUNIT_EXPECT_EQ(test, ptest_shrink_count(shrinker, node), SHRINK_EMPTY);
	KUNIT_EXPECT_EQ(test, ptest_shrink(shrinker, node, 10), SHRINK_STOP);

	ptest_frozen_free(test, ptest_frozen(test, GFP_KERNEL, 0), 0);
	needs_stash(test);
	stashed = ptest_stats().stashed;
	KUNIT_ASSERT_GT(test, stashed, 5UL);
	KUNIT_EXPECT_EQ(test, ptest_shrink_count(shrinker, node), stashed);
	KUNIT_EXPECT_EQ(test, ptest_shrink(shrinker, node, 5), 5UL);
	KUNIT_EXPECT_EQ(test, ptest_stats().stashed, stashed - 5);
	KUNIT_EXPECT_EQ(test, ptest_shrink(shrinker, node, 1000), stashed - 5);
	KUNIT_EXPECT_EQ(test, ptest_shrink_count(shrinker, node), SHRINK_EMPTY);
}

#ifdef CONFIG_HOTPLUG_CPU
static void frozen_cpu_online(void *arg)
{
	add_cpu((long)arg);
}

static void stash_of_a_cpu_that_dies_goes_to_the_host(struct kunit *test)
{
	int here = ptest_pin_first(test), dead = ptest_other_cpu(here);
	struct ptkit_frozen_stats before;

	needs_stash(test);
	ptkit_frozen_drain();
	if (dead < 0)
		kunit_skip(test, "needs two CPUs");
	ptest_pin(test, dead);
	ptest_frozen_free(test, ptest_frozen(test, GFP_KERNEL, 0), 0);
	ptest_pin(test, here);
	before = ptest_stats();
	KUNIT_ASSERT_GT(test, before.stashed, 0UL);
	if (remove_cpu(dead))
		kunit_skip(test, "this machine cannot unplug CPUs");
	ptest_defer(test, frozen_cpu_online, (void *)(long)dead);
	KUNIT_EXPECT_EQ(test, ptest_stats().stashed, 0UL);
	KUNIT_EXPECT_EQ(test, ptest_stats().host_free - before.host_free, before.stashed);
}
#else
static void stash_of_a_cpu_that_dies_goes_to_the_host(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_HOTPLUG_CPU");
}
#endif

/* ---- what a request asks for ----------------------------------------------------------------- */

/* Leave a page in the stash that a bypass must not hand out. */
static struct page *bait(struct kunit *test)
{
	struct page *page;

	empty_stash(test);
	page = ptest_frozen(test, GFP_KERNEL, 0);
	ptest_frozen_free(test, page, 0);
	return page;
}

static void page_below_4_gigabytes_is_one(struct kunit *test)
{
	struct page *bait_page = bait(test), *page;
	unsigned long bypassed = ptest_stats().bypassed;

	if (!IS_ENABLED(CONFIG_ZONE_DMA32))
		kunit_skip(test, "needs CONFIG_ZONE_DMA32");
	page = ptest_frozen(test, GFP_KERNEL | __GFP_DMA32, 0);
	KUNIT_EXPECT_LT(test, page_to_pfn(page), 1UL << (32 - PAGE_SHIFT));
	KUNIT_EXPECT_EQ(test, ptest_stats().bypassed, bypassed + 1);
	if (!ptkit_passthrough)
		KUNIT_EXPECT_PTR_NE(test, page, bait_page);
	ptest_frozen_free(test, page, 0);
}

static void page_for_isa_devices_is_below_16_megabytes(struct kunit *test)
{
	struct page *page;

	if (!IS_ENABLED(CONFIG_ZONE_DMA) || !IS_ENABLED(CONFIG_X86_64))
		kunit_skip(test, "needs x86 and CONFIG_ZONE_DMA");
	bait(test);
	page = ptest_frozen(test, GFP_KERNEL | __GFP_DMA, 0);
	KUNIT_EXPECT_LT(test, page_to_pfn(page), 1UL << (24 - PAGE_SHIFT));
	ptest_frozen_free(test, page, 0);
}

/* A page that nobody can take a reference on cannot be moved, whatever its user hoped for. */
static void frozen_page_is_never_of_the_movable_zone(struct kunit *test)
{
	struct page *pages[32];
	int i;

	ptkit_frozen_drain();
	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		pages[i] = ptest_frozen(test, GFP_HIGHUSER_MOVABLE, 0);
		KUNIT_EXPECT_LE(test, (int)page_zonenum(pages[i]), (int)ZONE_NORMAL);
	}
	for (i = 0; i < ARRAY_SIZE(pages); i++)
		ptest_frozen_free(test, pages[i], 0);
}

static void accounted_page_bypasses_the_stash(struct kunit *test)
{
	struct page *bait_page = bait(test), *page;
	unsigned long bypassed = ptest_stats().bypassed;

	page = ptest_frozen(test, GFP_KERNEL_ACCOUNT, 0);
	KUNIT_EXPECT_EQ(test, ptest_stats().bypassed, bypassed + 1);
	if (!ptkit_passthrough)
		KUNIT_EXPECT_PTR_NE(test, page, bait_page);
	ptest_frozen_free(test, page, 0);
}

static void node_that_is_asked_for_is_the_one(struct kunit *test)
{
	struct page *page;
	int nid;

	for_each_online_node(nid) {
		page = ptkit_frozen_alloc_node(nid, GFP_KERNEL | __GFP_THISNODE | __GFP_NOWARN, 0);
		if (!page)
			continue;	/* a node without memory */
		ptest_hold(test, page, 0);
		KUNIT_EXPECT_EQ(test, page_to_nid(page), nid);
		KUNIT_EXPECT_EQ(test, page_ref_count(page), 0);
		ptest_frozen_free(test, page, 0);

		page = ptest_hold(test, ptkit_frozen_alloc_node(nid, GFP_KERNEL, 2), 2);
		KUNIT_EXPECT_EQ(test, page_ref_count(page), 0);
		ptest_frozen_free(test, page, 2);
	}
	page = ptest_hold(test, ptkit_frozen_alloc_node(NUMA_NO_NODE, GFP_KERNEL, 0), 0);
	ptest_frozen_free(test, page, 0);
}

static void node_that_is_not_there_gives_null(struct kunit *test)
{
	unsigned long failed = ptest_stats().failed;
	int nid, tried = 4;

	KUNIT_EXPECT_NULL(test, ptkit_frozen_alloc_node(MAX_NUMNODES, GFP_KERNEL, 0));
	KUNIT_EXPECT_NULL(test, ptkit_frozen_alloc_node(INT_MAX, GFP_KERNEL, 0));
	KUNIT_EXPECT_NULL(test, ptkit_frozen_alloc_node(-2, GFP_KERNEL, 0));
	KUNIT_EXPECT_NULL(test, ptkit_frozen_alloc_node(INT_MIN, GFP_KERNEL, 0));
	for (nid = 0; nid < MAX_NUMNODES; nid++) {
		if (node_online(nid))
			continue;
		KUNIT_EXPECT_NULL(test, ptkit_frozen_alloc_node(nid, GFP_KERNEL, 0));
		tried++;
		break;
	}
	KUNIT_EXPECT_EQ(test, ptest_stats().failed - failed, (unsigned long)tried);
}

static void page_of_another_node_goes_home(struct kunit *test)
{
	int here = cpu_to_mem(empty_stash(test)), nid;
	struct ptkit_frozen_stats before;
	struct page *page = NULL;

	for_each_online_node(nid)
		if (nid != here && !page)
			page = ptkit_frozen_alloc_node(nid, GFP_KERNEL | __GFP_THISNODE |
						       __GFP_NOWARN, 0);
	if (!page)
		kunit_skip(test, "needs two nodes with memory");
	ptest_hold(test, page, 0);
	before = ptest_stats();
	ptest_frozen_free(test, page, 0);
	KUNIT_EXPECT_EQ(test, ptest_stats().off_node, before.off_node + 1);
	KUNIT_EXPECT_EQ(test, ptest_stats().stashed, before.stashed);
	KUNIT_EXPECT_EQ(test, ptest_stats().host_free, before.host_free + 1);
}

/* ---- bulk ------------------------------------------------------------------------------------ */

#define BULK_MAX	100

/* @nr pages, each frozen, each once; nothing else of the array is touched. */
static void bulk_round(struct kunit *test, gfp_t gfp, unsigned long nr)
{
	struct page **pages = kunit_kcalloc(test, BULK_MAX + 1, sizeof(*pages), GFP_KERNEL);
	struct page *canary = ZERO_PAGE(0);
	atomic_t twice = ATOMIC_INIT(0);
	unsigned long i, got;

	KUNIT_ASSERT_NOT_NULL(test, pages);
	for (i = 0; i <= BULK_MAX; i++)
		pages[i] = canary;
	got = ptkit_frozen_alloc_bulk(gfp, nr, pages);
	KUNIT_EXPECT_EQ(test, got, nr);
	KUNIT_EXPECT_PTR_EQ(test, pages[nr], canary);
	for (i = 0; i < got; i++) {
		ptest_take(pages[i], &twice);
		KUNIT_EXPECT_EQ(test, page_ref_count(pages[i]), 0);
		if (gfp & __GFP_ZERO)
			KUNIT_EXPECT_TRUE(test, ptest_filled(pages[i], 0, 0));
		memset(page_address(pages[i]), 0x77, PAGE_SIZE);
	}
	for (i = 0; i < got; i++)
		ptest_give(pages[i], &twice);
	KUNIT_EXPECT_EQ(test, atomic_read(&twice), 0);
	ptkit_frozen_free_bulk(pages, got);
	KUNIT_EXPECT_PTR_NE(test, pages[0], NULL);
}

static const unsigned long bulk_sizes[] = { 0, 1, 2, 15, 16, 17, 64, BULK_MAX };

static void bulk_desc(const unsigned long *nr, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%lu pages", *nr);
}

KUNIT_ARRAY_PARAM(bulk, bulk_sizes, bulk_desc);

static void bulk_gives_as_many_different_pages_as_asked(struct kunit *test)
{
	const unsigned long *nr = test->param_value;

	ptest_pin_here(test);
	ptkit_frozen_drain();
	bulk_round(test, GFP_KERNEL, *nr);	/* all from the host */
	bulk_round(test, GFP_KERNEL, *nr);	/* from the stash, as far as it goes */
	bulk_round(test, GFP_KERNEL | __GFP_ZERO, *nr);
	bulk_round(test, GFP_KERNEL_ACCOUNT, *nr);
	bulk_round(test, GFP_ATOMIC, *nr);
}

static void bulk_takes_from_the_stash_first(struct kunit *test)
{
	struct ptkit_frozen_stats before;
	struct page *pages[BATCH - 1];

	needs_stash(test);
	bait(test);
	before = ptest_stats();
	KUNIT_ASSERT_GE(test, before.stashed, BATCH - 1);
	KUNIT_EXPECT_EQ(test, ptkit_frozen_alloc_bulk(GFP_KERNEL, BATCH - 1, pages), BATCH - 1);
	KUNIT_EXPECT_EQ(test, ptest_stats().hits - before.hits, BATCH - 1);
	KUNIT_EXPECT_EQ(test, ptest_stats().host_alloc, before.host_alloc);
	ptkit_frozen_free_bulk(pages, BATCH - 1);
}

/* ---- freezing and thawing -------------------------------------------------------------------- */

static void free_plain_page(void *page)
{
	put_page(page);
}

/* A page as everybody has it; the case's own until it ends. */
static struct page *plain_page(struct kunit *test, gfp_t gfp, unsigned int order)
{
	struct page *page = alloc_pages(gfp, order);

	KUNIT_ASSERT_NOT_NULL(test, page);
	ptest_defer(test, free_plain_page, page);
	return page;
}

static void freeze_and_thaw_go_round(struct kunit *test)
{
	struct page *page = plain_page(test, GFP_KERNEL, 0);
	struct ptkit_frozen_stats before = ptest_stats();

	KUNIT_EXPECT_EQ(test, ptkit_page_freeze(page), 0);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 0);
	KUNIT_EXPECT_FALSE(test, get_page_unless_zero(page));
	KUNIT_EXPECT_EQ(test, ptest_stats().frozen - before.frozen, 1UL);
	KUNIT_EXPECT_EQ(test, ptest_stats().live - before.live, 1L);

	KUNIT_EXPECT_EQ(test, ptkit_page_thaw(page, 3), 0);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 3);
	KUNIT_EXPECT_TRUE(test, get_page_unless_zero(page));
	KUNIT_EXPECT_EQ(test, ptest_stats().thawed - before.thawed, 1UL);
	KUNIT_EXPECT_EQ(test, ptest_stats().live, before.live);
	page_ref_sub(page, 3);
}

static void compound_page_freezes_as_a_whole(struct kunit *test)
{
	struct page *page = plain_page(test, GFP_KERNEL | __GFP_COMP, 3);
	struct ptkit_frozen_stats before = ptest_stats();

	KUNIT_EXPECT_EQ(test, ptkit_page_freeze(page), 0);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 0);
	KUNIT_EXPECT_EQ(test, ptest_stats().live - before.live, 8L);
	KUNIT_EXPECT_EQ(test, ptkit_page_thaw(page, 1), 0);
	KUNIT_EXPECT_EQ(test, ptest_stats().live, before.live);
}

/* A list_head of the owner's, or of who had the page before, is not taken for a mark. */
static void frozen_page_can_be_freed_whatever_its_lru_held(struct kunit *test)
{
	struct page *page = alloc_page(GFP_KERNEL);
	unsigned long misuse = ptest_stats().misuse;

	KUNIT_ASSERT_NOT_NULL(test, page);
	pcp_set_mark(page, PCP_MARK_LISTED | 7);
	KUNIT_EXPECT_EQ(test, ptkit_page_freeze(page), 0);
	ptkit_frozen_free(page, 0);
	KUNIT_EXPECT_EQ(test, ptest_stats().misuse, misuse);
}

static void freeze_fails_while_somebody_has_a_reference(struct kunit *test)
{
	struct page *page = plain_page(test, GFP_KERNEL, 0);
	struct ptkit_frozen_stats before = ptest_stats();

	get_page(page);
	KUNIT_EXPECT_EQ(test, ptkit_page_freeze(page), -EBUSY);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 2);
	KUNIT_EXPECT_FALSE(test, ptkit_page_try_freeze(page));
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 2);
	KUNIT_EXPECT_EQ(test, ptest_stats().contended - before.contended, 1UL);
	KUNIT_EXPECT_EQ(test, ptest_stats().live, before.live);

	put_page(page);
	KUNIT_EXPECT_EQ(test, ptkit_page_freeze(page), 0);
	KUNIT_EXPECT_EQ(test, ptkit_page_thaw(page, 1), 0);
	KUNIT_EXPECT_TRUE(test, ptkit_page_try_freeze(page));
	KUNIT_EXPECT_EQ(test, ptest_stats().live - before.live, 1L);
	KUNIT_EXPECT_EQ(test, ptkit_page_thaw(page, 1), 0);
}

static void freeze_refuses_tails(struct kunit *test)
{
	struct page *page = plain_page(test, GFP_KERNEL | __GFP_COMP, 2);

	KUNIT_EXPECT_EQ(test, ptkit_page_freeze(page + 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, ptkit_page_freeze(page + 3), -EINVAL);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 1);
}

static void freeze_refuses_pages_with_a_life_of_their_own(struct kunit *test)
{
	struct page *page = plain_page(test, GFP_KERNEL, 0);
	void *object = kunit_kmalloc(test, 64, GFP_KERNEL);
	unsigned long frozen = ptest_stats().frozen;

	KUNIT_ASSERT_NOT_NULL(test, object);
	KUNIT_EXPECT_EQ(test, ptkit_page_freeze(virt_to_head_page(object)), -EINVAL);

	SetPageReserved(page);
	KUNIT_EXPECT_EQ(test, ptkit_page_freeze(page), -EINVAL);
	ClearPageReserved(page);

	SetPageLRU(page);
	KUNIT_EXPECT_EQ(test, ptkit_page_freeze(page), -EINVAL);
	ClearPageLRU(page);

	page->mapping = (void *)page;
	KUNIT_EXPECT_EQ(test, ptkit_page_freeze(page), -EINVAL);
	page->mapping = NULL;

	atomic_set(&page->_mapcount, 0);
	KUNIT_EXPECT_EQ(test, ptkit_page_freeze(page), -EINVAL);
	atomic_set(&page->_mapcount, -1);

	KUNIT_EXPECT_EQ(test, page_ref_count(page), 1);
	KUNIT_EXPECT_EQ(test, ptest_stats().frozen, frozen);
}

static void thaw_refuses_to_give_no_references(struct kunit *test)
{
	struct page *page = ptest_frozen(test, GFP_KERNEL, 0);
	struct ptkit_frozen_stats before = ptest_stats();

	KUNIT_EXPECT_EQ(test, ptkit_page_thaw(page, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, ptkit_page_thaw(page, -1), -EINVAL);
	KUNIT_EXPECT_EQ(test, ptkit_page_thaw(page, INT_MIN), -EINVAL);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 0);
	KUNIT_EXPECT_EQ(test, ptest_stats().misuse, before.misuse);
	KUNIT_EXPECT_EQ(test, ptest_stats().thawed, before.thawed);
	ptest_frozen_free(test, page, 0);
}

/* Whoever put it there may want the memory back: a page that cannot move would keep it. */
static void freeze_refuses_a_page_of_the_movable_zone(struct kunit *test)
{
	struct page *page = plain_page(test, GFP_HIGHUSER_MOVABLE, 0);

	if (page_zonenum(page) <= ZONE_NORMAL)
		kunit_skip(test, "no page of ZONE_MOVABLE is free");
	KUNIT_EXPECT_EQ(test, ptkit_page_freeze(page), -EINVAL);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 1);
}

static void thaw_of_a_page_that_is_not_frozen_is_misuse(struct kunit *test)
{
	struct page *page = plain_page(test, GFP_KERNEL, 0);
	struct ptkit_frozen_stats before = ptest_stats();

	ptest_expect_warning(PTEST_WARN_THAW);
	KUNIT_EXPECT_EQ(test, ptkit_page_thaw(page, 1), -EBUSY);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 1);
	KUNIT_EXPECT_EQ(test, ptest_stats().misuse - before.misuse, 1UL);
	KUNIT_EXPECT_EQ(test, ptest_stats().thawed, before.thawed);
}

static void thaw_of_a_tail_is_misuse(struct kunit *test)
{
	struct page *page = ptest_frozen(test, GFP_KERNEL | __GFP_COMP, 2);
	struct ptkit_frozen_stats before = ptest_stats();

	ptest_expect_warning(PTEST_WARN_THAW);
	KUNIT_EXPECT_NE(test, ptkit_page_thaw(page + 1, 1), 0);
	KUNIT_EXPECT_EQ(test, page_ref_count(page + 1), 0);
	KUNIT_EXPECT_EQ(test, ptest_stats().misuse - before.misuse, 1UL);
	KUNIT_EXPECT_EQ(test, ptest_stats().live, before.live);
	/* What would be left of the block if it had been thawed. */
	set_page_count(page + 1, 0);
	ptest_frozen_free(test, page, 2);
}

static void thaw_of_a_page_in_the_stash_is_misuse(struct kunit *test)
{
	struct ptkit_frozen_stats before;
	struct page *page;

	needs_stash(test);
	page = bait(test);
	before = ptest_stats();
	ptest_expect_warning(PTEST_WARN_THAW);
	KUNIT_EXPECT_EQ(test, ptkit_page_thaw(page, 1), -EBUSY);
	KUNIT_EXPECT_EQ(test, ptest_stats().misuse - before.misuse, 1UL);
	/* It is still there, and still whole. */
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 0);
	KUNIT_EXPECT_PTR_EQ(test, ptest_frozen(test, GFP_KERNEL, 0), page);
	ptest_frozen_free(test, page, 0);
}

/* ---- splitting ------------------------------------------------------------------------------- */

static void split_block_is_freed_page_by_page(struct kunit *test)
{
	struct ptkit_frozen_stats before = ptest_stats();
	struct page *page;
	unsigned int order, i;

	for (order = 1; order <= 5; order++) {
		page = ptest_frozen(test, GFP_KERNEL, order);
		KUNIT_EXPECT_EQ(test, ptkit_frozen_split(page, order), 0);
		for (i = 0; i < 1U << order; i++)
			KUNIT_EXPECT_EQ(test, page_ref_count(page + i), 0);
		KUNIT_EXPECT_EQ(test, ptest_stats().live - before.live, 1L << order);
		ptest_drop(test, page);
		/* Last page first, and the head in the middle of it all. */
		for (i = 1U << order; i-- > 1;)
			ptkit_frozen_free(page + i, 0);
		KUNIT_EXPECT_EQ(test, ptest_stats().live - before.live, 1L);
		ptkit_frozen_free(page, 0);
		KUNIT_EXPECT_EQ(test, ptest_stats().live, before.live);
	}
	KUNIT_EXPECT_EQ(test, ptest_stats().split - before.split, 5UL);
	KUNIT_EXPECT_EQ(test, ptest_stats().misuse, before.misuse);
}

static void split_block_can_be_thawed_in_part(struct kunit *test)
{
	struct page *page = ptest_frozen(test, GFP_KERNEL, 2);

	KUNIT_ASSERT_EQ(test, ptkit_frozen_split(page, 2), 0);
	ptest_drop(test, page);
	KUNIT_EXPECT_EQ(test, ptkit_page_thaw(page + 2, 1), 0);
	put_page(page + 2);
	ptkit_frozen_free(page + 1, 0);
	ptkit_frozen_free(page, 0);
	KUNIT_EXPECT_EQ(test, ptkit_page_thaw(page + 3, 1), 0);
	put_page(page + 3);
}

static void split_refuses_what_is_no_block(struct kunit *test)
{
	struct page *page = ptest_frozen(test, GFP_KERNEL, 2);
	struct page *comp = ptest_frozen(test, GFP_KERNEL | __GFP_COMP, 2);
	struct page *single = ptest_frozen(test, GFP_KERNEL, 0);
	struct ptkit_frozen_stats before = ptest_stats();

	KUNIT_EXPECT_EQ(test, ptkit_frozen_split(page, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, ptkit_frozen_split(page, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, ptkit_frozen_split(page, 3), -EINVAL);
	KUNIT_EXPECT_EQ(test, ptkit_frozen_split(page + 1, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, ptkit_frozen_split(comp, 2), -EINVAL);
	KUNIT_EXPECT_EQ(test, ptkit_frozen_split(comp + 1, 2), -EINVAL);
	KUNIT_EXPECT_EQ(test, ptkit_frozen_split(single, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, ptkit_frozen_split(single, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, ptest_stats().split, before.split);
	KUNIT_EXPECT_EQ(test, ptest_stats().misuse, before.misuse);

	ptest_frozen_free(test, single, 0);
	ptest_frozen_free(test, comp, 2);
	ptest_frozen_free(test, page, 2);
}

static void split_refuses_a_block_that_is_not_frozen_or_split_already(struct kunit *test)
{
	struct page *page = ptest_frozen(test, GFP_KERNEL, 1);
	struct page *thawed = alloc_pages(GFP_KERNEL, 1);

	KUNIT_ASSERT_NOT_NULL(test, thawed);
	KUNIT_EXPECT_EQ(test, ptkit_frozen_split(thawed, 1), -EINVAL);
	__free_pages(thawed, 1);

	KUNIT_ASSERT_EQ(test, ptkit_frozen_split(page, 1), 0);
	KUNIT_EXPECT_EQ(test, ptkit_frozen_split(page, 1), -EINVAL);
	ptest_drop(test, page);
	ptkit_frozen_free(page, 0);
	ptkit_frozen_free(page + 1, 0);
}

/* ---- sets ------------------------------------------------------------------------------------ */

static const struct block set_blocks[] = {
	{ 0 }, { 3 }, { 3, __GFP_COMP }, { 0 }, { 1, __GFP_COMP }, { 1 }, { 5 }, { 0, __GFP_COMP },
};

static void set_fill(struct kunit *test, struct ptkit_frozen_set *set)
{
	unsigned long pages = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(set_blocks); i++) {
		const struct block *block = &set_blocks[i];

		KUNIT_EXPECT_EQ(test, ptkit_frozen_set_add(set, GFP_KERNEL | block->comp,
							   block->order), 0);
		pages += 1UL << block->order;
	}
	KUNIT_EXPECT_EQ(test, set->nr, 1UL * ARRAY_SIZE(set_blocks));
	KUNIT_EXPECT_EQ(test, set->pages, pages);
}

static void set_becomes_visible_at_once_and_in_order(struct kunit *test)
{
	struct page *pages[ARRAY_SIZE(set_blocks)] = { };
	struct ptkit_frozen_stats before = ptest_stats();
	struct ptkit_frozen_set set = { };
	unsigned long nr;
	int i;

	set_fill(test, &set);
	nr = set.pages;
	KUNIT_EXPECT_EQ(test, ptest_stats().live - before.live, (long)nr);
	ptkit_frozen_set_thaw(&set, pages);
	KUNIT_EXPECT_EQ(test, set.nr, 0UL);
	KUNIT_EXPECT_EQ(test, set.pages, 0UL);
	KUNIT_EXPECT_EQ(test, ptest_stats().thawed - before.thawed, nr);
	KUNIT_EXPECT_EQ(test, ptest_stats().live, before.live);
	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		KUNIT_ASSERT_NOT_NULL(test, pages[i]);
		KUNIT_EXPECT_EQ(test, page_ref_count(pages[i]), 1);
		KUNIT_EXPECT_FALSE(test, pcp_is_marked(pages[i]));
		KUNIT_EXPECT_EQ(test, !!PageHead(pages[i]),
				set_blocks[i].order && set_blocks[i].comp);
		__free_pages(pages[i], set_blocks[i].order);
	}
}

static void set_can_be_thawed_by_who_knows_its_pages(struct kunit *test)
{
	struct ptkit_frozen_set set = { };
	struct page *page;

	KUNIT_ASSERT_EQ(test, ptkit_frozen_set_add(&set, GFP_KERNEL, 1), 0);
	page = set.blocks;
	ptkit_frozen_set_thaw(&set, NULL);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 1);
	__free_pages(page, 1);
}

static void set_that_stays_incomplete_is_freed_whole(struct kunit *test)
{
	struct ptkit_frozen_stats before = ptest_stats();
	struct ptkit_frozen_set set = { };
	unsigned long nr;

	set_fill(test, &set);
	nr = set.pages;
	KUNIT_EXPECT_EQ(test, ptkit_frozen_set_add(&set, GFP_KERNEL, max_order() + 1), -ENOMEM);
	KUNIT_EXPECT_EQ(test, set.pages, nr);
	KUNIT_EXPECT_EQ(test, set.nr, 1UL * ARRAY_SIZE(set_blocks));
	ptkit_frozen_set_rollback(&set);
	KUNIT_EXPECT_EQ(test, set.nr, 0UL);
	KUNIT_EXPECT_EQ(test, set.pages, 0UL);
	KUNIT_EXPECT_EQ(test, ptest_stats().live, before.live);
	KUNIT_EXPECT_EQ(test, ptest_stats().misuse, before.misuse);
}

static void set_without_blocks_is_no_problem(struct kunit *test)
{
	struct ptkit_frozen_stats before = ptest_stats();
	struct ptkit_frozen_set set = { };
	struct page *untouched = ZERO_PAGE(0);

	ptkit_frozen_set_rollback(&set);
	ptkit_frozen_set_thaw(&set, &untouched);
	KUNIT_EXPECT_PTR_EQ(test, untouched, ZERO_PAGE(0));
	KUNIT_EXPECT_EQ(test, ptest_stats().thawed, before.thawed);
}

/* ---- misuse ---------------------------------------------------------------------------------- */

static void free_of_a_page_that_is_not_frozen_leaves_it_alone(struct kunit *test)
{
	struct page *page = plain_page(test, GFP_KERNEL, 0);
	struct page *comp = plain_page(test, GFP_KERNEL | __GFP_COMP, 2);
	struct ptkit_frozen_stats before = ptest_stats();

	ptest_expect_warning(PTEST_WARN_FREE);
	ptkit_frozen_free(page, 0);
	ptkit_frozen_free(comp, 2);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 1);
	KUNIT_EXPECT_EQ(test, page_ref_count(comp), 1);
	KUNIT_EXPECT_EQ(test, ptest_stats().misuse - before.misuse, 2UL);
	KUNIT_EXPECT_EQ(test, ptest_stats().live, before.live);
	KUNIT_EXPECT_EQ(test, ptest_stats().stashed, before.stashed);
	KUNIT_EXPECT_EQ(test, ptest_stats().host_free, before.host_free);
}

/* The second free is of a page that the stash has, on top or further down. */
static void free_of_a_stashed_page_is_refused(struct kunit *test)
{
	struct ptkit_frozen_stats before;
	struct page *below, *top;

	needs_stash(test);
	empty_stash(test);
	below = ptest_frozen(test, GFP_KERNEL, 0);
	top = ptest_frozen(test, GFP_KERNEL, 0);
	ptest_frozen_free(test, below, 0);
	ptest_frozen_free(test, top, 0);

	before = ptest_stats();
	ptest_expect_warning(PTEST_WARN_FREE);
	ptkit_frozen_free(top, 0);
	ptkit_frozen_free(below, 0);
	KUNIT_EXPECT_EQ(test, ptest_stats().misuse - before.misuse, 2UL);
	KUNIT_EXPECT_EQ(test, ptest_stats().stashed, before.stashed);
	KUNIT_EXPECT_EQ(test, ptest_stats().live, before.live);

	/* Each comes out once. */
	KUNIT_EXPECT_PTR_EQ(test, ptest_frozen(test, GFP_KERNEL, 0), top);
	KUNIT_EXPECT_PTR_EQ(test, ptest_frozen(test, GFP_KERNEL, 0), below);
	ptest_frozen_free(test, top, 0);
	ptest_frozen_free(test, below, 0);
}

/* Where the stash is not asked: a page that leads a block of the host's free lists. */
static void free_of_a_page_that_the_host_has_is_refused(struct kunit *test)
{
	struct ptkit_frozen_stats before;
	struct page *page;
	bool buddy;

	if (!ptkit_passthrough) {
		ptest_defer(test, restore_stash_limit, NULL);
		KUNIT_ASSERT_EQ(test, ptkit_frozen_set_limit(0), 0);
	}
	/* Too large for the host's per-CPU lists. */
	page = alloc_pages(GFP_KERNEL, 5);
	KUNIT_ASSERT_NOT_NULL(test, page);
	before = ptest_stats();

	/* With PREEMPT_RT the host's lock sleeps. */
	__free_pages(page, 5);
	preempt_disable();
	buddy = PageBuddy(page);
	if (buddy)
		ptkit_frozen_free(page, 0);
	preempt_enable();
	if (!buddy)
		kunit_skip(test, "the block became the second half of a larger one");
	ptest_expect_warning(PTEST_WARN_FREE);
	KUNIT_EXPECT_EQ(test, ptest_stats().misuse - before.misuse, 1UL);
	KUNIT_EXPECT_EQ(test, ptest_stats().host_free, before.host_free);
}

static struct kunit_case frozen_cases[] = {
	KUNIT_CASE_PARAM(block_is_aligned_and_has_no_references, block_gen_params),
	KUNIT_CASE_PARAM(block_is_live_while_it_is_out, block_gen_params),
	KUNIT_CASE_PARAM(block_is_zero_if_asked, block_gen_params),
	KUNIT_CASE_PARAM(block_thaws_into_an_ordinary_one, block_gen_params),
	KUNIT_CASE_PARAM(block_freed_with_another_order_stays_out, block_gen_params),
	KUNIT_CASE_PARAM(block_freed_by_its_tail_stays_out, block_gen_params),
	KUNIT_CASE(more_than_the_largest_block_is_refused),
	KUNIT_CASE(stash_gives_back_what_it_was_given_last),
	KUNIT_CASE(stash_miss_brings_a_batch),
	KUNIT_CASE(passthrough_sends_every_page_to_the_host),
	KUNIT_CASE(stashed_page_is_cleared_if_zero_is_asked),
	KUNIT_CASE(stash_never_holds_more_than_its_limit),
	KUNIT_CASE(stash_limit_is_checked_and_lowering_it_trims),
	KUNIT_CASE(drain_empties_the_stash_of_every_cpu),
	KUNIT_CASE(shrinker_counts_and_takes_what_is_stashed),
	KUNIT_CASE(stash_of_a_cpu_that_dies_goes_to_the_host),
	KUNIT_CASE(page_below_4_gigabytes_is_one),
	KUNIT_CASE(page_for_isa_devices_is_below_16_megabytes),
	KUNIT_CASE(frozen_page_is_never_of_the_movable_zone),
	KUNIT_CASE(accounted_page_bypasses_the_stash),
	KUNIT_CASE(node_that_is_asked_for_is_the_one),
	KUNIT_CASE(node_that_is_not_there_gives_null),
	KUNIT_CASE(page_of_another_node_goes_home),
	KUNIT_CASE_PARAM(bulk_gives_as_many_different_pages_as_asked, bulk_gen_params),
	KUNIT_CASE(bulk_takes_from_the_stash_first),
	KUNIT_CASE(freeze_and_thaw_go_round),
	KUNIT_CASE(compound_page_freezes_as_a_whole),
	KUNIT_CASE(frozen_page_can_be_freed_whatever_its_lru_held),
	KUNIT_CASE(freeze_fails_while_somebody_has_a_reference),
	KUNIT_CASE(freeze_refuses_tails),
	KUNIT_CASE(freeze_refuses_pages_with_a_life_of_their_own),
	KUNIT_CASE(freeze_refuses_a_page_of_the_movable_zone),
	KUNIT_CASE(thaw_refuses_to_give_no_references),
	KUNIT_CASE(thaw_of_a_page_that_is_not_frozen_is_misuse),
	KUNIT_CASE(thaw_of_a_tail_is_misuse),
	KUNIT_CASE(thaw_of_a_page_in_the_stash_is_misuse),
	KUNIT_CASE(free_of_a_page_that_the_host_has_is_refused),
	KUNIT_CASE(split_block_is_freed_page_by_page),
	KUNIT_CASE(split_block_can_be_thawed_in_part),
	KUNIT_CASE(split_refuses_what_is_no_block),
	KUNIT_CASE(split_refuses_a_block_that_is_not_frozen_or_split_already),
	KUNIT_CASE(set_becomes_visible_at_once_and_in_order),
	KUNIT_CASE(set_can_be_thawed_by_who_knows_its_pages),
	KUNIT_CASE(set_that_stays_incomplete_is_freed_whole),
	KUNIT_CASE(set_without_blocks_is_no_problem),
	KUNIT_CASE(free_of_a_page_that_is_not_frozen_leaves_it_alone),
	KUNIT_CASE(free_of_a_stashed_page_is_refused),
	{ }
};

struct kunit_suite ptkit_frozen_suite = {
	.name = "ptkit_frozen",
	.init = frozen_init,
	.test_cases = frozen_cases,
};
