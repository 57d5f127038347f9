// SPDX-License-Identifier: GPL-2.0
/*
 * Frozen pages: pages that live at reference count 0 (Wilcox, 2022; in mainline since 6.14).
 *
 * Nobody can take a reference on a page whose count is 0: every speculative getter (page cache,
 * GUP, compaction, memory failure) adds unless zero. So its owner frees it without a
 * dec-and-test, and a large block becomes visible to others only when its owner says so.
 *
 * Life of a page:
 *
 *   host allocator --alloc--> frozen, a caller's --free--> stash or host allocator
 *                               |          ^
 *                  thaw(refs)   v          |   freeze
 *                             an ordinary page, count >= 1
 *
 * Where the host allocator has no frozen allocation (before 6.14), where a task's mempolicy must be
 * asked, and in bulk, a page comes with count 1 and is frozen by a compare-and-swap 1 -> 0. Until
 * then somebody may hold a transient reference on it, taken on the page's last life. We wait a
 * little, and then drop our reference and take another page: whoever drops the last one frees it.
 * It is never stored over, so no reference is ever lost.
 *
 * The stash keeps order-0 pages per CPU (pcp_stack.h). A page from it is like one from the host
 * allocator but for the way: init_on_alloc and init_on_free are obeyed, requests that it cannot
 * serve (a zone, a node, a memory cgroup's charge, a task bound to other nodes) bypass it, and
 * only local pages are kept.
 *
 * Marks: the head of a block of order > 0 that is no compound page has no other record of its
 * order. lru.prev carries it (PCP_MARK_BLOCK) while the block is frozen; everywhere else lru is the
 * owner's. A block freed as a page, or a page freed twice, is seen by its mark as long as it is in
 * the stash. When the host has it there is no mark. Not seen is a second free into a stash that has
 * room, which asks the host for nothing; on the slow way, which is taken when the stash is full or
 * off and for blocks, only that of a page that is the first of a block in the host's free lists,
 * and not one of its per-CPU lists or in the middle.
 *
 * Frees go home through __folio_put(), which is exported by every kernel and neither reads nor
 * writes the count. A block that is no compound page has no such way: its count is set to 1 and
 * __free_pages() copes with a getter that comes in between.
 *
 * Accounting, in pages, checked at unload and by the tests; what misuse leaked stays live:
 *   host_alloc + frozen == host_free + thawed + live + stashed
 */
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/memcontrol.h>
#include <linux/mempolicy.h>
#include <linux/module.h>
#include <linux/sched.h>

#include "compat/compat.h"
#include "internal.h"
#include "pcp_stack.h"
#include "ptkit.h"
#include "stats.h"
#include "trace.h"

/* Pages that a refill or an overflowing stash moves at once. */
#define STASH_BATCH		16UL
/* Default limit of a CPU's stash: half a MiB, which is about what the host's own lists keep. */
#define STASH_LIMIT		128UL
/* Rounds to wait for a transient reference, which is held for some hundred instructions. */
#define FREEZE_SPINS		1000
/* Pages to try if one reference after the other turns out to be a lasting one. */
#define FREEZE_TRIES		4

/*
 * Requests that the stash does not know how to serve. __GFP_ZERO is one: its pages are not known
 * to be zero, so one is cleared; that is still cheaper than the way through the host. __GFP_MOVABLE
 * is none, see frozen_gfp().
 */
#define STASH_BYPASS	((GFP_ZONEMASK & ~__GFP_MOVABLE) | __GFP_ACCOUNT | __GFP_THISNODE | \
			 __GFP_ZERO)

enum frozen_event {
	FROZEN_HOST_ALLOC,
	FROZEN_HOST_FREE,
	FROZEN_SLOW_ALLOC,
	FROZEN_SLOW_FREE,
	FROZEN_FROZEN,
	FROZEN_THAWED,
	FROZEN_FAILED,
	FROZEN_MISSES,
	FROZEN_BYPASSED,
	FROZEN_REFILLED,
	FROZEN_TRIMMED,
	FROZEN_SHRUNK,
	FROZEN_UNPLUGGED,
	FROZEN_OFF_NODE,
	FROZEN_CONTENDED,
	FROZEN_ABANDONED,
	FROZEN_SPLIT,
	FROZEN_MISUSE,
	NR_FROZEN_EVENTS
};

