// SPDX-License-Identifier: GPL-2.0
/* Quicklists: what each call does, and what it refuses. What runs side by side: races_kunit.c. */
#include <linux/cpu.h>
#include <linux/jump_label.h>
#include <linux/slab.h>

#include "ptest.h"

/* The quicklist of a case, and what its constructor did. */
struct ql_test {
	struct ptkit_quicklist *ql;
	int ctors;
	int dtors;
	int checks;
	int ctor_error;
	u8 state;	/* what the pages are filled with */
};

/* ---- operations that count ------------------------------------------------------------------- */

static int counting_ctor(struct page *page, gfp_t gfp, void *private)
{
	struct ql_test *t = private;

	t->ctors++;
	/* The page comes zeroed. */
	if (!ptest_filled(page, 0, 0))
		return -EIO;
	if (t->ctor_error)
		return t->ctor_error;
	memset(page_address(page), t->state, PAGE_SIZE);
	return 0;
}

static void counting_dtor(struct page *page, void *private)
{
	struct ql_test *t = private;

	t->dtors++;
}

static bool counting_check(struct page *page, void *private)
{
	struct ql_test *t = private;

	t->checks++;
	return ptest_filled(page, t->state, 0);
}

static const struct ptkit_quicklist_ops counting_ops = {
	.ctor = counting_ctor,
	.dtor = counting_dtor,
	.check = counting_check,
};

static const struct ptkit_quicklist_ops unchecked_ops = {
	.ctor = counting_ctor,
};

/* ---- helpers --------------------------------------------------------------------------------- */

static void ql_destroy(void *ql)
{
	ptkit_quicklist_destroy(ql);
}

static struct ptkit_quicklist *ql_create(struct kunit *test, const char *name,
					 const struct ptkit_quicklist_ops *ops, void *private)
{
	struct ptkit_quicklist *ql = ptkit_quicklist_create(name, ops, private);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ql);
	ptest_defer(test, ql_destroy, ql);
	return ql;
}

/* A quicklist whose pages are filled with @state, and which counts. */
static struct ql_test *ql_test_counting(struct kunit *test, const char *name, u8 state)
{
	struct ql_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->state = state;
	t->ql = ql_create(test, name, &counting_ops, t);
	return t;
}

static struct ptkit_quicklist_stats ql_stats(struct ptkit_quicklist *ql)
{
	struct ptkit_quicklist_stats stats;

	ptkit_quicklist_get_stats(ql, &stats);
	return stats;
}

/* Every page that the host gave is somewhere. */
static void ql_expect_sum(struct kunit *test, struct ptkit_quicklist *ql)
{
	struct ptkit_quicklist_stats s = ql_stats(ql);

	KUNIT_EXPECT_EQ(test, s.misses,
			s.cached + s.in_use + s.returned + s.disowned + s.dirty);
	KUNIT_EXPECT_EQ(test, s.cached, ptkit_quicklist_total_size(ql));
}

static struct page *ql_get(struct kunit *test, struct ptkit_quicklist *ql)
{
	return ptest_hold(test, ptkit_quicklist_alloc(ql, GFP_KERNEL), 0);
}

static void ql_put(struct kunit *test, struct ptkit_quicklist *ql, struct page *page)
{
	ptkit_quicklist_free(ql, ptest_drop(test, page));
}

/* Have @nr more pages on this CPU's list; @pages, if not %NULL, gets them, the top one last. */
static void ql_fill(struct kunit *test, struct ptkit_quicklist *ql, unsigned int nr,
		    struct page **pages)
{
	struct page **mine = pages ?: kunit_kcalloc(test, nr, sizeof(*mine), GFP_KERNEL);
	unsigned long listed = ptkit_quicklist_total_size(ql);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, mine);
	for (i = 0; i < nr; i++)
		mine[i] = ql_get(test, ql);
	for (i = 0; i < nr; i++)
		ql_put(test, ql, mine[i]);
	KUNIT_ASSERT_EQ(test, ptkit_quicklist_total_size(ql),
			ptkit_passthrough ? 0UL : listed + nr);
}

static void ql_fill_every_cpu(struct kunit *test, struct ptkit_quicklist *ql, unsigned int each)
{
	int cpu;

	for_each_online_cpu(cpu) {
		ptest_pin(test, cpu);
		ql_fill(test, ql, each, NULL);
	}
}

static void needs_list(struct kunit *test)
{
	if (ptkit_passthrough)
		kunit_skip(test, "nothing is listed with passthrough=1");
}

static int ql_test_init(struct kunit *test)
{
	ptest_balanced(test);
	return 0;
}

/* ---- names ----------------------------------------------------------------------------------- */

static const char *const bad_names[] = {
	"", " ", "/", "a/b", "..", "with space", "dash-ed", "tab\t", "new\nline",
	"exactly_thirty_two_characters_xx", "caf\xe9", "\x80",
	"a_name_that_is_far_longer_than_any_directory_of_ptkit_ever_needs_to_be",
};

static void bad_name_desc(const char *const *name, char *desc)
{
	unsigned int i;

	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "\"%s\"", *name);
	for (i = 0; desc[i]; i++)
		if (desc[i] < ' ' || desc[i] > '~' || desc[i] == '#')
			desc[i] = '?';
}

KUNIT_ARRAY_PARAM(bad_name, bad_names, bad_name_desc);

static void quicklist_with_a_bad_name_is_not_made(struct kunit *test)
{
	const char *const *name = test->param_value;
	struct ptkit_quicklist *ql = ptkit_quicklist_create(*name, NULL, NULL);

	KUNIT_EXPECT_EQ(test, PTR_ERR(ql), (long)-EINVAL);
	ptkit_quicklist_destroy(ql);
}

static void quicklist_without_a_name_is_not_made(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, PTR_ERR(ptkit_quicklist_create(NULL, NULL, NULL)), (long)-EINVAL);
}

