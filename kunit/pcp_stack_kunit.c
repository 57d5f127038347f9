// SPDX-License-Identifier: GPL-2.0
/* The per-CPU stacks: one after the other, and against a model. Side by side: races_kunit.c. */
#include <linux/cpu.h>
#include <linux/irqflags.h>
#include <linux/slab.h>

#include "ptest.h"

/* More than what moves in one interrupt, twice over. */
#define STACK_PAGES	600

/**
 * struct stack_test - stacks of the case's own, and pages to put on them
 * @cache: the stacks
 * @pages: ordinary pages; a stack does not care
 * @nr: how many there are
 * @released: pages that came back through the cache's callback
 */
struct stack_test {
	struct pcp_cache cache;
	struct page *pages[STACK_PAGES];
	unsigned int nr;
	unsigned long released;
};

static void stack_release(struct pcp_cache *cache, struct pcp_chain *pages)
{
	struct stack_test *t = container_of(cache, struct stack_test, cache);

	while (pcp_chain_del(pages))
		t->released++;
}

static void stack_free_pages(void *arg)
{
	struct stack_test *t = arg;

	while (t->nr) {
		struct page *page = t->pages[--t->nr];

		/* A mark that went to the host would come back with somebody else's page. */
		pcp_set_mark(page, 0);
		__free_page(page);
	}
}

static void stack_exit(void *arg)
{
	struct stack_test *t = arg;

	pcp_cache_exit(&t->cache);
}

static int stack_init(struct kunit *test)
{
	struct stack_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	test->priv = t;
	ptest_defer(test, stack_free_pages, t);
	while (t->nr < STACK_PAGES) {
		struct page *page = alloc_page(GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, page);
		t->pages[t->nr++] = page;
	}
	KUNIT_ASSERT_EQ(test, pcp_cache_init(&t->cache, stack_release), 0);
	ptest_defer(test, stack_exit, t);
	return 0;
}

/* ---- little helpers -------------------------------------------------------------------------- */

static struct pcp_cpu *stack_of(struct stack_test *t, int cpu)
{
	return per_cpu_ptr(t->cache.cpu, cpu);
}

static bool push(struct stack_test *t, struct page *page)
{
	return pcp_push(t->cache.cpu, page, ULONG_MAX);
}

static void push_first(struct kunit *test, unsigned int nr)
{
	struct stack_test *t = test->priv;
	unsigned int i;

	for (i = 0; i < nr; i++)
		KUNIT_EXPECT_TRUE(test, push(t, t->pages[i]));
}

static struct pcp_snapshot look(struct stack_test *t, int cpu)
{
	struct pcp_snapshot snap;

	pcp_snapshot(&t->cache, cpu, &snap);
	return snap;
}

static void expect_snapshot(struct kunit *test, int cpu, unsigned long depth, unsigned long pops,
			    unsigned long pushes)
{
	struct pcp_snapshot snap = look(test->priv, cpu);

	KUNIT_EXPECT_EQ(test, snap.depth, depth);
	KUNIT_EXPECT_EQ(test, snap.pops, pops);
	KUNIT_EXPECT_EQ(test, snap.pushes, pushes);
}

static unsigned long chain_drop(struct pcp_chain *chain)
{
	unsigned long nr = 0;

	while (pcp_chain_del(chain))
		nr++;
	return nr;
}

/* ---- order, depth, marks --------------------------------------------------------------------- */

static void stack_hands_out_last_page_first(struct kunit *test)
{
	struct stack_test *t = test->priv;
	unsigned int i;

	ptest_pin_here(test);
	push_first(test, 10);
	for (i = 10; i--;)
		KUNIT_EXPECT_PTR_EQ(test, pcp_pop(t->cache.cpu), t->pages[i]);
	KUNIT_EXPECT_NULL(test, pcp_pop(t->cache.cpu));
}

static void stack_that_is_empty_gives_null_and_keeps_its_tag(struct kunit *test)
{
	struct stack_test *t = test->priv;
	int cpu = ptest_pin_here(test);
	unsigned long tag = stack_of(t, cpu)->stack.tag;

	KUNIT_EXPECT_NULL(test, pcp_pop(t->cache.cpu));
	KUNIT_EXPECT_EQ(test, stack_of(t, cpu)->stack.tag, tag);
	expect_snapshot(test, cpu, 0, 0, 0);
}

static void stack_depth_is_exact_at_every_step(struct kunit *test)
{
	struct stack_test *t = test->priv;
	int cpu = ptest_pin_here(test);
	unsigned int i;

	for (i = 0; i < STACK_PAGES; i++) {
		push(t, t->pages[i]);
		KUNIT_EXPECT_EQ(test, pcp_depth(stack_of(t, cpu)->stack.ptr), i + 1UL);
	}
	for (i = STACK_PAGES; i--;) {
		pcp_pop(t->cache.cpu);
		KUNIT_EXPECT_EQ(test, pcp_depth(stack_of(t, cpu)->stack.ptr), (unsigned long)i);
	}
}