static const char *const frozen_names[] = {
	[FROZEN_HOST_ALLOC] = "host_alloc_pages",
	[FROZEN_HOST_FREE] = "host_free_pages",
	[FROZEN_SLOW_ALLOC] = "slow_alloc_pages",
	[FROZEN_SLOW_FREE] = "slow_free_pages",
	[FROZEN_FROZEN] = "frozen_pages",
	[FROZEN_THAWED] = "thawed_pages",
	[FROZEN_FAILED] = "failed",
	[FROZEN_MISSES] = "misses",
	[FROZEN_BYPASSED] = "bypassed",
	[FROZEN_REFILLED] = "refilled_pages",
	[FROZEN_TRIMMED] = "trimmed_pages",
	[FROZEN_SHRUNK] = "shrunk_pages",
	[FROZEN_UNPLUGGED] = "unplugged_pages",
	[FROZEN_OFF_NODE] = "off_node",
	[FROZEN_CONTENDED] = "freeze_contended",
	[FROZEN_ABANDONED] = "freeze_abandoned",
	[FROZEN_SPLIT] = "split",
	[FROZEN_MISUSE] = "misuse",
};

static_assert(ARRAY_SIZE(frozen_names) == NR_FROZEN_EVENTS);

static unsigned long __percpu *events;
static struct pcp_cache stash;

static void frozen_event(enum frozen_event id, unsigned long n)
{
	ptkit_count_add(events, id, n);
}

/* ---- the host allocator ---------------------------------------------------------------------- */

/* Does alloc_pages() ask more than where this CPU is before it chooses a node? */
static bool __maybe_unused task_has_policy(gfp_t gfp)
{
#ifdef CONFIG_NUMA
	return !in_interrupt() && !(gfp & __GFP_THISNODE) && current->mempolicy;
#else
	return false;
#endif
}

/* Turn our reference, the only lasting one, into none. */
static bool freeze_fresh(struct page *page)
{
	int spins;

	if (ptkit_is_busted(PTKIT_BUSTED_FREEZE) || likely(page_ref_freeze(page, 1)))
		return true;

	frozen_event(FROZEN_CONTENDED, 1);
	for (spins = 0; spins < FREEZE_SPINS; spins++) {
		cpu_relax();
		if (page_ref_freeze(page, 1))
			return true;
	}
	return false;
}

static struct page *host_alloc_and_freeze(int nid, gfp_t gfp, unsigned int order)
{
	struct page *page;
	int tries;

	for (tries = 0; tries < FREEZE_TRIES || (gfp & __GFP_NOFAIL); tries++) {
		page = nid == NUMA_NO_NODE ? alloc_pages(gfp, order) :
					     alloc_pages_node(nid, gfp, order);
		if (!page || freeze_fresh(page))
			return page;
		/* Whoever holds the other reference frees the page, or what is left of it. */
		frozen_event(FROZEN_ABANDONED, 1);
		__free_pages(page, order);
	}
	return NULL;
}

static struct page *host_alloc(int nid, gfp_t gfp, unsigned int order)
{
	struct page *page;

	if (PTKIT_HOST_FROZEN && (nid != NUMA_NO_NODE || !task_has_policy(gfp)))
		page = ptkit_host_alloc_frozen(gfp, order,
					       nid == NUMA_NO_NODE ? numa_mem_id() : nid);
	else
		page = host_alloc_and_freeze(nid, gfp, order);
	if (!page)
		return NULL;

	if (order && !PageHead(page))
		pcp_set_mark(page, PCP_MARK_BLOCK | order);
	frozen_event(FROZEN_HOST_ALLOC, 1UL << order);
	return page;
}

static void host_free(struct page *page, unsigned int order)
{
	if (!ptkit_busted_now(PTKIT_BUSTED_COUNT))
		frozen_event(FROZEN_HOST_FREE, 1UL << order);
	if (!order || PageHead(page)) {
		__folio_put(page_folio(page));
		return;
	}
	pcp_set_mark(page, 0);
	page_ref_unfreeze(page, 1);
	__free_pages(page, order);
}

static void host_free_chain(struct pcp_chain *pages, enum frozen_event why)
{
	struct page *page;

	frozen_event(why, pages->nr);
	trace_ptkit_frozen_give_back("frozen", frozen_names[why], pages->nr);
	while ((page = pcp_chain_del(pages)))
		host_free(page, 0);
}

/* ---- allocation ------------------------------------------------------------------------------ */

/*
 * Migration takes a reference first, so a frozen page cannot be moved, whatever its user says: it
 * would keep memory of the movable zone, or of CMA, from ever being given away.
 */
static gfp_t frozen_gfp(gfp_t gfp)
{
	return gfp & ~__GFP_MOVABLE;
}

