// SPDX-License-Identifier: GPL-2.0
/*
 * The window: a range of kernel addresses whose PTE tables are ptkit's, and are really walked.
 *
 * vmap() of one page, repeated, reserves the range, and makes all upper levels for it. It is called
 * an I/O mapping, which aligns it, and which /proc/kcore passes over as a hole. Inside, each
 * entry of level PMD (2 MiB, a region) is saved, and from then on points to a table of ptkit's, or
 * to nothing. At unload the saved entries are put back, which is what vunmap() wants to find.
 *
 *   root of any address space -> ... -> PMD table of the kernel (shared by all)
 *                                         |          |         |
 *                                       region     region    region
 *                                         |          |         '- nothing: no table, a fault
 *                                    ptkit's table   '- nothing: table queued for freeing
 *
 * Where the window spans all that an entry of level PUD maps (1 GiB, a region, too), that is the
 * entry which is saved, and the PMD table is ptkit's as well. Its entries are the tables that are
 * linked in it: who links one counts it there first (window_hold()), who unlinked one takes it off
 * the count after that (window_drop()). So a linked table is in a linked table.
 *
 * A region, seen from region->table and region->linked:
 *
 *             map: new table                 unmap of the last entry
 *     NULL -------------------> table, linked ----------------------> table, not linked, queued
 *      ^                              ^                                      |    |
 *      |                              '--------------------------------------'    |
 *      |                                map: table taken back                     |
 *      '--------------------------------------------------------------------------'
 *                 flushed: the table goes to the quicklist (window_table_freed())
 *
 * So no second table is linked where CPUs may remember the first: who wants to map there takes the
 * queued table back, or, if its flush has begun, waits for that batch. A map that finds the table
 * of a region reads region->table inside rcu_read_lock(), takes the lock of the descriptor, which
 * exists for a grace period at least (ptdesc.c), and looks again.
 *
 * Addresses come from a bitmap, searched from where this CPU found the last ones. (Not a gen_pool:
 * that is in the kernel only if some driver asked for it, and it searches from the start.)
 * Unmapped ones wait, with their length, on a per-CPU list for a flush: that of the next batch of
 * tables, or of one that is asked for when the window gets full, or, when it is, of their own.
 * What is mapped is followed by a guard page that is never mapped.
 *
 * A mapping's first page has a slot: length, and whether it is mapped. Two mappings start at least
 * two pages apart, so that one slot per two pages is enough. To unmap is to swap the slot from
 * mapped to not mapped: of two who try, one succeeds, and whoever names another range fails.
 *
 * Outside walkers (ptdump, CPA, kcore, see ptdesc.c) may have found a table just before it was
 * unlinked. Tables of the window only become tables of the window again, and leave for the host
 * after a grace period of Tasks RCU. What a late walker finds is zero, or entries of another
 * region. One that reads the same upper entry twice may find zero the second time, and go on as if
 * it pointed to physical page 0: docs/design.md says who, and why the entry is not left otherwise.
 *
 * Lock order: a descriptor's ptl, one at a time, and addr_lock; nothing is taken under either.
 * batch_lock (async_free.c) > purge_lock > flush_lock; purge_lock > addr_lock.
 * Contexts: process context only; both calls may sleep (memory, room in the queue, a flush).
 * Ordering: entries are written before the address is returned; x86 caches no entry that is not
 * present, so mapping needs no flush. Only unmapping does, before addresses and tables are reused.
 */
#include <linux/bitmap.h>
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "arch/mmu.h"
#include "hooks.h"
#include "internal.h"
#include "ptdesc.h"
#include "stats.h"
#include "trace.h"

#define REGION_PAGES	PTRS_PER_PTE
#define SLOT_MAPPED	BIT(31)

enum window_event {
	WINDOW_MAPS,
	WINDOW_UNMAPS,
	WINDOW_PAGES_MAPPED,
	WINDOW_PAGES_UNMAPPED,
	WINDOW_LINKED,
	WINDOW_RELINKED,
	WINDOW_UNLINKED,
	WINDOW_LOST_RACES,
	WINDOW_FLUSH_WAITS,
	WINDOW_FLUSH_EVADED,
	WINDOW_PURGES,
	WINDOW_PURGED,
	WINDOW_REFUSED,
	WINDOW_BAD_UNMAPS,
	WINDOW_NO_SPACE,
	WINDOW_NO_MEMORY,
	NR_WINDOW_EVENTS
};

static const char *const window_names[] = {
	[WINDOW_MAPS] = "maps",
	[WINDOW_UNMAPS] = "unmaps",
	[WINDOW_PAGES_MAPPED] = "pages_mapped",
	[WINDOW_PAGES_UNMAPPED] = "pages_unmapped",
	[WINDOW_LINKED] = "linked",
	[WINDOW_RELINKED] = "relinked",
	[WINDOW_UNLINKED] = "unlinked",
	[WINDOW_LOST_RACES] = "lost_races",
	[WINDOW_FLUSH_WAITS] = "flush_waits",
	[WINDOW_FLUSH_EVADED] = "flush_evaded",
	[WINDOW_PURGES] = "purges",
	[WINDOW_PURGED] = "purged",
	[WINDOW_REFUSED] = "refused",
	[WINDOW_BAD_UNMAPS] = "bad_unmaps",
	[WINDOW_NO_SPACE] = "no_space",
	[WINDOW_NO_MEMORY] = "no_memory",
};

