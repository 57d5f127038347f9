// SPDX-License-Identifier: GPL-2.0
/*
 * Page-table descriptors: one per table, allocated for itself and not laid over struct page, which
 * is what the kernel's ptdesc series (Moola, 2023) is the foundation of.
 *
 *   struct page of a table:   private ---------> descriptor      (and back: descriptor->page)
 *                             index  == private ^ secret         (this page is one of ours)
 *                             page type "table", NR_PAGETABLE
 *
 * So a table's page is found from the descriptor, and the descriptor from the page and from any
 * address in it. A page that is no table of ptkit's has no such pair of words, and nothing of it is
 * followed: a lookup gives %NULL.
 *
 * Life. A descriptor is made when its page comes from the host and goes when the page goes back:
 * it stays attached while the table waits on its quicklist. So a hit initialises nothing, and the
 * lock of a descriptor is a lock at any time in between: who may meet a table that was freed under
 * him can take the lock first and look then, inside rcu_read_lock().
 *
 *   frozen page --ctor--> table in use <--alloc, free--> quicklist --release--> (grace period)
 *     ^                                                                               |
 *     '---------------------------------- dtor ---------------------------------------'
 *
 * Accounting. Type and NR_PAGETABLE are set by the constructor and cleared by the destructor, once
 * each, through the same helpers of the kernel that its own constructors call. Listed tables
 * count, too: that cached tables were counted nowhere is what mainline's quicklists were blamed
 * for. Tables of the kernel's half are counted like all others, as mainline does from 6.16 on;
 * before that it counted user tables only. The kernel's ptlock is not set up: the descriptor has
 * its own, and on the host's the pointer to it would lie in page->private.
 *
 * Who may still be looking. Tables that were linked into the kernel's page tables have readers
 * that nobody asked: ptdump (debugfs, under init_mm's or another mm's mmap lock), the kernel's
 * lookups of an address (change_page_attr, /proc/kcore, fault handling). They read an upper entry,
 * then the table below it, in a task that may be preempted meanwhile and under locks that a module
 * cannot take. But none of them goes to sleep by itself between the two: what they do with an entry
 * is to compare and to print into a buffer. That is what Tasks RCU waits for: after its grace
 * period every task has slept or been in user space once, and all interrupt handlers and sections
 * with preemption off have ended (it includes two RCU grace periods). So a table that was ever
 * freed by ptkit_pagetable_free_kernel() (@walked) leaves its quicklist for the host through
 * call_rcu_tasks(), and any other through call_rcu(), which its descriptor's readers need anyway.
 * In between it can only become a table of the same cache, zero or filled in the same format: a
 * late reader sees entries that are not where it thinks, and nothing that is no table.
 *
 * Lock order: none is taken here. ptl is the owner's; what is called under it must not sleep.
 * Contexts: see ptkit.h; the constructor runs where the allocation does, the destructor in an RCU
 * callback.
 */
#include <linux/err.h>
#include <linux/kmemleak.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/page-flags.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/vmstat.h>

#include "compat/compat.h"
#include "internal.h"
#include "pcp_stack.h"
#include "ptdesc.h"
#include "stats.h"

/*
 * What is assumed of struct page. Words in use: lru by quicklists and the stash, private and index
 * by us. None may overlap another, nor type and count, and lru must be the word that PageTail()
 * tests.
 */
#define PAGE_WORDS_APART(a, b)							\
	static_assert(offsetof(struct page, a) + sizeof_field(struct page, a) <=	\
		      offsetof(struct page, b))
PAGE_WORDS_APART(flags, lru);
PAGE_WORDS_APART(lru, mapping);
PAGE_WORDS_APART(mapping, PTKIT_PAGE_INDEX);
PAGE_WORDS_APART(PTKIT_PAGE_INDEX, private);
PAGE_WORDS_APART(private, page_type);
PAGE_WORDS_APART(page_type, _refcount);
static_assert(offsetof(struct page, lru) == offsetof(struct page, rcu_head));
static_assert(offsetof(struct page, lru) == offsetof(struct page, PTKIT_PAGE_COMPOUND));
static_assert(sizeof_field(struct page, private) == sizeof(void *));
static_assert(sizeof_field(struct page, PTKIT_PAGE_INDEX) == sizeof(void *));
static_assert(PTRS_PER_PTE * sizeof(pte_t) == PAGE_SIZE, "a PTE table is a page");