static void quicklist_name_of_any_valid_length_is_taken(struct kunit *test)
{
	char name[] = "Exactly_31_Characters_Long_abcd";

	static_assert(sizeof(name) - 1 == 31);
	ql_create(test, name, NULL, NULL);
	ql_create(test, "x", NULL, NULL);
	ql_create(test, "_", NULL, NULL);
	ql_create(test, "0", NULL, NULL);
	/* The name was copied. */
	name[0] = '/';
	KUNIT_EXPECT_EQ(test, PTR_ERR(ptkit_quicklist_create("Exactly_31_Characters_Long_abcd",
							     NULL, NULL)), (long)-EEXIST);
}

static void quicklist_name_in_use_is_refused_until_it_is_free(struct kunit *test)
{
	struct ptkit_quicklist *ql = ptkit_quicklist_create("kunit", NULL, NULL);
	struct ptkit_quicklist *twin = ptkit_quicklist_create("kunit", NULL, NULL);

	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(ql), 0);
	KUNIT_EXPECT_EQ(test, PTR_ERR(twin), (long)-EEXIST);
	ptkit_quicklist_destroy(twin);
	ptkit_quicklist_destroy(ql);
	ql_create(test, "kunit", NULL, NULL);
}

static void destroying_nothing_is_no_problem(struct kunit *test)
{
	ptkit_quicklist_destroy(NULL);
	ptkit_quicklist_destroy(ERR_PTR(-ENOMEM));
	KUNIT_SUCCEED(test);
}

/* ---- allocation and freeing ------------------------------------------------------------------ */

static void new_page_is_zero_and_frozen(struct kunit *test)
{
	struct ptkit_quicklist *ql = ql_create(test, "kunit", NULL, NULL);
	struct page *page;

	/* What the stash has is somebody's old page. */
	page = ptest_frozen(test, GFP_KERNEL, 0);
	memset(page_address(page), 0xff, PAGE_SIZE);
	ptest_frozen_free(test, page, 0);

	page = ql_get(test, ql);
	KUNIT_EXPECT_TRUE(test, ptest_filled(page, 0, 0));
	KUNIT_EXPECT_TRUE(test, ptkit_page_frozen(page));
	KUNIT_EXPECT_EQ(test, ql_stats(ql).misses, 1UL);
	KUNIT_EXPECT_EQ(test, ql_stats(ql).hits, 0UL);
	KUNIT_EXPECT_EQ(test, ql_stats(ql).in_use, 1L);
	ql_put(test, ql, page);
	ql_expect_sum(test, ql);
}

static void freed_page_is_handed_out_again_as_it_was(struct kunit *test)
{
	struct ptkit_quicklist *ql = ql_create(test, "kunit", NULL, NULL);
	struct ptkit_frozen_stats before;
	struct page *page;

	needs_list(test);
	ptest_pin_here(test);
	page = ql_get(test, ql);
	ql_put(test, ql, page);
	before = ptest_stats();
	KUNIT_EXPECT_PTR_EQ(test, ql_get(test, ql), page);
	KUNIT_EXPECT_TRUE(test, ptest_filled(page, 0, 0));
	KUNIT_EXPECT_TRUE(test, ptkit_page_frozen(page));
	KUNIT_EXPECT_EQ(test, ql_stats(ql).hits, 1UL);
	KUNIT_EXPECT_EQ(test, ql_stats(ql).misses, 1UL);
	/* Neither stash nor host were asked. */
	KUNIT_EXPECT_EQ(test, ptest_stats().hits, before.hits);
	KUNIT_EXPECT_EQ(test, ptest_stats().host_alloc, before.host_alloc);
	ql_put(test, ql, page);
	ql_expect_sum(test, ql);
}

static void passthrough_lists_nothing(struct kunit *test)
{
	struct ptkit_quicklist *ql = ql_create(test, "kunit", NULL, NULL);
	struct ptkit_frozen_stats before;
	struct page *page;

	if (!ptkit_passthrough)
		kunit_skip(test, "passthrough=0");
	page = ql_get(test, ql);
	before = ptest_stats();
	ql_put(test, ql, page);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_total_size(ql), 0UL);
	KUNIT_EXPECT_EQ(test, ptest_stats().host_free - before.host_free, 1UL);
	KUNIT_EXPECT_EQ(test, ql_stats(ql).frees, 1UL);
	KUNIT_EXPECT_EQ(test, ql_stats(ql).returned, 1UL);
	ql_expect_sum(test, ql);
}

static void listed_page_can_be_had_without_asking_the_host(struct kunit *test)
{
	struct ptkit_quicklist *ql = ql_create(test, "kunit", NULL, NULL);
	unsigned long live = ptest_stats().live;
	struct page *page;

	KUNIT_EXPECT_NULL(test, ptkit_quicklist_alloc_listed(ql));
	KUNIT_EXPECT_EQ(test, ql_stats(ql).misses, 0UL);
	KUNIT_EXPECT_EQ(test, ql_stats(ql).failed, 0UL);
	KUNIT_EXPECT_EQ(test, ptest_stats().live, (long)live);

	needs_list(test);
	ptest_pin_here(test);
	ql_fill(test, ql, 1, &page);
	KUNIT_EXPECT_PTR_EQ(test, ptkit_quicklist_alloc_listed(ql), page);
	KUNIT_EXPECT_EQ(test, ql_stats(ql).hits, 1UL);
	ptkit_quicklist_free(ql, page);
	ql_expect_sum(test, ql);
}

static void page_of_one_list_is_never_given_by_another(struct kunit *test)
{
	struct ql_test *a = ql_test_counting(test, "kunit_a", 0xaa);
	struct ql_test *b = ql_test_counting(test, "kunit_b", 0xbb);
	struct page *page;

	ptest_pin_here(test);
	ql_fill(test, a->ql, 3, NULL);
	page = ql_get(test, b->ql);
	KUNIT_EXPECT_TRUE(test, ptest_filled(page, 0xbb, 0));
	KUNIT_EXPECT_EQ(test, ql_stats(b->ql).hits, 0UL);
	KUNIT_EXPECT_EQ(test, ql_stats(a->ql).in_use, 0L);
	ql_put(test, b->ql, page);
	page = ql_get(test, a->ql);
	KUNIT_EXPECT_TRUE(test, ptest_filled(page, 0xaa, 0));
	ql_put(test, a->ql, page);
}