static_assert(ARRAY_SIZE(window_names) == NR_WINDOW_EVENTS);

/**
 * struct window_region - what one table maps
 * @table: the table, also while it waits for its flush, or %NULL
 * @above: the region whose table has the entry for @table; %NULL if the kernel's has
 * @addr: its first address
 * @level: of @table: PTKIT_PTE, or PTKIT_PMD where the window spans so much
 * @linked: does the entry point to it? Both are written under the ptl of @table, except that the
 *	worker makes @table %NULL without it: ask window_is_linked()
 * @pmdp: the entry in the kernel's table, for PTKIT_PTE
 * @pudp: the same for PTKIT_PMD
 * @saved_pmd: what it was
 * @saved_pud: the same
 */
struct window_region {
	struct ptkit_ptdesc *table;
	struct window_region *above;
	unsigned long addr;
	enum ptkit_level level;
	bool linked;
	union {
		pmd_t *pmdp;
		pud_t *pudp;
	};
	union {
		pmd_t saved_pmd;
		pud_t saved_pud;
	};
};

/**
 * struct window_slot - a mapping that starts at one of two pages
 * @pending: links it while its addresses wait for a flush
 * @start: its first page in the window
 * @nr: pages, without the guard page; with SLOT_MAPPED while it is mapped
 */
struct window_slot {
	struct llist_node pending;
	u32 start;
	u32 nr;
};

/**
 * struct window_cpu - what CPUs need not share
 * @pending: slots whose addresses wait for a flush
 * @cursor: page where the next search for addresses starts; a hint
 * @retired: pages put on @pending since the CPU last asked for a batch; a hint
 */
struct window_cpu {
	struct llist_head pending;
	unsigned long cursor;
	unsigned long retired;
};

/* Constant while there is a window (@ready), but for @used and @free, protected by addr_lock. */
static struct {
	void *reserved;
	struct page *dummy;
	unsigned long start;
	unsigned long pages;
	unsigned long nr_regions;
	struct window_region *regions;
	unsigned long spans_start;
	unsigned long nr_spans;
	struct window_region *spans;
	struct window_slot *slots;
	struct window_cpu __percpu *cpu;
	struct ptkit_table_cache tables;
	struct ptkit_table_cache pmd_tables;
	unsigned long *used;
	unsigned long free;
	bool ready;
} window;

static unsigned long __percpu *events;
static DEFINE_SPINLOCK(addr_lock);

/* From collecting pending slots to freeing their addresses. Protects the two below. */
static DEFINE_MUTEX(purge_lock);
static struct llist_node *purging;
static unsigned long purges_done;

static int window_mb = -1;
module_param(window_mb, int, 0444);
MODULE_PARM_DESC(window_mb,
		 "size of the kernel address window in MiB, 0 for none (default: 256, or 1/8 of RAM)");

static void window_event(enum window_event id, unsigned long n)
{
	ptkit_count_add(events, id, n);
}

/* ---- tables ---------------------------------------------------------------------------------- */

/* The region of level PMD that has @addr, or %NULL if the PMD table there is the kernel's. */
static struct window_region *window_span_of(unsigned long addr)
{
	unsigned long i = (addr - window.spans_start) / PUD_SIZE;

	return addr >= window.spans_start && i < window.nr_spans ? &window.spans[i] : NULL;
}

static struct window_region *window_region_of(unsigned long addr, enum ptkit_level level)
{
	if (level == PTKIT_PMD)
		return window_span_of(addr);
	return &window.regions[(addr - window.start) / PMD_SIZE];
}

/* Flushed: from here on another table may be linked there. */
static void window_table_freed(struct ptkit_ptdesc *pt)
{
	cmpxchg(&window_region_of(pt->addr, pt->level)->table, pt, NULL);
}

static const struct ptkit_ptdesc_owner window_owner = {
	.name = "window",
	.freed = window_table_freed,
};

/* For tracepoints: which of the quicklists, and which region of that level. */
static const char *window_level_name(const struct window_region *r)
{
	return r->level == PTKIT_PMD ? "window_pmd" : "window";
}

static unsigned long window_level_index(const struct window_region *r)
{
	return r - (r->level == PTKIT_PMD ? window.spans : window.regions);
}

static pmd_t *window_pmd_in(struct page *table, unsigned long addr)
{
	return (pmd_t *)page_address(table) + pmd_index(addr);
}

/* In a table of ptkit's, an entry is counted while it is written: the table stays linked. */
static void window_set_entry(struct window_region *r, struct page *table)
{
	pmd_t *pmdp = r->pmdp;

	if (r->level == PTKIT_PMD) {
		ptkit_arch_set_pud(r->pudp, table ? ptkit_arch_pud_table(table) : __pud(0));
		return;
	}
	if (r->above)
		pmdp = window_pmd_in(READ_ONCE(r->above->table)->page, r->addr);
	ptkit_arch_set_pmd(pmdp, table ? ptkit_arch_pmd_table(table) : __pmd(0));
}

/*
 * Is @pt, whose lock we hold, the region's table, and linked? The worker takes no lock to make the
 * region's table nothing, and whoever links the next one takes that one's lock, not ours:
 *
 *	here				window_new_table()
 *	  read linked			  table = the next one, by a swap that is a full barrier
 *	  read barrier			  linked = true
 *	  read table
 *
 * So who reads that the next one is linked reads a table that is not @pt, which it can become only
 * under the lock that we hold. Asked the other way round, @pt could be free, and taken for linked.
 */
