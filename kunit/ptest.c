// SPDX-License-Identifier: GPL-2.0
/* What the suites share (see ptest.h). */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "ptest.h"

/* Longer than any case takes with every debug option; shorter than the hung task detector waits. */
#define WORK_TIMEOUT	(100 * HZ)

/* ---- what outlives a case -------------------------------------------------------------------- */

struct deferred {
	void (*fn)(void *arg);
	void *arg;
};

static int deferred_init(struct kunit_resource *res, void *context)
{
	res->data = kmemdup(context, sizeof(struct deferred), GFP_KERNEL);
	return res->data ? 0 : -ENOMEM;
}

static void deferred_free(struct kunit_resource *res)
{
	struct deferred *deferred = res->data;

	deferred->fn(deferred->arg);
	kfree(deferred);
}

/**
 * ptest_defer - have something done when the case is over, however it ends
 * @test: the case
 * @fn: does it; the last one deferred runs first
 * @arg: for @fn
 *
 * kunit_add_action() of the kernels that have it.
 */
void ptest_defer(struct kunit *test, void (*fn)(void *arg), void *arg)
{
	struct deferred deferred = { .fn = fn, .arg = arg };
	bool done = kunit_alloc_resource(test, deferred_init, deferred_free, GFP_KERNEL,
					 &deferred);

	if (!done)
		fn(arg);
	KUNIT_ASSERT_TRUE(test, done);
}

/* ---- where a case runs ----------------------------------------------------------------------- */

/* Every case has a thread of its own, which takes its affinity with it when it ends. */
void ptest_pin(struct kunit *test, int cpu)
{
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(cpu)), 0);
	KUNIT_ASSERT_EQ(test, raw_smp_processor_id(), cpu);
}

/* Stay on the CPU where the case is by now; returns which. */
int ptest_pin_here(struct kunit *test)
{
	int cpu = raw_smp_processor_id();

	ptest_pin(test, cpu);
	return cpu;
}

/* CPU 0 is the one that can seldom be unplugged: cases that unplug another run there. */
int ptest_pin_first(struct kunit *test)
{
	int cpu = cpumask_first(cpu_online_mask);

	ptest_pin(test, cpu);
	return cpu;
}

/* Move to an online CPU, perhaps this one. For threads that are to be wherever they should not. */
void ptest_wander(struct rnd_state *rnd)
{
	int cpu = cpumask_next(ptest_below(rnd, nr_cpu_ids) - 1, cpu_online_mask);

	if (cpu >= nr_cpu_ids)
		cpu = cpumask_first(cpu_online_mask);
	/* It may have gone offline by now; then we stay. */
	set_cpus_allowed_ptr(current, cpumask_of(cpu));
}

/* An online CPU other than @cpu, or -1. */
int ptest_other_cpu(int cpu)
{
	int other = cpumask_any_but(cpu_online_mask, cpu);

	return other < nr_cpu_ids ? other : -1;
}

/* ---- what a case is given -------------------------------------------------------------------- */

/* The seed is printed: "insmod ptkit_kunit.ko seed=N" does the same again. */
void ptest_seed(struct kunit *test, struct rnd_state *rnd)
{
	unsigned long seed = ptest_seed_param ?: get_random_u32();

	kunit_info(test, "seed %lu\n", seed);
	prandom_seed_state(rnd, seed);
}

u32 ptest_below(struct rnd_state *rnd, u32 limit)
{
	return prandom_u32_state(rnd) % limit;
}

/* Checked kernels and emulated machines are ten times slower. */
unsigned long ptest_rounds(unsigned long rounds)
{
	unsigned int scale = ptest_scale_param;

	if (IS_ENABLED(CONFIG_KASAN) || IS_ENABLED(CONFIG_KCSAN) ||
	    IS_ENABLED(CONFIG_PROVE_LOCKING))
		scale *= 10;
	return max(rounds / max(scale, 1U), 100UL);
}

/* ---- warnings -------------------------------------------------------------------------------- */