/* May this task use local memory at all? Asked only where there is more than one node. */
static noinline bool task_bound_elsewhere(void)
{
	if (in_interrupt())
		return false;
#ifdef CONFIG_NUMA
	if (current->mempolicy)
		return true;
#endif
#ifdef CONFIG_CPUSETS
	if (!node_isset(numa_mem_id(), current->mems_allowed))
		return true;
#endif
	return false;
}

static __always_inline bool stash_bypassed(gfp_t gfp)
{
	return (gfp & STASH_BYPASS) ||
	       (static_branch_unlikely(&ptkit_multi_node_key) && task_bound_elsewhere());
}

/* Keep what a bulk allocation gave, frozen; returns how many. */
static unsigned long freeze_bulk(struct page **pages, unsigned long nr)
{
	unsigned long from, to = 0;

	for (from = 0; from < nr; from++) {
		struct page *page = pages[from];

		pages[from] = NULL;
		if (freeze_fresh(page)) {
			pages[to++] = page;
		} else {
			frozen_event(FROZEN_ABANDONED, 1);
			__free_page(page);
		}
	}
	frozen_event(FROZEN_HOST_ALLOC, to);
	return to;
}

/* One page for the caller, and a batch for the CPU's stash. */
static struct page *stash_refill(gfp_t gfp)
{
	struct page *pages[STASH_BATCH] = { };
	struct pcp_chain rest = { };
	unsigned long nr;

	frozen_event(FROZEN_MISSES, 1);
	nr = min(STASH_BATCH, this_cpu_read(stash.cpu->limit));
	if (nr < 2)
		return host_alloc(NUMA_NO_NODE, gfp, 0);

	nr = freeze_bulk(pages, ptkit_alloc_pages_bulk(gfp, nr, pages));
	if (!nr)
		return host_alloc(NUMA_NO_NODE, gfp, 0);

	while (nr > 1) {
		struct page *page = pages[--nr];

		/* The bulk may have come from wherever there was memory. */
		if (ptkit_page_off_node(page))
			host_free(page, 0);
		else
			pcp_chain_add(&rest, page);
	}
	frozen_event(FROZEN_REFILLED, rest.nr);
	trace_ptkit_frozen_refill("frozen", rest.nr);
	pcp_put_local(&stash, &rest);
	return pages[0];
}

/* The stash's pages are not zero: clear one if that is all that kept the request from it. */
static struct page *stash_pop_zeroed(gfp_t gfp)
{
	struct page *page;

	if (stash_bypassed(gfp & ~__GFP_ZERO))
		return NULL;
	page = pcp_pop(stash.cpu);
	if (page)
		clear_page(page_address(page));
	return page;
}

static noinline struct page *frozen_alloc_slow(int nid, gfp_t gfp, unsigned int order)
{
	struct page *page = NULL;

	if (in_nmi() || order > ilog2(MAX_ORDER_NR_PAGES))
		goto failed;
	gfp = frozen_gfp(gfp);

	if (nid == NUMA_NO_NODE && !order && (gfp & __GFP_ZERO)) {
		page = stash_pop_zeroed(gfp);
		if (page)
			return page;
	}

	if (order || nid != NUMA_NO_NODE || stash_bypassed(gfp)) {
		frozen_event(FROZEN_BYPASSED, 1);
		page = host_alloc(nid, gfp, order);
	} else {
		page = stash_refill(gfp);
	}
	if (!page)
		goto failed;
	frozen_event(FROZEN_SLOW_ALLOC, 1UL << order);
	return page;

failed:
	frozen_event(FROZEN_FAILED, 1);
	return NULL;
}

static __always_inline struct page *stash_pop(gfp_t gfp)
{
	struct page *page;

	if (!ptkit_arch_pair_nmi_safe && in_nmi())
		return NULL;
	if (unlikely(stash_bypassed(gfp)))
		return NULL;
	page = pcp_pop(stash.cpu);
	if (want_init_on_alloc(gfp) && page)
		clear_page(page_address(page));
	return page;
}

/**
 * ptkit_frozen_alloc - allocate pages at reference count 0
 * @gfp: as for alloc_pages(); with __GFP_COMP a compound page
 * @order: 2^order pages, physically contiguous and naturally aligned
 *
 * Mempolicy and cpuset of the task count as they do for alloc_pages(). Of a block that is no
 * compound page, lru of the head is not the caller's until it is thawed or split. __GFP_MOVABLE is
 * ignored: a page that nobody can get hold of cannot be moved.
 *
 * Context: any that @gfp allows; in NMI only what the stash holds, or %NULL. No lock and no
 * disabled interrupts if the stash has a page. Orders nothing by itself.
 * Return: the first page, or %NULL. From seed 001.
 */
