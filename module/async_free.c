// SPDX-License-Identifier: GPL-2.0
/*
 * Freeing page tables that hardware may still walk: queue, flush once per batch, free.
 *
 * A CPU caches not only translations but also entries of upper levels, and secondary MMUs do as
 * well. Whoever unlinks a table must make all of them forget it before it becomes anything else.
 * One flush per table is expensive, and waiting for it is not possible everywhere. So:
 *
 *   unlink ---> this CPU's queue ---> worker: all CPUs' queues   one flush of every CPU
 *   (any        (lockless list,                 |                one call of every secondary MMU
 *   context)    no memory needed)               '--------------> quicklist of the CPU that queued
 *
 * States of a table (struct ptkit_ptdesc.state):
 *
 *                 free_kernel                 worker              worker, flushed
 *          IDLE ------------------> QUEUED -------------> FLUSHING ----------------> IDLE, listed
 *            ^                      |    ^
 *            |            take_back v    | free_kernel
 *            '------------------ TAKEN_BACK ------------------> RCU_QUEUED ---------> RCU
 *              worker: not freed              free_rcu                     worker
 *
 * A table that is wanted again at the same place before its batch starts is simply taken back: what
 * hardware remembers of it is still true. Its descriptor stays on the queue until the worker comes
 * past it. Every change of state is one compare-and-swap, so a table that is freed twice is seen
 * while it is on its way; after that, by the mark of its page, which is listed (pcp_stack.h). Not
 * seen: one that is somebody else's again, unless it has entries when its batch comes.
 *
 * Generations. Full flushes are numbered: flushes_started when one begins, flushes_done when every
 * CPU and secondary MMU has answered. A table remembers the number begun last when it was queued,
 * and needs no other flush once a later one is done. The order that makes this true:
 *
 *	who frees				who flushes
 *	  clear the entry			  flushes_started++
 *	  full barrier				  full barrier
 *	  read flushes_started			  flush: later walks see what was stored before
 *
 * If the read does not see the increment, the clearing came before the flush. The barrier on the
 * left is the compare-and-swap of the state. Flushes run one at a time under flush_lock.
 *
 * The queue's length is what was put on it less what came off, both counted per CPU or by the
 * worker alone. It is bounded by callers that may wait: ptkit_pagetable_free_kernel_wait() waits
 * while it is at its limit; the others are too few, or must get rid of what they have. Tables that
 * can wait do not hurry the worker: it is kicked from the next timer tick, or at once by every
 * KICK_AT-th table. The kick is an irq_work, which may be queued from anywhere; the worker's queue
 * is a WQ_MEM_RECLAIM one (asked for in the thread of the original), and nothing on the way of a
 * batch allocates. Who wants to wait for a batch does it himself (ptkit_pagetable_sync()) and is
 * "the worker" meanwhile: it is whoever holds batch_lock.
 *
 * Lock order: batch_lock > purge_lock (window.c) > flush_lock > rwsem of the notifier chain.
 * Nothing else is taken under them by ptkit.
 * Contexts: enqueueing and taking back any, NMI included: cmpxchg, per-CPU increments and irq_work
 * only. Calls for one table must be serialised by its owner.
 * Failure: nothing can fail. Misuse is counted, warned about and leaks the table.
 *
 * Origin: mainline's CONFIG_ASYNC_KERNEL_PGTABLE_FREE (Hansen, Baolu Lu, 2025): one list, one
 * spinlock, only an IOMMU's flush batched.
 */
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/oom.h>
#include <linux/smp.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "arch/mmu.h"
#include "internal.h"
#include "pcp_stack.h"
#include "ptdesc.h"
#include "stats.h"
#include "trace.h"

enum {
	/*
	 * As many tables on one CPU do not wait for the timer tick; a power of two. Whoever can
	 * wait for room does not need it. A flush disturbs every CPU: not too often.
	 */
	KICK_AT = 2048,
	/* 16 MiB of tables. */
	LIMIT_DEFAULT = 4096,
	/* Bins of the histogram: 1, 2-3, 4-7, ... and all above. */
	HISTOGRAM_BINS = 16,
	/* Quicklists that a batch sorts for at once: those of the levels, and two of the window. */
	PILES = PTKIT_NR_LEVELS + 2,
	/* Tables that are dealt with in a row before others may run; a power of two. */
	RESCHED_AT = 64,
};

static_assert((KICK_AT & (KICK_AT - 1)) == 0);

/* A full queue that has a table for so long is reported, at most once a minute. */
#define LATE_AFTER	(10 * HZ)
#define LATE_AGAIN	(60 * HZ)