static void stack_marks_listed_pages_and_no_others(struct kunit *test)
{
	struct stack_test *t = test->priv;
	struct pcp_chain chain = { };
	struct page *page;

	ptest_pin_here(test);
	push_first(test, 3);
	KUNIT_EXPECT_TRUE(test, pcp_is_listed(t->pages[0]));
	KUNIT_EXPECT_TRUE(test, pcp_is_marked(t->pages[2]));
	KUNIT_EXPECT_FALSE(test, pcp_is_listed(t->pages[3]));

	page = pcp_pop(t->cache.cpu);
	KUNIT_EXPECT_FALSE(test, pcp_is_listed(page));
	KUNIT_EXPECT_FALSE(test, pcp_is_marked(page));

	pcp_take_local(&t->cache, 2, &chain);
	KUNIT_EXPECT_FALSE(test, pcp_is_marked(t->pages[0]));
	KUNIT_EXPECT_FALSE(test, pcp_is_marked(t->pages[1]));

	/* The head of a block is nobody's to push, and not listed. */
	pcp_set_mark(page, PCP_MARK_BLOCK | 3);
	KUNIT_EXPECT_TRUE(test, pcp_is_marked(page));
	KUNIT_EXPECT_FALSE(test, pcp_is_listed(page));
	pcp_set_mark(page, 0);
}

static void stack_mark_is_never_a_list_head(struct kunit *test)
{
	struct stack_test *t = test->priv;
	struct page *page = t->pages[0];

	INIT_LIST_HEAD(&page->lru);
	KUNIT_EXPECT_FALSE(test, pcp_is_marked(page));
	list_del(&page->lru);	/* poisons it */
	KUNIT_EXPECT_FALSE(test, pcp_is_marked(page));
}

static void stack_keeps_page_contents(struct kunit *test)
{
	struct stack_test *t = test->priv;
	struct page *page = t->pages[0];

	memset(page_address(page), 0x5a, PAGE_SIZE);
	ptest_pin_here(test);
	push_first(test, 2);
	pcp_pop(t->cache.cpu);
	KUNIT_EXPECT_PTR_EQ(test, pcp_pop(t->cache.cpu), page);
	KUNIT_EXPECT_TRUE(test, ptest_filled(page, 0x5a, 0));
}

/* ---- limits ---------------------------------------------------------------------------------- */

static void stack_at_its_limit_refuses_and_leaves_the_page_clean(struct kunit *test)
{
	struct stack_test *t = test->priv;
	struct page *page = t->pages[5];
	int cpu = ptest_pin_here(test);
	unsigned long tag;

	push_first(test, 5);
	tag = stack_of(t, cpu)->stack.tag;

	KUNIT_EXPECT_FALSE(test, pcp_push(t->cache.cpu, page, 5));
	KUNIT_EXPECT_FALSE(test, pcp_push(t->cache.cpu, page, 4));
	KUNIT_EXPECT_FALSE(test, pcp_push(t->cache.cpu, page, 0));
	KUNIT_EXPECT_FALSE(test, pcp_is_marked(page));
	KUNIT_EXPECT_EQ(test, stack_of(t, cpu)->stack.tag, tag);
	expect_snapshot(test, cpu, 5, 0, 5);

	KUNIT_EXPECT_TRUE(test, pcp_push(t->cache.cpu, page, 6));
	expect_snapshot(test, cpu, 6, 0, 6);
}

static void stack_is_made_empty_and_with_limit_zero(struct kunit *test)
{
	struct stack_test *t = test->priv;
	int cpu;

	for_each_possible_cpu(cpu) {
		KUNIT_EXPECT_EQ(test, stack_of(t, cpu)->limit, 0UL);
		expect_snapshot(test, cpu, 0, 0, 0);
	}
}

static void stack_limit_is_set_for_every_possible_cpu(struct kunit *test)
{
	struct stack_test *t = test->priv;
	int cpu;

	ptest_pin_here(test);
	push_first(test, 9);
	pcp_set_limit(&t->cache, 7);
	for_each_possible_cpu(cpu)
		KUNIT_EXPECT_EQ(test, stack_of(t, cpu)->limit, 7UL);
	/* What is there already stays. */
	expect_snapshot(test, raw_smp_processor_id(), 9, 0, 9);
}

/* ---- tags ------------------------------------------------------------------------------------ */

static void tags_of_two_cpus_never_meet(struct kunit *test)
{
	struct stack_test *t = test->priv;
	int cpu;

	KUNIT_EXPECT_TRUE(test, is_power_of_2(PCP_TAG_STEP));
	KUNIT_EXPECT_GE(test, (unsigned long)PCP_TAG_STEP, (unsigned long)nr_cpu_ids);
	for_each_online_cpu(cpu) {
		ptest_pin(test, cpu);
		push_first(test, 3);
		pcp_pop(t->cache.cpu);
		KUNIT_EXPECT_EQ(test, stack_of(t, cpu)->stack.tag % PCP_TAG_STEP,
				(unsigned long)cpu);
		while (pcp_pop(t->cache.cpu))
			;
	}
}

