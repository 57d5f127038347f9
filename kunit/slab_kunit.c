// SPDX-License-Identifier: GPL-2.0
/*
 * The slab: its own rules, and every bug that the posted form of its fastpath, and SLUB's, had.
 * Runs under KUnit, and as kunit/stock/slab_test.c on kernels without.
 *
 * Cases that need something to happen between reading a list and swapping it use a hook that only
 * test builds have, and are skipped elsewhere.
 */
#ifndef PTKIT_KUNIT_SHIM
#include "ptest.h"
#endif
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/hrtimer.h>
#include <linux/kasan.h>
#include <linux/kmemleak.h>
#include <linux/kthread.h>
#include <linux/prandom.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/vmalloc.h>
#if defined(CONFIG_X86_64) && !defined(CONFIG_UML)
#include <asm/nmi.h>
#endif

#include "../module/compat/compat.h"
#include "../module/compat/timer.h"
#include "../module/ptkit.h"
#include "../module/slab_internal.h"

/* A case has so many caches at most; what it leaves is destroyed after it. */
#define MAX_CACHES	4
/* Objects that a case holds. */
#define MAX_HELD	10000

/**
 * struct slab_test - what a case has
 * @caches: that it made
 * @nr: how many
 * @held: room for objects
 */
struct slab_test {
	struct ptkit_cache *caches[MAX_CACHES];
	unsigned int nr;
	void **held;
};

static int slab_test_begin(struct kunit *test)
{
	struct slab_test *t = kzalloc(sizeof(*t), GFP_KERNEL);

	if (!t)
		return -ENOMEM;
	t->held = vzalloc(MAX_HELD * sizeof(*t->held));
	if (!t->held) {
		kfree(t);
		return -ENOMEM;
	}
	test->priv = t;
	return 0;
}

static void slab_test_end(struct kunit *test)
{
	struct slab_test *t = test->priv;

	if (!t)
		return;
	while (t->nr)
		if (ptkit_cache_destroy(t->caches[--t->nr]))
			KUNIT_EXPECT_TRUE(test, !"objects left after the case");
	vfree(t->held);
	kfree(t);
	test->priv = NULL;
}

/* With passthrough objects are the host's: what is special about ours cannot be tested. */
static bool passes_through(const struct ptkit_cache *c)
{
	return c->host;
}

/* ---- helpers --------------------------------------------------------------------------------- */

#ifdef PTKIT_KUNIT_SHIM
static bool test_failed(struct kunit *test)
{
	return test->failed;
}
#else
static bool test_failed(struct kunit *test)
{
	return READ_ONCE(test->status) == KUNIT_FAILURE;
}
#endif

static struct ptkit_cache *make_aligned(struct kunit *test, unsigned int size, unsigned int align,
					unsigned int flags, void (*ctor)(void *))
{
	struct slab_test *t = test->priv;
	struct ptkit_cache *c;
	char name[32];

	snprintf(name, sizeof(name), "test_%u_%u", size, t->nr);
	c = ptkit_cache_create(name, size, align, flags, ctor);
	if (IS_ERR(c)) {
		KUNIT_EXPECT_EQ(test, PTR_ERR(c), 0L);
		return NULL;
	}
	t->caches[t->nr++] = c;
	return c;
}

static struct ptkit_cache *make(struct kunit *test, unsigned int size, unsigned int flags)
{
	return make_aligned(test, size, 0, flags, NULL);
}

/* The case has freed everything, and ends the cache itself. */
static void finish(struct kunit *test, struct ptkit_cache *c)
{
	struct slab_test *t = test->priv;
	struct ptkit_cache_stats stats;

	ptkit_cache_shrink(c);
	ptkit_cache_get_stats(c, &stats);
	KUNIT_EXPECT_EQ(test, stats.in_use, 0L);
	KUNIT_EXPECT_EQ(test, stats.slabs, 0UL);
	KUNIT_EXPECT_EQ(test, stats.partial, 0UL);
	KUNIT_EXPECT_EQ(test, ptkit_cache_destroy(c), 0);
	if (t->caches[t->nr - 1] == c)
		t->nr--;
}

static struct ptkit_cache_stats stats_of(struct ptkit_cache *c)
{
	struct ptkit_cache_stats stats;

	ptkit_cache_get_stats(c, &stats);
	return stats;
}

/* ptkit warns once per place and load; whoever reads the log has to know beforehand. */
enum warning { WARN_FREE, WARN_CORRUPT, WARN_GFP, WARN_KFREE, WARN_KREALLOC };

static void expect_warning(enum warning which)
{
	static const char *const text[] = {
		[WARN_FREE] = "misuse: cache [a-z0-9_]*: (freed|overwritten|written|red zone)",
		[WARN_CORRUPT] = "ptkit: misuse: cache [a-z0-9_]*: corrupt list",
		[WARN_GFP] = "ptkit: misuse: cache [a-z0-9_]*: objects have no zone",
		[WARN_KFREE] = "ptkit: misuse: ptkit_kfree",
		[WARN_KREALLOC] = "ptkit: misuse: ptkit_krealloc",
	};
	static unsigned long expected;

	if (!test_and_set_bit(which, &expected))
		pr_info("ptkit-test: expect 1 matching %s\n", text[which]);
}

static void pin(int cpu)
{
	set_cpus_allowed_ptr(current, cpumask_of(cpu));
}

static void unpin(void)
{
	set_cpus_allowed_ptr(current, cpu_possible_mask);
}

/* Another CPU than @cpu, or -1. */
static int other_cpu(int cpu)
{
	int other;

	for_each_online_cpu(other)
		if (other != cpu)
			return other;
	return -1;
}

struct call {
	void (*fn)(void *arg);
	void *arg;
	struct completion done;
};

static int call_thread(void *data)
{
	struct call *call = data;

	call->fn(call->arg);
	complete(&call->done);
	return 0;
}

/* However long it takes: who sleeps for minutes at a stretch is taken for hung. */
static void wait_for(struct completion *done)
{
	while (!wait_for_completion_timeout(done, 10 * HZ))
		;
}

/* Run @fn on @cpu, as a task, and wait for it. */
static void call_on(int cpu, void (*fn)(void *arg), void *arg)
{
	struct call call = { .fn = fn, .arg = arg };
	struct task_struct *task;

	init_completion(&call.done);
	task = kthread_create(call_thread, &call, "slab_call");
	if (IS_ERR(task))
		return;
	kthread_bind(task, cpu);
	wake_up_process(task);
	wait_for(&call.done);
}

static bool take(struct kunit *test, struct ptkit_cache *c, unsigned long nr)
{
	struct slab_test *t = test->priv;
	unsigned long i;

	for (i = 0; i < nr; i++) {
		t->held[i] = ptkit_cache_alloc(c, GFP_KERNEL);
		KUNIT_EXPECT_NOT_NULL(test, t->held[i]);
		if (!t->held[i])
			return false;
	}
	return true;
}

static void give(struct kunit *test, struct ptkit_cache *c, unsigned long nr)
{
	struct slab_test *t = test->priv;

	while (nr--)
		ptkit_cache_free(c, t->held[nr]);
}

/* Objects are written in full, each with its own pattern, and keep it. */
static void fill(void *object, unsigned int size, unsigned long nr)
{
	memset(object, (u8)(nr * 37 + 11), size);
}

static bool filled(void *object, unsigned int size, unsigned long nr)
{
	return !memchr_inv(object, (u8)(nr * 37 + 11), size);
}

/* ---- objects --------------------------------------------------------------------------------- */

static void check_objects(struct kunit *test, unsigned int size, unsigned int align,
			  unsigned int flags)
{
	struct slab_test *t = test->priv;
	struct ptkit_cache *c = make_aligned(test, size, align, flags, NULL);
	unsigned long i, nr, bad = 0;

	if (!c)
		return;
	nr = stats_of(c).slab_objects * 2 + 1;
	/* With passthrough each has a page of its own. */
	if (passes_through(c))
		nr = min(nr, 16UL);
	if (nr > MAX_HELD || !take(test, c, nr))
		return;
	for (i = 0; i < nr; i++) {
		bad += (unsigned long)t->held[i] % max(align, 8U) != 0;
		fill(t->held[i], size, i);
	}
	for (i = 0; i < nr; i++)
		bad += !filled(t->held[i], size, i);
	KUNIT_EXPECT_EQ(test, stats_of(c).in_use, (long)nr);
	give(test, c, nr);
	if (bad)
		kunit_info(test, "size %u, align %u, flags %x\n", size, align, flags);
	KUNIT_EXPECT_EQ(test, bad, 0UL);
	finish(test, c);
}

/* Every size up to 16, and ever fewer above; two alignments each, which take turns. */
static void slab_objects_do_not_overlap(struct kunit *test)
{
	unsigned int size, align, turn = 0;

	for (size = 1; size <= 8192 && !test_failed(test);
	     size += size < 16 ? 1 : size / 8, turn++) {
		for (align = 4; align <= PAGE_SIZE; align *= 2)
			if (align == 4U << turn % 11 || align == 4U << (turn + 5) % 11)
				check_objects(test, size, align == 4 ? 0 : align,
					      size & 1 ? PTKIT_CACHE_HWALIGN : 0);
		cond_resched();
	}
	check_objects(test, 8192, 0, 0);
}

static void slab_kmalloc_serves_every_size(struct kunit *test)
{
	struct slab_test *t = test->priv;
	unsigned long bad = 0;
	size_t size;

	for (size = 1; size <= PTKIT_KMALLOC_MAX; size++) {
		void *p = ptkit_kmalloc_any(size, GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, p);
		bad += ptkit_ksize(p) < size || (unsigned long)p % 8;
		if (is_power_of_2(size))
			bad += (unsigned long)p % size != 0;
		fill(p, size, size);
		t->held[size] = p;
	}
	for (size = 1; size <= PTKIT_KMALLOC_MAX; size++) {
		bad += !filled(t->held[size], size, size);
		ptkit_kfree(t->held[size]);
	}
	KUNIT_EXPECT_EQ(test, bad, 0UL);
}