/* So long may the worker keep a task that is out of memory; a batch takes less. */
#define OOM_WAIT	(HZ / 10)

enum async_event {
	ASYNC_QUEUED_AGAIN,
	ASYNC_TAKEN_BACK,
	ASYNC_FREED,
	ASYNC_NOT_FREED,
	ASYNC_BATCHES,
	ASYNC_FLUSHES,
	ASYNC_FLUSHES_SKIPPED,
	ASYNC_SYNCS,
	ASYNC_WAITS,
	ASYNC_OOM,
	ASYNC_LATE,
	ASYNC_MISUSE,
	NR_ASYNC_EVENTS
};

static const char *const async_names[] = {
	[ASYNC_QUEUED_AGAIN] = "queued_again",
	[ASYNC_TAKEN_BACK] = "taken_back",
	[ASYNC_FREED] = "freed",
	[ASYNC_NOT_FREED] = "not_freed",
	[ASYNC_BATCHES] = "batches",
	[ASYNC_FLUSHES] = "flushes",
	[ASYNC_FLUSHES_SKIPPED] = "flushes_skipped",
	[ASYNC_SYNCS] = "syncs",
	[ASYNC_WAITS] = "waits",
	[ASYNC_OOM] = "oom",
	[ASYNC_LATE] = "late",
	[ASYNC_MISUSE] = "misuse",
};

static_assert(ARRAY_SIZE(async_names) == NR_ASYNC_EVENTS);

/**
 * struct async_cpu - one CPU's queue
 * @queue: tables; pushed by anyone (mostly this CPU), emptied by the worker
 * @since: jiffies, never 0, when the first of them was pushed; 0 if that is about to be said
 * @pushed: how many so far; wraps
 * @kick: starts the worker at the next tick
 * @kick_now: starts it now
 * @batch: what the worker took off @queue; the worker's alone
 */
struct async_cpu {
	struct llist_head queue;
	unsigned long since;
	unsigned long pushed;
	struct irq_work kick;
	struct irq_work kick_now;
	struct llist_node *batch;
};

static struct async_cpu __percpu *cpus;
static unsigned long __percpu *events;

/* A batch, from collecting to its end. Protects writes of the next five, and the CPUs' @batch. */
static DEFINE_MUTEX(batch_lock);
static unsigned long batches_begun;
static unsigned long popped;
static unsigned long histogram[HISTOGRAM_BINS];
/* Of the batch that runs: as struct async_cpu.since, of all its tables; 0 if none runs. */
static unsigned long batch_since;

static unsigned long limit = LIMIT_DEFAULT;
static DECLARE_WAIT_QUEUE_HEAD(room_wait);

static struct workqueue_struct *free_wq;
static void async_work_fn(struct work_struct *work);
static DECLARE_WORK(async_work, async_work_fn);

/* Jiffies when a late queue was last reported. */
static unsigned long late_reported;

/* One flush at a time; protects writes of the two numbers, see "Generations". */
static DEFINE_MUTEX(flush_lock);
static unsigned long flushes_started;
static unsigned long flushes_done;
static BLOCKING_NOTIFIER_HEAD(invalidate_chain);

/* The window, whose addresses share the flush; set once, before anything is queued. */
static const struct ptkit_flush_user *flush_user;

static bool unsafe_free_first;
module_param(unsafe_free_first, bool, 0400);
MODULE_PARM_DESC(unsafe_free_first,
		 "for tests only: free tables before the flush, corrupting memory (default: 0)");

static void async_event(enum async_event id, unsigned long n)
{
	ptkit_count_add(events, id, n);
}

static unsigned long async_sum(enum async_event id)
{
	return ptkit_events_sum(events, id);
}

/* ---- the flush ------------------------------------------------------------------------------- */

/**
 * ptkit_invalidate_register - have a secondary MMU told what to forget
 * @nb: called with PTKIT_INVALIDATE_ALL after the CPUs were flushed, once per batch; returns when
 *	no translation made with a table unlinked before can be used any more
 *
 * The callback runs in process context, under locks of ptkit's that every flush and batch needs. It
 * must not allocate memory in a way that may wait for reclaim, and must not call what waits for a
 * flush or a batch: ptkit_flush_after(), ptkit_pagetable_sync(),
 * ptkit_pagetable_free_kernel_wait() and the window. Nor must it take a lock that is held anywhere
 * over one of these. A lock that is held over an allocation it may take: memory reclaim never waits
 * for a callback, and the kernel out of memory does for a tenth of a second only. All callbacks are
 * called, whatever one of them returns; an error is warned about, since a flush cannot be refused.
 *
 * Context: process context, may sleep.
 * Return: 0. From seed 004 (iommu_sva_invalidate_kva_range()).
 */