static void tag_steps_once_per_swap(struct kunit *test)
{
	struct stack_test *t = test->priv;
	int cpu = ptest_pin_here(test);
	unsigned long *tag = &stack_of(t, cpu)->stack.tag;
	unsigned long before = *tag;
	struct pcp_chain chain = { };

	push(t, t->pages[0]);
	KUNIT_EXPECT_EQ(test, *tag - before, 1UL * PCP_TAG_STEP);
	pcp_pop(t->cache.cpu);
	KUNIT_EXPECT_EQ(test, *tag - before, 2UL * PCP_TAG_STEP);

	push_first(test, 10);
	pcp_take_local(&t->cache, 4, &chain);
	pcp_put_local(&t->cache, &chain);
	KUNIT_EXPECT_EQ(test, *tag - before, (2UL + 10 + 4 + 4) * PCP_TAG_STEP);
}

static void tag_may_wrap(struct kunit *test)
{
	struct stack_test *t = test->priv;
	int cpu = ptest_pin_here(test);
	unsigned long *tag = &stack_of(t, cpu)->stack.tag;

	*tag = cpu - 2UL * PCP_TAG_STEP;
	push_first(test, 4);
	KUNIT_EXPECT_EQ(test, *tag, cpu + 2UL * PCP_TAG_STEP);
	KUNIT_EXPECT_PTR_EQ(test, pcp_pop(t->cache.cpu), t->pages[3]);
	KUNIT_EXPECT_EQ(test, *tag, cpu + 3UL * PCP_TAG_STEP);
	KUNIT_EXPECT_EQ(test, look(t, cpu).depth, 3UL);
}

/* ---- what an interrupted swap sees ----------------------------------------------------------- */

/* The reads of a pop, without its swap: somebody may come between. */
struct stale_pop {
	unsigned long tag;
	struct page *top;
	struct page *next;
};

static struct stale_pop read_for_pop(struct stack_test *t)
{
	struct stale_pop stale;

	stale.tag = this_cpu_read(t->cache.cpu->stack.tag);
	stale.top = this_cpu_read(t->cache.cpu->stack.ptr);
	stale.next = stale.top ? pcp_next(stale.top) : NULL;
	return stale;
}

static bool swap_for_pop(struct stack_test *t, const struct stale_pop *stale)
{
	return ptkit_arch_pair_cmpxchg(&t->cache.cpu->stack, stale->top, stale->tag, stale->next,
				       stale->tag + PCP_TAG_STEP);
}

static void swap_succeeds_if_nothing_came_between(struct kunit *test)
{
	struct stack_test *t = test->priv;
	struct stale_pop stale;

	ptest_pin_here(test);
	push_first(test, 3);
	stale = read_for_pop(t);
	KUNIT_EXPECT_TRUE(test, swap_for_pop(t, &stale));
	KUNIT_EXPECT_PTR_EQ(test, stale.top, t->pages[2]);
	KUNIT_EXPECT_PTR_EQ(test, pcp_pop(t->cache.cpu), t->pages[1]);
}

/* ABA: the same page on top again, over another one. Without the tag, pages[1] came out twice. */
static void swap_fails_if_the_same_top_is_back_over_another_page(struct kunit *test)
{
	struct stack_test *t = test->priv;
	struct stale_pop stale;

	ptest_pin_here(test);
	push_first(test, 3);
	stale = read_for_pop(t);

	KUNIT_EXPECT_PTR_EQ(test, pcp_pop(t->cache.cpu), t->pages[2]);
	KUNIT_EXPECT_PTR_EQ(test, pcp_pop(t->cache.cpu), t->pages[1]);
	push(t, t->pages[2]);
	KUNIT_EXPECT_PTR_EQ(test, read_for_pop(t).top, stale.top);
	KUNIT_EXPECT_PTR_NE(test, read_for_pop(t).next, stale.next);

	KUNIT_EXPECT_FALSE(test, swap_for_pop(t, &stale));
	KUNIT_EXPECT_PTR_EQ(test, pcp_pop(t->cache.cpu), t->pages[2]);
	KUNIT_EXPECT_PTR_EQ(test, pcp_pop(t->cache.cpu), t->pages[0]);
	KUNIT_EXPECT_NULL(test, pcp_pop(t->cache.cpu));
}

/* The stack is as it was to the last bit but the tag. */
static void swap_fails_after_a_pop_and_a_push_of_the_same_page(struct kunit *test)
{
	struct stack_test *t = test->priv;
	struct stale_pop stale;

	ptest_pin_here(test);
	push_first(test, 3);
	stale = read_for_pop(t);
	push(t, pcp_pop(t->cache.cpu));
	KUNIT_EXPECT_FALSE(test, swap_for_pop(t, &stale));
}