enum ptdesc_event {
	PTDESC_CONSTRUCTED,
	PTDESC_DESTROYED,
	PTDESC_FAILED,
	PTDESC_DEFERRED,
	PTDESC_DEFERRED_TASKS,
	PTDESC_FREED_RCU,
	PTDESC_MISUSE,
	NR_PTDESC_EVENTS
};

static const char *const ptdesc_names[] = {
	[PTDESC_CONSTRUCTED] = "constructed",
	[PTDESC_DESTROYED] = "destroyed",
	[PTDESC_FAILED] = "failed",
	[PTDESC_DEFERRED] = "deferred",
	[PTDESC_DEFERRED_TASKS] = "deferred_tasks",
	[PTDESC_FREED_RCU] = "freed_rcu",
	[PTDESC_MISUSE] = "misuse",
};

static_assert(ARRAY_SIZE(ptdesc_names) == NR_PTDESC_EVENTS);

static const char *const level_names[] = {
	[PTKIT_PTE] = "ptdesc_pte",
	[PTKIT_PMD] = "ptdesc_pmd",
	[PTKIT_PUD] = "ptdesc_pud",
};

static_assert(ARRAY_SIZE(level_names) == PTKIT_NR_LEVELS);

static unsigned long __percpu *events;
static struct ptkit_table_cache level_caches[PTKIT_NR_LEVELS];
static unsigned long secret __ro_after_init;

static void ptdesc_event(enum ptdesc_event id)
{
	ptkit_count(events, id);
}

/* ---- descriptors as memory: the only place that knows where they come from ------------------- */

static struct ptkit_cache *ptdesc_cache;

static struct ptkit_ptdesc *ptdesc_memory_alloc(gfp_t gfp)
{
	struct ptkit_ptdesc *pt = ptkit_cache_alloc(ptdesc_cache, gfp | __GFP_ZERO);

	/* It hangs from a page's private word, and kmemleak passes over pages of count 0. */
	if (pt)
		kmemleak_not_leak(pt);
	return pt;
}

static void ptdesc_memory_free(struct ptkit_ptdesc *pt)
{
	ptkit_cache_free(ptdesc_cache, pt);
}

static int ptdesc_memory_init(void)
{
	ptdesc_cache = ptkit_cache_create("ptdesc", sizeof(struct ptkit_ptdesc),
					  __alignof__(struct ptkit_ptdesc), 0, NULL);
	return PTR_ERR_OR_ZERO(ptdesc_cache);
}

static void ptdesc_memory_exit(void)
{
	ptkit_cache_destroy(ptdesc_cache);
}

/* ---- constructor and destructor -------------------------------------------------------------- */

/* As the kernel's pagetable_*_ctor(), for every level the same, less the lock in struct page. */
static void ptdesc_account(struct page *page)
{
	__SetPageTable(page);
	lruvec_stat_add_folio(page_folio(page), NR_PAGETABLE);
}

static void ptdesc_unaccount(struct page *page)
{
	__ClearPageTable(page);
	lruvec_stat_sub_folio(page_folio(page), NR_PAGETABLE);
}

static int ptdesc_ctor(struct page *page, gfp_t gfp, void *private)
{
	struct ptkit_table_cache *cache = private;
	struct ptkit_ptdesc *pt = ptdesc_memory_alloc(gfp & ~__GFP_ZERO);

	if (!pt) {
		ptdesc_event(PTDESC_FAILED);
		return -ENOMEM;
	}
	pt->page = page;
	pt->level = cache->level;
	pt->cache = cache;
	spin_lock_init(&pt->ptl);
	INIT_LIST_HEAD(&pt->list);

	set_page_private(page, (unsigned long)pt);
	WRITE_ONCE(page->PTKIT_PAGE_INDEX, (unsigned long)pt ^ secret);
	ptdesc_account(page);
	ptdesc_event(PTDESC_CONSTRUCTED);
	return 0;
}