struct page *ptkit_frozen_alloc(gfp_t gfp, unsigned int order)
{
	struct page *page;

	if (likely(!order)) {
		page = stash_pop(gfp);
		if (likely(page))
			return page;
	}
	return frozen_alloc_slow(NUMA_NO_NODE, gfp, order);
}
EXPORT_SYMBOL_GPL(ptkit_frozen_alloc);

/**
 * ptkit_frozen_alloc_node - allocate pages at reference count 0, preferably on a node
 * @nid: the node; NUMA_NO_NODE is ptkit_frozen_alloc()
 * @gfp: as for alloc_pages_node(); with __GFP_THISNODE that node or none
 * @order: 2^order pages
 *
 * Context: as ptkit_frozen_alloc(); never from the stash.
 * Return: the first page, or %NULL; also for a node that is not online. From seed 001.
 */
struct page *ptkit_frozen_alloc_node(int nid, gfp_t gfp, unsigned int order)
{
	if (nid == NUMA_NO_NODE)
		return ptkit_frozen_alloc(gfp, order);
	if (nid < 0 || nid >= MAX_NUMNODES || !node_online(nid)) {
		frozen_event(FROZEN_FAILED, 1);
		return NULL;
	}
	return frozen_alloc_slow(nid, gfp, order);
}
EXPORT_SYMBOL_GPL(ptkit_frozen_alloc_node);

/**
 * ptkit_frozen_alloc_bulk - allocate single pages at reference count 0
 * @gfp: as for ptkit_frozen_alloc()
 * @nr: how many
 * @pages: array of at least @nr; entries that are not filled become %NULL
 *
 * Context: as ptkit_frozen_alloc().
 * Return: how many pages there are, from the start of @pages; fewer than @nr if memory is short.
 */
unsigned long ptkit_frozen_alloc_bulk(gfp_t gfp, unsigned long nr, struct page **pages)
{
	unsigned long got = 0, bulk;

	gfp = frozen_gfp(gfp);
	memset(pages, 0, nr * sizeof(*pages));
	while (got < nr && (pages[got] = stash_pop(gfp)))
		got++;
	if (got == nr || in_nmi())
		return got;

	if (!stash_bypassed(gfp & ~__GFP_ZERO)) {
		bulk = ptkit_alloc_pages_bulk(gfp, nr - got, pages + got);
		bulk = freeze_bulk(pages + got, bulk);
		frozen_event(FROZEN_SLOW_ALLOC, bulk);
		got += bulk;
	}
	while (got < nr && (pages[got] = frozen_alloc_slow(NUMA_NO_NODE, gfp, 0)))
		got++;
	return got;
}
EXPORT_SYMBOL_GPL(ptkit_frozen_alloc_bulk);

/* ---- freeing --------------------------------------------------------------------------------- */

static bool page_is_charged(const struct page *page)
{
#ifdef CONFIG_MEMCG
	return page->memcg_data;
#else
	return false;
#endif
}

/* The order that @page was allocated with, as far as it can be told from the page. */
static unsigned int frozen_order(struct page *page)
{
	unsigned long mark = pcp_mark(page);

	if (PageHead(page))
		return compound_order(page);
	if ((mark & PCP_MARK_MASK) == PCP_MARK_BLOCK)
		return mark & ~PCP_MARK_MASK;
	return 0;
}

/* What is wrong with freeing @page, or %NULL. */
static const char *frozen_free_misuse(struct page *page, unsigned int order)
{
	if (!ptkit_page_frozen(page))
		return "freeing a page that is not frozen";
	if (pcp_is_listed(page))
		return "freeing a page twice";
	/* In the host's free lists, as the first of a block; anywhere else there, nothing tells. */
	if (PageBuddy(page))
		return "freeing a page that the host has";
	if (PageTail(page) || frozen_order(page) != order)
		return "freeing with the wrong order";
	if (in_nmi() && (order || page_is_charged(page) || !ptkit_arch_pair_nmi_safe))
		return "freeing in NMI what only the host can take";
	return NULL;
}

