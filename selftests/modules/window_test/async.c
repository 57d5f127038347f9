// SPDX-License-Identifier: GPL-2.0
/* Tests of descriptors and of asynchronous freeing: lookups, contexts, the bound, misuse. */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/mm.h>
#include <linux/notifier.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/timer.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>
#ifdef CONFIG_X86
#include <asm/nmi.h>
#endif

#include "../../../module/compat/timer.h"
#include "../../../module/ptkit.h"
#include "test.h"

/* ---- tables to free -------------------------------------------------------------------------- */

static struct ptkit_ptdesc **alloc_tables(unsigned long nr)
{
	struct ptkit_ptdesc **tables = kvcalloc(nr, sizeof(*tables), GFP_KERNEL);
	unsigned long i;

	for (i = 0; tables && i < nr; i++) {
		tables[i] = ptkit_pagetable_alloc(i % PTKIT_NR_LEVELS, GFP_KERNEL);
		if (!tables[i])
			break;
	}
	if (!tables || i == nr)
		return tables;
	while (i--)
		ptkit_pagetable_free(tables[i]);
	kvfree(tables);
	return NULL;
}

/* ---- lookups --------------------------------------------------------------------------------- */

static int check_table(struct ptkit_ptdesc *pt, enum ptkit_level level)
{
	struct page *page = ptkit_ptdesc_page(pt);

	return test_expect(pt->level == level) ?:
	       test_expect(!pt->entries && !pt->owner) ?:
	       test_expect(ptkit_page_frozen(page)) ?:
	       test_expect(PageTable(page)) ?:
	       test_expect(ptkit_page_ptdesc(page) == pt) ?:
	       test_expect(ptkit_virt_to_ptdesc(page_address(page)) == pt) ?:
	       test_expect(ptkit_virt_to_ptdesc(page_address(page) + PAGE_SIZE - 1) == pt) ?:
	       test_expect(!memchr_inv(page_address(page), 0, PAGE_SIZE));
}

static int check_no_tables(void)
{
	struct page *page = alloc_page(GFP_KERNEL);
	void *memory = vmalloc(PAGE_SIZE), *small = kmalloc(64, GFP_KERNEL);
	int ret = -ENOMEM;

	if (page && memory && small) {
		set_page_private(page, (unsigned long)page);
		ret = test_expect(!ptkit_page_ptdesc(page)) ?:
		      test_expect(!ptkit_virt_to_ptdesc(page_address(page))) ?:
		      test_expect(!ptkit_virt_to_ptdesc(memory)) ?:
		      test_expect(!ptkit_virt_to_ptdesc(small)) ?:
		      test_expect(!ptkit_virt_to_ptdesc(NULL)) ?:
		      test_expect(!ptkit_virt_to_ptdesc((void *)-1UL)) ?:
		      test_expect(!ptkit_virt_to_ptdesc(&check_no_tables));
		set_page_private(page, 0);
	}
	if (page)
		__free_page(page);
	vfree(memory);
	kfree(small);
	return ret;
}

int test_lookup(unsigned long unused, unsigned long unused2)
{
	struct ptkit_ptdesc *pt;
	unsigned int level;
	int ret = check_no_tables();

	for (level = 0; !ret && level < PTKIT_NR_LEVELS; level++) {
		pt = ptkit_pagetable_alloc(level, GFP_KERNEL);
		if (!pt)
			return -ENOMEM;
		ret = check_table(pt, level);
		if (level == PTKIT_PMD)
			ptkit_pagetable_free_rcu(pt);
		else
			ptkit_pagetable_free(pt);
	}
	synchronize_rcu();
	return ret ?: test_expect(!ptkit_pagetable_alloc(PTKIT_NR_LEVELS, GFP_KERNEL));
}

/* ---- the queue ------------------------------------------------------------------------------- */

/* Queue so many and go: for tests that look at the queue, or unload. @at_once: no tick between. */
int test_queue(unsigned long nr, unsigned long at_once)
{
	struct ptkit_ptdesc **tables = alloc_tables(nr);
	unsigned long i, flags = 0;

	if (!tables)
		return -ENOMEM;
	if (at_once)
		local_irq_save(flags);
	for (i = 0; i < nr; i++)
		ptkit_pagetable_free_kernel(tables[i]);
	if (at_once)
		local_irq_restore(flags);
	test_report("queued", ptkit_pagetable_queue_length());
	kvfree(tables);
	return 0;
}

