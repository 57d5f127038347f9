// SPDX-License-Identifier: GPL-2.0
/*
 * Page tables that hardware may still walk: queued and flushed for once per batch, beside one flush
 * for each; and the queue itself, beside the one list under one lock of seed 004.
 *
 * async_free_table is about the flushes: both sides have theirs with the same instructions, on all
 * CPUs. async_enqueue is about the queue alone: all threads queue at once, and nobody's flush falls
 * into another one's time. Both start with tables that they have: how they got them is not timed.
 */
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "../arch/mmu.h"
#include "../ptkit.h"
#include "bench.h"

#define TABLES_MAX	1024

/**
 * struct async_bench - what the tests work on
 * @lock: protects @list
 * @list: pages that wait for @work
 * @work: frees them
 * @tables: n pointers for each thread: descriptors for ptkit, pages for the kernel
 */
struct async_bench {
	spinlock_t lock;	/* see above */
	struct list_head list;
	struct work_struct work;
	void **tables;
};

/* As in seed 004, which flushes an IOMMU here and no CPU: whoever queued has done that. */
static void async_list_work(struct work_struct *work)
{
	struct async_bench *async = container_of(work, struct async_bench, work);
	struct page *page, *next;
	LIST_HEAD(pages);

	spin_lock(&async->lock);
	list_splice_tail_init(&async->list, &pages);
	spin_unlock(&async->lock);

	list_for_each_entry_safe(page, next, &pages, lru)
		__free_page(page);
}

static void async_list_free(struct async_bench *async, struct page *page)
{
	spin_lock(&async->lock);
	list_add(&page->lru, &async->list);
	spin_unlock(&async->lock);

	schedule_work(&async->work);
}

static int async_setup(struct bench_run *run)
{
	struct async_bench *async = kzalloc(sizeof(*async), GFP_KERNEL);

	if (!async)
		return -ENOMEM;
	async->tables = kvcalloc(run->params.cpus * run->params.n, sizeof(*async->tables),
				 GFP_KERNEL);
	if (!async->tables) {
		kfree(async);
		return -ENOMEM;
	}
	spin_lock_init(&async->lock);
	INIT_LIST_HEAD(&async->list);
	INIT_WORK(&async->work, async_list_work);
	run->private = async;
	return 0;
}

static void async_teardown(struct bench_run *run)
{
	struct async_bench *async = run->private;

	flush_work(&async->work);
	ptkit_pagetable_sync();
	kvfree(async->tables);
	kfree(async);
}

static void **async_tables(struct bench_thread *t)
{
	struct async_bench *async = t->run->private;

	return async->tables + t->index * t->run->params.n;
}

static int async_get_ptkit(struct ptkit_ptdesc **tables, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		tables[i] = ptkit_pagetable_alloc(PTKIT_PTE, GFP_KERNEL);
		if (!tables[i])
			break;
	}
	if (i == n)
		return 0;
	while (i--)
		ptkit_pagetable_free(tables[i]);
	return -ENOMEM;
}

static int async_get_kernel(struct page **tables, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		tables[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!tables[i])
			break;
	}
	if (i == n)
		return 0;
	while (i--)
		__free_page(tables[i]);
	return -ENOMEM;
}

/* ---- until they are free --------------------------------------------------------------------- */

static int async_free_ptkit(struct bench_thread *t, unsigned long loops)
{
	struct ptkit_ptdesc **tables = (struct ptkit_ptdesc **)async_tables(t);
	unsigned int i, n = t->run->params.n;

	while (loops-- && !bench_failed(t->run)) {
		if (async_get_ptkit(tables, n))
			return -ENOMEM;
		bench_start(t);
		for (i = 0; i < n; i++)
			ptkit_pagetable_free_kernel(tables[i]);
		ptkit_pagetable_sync();
		bench_stop(t, n);
	}
	return 0;
}

static int async_free_kernel(struct bench_thread *t, unsigned long loops)
{
	struct page **tables = (struct page **)async_tables(t);
	unsigned int i, n = t->run->params.n;

	while (loops-- && !bench_failed(t->run)) {
		if (async_get_kernel(tables, n))
			return -ENOMEM;
		bench_start(t);
		for (i = 0; i < n; i++) {
			on_each_cpu(ptkit_arch_flush_cpu, NULL, 1);
			__free_page(tables[i]);
		}
		bench_stop(t, n);
	}
	return 0;
}

const struct bench bench_async_free_table = {
	.name = "async_free_table",
	.what = "free n page tables and wait for it, per table, beside a flush for each",
	.cpus = { .min = 1, .max = NR_CPUS, .def = 1 },
	.n = { .min = 1, .max = TABLES_MAX, .def = 256 },
	.setup = async_setup,
	.teardown = async_teardown,
	.run[BENCH_PTKIT] = async_free_ptkit,
	.run[BENCH_KERNEL] = async_free_kernel,
};

/* ---- the queue ------------------------------------------------------------------------------- */

/*
 * Threads meet before they queue, and again when all have: what frees the tables comes after that.
 * If the run is to end, barriers hold nobody, and what a thread has is freed all the same.
 */
static int async_enqueue_ptkit(struct bench_thread *t, unsigned long loops)
{
	struct ptkit_ptdesc **tables = (struct ptkit_ptdesc **)async_tables(t);
	unsigned int i, n = t->run->params.n;

	while (loops-- && !bench_failed(t->run)) {
		if (async_get_ptkit(tables, n))
			return -ENOMEM;
		bench_sync(t);
		bench_start(t);
		for (i = 0; i < n; i++)
			ptkit_pagetable_free_kernel(tables[i]);
		bench_stop(t, n);
		bench_sync(t);
		ptkit_pagetable_sync();
	}
	return 0;
}

static int async_enqueue_kernel(struct bench_thread *t, unsigned long loops)
{
	struct async_bench *async = t->run->private;
	struct page **tables = (struct page **)async_tables(t);
	unsigned int i, n = t->run->params.n;

	while (loops-- && !bench_failed(t->run)) {
		if (async_get_kernel(tables, n))
			return -ENOMEM;
		bench_sync(t);
		bench_start(t);
		for (i = 0; i < n; i++)
			async_list_free(async, tables[i]);
		bench_stop(t, n);
		bench_sync(t);
		flush_work(&async->work);
	}
	return 0;
}

const struct bench bench_async_enqueue = {
	.name = "async_enqueue",
	.what = "queue n page tables to be freed, beside seed 004's one list under one lock",
	.cpus = { .min = 1, .max = NR_CPUS, .def = 1 },
	.n = { .min = 1, .max = TABLES_MAX, .def = 256 },
	.setup = async_setup,
	.teardown = async_teardown,
	.run[BENCH_PTKIT] = async_enqueue_ptkit,
	.run[BENCH_KERNEL] = async_enqueue_kernel,
};