static noinline void frozen_free_slow(struct page *page, unsigned int order)
{
	const char *wrong = frozen_free_misuse(page, order);
	unsigned long limit = this_cpu_read(stash.cpu->limit);
	struct pcp_chain batch = { };

	if (unlikely(wrong)) {
		frozen_event(FROZEN_MISUSE, 1);
		ptkit_misuse("%s, pfn %lx, order %u, count %d", wrong, page_to_pfn(page), order,
			     page_ref_count(page));
		return;
	}

	if (!in_nmi() && (order || !limit || page_is_charged(page) || ptkit_page_off_node(page))) {
		frozen_event(FROZEN_SLOW_FREE, 1UL << order);
		if (ptkit_page_off_node(page))
			frozen_event(FROZEN_OFF_NODE, 1);
		host_free(page, order);
		return;
	}

	if (want_init_on_free())
		clear_page(page_address(page));
	if (pcp_push(stash.cpu, page, in_nmi() ? ULONG_MAX : limit))
		return;

	/* Full: a batch makes room, so that the next frees are fast again. */
	pcp_take_local(&stash, STASH_BATCH, &batch);
	pcp_push(stash.cpu, page, ULONG_MAX);
	host_free_chain(&batch, FROZEN_TRIMMED);
}

/**
 * ptkit_frozen_free_to_host - free a page past the stash
 * @page: a single frozen page, known to be well
 *
 * For caches above that shrink: what they give up is not to fill another cache.
 *
 * Context: any but NMI.
 */
void ptkit_frozen_free_to_host(struct page *page)
{
	frozen_event(FROZEN_SLOW_FREE, 1);
	host_free(page, 0);
}

/* Everything that a push may not be given. */
static __always_inline bool stash_takes(struct page *page)
{
	return ptkit_page_frozen(page) && !pcp_is_marked(page) && !page_is_charged(page) &&
	       !PageCompound(page) && !ptkit_page_off_node(page) && !want_init_on_free();
}

/**
 * ptkit_frozen_free - free pages that are frozen
 * @page: the first page
 * @order: the order that it was allocated with
 *
 * A page that is not frozen, is freed twice or with another order is leaked and warned about.
 *
 * Context: any; in NMI order 0 only. The page must be unreachable for CPUs and devices before.
 */
void ptkit_frozen_free(struct page *page, unsigned int order)
{
	if (likely(!order && stash_takes(page)) &&
	    likely(pcp_push(stash.cpu, page, this_cpu_read(stash.cpu->limit))))
		return;
	frozen_free_slow(page, order);
}
EXPORT_SYMBOL_GPL(ptkit_frozen_free);

/**
 * ptkit_frozen_free_bulk - free single pages that are frozen
 * @pages: array of them; unchanged
 * @nr: how many
 *
 * Context: as ptkit_frozen_free().
 */
void ptkit_frozen_free_bulk(struct page **pages, unsigned long nr)
{
	while (nr--)
		ptkit_frozen_free(pages[nr], 0);
}
EXPORT_SYMBOL_GPL(ptkit_frozen_free_bulk);

/* ---- freezing and thawing -------------------------------------------------------------------- */

/* Pages that have another life than their owner's: lists, zones and types of the host. */
static bool page_can_freeze(struct page *page)
{
	return !PageTail(page) && !PageLRU(page) && !PageReserved(page) && !PageSlab(page) &&
	       !folio_mapped(page_folio(page)) && !page->mapping &&
	       page_zonenum(page) <= ZONE_NORMAL;
}

/**
 * ptkit_page_freeze - take a page that one owns out of everybody's reach
 * @page: a single page, or the head of a compound page, with one reference: the caller's
 *
 * Waits a little for transient references of others. From then on the page is ptkit's to account
 * and goes back through ptkit_frozen_free() or ptkit_page_thaw().
 *
 * Context: any. A full barrier if it succeeds: what others did with the page under their
 * references is visible.
 * Return: 0; -EBUSY if others hold on to it; -EINVAL for a page that cannot be owned like that (a
 * tail, mapped, on an LRU list, slab, reserved, or of a movable or device zone). From seed 001.
 */
int ptkit_page_freeze(struct page *page)
{
	if (!page_can_freeze(page))
		return -EINVAL;
	if (!freeze_fresh(page))
		return -EBUSY;

	/* A stranger's list_head may look like anything; ours is the next mark. */
	pcp_set_mark(page, 0);
	frozen_event(FROZEN_FROZEN, 1UL << frozen_order(page));
	return 0;
}
EXPORT_SYMBOL_GPL(ptkit_page_freeze);

/**
 * ptkit_page_try_freeze - freeze a page if the caller's reference is the last one, now
 * @page: as for ptkit_page_freeze(), and known to be of a kind that it accepts
 *
 * For pages that were thawed with a reference kept back: success proves that everybody else has
 * dropped theirs.
 *
 * Context: any. A full barrier if it succeeds.
 * Return: true, or false without having waited. From seed 001.
 */