int ptkit_invalidate_register(struct notifier_block *nb)
{
	return blocking_notifier_chain_register(&invalidate_chain, nb);
}
EXPORT_SYMBOL_GPL(ptkit_invalidate_register);

/**
 * ptkit_invalidate_unregister - undo ptkit_invalidate_register()
 * @nb: not called any more when this returns
 *
 * Context: process context, may sleep.
 * Return: 0 or -ENOENT.
 */
int ptkit_invalidate_unregister(struct notifier_block *nb)
{
	return blocking_notifier_chain_unregister(&invalidate_chain, nb);
}
EXPORT_SYMBOL_GPL(ptkit_invalidate_unregister);

/**
 * ptkit_flush_generation - the flush that has begun last
 *
 * Read after the caller has cleared an entry. Give it to ptkit_flush_after() before reusing what
 * the entry mapped.
 *
 * Context: any. A full barrier before the read.
 * Return: the generation.
 */
unsigned long ptkit_flush_generation(void)
{
	smp_mb();	/* the entry is cleared before this is read: pairs with flush_all() */
	return READ_ONCE(flushes_started);
}
EXPORT_SYMBOL_GPL(ptkit_flush_generation);

/*
 * As blocking_notifier_call_chain(), but a callback that ends the chain there, NOTIFY_STOP or an
 * error, ends nothing here: those behind it would never be told.
 */
static void flush_secondary(void)
{
	struct notifier_block __rcu **next = &invalidate_chain.head;
	struct notifier_block *nb;

	down_read(&invalidate_chain.rwsem);
	for (;;) {
		nb = rcu_dereference_protected(*next, lockdep_is_held(&invalidate_chain.rwsem));
		if (!nb)
			break;
		if (notifier_to_errno(nb->notifier_call(nb, PTKIT_INVALIDATE_ALL, NULL))) {
			async_event(ASYNC_MISUSE, 1);
			ptkit_misuse("%ps returned an error, and a flush cannot be refused",
				     nb->notifier_call);
		}
		next = &nb->next;
	}
	up_read(&invalidate_chain.rwsem);
}

/* Every CPU, lazily idle ones included, and every secondary MMU. */
static void flush_all(void)
{
	lockdep_assert_held(&flush_lock);

	WRITE_ONCE(flushes_started, flushes_started + 1);
	smp_mb();	/* pairs with ptkit_flush_generation() and the swap in async_enqueue() */
	if (PTKIT_ARCH_FLUSHES)
		on_each_cpu(ptkit_arch_flush_cpu, NULL, 1);
	flush_secondary();
	/* Whoever sees this may reuse what was unlinked before the flush began. */
	smp_store_release(&flushes_done, flushes_started);
	async_event(ASYNC_FLUSHES, 1);
}

/**
 * ptkit_flush_after - return when there was a full flush since a generation was read
 * @generation: from ptkit_flush_generation()
 *
 * Does nothing if there was one.
 *
 * Context: process context, may sleep. Not from an invalidate callback.
 */
void ptkit_flush_after(unsigned long generation)
{
	mutex_lock(&flush_lock);
	if ((long)(flushes_done - generation) > 0)
		async_event(ASYNC_FLUSHES_SKIPPED, 1);
	else
		flush_all();
	mutex_unlock(&flush_lock);
}
EXPORT_SYMBOL_GPL(ptkit_flush_after);

/* ---- enqueueing ------------------------------------------------------------------------------ */

static void async_kick_fn(struct irq_work *work)
{
	queue_work(free_wq, &async_work);
}

/* The earlier of two times of which 0 is none. */
static unsigned long async_earlier(unsigned long a, unsigned long b)
{
	if (!a || !b)
		return a ?: b;
	return time_before(a, b) ? a : b;
}

/* For how many jiffies has the oldest table been waiting, on a queue or in the batch? */
static unsigned long async_oldest(void)
{
	unsigned long since = READ_ONCE(batch_since);
	int cpu;

	for_each_possible_cpu(cpu) {
		struct async_cpu *c = per_cpu_ptr(cpus, cpu);

		if (!llist_empty(&c->queue))
			since = async_earlier(since, READ_ONCE(c->since));
	}
	return since && time_after(jiffies, since) ? jiffies - since : 0;
}