static void account_flag_is_ignored(struct kunit *test)
{
	struct ptkit_quicklist *ql = ql_create(test, "kunit", NULL, NULL);
	unsigned long bypassed = ptest_stats().bypassed;
	struct page *page;

	ptest_frozen_free(test, ptest_frozen(test, GFP_KERNEL, 0), 0);
	ptest_pin_here(test);
	page = ptest_hold(test, ptkit_quicklist_alloc(ql, GFP_KERNEL_ACCOUNT), 0);
	if (!ptkit_passthrough)
		KUNIT_EXPECT_EQ(test, ptest_stats().bypassed - bypassed, 0UL);
	ql_put(test, ql, page);
}

static void atomic_request_is_served(struct kunit *test)
{
	struct ptkit_quicklist *ql = ql_create(test, "kunit", NULL, NULL);
	struct page *page;

	page = ptest_hold(test, ptkit_quicklist_alloc(ql, GFP_ATOMIC), 0);
	KUNIT_EXPECT_TRUE(test, ptest_filled(page, 0, 0));
	ql_put(test, ql, page);
}

static void zone_modifier_is_refused(struct kunit *test)
{
	struct ptkit_quicklist *ql = ql_create(test, "kunit", NULL, NULL);

	ptest_expect_warning(PTEST_WARN_QL_ZONE);
	KUNIT_EXPECT_NULL(test, ptkit_quicklist_alloc(ql, GFP_KERNEL | __GFP_DMA32));
	KUNIT_EXPECT_NULL(test, ptkit_quicklist_alloc(ql, GFP_KERNEL | __GFP_DMA));
	KUNIT_EXPECT_NULL(test, ptkit_quicklist_alloc(ql, GFP_HIGHUSER_MOVABLE));
	KUNIT_EXPECT_EQ(test, ql_stats(ql).failed, 3UL);
	KUNIT_EXPECT_EQ(test, ql_stats(ql).in_use, 0L);
	ql_expect_sum(test, ql);
}

/* ---- constructor and destructor -------------------------------------------------------------- */

static void ctor_and_dtor_run_once_per_page_that_comes_and_goes(struct kunit *test)
{
	struct ql_test *t = ql_test_counting(test, "kunit", 0x3c);
	struct page *page;
	int i;

	ptest_pin_here(test);
	for (i = 0; i < 10; i++) {
		page = ql_get(test, t->ql);
		KUNIT_EXPECT_TRUE(test, ptest_filled(page, 0x3c, 0));
		ql_put(test, t->ql, page);
	}
	KUNIT_EXPECT_EQ(test, t->ctors, ptkit_passthrough ? 10 : 1);
	KUNIT_EXPECT_EQ(test, t->dtors, ptkit_passthrough ? 10 : 0);
	ptkit_quicklist_drain(t->ql, 0);
	KUNIT_EXPECT_EQ(test, t->dtors, t->ctors);

	page = ql_get(test, t->ql);
	ptkit_quicklist_release(t->ql, ptest_drop(test, page));
	KUNIT_EXPECT_EQ(test, t->dtors, t->ctors);
	ql_expect_sum(test, t->ql);
}

static void ctor_that_fails_gives_null_and_its_page_back(struct kunit *test)
{
	struct ql_test *t = ql_test_counting(test, "kunit", 0);
	struct ptkit_frozen_stats before;

	t->ctor_error = -ENOMEM;
	before = ptest_stats();
	KUNIT_EXPECT_NULL(test, ptkit_quicklist_alloc(t->ql, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, ptkit_quicklist_alloc(t->ql, GFP_ATOMIC));
	KUNIT_EXPECT_EQ(test, t->ctors, 2);
	KUNIT_EXPECT_EQ(test, t->dtors, 0);
	KUNIT_EXPECT_EQ(test, ptest_stats().live, before.live);
	KUNIT_EXPECT_EQ(test, ql_stats(t->ql).failed, 2UL);
	KUNIT_EXPECT_EQ(test, ql_stats(t->ql).misses, 0UL);
	KUNIT_EXPECT_EQ(test, ql_stats(t->ql).in_use, 0L);

	t->ctor_error = 0;
	ql_put(test, t->ql, ql_get(test, t->ql));
	ql_expect_sum(test, t->ql);
}

/* ---- limits ---------------------------------------------------------------------------------- */

static void limit_that_makes_no_sense_is_refused(struct kunit *test)
{
	struct ptkit_quicklist *ql = ql_create(test, "kunit", NULL, NULL);

	if (ptkit_passthrough) {
		KUNIT_EXPECT_EQ(test, ptkit_quicklist_set_limit(ql, 10), -EPERM);
		KUNIT_EXPECT_EQ(test, ptkit_quicklist_set_limit(ql, PTKIT_LIMIT_AUTO), -EPERM);
		return;
	}
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_set_limit(ql, -2), -ERANGE);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_set_limit(ql, LONG_MIN), -ERANGE);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_set_limit(ql, LONG_MAX), -ERANGE);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_set_limit(ql, totalram_pages() + 1), -ERANGE);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_set_limit(ql, totalram_pages()), 0);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_set_limit(ql, PTKIT_LIMIT_AUTO), 0);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_set_limit(ql, 0), 0);
}

static const long limits[] = { 1, 2, 15, 16, 17, 63, 64, 65, 100 };

static void limit_desc(const long *limit, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "limit %ld", *limit);
}

KUNIT_ARRAY_PARAM(limit, limits, limit_desc);

#define LIMIT_PAGES	150