bool ptkit_page_try_freeze(struct page *page)
{
	if (!page_ref_freeze(page, 1))
		return false;
	pcp_set_mark(page, 0);
	frozen_event(FROZEN_FROZEN, 1UL << frozen_order(page));
	return true;
}
EXPORT_SYMBOL_GPL(ptkit_page_try_freeze);

/**
 * ptkit_page_thaw - make a frozen page an ordinary one
 * @page: the page, or the head of a block
 * @refs: references it starts with
 *
 * Everything stored to the page before is visible to whoever takes a reference later (release).
 *
 * Context: any.
 * Return: 0; -EINVAL for @refs below 1; -EBUSY, warned about, if @page is not frozen, is stashed,
 * or is the tail of a compound page. From seed 001.
 */
int ptkit_page_thaw(struct page *page, int refs)
{
	if (refs < 1)
		return -EINVAL;
	if (!ptkit_page_frozen(page) || PageTail(page) || pcp_is_listed(page)) {
		frozen_event(FROZEN_MISUSE, 1);
		ptkit_misuse("thawing a page that is not frozen, pfn %lx, count %d",
			     page_to_pfn(page), page_ref_count(page));
		return -EBUSY;
	}

	frozen_event(FROZEN_THAWED, 1UL << frozen_order(page));
	if (pcp_is_marked(page))
		pcp_set_mark(page, 0);
	page_ref_unfreeze(page, refs);
	return 0;
}
EXPORT_SYMBOL_GPL(ptkit_page_thaw);

/**
 * ptkit_frozen_split - turn a frozen block into single frozen pages
 * @page: its head
 * @order: its order
 *
 * Touches no reference count: tails of a block that is no compound page are at 0 as its head is.
 *
 * Context: any.
 * Return: 0; -EINVAL for order 0, a compound page, a block charged to a memory cgroup, or if @page
 * is not the head of a frozen block of that order. From seed 001.
 */
int ptkit_frozen_split(struct page *page, unsigned int order)
{
	if (!order || !ptkit_page_frozen(page) || PageCompound(page) || page_is_charged(page) ||
	    frozen_order(page) != order)
		return -EINVAL;

	pcp_set_mark(page, 0);
	frozen_event(FROZEN_SPLIT, 1);
	return 0;
}
EXPORT_SYMBOL_GPL(ptkit_frozen_split);

/* ---- sets ------------------------------------------------------------------------------------ */

/**
 * ptkit_frozen_set_add - allocate one more block of a set
 * @set: the set, zeroed before its first block
 * @gfp: as for ptkit_frozen_alloc()
 * @order: of this block
 *
 * What seed 001 wants for gigantic pages: nobody can reach into a set before it is complete.
 *
 * Context: any that @gfp allows. Calls for one set must not run side by side.
 * Return: 0 or -ENOMEM; the set is then as before.
 */
int ptkit_frozen_set_add(struct ptkit_frozen_set *set, gfp_t gfp, unsigned int order)
{
	struct page *page = ptkit_frozen_alloc(gfp, order);

	if (!page)
		return -ENOMEM;
	pcp_set_next(page, set->blocks);
	set->blocks = page;
	set->nr++;
	set->pages += 1UL << order;
	return 0;
}
EXPORT_SYMBOL_GPL(ptkit_frozen_set_add);

static struct page *frozen_set_del(struct ptkit_frozen_set *set)
{
	struct page *page = set->blocks;

	set->blocks = pcp_next(page);
	set->nr--;
	set->pages -= 1UL << frozen_order(page);
	return page;
}

/**
 * ptkit_frozen_set_thaw - the set is complete: every block gets its first reference
 * @set: the set; empty on return
 * @pages: if not %NULL, gets the set's nr blocks, the first one added first
 *
 * Context: any.
 */
void ptkit_frozen_set_thaw(struct ptkit_frozen_set *set, struct page **pages)
{
	while (set->nr) {
		struct page *page = frozen_set_del(set);

		if (pages)
			pages[set->nr] = page;
		ptkit_page_thaw(page, 1);
	}
}
EXPORT_SYMBOL_GPL(ptkit_frozen_set_thaw);

/**
 * ptkit_frozen_set_rollback - free all of a set that was not completed
 * @set: the set; empty on return
 *
 * Context: as ptkit_frozen_free().
 */
void ptkit_frozen_set_rollback(struct ptkit_frozen_set *set)
{
	while (set->nr) {
		struct page *page = frozen_set_del(set);

		ptkit_frozen_free(page, frozen_order(page));
	}
}
EXPORT_SYMBOL_GPL(ptkit_frozen_set_rollback);

/* ---- giving the stash back ------------------------------------------------------------------- */