/* Is the queue full, and nobody working on it? Judged by its oldest table. */
static void async_report_late(void)
{
	unsigned long late = async_oldest();

	if (late < LATE_AFTER || ptkit_pagetable_queue_length() < READ_ONCE(limit) ||
	    time_before(jiffies, READ_ONCE(late_reported) + LATE_AGAIN))
		return;
	WRITE_ONCE(late_reported, jiffies);
	async_event(ASYNC_LATE, 1);
	pr_warn("%lu page tables are queued, one of them for %lu s\n",
		ptkit_pagetable_queue_length(), late / HZ);
}

/* Many tables since the last kick. */
static void async_kick_now_fn(struct irq_work *work)
{
	queue_work(free_wq, &async_work);
	async_report_late();
}

/* The table is claimed. */
static __always_inline void async_push(struct ptkit_ptdesc *pt)
{
	struct async_cpu *cpu;

	pt->generation = READ_ONCE(flushes_started);

	/* Counted first, see ptkit_pagetable_queue_length(). Any CPU may do all of this. */
	ptkit_arch_count(&cpus->pushed, 1);
	cpu = raw_cpu_ptr(cpus);
	if (llist_add(&pt->queued, &cpu->queue)) {
		WRITE_ONCE(cpu->since, jiffies | 1);
		irq_work_queue(&cpu->kick);
	}
	/* A hint: if somebody came between, it is his number, or the next one. */
	if (unlikely(!(READ_ONCE(cpu->pushed) % KICK_AT)))
		irq_work_queue(&cpu->kick_now);
}

/* May @pt be queued? Not if it is listed: it was freed before, and its batch is over. */
static __always_inline bool async_claim(struct ptkit_ptdesc *pt)
{
	int state = PTDESC_QUEUED;

	if (likely(!pcp_is_marked(pt->page)))
		state = atomic_cmpxchg(&pt->state, PTDESC_IDLE, PTDESC_QUEUED);
	return likely(state == PTDESC_IDLE);
}

/* @pt is not idle, or it is listed. If it is on the queue already, it is done. */
static bool async_claim_slow(struct ptkit_ptdesc *pt)
{
	if (atomic_read(&pt->state) == PTDESC_TAKEN_BACK) {
		pt->generation = ptkit_flush_generation();
		if (atomic_cmpxchg(&pt->state, PTDESC_TAKEN_BACK, PTDESC_QUEUED) ==
		    PTDESC_TAKEN_BACK) {
			async_event(ASYNC_QUEUED_AGAIN, 1);
			return false;
		}
	}
	/* It was taken back, and the worker came past it since, before or after we looked. */
	if (async_claim(pt))
		return true;
	async_event(ASYNC_MISUSE, 1);
	ptkit_misuse("freeing a page table twice, state %d, %s, pfn %lx", atomic_read(&pt->state),
		     pcp_is_marked(pt->page) ? "listed" : "not listed", page_to_pfn(pt->page));
	return false;
}

static noinline void async_free_slow(struct ptkit_ptdesc *pt)
{
	if (async_claim_slow(pt))
		async_push(pt);
}

/**
 * ptkit_pagetable_free_kernel - free a page table that was unlinked, when nobody can walk it any
 * more
 * @pt: its descriptor; the table is zero, has no entries, and no table points to it
 *
 * Every CPU, and every secondary MMU that registered, forgets the table before it is reused; see
 * above. Freeing a table twice leaks it, with a warning.
 *
 * Context: any, NMI included. Takes no lock, needs no memory, waits for nothing. Calls for one
 * table must not run side by side. A full barrier before the table is queued. From seed 004.
 */
void ptkit_pagetable_free_kernel(struct ptkit_ptdesc *pt)
{
	if (async_claim(pt))
		async_push(pt);
	else
		async_free_slow(pt);
}
EXPORT_SYMBOL_GPL(ptkit_pagetable_free_kernel);

/**
 * ptkit_pagetable_take_back - a table that was queued for freeing is wanted again, where it was
 * @pt: its descriptor
 *
 * May be linked again at the same place, and nowhere else: hardware may still remember it there.
 *
 * Context: any. Calls for one table must be serialised with those that free it, and with its
 * owner's freed(): when that has been called, the table may be somebody else's, who has queued it,
 * too.
 * Return: true if the table is the caller's again; false if its flush has begun.
 */
bool ptkit_pagetable_take_back(struct ptkit_ptdesc *pt)
{
	if (atomic_cmpxchg(&pt->state, PTDESC_QUEUED, PTDESC_TAKEN_BACK) != PTDESC_QUEUED)
		return false;
	async_event(ASYNC_TAKEN_BACK, 1);
	return true;
}
EXPORT_SYMBOL_GPL(ptkit_pagetable_take_back);