static void list_never_holds_more_than_its_limit(struct kunit *test)
{
	struct ptkit_quicklist *ql = ql_create(test, "kunit", NULL, NULL);
	struct page **pages = kunit_kcalloc(test, LIMIT_PAGES, sizeof(*pages), GFP_KERNEL);
	const long *limit = test->param_value;
	unsigned long size, most = 0;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, pages);
	needs_list(test);
	KUNIT_ASSERT_EQ(test, ptkit_quicklist_set_limit(ql, *limit), 0);
	ptest_pin_here(test);
	for (i = 0; i < LIMIT_PAGES; i++)
		pages[i] = ql_get(test, ql);
	for (i = 0; i < LIMIT_PAGES; i++) {
		ql_put(test, ql, pages[i]);
		size = ptkit_quicklist_total_size(ql);
		KUNIT_EXPECT_LE(test, size, (unsigned long)*limit);
		most = max(most, size);
	}
	/* It is used, too. */
	KUNIT_EXPECT_EQ(test, most, (unsigned long)*limit);
	ql_expect_sum(test, ql);
}

static void list_with_limit_zero_keeps_nothing(struct kunit *test)
{
	struct ptkit_quicklist *ql = ql_create(test, "kunit", NULL, NULL);

	needs_list(test);
	ptest_pin_here(test);
	ql_fill(test, ql, 20, NULL);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_set_limit(ql, 0), 0);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_total_size(ql), 0UL);
	ql_put(test, ql, ql_get(test, ql));
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_total_size(ql), 0UL);

	/* ... until it is told otherwise. */
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_set_limit(ql, PTKIT_LIMIT_AUTO), 0);
	ql_put(test, ql, ql_get(test, ql));
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_total_size(ql), 1UL);
	ql_expect_sum(test, ql);
}

static void lowered_limit_shortens_the_lists_of_all_cpus(struct kunit *test)
{
	struct ptkit_quicklist *ql = ql_create(test, "kunit", NULL, NULL);

	needs_list(test);
	ql_fill_every_cpu(test, ql, 30);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_total_size(ql), 30UL * num_online_cpus());
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_set_limit(ql, 11), 0);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_total_size(ql), 11UL * num_online_cpus());
	KUNIT_EXPECT_EQ(test, ql_stats(ql).returned, 19UL * num_online_cpus());
	ql_expect_sum(test, ql);
}

/* The share of a node is a sixteenth of its free memory, by its CPUs. */
static void automatic_limit_is_a_share_of_the_free_memory(struct kunit *test)
{
	unsigned long share = ptkit_node_share(numa_mem_id());

	KUNIT_EXPECT_GT(test, share, 0UL);
	KUNIT_EXPECT_LE(test, share, totalram_pages() / 16);
}

static void list_with_an_automatic_limit_grows_beyond_a_step(struct kunit *test)
{
	struct ptkit_quicklist *ql = ql_create(test, "kunit", NULL, NULL);
	int cpu = ptest_pin_here(test);

	needs_list(test);
	if (ptkit_node_share(cpu_to_mem(cpu)) < 2000)
		kunit_skip(test, "needs more free memory");
	ql_fill(test, ql, 500, NULL);
	KUNIT_EXPECT_EQ(test, ql_stats(ql).returned, 0UL);
	ql_expect_sum(test, ql);
}

/* A list has pages of its CPU's node only. */
static void page_of_another_node_is_not_listed(struct kunit *test)
{
	struct ptkit_quicklist *ql = ql_create(test, "kunit", NULL, NULL);
	int here = ptest_pin_first(test), there;
	struct page *page;
	bool off_node;

	for_each_online_cpu(there)
		if (cpu_to_mem(there) != cpu_to_mem(here))
			break;
	if (there >= nr_cpu_ids)
		kunit_skip(test, "needs CPUs of two nodes with memory");
	ptest_pin(test, there);
	page = ql_get(test, ql);
	ptest_pin(test, here);
	off_node = page_to_nid(page) != cpu_to_mem(here);
	ql_put(test, ql, page);
	if (!off_node)
		kunit_skip(test, "the other node has no page to spare");
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_total_size(ql), 0UL);
	KUNIT_EXPECT_EQ(test, ql_stats(ql).returned, 1UL);
	KUNIT_EXPECT_EQ(test, ql_stats(ql).frees, 1UL);
	ql_expect_sum(test, ql);
}

/* ---- trimming -------------------------------------------------------------------------------- */

static void trim_leaves_what_the_limit_allows(struct kunit *test)
{
	struct ptkit_quicklist *ql = ql_create(test, "kunit", NULL, NULL);

	ptest_pin_here(test);
	ql_fill(test, ql, 40, NULL);
	/* A list within its share is left alone, whatever the minimum. */
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_trim(ql, 0, ULONG_MAX), 0UL);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_trim(ql, ULONG_MAX, ULONG_MAX), 0UL);
	needs_list(test);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_total_size(ql), 40UL);
}

/* Keep memory of @node short while a case looks: until its CPUs' share is @share. */
static void eat_memory(struct kunit *test, int node, unsigned long share)
{
	unsigned int order = ilog2(MAX_ORDER_NR_PAGES);
	gfp_t gfp = GFP_KERNEL | __GFP_THISNODE | __GFP_NORETRY | __GFP_NOWARN;
	struct page *page;

	while (ptkit_node_share(node) > share) {
		page = ptkit_frozen_alloc_node(node, gfp, order);
		if (!page)
			break;
		ptest_hold(test, page, order);
	}
}