struct bound {
	unsigned long tables;
	unsigned long longest[64];
};

static int bound_fn(void *arg, unsigned int number)
{
	struct bound *bound = arg;
	struct ptkit_ptdesc **tables = alloc_tables(bound->tables);
	unsigned long i, length;

	if (!tables)
		return -ENOMEM;
	for (i = 0; i < bound->tables; i++) {
		ptkit_pagetable_free_kernel_wait(tables[i]);
		length = ptkit_pagetable_queue_length();
		bound->longest[number] = max(bound->longest[number], length);
	}
	kvfree(tables);
	return 0;
}

/* Callers that may wait keep the queue within its limit and one table per CPU. */
int test_bound(unsigned long tables, unsigned long threads)
{
	struct bound bound = { .tables = tables };
	unsigned long longest = 0;
	unsigned int i;
	int ret;

	if (threads > ARRAY_SIZE(bound.longest))
		return -EINVAL;
	ret = test_run_threads(threads, bound_fn, &bound);
	for (i = 0; i < threads; i++)
		longest = max(longest, bound.longest[i]);
	test_report("longest", longest);
	ptkit_pagetable_sync();
	return ret ?: test_expect(!ptkit_pagetable_queue_length());
}

/* ---- contexts -------------------------------------------------------------------------------- */

#define CONTEXT_TABLES	300

/* Tables that a handler frees, one a time. */
static struct ptkit_ptdesc **context_tables;
static atomic_t context_next;

static void context_free_one(void)
{
	int i = atomic_dec_return(&context_next);

	if (i >= 0)
		ptkit_pagetable_free_kernel(context_tables[i]);
}

static void context_ipi_fn(void *unused)
{
	context_free_one();
}

static void context_tasklet_fn(struct tasklet_struct *unused)
{
	context_free_one();
}

static enum hrtimer_restart context_hrtimer_fn(struct hrtimer *timer)
{
	context_free_one();
	if (atomic_read(&context_next) <= 0)
		return HRTIMER_NORESTART;
	hrtimer_forward_now(timer, ns_to_ktime(20 * NSEC_PER_USEC));
	return HRTIMER_RESTART;
}

static DECLARE_TASKLET(context_tasklet, context_tasklet_fn);

/* Interrupts queue while this task does: an enqueue in the middle of an enqueue. */
static int context_hrtimer(struct ptkit_ptdesc **mine, unsigned long nr)
{
	static struct hrtimer timer;
	unsigned long i;

	ptkit_hrtimer_setup(&timer, context_hrtimer_fn, HRTIMER_MODE_REL);
	hrtimer_start(&timer, ns_to_ktime(20 * NSEC_PER_USEC), HRTIMER_MODE_REL);
	for (i = 0; i < nr; i++)
		ptkit_pagetable_free_kernel(mine[i]);
	while (atomic_read(&context_next) > 0)
		schedule_timeout_uninterruptible(1);
	hrtimer_cancel(&timer);
	return 0;
}

static int context_prepare(void)
{
	context_tables = alloc_tables(CONTEXT_TABLES);
	atomic_set(&context_next, context_tables ? CONTEXT_TABLES : 0);
	return context_tables ? 0 : -ENOMEM;
}

static int context_finish(void)
{
	ptkit_pagetable_sync();
	kvfree(context_tables);
	return test_expect(!ptkit_pagetable_queue_length());
}

int test_contexts(unsigned long unused, unsigned long unused2)
{
	struct ptkit_ptdesc **mine = alloc_tables(5000);
	int ret;

	if (!mine)
		return -ENOMEM;
	ret = context_prepare();
	if (!ret) {
		ret = context_hrtimer(mine, 5000);
		ret = context_finish() ?: ret;
	}
	kvfree(mine);

	ret = ret ?: context_prepare();
	if (ret)
		return ret;
	while (atomic_read(&context_next) > CONTEXT_TABLES / 2)
		on_each_cpu(context_ipi_fn, NULL, 1);
	while (atomic_read(&context_next) > 0) {
		tasklet_schedule(&context_tasklet);
		tasklet_unlock_wait(&context_tasklet);
	}
	tasklet_kill(&context_tasklet);
	return context_finish();
}

