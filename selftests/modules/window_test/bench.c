// SPDX-License-Identifier: GPL-2.0
/*
 * Side by side, in one run: what ptkit does, and what the kernel or the original does. Rounds of
 * both alternate; each result is a median over rounds, and the ratio is that of the medians.
 */
#include <linux/err.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/spinlock.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#include "../../../module/ptkit.h"
#include "test.h"

#define ROUNDS_MAX	64

/* Times of both sides, a round each. */
struct bench {
	unsigned int rounds;
	u64 ours[ROUNDS_MAX];
	u64 theirs[ROUNDS_MAX];
};

static int compare_u64(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static u64 median(u64 *values, unsigned int nr)
{
	sort(values, nr, sizeof(*values), compare_u64, NULL);
	return values[nr / 2];
}

/* Picoseconds a unit of each, and ours in thousandths of theirs. */
static void bench_report(struct bench *b, unsigned long ours_units, unsigned long theirs_units)
{
	u64 ours = median(b->ours, b->rounds) * 1000 / ours_units;
	u64 theirs = median(b->theirs, b->rounds) * 1000 / theirs_units;

	test_report("ours_ns", ours / 1000);
	test_report("theirs_ns", theirs / 1000);
	test_report("permille", ours * 1000 / (theirs ?: 1));
}

static int bench_init(struct bench *b, unsigned long rounds)
{
	memset(b, 0, sizeof(*b));
	b->rounds = rounds;
	return rounds && rounds <= ROUNDS_MAX ? 0 : -EINVAL;
}

/* ---- a flush per batch, a flush per table ---------------------------------------------------- */

static int bench_alloc_tables(struct ptkit_ptdesc **tables, unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < nr; i++) {
		tables[i] = ptkit_pagetable_alloc(PTKIT_PTE, GFP_KERNEL);
		if (!tables[i]) {
			while (i--)
				ptkit_pagetable_free(tables[i]);
			return -ENOMEM;
		}
	}
	return 0;
}

int test_bench_flush(unsigned long rounds, unsigned long batch)
{
	static struct bench b;
	const unsigned long few = 8;
	struct ptkit_ptdesc **tables = kvcalloc(batch, sizeof(*tables), GFP_KERNEL);
	int ret = bench_init(&b, rounds) ?: batch < few ? -EINVAL : 0;
	unsigned long i, round;
	u64 start;

	if (!tables)
		return -ENOMEM;
	for (round = 0; !ret && round < rounds; round++) {
		ret = bench_alloc_tables(tables, batch);
		if (ret)
			break;
		start = ktime_get_ns();
		for (i = 0; i < batch; i++)
			ptkit_pagetable_free_kernel(tables[i]);
		ptkit_pagetable_sync();
		b.ours[round] = ktime_get_ns() - start;

		ret = bench_alloc_tables(tables, few);
		if (ret)
			break;
		start = ktime_get_ns();
		for (i = 0; i < few; i++) {
			ptkit_flush_after(ptkit_flush_generation());
			ptkit_pagetable_free(tables[i]);
		}
		b.theirs[round] = ktime_get_ns() - start;
		cond_resched();
	}
	kvfree(tables);
	if (!ret)
		bench_report(&b, batch, few);
	return ret;
}

/* ---- enqueueing: per-CPU lists, one list with a lock ----------------------------------------- */

/* As in the original: lock, list_add, unlock, schedule_work; the worker splices, and frees. */
static struct {
	spinlock_t lock; /* protects the list */
	struct list_head list;
	struct work_struct work;
} one_list;

static void one_list_work_fn(struct work_struct *work)
{
	struct ptkit_ptdesc *pt, *next;
	LIST_HEAD(tables);

	spin_lock(&one_list.lock);
	list_splice_tail_init(&one_list.list, &tables);
	spin_unlock(&one_list.lock);

	list_for_each_entry_safe(pt, next, &tables, list) {
		list_del_init(&pt->list);
		ptkit_pagetable_free(pt);
	}
}

static noinline void one_list_free(struct ptkit_ptdesc *pt)
{
	spin_lock(&one_list.lock);
	list_add(&pt->list, &one_list.list);
	spin_unlock(&one_list.lock);
	schedule_work(&one_list.work);
}