static void trim_frees_what_is_above_the_share_and_no_more_than_asked(struct kunit *test)
{
	struct ptkit_quicklist *ql = ql_create(test, "kunit", NULL, NULL);
	unsigned long share, nr;
	int node;

	needs_list(test);
	node = cpu_to_mem(ptest_pin_here(test));
	nr = ptkit_node_share(node) / 2;
	if (nr > 20000 || nr < 300)
		kunit_skip(test, "made for nodes of 128 MB to 4 GB");
	ql_fill(test, ql, nr, NULL);
	eat_memory(test, node, nr / 2);
	share = ptkit_node_share(node);
	KUNIT_ASSERT_LT(test, share, nr - 100);

	KUNIT_EXPECT_EQ(test, ptkit_quicklist_trim(ql, 0, 7), 7UL);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_total_size(ql), nr - 7);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_trim(ql, nr, ULONG_MAX), 0UL);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_trim(ql, nr - 10, ULONG_MAX), 3UL);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_trim(ql, 0, 0), 0UL);
	KUNIT_EXPECT_GT(test, ptkit_quicklist_trim(ql, 0, ULONG_MAX), 0UL);
	/* Memory moves while we look. */
	KUNIT_EXPECT_LE(test, ptkit_quicklist_total_size(ql), share + 100);
	KUNIT_EXPECT_GT(test, ptkit_quicklist_total_size(ql), 0UL);
	ql_expect_sum(test, ql);
}

static void drain_leaves_what_was_asked_on_every_cpu(struct kunit *test)
{
	struct ptkit_quicklist *ql = ql_create(test, "kunit", NULL, NULL);

	ql_fill_every_cpu(test, ql, 30);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_drain(ql, 30), 0UL);
	if (ptkit_passthrough) {
		KUNIT_EXPECT_EQ(test, ptkit_quicklist_drain(ql, 0), 0UL);
		return;
	}
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_drain(ql, 25), 5UL * num_online_cpus());
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_total_size(ql), 25UL * num_online_cpus());
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_drain(ql, 0), 25UL * num_online_cpus());
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_total_size(ql), 0UL);
	ql_expect_sum(test, ql);
}

static void shrinker_counts_and_takes_what_is_listed(struct kunit *test)
{
	struct ptkit_quicklist *ql = ql_create(test, "kunit", NULL, NULL);
	struct ptkit_shrinker *shrinker = ptkit_quicklist_shrinker(ql);
	int node = cpu_to_mem(ptest_pin_here(test));

	KUNIT_EXPECT_EQ(test, ptest_shrink_count(shrinker, node), SHRINK_EMPTY);
	KUNIT_EXPECT_EQ(test, ptest_shrink(shrinker, node, 10), SHRINK_STOP);
	needs_list(test);
	ql_fill(test, ql, 50, NULL);
	KUNIT_EXPECT_EQ(test, ptest_shrink_count(shrinker, node), 50UL);
	KUNIT_EXPECT_EQ(test, ptest_shrink(shrinker, node, 20), 20UL);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_total_size(ql), 30UL);
	KUNIT_EXPECT_EQ(test, ptest_shrink(shrinker, node, 1000), 30UL);
	KUNIT_EXPECT_EQ(test, ptest_shrink_count(shrinker, node), SHRINK_EMPTY);
	KUNIT_EXPECT_EQ(test, ql_stats(ql).returned, 50UL);
	ql_expect_sum(test, ql);
}

#ifdef CONFIG_HOTPLUG_CPU
static void ql_cpu_online(void *arg)
{
	add_cpu((long)arg);
}

static void list_of_a_cpu_that_dies_goes_to_the_host(struct kunit *test)
{
	struct ptkit_quicklist *ql = ql_create(test, "kunit", NULL, NULL);
	int here = ptest_pin_first(test), dead = ptest_other_cpu(here);

	needs_list(test);
	if (dead < 0)
		kunit_skip(test, "needs two CPUs");
	ql_fill(test, ql, 5, NULL);
	ptest_pin(test, dead);
	ql_fill(test, ql, 20, NULL);
	ptest_pin(test, here);
	if (remove_cpu(dead))
		kunit_skip(test, "this machine cannot unplug CPUs");
	ptest_defer(test, ql_cpu_online, (void *)(long)dead);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_total_size(ql), 5UL);
	KUNIT_EXPECT_EQ(test, ql_stats(ql).returned, 20UL);
	ql_expect_sum(test, ql);
}
#else
static void list_of_a_cpu_that_dies_goes_to_the_host(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_HOTPLUG_CPU");
}
#endif

/* ---- pages that do not come back ------------------------------------------------------------- */

static void released_page_goes_to_the_host(struct kunit *test)
{
	struct ptkit_quicklist *ql = ql_create(test, "kunit", NULL, NULL);
	unsigned long live = ptest_stats().live;

	ptkit_quicklist_release(ql, ptest_drop(test, ql_get(test, ql)));
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_total_size(ql), 0UL);
	KUNIT_EXPECT_EQ(test, ql_stats(ql).returned, 1UL);
	KUNIT_EXPECT_EQ(test, ql_stats(ql).frees, 1UL);
	KUNIT_EXPECT_EQ(test, ql_stats(ql).in_use, 0L);
	KUNIT_EXPECT_EQ(test, ptest_stats().live, (long)live);
	ql_expect_sum(test, ql);
}

static void disowned_pages_are_no_longer_in_use(struct kunit *test)
{
	struct ptkit_quicklist *ql = ql_create(test, "kunit", NULL, NULL);
	int i;

	for (i = 0; i < 3; i++) {
		struct page *page = ql_get(test, ql);

		KUNIT_EXPECT_EQ(test, ptkit_page_thaw(page, 1), 0);
		ptest_drop(test, page);
		put_page(page);
	}
	KUNIT_EXPECT_EQ(test, ql_stats(ql).in_use, 3L);
	ptkit_quicklist_disown(ql, 1);
	KUNIT_EXPECT_EQ(test, ql_stats(ql).in_use, 2L);
	ptkit_quicklist_disown(ql, 2);
	KUNIT_EXPECT_EQ(test, ql_stats(ql).in_use, 0L);
	KUNIT_EXPECT_EQ(test, ql_stats(ql).disowned, 3UL);
	ql_expect_sum(test, ql);
}