static bool window_is_linked(const struct window_region *r, const struct ptkit_ptdesc *pt)
{
	bool linked = READ_ONCE(r->linked);

	lockdep_assert_held(&pt->ptl);
	smp_rmb();	/* pairs with the swap in window_new_table() */
	return linked && READ_ONCE(r->table) == pt;
}

static void window_link(struct window_region *r, struct ptkit_ptdesc *pt)
{
	lockdep_assert_held(&pt->ptl);
	window_set_entry(r, pt->page);
	WRITE_ONCE(r->linked, true);
}

/*
 * @pt was the region's table a moment ago. True: it is, linked, and locked. If it is not linked, it
 * is when its entry is counted above (@held), which then is its entry. (Sparse cannot follow a lock
 * that is returned, here and below.)
 */
static bool window_lock_if_live(struct window_region *r, struct ptkit_ptdesc *pt, bool *held)
{
	bool live;

	spin_lock(&pt->ptl);
	live = window_is_linked(r, pt);
	/* Only if it still is this region's: if it has come free since, it is not queued. */
	if (!live && *held && READ_ONCE(r->table) == pt && ptkit_pagetable_take_back(pt)) {
		window_link(r, pt);
		window_event(WINDOW_RELINKED, 1);
		live = true;
		*held = false;
	}
	if (live)
		__release(&pt->ptl);
	else
		spin_unlock(&pt->ptl);
	return live;
}

/* A new table for a region that has none, linked and locked; %NULL if somebody was faster. */
static struct ptkit_ptdesc *window_new_table(struct window_region *r)
{
	struct ptkit_table_cache *cache = r->level == PTKIT_PMD ? &window.pmd_tables :
								  &window.tables;
	struct ptkit_ptdesc *pt = ptkit_table_alloc(cache, GFP_KERNEL);

	if (!pt)
		return ERR_PTR(-ENOMEM);
	WRITE_ONCE(pt->owner, &window_owner);
	WRITE_ONCE(pt->addr, r->addr);

	spin_lock(&pt->ptl);
	/* A full barrier before the table is linked: pairs with window_is_linked(). */
	if (!cmpxchg(&r->table, NULL, pt)) {
		window_link(r, pt);
		window_event(WINDOW_LINKED, 1);
		trace_ptkit_window_link(window_level_name(r), window_level_index(r));
		__release(&pt->ptl);
		return pt;
	}
	spin_unlock(&pt->ptl);
	window_event(WINDOW_LOST_RACES, 1);
	ptkit_pagetable_free(pt);
	return NULL;
}

static int window_hold(struct window_region *r);
static void window_drop(struct window_region *r);

/* Without an entry above that is counted for it, only a linked table is locked: NULL otherwise. */
static struct ptkit_ptdesc *window_try_lock_table(struct window_region *r, bool *held)
{
	struct ptkit_ptdesc *pt;
	bool live;

	rcu_read_lock();
	pt = READ_ONCE(r->table);
	live = pt && window_lock_if_live(r, pt, held);
	rcu_read_unlock();
	if (live)
		return pt;
	if (!*held)
		return NULL;

	if (!pt) {
		pt = window_new_table(r);
		*held = IS_ERR_OR_NULL(pt);
		return pt;
	}
	if (READ_ONCE(r->table) == pt) {
		window_event(WINDOW_FLUSH_WAITS, 1);
		ptkit_async_wait_for_batch();
	}
	return NULL;
}

/* The region's table, linked and locked, or ERR_PTR(-ENOMEM). */
static struct ptkit_ptdesc *window_lock_table(struct window_region *r)
{
	struct ptkit_ptdesc *pt;
	bool held = !r->above;
	int ret;

	for (;;) {
		pt = window_try_lock_table(r, &held);
		if (pt && (!held || !r->above))
			return pt;
		if (pt) {
			/* No memory, or somebody else has linked it meanwhile. */
			if (!IS_ERR(pt)) {
				__acquire(&pt->ptl);
				spin_unlock(&pt->ptl);
			}
			window_drop(r->above);
			if (IS_ERR(pt))
				return pt;
			held = false;
		} else if (!held) {
			ret = window_hold(r->above);
			if (ret)
				return ERR_PTR(ret);
			held = true;
		}
	}
}

/* The last entry went, and the queue has room: nobody finds the table from here on. */
static void window_unlink(struct window_region *r, struct ptkit_ptdesc *pt)
{
	lockdep_assert_held(&pt->ptl);
	window_set_entry(r, NULL);
	WRITE_ONCE(r->linked, false);
	window_event(WINDOW_UNLINKED, 1);
	trace_ptkit_window_unlink(window_level_name(r), window_level_index(r));
	ptkit_pagetable_free_kernel(pt);
}

static bool window_may_queue(struct ptkit_ptdesc *pt)
{
	return atomic_read(&pt->state) == PTDESC_TAKEN_BACK || ptkit_async_has_room();
}

/* Unlink the region's table when there is room for it in the queue, if it is still empty then. */
static void window_unlink_later(struct window_region *r)
{
	bool wait, unlinked = false;
	struct ptkit_ptdesc *pt;

	do {
		ptkit_async_wait_for_room();
		wait = false;
		rcu_read_lock();
		pt = READ_ONCE(r->table);
		if (pt) {
			spin_lock(&pt->ptl);
			if (window_is_linked(r, pt) && !pt->entries) {
				unlinked = window_may_queue(pt);
				wait = !unlinked;
				if (unlinked)
					window_unlink(r, pt);
			}
			spin_unlock(&pt->ptl);
		}
		rcu_read_unlock();
	} while (wait);
	if (unlinked)
		window_drop(r->above);
}