/* Slow operations count as well: they come as the interrupt of who wants this CPU's pages. */
static void swap_fails_after_pages_were_taken_and_put_back(struct kunit *test)
{
	struct stack_test *t = test->priv;
	struct pcp_chain chain = { };
	struct stale_pop stale;

	ptest_pin_here(test);
	push_first(test, 1);
	stale = read_for_pop(t);
	pcp_take_local(&t->cache, 1, &chain);
	KUNIT_ASSERT_EQ(test, chain.nr, 1UL);
	pcp_put_local(&t->cache, &chain);
	KUNIT_EXPECT_PTR_EQ(test, read_for_pop(t).top, stale.top);
	KUNIT_EXPECT_FALSE(test, swap_for_pop(t, &stale));
}

/* A task that read on one CPU and swaps on another, both empty: only the tags differ. */
static void swap_fails_on_another_cpu_than_was_read(struct kunit *test)
{
	struct stack_test *t = test->priv;
	int here = ptest_pin_here(test), there = ptest_other_cpu(here);
	struct stale_pop stale;

	if (there < 0)
		kunit_skip(test, "needs two CPUs");
	stale = read_for_pop(t);
	KUNIT_ASSERT_NULL(test, stale.top);
	ptest_pin(test, there);
	stale.next = t->pages[0];
	KUNIT_EXPECT_FALSE(test, swap_for_pop(t, &stale));
	KUNIT_EXPECT_NULL(test, pcp_pop(t->cache.cpu));
	ptest_pin(test, here);
	KUNIT_EXPECT_NULL(test, pcp_pop(t->cache.cpu));
}

/* ... and back in time, when nothing happened there: then what was read still holds. */
static void swap_succeeds_after_a_journey_if_nothing_happened_at_home(struct kunit *test)
{
	struct stack_test *t = test->priv;
	int here = ptest_pin_here(test), there = ptest_other_cpu(here);
	struct stale_pop stale;

	if (there < 0)
		kunit_skip(test, "needs two CPUs");
	push_first(test, 2);
	stale = read_for_pop(t);
	ptest_pin(test, there);
	push(t, t->pages[2]);
	ptest_pin(test, here);
	KUNIT_EXPECT_TRUE(test, swap_for_pop(t, &stale));
}

/* ---- slow operations ------------------------------------------------------------------------- */

static void take_local_takes_from_the_top_and_no_more_than_asked(struct kunit *test)
{
	struct stack_test *t = test->priv;
	struct pcp_chain chain = { };
	int cpu = ptest_pin_here(test);

	push_first(test, 10);
	pcp_take_local(&t->cache, 3, &chain);
	KUNIT_EXPECT_EQ(test, chain.nr, 3UL);
	KUNIT_EXPECT_PTR_EQ(test, pcp_chain_del(&chain), t->pages[7]);
	KUNIT_EXPECT_PTR_EQ(test, pcp_chain_del(&chain), t->pages[8]);
	KUNIT_EXPECT_PTR_EQ(test, pcp_chain_del(&chain), t->pages[9]);
	KUNIT_EXPECT_NULL(test, pcp_chain_del(&chain));
	/* Nobody allocated or freed: these are no pops. */
	expect_snapshot(test, cpu, 7, 0, 10);

	pcp_take_local(&t->cache, 0, &chain);
	KUNIT_EXPECT_EQ(test, chain.nr, 0UL);
	pcp_take_local(&t->cache, ULONG_MAX, &chain);
	KUNIT_EXPECT_EQ(test, chain.nr, 7UL);
	expect_snapshot(test, cpu, 0, 0, 10);
}

static void take_adds_to_what_the_chain_has(struct kunit *test)
{
	struct stack_test *t = test->priv;
	struct pcp_chain chain = { };
	int cpu = ptest_pin_here(test);

	pcp_chain_add(&chain, t->pages[599]);
	push_first(test, 5);
	pcp_take(&t->cache, cpu, 2, &chain);
	KUNIT_EXPECT_EQ(test, chain.nr, 3UL);
	KUNIT_EXPECT_EQ(test, chain_drop(&chain), 3UL);
}

static void put_local_ignores_the_limit(struct kunit *test)
{
	struct stack_test *t = test->priv;
	struct pcp_chain chain = { };
	int cpu = ptest_pin_here(test), i;

	for (i = 0; i < 20; i++)
		pcp_chain_add(&chain, t->pages[i]);
	pcp_put_local(&t->cache, &chain);
	KUNIT_EXPECT_EQ(test, chain.nr, 0UL);
	KUNIT_EXPECT_NULL(test, chain.first);
	expect_snapshot(test, cpu, 20, 0, 0);
}