static void quicklist_ends_without_the_pages_in_use(struct kunit *test)
{
	struct ptkit_quicklist *ql = ptkit_quicklist_create("kunit", NULL, NULL);
	struct page *page;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ql);
	page = ptkit_quicklist_alloc(ql, GFP_KERNEL);
	ptkit_quicklist_free(ql, ptkit_quicklist_alloc(ql, GFP_KERNEL));
	ptkit_quicklist_destroy(ql);

	/* Still whole, still ours. */
	ptest_hold(test, page, 0);
	KUNIT_EXPECT_TRUE(test, ptkit_page_frozen(page));
	memset(page_address(page), 0x11, PAGE_SIZE);
	ptest_frozen_free(test, page, 0);
}

/* ---- verifying ------------------------------------------------------------------------------- */

static const unsigned int dirty_bytes[] = {
	0, 1, 7, 8, 63, 64, PAGE_SIZE / 2 - 1, PAGE_SIZE / 2, PAGE_SIZE - 8, PAGE_SIZE - 1,
};

static void dirty_desc(const unsigned int *byte, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "byte %u", *byte);
}

KUNIT_ARRAY_PARAM(dirty, dirty_bytes, dirty_desc);

static void verify_finds_a_page_with_one_wrong_byte_and_takes_it_away(struct kunit *test)
{
	struct ptkit_quicklist *ql = ql_create(test, "kunit", NULL, NULL);
	const unsigned int *byte = test->param_value;
	unsigned long checked = 0;
	struct page *pages[4];
	u8 *bad;

	needs_list(test);
	ptest_pin_here(test);
	ql_fill(test, ql, 4, pages);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_verify(ql, &checked), 0L);
	KUNIT_EXPECT_EQ(test, checked, 4UL);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_total_size(ql), 4UL);

	bad = page_address(pages[2]);
	bad[*byte] = 1;
	ptest_expect_warning(PTEST_WARN_QL_DIRTY);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_verify(ql, &checked), 1L);
	KUNIT_EXPECT_EQ(test, checked, 4UL);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_total_size(ql), 3UL);
	KUNIT_EXPECT_EQ(test, ql_stats(ql).dirty, 1UL);
	KUNIT_EXPECT_EQ(test, ql_stats(ql).in_use, 0L);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_verify(ql, NULL), 0L);
	ql_expect_sum(test, ql);
	/* Whoever wrote to it may do so again: it was leaked. Here nobody does. */
	ptkit_frozen_free(pages[2], 0);
}

static void verify_looks_at_the_lists_of_all_cpus(struct kunit *test)
{
	struct ptkit_quicklist *ql = ql_create(test, "kunit", NULL, NULL);
	unsigned long checked = 0;

	ql_fill_every_cpu(test, ql, 30);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_verify(ql, &checked), 0L);
	KUNIT_EXPECT_EQ(test, checked, ptkit_passthrough ? 0UL : 30UL * num_online_cpus());
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_total_size(ql), checked);
	ql_expect_sum(test, ql);
}

static void verify_does_not_lengthen_a_list_beyond_its_limit(struct kunit *test)
{
	struct ptkit_quicklist *ql = ql_create(test, "kunit", NULL, NULL);

	needs_list(test);
	ptest_pin_here(test);
	KUNIT_ASSERT_EQ(test, ptkit_quicklist_set_limit(ql, 20), 0);
	ql_fill(test, ql, 20, NULL);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_verify(ql, NULL), 0L);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_total_size(ql), 20UL);
	/* Verifying is no allocation and no free. */
	KUNIT_EXPECT_EQ(test, ql_stats(ql).hits, 0UL);
	KUNIT_EXPECT_EQ(test, ql_stats(ql).frees, 20UL);
}

/* A quicklist whose check frees a page into the list that is being verified. */
struct busy_test {
	struct ptkit_quicklist *ql;
	struct page *spare[10];
	unsigned int nr;
};

static bool busy_check(struct page *page, void *private)
{
	struct busy_test *busy = private;

	if (busy->nr)
		ptkit_quicklist_free(busy->ql, busy->spare[--busy->nr]);
	return true;
}

static const struct ptkit_quicklist_ops busy_ops = { .check = busy_check };

static void verify_of_a_busy_list_keeps_it_within_its_limit(struct kunit *test)
{
	struct busy_test *busy = kunit_kzalloc(test, sizeof(*busy), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, busy);
	needs_list(test);
	busy->ql = ql_create(test, "kunit", &busy_ops, busy);
	KUNIT_ASSERT_EQ(test, ptkit_quicklist_set_limit(busy->ql, 10), 0);
	ptest_pin_here(test);
	ql_fill(test, busy->ql, 10, NULL);
	while (busy->nr < ARRAY_SIZE(busy->spare)) {
		struct page *page = ptest_frozen(test, GFP_KERNEL | __GFP_ZERO, 0);

		busy->spare[busy->nr++] = ptest_drop(test, page);
	}
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_verify(busy->ql, NULL), 0L);
	KUNIT_EXPECT_EQ(test, busy->nr, 0U);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_total_size(busy->ql), 10UL);
	KUNIT_EXPECT_EQ(test, ql_stats(busy->ql).returned, 10UL);
}

static void verify_asks_the_check_of_the_quicklist(struct kunit *test)
{
	struct ql_test *t = ql_test_counting(test, "kunit", 0x99);
	struct page *pages[3];

	needs_list(test);
	ptest_pin_here(test);
	ql_fill(test, t->ql, 3, pages);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_verify(t->ql, NULL), 0L);
	KUNIT_EXPECT_EQ(test, t->checks, 3);

	memset(page_address(pages[0]), 0, PAGE_SIZE);	/* zero is wrong here */
	ptest_expect_warning(PTEST_WARN_QL_DIRTY);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_verify(t->ql, NULL), 1L);
	KUNIT_EXPECT_EQ(test, t->checks, 6);
	KUNIT_EXPECT_EQ(test, t->dtors, 0);
	ptkit_frozen_free(pages[0], 0);
	ql_expect_sum(test, t->ql);
}