/*
 * So many entries of the region's table are clear. Unlocks it; with the last entry, the table is
 * unlinked, and is no entry above any more.
 */
static void window_uncount(struct window_region *r, struct ptkit_ptdesc *pt, unsigned long nr)
	__releases(&pt->ptl)
{
	bool empty, room = false;

	pt->entries -= nr;
	empty = !pt->entries;
	if (empty) {
		room = window_may_queue(pt);
		if (room)
			window_unlink(r, pt);
	}
	spin_unlock(&pt->ptl);
	if (empty && room)
		window_drop(r->above);
	else if (empty)
		window_unlink_later(r);
}

/* Count an entry in the region's table, which is linked from here to window_drop() at least. */
static int window_hold(struct window_region *r)
{
	struct ptkit_ptdesc *pt = window_lock_table(r);

	if (IS_ERR(pt))
		return PTR_ERR(pt);
	__acquire(&pt->ptl);
	pt->entries++;
	spin_unlock(&pt->ptl);
	return 0;
}

static void window_drop(struct window_region *r)
{
	struct ptkit_ptdesc *pt;

	if (!r)
		return;
	pt = READ_ONCE(r->table);
	spin_lock(&pt->ptl);
	window_uncount(r, pt, 1);
}

/* ---- entries --------------------------------------------------------------------------------- */

static pte_t *window_ptes(struct ptkit_ptdesc *pt, unsigned long index)
{
	return (pte_t *)page_address(pt->page) + index % REGION_PAGES;
}

/* Unlocks. */
static void window_clear_locked(struct window_region *r, struct ptkit_ptdesc *pt,
				unsigned long index, unsigned long nr)
	__releases(&pt->ptl)
{
	pte_t *pte = window_ptes(pt, index);
	unsigned long i;

	for (i = 0; i < nr; i++)
		ptkit_arch_set_pte(pte + i, ptkit_arch_pte(0, 0));
	window_uncount(r, pt, nr);
}

/* All of them, or none if there is no memory for a table or no page where one should be. */
static int window_fill(struct window_region *r, unsigned long index, struct page **pages,
		       unsigned long nr, unsigned long flags)
{
	struct ptkit_ptdesc *pt = window_lock_table(r);
	unsigned long i;
	pte_t *pte;

	if (IS_ERR(pt))
		return PTR_ERR(pt);
	__acquire(&pt->ptl);
	pte = window_ptes(pt, index);
	for (i = 0; i < nr && likely(pages[i]); i++)
		ptkit_arch_set_pte(pte + i, ptkit_arch_pte(page_to_pfn(pages[i]), flags));
	pt->entries += i;
	if (unlikely(i < nr)) {
		window_clear_locked(r, pt, index, i);
		return -EINVAL;
	}
	spin_unlock(&pt->ptl);
	return 0;
}

/* The region's table is linked as long as our entries are in it. */
static void window_clear(struct window_region *r, unsigned long index, unsigned long nr)
{
	struct ptkit_ptdesc *pt = READ_ONCE(r->table);

	spin_lock(&pt->ptl);
	window_clear_locked(r, pt, index, nr);
}

/* Pages from @index on, at most @nr, that one table maps. */
static unsigned long window_span(unsigned long index, unsigned long nr)
{
	return min(nr, REGION_PAGES - index % REGION_PAGES);
}

static void window_clear_range(unsigned long index, unsigned long nr)
{
	unsigned long span;

	for (; nr; index += span, nr -= span) {
		span = window_span(index, nr);
		window_clear(&window.regions[index / REGION_PAGES], index, span);
	}
}

static int window_fill_range(unsigned long index, struct page **pages, unsigned long nr,
			     unsigned long flags)
{
	unsigned long done, span;
	int ret;

	for (done = 0; done < nr; done += span) {
		span = window_span(index + done, nr - done);
		ret = window_fill(&window.regions[(index + done) / REGION_PAGES], index + done,
				  pages + done, span, flags);
		if (ret) {
			window_clear_range(index, done);
			return ret;
		}
	}
	return 0;
}

/* ---- addresses ------------------------------------------------------------------------------- */

/* Consecutive free pages, or 0; from the CPU's cursor on, so that CPUs keep to their own tables. */
static unsigned long window_alloc_addr(unsigned long nr)
{
	unsigned long *cursor = &raw_cpu_ptr(window.cpu)->cursor;
	unsigned long index = window.pages, from = READ_ONCE(*cursor);

	spin_lock(&addr_lock);
	if (from < window.pages)
		index = bitmap_find_next_zero_area(window.used, window.pages, from, nr, 0);
	if (index >= window.pages)
		index = bitmap_find_next_zero_area(window.used, window.pages, 0, nr, 0);
	if (index < window.pages) {
		bitmap_set(window.used, index, nr);
		WRITE_ONCE(window.free, window.free - nr);
	}
	spin_unlock(&addr_lock);

	WRITE_ONCE(*cursor, index + nr);
	return index < window.pages ? window.start + (index << PAGE_SHIFT) : 0;
}

static void window_free_addr(unsigned long index, unsigned long nr)
{
	if (!nr)
		return;
	spin_lock(&addr_lock);
	bitmap_clear(window.used, index, nr);
	WRITE_ONCE(window.free, window.free + nr);
	spin_unlock(&addr_lock);
}