static void slab_kmalloc_odd_sizes(struct kunit *test)
{
	void *p;

	KUNIT_EXPECT_PTR_EQ(test, ptkit_kmalloc_any(0, GFP_KERNEL), ZERO_SIZE_PTR);
	ptkit_kfree(ZERO_SIZE_PTR);
	ptkit_kfree(NULL);
	KUNIT_EXPECT_EQ(test, ptkit_ksize(NULL), 0UL);

	p = ptkit_kmalloc(100000, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_GE(test, ptkit_ksize(p), 100000UL);
	memset(p, 0xff, 100000);
	ptkit_kfree(p);
	p = ptkit_kzalloc(100000, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, 100000));
	ptkit_kfree(p);
	p = ptkit_kmalloc_any(KMALLOC_MAX_SIZE * 4UL, GFP_KERNEL | __GFP_NOWARN);
	KUNIT_EXPECT_NULL(test, p);

	p = ptkit_kmalloc(64, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	memset(p, 0xff, 64);
	ptkit_kfree(p);
	p = ptkit_kzalloc(64, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, 64));
	ptkit_kfree(p);
}

static void slab_krealloc_keeps_what_was_there(struct kunit *test)
{
	size_t size, old = 1;
	char *p = ptkit_krealloc(NULL, 1, GFP_KERNEL), *q;

	KUNIT_ASSERT_NOT_NULL(test, p);
	p[0] = 42;
	for (size = 2; size <= 70000; size = size * 3 / 2 + 1) {
		q = ptkit_krealloc(p, size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, q);
		p = q;
		KUNIT_EXPECT_EQ(test, p[0], 42);
		KUNIT_EXPECT_EQ(test, p[old - 1], 42);
		memset(p, 42, size);
		old = size;
	}
	KUNIT_EXPECT_PTR_EQ(test, ptkit_krealloc(p, 0, GFP_KERNEL), ZERO_SIZE_PTR);
}

static void ctor_five(void *object)
{
	memset(object, 5, 40);
}

static void slab_constructed_state_is_kept(struct kunit *test)
{
	struct slab_test *t = test->priv;
	struct ptkit_cache *c = make_aligned(test, 40, 0, 0, ctor_five);
	unsigned long i, round, bad = 0;

	KUNIT_ASSERT_NOT_NULL(test, c);
	for (round = 0; round < 3; round++) {
		if (!take(test, c, 500))
			return;
		for (i = 0; i < 500; i++)
			bad += !!memchr_inv(t->held[i], 5, 40);
		give(test, c, 500);
	}
	KUNIT_EXPECT_EQ(test, bad, 0UL);
	if (!passes_through(c))
		KUNIT_EXPECT_GT(test, stats_of(c).fast_allocs, 0UL);
	finish(test, c);
}

static void slab_zero_flag_zeroes(struct kunit *test)
{
	struct slab_test *t = test->priv;
	struct ptkit_cache *c = make(test, 72, PTKIT_CACHE_ZERO);
	unsigned long i, round, bad = 0;

	KUNIT_ASSERT_NOT_NULL(test, c);
	for (round = 0; round < 3; round++) {
		if (!take(test, c, 300))
			return;
		for (i = 0; i < 300; i++) {
			bad += !!memchr_inv(t->held[i], 0, 72);
			memset(t->held[i], 0xee, 72);
		}
		give(test, c, 300);
	}
	KUNIT_EXPECT_EQ(test, bad, 0UL);
	finish(test, c);
}

/* What the kernel was told to wipe is wiped, and what the user asked to be. */
static void slab_init_options_are_obeyed(struct kunit *test)
{
	struct slab_test *t = test->priv;
	struct ptkit_cache *c = make(test, 100, 0);
	unsigned long i, bad = 0;
	void *p;

	KUNIT_ASSERT_NOT_NULL(test, c);
	for (i = 0; i < 200; i++) {
		t->held[0] = ptkit_cache_alloc(c, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, t->held[0]);
		if (want_init_on_alloc(0) || want_init_on_free())
			bad += !!memchr_inv(t->held[0], 0, 100);
		memset(t->held[0], 0xee, 100);
		ptkit_cache_free(c, t->held[0]);
		p = ptkit_cache_alloc(c, i & 1 ? GFP_KERNEL | __GFP_ZERO : GFP_ATOMIC | __GFP_ZERO);
		KUNIT_ASSERT_NOT_NULL(test, p);
		bad += !!memchr_inv(p, 0, 100);
		memset(p, 0xee, 100);
		ptkit_cache_free(c, p);
		/* Bulk goes another way. */
		if (ptkit_cache_alloc_bulk(c, GFP_KERNEL | __GFP_ZERO, 3, t->held) == 3) {
			bad += !!memchr_inv(t->held[2], 0, 100);
			memset(t->held[2], 0xee, 100);
			ptkit_cache_free_bulk(c, 3, t->held);
		}
	}
	KUNIT_EXPECT_EQ(test, bad, 0UL);
	finish(test, c);
}

/* KASAN's shadow says what is an object and what is free, to the byte. */
static void slab_kasan_is_told(struct kunit *test)
{
#if defined(CONFIG_KASAN_GENERIC) && defined(HAVE_KASAN_POISON)
	struct ptkit_cache *c = make(test, 61, 0);
	unsigned long at, open = 0;
	u8 *p, *slab;

	KUNIT_ASSERT_NOT_NULL(test, c);
	if (passes_through(c))
		kunit_skip(test, "passthrough");
	p = ptkit_cache_alloc(c, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, *(u8 *)kasan_mem_to_shadow(p), 0);
	KUNIT_EXPECT_EQ(test, *(u8 *)kasan_mem_to_shadow(p + 56), 5);
	/* All else of its slab has never been anybody's. */
	slab = (u8 *)((unsigned long)p & ~c->mask);
	for (at = 0; at <= c->mask; at += 8)
		open += *(u8 *)kasan_mem_to_shadow(slab + at) != PTKIT_KASAN_FREE;
	KUNIT_EXPECT_EQ(test, open, 8UL);
	ptkit_cache_free(c, p);
	KUNIT_EXPECT_EQ(test, *(u8 *)kasan_mem_to_shadow(p), PTKIT_KASAN_FREE);
	KUNIT_EXPECT_EQ(test, *(u8 *)kasan_mem_to_shadow(p + 56), PTKIT_KASAN_FREE);
	finish(test, c);
#else
	kunit_skip(test, "no KASAN here");
#endif
}

static int create_error(const char *name, unsigned int size, unsigned int align)
{
	return PTR_ERR_OR_ZERO(ptkit_cache_create(name, size, align, 0, NULL));
}

static void nothing(void *object)
{
}

/* A constructor's objects keep their state while they are free: nothing else can be in them. */
static void refuses_ctor_and(struct kunit *test, unsigned int flags)
{
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(ptkit_cache_create("ctor", 64, 0, flags, nothing)),
			-EINVAL);
}