/* ---- the bound ------------------------------------------------------------------------------- */

/* Tables that were put on any queue so far. */
static unsigned long async_pushed(void)
{
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(cpus, cpu)->pushed);
	return sum;
}

/**
 * ptkit_pagetable_queue_length - tables that are queued or being flushed
 *
 * Context: any.
 * Return: how many; those that were taken back count until the worker comes past them.
 */
unsigned long ptkit_pagetable_queue_length(void)
{
	unsigned long gone, length;
	unsigned int tries = 3;

	do {
		gone = READ_ONCE(popped);
		smp_rmb();	/* counted in before it was counted out: never negative */
		length = async_pushed() - gone;
		smp_rmb();	/* if none was counted out meanwhile, no table counts too much */
	} while (READ_ONCE(popped) != gone && --tries);
	return length;
}
EXPORT_SYMBOL_GPL(ptkit_pagetable_queue_length);

/* Asks every CPU's counter: for who frees now and then. */
bool ptkit_async_has_room(void)
{
	return ptkit_pagetable_queue_length() < READ_ONCE(limit);
}

void ptkit_async_wait_for_room(void)
{
	might_sleep();
	if (ptkit_async_has_room())
		return;
	async_event(ASYNC_WAITS, 1);
	queue_work(free_wq, &async_work);
	/* When all who free are in here, nobody else tells that nothing goes on. */
	while (!wait_event_timeout(room_wait, ptkit_async_has_room(), LATE_AFTER))
		async_report_late();
}

/**
 * ptkit_pagetable_free_kernel_wait - as ptkit_pagetable_free_kernel(), but not without bounds
 * @pt: the descriptor
 *
 * Waits while the queue is at its limit; so callers of this alone never make it longer than the
 * limit and one table per CPU.
 *
 * Context: process context, may sleep. Not from callbacks of the batch itself.
 */
void ptkit_pagetable_free_kernel_wait(struct ptkit_ptdesc *pt)
{
	for (;;) {
		ptkit_async_wait_for_room();
		/* At most one caller per CPU is between looking and queueing. */
		preempt_disable();
		if (ptkit_async_has_room())
			break;
		preempt_enable();
	}
	ptkit_pagetable_free_kernel(pt);
	preempt_enable();
}
EXPORT_SYMBOL_GPL(ptkit_pagetable_free_kernel_wait);

/* ---- the worker ------------------------------------------------------------------------------ */

/* A batch: how many tables, and the latest generation among them. */
struct async_batch {
	unsigned long nr;
	unsigned long dropped;
	unsigned long generation;
};

/*
 * Is @pt to be freed? If not, it is its owner's when this returns. The mistake on purpose leaves
 * alone what says who owns it, such as the window's: that is linked, and the machine would be gone
 * before anybody could tell.
 */
static bool async_take(struct ptkit_ptdesc *pt)
{
	/* While it cannot have left for the host. */
	pt->walked = true;
	for (;;) {
		if (atomic_cmpxchg(&pt->state, PTDESC_QUEUED, PTDESC_FLUSHING) == PTDESC_QUEUED)
			return true;
		if (atomic_cmpxchg(&pt->state, PTDESC_TAKEN_BACK, PTDESC_IDLE) ==
		    PTDESC_TAKEN_BACK)
			return ptkit_is_busted(PTKIT_BUSTED_TAKE_BACK) && !READ_ONCE(pt->owner);
		if (atomic_cmpxchg(&pt->state, PTDESC_RCU_QUEUED, PTDESC_RCU) == PTDESC_RCU_QUEUED)
			return false;
	}
}

static void async_breathe(unsigned long nr)
{
	if (!(nr & (RESCHED_AT - 1)))
		cond_resched();
}

static void async_collect_cpu(struct async_cpu *cpu, struct async_batch *batch)
{
	struct llist_node *node, *next;
	struct ptkit_ptdesc *pt;

	cpu->batch = NULL;
	if (llist_empty(&cpu->queue))
		return;
	/* Before it is empty: the next one to push says it anew. */
	WRITE_ONCE(batch_since, async_earlier(batch_since, xchg(&cpu->since, 0)));
	node = llist_del_all(&cpu->queue);
	for (; node; node = next) {
		next = node->next;
		pt = llist_entry(node, struct ptkit_ptdesc, queued);
		if (!async_take(pt)) {
			batch->dropped++;
			continue;
		}
		if (!batch->nr++ || (long)(pt->generation - batch->generation) > 0)
			batch->generation = pt->generation;
		node->next = cpu->batch;
		cpu->batch = node;
		async_breathe(batch->nr);
	}
}