/* Neighbours, which is what one CPU unmapped in a row, go together. */
static void window_free_slots(struct llist_node *node)
{
	unsigned long first = 0, end = 0, nr = 0;
	struct window_slot *slot, *next;

	llist_for_each_entry_safe(slot, next, node, pending) {
		unsigned long slot_end = slot->start + slot->nr + 1UL;

		if (slot->start == end) {
			end = slot_end;
		} else if (slot_end == first) {
			first = slot->start;
		} else {
			window_free_addr(first, end - first);
			first = slot->start;
			end = slot_end;
		}
		nr++;
	}
	window_free_addr(first, end - first);
	window_event(WINDOW_PURGED, nr);
}

/* Collect what is unmapped, for a flush that begins after this; is there anything? */
static bool window_purge_begin(void)
{
	struct llist_node *node, *next;
	int cpu;

	mutex_lock(&purge_lock);
	for_each_possible_cpu(cpu) {
		node = llist_del_all(&per_cpu_ptr(window.cpu, cpu)->pending);
		for (; node; node = next) {
			next = node->next;
			node->next = purging;
			purging = node;
		}
	}
	return purging;
}

/* Flushed: the addresses are free. */
static void window_purge_end(void)
{
	if (purging) {
		window_free_slots(purging);
		purging = NULL;
		WRITE_ONCE(purges_done, purges_done + 1);
		window_event(WINDOW_PURGES, 1);
	}
	mutex_unlock(&purge_lock);
}

static const struct ptkit_flush_user window_flush_user = {
	.begin = window_purge_begin,
	.end = window_purge_end,
};

static void window_purge(void)
{
	if (window_purge_begin() && !ptkit_is_busted(PTKIT_BUSTED_WINDOW))
		ptkit_flush_after(ptkit_flush_generation());
	window_purge_end();
}

/* Wait for addresses: have there been any since @seen purges? */
static bool window_purge_since(unsigned long seen)
{
	window_purge();
	return READ_ONCE(purges_done) != seen;
}

/* ---- map and unmap --------------------------------------------------------------------------- */

static unsigned long window_index(unsigned long addr)
{
	return (addr - window.start) >> PAGE_SHIFT;
}

static struct window_slot *window_slot_of(unsigned long index)
{
	return &window.slots[index / 2];
}

/*
 * The addresses of @slot wait for a flush. Ask for one in good time: each CPU does so when it has
 * put an eighth of the window there, if less than three quarters are free.
 */
static void window_retire(struct window_slot *slot)
{
	struct window_cpu *cpu = raw_cpu_ptr(window.cpu);
	unsigned long retired = READ_ONCE(cpu->retired) + (slot->nr & ~SLOT_MAPPED) + 1;

	llist_add(&slot->pending, &cpu->pending);
	if (retired > window.pages / 8 &&
	    READ_ONCE(window.free) < window.pages / 4 * 3) {
		retired = 0;
		ptkit_async_kick();
	}
	WRITE_ONCE(cpu->retired, retired);
}

/* Is some region of the range in the middle of a flush? A hint: it may be over, or begin. */
static bool window_is_flushing(unsigned long index, unsigned long nr)
{
	unsigned long region, last = (index + nr - 1) / REGION_PAGES;
	struct ptkit_ptdesc *pt;
	bool flushing = false;

	rcu_read_lock();
	for (region = index / REGION_PAGES; region <= last && !flushing; region++) {
		pt = READ_ONCE(window.regions[region].table);
		flushing = pt && atomic_read(&pt->state) == PTDESC_FLUSHING;
	}
	rcu_read_unlock();
	return flushing;
}

/* Addresses for @nr pages and a guard page, or 0. Better ones that need not wait for a flush. */
static unsigned long window_get_addr(unsigned long nr)
{
	unsigned long addr, seen, other;

	if (nr >= window.pages)
		return 0;
	do {
		seen = READ_ONCE(purges_done);
		addr = window_alloc_addr(nr + 1);
	} while (!addr && window_purge_since(seen));
	if (!addr || likely(!window_is_flushing(window_index(addr), nr)))
		return addr;

	/* One more try, further on; nobody has used the first ones. */
	WRITE_ONCE(raw_cpu_ptr(window.cpu)->cursor, window_index(addr) + nr + REGION_PAGES);
	other = window_alloc_addr(nr + 1);
	if (!other)
		return addr;
	window_free_addr(window_index(addr), nr + 1);
	window_event(WINDOW_FLUSH_EVADED, 1);
	return other;
}

/**
 * ptkit_window_map - map pages to consecutive addresses of the window
 * @pages: the pages, which the caller keeps until after they are unmapped and flushed
 * @nr: how many
 * @prot: as for vmap(); for the kernel, not executable
 *
 * Another page follows the mapping that nobody maps.
 *
 * Context: process context, may sleep. Any number of threads at once.
 * Return: the address; ERR_PTR(-EINVAL) for no pages, a %NULL page or a protection that is not for
 * data; -ENOSPC if the window has no such number of consecutive addresses; -ENOMEM; -ENODEV if
 * there is no window. From seed 004, whose tables this is a user of.
 */