/* Nobody can look at the table any more, nor at its descriptor. */
static void ptdesc_dtor(struct rcu_head *head)
{
	struct ptkit_ptdesc *pt = container_of(head, struct ptkit_ptdesc, rcu);
	struct page *page = pt->page;

	ptdesc_unaccount(page);
	WRITE_ONCE(page->PTKIT_PAGE_INDEX, 0);
	set_page_private(page, 0);
	ptdesc_memory_free(pt);
	ptkit_frozen_free_to_host(page);
	ptdesc_event(PTDESC_DESTROYED);
}

static void ptdesc_release(struct page *page, void *private)
{
	struct ptkit_ptdesc *pt = ptkit_page_ptdesc(page);

	/* From here on it is freed by nobody else: who tries does not find it idle. */
	if (!pt || pt->cache != private ||
	    atomic_cmpxchg(&pt->state, PTDESC_IDLE, PTDESC_RCU) != PTDESC_IDLE) {
		ptdesc_event(PTDESC_MISUSE);
		ptkit_misuse("pfn %lx on a list of tables is no table, or in use",
			     page_to_pfn(page));
	} else if (pt->walked) {
		ptdesc_event(PTDESC_DEFERRED_TASKS);
		call_rcu_tasks(&pt->rcu, ptdesc_dtor);
	} else {
		ptdesc_event(PTDESC_DEFERRED);
		call_rcu(&pt->rcu, ptdesc_dtor);
	}
}

static bool ptdesc_check(struct page *page, void *private)
{
	struct ptkit_ptdesc *pt = ptkit_page_ptdesc(page);

	return pt && pt->cache == private && !pt->entries &&
	       atomic_read(&pt->state) == PTDESC_IDLE &&
	       !memchr_inv(page_address(page), 0, PAGE_SIZE);
}

static const struct ptkit_quicklist_ops ptdesc_quicklist_ops = {
	.ctor = ptdesc_ctor,
	.check = ptdesc_check,
	.release = ptdesc_release,
};

/* ---- allocation and freeing ------------------------------------------------------------------ */

struct ptkit_ptdesc *ptkit_table_alloc(struct ptkit_table_cache *cache, gfp_t gfp)
{
	struct page *page = ptkit_quicklist_alloc(cache->ql, gfp);

	return page ? (struct ptkit_ptdesc *)page_private(page) : NULL;
}

/**
 * ptkit_pagetable_alloc - allocate a page table with its descriptor
 * @level: which kind of table
 * @gfp: for page and descriptor, if the level's quicklist is empty
 *
 * The table is zero, has no entries and no owner. Its page is frozen, typed as a page table and
 * counted in NR_PAGETABLE.
 *
 * Context: any that @gfp allows; in NMI only what is listed, or %NULL.
 * Return: the descriptor, or %NULL without memory or for no such level. From seed 003.
 */
struct ptkit_ptdesc *ptkit_pagetable_alloc(enum ptkit_level level, gfp_t gfp)
{
	if (level >= PTKIT_NR_LEVELS)
		return NULL;
	return ptkit_table_alloc(&level_caches[level], gfp);
}
EXPORT_SYMBOL_GPL(ptkit_pagetable_alloc);

/* In use, or on a queue: count, leak, warn. */
static bool ptdesc_free_misuse(struct ptkit_ptdesc *pt)
{
	int state = atomic_read(&pt->state);

	if (likely(!pt->entries && state == PTDESC_IDLE))
		return false;
	ptdesc_event(PTDESC_MISUSE);
	ptkit_misuse("freeing a page table with %u entries in state %d, pfn %lx", pt->entries,
		     state, page_to_pfn(pt->page));
	return true;
}

/**
 * ptkit_pagetable_free - give a page table back
 * @pt: its descriptor; the table is zero and no CPU and no device can reach it
 *
 * For tables that were never linked, or that were flushed. A table that still counts entries is
 * leaked and warned about.
 *
 * Context: any (NMI: x86-64 only). From seed 003.
 */
void ptkit_pagetable_free(struct ptkit_ptdesc *pt)
{
	/* Taken back from a queue, and still on it: it goes the long way. */
	if (unlikely(atomic_read(&pt->state) == PTDESC_TAKEN_BACK)) {
		ptkit_pagetable_free_kernel(pt);
		return;
	}
	if (ptdesc_free_misuse(pt))
		return;
	WRITE_ONCE(pt->owner, NULL);
	ptkit_quicklist_free(pt->cache->ql, pt->page);
}
EXPORT_SYMBOL_GPL(ptkit_pagetable_free);