static void take_reaches_any_online_cpu_in_batches(struct kunit *test)
{
	struct stack_test *t = test->priv;
	struct pcp_chain chain = { };
	int cpu;

	for_each_online_cpu(cpu) {
		ptest_pin(test, cpu);
		push_first(test, STACK_PAGES);
		set_cpus_allowed_ptr(current, cpu_online_mask);
		pcp_take(&t->cache, cpu, 300, &chain);
		KUNIT_EXPECT_EQ(test, chain.nr, 300UL);
		KUNIT_EXPECT_EQ(test, look(t, cpu).depth, STACK_PAGES - 300UL);
		pcp_take(&t->cache, cpu, ULONG_MAX, &chain);
		KUNIT_EXPECT_EQ(test, chain.nr, (unsigned long)STACK_PAGES);
		KUNIT_EXPECT_EQ(test, look(t, cpu).depth, 0UL);
		KUNIT_EXPECT_EQ(test, look(t, cpu).pops, 0UL);
		KUNIT_EXPECT_EQ(test, chain_drop(&chain), (unsigned long)STACK_PAGES);
	}
}

static void put_reaches_any_online_cpu_in_batches(struct kunit *test)
{
	struct stack_test *t = test->priv;
	struct pcp_chain chain = { };
	int cpu, i;

	for_each_online_cpu(cpu) {
		for (i = 0; i < STACK_PAGES; i++)
			pcp_chain_add(&chain, t->pages[i]);
		KUNIT_EXPECT_TRUE(test, pcp_put(&t->cache, cpu, &chain));
		KUNIT_EXPECT_EQ(test, chain.nr, 0UL);
		expect_snapshot(test, cpu, STACK_PAGES, 0, 0);
		pcp_take(&t->cache, cpu, ULONG_MAX, &chain);
		KUNIT_EXPECT_EQ(test, chain_drop(&chain), (unsigned long)STACK_PAGES);
	}
}

static void put_to_a_cpu_that_is_not_there_leaves_the_pages(struct kunit *test)
{
	struct stack_test *t = test->priv;
	struct pcp_chain chain = { };

	pcp_chain_add(&chain, t->pages[0]);
	pcp_chain_add(&chain, t->pages[1]);
	KUNIT_EXPECT_FALSE(test, pcp_put(&t->cache, nr_cpu_ids, &chain));
	KUNIT_EXPECT_EQ(test, chain.nr, 2UL);
	KUNIT_EXPECT_PTR_EQ(test, pcp_chain_del(&chain), t->pages[1]);

	pcp_take(&t->cache, nr_cpu_ids, ULONG_MAX, &chain);
	KUNIT_EXPECT_EQ(test, chain_drop(&chain), 1UL);
}

/* What becomes of a chain when a page of it has got a second owner, who links it elsewhere. */
static void chain_that_was_cut_or_closed_ends_and_is_left(struct kunit *test)
{
	struct stack_test *t = test->priv;
	struct pcp_chain chain = { };
	int cpu = ptest_pin_here(test), i;

	ptest_expect_warning(PTEST_WARN_CHAIN);
	for (i = 0; i < 5; i++)
		pcp_chain_add(&chain, t->pages[i]);
	pcp_set_next(t->pages[0], t->pages[4]);
	KUNIT_EXPECT_EQ(test, chain_drop(&chain), 5UL);
	KUNIT_EXPECT_NULL(test, chain.first);

	for (i = 0; i < 5; i++)
		pcp_chain_add(&chain, t->pages[i]);
	pcp_set_next(t->pages[3], NULL);
	KUNIT_EXPECT_TRUE(test, pcp_put(&t->cache, cpu, &chain));
	KUNIT_EXPECT_EQ(test, chain.nr, 0UL);
	KUNIT_EXPECT_EQ(test, look(t, cpu).depth, 2UL);
}

static void fill_every_cpu(struct kunit *test, unsigned int each)
{
	struct stack_test *t = test->priv;
	unsigned int i, next = 0;
	int cpu;

	KUNIT_ASSERT_LE(test, each * num_online_cpus(), STACK_PAGES + 0U);
	for_each_online_cpu(cpu) {
		ptest_pin(test, cpu);
		for (i = 0; i < each; i++)
			push(t, t->pages[next++]);
	}
}

static void take_above_leaves_what_was_asked_on_every_cpu(struct kunit *test)
{
	struct stack_test *t = test->priv;
	struct pcp_chain chain = { };
	struct pcp_snapshot sum;
	int cpu;

	fill_every_cpu(test, 30);
	pcp_take_above(&t->cache, 30, &chain);
	KUNIT_EXPECT_EQ(test, chain.nr, 0UL);

	pcp_take_above(&t->cache, 12, &chain);
	KUNIT_EXPECT_EQ(test, chain.nr, 18UL * num_online_cpus());
	for_each_online_cpu(cpu)
		KUNIT_EXPECT_EQ(test, look(t, cpu).depth, 12UL);

	pcp_take_above(&t->cache, 0, &chain);
	KUNIT_EXPECT_EQ(test, chain.nr, 30UL * num_online_cpus());
	pcp_snapshot_all(&t->cache, &sum);
	KUNIT_EXPECT_EQ(test, sum.depth, 0UL);
	KUNIT_EXPECT_EQ(test, sum.pushes, 30UL * num_online_cpus());
	KUNIT_EXPECT_EQ(test, sum.pops, 0UL);
}