static void async_free_one(struct ptkit_ptdesc *pt)
{
	if (pt->owner && pt->owner->freed)
		pt->owner->freed(pt);
	WRITE_ONCE(pt->owner, NULL);
	/* Released: who finds it idle finds it disowned. */
	atomic_set_release(&pt->state, PTDESC_IDLE);
}

/*
 * Is @pt not to be freed? Listed: it was queued a second time between its batch and its list. With
 * entries: its owner was wrong, or is another one, since it was freed twice. Who caused it is not
 * known here. It is left as it is.
 */
static bool async_free_misuse(struct ptkit_ptdesc *pt)
{
	const struct ptkit_ptdesc_owner *owner = READ_ONCE(pt->owner);
	unsigned int entries = READ_ONCE(pt->entries);
	bool listed = pcp_is_marked(pt->page);

	if (likely(!listed && !entries))
		return false;
	async_event(ASYNC_MISUSE, 1);
	ptkit_misuse("freeing a page table that is %s, with %u entries, of %s, pfn %lx",
		     listed ? "listed" : "in use", entries, owner ? owner->name : "nobody",
		     page_to_pfn(pt->page));
	atomic_set_release(&pt->state, PTDESC_IDLE);
	return true;
}

/**
 * struct async_pile - tables of one quicklist that go to one CPU
 * @ql: the quicklist, or %NULL
 * @pages: the tables
 */
struct async_pile {
	struct ptkit_quicklist *ql;
	struct pcp_chain pages;
};

static void async_pile_free(struct async_pile *pile, int cpu)
{
	ptkit_quicklist_free_to(pile->ql, cpu, &pile->pages);
	pile->ql = NULL;
}

/* Where @pt goes; if there are as many other piles already, the last one makes room. */
static struct async_pile *async_pile_of(struct async_pile *piles, struct ptkit_ptdesc *pt, int cpu)
{
	struct ptkit_quicklist *ql = pt->cache->ql;
	unsigned int i = 0;

	while (i < PILES - 1 && piles[i].ql && piles[i].ql != ql)
		i++;
	if (piles[i].ql && piles[i].ql != ql)
		async_pile_free(&piles[i], cpu);
	piles[i].ql = ql;
	return &piles[i];
}

/*
 * Tables go back to where they were freed: there the next ones will be wanted. Sorted before, since
 * each way there is an interrupt.
 */
static void async_free_cpu(int cpu, struct llist_node *node)
{
	struct async_pile piles[PILES] = { };
	unsigned long freed = 0, leaked = 0;
	struct llist_node *next;
	struct ptkit_ptdesc *pt;
	unsigned int i;

	for (; node; node = next) {
		next = node->next;
		pt = llist_entry(node, struct ptkit_ptdesc, queued);
		if (unlikely(async_free_misuse(pt))) {
			leaked++;
			continue;
		}
		async_free_one(pt);
		pcp_chain_add(&async_pile_of(piles, pt, cpu)->pages, pt->page);
		async_breathe(++freed);
	}
	for (i = 0; i < PILES && piles[i].ql; i++)
		async_pile_free(&piles[i], cpu);
	async_event(ASYNC_FREED, freed);
	async_event(ASYNC_NOT_FREED, leaked);
}

static void async_free_batch(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		async_free_cpu(cpu, per_cpu_ptr(cpus, cpu)->batch);
}

/* One flush for the tables, unless they have seen one, and for the addresses of the window. */
static void batch_flush(const struct async_batch *batch)
{
	const struct ptkit_flush_user *user = READ_ONCE(flush_user);

	if (ptkit_is_busted(PTKIT_BUSTED_FLUSH))
		return;
	if (user && user->begin())
		ptkit_flush_after(ptkit_flush_generation());
	else if (batch->nr)
		ptkit_flush_after(batch->generation);
	if (user)
		user->end();
}

static void async_do_batch(void)
{
	struct async_batch batch = { };
	int cpu;

	lockdep_assert_held(&batch_lock);
	WRITE_ONCE(batches_begun, batches_begun + 1);
	smp_mb();	/* begun before it collects: pairs with ptkit_pagetable_sync() */
	/* Of all possible CPUs: the queue of one that went away is found like any other. */
	for_each_possible_cpu(cpu)
		async_collect_cpu(per_cpu_ptr(cpus, cpu), &batch);

	if (batch.nr && unlikely(unsafe_free_first)) {
		async_free_batch();
		msleep(20);	/* for somebody to reuse them before the flush */
		batch_flush(&batch);
	} else {
		batch_flush(&batch);
		async_free_batch();
	}

	if (batch.nr) {
		histogram[min_t(int, ilog2(batch.nr), HISTOGRAM_BINS - 1)]++;
		async_event(ASYNC_BATCHES, 1);
		trace_ptkit_async_batch("async_free", batch.nr);
	}
	async_event(ASYNC_NOT_FREED, batch.dropped);
	WRITE_ONCE(popped, popped + batch.nr + batch.dropped);
	WRITE_ONCE(batch_since, 0);
	wake_up_all(&room_wait);
}