/* One that was taken back, and that the worker has not come past yet, is so again. */
static void ptdesc_free_rcu(struct rcu_head *head)
{
	struct ptkit_ptdesc *pt = container_of(head, struct ptkit_ptdesc, rcu);

	if (atomic_cmpxchg(&pt->state, PTDESC_RCU_QUEUED, PTDESC_TAKEN_BACK) != PTDESC_RCU_QUEUED)
		atomic_set(&pt->state, PTDESC_IDLE);
	ptkit_pagetable_free(pt);
}

/* May it wait for a grace period? */
static bool ptdesc_claim_rcu(struct ptkit_ptdesc *pt)
{
	if (pcp_is_marked(pt->page))
		return false;
	return atomic_cmpxchg(&pt->state, PTDESC_IDLE, PTDESC_RCU) == PTDESC_IDLE ||
	       atomic_cmpxchg(&pt->state, PTDESC_TAKEN_BACK, PTDESC_RCU_QUEUED) ==
	       PTDESC_TAKEN_BACK ||
	       /* Taken back, and the worker came past it just now. */
	       atomic_cmpxchg(&pt->state, PTDESC_IDLE, PTDESC_RCU) == PTDESC_IDLE;
}

/**
 * ptkit_pagetable_free_rcu - give a page table back when all readers of today are gone
 * @pt: as for ptkit_pagetable_free(), but readers inside rcu_read_lock() may still look at it
 *
 * A table that is being freed already is left alone and warned about.
 *
 * Context: any but NMI. From seed 003 (pt_rcu_head).
 */
void ptkit_pagetable_free_rcu(struct ptkit_ptdesc *pt)
{
	if (unlikely(!ptdesc_claim_rcu(pt))) {
		ptdesc_event(PTDESC_MISUSE);
		ptkit_misuse("freeing a page table through RCU twice, state %d, pfn %lx",
			     atomic_read(&pt->state), page_to_pfn(pt->page));
		return;
	}
	ptdesc_event(PTDESC_FREED_RCU);
	call_rcu(&pt->rcu, ptdesc_free_rcu);
}
EXPORT_SYMBOL_GPL(ptkit_pagetable_free_rcu);

/* ---- lookup ---------------------------------------------------------------------------------- */

/**
 * ptkit_page_ptdesc - the descriptor of a page, if it is a page table of ptkit's
 * @page: any page
 *
 * Context: any. The table must be kept from being freed, or this and every use of the result be
 * inside one rcu_read_lock().
 * Return: the descriptor, or %NULL. From seed 003 (page_ptdesc()).
 */
struct ptkit_ptdesc *ptkit_page_ptdesc(const struct page *page)
{
	unsigned long private = READ_ONCE(page->private);
	struct ptkit_ptdesc *pt = (struct ptkit_ptdesc *)private;

	if (!private || (READ_ONCE(page->PTKIT_PAGE_INDEX) ^ private) != secret)
		return NULL;
	return likely(pt->page == page) ? pt : NULL;
}
EXPORT_SYMBOL_GPL(ptkit_page_ptdesc);

/**
 * ptkit_virt_to_ptdesc - the descriptor of the table that an address of the direct map lies in
 * @addr: any address
 *
 * Context: as ptkit_page_ptdesc().
 * Return: the descriptor; %NULL for memory that is no table of ptkit's, and for addresses outside
 * of the direct map. From seed 003 (virt_to_ptdesc()).
 */
struct ptkit_ptdesc *ptkit_virt_to_ptdesc(const void *addr)
{
	return virt_addr_valid(addr) ? ptkit_page_ptdesc(virt_to_page(addr)) : NULL;
}
EXPORT_SYMBOL_GPL(ptkit_virt_to_ptdesc);

/* ---- debugfs --------------------------------------------------------------------------------- */

static unsigned long ptdesc_sum(enum ptdesc_event id)
{
	return ptkit_events_sum(events, id);
}

static void ptdesc_show_stats(struct seq_file *m, struct ptkit_source *source)
{
	unsigned int id;

	ptkit_stat(m, "live", ptdesc_sum(PTDESC_CONSTRUCTED) - ptdesc_sum(PTDESC_DESTROYED));
	for (id = 0; id < NR_PTDESC_EVENTS; id++)
		ptkit_stat(m, ptdesc_names[id], ptdesc_sum(id));
}