static void take_node_takes_from_that_node_only(struct kunit *test)
{
	struct stack_test *t = test->priv;
	struct pcp_chain chain = { };
	unsigned long listed;
	int node, cpu;

	fill_every_cpu(test, 10);
	for_each_online_node(node) {
		listed = 0;
		for_each_online_cpu(cpu)
			listed += cpu_to_mem(cpu) == node ? 10 : 0;
		KUNIT_EXPECT_EQ(test, pcp_count_node(&t->cache, node), listed);
		if (!listed)
			continue;

		pcp_take_node(&t->cache, node, 7, &chain);
		KUNIT_EXPECT_EQ(test, chain_drop(&chain), 7UL);
		KUNIT_EXPECT_EQ(test, pcp_count_node(&t->cache, node), listed - 7);

		pcp_take_node(&t->cache, node, ULONG_MAX / 2, &chain);
		KUNIT_EXPECT_EQ(test, chain_drop(&chain), listed - 7);
		KUNIT_EXPECT_EQ(test, pcp_count_node(&t->cache, node), 0UL);
	}
	pcp_take_node(&t->cache, MAX_NUMNODES, 100, &chain);
	KUNIT_EXPECT_EQ(test, chain.nr, 0UL);
}

static void take_node_with_no_bound_takes_all(struct kunit *test)
{
	struct stack_test *t = test->priv;
	int node = cpu_to_mem(ptest_pin_here(test));
	struct pcp_chain chain = { };

	push_first(test, 20);
	pcp_chain_add(&chain, t->pages[599]);
	pcp_take_node(&t->cache, node, ULONG_MAX, &chain);
	KUNIT_EXPECT_EQ(test, chain_drop(&chain), 21UL);
}

/*
 * A reader on another CPU may follow a top that was popped meanwhile, and then finds in lru what
 * the page's new owner keeps there: that is no depth.
 */
static void depth_of_a_top_that_is_not_listed_any_more_is_not_believed(struct kunit *test)
{
	struct stack_test *t = test->priv;
	int cpu = ptest_pin_here(test);
	struct pcp_chain chain = { };
	struct page *page = t->pages[0];
	unsigned long flags, counted;

	/* As if the page had been popped between the two reads; its owner has it on a list. */
	local_irq_save(flags);
	INIT_LIST_HEAD(&page->lru);
	stack_of(t, cpu)->stack.ptr = page;
	counted = pcp_count_node(&t->cache, cpu_to_mem(cpu));
	stack_of(t, cpu)->stack.ptr = NULL;
	local_irq_restore(flags);
	KUNIT_EXPECT_EQ(test, counted, 0UL);

	pcp_take_above(&t->cache, 0, &chain);
	KUNIT_EXPECT_EQ(test, chain.nr, 0UL);
}

/* ---- a stack's end --------------------------------------------------------------------------- */

static void exit_releases_the_pages_of_every_cpu(struct kunit *test)
{
	struct stack_test *t = test->priv;

	fill_every_cpu(test, 25);
	pcp_cache_exit(&t->cache);
	KUNIT_EXPECT_EQ(test, t->released, 25UL * num_online_cpus());
	/* The case's own exit ends a cache, too. */
	KUNIT_ASSERT_EQ(test, pcp_cache_init(&t->cache, stack_release), 0);
}

#ifdef CONFIG_HOTPLUG_CPU
static void cpu_back_online(void *arg)
{
	add_cpu((long)arg);
}

static void cpu_that_dies_gives_its_pages_back(struct kunit *test)
{
	struct stack_test *t = test->priv;
	int here = ptest_pin_first(test), dead = ptest_other_cpu(here);
	struct pcp_chain chain = { };
	unsigned long tag;

	if (dead < 0)
		kunit_skip(test, "needs two CPUs");
	ptest_pin(test, dead);
	push_first(test, 40);
	pcp_pop(t->cache.cpu);
	/* Take from it by interrupt first: lockdep is to see both ways to empty a stack. */
	ptest_pin(test, here);
	pcp_take(&t->cache, dead, 4, &chain);
	KUNIT_EXPECT_EQ(test, chain_drop(&chain), 4UL);

	tag = stack_of(t, dead)->stack.tag;
	if (remove_cpu(dead))
		kunit_skip(test, "this machine cannot unplug CPUs");
	ptest_defer(test, cpu_back_online, (void *)(long)dead);

	KUNIT_EXPECT_EQ(test, t->released, 35UL);
	expect_snapshot(test, dead, 0, 1, 40);
	KUNIT_EXPECT_EQ(test, stack_of(t, dead)->stack.tag - tag, 35UL * PCP_TAG_STEP);
	pcp_take(&t->cache, dead, ULONG_MAX, &chain);
	KUNIT_EXPECT_EQ(test, chain.nr, 0UL);
	pcp_chain_add(&chain, t->pages[0]);
	KUNIT_EXPECT_FALSE(test, pcp_put(&t->cache, dead, &chain));

	KUNIT_ASSERT_EQ(test, add_cpu(dead), 0);
	KUNIT_EXPECT_TRUE(test, pcp_put(&t->cache, dead, &chain));
	expect_snapshot(test, dead, 1, 1, 40);
}