void *ptkit_window_map(struct page **pages, unsigned int nr, pgprot_t prot)
{
	struct window_slot *slot;
	unsigned long addr;
	int ret;

	if (!window.ready)
		return ERR_PTR(-ENODEV);
	if (!nr || !ptkit_arch_prot_valid(prot)) {
		window_event(WINDOW_REFUSED, 1);
		return ERR_PTR(-EINVAL);
	}

	addr = window_get_addr(nr);
	if (!addr) {
		window_event(WINDOW_NO_SPACE, 1);
		return ERR_PTR(-ENOSPC);
	}
	slot = window_slot_of(window_index(addr));
	slot->start = window_index(addr);
	ret = window_fill_range(slot->start, pages, nr, ptkit_arch_pte_flags(prot));
	if (ret) {
		slot->nr = nr;
		window_retire(slot);
		window_event(ret == -ENOMEM ? WINDOW_NO_MEMORY : WINDOW_REFUSED, 1);
		return ERR_PTR(ret);
	}
	WRITE_ONCE(slot->nr, nr | SLOT_MAPPED);
	window_event(WINDOW_MAPS, 1);
	window_event(WINDOW_PAGES_MAPPED, nr);
	return (void *)addr;
}
EXPORT_SYMBOL_GPL(ptkit_window_map);

/* The slot of the mapping that is exactly this, and now the caller's to unmap; or %NULL. */
static struct window_slot *window_claim(unsigned long addr, unsigned int nr)
{
	unsigned long index = window_index(addr);
	struct window_slot *slot;

	if (!window.ready || addr < window.start || index >= window.pages ||
	    !PAGE_ALIGNED(addr) || !nr || nr >= SLOT_MAPPED)
		return NULL;
	slot = window_slot_of(index);
	if (READ_ONCE(slot->start) != index ||
	    cmpxchg(&slot->nr, nr | SLOT_MAPPED, nr) != (nr | SLOT_MAPPED))
		return NULL;
	return slot;
}

/**
 * ptkit_window_unmap - undo ptkit_window_map()
 * @addr: what it returned
 * @nr: pages; all of them
 *
 * CPUs and secondary MMUs may go on using the mapping until ptkit_window_sync(), or until the
 * window reuses its addresses, which comes after a flush, too. As with vunmap(), whoever touches
 * the range after this has a bug; but a secondary MMU's user has to wait before the pages are
 * given away.
 *
 * Context: process context, may sleep (for room in the queue of tables). Any number of threads.
 * Return: 0; -EINVAL, and nothing has changed, if this is no mapping of that many pages.
 */
int ptkit_window_unmap(void *addr, unsigned int nr)
{
	struct window_slot *slot = window_claim((unsigned long)addr, nr);

	if (!slot) {
		if (window.ready)
			window_event(WINDOW_BAD_UNMAPS, 1);
		return -EINVAL;
	}
	window_clear_range(slot->start, nr);
	window_event(WINDOW_UNMAPS, 1);
	window_event(WINDOW_PAGES_UNMAPPED, nr);
	window_retire(slot);
	return 0;
}
EXPORT_SYMBOL_GPL(ptkit_window_unmap);

/**
 * ptkit_window_sync - return when nobody can use any mapping that was unmapped before
 *
 * Context: process context, may sleep. Flushes unless nothing was unmapped.
 */
void ptkit_window_sync(void)
{
	if (window.ready)
		window_purge();
}
EXPORT_SYMBOL_GPL(ptkit_window_sync);

/**
 * ptkit_window_table - the table that maps an address of the window
 * @addr: any address
 * @level: which of them: PTKIT_PTE or PTKIT_PMD
 *
 * As hardware would find it: for secondary MMUs and tests.
 *
 * Context: any, inside rcu_read_lock().
 * Return: the descriptor, or %NULL if no table of ptkit's is linked there.
 */
struct ptkit_ptdesc *ptkit_window_table(const void *addr, enum ptkit_level level)
{
	unsigned long offset = (unsigned long)addr - window.start;
	struct window_region *r;
	struct page *table;
	pmd_t *pmdp, pmd;
	pud_t pud;

	if (!window.ready || offset >= window.pages << PAGE_SHIFT || level > PTKIT_PMD)
		return NULL;
	r = &window.regions[offset / PMD_SIZE];
	if (r->above) {
		pud = READ_ONCE(*r->above->pudp);
		if (pud_none(pud))
			return NULL;
		table = ptkit_arch_pud_page(pud);
		pmdp = window_pmd_in(table, r->addr);
	} else {
		table = NULL;
		pmdp = r->pmdp;
	}
	if (level == PTKIT_PMD)
		return table ? ptkit_page_ptdesc(table) : NULL;
	pmd = READ_ONCE(*pmdp);
	return pmd_none(pmd) ? NULL : ptkit_page_ptdesc(pmd_page(pmd));
}
EXPORT_SYMBOL_GPL(ptkit_window_table);

/* ---- debugfs --------------------------------------------------------------------------------- */

static unsigned long window_sum(enum window_event id)
{
	return ptkit_events_sum(events, id);
}

static void window_show_stats(struct seq_file *m, struct ptkit_source *source)
{
	unsigned int id;

	ptkit_stat(m, "size_bytes", window.pages << PAGE_SHIFT);
	ptkit_stat(m, "pmd_regions", window.nr_spans);
	ptkit_stat(m, "mapped_pages", window_sum(WINDOW_PAGES_MAPPED) -
		   window_sum(WINDOW_PAGES_UNMAPPED));
	ptkit_stat(m, "free_pages", READ_ONCE(window.free));
	ptkit_stat(m, "tables", window_sum(WINDOW_LINKED) + window_sum(WINDOW_RELINKED) -
		   window_sum(WINDOW_UNLINKED));
	for (id = 0; id < NR_WINDOW_EVENTS; id++)
		ptkit_stat(m, window_names[id], window_sum(id));
}