static void async_work_fn(struct work_struct *work)
{
	mutex_lock(&batch_lock);
	async_do_batch();
	mutex_unlock(&batch_lock);
}

/**
 * ptkit_pagetable_sync - return when all tables that were queued before are free
 *
 * That takes at most the batch that runs and another one, which is the caller's work.
 *
 * Context: process context, may sleep. Not from callbacks of the batch itself.
 */
void ptkit_pagetable_sync(void)
{
	unsigned long begun;

	async_event(ASYNC_SYNCS, 1);
	smp_mb();	/* queued before this is read: pairs with async_do_batch() */
	begun = READ_ONCE(batches_begun);

	mutex_lock(&batch_lock);
	/* Over already: one that began after we came. One that ran then may have missed a table. */
	if (batches_begun == begun)
		async_do_batch();
	mutex_unlock(&batch_lock);
}
EXPORT_SYMBOL_GPL(ptkit_pagetable_sync);

/* Start a batch soon. */
void ptkit_async_kick(void)
{
	queue_work(free_wq, &async_work);
}

/* From the next batch on; with %NULL, from when this returns, @user is not called any more. */
void ptkit_async_set_flush_user(const struct ptkit_flush_user *user)
{
	WRITE_ONCE(flush_user, user);
	if (!user)
		ptkit_pagetable_sync();
}

/* If a batch runs, return when it has ended. */
void ptkit_async_wait_for_batch(void)
{
	mutex_lock(&batch_lock);
	mutex_unlock(&batch_lock);
}

/* ---- memory pressure ------------------------------------------------------------------------- */

/*
 * The task that has no memory may hold any lock, one that a secondary MMU's callback wants among
 * them. So it takes none of a batch's: the worker empties the queue, and gets a moment for it. Only
 * tables that leave for the host count, and those do so after a grace period.
 */
static int async_out_of_memory(struct notifier_block *nb, unsigned long unused, void *arg)
{
	unsigned long queued = ptkit_pagetable_queue_length();
	unsigned long *freed = arg;

	async_event(ASYNC_OOM, 1);
	pr_info_ratelimited("out of memory with %lu page tables queued for freeing\n", queued);
	if (queued) {
		queue_work(free_wq, &async_work);
		wait_event_timeout(room_wait, !ptkit_pagetable_queue_length(), OOM_WAIT);
	}
	*freed += ptkit_ptdesc_drain();
	return NOTIFY_OK;
}

static struct notifier_block oom_notifier = { .notifier_call = async_out_of_memory };

/* ---- debugfs --------------------------------------------------------------------------------- */

static void async_show_stats(struct seq_file *m, struct ptkit_source *source)
{
	unsigned int id;

	ptkit_stat(m, "queue_len", ptkit_pagetable_queue_length());
	ptkit_stat(m, "limit", READ_ONCE(limit));
	ptkit_stat(m, "queued", async_pushed());
	for (id = 0; id < NR_ASYNC_EVENTS; id++)
		ptkit_stat(m, async_names[id], async_sum(id));
}

static void async_show_summary(struct seq_file *m, struct ptkit_source *source)
{
	unsigned long freed = async_sum(ASYNC_FREED), batches = async_sum(ASYNC_BATCHES);

	seq_printf(m, "async free       queued %lu of at most %lu, freed %lu in %lu batches, taken back %lu\n",
		   ptkit_pagetable_queue_length(), READ_ONCE(limit), freed, batches,
		   async_sum(ASYNC_TAKEN_BACK));
	seq_printf(m, "                 flushes %lu by %s, skipped %lu; waits %lu, late %lu, misuse %lu\n",
		   async_sum(ASYNC_FLUSHES), ptkit_arch_flush_name(),
		   async_sum(ASYNC_FLUSHES_SKIPPED), async_sum(ASYNC_WAITS),
		   async_sum(ASYNC_LATE), async_sum(ASYNC_MISUSE));
}