static void verify_without_a_check_is_not_supported_beside_a_ctor(struct kunit *test)
{
	struct ql_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	unsigned long checked = 4711;

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->ql = ql_create(test, "kunit", &unchecked_ops, t);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_verify(t->ql, &checked), (long)-EOPNOTSUPP);
}

static void verify_off(void *unused)
{
	static_branch_disable(&ptkit_verify_key);
}

static void verify_on(struct kunit *test)
{
	if (static_key_enabled(&ptkit_verify_key))
		return;
	ptest_defer(test, verify_off, NULL);
	static_branch_enable(&ptkit_verify_key);
}

static void page_freed_dirty_is_not_listed_with_verify(struct kunit *test)
{
	struct ptkit_quicklist *ql = ql_create(test, "kunit", NULL, NULL);
	struct page *page;

	verify_on(test);
	ptest_expect_warning(PTEST_WARN_QL_DIRTY);
	page = ql_get(test, ql);
	((u8 *)page_address(page))[PAGE_SIZE / 3] = 1;
	ptkit_quicklist_free(ql, page);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_total_size(ql), 0UL);
	KUNIT_EXPECT_EQ(test, ql_stats(ql).dirty, 1UL);
	KUNIT_EXPECT_EQ(test, ql_stats(ql).frees, 1UL);
	KUNIT_EXPECT_EQ(test, ql_stats(ql).in_use, 0L);
	ql_expect_sum(test, ql);
	/* It was leaked; the case still knows it. */
	ptest_frozen_free(test, page, 0);
}

static void page_dirtied_on_the_list_is_not_handed_out_with_verify(struct kunit *test)
{
	struct ptkit_quicklist *ql = ql_create(test, "kunit", NULL, NULL);
	struct page *pages[3];

	needs_list(test);
	verify_on(test);
	ptest_pin_here(test);
	ql_fill(test, ql, 3, pages);
	((u8 *)page_address(pages[2]))[0] = 1;
	((u8 *)page_address(pages[1]))[PAGE_SIZE - 1] = 1;
	ptest_expect_warning(PTEST_WARN_QL_DIRTY);
	KUNIT_EXPECT_PTR_EQ(test, ql_get(test, ql), pages[0]);
	KUNIT_EXPECT_EQ(test, ql_stats(ql).dirty, 2UL);
	KUNIT_EXPECT_EQ(test, ql_stats(ql).hits, 1UL);
	KUNIT_EXPECT_EQ(test, ql_stats(ql).in_use, 1L);
	ql_put(test, ql, pages[0]);
	((u8 *)page_address(pages[0]))[1] = 1;
	KUNIT_EXPECT_NULL(test, ptkit_quicklist_alloc_listed(ql));
	KUNIT_EXPECT_EQ(test, ql_stats(ql).dirty, 3UL);
	ql_expect_sum(test, ql);
	ptkit_frozen_free(pages[0], 0);
	ptkit_frozen_free(pages[1], 0);
	ptkit_frozen_free(pages[2], 0);
}

static void verify_lets_clean_pages_come_and_go(struct kunit *test)
{
	struct ptkit_quicklist *ql = ql_create(test, "kunit", NULL, NULL);
	struct page *page;
	int i;

	verify_on(test);
	ptest_pin_here(test);
	for (i = 0; i < 10; i++) {
		page = ql_get(test, ql);
		KUNIT_EXPECT_TRUE(test, ptest_filled(page, 0, 0));
		ql_put(test, ql, page);
	}
	KUNIT_EXPECT_EQ(test, ql_stats(ql).hits, ptkit_passthrough ? 0UL : 9UL);
	KUNIT_EXPECT_EQ(test, ql_stats(ql).dirty, 0UL);
	ql_expect_sum(test, ql);
}

/* ---- misuse ---------------------------------------------------------------------------------- */

static void free_of_a_listed_page_is_refused(struct kunit *test)
{
	struct ptkit_quicklist *ql = ql_create(test, "kunit", NULL, NULL);
	struct ptkit_quicklist *other = ql_create(test, "kunit_other", NULL, NULL);
	struct page *pages[3];

	needs_list(test);
	ptest_pin_here(test);
	ql_fill(test, ql, 3, pages);
	ptest_expect_warning(PTEST_WARN_QL_FREE);
	ptest_expect_warning(PTEST_WARN_FREE);
	ptkit_quicklist_free(ql, pages[2]);	/* the top */
	ptkit_quicklist_free(ql, pages[0]);	/* the last */
	KUNIT_EXPECT_EQ(test, ql_stats(ql).misuse, 2UL);
	ptkit_quicklist_free(other, pages[1]);	/* into another list */
	KUNIT_EXPECT_EQ(test, ql_stats(other).misuse, 1UL);
	ptkit_frozen_free(pages[1], 0);		/* and past any list */
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_total_size(ql), 3UL);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_total_size(other), 0UL);
	KUNIT_EXPECT_EQ(test, ql_stats(ql).frees, 3UL);

	/* The list is whole. */
	KUNIT_EXPECT_PTR_EQ(test, ql_get(test, ql), pages[2]);
	KUNIT_EXPECT_PTR_EQ(test, ql_get(test, ql), pages[1]);
	KUNIT_EXPECT_PTR_EQ(test, ql_get(test, ql), pages[0]);
	KUNIT_EXPECT_NULL(test, ptkit_quicklist_alloc_listed(ql));
	ql_put(test, ql, pages[0]);
	ql_put(test, ql, pages[1]);
	ql_put(test, ql, pages[2]);
	ql_expect_sum(test, ql);
}

static void free_of_a_page_with_a_reference_is_refused(struct kunit *test)
{
	struct ptkit_quicklist *ql = ql_create(test, "kunit", NULL, NULL);
	struct page *page = alloc_page(GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, page);
	ptest_expect_warning(PTEST_WARN_QL_FREE);
	ptkit_quicklist_free(ql, page);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 1);
	KUNIT_EXPECT_EQ(test, ql_stats(ql).misuse, 1UL);
	KUNIT_EXPECT_EQ(test, ql_stats(ql).frees, 0UL);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_total_size(ql), 0UL);
	put_page(page);
}