static void window_show_summary(struct seq_file *m, struct ptkit_source *source)
{
	seq_printf(m, "window           %lu MiB: mapped %lu pages in %lu tables, free %lu pages\n",
		   (window.pages << PAGE_SHIFT) >> 20,
		   window_sum(WINDOW_PAGES_MAPPED) - window_sum(WINDOW_PAGES_UNMAPPED),
		   window_sum(WINDOW_LINKED) + window_sum(WINDOW_RELINKED) -
		   window_sum(WINDOW_UNLINKED), READ_ONCE(window.free));
	seq_printf(m, "                 maps %lu, unmaps %lu, purges %lu; refused %lu, no space %lu\n",
		   window_sum(WINDOW_MAPS), window_sum(WINDOW_UNMAPS), window_sum(WINDOW_PURGES),
		   window_sum(WINDOW_REFUSED) + window_sum(WINDOW_BAD_UNMAPS),
		   window_sum(WINDOW_NO_SPACE));
}

static struct ptkit_source window_source = {
	.name = "window",
	.show_stats = window_show_stats,
	.show_summary = window_show_summary,
};

/* Offsets, not addresses: where the window lies is nobody's business. */
static void window_tables_show_level(struct seq_file *m, const char *level,
				     const struct window_region *r, unsigned long nr)
{
	struct ptkit_ptdesc *pt;

	rcu_read_lock();
	for (; nr--; r++) {
		pt = READ_ONCE(r->table);
		if (pt)
			seq_printf(m, "%#lx %s %u %s\n", r->addr - window.start, level,
				   READ_ONCE(pt->entries),
				   READ_ONCE(r->linked) ? "linked" : "queued");
	}
	rcu_read_unlock();
}