#ifdef CONFIG_X86
static int context_nmi_fn(unsigned int cmd, struct pt_regs *regs)
{
	context_free_one();
	context_free_one();
	return NMI_DONE;
}

/*
 * Free in NMI: with 1, from now on each CPU that gets an NMI frees two tables (the script makes the
 * kernel send some: sysrq-l); with 0, look how many were freed so.
 */
int test_nmi(unsigned long start, unsigned long unused)
{
	int ret;

	if (start) {
		ret = context_prepare();
		return ret ?: register_nmi_handler(NMI_LOCAL, context_nmi_fn, 0, "ptkit_test");
	}
	unregister_nmi_handler(NMI_LOCAL, "ptkit_test");
	test_report("freed_in_nmi", CONTEXT_TABLES - max(atomic_read(&context_next), 0));
	while (atomic_read(&context_next) > 0)
		context_free_one();
	return context_finish();
}
#else
int test_nmi(unsigned long start, unsigned long unused)
{
	return -EOPNOTSUPP;
}
#endif

/* ---- flushes that are not needed ------------------------------------------------------------- */

static atomic_t flushes_seen;

static int count_flush(struct notifier_block *nb, unsigned long action, void *unused)
{
	atomic_inc(&flushes_seen);
	return NOTIFY_OK;
}

static struct notifier_block flush_counter = { .notifier_call = count_flush };

/*
 * A full flush after a table was queued, and before its batch: it needs no other. Was that so this
 * time? The worker may have been faster, and had a flush of its own.
 */
static bool flush_skipped(void)
{
	struct ptkit_ptdesc *pt = ptkit_pagetable_alloc(PTKIT_PTE, GFP_KERNEL);
	int before = atomic_read(&flushes_seen);

	if (!pt)
		return false;
	ptkit_pagetable_free_kernel(pt);
	ptkit_flush_after(ptkit_flush_generation());
	ptkit_pagetable_sync();
	return atomic_read(&flushes_seen) == before + 1;
}

#define SKIP_ROUNDS	100

int test_skip_flush(unsigned long unused, unsigned long unused2)
{
	unsigned long generation;
	struct ptkit_ptdesc *pt;
	int ret, before, i;

	ptkit_pagetable_sync();
	ptkit_invalidate_register(&flush_counter);
	before = atomic_read(&flushes_seen);

	generation = ptkit_flush_generation();
	ptkit_flush_after(generation);
	ret = test_expect(atomic_read(&flushes_seen) == before + 1);
	ptkit_flush_after(generation);
	ret = ret ?: test_expect(atomic_read(&flushes_seen) == before + 1);

	for (i = 0; i < SKIP_ROUNDS && !flush_skipped(); i++)
		;
	test_report("rounds", i + 1);
	ret = ret ?: test_expect(i < SKIP_ROUNDS);

	pt = ptkit_pagetable_alloc(PTKIT_PTE, GFP_KERNEL);
	if (pt) {
		ptkit_pagetable_free_kernel(pt);
		if (ptkit_pagetable_take_back(pt))
			ptkit_pagetable_free(pt);
	}
	ptkit_pagetable_sync();
	ret = ret ?: test_expect(!ptkit_pagetable_queue_length());
	ptkit_invalidate_unregister(&flush_counter);
	return ret;
}

/* ---- how long a sync takes ------------------------------------------------------------------- */

struct sync {
	unsigned long rounds;
	atomic_t running;
	struct ptkit_ptdesc *waiting_for;
	int flushes_then;
	bool armed;		/* flushes_then is that of the table */
	unsigned long longest;
};

/* What the batch that frees the table runs. */
static void sync_freed(struct ptkit_ptdesc *pt);

static const struct ptkit_ptdesc_owner sync_owner = {
	.name = "sync",
	.freed = sync_freed,
};

static struct sync sync;

static void sync_freed(struct ptkit_ptdesc *pt)
{
	if (pt != sync.waiting_for)
		return;
	/* A table that is freed at once says nothing. */
	if (smp_load_acquire(&sync.armed))	/* pairs with sync_fn() */
		sync.longest = max_t(unsigned long, sync.longest,
				     atomic_read(&flushes_seen) - sync.flushes_then);
	WRITE_ONCE(sync.waiting_for, NULL);
}