/* For tests. */
unsigned long ptkit_async_misuse(void)
{
	return async_sum(ASYNC_MISUSE);
}
EXPORT_SYMBOL_FOR_TESTS(ptkit_async_misuse);

static struct ptkit_source async_source = {
	.name = "async_free",
	.show_stats = async_show_stats,
	.show_summary = async_show_summary,
};

static int async_queue_len_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "%lu\n", ptkit_pagetable_queue_length());
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(async_queue_len);

static int async_histogram_show(struct seq_file *m, void *unused)
{
	unsigned int bin;

	seq_puts(m, "tables batches\n");
	for (bin = 0; bin < HISTOGRAM_BINS; bin++)
		seq_printf(m, "%u%s %lu\n", 1U << bin, bin == HISTOGRAM_BINS - 1 ? "+" : "",
			   READ_ONCE(histogram[bin]));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(async_histogram);

static int async_limit_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "%lu\n", READ_ONCE(limit));
	return 0;
}

static int async_limit_open(struct inode *inode, struct file *file)
{
	return single_open(file, async_limit_show, NULL);
}

static ssize_t async_limit_write(struct file *file, const char __user *buf, size_t len,
				 loff_t *pos)
{
	unsigned long value;
	int ret = ptkit_write_ulong(buf, len, totalram_pages(), &value);

	if (ret)
		return ret;
	if (!value)
		return -ERANGE;
	WRITE_ONCE(limit, value);
	wake_up_all(&room_wait);
	return len;
}

static const struct file_operations async_limit_fops = {
	.owner = THIS_MODULE,
	.open = async_limit_open,
	.read = seq_read,
	.write = async_limit_write,
	.llseek = seq_lseek,
	.release = single_release,
};

static ssize_t async_flush_write(struct file *file, const char __user *buf, size_t len,
				 loff_t *pos)
{
	unsigned long go;
	int ret = ptkit_write_ulong(buf, len, 1, &go);

	if (ret)
		return ret;
	if (go)
		ptkit_pagetable_sync();
	return len;
}

static const struct file_operations async_flush_fops = {
	.owner = THIS_MODULE,
	.write = async_flush_write,
};

static void async_debugfs_add(void)
{
	struct dentry *dir;

	ptkit_source_add(&async_source);
	dir = async_source.dir;
	debugfs_create_file("queue_len", 0400, dir, NULL, &async_queue_len_fops);
	debugfs_create_file("batch_histogram", 0400, dir, NULL, &async_histogram_fops);
	debugfs_create_file("limit", 0600, dir, NULL, &async_limit_fops);
	debugfs_create_file("flush", 0200, dir, NULL, &async_flush_fops);
}

/* ---- init and exit --------------------------------------------------------------------------- */

static void async_init_cpus(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct async_cpu *c = per_cpu_ptr(cpus, cpu);

		init_llist_head(&c->queue);
		c->kick = IRQ_WORK_INIT_LAZY(async_kick_fn);
		c->kick_now = IRQ_WORK_INIT(async_kick_now_fn);
	}
}

int ptkit_async_init(void)
{
	int ret = -ENOMEM;

	events = ptkit_events_alloc(NR_ASYNC_EVENTS);
	if (!events)
		return -ENOMEM;
	cpus = alloc_percpu(struct async_cpu);
	if (!cpus)
		goto err_events;
	async_init_cpus();
	late_reported = jiffies - LATE_AGAIN;

	free_wq = alloc_workqueue("ptkit_free", WQ_MEM_RECLAIM | WQ_UNBOUND, 1);
	if (!free_wq)
		goto err_cpus;
	ret = register_oom_notifier(&oom_notifier);
	if (ret)
		goto err_wq;

	if (unsafe_free_first)
		pr_warn("tables are freed before the flush: memory will be corrupted\n");
	async_debugfs_add();
	return 0;

err_wq:
	destroy_workqueue(free_wq);
err_cpus:
	free_percpu(cpus);
err_events:
	free_percpu(events);
	return ret;
}

/* Nobody queues any more. What is queued is freed; late kicks find the work done. */
void ptkit_async_exit(void)
{
	int cpu;

	ptkit_source_del(&async_source);
	unregister_oom_notifier(&oom_notifier);
	for_each_possible_cpu(cpu) {
		irq_work_sync(&per_cpu_ptr(cpus, cpu)->kick);
		irq_work_sync(&per_cpu_ptr(cpus, cpu)->kick_now);
	}
	ptkit_pagetable_sync();
	WARN_ON_ONCE(ptkit_pagetable_queue_length());
	destroy_workqueue(free_wq);
	free_percpu(cpus);
	free_percpu(events);
}