static void stash_release(struct pcp_cache *cache, struct pcp_chain *pages)
{
	host_free_chain(pages, FROZEN_UNPLUGGED);
}

/* Leave at most @keep pages on each CPU; returns how many went. */
static unsigned long stash_trim(unsigned long keep)
{
	struct pcp_chain pages = { };
	unsigned long nr;

	pcp_take_above(&stash, keep, &pages);
	nr = pages.nr;
	host_free_chain(&pages, FROZEN_TRIMMED);
	return nr;
}

/**
 * ptkit_frozen_drain - give every stashed page back to the host
 *
 * Context: process context, interrupts on.
 * Return: how many pages.
 */
unsigned long ptkit_frozen_drain(void)
{
	return stash_trim(0);
}
EXPORT_SYMBOL_GPL(ptkit_frozen_drain);

/**
 * ptkit_frozen_set_limit - how many pages each CPU may stash
 * @limit: pages
 *
 * Stashes that hold more are shortened at once.
 *
 * Context: process context, interrupts on.
 * Return: 0; -ERANGE for more than a sixteenth of each CPU's share of the memory; -EPERM with
 * passthrough.
 */
int ptkit_frozen_set_limit(unsigned long limit)
{
	if (ptkit_passthrough)
		return -EPERM;
	if (limit > totalram_pages() / num_possible_cpus() / 16)
		return -ERANGE;
	pcp_set_limit(&stash, limit);
	stash_trim(limit);
	return 0;
}
EXPORT_SYMBOL_GPL(ptkit_frozen_set_limit);

static unsigned long stash_count(struct ptkit_shrinker *self, struct shrink_control *sc)
{
	return pcp_count_node(&stash, sc->nid);
}

static unsigned long stash_scan(struct ptkit_shrinker *self, struct shrink_control *sc)
{
	struct pcp_chain pages = { };
	unsigned long nr;

	pcp_take_node(&stash, sc->nid, sc->nr_to_scan, &pages);
	nr = pages.nr;
	host_free_chain(&pages, FROZEN_SHRUNK);
	return nr ?: SHRINK_STOP;
}

static struct ptkit_shrinker stash_shrinker = {
	.count = stash_count,
	.scan = stash_scan,
};

/* Memory pressure at a time of the test's own choice. */
struct ptkit_shrinker *ptkit_frozen_shrinker(void)
{
	return &stash_shrinker;
}
EXPORT_SYMBOL_FOR_TESTS(ptkit_frozen_shrinker);

/* ---- numbers --------------------------------------------------------------------------------- */

static unsigned long frozen_sum(enum frozen_event id)
{
	return ptkit_events_sum(events, id);
}

static long frozen_live_of(const struct pcp_snapshot *snap)
{
	return snap->pops + frozen_sum(FROZEN_SLOW_ALLOC) + frozen_sum(FROZEN_FROZEN) -
	       snap->pushes - frozen_sum(FROZEN_SLOW_FREE) - frozen_sum(FROZEN_THAWED);
}

/**
 * ptkit_frozen_live - pages that are frozen and in somebody's hands
 *
 * Context: any but NMI.
 * Return: their number; exact while nobody allocates or frees.
 */
unsigned long ptkit_frozen_live(void)
{
	struct pcp_snapshot snap;

	pcp_snapshot_all(&stash, &snap);
	return frozen_live_of(&snap);
}

/**
 * ptkit_frozen_get_stats - frozen pages in numbers
 * @stats: the result; they add up while nobody allocates or frees
 *
 * Context: any but NMI.
 */
void ptkit_frozen_get_stats(struct ptkit_frozen_stats *stats)
{
	struct pcp_snapshot snap;

	pcp_snapshot_all(&stash, &snap);
	stats->live = frozen_live_of(&snap);
	stats->stashed = snap.depth;
	stats->hits = snap.pops;
	stats->host_alloc = frozen_sum(FROZEN_HOST_ALLOC);
	stats->host_free = frozen_sum(FROZEN_HOST_FREE);
	stats->frozen = frozen_sum(FROZEN_FROZEN);
	stats->thawed = frozen_sum(FROZEN_THAWED);
	stats->misses = frozen_sum(FROZEN_MISSES);
	stats->bypassed = frozen_sum(FROZEN_BYPASSED);
	stats->failed = frozen_sum(FROZEN_FAILED);
	stats->off_node = frozen_sum(FROZEN_OFF_NODE);
	stats->contended = frozen_sum(FROZEN_CONTENDED);
	stats->abandoned = frozen_sum(FROZEN_ABANDONED);
	stats->split = frozen_sum(FROZEN_SPLIT);
	stats->misuse = frozen_sum(FROZEN_MISUSE);
}
EXPORT_SYMBOL_GPL(ptkit_frozen_get_stats);