static void free_of_a_page_of_another_order_is_refused(struct kunit *test)
{
	struct ptkit_quicklist *ql = ql_create(test, "kunit", NULL, NULL);
	struct page *comp = ptest_frozen(test, GFP_KERNEL | __GFP_COMP, 2);
	struct page *block = ptest_frozen(test, GFP_KERNEL, 2);

	ptest_expect_warning(PTEST_WARN_QL_FREE);
	ptkit_quicklist_free(ql, comp);
	ptkit_quicklist_free(ql, comp + 1);
	ptkit_quicklist_free(ql, comp + 3);
	ptkit_quicklist_free(ql, block);
	KUNIT_EXPECT_EQ(test, ql_stats(ql).misuse, 4UL);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_total_size(ql), 0UL);
	KUNIT_EXPECT_PTR_EQ(test, compound_head(comp + 1), comp);
	KUNIT_EXPECT_PTR_EQ(test, compound_head(comp + 3), comp);
	ptest_frozen_free(test, comp, 2);
	ptest_frozen_free(test, block, 2);
}

/* The destructor must not see a page that is on a list: the list's next user would. */
static void release_of_a_listed_page_does_not_run_the_dtor(struct kunit *test)
{
	struct ql_test *t = ql_test_counting(test, "kunit", 0);
	struct page *page;

	needs_list(test);
	ptest_pin_here(test);
	ql_fill(test, t->ql, 1, &page);
	ptest_expect_warning(PTEST_WARN_QL_FREE);
	ptkit_quicklist_release(t->ql, page);
	KUNIT_EXPECT_EQ(test, t->dtors, 0);
	KUNIT_EXPECT_EQ(test, ql_stats(t->ql).misuse, 1UL);
	KUNIT_EXPECT_EQ(test, ql_stats(t->ql).returned, 0UL);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_total_size(t->ql), 1UL);
	ql_expect_sum(test, t->ql);
}

static struct kunit_case quicklist_cases[] = {
	KUNIT_CASE_PARAM(quicklist_with_a_bad_name_is_not_made, bad_name_gen_params),
	KUNIT_CASE(quicklist_without_a_name_is_not_made),
	KUNIT_CASE(quicklist_name_of_any_valid_length_is_taken),
	KUNIT_CASE(quicklist_name_in_use_is_refused_until_it_is_free),
	KUNIT_CASE(destroying_nothing_is_no_problem),
	KUNIT_CASE(new_page_is_zero_and_frozen),
	KUNIT_CASE(freed_page_is_handed_out_again_as_it_was),
	KUNIT_CASE(passthrough_lists_nothing),
	KUNIT_CASE(listed_page_can_be_had_without_asking_the_host),
	KUNIT_CASE(page_of_one_list_is_never_given_by_another),
	KUNIT_CASE(account_flag_is_ignored),
	KUNIT_CASE(atomic_request_is_served),
	KUNIT_CASE(zone_modifier_is_refused),
	KUNIT_CASE(ctor_and_dtor_run_once_per_page_that_comes_and_goes),
	KUNIT_CASE(ctor_that_fails_gives_null_and_its_page_back),
	KUNIT_CASE(limit_that_makes_no_sense_is_refused),
	KUNIT_CASE_PARAM(list_never_holds_more_than_its_limit, limit_gen_params),
	KUNIT_CASE(list_with_limit_zero_keeps_nothing),
	KUNIT_CASE(lowered_limit_shortens_the_lists_of_all_cpus),
	KUNIT_CASE(automatic_limit_is_a_share_of_the_free_memory),
	KUNIT_CASE(list_with_an_automatic_limit_grows_beyond_a_step),
	KUNIT_CASE(page_of_another_node_is_not_listed),
	KUNIT_CASE(trim_leaves_what_the_limit_allows),
	KUNIT_CASE(trim_frees_what_is_above_the_share_and_no_more_than_asked),
	KUNIT_CASE(drain_leaves_what_was_asked_on_every_cpu),
	KUNIT_CASE(shrinker_counts_and_takes_what_is_listed),
	KUNIT_CASE(list_of_a_cpu_that_dies_goes_to_the_host),
	KUNIT_CASE(released_page_goes_to_the_host),
	KUNIT_CASE(disowned_pages_are_no_longer_in_use),
	KUNIT_CASE(quicklist_ends_without_the_pages_in_use),
	KUNIT_CASE_PARAM(verify_finds_a_page_with_one_wrong_byte_and_takes_it_away,
			 dirty_gen_params),
	KUNIT_CASE(verify_looks_at_the_lists_of_all_cpus),
	KUNIT_CASE(verify_does_not_lengthen_a_list_beyond_its_limit),
	KUNIT_CASE(verify_of_a_busy_list_keeps_it_within_its_limit),
	KUNIT_CASE(verify_asks_the_check_of_the_quicklist),
	KUNIT_CASE(verify_without_a_check_is_not_supported_beside_a_ctor),
	KUNIT_CASE(page_freed_dirty_is_not_listed_with_verify),
	KUNIT_CASE(page_dirtied_on_the_list_is_not_handed_out_with_verify),
	KUNIT_CASE(verify_lets_clean_pages_come_and_go),
	KUNIT_CASE(free_of_a_listed_page_is_refused),
	KUNIT_CASE(free_of_a_page_with_a_reference_is_refused),
	KUNIT_CASE(free_of_a_page_of_another_order_is_refused),
	KUNIT_CASE(release_of_a_listed_page_does_not_run_the_dtor),
	{ }
};

struct kunit_suite ptkit_quicklist_suite = {
	.name = "ptkit_quicklist",
	.init = ql_test_init,
	.test_cases = quicklist_cases,
};