static void slab_refuses_what_cannot_be(struct kunit *test)
{
	struct ptkit_cache *c = make(test, 64, 0), *built = make_aligned(test, 32, 0, 0, nothing);

	KUNIT_ASSERT_NOT_NULL(test, c);
	KUNIT_ASSERT_NOT_NULL(test, built);
	KUNIT_EXPECT_EQ(test, create_error("test_64_0", 64, 0), -EEXIST);
	KUNIT_EXPECT_EQ(test, create_error("zero", 0, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, create_error("big", 1 << 20, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, create_error("odd", 8, 24), -EINVAL);
	KUNIT_EXPECT_EQ(test, create_error("wide", 8, 2 * PAGE_SIZE), -EINVAL);
	KUNIT_EXPECT_EQ(test, create_error("", 8, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, create_error("a_name_that_has_more_letters_than_it_may_have", 8, 0),
			-EINVAL);
	refuses_ctor_and(test, PTKIT_CACHE_ZERO);
	refuses_ctor_and(test, PTKIT_CACHE_POISON);
	KUNIT_EXPECT_EQ(test, create_error("a b", 8, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, create_error(NULL, 8, 0), -EINVAL);
	KUNIT_EXPECT_NULL(test, ptkit_cache_alloc_node(c, GFP_KERNEL, MAX_NUMNODES));
	KUNIT_EXPECT_NULL(test, ptkit_cache_alloc_node(c, GFP_KERNEL, NUMA_NO_NODE - 1));
	KUNIT_EXPECT_EQ(test, ptkit_cache_alloc_bulk(c, GFP_KERNEL, 0, NULL), 0UL);
	ptkit_cache_free_bulk(c, 0, NULL);
	KUNIT_EXPECT_EQ(test, ptkit_cache_destroy(NULL), 0);

	expect_warning(WARN_GFP);
	KUNIT_EXPECT_NULL(test, ptkit_cache_alloc(c, GFP_KERNEL | __GFP_DMA));
	KUNIT_EXPECT_EQ(test, stats_of(c).misuse, 1UL);
	KUNIT_EXPECT_NULL(test, ptkit_cache_alloc(built, GFP_KERNEL | __GFP_ZERO));
	KUNIT_EXPECT_EQ(test, stats_of(built).misuse, 1UL);
	ptkit_cache_free(c, NULL);
	finish(test, built);
	finish(test, c);
}

/* What is asked of an object is not asked of its slab's pages, which others use as well. */
static void slab_pages_are_nobodys(struct kunit *test)
{
	struct ptkit_cache *c = make(test, 1024, 0);
	struct page *page;
	void *p;

	KUNIT_ASSERT_NOT_NULL(test, c);
	if (passes_through(c))
		kunit_skip(test, "passthrough");
	p = ptkit_cache_alloc(c, GFP_KERNEL_ACCOUNT | __GFP_COMP);
	KUNIT_ASSERT_NOT_NULL(test, p);
	page = virt_to_page((unsigned long)p & ~c->mask);
	KUNIT_EXPECT_FALSE(test, PageHead(page));
#ifdef CONFIG_MEMCG
	KUNIT_EXPECT_EQ(test, page->memcg_data, 0UL);
#endif
	ptkit_cache_free(c, p);
	finish(test, c);
}

static void slab_bulk_gives_different_objects(struct kunit *test)
{
	static const unsigned int nrs[] = { 1, 2, 16, 63, 64, 65, 200, 1000 };
	struct slab_test *t = test->priv;
	struct ptkit_cache *c = make(test, 64, 0);
	unsigned long i, nr, k, bad = 0;

	KUNIT_ASSERT_NOT_NULL(test, c);
	for (k = 0; k < ARRAY_SIZE(nrs); k++) {
		nr = nrs[k];
		KUNIT_ASSERT_EQ(test, ptkit_cache_alloc_bulk(c, GFP_KERNEL, nr, t->held), nr);
		for (i = 0; i < nr; i++)
			fill(t->held[i], 64, i);
		for (i = 0; i < nr; i++)
			bad += !filled(t->held[i], 64, i);
		KUNIT_EXPECT_EQ(test, stats_of(c).in_use, (long)nr);
		ptkit_cache_free_bulk(c, nr, t->held);
		KUNIT_EXPECT_EQ(test, stats_of(c).in_use, 0L);
	}
	KUNIT_EXPECT_EQ(test, bad, 0UL);
	finish(test, c);
}

static void slab_bulk_frees_what_is_mixed(struct kunit *test)
{
	struct slab_test *t = test->priv;
	struct ptkit_cache *c = make(test, 512, 0);
	unsigned long i;

	KUNIT_ASSERT_NOT_NULL(test, c);
	if (!take(test, c, 1000))
		return;
	/* Neighbours in the array are of different slabs. */
	for (i = 0; i < 500; i += 2)
		swap(t->held[i], t->held[999 - i]);
	ptkit_cache_free_bulk(c, 1000, t->held);
	finish(test, c);
}

/* ---- the list -------------------------------------------------------------------------------- */

static void slab_order_is_random_and_links_are_not_pointers(struct kunit *test)
{
	struct slab_test *t = test->priv;
	struct ptkit_cache *c = make(test, 64, 0);
	unsigned long i, ascending = 0, link;

	KUNIT_ASSERT_NOT_NULL(test, c);
	if (passes_through(c))
		kunit_skip(test, "passthrough");
	if (!take(test, c, 60))
		return;
	for (i = 1; i < 60; i++)
		ascending += t->held[i] - t->held[i - 1] == 64;
	KUNIT_EXPECT_LE(test, ascending, 10UL);
	/* The first frees go onto one another: what is stored must not tell where they are. */
	ptkit_cache_free(c, t->held[1]);
	ptkit_cache_free(c, t->held[0]);
	link = READ_ONCE_NOCHECK(*(unsigned long *)t->held[0]);
	KUNIT_EXPECT_NE(test, link, (unsigned long)t->held[1]);
	KUNIT_EXPECT_TRUE(test, (link ^ (unsigned long)t->held[1]) >> 32);
	for (i = 2; i < 60; i++)
		ptkit_cache_free(c, t->held[i]);
	finish(test, c);
}

/* V1 compared "d > 0", and lost the object at the very start of a slab. */
static void slab_frees_to_an_empty_list_are_fast(struct kunit *test)
{
	static const unsigned int sizes[] = { 64, 1024 };	/* order 0, order 3 */
	struct slab_test *t = test->priv;
	unsigned long i, k, objects, fast;
	struct ptkit_cache *c;
	int cpu;

	for (k = 0; k < ARRAY_SIZE(sizes); k++) {
		c = make(test, sizes[k], 0);
		KUNIT_ASSERT_NOT_NULL(test, c);
		if (passes_through(c))
			kunit_skip(test, "passthrough");
		cpu = raw_smp_processor_id();
		pin(cpu);
		objects = stats_of(c).slab_objects;
		if (!take(test, c, objects))
			break;
		KUNIT_EXPECT_EQ(test, stats_of(c).slabs, 1UL);
		/* Each of them in turn to the empty list, the first of the slab among them. */
		fast = stats_of(c).fast_frees;
		for (i = 0; i < objects; i++) {
			ptkit_cache_free(c, t->held[i]);
			KUNIT_EXPECT_PTR_EQ(test, ptkit_cache_alloc(c, GFP_KERNEL), t->held[i]);
		}
		KUNIT_EXPECT_EQ(test, stats_of(c).fast_frees - fast, objects);
		KUNIT_EXPECT_EQ(test, stats_of(c).slabs, 1UL);
		give(test, c, objects);
		unpin();
		finish(test, c);
	}
	unpin();
}

static void slab_counts_are_exact(struct kunit *test)
{
	struct slab_test *t = test->priv;
	struct ptkit_cache *c = make(test, 128, 0);
	struct ptkit_cache_stats stats;

	KUNIT_ASSERT_NOT_NULL(test, c);
	if (!take(test, c, 1000))
		return;
	give(test, c, 400);
	stats = stats_of(c);
	KUNIT_EXPECT_EQ(test, stats.fast_allocs + stats.slow_allocs, 1000UL);
	KUNIT_EXPECT_EQ(test, stats.fast_frees + stats.slow_frees, 400UL);
	KUNIT_EXPECT_EQ(test, stats.in_use, 600L);
	KUNIT_EXPECT_EQ(test, ptkit_cache_alloc_bulk(c, GFP_KERNEL, 400, t->held), 400UL);
	stats = stats_of(c);
	KUNIT_EXPECT_EQ(test, stats.fast_allocs + stats.slow_allocs, 1400UL);
	give(test, c, 1000);
	KUNIT_EXPECT_EQ(test, stats_of(c).in_use, 0L);
	finish(test, c);
}

/* ---- several CPUs ---------------------------------------------------------------------------- */

struct remote {
	struct ptkit_cache *c;
	void **objects;
	unsigned long nr;
	bool bulk;
};

static void remote_free(void *arg)
{
	struct remote *r = arg;
	unsigned long i;

	if (r->bulk)
		ptkit_cache_free_bulk(r->c, r->nr, r->objects);
	else
		for (i = 0; i < r->nr; i++)
			ptkit_cache_free(r->c, r->objects[i]);
}

static void remote_alloc(void *arg)
{
	struct remote *r = arg;
	unsigned long i;

	for (i = 0; i < r->nr; i++)
		r->objects[i] = ptkit_cache_alloc(r->c, GFP_KERNEL);
}

static void slab_alloc_here_free_there(struct kunit *test)
{
	struct slab_test *t = test->priv;
	int here = raw_smp_processor_id(), there = other_cpu(here);
	struct remote r = { .objects = t->held, .nr = 3000 };
	unsigned int round;

	if (there < 0)
		kunit_skip(test, "needs a second CPU");
	r.c = make(test, 192, 0);
	KUNIT_ASSERT_NOT_NULL(test, r.c);
	for (round = 0; round < 8; round++) {
		r.bulk = round & 1;
		call_on(round & 2 ? here : there, remote_alloc, &r);
		KUNIT_EXPECT_EQ(test, stats_of(r.c).in_use, 3000L);
		call_on(round & 4 ? here : there, remote_free, &r);
		KUNIT_EXPECT_EQ(test, stats_of(r.c).in_use, 0L);
	}
	finish(test, r.c);
}

/*
 * The leak of V1: a CPU with an exhausted slab, to which others have freed, and with slabs waiting.
 * Taking one of those must not forget the first.
 */
static void slab_exhausted_slab_is_not_forgotten(struct kunit *test)
{
	struct slab_test *t = test->priv;
	int here = raw_smp_processor_id(), there = other_cpu(here);
	unsigned long i, objects;
	struct ptkit_cache *c;
	struct remote r = { .nr = 5 };

	if (there < 0)
		kunit_skip(test, "needs a second CPU");
	c = make(test, 256, 0);
	KUNIT_ASSERT_NOT_NULL(test, c);
	if (passes_through(c))
		kunit_skip(test, "passthrough");
	r.c = c;
	pin(here);
	objects = stats_of(c).slab_objects;
	if (!take(test, c, 3 * objects))
		goto out;
	/*
	 * Two full slabs get a free object each, and wait on this CPU; the third is its own, and
	 * full. The last object that is freed waits for others of its slab.
	 */
	ptkit_cache_free(c, t->held[0]);
	ptkit_cache_free(c, t->held[objects]);
	ptkit_cache_free(c, t->held[1]);
	/*
	 * The other CPU frees to the third, and one to the second, so that the first do not wait.
	 */
	r.objects = t->held + 2 * objects;
	call_on(there, remote_free, &r);
	r.objects = t->held + objects + 1;
	r.nr = 1;
	call_on(there, remote_free, &r);
	/* All of these are found again, and no new slab is needed. */
	for (i = 0; i < 5; i++)
		t->held[2 * objects + i] = ptkit_cache_alloc(c, GFP_KERNEL);
	t->held[0] = ptkit_cache_alloc(c, GFP_KERNEL);
	t->held[objects] = ptkit_cache_alloc(c, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, stats_of(c).slabs, 3UL);
	KUNIT_EXPECT_EQ(test, stats_of(c).in_use, (long)(3 * objects - 2));
	t->held[1] = NULL;
	t->held[objects + 1] = NULL;
	give(test, c, 3 * objects);
	finish(test, c);
out:
	unpin();
}

static void slab_offline_cpu_keeps_nothing(struct kunit *test)
{
#ifdef CONFIG_HOTPLUG_CPU
	struct slab_test *t = test->priv;
	int here = raw_smp_processor_id(), there = other_cpu(0);
	struct remote r = { .objects = t->held, .nr = 1000 };

	if (there <= 0)
		kunit_skip(test, "needs a second CPU");
	r.c = make(test, 64, 0);
	KUNIT_ASSERT_NOT_NULL(test, r.c);
	pin(0);
	call_on(there, remote_alloc, &r);
	r.nr = 500;
	call_on(there, remote_free, &r);
	if (remove_cpu(there)) {
		give(test, r.c, 1000);
		unpin();
		kunit_skip(test, "the CPU does not go");
	}
	KUNIT_EXPECT_EQ(test, stats_of(r.c).in_use, 500L);
	r.objects += 500;
	remote_free(&r);
	finish(test, r.c);
	KUNIT_EXPECT_EQ(test, add_cpu(there), 0);
	pin(here);
	unpin();
#else
	kunit_skip(test, "needs CPU hotplug");
#endif
}

/*
 * Threads that pass objects to each other through an array, and see whether they are what they
 * were.
 */
struct churn {
	struct ptkit_cache *c;
	void **slots;
	unsigned long nr_slots;
	unsigned long rounds;
	unsigned int bulk;
	atomic_t errors;
	atomic_t left;
	struct completion done;
	atomic_t seed;
};

static void churn_free(struct churn *ch, void *object)
{
	u64 *words = object;

	if (words[1] != ~words[0] || words[0] != (u64)(unsigned long)object)
		atomic_inc(&ch->errors);
	words[0] = 0;
	ptkit_cache_free(ch->c, object);
}

static void churn_mark(struct churn *ch, void *object)
{
	u64 *words = object;

	words[0] = (u64)(unsigned long)object;
	words[1] = ~words[0];
}

static int churn_thread(void *data)
{
	struct churn *ch = data;
	unsigned long i;
	struct rnd_state rnd;
	void *object;
	void *bulk[16];

	prandom_seed_state(&rnd, atomic_inc_return(&ch->seed));
	for (i = 0; i < ch->rounds; i++) {
		u32 r = prandom_u32_state(&rnd);

		if (!(r % 61)) {
			unsigned long nr = ptkit_cache_alloc_bulk(ch->c, GFP_KERNEL, 16, bulk);

			ptkit_cache_free_bulk(ch->c, nr, bulk);
		}
		object = ptkit_cache_alloc(ch->c, GFP_KERNEL);
		if (!object) {
			atomic_inc(&ch->errors);
			break;
		}
		churn_mark(ch, object);
		object = xchg(&ch->slots[r / 64 % ch->nr_slots], object);
		if (object)
			churn_free(ch, object);
		if (!(i % 256))
			cond_resched();
	}
	if (atomic_dec_and_test(&ch->left))
		complete(&ch->done);
	return 0;
}

static void churn(struct kunit *test, unsigned int size, unsigned int flags, unsigned int threads,
		  unsigned long rounds, unsigned long slots)
{
	struct slab_test *t = test->priv;
	struct churn ch = { .slots = t->held, .nr_slots = slots, .rounds = rounds };
	struct task_struct *task;
	unsigned int i;
	unsigned long s;

	ch.c = make(test, size, flags);
	KUNIT_ASSERT_NOT_NULL(test, ch.c);
	memset(t->held, 0, slots * sizeof(*t->held));
	init_completion(&ch.done);
	atomic_set(&ch.left, threads);
	for (i = 0; i < threads; i++) {
		task = kthread_run(churn_thread, &ch, "slab_churn/%u", i);
		if (IS_ERR(task) && atomic_dec_and_test(&ch.left))
			complete(&ch.done);
	}
	wait_for(&ch.done);
	for (s = 0; s < slots; s++)
		if (t->held[s])
			churn_free(&ch, t->held[s]);
	KUNIT_EXPECT_EQ(test, atomic_read(&ch.errors), 0);
	KUNIT_EXPECT_EQ(test, stats_of(ch.c).misuse, 0UL);
	KUNIT_EXPECT_EQ(test, stats_of(ch.c).corrupt, 0UL);
	finish(test, ch.c);
}

/* With KASAN comes kmemleak, which unwinds the stack at each allocation, one at a time. */
#ifdef CONFIG_KASAN
#define CHURN_ROUNDS	4000
#else
#define CHURN_ROUNDS	250000
#endif

static void slab_a_million_rounds(struct kunit *test)
{
	churn(test, 64, 0, 4, CHURN_ROUNDS, 2000);
}

static void slab_churn_of_all_kinds(struct kunit *test)
{
	churn(test, 16, 0, 6, CHURN_ROUNDS / 10, 9000);
	churn(test, 1024, 0, 6, CHURN_ROUNDS / 10, 500);
	churn(test, 8192, 0, 4, CHURN_ROUNDS / 20, 100);
	churn(test, 64, PTKIT_CACHE_RCU, 4, CHURN_ROUNDS / 10, 1000);
	churn(test, 64, PTKIT_CACHE_ZERO, 4, CHURN_ROUNDS / 10, 1000);
	churn(test, 64, PTKIT_CACHE_CHECK | PTKIT_CACHE_POISON | PTKIT_CACHE_RED_ZONE |
	      PTKIT_CACHE_TRACK, 4, CHURN_ROUNDS / 20, 1000);
}

/* One producer, the others consume: objects never come home by the fastpath. */
struct pipe {
	struct ptkit_cache *c;
	void **ring;
	unsigned long nr;
	atomic_long_t produced, taken;
	atomic_t left;
	struct completion done;
};

#define RING	1024UL

static int pipe_consumer(void *data)
{
	struct pipe *p = data;
	unsigned long n;
	void *object;

	for (;;) {
		n = atomic_long_inc_return(&p->taken) - 1;
		if (n >= p->nr)
			break;
		while (!(object = xchg(&p->ring[n % RING], NULL)))
			cond_resched();
		ptkit_cache_free(p->c, object);
	}
	if (atomic_dec_and_test(&p->left))
		complete(&p->done);
	return 0;
}

static void slab_one_produces_others_consume(struct kunit *test)
{
	struct slab_test *t = test->priv;
	struct pipe p = { .ring = t->held, .nr = CHURN_ROUNDS / 5 };
	unsigned long i;
	void *object;

	p.c = make(test, 128, 0);
	KUNIT_ASSERT_NOT_NULL(test, p.c);
	init_completion(&p.done);
	atomic_set(&p.left, 3);
	for (i = 0; i < 3; i++)
		kthread_run(pipe_consumer, &p, "slab_consumer/%lu", i);
	for (i = 0; i < p.nr; i++) {
		object = ptkit_cache_alloc(p.c, GFP_KERNEL);
		if (!object)
			break;
		while (cmpxchg(&p.ring[i % RING], NULL, object))
			cond_resched();
	}
	KUNIT_EXPECT_EQ(test, i, p.nr);
	wait_for(&p.done);
	KUNIT_EXPECT_EQ(test, stats_of(p.c).misuse, 0UL);
	KUNIT_EXPECT_EQ(test, stats_of(p.c).corrupt, 0UL);
	finish(test, p.c);
}

/* ---- interrupts ------------------------------------------------------------------------------ */

#define IRQ_HELD	32

struct irq_load {
	struct ptkit_cache *c;
	void *held[IRQ_HELD];
	unsigned int at;
	unsigned long allocs;
	struct hrtimer timer;
};

/* Takes one object and gives an older one back, in whatever context. */
static void irq_exchange(void *arg)
{
	struct irq_load *load = arg;
	void **slot = &load->held[load->at++ % IRQ_HELD];

	ptkit_cache_free(load->c, *slot);
	*slot = ptkit_cache_alloc(load->c, GFP_ATOMIC);
	if (*slot) {
		fill(*slot, 64, load->at);
		load->allocs++;
	}
}

static enum hrtimer_restart irq_fires(struct hrtimer *timer)
{
	struct irq_load *load = container_of(timer, struct irq_load, timer);

	irq_exchange(load);
	/* Each time after another number of instructions. */
	hrtimer_forward_now(timer, ns_to_ktime(20000 + load->at * 7919UL % 100000));
	return HRTIMER_RESTART;
}

static void slab_interrupts_come_in_between(struct kunit *test)
{
	struct slab_test *t = test->priv;
	static struct irq_load load;
	const unsigned long rounds = CHURN_ROUNDS / 1000 + 50;
	unsigned long round, i, bad = 0, enough = jiffies + 20 * HZ;

	load = (struct irq_load){ .c = make(test, 64, 0) };
	KUNIT_ASSERT_NOT_NULL(test, load.c);
	pin(raw_smp_processor_id());
	/* Where PREEMPT_RT makes other interrupts threads, allocating is allowed in those. */
	ptkit_hrtimer_setup(&load.timer, irq_fires, HRTIMER_MODE_REL_PINNED);
	hrtimer_start(&load.timer, ns_to_ktime(20000), HRTIMER_MODE_REL_PINNED);
	/* A host may let the interrupts wait for longer than these rounds take. */
	for (round = 0; round < rounds || READ_ONCE(load.allocs) < rounds; round++) {
		if (time_after(jiffies, enough))
			break;
		if (!take(test, load.c, 300))
			break;
		for (i = 0; i < 300; i++)
			fill(t->held[i], 64, i);
		for (i = 0; i < 300; i++)
			bad += !filled(t->held[i], 64, i);
		give(test, load.c, 300);
	}
	hrtimer_cancel(&load.timer);
	for (i = 0; i < IRQ_HELD; i++)
		ptkit_cache_free(load.c, load.held[i]);
	unpin();
	KUNIT_EXPECT_EQ(test, bad, 0UL);
	KUNIT_EXPECT_GT(test, load.allocs, 0UL);
	finish(test, load.c);
}

#if defined(CONFIG_X86_64) && !defined(CONFIG_UML)
static struct irq_load *nmi_load;
static void *nmi_remote;
/* What an NMI is to free, one after the other. */
static struct ptkit_cache *nmi_cache;
static void *nmi_frees[4];

static int slab_nmi_handler(unsigned int type, struct pt_regs *regs)
{
	unsigned int i;

	for (i = 0; nmi_cache && i < ARRAY_SIZE(nmi_frees); i++)
		ptkit_cache_free(nmi_cache, nmi_frees[i]);
	if (!nmi_load)
		return nmi_cache ? NMI_HANDLED : NMI_DONE;
	irq_exchange(nmi_load);
	if (nmi_remote) {
		ptkit_cache_free(nmi_load->c, nmi_remote);
		nmi_remote = NULL;
	}
	return NMI_HANDLED;
}

static void nmi_raise(void)
{
	asm volatile("int $2");
}

/* What an NMI can have is this CPU's list; what it cannot free at once is freed a little later. */
static void slab_nmi_works_or_fails_cleanly(struct kunit *test)
{
	struct slab_test *t = test->priv;
	struct irq_load load = { };
	unsigned long i, objects, deferred;
	struct ptkit_cache *c;

	c = make(test, 64, 0);
	KUNIT_ASSERT_NOT_NULL(test, c);
	if (passes_through(c))
		kunit_skip(test, "passthrough");
	load.c = c;
	KUNIT_ASSERT_EQ(test, register_nmi_handler(NMI_LOCAL, slab_nmi_handler, 0, "slab_test"), 0);
	pin(raw_smp_processor_id());

	/* No slab: a clean failure. */
	nmi_load = &load;
	nmi_raise();
	KUNIT_EXPECT_EQ(test, load.allocs, 0UL);

	objects = stats_of(c).slab_objects;
	if (!take(test, c, 2 * objects - 10))
		goto out;
	for (i = 0; i < 20; i++)
		nmi_raise();
	KUNIT_EXPECT_EQ(test, load.allocs, ptkit_arch_pair_nmi_safe ? 10UL : 0UL);
	/* An object of the first slab, which is full and nobody's. */
	nmi_remote = t->held[0];
	t->held[0] = NULL;
	nmi_raise();
	msleep(20);
	KUNIT_EXPECT_NULL(test, nmi_remote);
	deferred = 2 * objects - 10 - 1;
	for (i = 0; i < IRQ_HELD; i++)
		deferred += !!load.held[i];
	KUNIT_EXPECT_EQ(test, stats_of(c).in_use, (long)deferred);
	for (i = 0; i < IRQ_HELD; i++)
		ptkit_cache_free(c, load.held[i]);
	give(test, c, 2 * objects - 10);
	finish(test, c);
out:
	nmi_load = NULL;
	unregister_nmi_handler(NMI_LOCAL, "slab_test");
	unpin();
}

static void free_in_nmi(struct ptkit_cache *c, void *a, void *b, void *d)
{
	nmi_frees[0] = a;
	nmi_frees[1] = b;
	nmi_frees[2] = d;
	nmi_cache = c;
	nmi_raise();
	nmi_cache = NULL;
	/* For the irq_work. */
	msleep(20);
}

/* No object comes from the host in NMI, so none has to go back there in NMI. */
static void host_object_freed_in_nmi(struct kunit *test, struct ptkit_cache *c, void *p)
{
	expect_warning(WARN_FREE);
	free_in_nmi(c, p, NULL, NULL);
	KUNIT_EXPECT_EQ(test, stats_of(c).misuse, 1UL);
	KUNIT_EXPECT_EQ(test, stats_of(c).in_use, 1L);
	ptkit_cache_free(c, p);
}

/* Who wants to be told of what is free, or have it wiped, is not left out. */
static void slab_free_in_nmi_is_told(struct kunit *test)
{
	struct ptkit_cache *c = make(test, 64, 0);
	u8 *p;

	KUNIT_ASSERT_NOT_NULL(test, c);
	KUNIT_ASSERT_EQ(test, register_nmi_handler(NMI_LOCAL, slab_nmi_handler, 0, "slab_test"), 0);
	pin(raw_smp_processor_id());
	p = ptkit_cache_alloc(c, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, p);
	if (p && passes_through(c)) {
		host_object_freed_in_nmi(test, c, p);
	} else if (p) {
		fill(p, 64, 1);
		free_in_nmi(c, p, NULL, NULL);
#if defined(CONFIG_KASAN_GENERIC) && defined(HAVE_KASAN_POISON)
		KUNIT_EXPECT_EQ(test, *(u8 *)kasan_mem_to_shadow(p), PTKIT_KASAN_FREE);
#else
		if (want_init_on_free())
			KUNIT_EXPECT_NULL(test, memchr_inv(p + 8, 0, 56));
#endif
	}
	KUNIT_EXPECT_EQ(test, stats_of(c).in_use, 0L);
	unpin();
	unregister_nmi_handler(NMI_LOCAL, "slab_test");
	finish(test, c);
}

/* What an NMI frees is looked at before it waits, and once more before it is free. */
static void check_misuse_in_nmi(struct kunit *test, unsigned int flags)
{
	struct slab_test *t = test->priv;
	struct ptkit_cache *c = make(test, 64, flags);
	unsigned long misuse, objects, in_use;

	if (!c)
		return;
	objects = stats_of(c).slab_objects;
	/* Of a slab that is full and nobody's, so that frees are put off. */
	if (!take(test, c, 2 * objects))
		return;
	in_use = 2 * objects;
	memset(t->held[1], 0x77, 64);

	free_in_nmi(c, t->held[1] + 24, NULL, NULL);
	misuse = 1;
	KUNIT_EXPECT_EQ(test, stats_of(c).misuse, misuse);
	KUNIT_EXPECT_NULL(test, memchr_inv(t->held[1], 0x77, 64));
	free_in_nmi(c, t->held[0], t->held[0], NULL);
	in_use--;
	KUNIT_EXPECT_EQ(test, stats_of(c).misuse, ++misuse);
	KUNIT_EXPECT_EQ(test, stats_of(c).in_use, (long)in_use);
	if (flags) {
		/* With others in between, and in task context before the NMI's own is done. */
		free_in_nmi(c, t->held[1], t->held[2], t->held[1]);
		in_use -= 2;
		KUNIT_EXPECT_EQ(test, stats_of(c).misuse, ++misuse);
		ptkit_cache_free(c, t->held[1]);
		KUNIT_EXPECT_EQ(test, stats_of(c).misuse, ++misuse);
		free_in_nmi(c, t->held[1], NULL, NULL);
		KUNIT_EXPECT_EQ(test, stats_of(c).misuse, ++misuse);
		t->held[1] = NULL;
		t->held[2] = NULL;
	}
	KUNIT_EXPECT_EQ(test, stats_of(c).in_use, (long)in_use);
	KUNIT_EXPECT_EQ(test, stats_of(c).corrupt, 0UL);
	t->held[0] = NULL;
	give(test, c, 2 * objects);
	finish(test, c);
}

static void slab_misuse_in_nmi(struct kunit *test)
{
	struct ptkit_cache *c = make(test, 8, 0);

	KUNIT_ASSERT_NOT_NULL(test, c);
	if (passes_through(c))
		kunit_skip(test, "passthrough");
	expect_warning(WARN_FREE);
	KUNIT_ASSERT_EQ(test, register_nmi_handler(NMI_LOCAL, slab_nmi_handler, 0, "slab_test"), 0);
	pin(raw_smp_processor_id());
	check_misuse_in_nmi(test, 0);
	check_misuse_in_nmi(test, SLAB_DEBUG_FLAGS);
	unpin();
	unregister_nmi_handler(NMI_LOCAL, "slab_test");
}
#else
static void slab_nmi_works_or_fails_cleanly(struct kunit *test)
{
	kunit_skip(test, "no NMI here");
}

static void slab_free_in_nmi_is_told(struct kunit *test)
{
	kunit_skip(test, "no NMI here");
}

static void slab_misuse_in_nmi(struct kunit *test)
{
	kunit_skip(test, "no NMI here");
}
#endif

/* ---- what is wrong --------------------------------------------------------------------------- */

static void slab_misuse_is_seen_and_survived(struct kunit *test)
{
	struct slab_test *t = test->priv;
	struct ptkit_cache *c = make(test, 64, 0), *d = make(test, 64, 0);
	unsigned long misuse;
	char on_stack[64] __aligned(64);
	void *vm = vmalloc(100), *host = kmalloc(64, GFP_KERNEL), *p;

	KUNIT_ASSERT_NOT_NULL(test, c);
	KUNIT_ASSERT_NOT_NULL(test, d);
	if (passes_through(c)) {
		vfree(vm);
		kfree(host);
		kunit_skip(test, "passthrough");
	}
	if (!take(test, c, 3))
		return;
	expect_warning(WARN_FREE);

	/* the head twice */
	ptkit_cache_free(c, t->held[0]);
	ptkit_cache_free(c, t->held[0]);
	misuse = 1;
	KUNIT_EXPECT_EQ(test, stats_of(c).misuse, misuse);
	/* which is no end of the list */
	t->held[0] = ptkit_cache_alloc(c, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, stats_of(c).corrupt, 0UL);
	ptkit_cache_free(c, ptkit_cache_alloc(c, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, stats_of(c).corrupt, 0UL);
	ptkit_cache_free(c, t->held[0]);
	if (SLAB_CHECKERS || want_init_on_free()) {
		/* what would wipe a part of its neighbour */
		fill(t->held[1], 64, 1);
		ptkit_cache_free(c, t->held[1] + 8);
		KUNIT_EXPECT_EQ(test, stats_of(c).misuse, ++misuse);
		KUNIT_EXPECT_TRUE(test, filled(t->held[1], 64, 1));
	}
	/* another cache's */
	ptkit_cache_free(d, t->held[1]);
	KUNIT_EXPECT_EQ(test, stats_of(d).misuse, 1UL);
	/* nobody's */
	ptkit_cache_free(c, vm);
	ptkit_cache_free(c, host);
	ptkit_cache_free(c, on_stack);
	ptkit_cache_free(c, slab_misuse_is_seen_and_survived);
	ptkit_cache_free(c, (void *)0x123456789abcdef0UL);
	ptkit_cache_free(c, (void *)-64UL);
	misuse += 6;
	KUNIT_EXPECT_EQ(test, stats_of(c).misuse, misuse);
	/* the same in bulk, with good ones between */
	t->held[3] = vm;
	t->held[4] = ptkit_cache_alloc(c, GFP_KERNEL);
	t->held[5] = host;
	ptkit_cache_free_bulk(c, 3, t->held + 3);
	misuse += 2;
	KUNIT_EXPECT_EQ(test, stats_of(c).misuse, misuse);

	expect_warning(WARN_KFREE);
	ptkit_kfree(vm);
	ptkit_kfree(on_stack);
	p = ptkit_kmalloc(2 * PTKIT_KMALLOC_MAX, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	ptkit_kfree(p + 64);
	ptkit_kfree(p);
	KUNIT_EXPECT_EQ(test, ptkit_ksize(vm), 0UL);
	expect_warning(WARN_KREALLOC);
	KUNIT_EXPECT_NULL(test, ptkit_krealloc(vm, 200, GFP_KERNEL));

	/* and it still works */
	p = ptkit_cache_alloc(c, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, p);
	ptkit_cache_free(c, p);
	ptkit_cache_free(c, t->held[1]);
	ptkit_cache_free(c, t->held[2]);
	vfree(vm);
	kfree(host);
	finish(test, d);
	finish(test, c);
}

/* In bulk the same is seen of every object, wherever in the array it stands. */
static void slab_double_free_in_bulk(struct kunit *test)
{
	struct slab_test *t = test->priv;
	struct ptkit_cache *c = make(test, 64, 0);
	unsigned long misuse = 0, i, at;
	void *twice;

	KUNIT_ASSERT_NOT_NULL(test, c);
	if (passes_through(c))
		kunit_skip(test, "passthrough");
	expect_warning(WARN_FREE);
	pin(raw_smp_processor_id());
	for (at = 0; at < 5; at++) {
		if (!take(test, c, 5))
			break;
		twice = t->held[4];
		ptkit_cache_free(c, twice);
		swap(t->held[at], t->held[4]);
		ptkit_cache_free_bulk(c, 5, t->held);
		KUNIT_EXPECT_EQ(test, stats_of(c).misuse, ++misuse);
		KUNIT_EXPECT_EQ(test, stats_of(c).in_use, 0L);
		/* Nothing is on the list twice, and nothing got lost. */
		if (!take(test, c, 64))
			break;
		for (i = 0; i < 64; i++)
			fill(t->held[i], 64, i);
		for (i = 0; i < 64; i++)
			KUNIT_EXPECT_TRUE(test, filled(t->held[i], 64, i));
		give(test, c, 64);
	}
	/* Two in a row are the same thing. */
	if (take(test, c, 3)) {
		t->held[3] = t->held[2];
		ptkit_cache_free_bulk(c, 4, t->held);
		KUNIT_EXPECT_EQ(test, stats_of(c).misuse, ++misuse);
	}
	KUNIT_EXPECT_EQ(test, stats_of(c).corrupt, 0UL);
	unpin();
	finish(test, c);
}

/* The second free of an object whose slab is all free must not make the counters wrap. */
static void slab_free_of_a_full_slab_twice(struct kunit *test)
{
	struct slab_test *t = test->priv;
	struct ptkit_cache *c = make(test, 512, 0);
	unsigned long objects;

	KUNIT_ASSERT_NOT_NULL(test, c);
	if (passes_through(c))
		kunit_skip(test, "passthrough");
	pin(raw_smp_processor_id());
	objects = stats_of(c).slab_objects;
	if (!take(test, c, 2 * objects))
		goto out;
	expect_warning(WARN_FREE);
	ptkit_cache_free(c, t->held[0]);
	ptkit_cache_free(c, t->held[0]);	/* the head of a slab that waits */
	KUNIT_EXPECT_EQ(test, stats_of(c).misuse, 1UL);
	ptkit_cache_free_bulk(c, 2 * objects - 1, t->held + 1);
out:
	unpin();
	finish(test, c);
}

/* Somebody writes to an object that he has freed: the list is cut there, and the rest leaks. */
static void slab_overwritten_links_are_survived(struct kunit *test)
{
	static const unsigned long garbage[] = {
		0x4141414141414140UL, 0x0, 0xffffffffffffffffUL, 0x1,
	};
	struct slab_test *t = test->priv;
	struct ptkit_cache *c;
	unsigned long i, k;

	if (IS_ENABLED(CONFIG_KASAN))
		kunit_skip(test, "KASAN would see it");
	if (IS_ENABLED(CONFIG_UML))
		kunit_skip(test, "user-mode Linux dies of reading where there is nothing");
	for (k = 0; k < ARRAY_SIZE(garbage); k++) {
		char name[16];

		snprintf(name, sizeof(name), "corrupt_%lu", k);
		c = ptkit_cache_create(name, 64, 0, 0, NULL);
		KUNIT_ASSERT_TRUE(test, !IS_ERR(c));
		if (passes_through(c)) {
			ptkit_cache_destroy(c);
			kunit_skip(test, "passthrough");
		}
		expect_warning(WARN_CORRUPT);
		pin(raw_smp_processor_id());
		if (!take(test, c, 10))
			return;
		ptkit_cache_free(c, t->held[9]);
		KUNIT_EXPECT_EQ(test, stats_of(c).misuse, 0UL);
		*(unsigned long *)t->held[9] = garbage[k];
		KUNIT_EXPECT_TRUE(test, take(test, c, 200));
		KUNIT_EXPECT_EQ(test, stats_of(c).corrupt, 1UL);
		for (i = 0; i < 200; i++)
			ptkit_cache_free(c, t->held[i]);
		unpin();
		/* What was cut off cannot come back: the cache leaks, and says so. */
		KUNIT_EXPECT_EQ(test, ptkit_cache_destroy(c), -EBUSY);
	}
}

#define ALL_DEBUG	SLAB_DEBUG_FLAGS

/* Where nobody may write: KASAN is not to see it first. */
static noinline __no_sanitize_address void step_byte(char *p)
{
	(*p)++;
}

static void slab_debug_flags_see_everything(struct kunit *test)
{
	struct slab_test *t = test->priv;
	struct ptkit_cache *c = make(test, 51, ALL_DEBUG);
	unsigned long misuse = 0, i;
	char *p;

	KUNIT_ASSERT_NOT_NULL(test, c);
	if (passes_through(c))
		kunit_skip(test, "passthrough");
	if (!take(test, c, 20))
		return;
	expect_warning(WARN_FREE);

	/* twice, and not the head */
	ptkit_cache_free(c, t->held[0]);
	ptkit_cache_free(c, t->held[1]);
	ptkit_cache_free(c, t->held[0]);
	KUNIT_EXPECT_EQ(test, stats_of(c).misuse, ++misuse);
	/* into an object, aligned and not */
	ptkit_cache_free(c, t->held[2] + 8);
	ptkit_cache_free(c, t->held[2] + 3);
	misuse += 2;
	KUNIT_EXPECT_EQ(test, stats_of(c).misuse, misuse);
	/* one byte too many: leaked */
	p = t->held[3];
	step_byte(p + 51);
	ptkit_cache_free(c, p);
	KUNIT_EXPECT_EQ(test, stats_of(c).misuse, ++misuse);
	/* up to the next object, and over all that is remembered of it: leaked, too */
	p = t->held[4];
	for (i = 51; i < c->slot; i++)
		step_byte(p + i);
	ptkit_cache_free(c, p);
	KUNIT_EXPECT_EQ(test, stats_of(c).misuse, ++misuse);
	ptkit_cache_free(c, t->held[2]);

	/* written to after free: the first byte, the last, one in between */
	for (i = 0; i < 51; i += 25) {
		p = ptkit_cache_alloc(c, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		ptkit_cache_free(c, p);
		step_byte(p + i);
		t->held[20] = ptkit_cache_alloc(c, GFP_KERNEL);
		KUNIT_EXPECT_NOT_NULL(test, t->held[20]);
		KUNIT_EXPECT_PTR_NE(test, t->held[20], (void *)p);
		KUNIT_EXPECT_EQ(test, stats_of(c).misuse, ++misuse);
		ptkit_cache_free(c, t->held[20]);
	}
	/* and behind it: its red zone, and what says that it is free */
	for (i = 0; i < 2; i++) {
		p = ptkit_cache_alloc(c, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		ptkit_cache_free(c, p);
		step_byte(p + (i ? c->debug : c->size));
		t->held[20] = ptkit_cache_alloc(c, GFP_KERNEL);
		KUNIT_EXPECT_NOT_NULL(test, t->held[20]);
		KUNIT_EXPECT_PTR_NE(test, t->held[20], (void *)p);
		KUNIT_EXPECT_EQ(test, stats_of(c).misuse, ++misuse);
		ptkit_cache_free(c, t->held[20]);
	}
	for (i = 5; i < 20; i++)
		ptkit_cache_free(c, t->held[i]);
	KUNIT_EXPECT_EQ(test, stats_of(c).misuse, misuse);
	KUNIT_EXPECT_EQ(test, stats_of(c).fast_allocs, 0UL);
	/* Seven objects leaked, and they are all that keeps the cache. */
	KUNIT_EXPECT_EQ(test, stats_of(c).in_use, 7L);
	KUNIT_EXPECT_EQ(test, ptkit_cache_destroy(c), -EBUSY);
	t->nr--;
}

/* What is left behind the last object of a slab is where the next one would be. */
static void slab_rest_of_a_slab_is_no_object(struct kunit *test)
{
	struct ptkit_cache *c = make(test, 1000, PTKIT_CACHE_CHECK);
	unsigned long rest;
	void *p;

	KUNIT_ASSERT_NOT_NULL(test, c);
	if (passes_through(c))
		kunit_skip(test, "passthrough");
	p = ptkit_cache_alloc(c, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	rest = ((unsigned long)p & ~c->mask) + c->objects * c->slot;
	KUNIT_ASSERT_EQ(test, rest & ~c->mask, (unsigned long)p & ~c->mask);
	expect_warning(WARN_FREE);
	ptkit_cache_free(c, (void *)rest);
	KUNIT_EXPECT_EQ(test, stats_of(c).misuse, 1UL);
	ptkit_cache_free(c, p);
	finish(test, c);
}

static void slab_debug_flags_alone_and_together(struct kunit *test)
{
	static const unsigned int flags[] = {
		PTKIT_CACHE_CHECK, PTKIT_CACHE_POISON, PTKIT_CACHE_RED_ZONE, PTKIT_CACHE_TRACK,
		ALL_DEBUG,
		ALL_DEBUG | PTKIT_CACHE_RCU, ALL_DEBUG | PTKIT_CACHE_ZERO | PTKIT_CACHE_HWALIGN,
	};
	static const unsigned int sizes[] = { 1, 8, 50, 64, 1000, 4096, 8192 };
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(flags); i++)
		for (k = 0; k < ARRAY_SIZE(sizes); k++)
			check_objects(test, sizes[k], 0, flags[i]);
}

/* ---- caches ---------------------------------------------------------------------------------- */

static void slab_destroy_refuses_live_objects(struct kunit *test)
{
	static const unsigned int flags[] = { 0, PTKIT_CACHE_TRACK };
	struct slab_test *t = test->priv;
	struct ptkit_cache *c;
	unsigned long i, k;

	for (k = 0; k < ARRAY_SIZE(flags); k++) {
		c = make(test, 256, flags[k]);
		KUNIT_ASSERT_NOT_NULL(test, c);
		/* In a slab that is full, and so on no list. */
		if (!take(test, c, 256))
			return;
		KUNIT_EXPECT_EQ(test, ptkit_cache_destroy(c), -EBUSY);
		for (i = 1; i < 256; i++)
			ptkit_cache_free(c, t->held[i]);
		KUNIT_EXPECT_EQ(test, ptkit_cache_destroy(c), -EBUSY);
		/* The cache is as it was. */
		t->held[1] = ptkit_cache_alloc(c, GFP_KERNEL);
		KUNIT_EXPECT_NOT_NULL(test, t->held[1]);
		give(test, c, 2);
		finish(test, c);
	}
}

static void slab_shrink_leaves_nothing_empty(struct kunit *test)
{
	struct ptkit_cache *c = make(test, 64, 0);
	unsigned long i, nr = 4 * CHURN_ROUNDS, bad = 0;
	void **objects = vmalloc(nr * sizeof(*objects));

	KUNIT_ASSERT_NOT_NULL(test, c);
	KUNIT_ASSERT_NOT_NULL(test, objects);
	for (i = 0; i < nr; i++) {
		objects[i] = ptkit_cache_alloc(c, GFP_KERNEL);
		bad += !objects[i];
	}
	KUNIT_EXPECT_EQ(test, bad, 0UL);
	for (i = 0; i < nr; i++)
		ptkit_cache_free(c, objects[i]);
	vfree(objects);
	/* Before: each node keeps a few, each CPU a few more. */
	KUNIT_EXPECT_LE(test, stats_of(c).slabs,
			num_online_nodes() * 11UL + num_online_cpus() * 10UL);
	finish(test, c);
}

/* Who holds the RCU read lock may look at an object that is freed: it stays an object. */
static void slab_rcu_delays_the_slab(struct kunit *test)
{
	struct slab_test *t = test->priv;
	struct ptkit_cache *c = make(test, 512, PTKIT_CACHE_RCU);
	unsigned long i, bad = 0;

	KUNIT_ASSERT_NOT_NULL(test, c);
	if (!take(test, c, 640))
		return;
	for (i = 0; i < 640; i++)
		fill(t->held[i], 512, i);
	rcu_read_lock();
	give(test, c, 640);
	for (i = 0; i < 640; i++)
		bad += !filled(t->held[i], 512, i);
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, bad, 0UL);
	finish(test, c);
}

static void slab_nodes_are_respected(struct kunit *test)
{
	struct ptkit_cache *c = make(test, 512, 0);
	unsigned long bad = 0;
	int nid, i;
	void *p;

	KUNIT_ASSERT_NOT_NULL(test, c);
	for (i = 0; i < 100; i++)
		for_each_online_node(nid) {
			p = ptkit_cache_alloc_node(c, GFP_KERNEL | __GFP_THISNODE, nid);
			/* A node need not have memory. */
			if (p && page_to_nid(virt_to_page(p)) != nid)
				bad++;
			ptkit_cache_free(c, p);
			p = ptkit_cache_alloc_node(c, GFP_KERNEL, nid);
			bad += !p;
			ptkit_cache_free(c, p);
		}
	KUNIT_EXPECT_EQ(test, bad, 0UL);
	finish(test, c);
}

/* ---- with hooks ------------------------------------------------------------------------------ */

#ifdef PTKIT_SLAB_HOOKS

static struct ptkit_cache *hook_cache;
static enum slab_race hook_before;
static void (*hook_fn)(void);

/* The first task of ours that comes by; what it does there does not come back here. */
static void hook_once(struct ptkit_cache *c, enum slab_race before)
{
	void (*fn)(void);

	if (c != hook_cache || before != hook_before || !in_task())
		return;
	fn = xchg(&hook_fn, NULL);
	if (fn)
		fn();
}

static void hook_arm_before(struct ptkit_cache *c, enum slab_race before, void (*fn)(void))
{
	hook_cache = c;
	hook_before = before;
	WRITE_ONCE(hook_fn, fn);
	ptkit_slab_race_hook = hook_once;
	static_branch_enable(&ptkit_slab_hook_key);
}

static void hook_arm(struct ptkit_cache *c, void (*fn)(void))
{
	hook_arm_before(c, SLAB_RACE_SWAP, fn);
}

static void hook_disarm(void)
{
	static_branch_disable(&ptkit_slab_hook_key);
	hook_cache = NULL;
}

static int hook_cpu;

static void hook_migrate(void)
{
	set_cpus_allowed_ptr(current, cpumask_of(hook_cpu));
}

static void hook_migrate_and_back(void)
{
	int cpu = raw_smp_processor_id();

	set_cpus_allowed_ptr(current, cpumask_of(hook_cpu));
	set_cpus_allowed_ptr(current, cpumask_of(cpu));
}

/* Case 1: another CPU, which has a list of its own, or none, between reading and swapping. */
static void slab_migration_between_read_and_swap(struct kunit *test)
{
	struct slab_test *t = test->priv;
	int here = raw_smp_processor_id(), there = other_cpu(here);
	struct ptkit_cache *c;
	unsigned long retries, i, bad = 0;
	struct remote r = { .nr = 1 };
	void *p;

	if (there < 0)
		kunit_skip(test, "needs a second CPU");
	c = make(test, 64, 0);
	KUNIT_ASSERT_NOT_NULL(test, c);
	if (passes_through(c))
		kunit_skip(test, "passthrough");
	r.c = c;
	hook_cpu = there;
	for (i = 0; i < 50; i++) {
		pin(here);
		t->held[0] = ptkit_cache_alloc(c, GFP_KERNEL);
		if (i > 10) {
			r.objects = t->held + 1;
			call_on(there, remote_alloc, &r);
		}
		retries = stats_of(c).retries;
		hook_arm(c, i & 1 ? hook_migrate : hook_migrate_and_back);
		p = ptkit_cache_alloc(c, GFP_KERNEL);
		bad += !p || p == t->held[0] || p == t->held[1];
		/* Back on the same CPU, with nothing done there, the swap may succeed. */
		if (i & 1 && i > 10)
			bad += stats_of(c).retries == retries;
		fill(p, 64, i);
		hook_arm(c, i & 1 ? hook_migrate : hook_migrate_and_back);
		ptkit_cache_free(c, p);
		hook_disarm();
		ptkit_cache_free(c, t->held[0]);
		if (i > 10)
			ptkit_cache_free(c, t->held[1]);
		t->held[1] = NULL;
		KUNIT_EXPECT_EQ(test, stats_of(c).in_use, 0L);
	}
	unpin();
	KUNIT_EXPECT_EQ(test, bad, 0UL);
	finish(test, c);
}

/* Case 2: the same object is first again, but what follows it has been taken. */
static struct ptkit_cache *aba_cache;
static void *aba_taken[2];
static void *aba_first;

static void hook_aba(void)
{
	int i;

	aba_first = ptkit_cache_alloc(aba_cache, GFP_KERNEL);
	aba_taken[0] = ptkit_cache_alloc(aba_cache, GFP_KERNEL);
	aba_taken[1] = ptkit_cache_alloc(aba_cache, GFP_KERNEL);
	ptkit_cache_free(aba_cache, aba_first);
	/* Four swaps until here; sixteen make a tag of four bits come round. */
	for (i = 0; i < 6; i++)
		ptkit_cache_free(aba_cache, ptkit_cache_alloc(aba_cache, GFP_KERNEL));
}

/* Returns whether an object was given to two. */
static bool aba_corrupts(struct kunit *test, struct ptkit_cache *c)
{
	void *a, *b;
	bool twice;

	aba_cache = c;
	a = ptkit_cache_alloc(c, GFP_KERNEL);
	ptkit_cache_free(c, a);
	hook_arm(c, hook_aba);
	a = ptkit_cache_alloc(c, GFP_KERNEL);
	hook_disarm();
	KUNIT_EXPECT_PTR_EQ(test, a, aba_first);
	b = ptkit_cache_alloc(c, GFP_KERNEL);
	twice = b == aba_taken[0] || b == aba_taken[1];
	ptkit_cache_free(c, b);
	ptkit_cache_free(c, a);
	if (!twice) {
		ptkit_cache_free(c, aba_taken[0]);
		ptkit_cache_free(c, aba_taken[1]);
	}
	return twice;
}

static void slab_same_object_first_again(struct kunit *test)
{
	struct ptkit_cache *c = make(test, 64, 0), *d;
	unsigned long retries;

	KUNIT_ASSERT_NOT_NULL(test, c);
	if (passes_through(c))
		kunit_skip(test, "passthrough");
	pin(raw_smp_processor_id());
	retries = stats_of(c).retries;
	KUNIT_EXPECT_FALSE(test, aba_corrupts(test, c));
	KUNIT_EXPECT_EQ(test, stats_of(c).retries, retries + 1);
	finish(test, c);

	/*
	 * The test has teeth: with a tag that wraps, it is given to two. kmemleak would stop at
	 * that.
	 */
	if (IS_ENABLED(CONFIG_DEBUG_KMEMLEAK)) {
		unpin();
		return;
	}
	d = make(test, 128, 0);
	KUNIT_ASSERT_NOT_NULL(test, d);
	ptkit_slab_tag_mask = PCP_TAG_STEP * 16 - 1;
	KUNIT_EXPECT_TRUE(test, aba_corrupts(test, d));
	ptkit_slab_tag_mask = ~0UL;
	unpin();
	/*
	 * Where objects are zeroed for their users, the links of two on the list are gone for
	 * good.
	 */
	if (want_init_on_alloc(0))
		expect_warning(WARN_CORRUPT);
	KUNIT_EXPECT_EQ(test, ptkit_cache_destroy(d), want_init_on_alloc(0) ? -EBUSY : 0);
	((struct slab_test *)test->priv)->nr--;
}

/*
 * Case 9: what was read is gone, and its page with it, when the link is read or the list swapped;
 * then the swap fails. With debug_pagealloc=on the page is not even mapped any more.
 */
static void *stale_object;

static void hook_free_the_slab(void)
{
	ptkit_cache_free(aba_cache, stale_object);
	ptkit_cache_shrink(aba_cache);
	/* Out of our hands. */
	ptkit_frozen_drain();
}

static void check_page_goes(struct kunit *test, enum slab_race before, bool bulk)
{
	struct ptkit_cache *c = make(test, 64, 0);
	void *p = NULL;

	if (!c)
		return;
	aba_cache = c;
	stale_object = ptkit_cache_alloc(c, GFP_KERNEL);
	hook_arm_before(c, before, hook_free_the_slab);
	if (bulk)
		KUNIT_EXPECT_EQ(test, ptkit_cache_alloc_bulk(c, GFP_KERNEL, 1, &p), 1UL);
	else
		p = ptkit_cache_alloc(c, GFP_KERNEL);
	KUNIT_EXPECT_NULL(test, hook_fn);
	hook_disarm();
	KUNIT_EXPECT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, stats_of(c).in_use, 1L);
	KUNIT_EXPECT_EQ(test, stats_of(c).slabs, 1UL);
	KUNIT_EXPECT_EQ(test, stats_of(c).corrupt, 0UL);
	ptkit_cache_free(c, p);
	finish(test, c);
}

static void slab_page_goes_between_read_and_swap(struct kunit *test)
{
	struct ptkit_cache *c = make(test, 8, 0);

	KUNIT_ASSERT_NOT_NULL(test, c);
	if (passes_through(c))
		kunit_skip(test, "passthrough");
	pin(raw_smp_processor_id());
	check_page_goes(test, SLAB_RACE_LINK, false);
	check_page_goes(test, SLAB_RACE_SWAP, false);
	check_page_goes(test, SLAB_RACE_LINK, true);
	check_page_goes(test, SLAB_RACE_SWAP, true);
	unpin();
}

#ifdef CONFIG_HOTPLUG_CPU
static int hook_removed;

/* The task goes elsewhere, and the CPU whose words it has read dies, and its slab with it. */
static void hook_cpu_dies(void)
{
	int cpu = raw_smp_processor_id();

	unpin();
	hook_removed = remove_cpu(cpu);
}
#endif

/* Case 7: the CPU dies under a task that has read its list and not swapped yet. */
static void slab_cpu_dies_between_read_and_swap(struct kunit *test)
{
#ifdef CONFIG_HOTPLUG_CPU
	int there = other_cpu(0), round;
	struct ptkit_cache *c;
	void *p, *q;

	if (there <= 0)
		kunit_skip(test, "needs a second CPU");
	c = make(test, 64, 0);
	KUNIT_ASSERT_NOT_NULL(test, c);
	if (passes_through(c))
		kunit_skip(test, "passthrough");
	for (round = 0; round < 2; round++) {
		pin(there);
		p = ptkit_cache_alloc(c, GFP_KERNEL);
		q = ptkit_cache_alloc(c, GFP_KERNEL);
		hook_removed = -EAGAIN;
		hook_arm(c, hook_cpu_dies);
		if (round)
			ptkit_cache_free(c, q);
		else
			ptkit_cache_free(c, ptkit_cache_alloc(c, GFP_KERNEL));
		hook_disarm();
		unpin();
		KUNIT_EXPECT_EQ(test, stats_of(c).in_use, round ? 1L : 2L);
		KUNIT_EXPECT_GE(test, stats_of(c).retries, 1UL);
		if (!round)
			ptkit_cache_free(c, q);
		ptkit_cache_free(c, p);
		KUNIT_EXPECT_EQ(test, stats_of(c).in_use, 0L);
		KUNIT_EXPECT_EQ(test, hook_removed, 0);
		if (hook_removed)
			break;
		KUNIT_EXPECT_EQ(test, add_cpu(there), 0);
	}
	finish(test, c);
#else
	kunit_skip(test, "needs CPU hotplug");
#endif
}

static void limit_orders(int max)
{
	WRITE_ONCE(ptkit_slab_max_order, max);
}

/* When large blocks are not to be had, small ones serve; and when nothing is, nobody crashes. */
static void slab_orders_fall_back(struct kunit *test)
{
	struct slab_test *t = test->priv;
	struct ptkit_cache *c = make(test, 1024, 0);
	unsigned long i, bad = 0;

	KUNIT_ASSERT_NOT_NULL(test, c);
	if (passes_through(c))
		kunit_skip(test, "passthrough");
	for (i = 0; i < 300; i++) {
		limit_orders(i % 100 < 50 ? 0 : INT_MAX);
		t->held[i] = ptkit_cache_alloc(c, GFP_KERNEL);
		KUNIT_EXPECT_NOT_NULL(test, t->held[i]);
		if (!t->held[i])
			break;
		fill(t->held[i], 1024, i);
	}
	limit_orders(INT_MAX);
	KUNIT_EXPECT_EQ(test, i, 300UL);
	while (i--) {
		bad += !filled(t->held[i], 1024, i);
		ptkit_cache_free(c, t->held[i]);
	}
	KUNIT_EXPECT_EQ(test, bad, 0UL);

	limit_orders(0);
	t->held[0] = ptkit_kmalloc(2048, GFP_KERNEL);
	t->held[1] = ptkit_kmalloc(2048, GFP_KERNEL);
	limit_orders(INT_MAX);
	KUNIT_EXPECT_EQ(test, ptkit_ksize(t->held[0]), 2048UL);
	ptkit_kfree(t->held[0]);
	ptkit_kfree(t->held[1]);
	finish(test, c);
}

/* Small slabs lie where one of the usual size would: each gets its own objects back. */
static void slab_bulk_frees_small_slabs_apart(struct kunit *test)
{
	struct slab_test *t = test->priv;
	struct ptkit_cache *c = make(test, 1024, 0);
	unsigned long i;

	KUNIT_ASSERT_NOT_NULL(test, c);
	if (passes_through(c))
		kunit_skip(test, "passthrough");
	limit_orders(0);
	for (i = 0; i < 64; i++) {
		t->held[i] = ptkit_cache_alloc(c, GFP_KERNEL);
		KUNIT_EXPECT_NOT_NULL(test, t->held[i]);
	}
	limit_orders(INT_MAX);
	/* Neighbours in the array are of different slabs. */
	for (i = 0; i < 32; i += 2)
		swap(t->held[i], t->held[63 - i]);
	ptkit_cache_free_bulk(c, 64, t->held);
	KUNIT_EXPECT_EQ(test, stats_of(c).in_use, 0L);
	KUNIT_EXPECT_EQ(test, stats_of(c).misuse, 0UL);
	KUNIT_EXPECT_EQ(test, stats_of(c).corrupt, 0UL);
	finish(test, c);
}

static void slab_no_memory_is_no_crash(struct kunit *test)
{
	struct slab_test *t = test->priv;
	struct ptkit_cache *c = make(test, 256, 0), *checked = make(test, 256, PTKIT_CACHE_CHECK);
	unsigned long got, objects;

	KUNIT_ASSERT_NOT_NULL(test, c);
	KUNIT_ASSERT_NOT_NULL(test, checked);
	if (passes_through(c))
		kunit_skip(test, "passthrough");
	pin(raw_smp_processor_id());
	objects = stats_of(c).slab_objects;
	t->held[0] = ptkit_cache_alloc(c, GFP_KERNEL);
	limit_orders(-1);
	/* Bulk gives what there is. */
	got = ptkit_cache_alloc_bulk(c, GFP_ATOMIC, 2 * objects, t->held + 1);
	KUNIT_EXPECT_EQ(test, got, objects - 1);
	KUNIT_EXPECT_NULL(test, ptkit_cache_alloc(c, GFP_ATOMIC));
	KUNIT_EXPECT_NULL(test, ptkit_cache_alloc_node(c, GFP_KERNEL, numa_mem_id()));
	KUNIT_EXPECT_NULL(test, ptkit_cache_alloc(checked, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, ptkit_cache_alloc_node(checked, GFP_KERNEL | __GFP_THISNODE,
						       numa_mem_id()));
	limit_orders(INT_MAX);
	unpin();
	give(test, c, got + 1);
	finish(test, checked);
	finish(test, c);
}

/* A cache ends with an object in use. The next one at its address must not take it for its. */
static void slab_lost_pages_are_nobodys(struct kunit *test)
{
	struct slab_test *t = test->priv;
	struct ptkit_cache *c = make(test, 64, 0);
	struct slab *slab;
	struct page *page;
	void *object;

	KUNIT_ASSERT_NOT_NULL(test, c);
	if (passes_through(c))
		kunit_skip(test, "passthrough");
	object = ptkit_cache_alloc(c, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, object);
	KUNIT_ASSERT_EQ(test, stats_of(c).slab_size, PAGE_SIZE);
	page = virt_to_page(object);
	slab = (struct slab *)page;
	KUNIT_EXPECT_PTR_EQ(test, slab_lookup(c, object), slab);
	slab_cache_dismantle(c);
	KUNIT_EXPECT_NULL(test, slab_lookup(c, object));
	t->nr--;
	kfree(c);

	/* Nothing else remembers the page: it goes home, as a slab's does. */
	kmemleak_free(object);
	memset(&slab->list, 0, sizeof(slab->list));
	memset(&slab->free, 0, sizeof(slab->free));
	ptkit_kasan_unpoison(page_address(page), PAGE_SIZE);
	ptkit_frozen_free(page, 0);
}

#else
#define NEEDS_HOOKS(name)				\
static void name(struct kunit *test)			\
{							\
	kunit_skip(test, "needs a test build");		\
}

NEEDS_HOOKS(slab_migration_between_read_and_swap)
NEEDS_HOOKS(slab_same_object_first_again)
NEEDS_HOOKS(slab_page_goes_between_read_and_swap)
NEEDS_HOOKS(slab_cpu_dies_between_read_and_swap)
NEEDS_HOOKS(slab_orders_fall_back)
NEEDS_HOOKS(slab_bulk_frees_small_slabs_apart)
NEEDS_HOOKS(slab_no_memory_is_no_crash)
NEEDS_HOOKS(slab_lost_pages_are_nobodys)
#endif

static struct kunit_case slab_cases[] = {
	KUNIT_CASE(slab_objects_do_not_overlap),
	KUNIT_CASE(slab_kmalloc_serves_every_size),
	KUNIT_CASE(slab_kmalloc_odd_sizes),
	KUNIT_CASE(slab_krealloc_keeps_what_was_there),
	KUNIT_CASE(slab_constructed_state_is_kept),
	KUNIT_CASE(slab_zero_flag_zeroes),
	KUNIT_CASE(slab_init_options_are_obeyed),
	KUNIT_CASE(slab_kasan_is_told),
	KUNIT_CASE(slab_refuses_what_cannot_be),
	KUNIT_CASE(slab_pages_are_nobodys),
	KUNIT_CASE(slab_bulk_gives_different_objects),
	KUNIT_CASE(slab_bulk_frees_what_is_mixed),
	KUNIT_CASE(slab_order_is_random_and_links_are_not_pointers),
	KUNIT_CASE(slab_frees_to_an_empty_list_are_fast),
	KUNIT_CASE(slab_counts_are_exact),
	KUNIT_CASE(slab_alloc_here_free_there),
	KUNIT_CASE(slab_exhausted_slab_is_not_forgotten),
	KUNIT_CASE(slab_offline_cpu_keeps_nothing),
	KUNIT_CASE(slab_a_million_rounds),
	KUNIT_CASE(slab_churn_of_all_kinds),
	KUNIT_CASE(slab_one_produces_others_consume),
	KUNIT_CASE(slab_interrupts_come_in_between),
	KUNIT_CASE(slab_nmi_works_or_fails_cleanly),
	KUNIT_CASE(slab_free_in_nmi_is_told),
	KUNIT_CASE(slab_misuse_in_nmi),
	KUNIT_CASE(slab_misuse_is_seen_and_survived),
	KUNIT_CASE(slab_double_free_in_bulk),
	KUNIT_CASE(slab_free_of_a_full_slab_twice),
	KUNIT_CASE(slab_overwritten_links_are_survived),
	KUNIT_CASE(slab_debug_flags_see_everything),
	KUNIT_CASE(slab_rest_of_a_slab_is_no_object),
	KUNIT_CASE(slab_debug_flags_alone_and_together),
	KUNIT_CASE(slab_destroy_refuses_live_objects),
	KUNIT_CASE(slab_shrink_leaves_nothing_empty),
	KUNIT_CASE(slab_rcu_delays_the_slab),
	KUNIT_CASE(slab_nodes_are_respected),
	KUNIT_CASE(slab_migration_between_read_and_swap),
	KUNIT_CASE(slab_same_object_first_again),
	KUNIT_CASE(slab_page_goes_between_read_and_swap),
	KUNIT_CASE(slab_cpu_dies_between_read_and_swap),
	KUNIT_CASE(slab_orders_fall_back),
	KUNIT_CASE(slab_bulk_frees_small_slabs_apart),
	KUNIT_CASE(slab_no_memory_is_no_crash),
	KUNIT_CASE(slab_lost_pages_are_nobodys),
	{ }
};

struct kunit_suite ptkit_slab_suite = {
	.name = "ptkit_slab",
	.init = slab_test_begin,
	.exit = slab_test_end,
	.test_cases = slab_cases,
};