/* ---- debugfs --------------------------------------------------------------------------------- */

static void frozen_show_stats(struct seq_file *m, struct ptkit_source *source)
{
	struct pcp_snapshot snap;
	unsigned int id;
	long live;

	pcp_snapshot_all(&stash, &snap);
	live = frozen_live_of(&snap);
	ptkit_stat(m, "live_pages", live);
	ptkit_stat(m, "live_bytes", live << PAGE_SHIFT);
	ptkit_stat(m, "stashed", snap.depth);
	ptkit_stat(m, "hits", snap.pops);
	ptkit_stat(m, "stashed_frees", snap.pushes);
	ptkit_stat(m, "swap_retries", snap.retries);
	for (id = 0; id < NR_FROZEN_EVENTS; id++)
		ptkit_stat(m, frozen_names[id], frozen_sum(id));
}

static void frozen_show_summary(struct seq_file *m, struct ptkit_source *source)
{
	struct pcp_snapshot snap;

	pcp_snapshot_all(&stash, &snap);
	seq_printf(m, "frozen pages     live %ld pages (%ld KiB), stashed %lu (%lu KiB)\n",
		   frozen_live_of(&snap), frozen_live_of(&snap) << (PAGE_SHIFT - 10),
		   snap.depth, snap.depth << (PAGE_SHIFT - 10));
	seq_printf(m, "                 stash hits %lu, misses %lu; freeze contended %lu, abandoned %lu; misuse %lu\n",
		   snap.pops, frozen_sum(FROZEN_MISSES), frozen_sum(FROZEN_CONTENDED),
		   frozen_sum(FROZEN_ABANDONED), frozen_sum(FROZEN_MISUSE));
}

static struct ptkit_source frozen_source = {
	.name = "frozen",
	.show_stats = frozen_show_stats,
	.show_summary = frozen_show_summary,
};

static ssize_t frozen_drain_write(struct file *file, const char __user *buf, size_t len,
				  loff_t *pos)
{
	unsigned long go;
	int ret = ptkit_write_ulong(buf, len, 1, &go);

	if (ret)
		return ret;
	if (go)
		ptkit_frozen_drain();
	return len;
}

static const struct file_operations frozen_drain_fops = {
	.owner = THIS_MODULE,
	.write = frozen_drain_write,
};

static int frozen_limit_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "%lu\n", READ_ONCE(raw_cpu_ptr(stash.cpu)->limit));
	return 0;
}

static int frozen_limit_open(struct inode *inode, struct file *file)
{
	return single_open(file, frozen_limit_show, NULL);
}

static ssize_t frozen_limit_write(struct file *file, const char __user *buf, size_t len,
				  loff_t *pos)
{
	unsigned long limit;
	int ret = ptkit_write_ulong(buf, len, ULONG_MAX, &limit);

	return ret ?: ptkit_frozen_set_limit(limit) ?: len;
}

static const struct file_operations frozen_limit_fops = {
	.owner = THIS_MODULE,
	.open = frozen_limit_open,
	.read = seq_read,
	.write = frozen_limit_write,
	.llseek = seq_lseek,
	.release = single_release,
};

/* ---- load and unload ------------------------------------------------------------------------- */

int ptkit_frozen_init(void)
{
	int ret = -ENOMEM;

	events = ptkit_events_alloc(NR_FROZEN_EVENTS);
	if (!events)
		return ret;
	ret = pcp_cache_init(&stash, stash_release);
	if (ret)
		goto err_free_events;
	ret = ptkit_shrinker_register(&stash_shrinker, "frozen");
	if (ret)
		goto err_exit_stash;

	pcp_set_limit(&stash, ptkit_passthrough ? 0 : STASH_LIMIT);
	ptkit_source_add(&frozen_source);
	debugfs_create_file("drain", 0200, frozen_source.dir, NULL, &frozen_drain_fops);
	debugfs_create_file("limit", 0600, frozen_source.dir, NULL, &frozen_limit_fops);
	return 0;

err_exit_stash:
	pcp_cache_exit(&stash);
err_free_events:
	free_percpu(events);
	return ret;
}

void ptkit_frozen_exit(void)
{
	unsigned long live;

	ptkit_source_del(&frozen_source);
	ptkit_shrinker_unregister(&stash_shrinker);
	live = ptkit_frozen_live();
	if (live)
		pr_err("%lu frozen pages are still in use and leak\n", live);
	pcp_cache_exit(&stash);
	free_percpu(events);
}