static void exit_while_a_cpu_is_offline_loses_nothing(struct kunit *test)
{
	struct stack_test *t = test->priv;
	int here = ptest_pin_first(test), dead = ptest_other_cpu(here);

	if (dead < 0)
		kunit_skip(test, "needs two CPUs");
	fill_every_cpu(test, 10);
	ptest_pin(test, here);
	if (remove_cpu(dead))
		kunit_skip(test, "this machine cannot unplug CPUs");
	ptest_defer(test, cpu_back_online, (void *)(long)dead);
	pcp_cache_exit(&t->cache);
	KUNIT_EXPECT_EQ(test, t->released, 10UL * (num_online_cpus() + 1));
	KUNIT_ASSERT_EQ(test, pcp_cache_init(&t->cache, stack_release), 0);
}
#else
static void cpu_that_dies_gives_its_pages_back(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_HOTPLUG_CPU");
}

static void exit_while_a_cpu_is_offline_loses_nothing(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_HOTPLUG_CPU");
}
#endif

/* ---- against a model ------------------------------------------------------------------------- */

/* What a stack is, without any cleverness. */
struct model_cpu {
	struct page *pages[STACK_PAGES];
	unsigned int depth;
	unsigned long pops;
	unsigned long pushes;
};

struct model {
	struct kunit *test;
	struct stack_test *t;
	struct rnd_state rnd;
	struct model_cpu *cpus;		/* by CPU number */
	struct page *idle[STACK_PAGES];	/* pages on no stack */
	unsigned int nr_idle;
	int here;
};

static struct model_cpu *model_of(struct model *m, int cpu)
{
	return &m->cpus[cpu];
}

static int model_some_cpu(struct model *m)
{
	int cpu = cpumask_next(ptest_below(&m->rnd, nr_cpu_ids) - 1, cpu_online_mask);

	return cpu < nr_cpu_ids ? cpu : m->here;
}

static void model_push(struct model *m)
{
	struct model_cpu *c = model_of(m, m->here);
	unsigned long limit = ptest_below(&m->rnd, 4) ? ULONG_MAX : ptest_below(&m->rnd, 50);
	bool fits = c->depth < limit;
	struct page *page;

	if (!m->nr_idle)
		return;
	page = m->idle[m->nr_idle - 1];
	KUNIT_EXPECT_EQ(m->test, pcp_push(m->t->cache.cpu, page, limit), fits);
	if (!fits)
		return;
	m->nr_idle--;
	c->pages[c->depth++] = page;
	c->pushes++;
}

static void model_pop(struct model *m)
{
	struct model_cpu *c = model_of(m, m->here);
	struct page *page = pcp_pop(m->t->cache.cpu);

	KUNIT_EXPECT_PTR_EQ(m->test, page, c->depth ? c->pages[c->depth - 1] : NULL);
	if (!c->depth || !page)
		return;
	c->depth--;
	c->pops++;
	m->idle[m->nr_idle++] = page;
}

/* @chain is what was taken from @cpu: bottom page first. */
static void model_taken(struct model *m, int cpu, struct pcp_chain *chain)
{
	struct model_cpu *c = model_of(m, cpu);
	struct page *page;
	unsigned int i;

	KUNIT_ASSERT_LE(m->test, chain->nr, (unsigned long)c->depth);
	c->depth -= chain->nr;
	i = c->depth;
	while ((page = pcp_chain_del(chain))) {
		KUNIT_EXPECT_PTR_EQ(m->test, page, c->pages[i++]);
		m->idle[m->nr_idle++] = page;
	}
}

static void model_take(struct model *m)
{
	bool local = ptest_below(&m->rnd, 2);
	int cpu = local ? m->here : model_some_cpu(m);
	unsigned long max = ptest_below(&m->rnd, 300);
	unsigned long should = min_t(unsigned long, max, model_of(m, cpu)->depth);
	struct pcp_chain chain = { };

	if (local)
		pcp_take_local(&m->t->cache, max, &chain);
	else
		pcp_take(&m->t->cache, cpu, max, &chain);
	KUNIT_EXPECT_EQ(m->test, chain.nr, should);
	model_taken(m, cpu, &chain);
}

static void model_put(struct model *m)
{
	bool local = ptest_below(&m->rnd, 2);
	int cpu = local ? m->here : model_some_cpu(m);
	struct model_cpu *c = model_of(m, cpu);
	unsigned long nr = ptest_below(&m->rnd, 300);
	struct pcp_chain chain = { };
	struct page *page;

	while (nr-- && m->nr_idle)
		pcp_chain_add(&chain, m->idle[--m->nr_idle]);
	/* Goes on in the order of the chain. */
	for (page = chain.first; page; page = pcp_next(page))
		c->pages[c->depth++] = page;
	if (local)
		pcp_put_local(&m->t->cache, &chain);
	else
		KUNIT_EXPECT_TRUE(m->test, pcp_put(&m->t->cache, cpu, &chain));
	KUNIT_EXPECT_EQ(m->test, chain.nr, 0UL);
}