static int window_tables_show(struct seq_file *m, void *unused)
{
	seq_puts(m, "offset level entries state\n");
	window_tables_show_level(m, "pmd", window.spans, window.nr_spans);
	window_tables_show_level(m, "pte", window.regions, window.nr_regions);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(window_tables);

/* ---- init and exit --------------------------------------------------------------------------- */

/*
 * Reserve the window, in whole regions. VM_IOREMAP aligns it to its size, up to a region of level
 * PMD, and keeps readers of /proc/kcore out of its tables. Nothing else comes of it but the word
 * "ioremap" in /proc/vmallocinfo.
 */
static const char *window_reserve(void)
{
	struct page **pages;
	unsigned long i;

	window.dummy = alloc_page(GFP_KERNEL | __GFP_ZERO);
	pages = kvmalloc_array(window.pages, sizeof(*pages), GFP_KERNEL | __GFP_NOWARN);
	if (window.dummy && pages) {
		for (i = 0; i < window.pages; i++)
			pages[i] = window.dummy;
		window.reserved = vmap(pages, window.pages, VM_IOREMAP, PAGE_KERNEL_RO);
	}
	kvfree(pages);
	if (!window.reserved)
		return "no memory, or no addresses, to reserve it";
	window.start = (unsigned long)window.reserved;
	return IS_ALIGNED(window.start, PMD_SIZE) ? NULL : "its addresses are not aligned";
}

static const char *window_alloc(void)
{
	unsigned long end = window.start + (window.pages << PAGE_SHIFT);
	int cpu;

	window.spans_start = ALIGN(window.start, PUD_SIZE);
	if (end > window.spans_start)
		window.nr_spans = (end - window.spans_start) / PUD_SIZE;
	window.spans = kvcalloc(window.nr_spans ?: 1, sizeof(*window.spans), GFP_KERNEL);
	window.regions = kvcalloc(window.nr_regions, sizeof(*window.regions), GFP_KERNEL);
	window.slots = kvcalloc(window.pages / 2, sizeof(*window.slots), GFP_KERNEL);
	window.cpu = alloc_percpu(struct window_cpu);
	window.used = kvcalloc(BITS_TO_LONGS(window.pages), sizeof(long), GFP_KERNEL);
	window.free = window.pages;
	if (!window.spans || !window.regions || !window.slots || !window.cpu || !window.used)
		return "no memory for its administration";

	for_each_possible_cpu(cpu) {
		struct window_cpu *c = per_cpu_ptr(window.cpu, cpu);

		init_llist_head(&c->pending);
		c->cursor = window.pages / nr_cpu_ids * cpu;
	}
	return NULL;
}

static const char *const window_no_upper = "its upper levels are not there";
static const char *const window_no_table = "it is not mapped by tables";

static const char *window_find_pud(struct window_region *r)
{
	r->pudp = ptkit_arch_kernel_pud(r->addr);
	if (!r->pudp)
		return window_no_upper;
	r->saved_pud = *r->pudp;
	return pud_none(r->saved_pud) || pud_leaf(r->saved_pud) ? window_no_table : NULL;
}

static const char *window_find_pmd(struct window_region *r)
{
	r->pmdp = ptkit_arch_kernel_pmd(r->addr);
	if (!r->pmdp)
		return window_no_upper;
	r->saved_pmd = *r->pmdp;
	return pmd_none(r->saved_pmd) || pmd_leaf(r->saved_pmd) ? window_no_table : NULL;
}

/* Look at every entry before the first one is changed. */
static const char *window_find_entries(void)
{
	const char *why = NULL;
	struct window_region *r;
	unsigned long i;

	for (i = 0; i < window.nr_spans && !why; i++) {
		r = &window.spans[i];
		r->addr = window.spans_start + i * PUD_SIZE;
		r->level = PTKIT_PMD;
		why = window_find_pud(r);
	}
	for (i = 0; i < window.nr_regions && !why; i++) {
		r = &window.regions[i];
		r->addr = window.start + i * PMD_SIZE;
		r->level = PTKIT_PTE;
		r->above = window_span_of(r->addr);
		if (!r->above)
			why = window_find_pmd(r);
	}
	return why;
}

/* Take the kernel's tables out: what is below a PMD table of the kernel's stays in it. */
static void window_take_over(void)
{
	unsigned long i;

	for (i = 0; i < window.nr_spans; i++)
		window_set_entry(&window.spans[i], NULL);
	for (i = 0; i < window.nr_regions; i++)
		if (!window.regions[i].above)
			window_set_entry(&window.regions[i], NULL);
	ptkit_flush_after(ptkit_flush_generation());
}

static void window_put_back(void)
{
	struct window_region *r;
	unsigned long i;

	for (i = 0; i < window.nr_regions; i++) {
		r = &window.regions[i];
		WARN_ON_ONCE(r->table);
		if (!r->above)
			ptkit_arch_set_pmd(r->pmdp, r->saved_pmd);
	}
	for (i = 0; i < window.nr_spans; i++) {
		r = &window.spans[i];
		WARN_ON_ONCE(r->table);
		ptkit_arch_set_pud(r->pudp, r->saved_pud);
	}
}

static const char *window_table_caches_init(void)
{
	if (ptkit_table_cache_init(&window.tables, "window", PTKIT_PTE))
		return "no quicklist for its tables";
	if (!window.nr_spans ||
	    !ptkit_table_cache_init(&window.pmd_tables, "window_pmd", PTKIT_PMD))
		return NULL;
	ptkit_table_cache_exit(&window.tables);
	return "no quicklist for its PMD tables";
}

static void window_table_caches_exit(void)
{
	if (window.nr_spans)
		ptkit_table_cache_exit(&window.pmd_tables);
	ptkit_table_cache_exit(&window.tables);
}

static void window_free(void)
{
	window.ready = false;
	kvfree(window.used);
	free_percpu(window.cpu);
	kvfree(window.slots);
	kvfree(window.regions);
	kvfree(window.spans);
	if (window.reserved)
		vunmap(window.reserved);
	if (window.dummy)
		__free_page(window.dummy);
	free_percpu(events);
}

/* As much as vmap() and vunmap() use between two flushes, roughly; less on a small machine. */
static void window_default_size(void)
{
	unsigned long ram_mb = totalram_pages() >> (20 - PAGE_SHIFT);

	if (window_mb < 0)
		window_mb = clamp(ram_mb / 8, PMD_SIZE >> 20, 256UL);
}

static const char *window_size(void)
{
	window.nr_regions = DIV_ROUND_UP((unsigned long)window_mb << 20, PMD_SIZE);
	window.pages = window.nr_regions * REGION_PAGES;
	if ((unsigned long)window_mb << 20 < PMD_SIZE)
		return "it is smaller than what one table maps";
	if (window.pages > totalram_pages())
		return "it is larger than RAM, which is all that vmap() reserves";
	return NULL;
}

static const char *window_setup(void)
{
	const char *why = window_size();

	if (why)
		return why;
	events = ptkit_events_alloc(NR_WINDOW_EVENTS);
	if (!events)
		return "no memory for its counters";
	why = window_reserve() ?: window_alloc() ?: window_find_entries() ?:
	      window_table_caches_init();
	if (why)
		window_free();
	return why;
}

/* Without a window ptkit is useful still: say why there is none, and load. */
void ptkit_window_init(void)
{
	const char *why;

	why = ptkit_arch_window_refused();
	window_default_size();
	if (!window_mb || why) {
		pr_info("no window%s%s\n", why ? ": " : "", why ?: "");
		return;
	}
	why = window_setup();
	if (why) {
		pr_err("no window of %d MiB: %s\n", window_mb, why);
		return;
	}

	window_take_over();
	ptkit_async_set_flush_user(&window_flush_user);
	window.ready = true;

	ptkit_source_add(&window_source);
	debugfs_create_file("tables", 0400, window_source.dir, NULL, &window_tables_fops);
}

/* Mappings that nobody undid: their users are gone. */
static void window_clear_left(void)
{
	unsigned long left = 0, i;

	for (i = 0; i < window.pages / 2; i++) {
		struct window_slot *slot = &window.slots[i];
		unsigned long addr = window.start + ((unsigned long)slot->start << PAGE_SHIFT);
		u32 nr = slot->nr & ~SLOT_MAPPED;

		if (!(slot->nr & SLOT_MAPPED))
			continue;
		left += nr;
		ptkit_window_unmap((void *)addr, nr);
	}
	if (left)
		pr_err("window: %lu pages were still mapped\n", left);
}

/* Nobody maps or unmaps any more. */
void ptkit_window_exit(void)
{
	if (!window.ready)
		return;
	ptkit_source_del(&window_source);
	window_clear_left();
	ptkit_async_set_flush_user(NULL);
	window_purge();
	window_put_back();
	window_table_caches_exit();
	ptkit_ptdesc_barrier();
	window_free();
}