#define ENQUEUE_TABLES	1000UL

struct enqueue {
	void (*free)(struct ptkit_ptdesc *pt);
	unsigned long threads;
	atomic_t ready;
	atomic64_t ns;
};

static int enqueue_fn(void *arg, unsigned int number)
{
	struct enqueue *e = arg;
	struct ptkit_ptdesc **tables = kvcalloc(ENQUEUE_TABLES, sizeof(*tables), GFP_KERNEL);
	int ret = tables ? bench_alloc_tables(tables, ENQUEUE_TABLES) : -ENOMEM;
	unsigned long i;
	u64 start;

	/* All at once, also those that failed. */
	atomic_inc(&e->ready);
	while (atomic_read(&e->ready) < e->threads)
		cond_resched();
	start = ktime_get_ns();
	for (i = 0; !ret && i < ENQUEUE_TABLES; i++)
		e->free(tables[i]);
	atomic64_add(ktime_get_ns() - start, &e->ns);
	kvfree(tables);
	return ret;
}

static int enqueue_round(void (*free)(struct ptkit_ptdesc *pt), unsigned long threads, u64 *ns)
{
	struct enqueue e = { .free = free, .threads = threads };
	int ret = test_run_threads(threads, enqueue_fn, &e);

	*ns = atomic64_read(&e.ns);
	return ret;
}

int test_bench_enqueue(unsigned long rounds, unsigned long threads)
{
	static struct bench b;
	unsigned long round;
	int ret = bench_init(&b, rounds);

	spin_lock_init(&one_list.lock);
	INIT_LIST_HEAD(&one_list.list);
	INIT_WORK(&one_list.work, one_list_work_fn);
	for (round = 0; !ret && round < rounds; round++) {
		ret = enqueue_round(ptkit_pagetable_free_kernel, threads, &b.ours[round]);
		ptkit_pagetable_sync();
		ret = ret ?: enqueue_round(one_list_free, threads, &b.theirs[round]);
		flush_work(&one_list.work);
	}
	if (!ret)
		bench_report(&b, threads * ENQUEUE_TABLES, threads * ENQUEUE_TABLES);
	return ret;
}

/* ---- map and unmap --------------------------------------------------------------------------- */

static int map_ours(struct page **pages, unsigned long nr, unsigned long times, u64 *ns)
{
	u64 start = ktime_get_ns();
	void *addr;

	while (times--) {
		addr = ptkit_window_map(pages, nr, PAGE_KERNEL);
		if (IS_ERR(addr))
			return PTR_ERR(addr);
		ptkit_window_unmap(addr, nr);
	}
	*ns = ktime_get_ns() - start;
	return 0;
}

static int map_theirs(struct page **pages, unsigned long nr, unsigned long times, u64 *ns)
{
	u64 start = ktime_get_ns();
	void *addr;

	while (times--) {
		addr = vmap(pages, nr, VM_MAP, PAGE_KERNEL);
		if (!addr)
			return -ENOMEM;
		vunmap(addr);
	}
	*ns = ktime_get_ns() - start;
	return 0;
}

/* Rounds of more than a windowful each, so that every round pays for flushes. */
int test_bench_map(unsigned long rounds, unsigned long nr)
{
	static struct bench b;
	unsigned long times = max(50UL, 20000 / (nr + 1)), round, i;
	struct page **pages = kvcalloc(nr, sizeof(*pages), GFP_KERNEL);
	int ret = bench_init(&b, rounds);

	if (!pages)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		pages[i] = alloc_page(GFP_KERNEL);
		if (!pages[i])
			ret = -ENOMEM;
	}
	for (round = 0; !ret && round < rounds; round++) {
		ret = map_ours(pages, nr, times, &b.ours[round]) ?:
		      map_theirs(pages, nr, times, &b.theirs[round]);
		cond_resched();
	}
	ptkit_window_sync();
	for (i = 0; i < nr; i++)
		if (pages[i])
			__free_page(pages[i]);
	kvfree(pages);
	if (!ret)
		bench_report(&b, times, times);
	return ret;
}