/* In the order of enum ptest_warning. */
static const char *const warnings[] = {
	[PTEST_WARN_FREE] = "ptkit: misuse: freeing (a page t(hat|wice)|with|in NMI)",
	[PTEST_WARN_THAW] = "ptkit: misuse: thawing",
	[PTEST_WARN_QL_FREE] = "ptkit: misuse: quicklist .*: freeing",
	[PTEST_WARN_QL_ZONE] = "ptkit: quicklist .*: pages of a zone are not kept",
	[PTEST_WARN_PT_FREE] = "ptkit: misuse: freeing a page table with",
	[PTEST_WARN_PT_RCU] = "ptkit: misuse: freeing a page table through RCU",
	[PTEST_WARN_PT_TWICE] = "ptkit: misuse: freeing a page table twice",
	[PTEST_WARN_PT_ENTRIES] = "ptkit: misuse: freeing a page table that is",
	[PTEST_WARN_PT_FLUSH] = "ptkit: misuse: .* returned an error, and a flush",
	[PTEST_WARN_QL_DIRTY] = "ptkit: quicklist .*: pfn .* is not in its known state",
	[PTEST_WARN_CHAIN] = "ptkit: misuse: a list of pages ends with",
};

static_assert(ARRAY_SIZE(warnings) == PTEST_NR_WARNINGS);

/**
 * ptest_expect_warning - tell who reads the log that ptkit is about to warn
 * @which: the place
 *
 * scripts/vm fails a run with a report that nobody expected, or without one that was. ptkit warns
 * once per place and load, so ptkit and its tests must be loaded together for the numbers to fit.
 */
void ptest_expect_warning(enum ptest_warning which)
{
	static unsigned long expected;

	if (!test_and_set_bit(which, &expected))
		pr_info("ptkit-test: expect 1 matching %s\n", warnings[which]);
}

/* ---- frozen pages ---------------------------------------------------------------------------- */

struct held {
	struct list_head list;
	struct page *page;
	unsigned int order;
};

struct balance {
	struct kunit *test;
	struct ptkit_frozen_stats before;
	struct list_head held;
};

struct ptkit_frozen_stats ptest_stats(void)
{
	struct ptkit_frozen_stats stats;

	ptkit_frozen_get_stats(&stats);
	return stats;
}

/* What a failed assertion left behind. */
static void free_held(struct balance *balance)
{
	struct held *held, *next;

	list_for_each_entry_safe(held, next, &balance->held, list) {
		ptkit_frozen_free(held->page, held->order);
		kfree(held);
	}
}

/* ptkit's own objects are in slabs, of which some are kept empty. */
void ptest_shrink_slabs(void)
{
	unsigned int i;

	for (i = 0; i < PTKIT_KMALLOC_CLASSES; i++)
		ptkit_cache_shrink(ptkit_kmalloc_caches[i]);
}

static void check_balance(void *arg)
{
	struct balance *balance = arg;
	struct kunit *test = balance->test;
	struct ptkit_frozen_stats now;

	free_held(balance);
	ptest_shrink_slabs();
	now = ptest_stats();
	KUNIT_EXPECT_EQ(test, now.host_alloc + now.frozen,
			now.host_free + now.thawed + now.live + now.stashed);
	KUNIT_EXPECT_EQ(test, now.live, balance->before.live);
	if (ptkit_passthrough)
		KUNIT_EXPECT_EQ(test, now.stashed, 0UL);
}

/**
 * ptest_balanced - a case ends with as many frozen pages as it began with
 * @test: the case; call this first, and all that is deferred later is over when it is checked
 *
 * The accounting equation of frozen.c is checked, too.
 */
void ptest_balanced(struct kunit *test)
{
	struct balance *balance = kunit_kzalloc(test, sizeof(*balance), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, balance);
	balance->test = test;
	ptest_shrink_slabs();
	balance->before = ptest_stats();
	INIT_LIST_HEAD(&balance->held);
	test->priv = balance;
	ptest_defer(test, check_balance, balance);
}

/* @page is the case's; it is freed should the case end before ptest_drop(). */
struct page *ptest_hold(struct kunit *test, struct page *page, unsigned int order)
{
	struct balance *balance = test->priv;
	struct held *held;

	KUNIT_ASSERT_NOT_NULL(test, page);
	held = kmalloc(sizeof(*held), GFP_KERNEL);
	if (!held)
		ptkit_frozen_free(page, order);
	KUNIT_ASSERT_NOT_NULL(test, held);
	held->page = page;
	held->order = order;
	list_add(&held->list, &balance->held);
	return page;
}