/* Others keep batches coming. */
static int sync_fn(void *arg, unsigned int number)
{
	struct ptkit_ptdesc *pt;
	unsigned long i;
	int ret = 0;

	for (i = 0; number ? atomic_read(&sync.running) : i < sync.rounds; i++) {
		pt = ptkit_pagetable_alloc(PTKIT_PTE, GFP_KERNEL);
		if (!pt) {
			ret = -ENOMEM;
			break;
		}
		if (number) {
			ptkit_pagetable_free_kernel_wait(pt);
			if (!(i % 32))
				schedule_timeout_uninterruptible(1);
			continue;
		}
		pt->owner = &sync_owner;
		WRITE_ONCE(sync.armed, false);
		WRITE_ONCE(sync.waiting_for, pt);
		ptkit_pagetable_free_kernel(pt);
		sync.flushes_then = atomic_read(&flushes_seen);
		smp_store_release(&sync.armed, true);	/* pairs with sync_freed() */
		ptkit_pagetable_sync();
		ret = ret ?: test_expect(!READ_ONCE(sync.waiting_for));
	}
	if (!number)
		atomic_set(&sync.running, 0);
	return ret;
}

/* A table that was queued before is free when sync returns, which is two flushes later at most. */
int test_sync(unsigned long rounds, unsigned long threads)
{
	int ret;

	sync = (struct sync){ .rounds = rounds, .running = ATOMIC_INIT(1) };
	ptkit_invalidate_register(&flush_counter);
	ret = test_run_threads(threads, sync_fn, NULL);
	ptkit_invalidate_unregister(&flush_counter);
	test_report("longest", sync.longest);
	return ret ?: test_expect(sync.longest <= 2);
}

/* ---- a batch that takes long ----------------------------------------------------------------- */

static atomic_t slow_flushes;
/* Jiffies, never 0, when the flush that hangs may end; 0 if that is to be told. */
static unsigned long slow_until;

static int slow_flush(struct notifier_block *nb, unsigned long action, void *unused)
{
	unsigned long until;

	if (atomic_dec_if_positive(&slow_flushes) < 0)
		return NOTIFY_OK;
	do {
		msleep(100);
		until = READ_ONCE(slow_until);
	} while (!until || time_before(jiffies, until));
	return NOTIFY_OK;
}

static struct notifier_block slow_notifier = { .notifier_call = slow_flush };

/*
 * While a batch hangs, so many tables are queued, eleven seconds after it began; then it ends. With
 * @wait they are queued at once, by somebody who waits for room, and it hangs for longer than it
 * takes him to wonder.
 */
int test_late(unsigned long nr, unsigned long wait)
{
	struct ptkit_ptdesc **tables = alloc_tables(nr);
	unsigned long i;
	int ret;

	if (!tables)
		return -ENOMEM;
	WRITE_ONCE(slow_until, 0);
	atomic_set(&slow_flushes, 1);
	ptkit_invalidate_register(&slow_notifier);
	ret = test_queue(1, 0);
	ssleep(wait ? 1 : 11);

	if (wait)
		WRITE_ONCE(slow_until, (jiffies + 15 * HZ) | 1);
	for (i = 0; i < nr && wait; i++)
		ptkit_pagetable_free_kernel_wait(tables[i]);
	for (; i < nr; i++)
		ptkit_pagetable_free_kernel(tables[i]);
	WRITE_ONCE(slow_until, jiffies | 1);
	ptkit_pagetable_sync();
	ptkit_invalidate_unregister(&slow_notifier);
	kvfree(tables);
	return ret ?: test_expect(!ptkit_pagetable_queue_length());
}

/* ---- misuse ---------------------------------------------------------------------------------- */

/* Freeing twice: the second one is refused and warned about, the first one goes its way. */
int test_misuse(unsigned long unused, unsigned long unused2)
{
	struct ptkit_ptdesc *pt = ptkit_pagetable_alloc(PTKIT_PTE, GFP_KERNEL);
	unsigned long flags;

	if (!pt)
		return -ENOMEM;
	/* No batch comes between. */
	local_irq_save(flags);
	ptkit_pagetable_free_kernel(pt);
	ptkit_pagetable_free_kernel(pt);
	local_irq_restore(flags);
	ptkit_pagetable_sync();
	return test_expect(!ptkit_pagetable_queue_length());
}

void test_async_exit(void)
{
	ptkit_pagetable_sync();
}