static void ptdesc_show_summary(struct seq_file *m, struct ptkit_source *source)
{
	unsigned long made = ptdesc_sum(PTDESC_CONSTRUCTED), gone = ptdesc_sum(PTDESC_DESTROYED);

	seq_printf(m, "descriptors      live %lu of %zu bytes, of which wait for a grace period %lu; misuse %lu\n",
		   made - gone, sizeof(struct ptkit_ptdesc),
		   ptdesc_sum(PTDESC_DEFERRED) + ptdesc_sum(PTDESC_DEFERRED_TASKS) - gone,
		   ptdesc_sum(PTDESC_MISUSE));
}

/* For tests. */
unsigned long ptkit_ptdesc_misuse(void)
{
	return ptdesc_sum(PTDESC_MISUSE);
}
EXPORT_SYMBOL_FOR_TESTS(ptkit_ptdesc_misuse);

static struct ptkit_source ptdesc_source = {
	.name = "ptdesc",
	.show_stats = ptdesc_show_stats,
	.show_summary = ptdesc_show_summary,
};

/* ---- init and exit --------------------------------------------------------------------------- */

/**
 * ptkit_table_cache_init - make a cache of page tables
 * @cache: to be filled in
 * @name: of its quicklist
 * @level: of its tables
 *
 * Context: process context, may sleep.
 * Return: 0 or an errno of ptkit_quicklist_create().
 */
int ptkit_table_cache_init(struct ptkit_table_cache *cache, const char *name,
			   enum ptkit_level level)
{
	cache->level = level;
	cache->ql = ptkit_quicklist_create(name, &ptdesc_quicklist_ops, cache);
	return PTR_ERR_OR_ZERO(cache->ql);
}

/**
 * ptkit_table_cache_exit - give all tables of a cache to the host
 * @cache: nobody allocates or frees any more; must live until ptkit_ptdesc_barrier()
 *
 * Context: process context, may sleep.
 */
void ptkit_table_cache_exit(struct ptkit_table_cache *cache)
{
	ptkit_quicklist_destroy(cache->ql);
	cache->ql = NULL;
}

/**
 * ptkit_ptdesc_barrier - wait for tables that are on their way to the host
 *
 * Context: process context, may sleep, for as long as two grace periods of Tasks RCU.
 */
void ptkit_ptdesc_barrier(void)
{
	rcu_barrier();
	ptkit_rcu_barrier_tasks();
}

/* Memory is short: no table has to wait on the lists of the levels. Returns how many did. */
unsigned long ptkit_ptdesc_drain(void)
{
	unsigned long nr = 0;
	unsigned int level;

	for (level = 0; level < PTKIT_NR_LEVELS; level++)
		nr += ptkit_quicklist_drain(level_caches[level].ql, 0);
	return nr;
}

static void level_caches_exit(unsigned int nr)
{
	while (nr--)
		ptkit_table_cache_exit(&level_caches[nr]);
	ptkit_ptdesc_barrier();
}

int ptkit_ptdesc_init(void)
{
	unsigned int level;
	int ret = -ENOMEM;

	secret = get_random_u64();
	events = ptkit_events_alloc(NR_PTDESC_EVENTS);
	if (!events)
		return -ENOMEM;
	ret = ptdesc_memory_init();
	if (ret)
		goto err_events;

	for (level = 0; level < PTKIT_NR_LEVELS; level++) {
		ret = ptkit_table_cache_init(&level_caches[level], level_names[level], level);
		if (ret)
			goto err_caches;
	}
	ptkit_source_add(&ptdesc_source);
	return 0;

err_caches:
	level_caches_exit(level);
	ptdesc_memory_exit();
err_events:
	free_percpu(events);
	return ret;
}

/* Tables of other caches must have gone, too. */
void ptkit_ptdesc_exit(void)
{
	ptkit_source_del(&ptdesc_source);
	/* Tables freed through RCU reach their quicklists before those end. */
	ptkit_ptdesc_barrier();
	level_caches_exit(PTKIT_NR_LEVELS);
	ptdesc_memory_exit();
	free_percpu(events);
}