static void model_check(struct model *m)
{
	struct pcp_snapshot sum, want = { };
	int cpu;

	for_each_possible_cpu(cpu) {
		struct model_cpu *c = model_of(m, cpu);

		expect_snapshot(m->test, cpu, c->depth, c->pops, c->pushes);
		want.depth += c->depth;
		want.pops += c->pops;
		want.pushes += c->pushes;
	}
	pcp_snapshot_all(&m->t->cache, &sum);
	KUNIT_EXPECT_EQ(m->test, sum.depth, want.depth);
	KUNIT_EXPECT_EQ(m->test, sum.pops, want.pops);
	KUNIT_EXPECT_EQ(m->test, sum.pushes, want.pushes);
}

static void model_step(struct model *m)
{
	switch (ptest_below(&m->rnd, 64)) {
	case 0:
		model_take(m);
		break;
	case 1:
		model_put(m);
		break;
	case 2:
		m->here = model_some_cpu(m);
		ptest_pin(m->test, m->here);
		break;
	case 3:
		model_check(m);
		break;
	case 4 ... 33:
		model_pop(m);
		break;
	default:
		model_push(m);
		break;
	}
}

static void stacks_do_what_a_simple_model_does(struct kunit *test)
{
	struct stack_test *t = test->priv;
	unsigned long rounds = ptest_rounds(20000);
	struct model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, m);
	m->test = test;
	m->t = t;
	m->cpus = kunit_kcalloc(test, nr_cpu_ids, sizeof(*m->cpus), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m->cpus);
	memcpy(m->idle, t->pages, sizeof(m->idle));
	m->nr_idle = STACK_PAGES;
	m->here = ptest_pin_here(test);
	ptest_seed(test, &m->rnd);

	while (rounds--)
		model_step(m);
	model_check(m);
}

static struct kunit_case stack_cases[] = {
	KUNIT_CASE(stack_hands_out_last_page_first),
	KUNIT_CASE(stack_that_is_empty_gives_null_and_keeps_its_tag),
	KUNIT_CASE(stack_depth_is_exact_at_every_step),
	KUNIT_CASE(stack_marks_listed_pages_and_no_others),
	KUNIT_CASE(stack_mark_is_never_a_list_head),
	KUNIT_CASE(stack_keeps_page_contents),
	KUNIT_CASE(stack_at_its_limit_refuses_and_leaves_the_page_clean),
	KUNIT_CASE(stack_is_made_empty_and_with_limit_zero),
	KUNIT_CASE(stack_limit_is_set_for_every_possible_cpu),
	KUNIT_CASE(tags_of_two_cpus_never_meet),
	KUNIT_CASE(tag_steps_once_per_swap),
	KUNIT_CASE(tag_may_wrap),
	KUNIT_CASE(swap_succeeds_if_nothing_came_between),
	KUNIT_CASE(swap_fails_if_the_same_top_is_back_over_another_page),
	KUNIT_CASE(swap_fails_after_a_pop_and_a_push_of_the_same_page),
	KUNIT_CASE(swap_fails_after_pages_were_taken_and_put_back),
	KUNIT_CASE(swap_fails_on_another_cpu_than_was_read),
	KUNIT_CASE(swap_succeeds_after_a_journey_if_nothing_happened_at_home),
	KUNIT_CASE(take_local_takes_from_the_top_and_no_more_than_asked),
	KUNIT_CASE(take_adds_to_what_the_chain_has),
	KUNIT_CASE(put_local_ignores_the_limit),
	KUNIT_CASE(take_reaches_any_online_cpu_in_batches),
	KUNIT_CASE(put_reaches_any_online_cpu_in_batches),
	KUNIT_CASE(put_to_a_cpu_that_is_not_there_leaves_the_pages),
	KUNIT_CASE(chain_that_was_cut_or_closed_ends_and_is_left),
	KUNIT_CASE(take_above_leaves_what_was_asked_on_every_cpu),
	KUNIT_CASE(take_node_takes_from_that_node_only),
	KUNIT_CASE(take_node_with_no_bound_takes_all),
	KUNIT_CASE(depth_of_a_top_that_is_not_listed_any_more_is_not_believed),
	KUNIT_CASE(exit_releases_the_pages_of_every_cpu),
	KUNIT_CASE(cpu_that_dies_gives_its_pages_back),
	KUNIT_CASE(exit_while_a_cpu_is_offline_loses_nothing),
	KUNIT_CASE(stacks_do_what_a_simple_model_does),
	{ }
};

struct kunit_suite ptkit_pcp_stack_suite = {
	.name = "ptkit_pcp_stack",
	.init = stack_init,
	.test_cases = stack_cases,
};