/* @page is no longer the case's. */
struct page *ptest_drop(struct kunit *test, struct page *page)
{
	struct balance *balance = test->priv;
	struct held *held;

	list_for_each_entry(held, &balance->held, list) {
		if (held->page != page)
			continue;
		list_del(&held->list);
		kfree(held);
		return page;
	}
	KUNIT_FAIL(test, "a page that the case does not hold");
	return page;
}

struct page *ptest_frozen(struct kunit *test, gfp_t gfp, unsigned int order)
{
	return ptest_hold(test, ptkit_frozen_alloc(gfp, order), order);
}

void ptest_frozen_free(struct kunit *test, struct page *page, unsigned int order)
{
	ptkit_frozen_free(ptest_drop(test, page), order);
}

bool ptest_filled(struct page *page, u8 byte, unsigned int order)
{
	return !memchr_inv(page_address(page), byte, PAGE_SIZE << order);
}

/* As reclaim would ask. */
unsigned long ptest_shrink_count(struct ptkit_shrinker *shrinker, int nid)
{
	struct shrink_control sc = { .gfp_mask = GFP_KERNEL, .nid = nid };
	struct shrinker *host = ptkit_shrinker_host(shrinker);

	return host->count_objects(host, &sc);
}

unsigned long ptest_shrink(struct ptkit_shrinker *shrinker, int nid, unsigned long nr)
{
	struct shrink_control sc = { .gfp_mask = GFP_KERNEL, .nid = nid, .nr_to_scan = nr,
				     .nr_scanned = nr };
	struct shrinker *host = ptkit_shrinker_host(shrinker);

	return host->scan_objects(host, &sc);
}

/* ---- threads --------------------------------------------------------------------------------- */

static int worker_main(void *arg)
{
	struct ptest_worker *self = arg;

	self->work(self);
	complete(&self->done);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (kthread_should_stop())
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

static void worker_stop(void *arg)
{
	struct ptest_worker *worker = arg;

	WRITE_ONCE(worker->stop, true);
	if (worker->task)
		kthread_stop(worker->task);
	worker->task = NULL;
}

/**
 * ptest_start - start threads
 * @test: the case; the threads end with it at the latest
 * @work: what each does, once
 * @arg: for @work
 * @nr: how many
 *
 * Return: an array of @nr workers.
 */
struct ptest_worker *ptest_start(struct kunit *test, void (*work)(struct ptest_worker *self),
				 void *arg, int nr)
{
	struct ptest_worker *workers = kunit_kcalloc(test, nr, sizeof(*workers), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, workers);
	for (i = 0; i < nr; i++) {
		struct ptest_worker *worker = &workers[i];
		struct task_struct *task;

		worker->work = work;
		worker->arg = arg;
		worker->index = i;
		prandom_seed_state(&worker->rnd, (ptest_seed_param ?: get_random_u32()) + i);
		init_completion(&worker->done);
		task = kthread_create(worker_main, worker, "ptest/%d", i);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
		worker->task = task;
		ptest_defer(test, worker_stop, worker);
		wake_up_process(task);
	}
	return workers;
}

/* Wait until all have done their work. */
void ptest_finish(struct kunit *test, struct ptest_worker *workers, int nr)
{
	int i;

	for (i = 0; i < nr; i++) {
		KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&workers[i].done, WORK_TIMEOUT),
				0UL);
		worker_stop(&workers[i]);
	}
}

/* ---- who has which page ---------------------------------------------------------------------- */

#define PASSPORT	0x7a55ed0fUL

/*
 * A page in somebody's hands says so in page->private, which is zero when the host gives it and
 * which no list of ptkit's touches. Two who were handed the same page meet there.
 */
void ptest_take(struct page *page, atomic_t *errors)
{
	if (cmpxchg(&page->private, 0, PASSPORT))
		atomic_inc(errors);
}

void ptest_give(struct page *page, atomic_t *errors)
{
	if (cmpxchg(&page->private, PASSPORT, 0) != PASSPORT)
		atomic_inc(errors);
}
