// SPDX-License-Identifier: GPL-2.0
/*
 * Quicklists: lists of pages in a known state (Lameter, 2007, after Holt's for IA64; in mainline
 * until 5.3).
 *
 * A page table is zero, or what a constructor made of it, when it is freed, and that is what the
 * next one needs. So a freed table waits on a per-CPU list (pcp_stack.h) and is handed out again
 * without being cleared, while it is still in the cache.
 *
 *                    miss: ctor                           over limit, off-node, trim,
 *     frozen page ------------------> user's  --------.   shrinker, CPU offline: dtor
 *         ^                             |   ^         '------------> frozen page
 *         |                        free v   | alloc: hit
 *         '---------------------------- list (known state, frozen)
 *
 * Limit. Each CPU's list has one, and a free that finds it reached takes the slow path. There the
 * limit is looked at again: either what ptkit_quicklist_set_limit() said, or a share of the node's
 * free memory as it is now (ptkit_node_share()), but at most LIMIT_STEP pages above what is
 * listed, so that a list that grows is checked all the time. One that stays as it is while memory
 * gets short is the shrinker's. So a CPU never holds more than its limit, or with an automatic
 * limit more than its share plus LIMIT_STEP.
 *
 * A hit costs one swap: no lock, no disabled interrupts or preemption, no counting.
 *
 * With the parameter verify=1 every page is checked when it comes and when it goes, and a page that
 * is not in its known state is leaked, reported and counted, never handed out.
 *
 * Lock order: quicklists_lock (create, destroy, drain_all); nothing is allocated under it.
 */
#include <linux/cpu.h>
#include <linux/ctype.h>
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/string.h>

#include "compat/compat.h"
#include "internal.h"
#include "pcp_stack.h"
#include "ptkit.h"
#include "stats.h"
#include "trace.h"

/* An automatic limit is looked at again each time a list has grown by so many pages. */
#define LIMIT_STEP	64UL
/* Pages that leave a list that is over its limit, at once. */
#define TRIM_BATCH	16UL

#define QUICKLIST_NAME_MAX	31

enum quicklist_event {
	QL_MISSES,
	QL_FAILED,
	QL_CTOR_FAILED,
	QL_RELEASED,
	QL_BATCH_FREED,
	QL_DISOWNED,
	QL_OFF_NODE,
	QL_TRIMMED,
	QL_SHRUNK,
	QL_UNPLUGGED,
	QL_DIRTY_ALLOC,
	QL_DIRTY_FREE,
	QL_DIRTY_LISTED,
	QL_MISUSE,
	NR_QL_EVENTS
};

static const char *const quicklist_names[] = {
	[QL_MISSES] = "misses",
	[QL_FAILED] = "failed",
	[QL_CTOR_FAILED] = "ctor_failed",
	[QL_RELEASED] = "released",
	[QL_BATCH_FREED] = "batch_freed",
	[QL_DISOWNED] = "disowned",
	[QL_OFF_NODE] = "off_node",
	[QL_TRIMMED] = "trimmed",
	[QL_SHRUNK] = "shrunk",
	[QL_UNPLUGGED] = "unplugged",
	[QL_DIRTY_ALLOC] = "dirty_alloc",
	[QL_DIRTY_FREE] = "dirty_free",
	[QL_DIRTY_LISTED] = "dirty_listed",
	[QL_MISUSE] = "misuse",
};

static_assert(ARRAY_SIZE(quicklist_names) == NR_QL_EVENTS);

/**
 * struct ptkit_quicklist - a named quicklist
 * @cache: the lists; first, for the fastpath
 * @events: counters
 * @ops: constructor, destructor, check
 * @private: for @ops
 * @limit: pages a CPU may hold, or PTKIT_LIMIT_AUTO
 * @shrinker: gives pages back under memory pressure
 * @source: debugfs
 * @all: links the list of all quicklists; protected by quicklists_lock
 * @name: of the directory in debugfs
 */
struct ptkit_quicklist {
	struct pcp_cache cache;
	unsigned long __percpu *events;
	const struct ptkit_quicklist_ops *ops;
	void *private;
	long limit;
	struct ptkit_shrinker shrinker;
	struct ptkit_source source;
	struct list_head all;
	char name[QUICKLIST_NAME_MAX + 1];
};

static LIST_HEAD(quicklists);
static DEFINE_MUTEX(quicklists_lock);
static const struct ptkit_quicklist_ops plain_ops;

static void ql_event(struct ptkit_quicklist *ql, enum quicklist_event id, unsigned long n)
{
	ptkit_count_add(ql->events, id, n);
}

/* ---- the known state ------------------------------------------------------------------------- */

static bool ql_can_verify(const struct ptkit_quicklist *ql)
{
	return ql->ops->check || !ql->ops->ctor;
}

/* Is @page, which nobody else can reach, as it should be? Says so if not. */
static bool ql_page_clean(struct ptkit_quicklist *ql, struct page *page, enum quicklist_event bad)
{
	bool clean;

	if (ql->ops->check)
		clean = ql->ops->check(page, ql->private);
	else
		clean = ql->ops->ctor || !memchr_inv(page_address(page), 0, PAGE_SIZE);
	if (likely(clean))
		return true;

	ql_event(ql, bad, 1);
	WARN_ONCE(1, "ptkit: quicklist %s: pfn %lx is not in its known state (%s)\n", ql->name,
		  page_to_pfn(page), quicklist_names[bad]);
	return false;
}

/* ---- pages that leave for good --------------------------------------------------------------- */

static void ql_to_host(struct ptkit_quicklist *ql, struct page *page)
{
	if (ql->ops->release) {
		ql->ops->release(page, ql->private);
		return;
	}
	if (ql->ops->dtor)
		ql->ops->dtor(page, ql->private);
	ptkit_frozen_free_to_host(page);
}

static unsigned long ql_chain_to_host(struct ptkit_quicklist *ql, struct pcp_chain *pages,
				      enum quicklist_event why)
{
	unsigned long nr = pages->nr;
	struct page *page;

	ql_event(ql, why, nr);
	trace_ptkit_quicklist_give_back(ql->name, quicklist_names[why], nr);
	while ((page = pcp_chain_del(pages)))
		ql_to_host(ql, page);
	return nr;
}

/* ---- allocation ------------------------------------------------------------------------------ */

/* A page from the host, in the known state. */
static struct page *ql_alloc_new(struct ptkit_quicklist *ql, gfp_t gfp)
{
	struct page *page;

	if (WARN_ONCE(gfp & GFP_ZONEMASK, "ptkit: quicklist %s: pages of a zone are not kept\n",
		      ql->name))
		return NULL;

	/* Not charged: the page outlives its first user, and with it the memory cgroup. */
	gfp &= ~(__GFP_ACCOUNT | __GFP_COMP);
	if (!ptkit_is_busted(PTKIT_BUSTED_ZERO))
		gfp |= __GFP_ZERO;
	page = ptkit_frozen_alloc(gfp, 0);
	if (!page)
		return NULL;
	if (ql->ops->ctor && ql->ops->ctor(page, gfp, ql->private)) {
		ql_event(ql, QL_CTOR_FAILED, 1);
		ptkit_frozen_free(page, 0);
		return NULL;
	}
	return page;
}

/* With verify=1: @page, which was popped, or the first clean one below it, or %NULL. */
static noinline struct page *ql_pop_clean(struct ptkit_quicklist *ql, struct page *page)
{
	while (page && !ql_page_clean(ql, page, QL_DIRTY_ALLOC))
		page = pcp_pop(ql->cache.cpu);
	return page;
}

static noinline struct page *ql_alloc_slow(struct ptkit_quicklist *ql, gfp_t gfp,
					   struct page *page)
{
	page = ql_pop_clean(ql, page);
	if (page)
		return page;

	page = ql_alloc_new(ql, gfp);
	ql_event(ql, page ? QL_MISSES : QL_FAILED, 1);
	trace_ptkit_quicklist_miss(ql->name, !!page);
	return page;
}

static __always_inline struct page *ql_pop(struct ptkit_quicklist *ql)
{
	if (!ptkit_arch_pair_nmi_safe && in_nmi())
		return NULL;
	return pcp_pop(ql->cache.cpu);
}

/**
 * ptkit_quicklist_alloc - take a page in its known state
 * @ql: the quicklist
 * @gfp: for a page from the host, and the constructor; no zone modifiers. %__GFP_ACCOUNT is ignored
 *
 * Context: any that @gfp allows; in NMI only a listed page, or %NULL (x86-64 only). No lock and no
 * disabled interrupts if this CPU has a page listed. What the page's last user stored before
 * freeing it is visible on the same CPU; a page changes CPUs only through the host.
 * Return: a frozen page that is the caller's, or %NULL: no memory, or the constructor failed. From
 * seed 000.
 */
struct page *ptkit_quicklist_alloc(struct ptkit_quicklist *ql, gfp_t gfp)
{
	struct page *page = ql_pop(ql);

	if (likely(page) && !static_branch_unlikely(&ptkit_verify_key))
		return page;
	return ql_alloc_slow(ql, gfp, page);
}
EXPORT_SYMBOL_GPL(ptkit_quicklist_alloc);

/**
 * ptkit_quicklist_alloc_listed - take a page in its known state, if this CPU has one listed
 * @ql: the quicklist
 *
 * For users who have somewhere else to look before they take a page from the host.
 *
 * Context: any (NMI: x86-64 only).
 * Return: a frozen page that is the caller's, or %NULL.
 */
struct page *ptkit_quicklist_alloc_listed(struct ptkit_quicklist *ql)
{
	struct page *page = ql_pop(ql);

	if (static_branch_unlikely(&ptkit_verify_key))
		page = ql_pop_clean(ql, page);
	return page;
}
EXPORT_SYMBOL_GPL(ptkit_quicklist_alloc_listed);

/* ---- freeing --------------------------------------------------------------------------------- */

/* Pages that a list of a CPU of @node may hold as things are; @setting is the quicklist's limit. */
static unsigned long ql_allowed(long setting, int node)
{
	if (ptkit_passthrough)
		return 0;
	return setting == PTKIT_LIMIT_AUTO ? ptkit_node_share(node) : setting;
}

/* What is wrong with freeing @page, or %NULL. */
static const char *ql_free_misuse(struct page *page)
{
	if (!ptkit_page_frozen(page))
		return "freeing a page that is not frozen";
	if (pcp_is_listed(page))
		return "freeing a page twice";
	if (PageCompound(page) || pcp_is_marked(page))
		return "freeing a page of another order";
	if (in_nmi() && !ptkit_arch_pair_nmi_safe)
		return "freeing a page in NMI";
	return NULL;
}

/* Is @page not to be freed? Says so if not, and it is leaked. */
static noinline bool ql_free_refused(struct ptkit_quicklist *ql, struct page *page)
{
	const char *wrong = ql_free_misuse(page);

	if (likely(!wrong))
		return false;

	ql_event(ql, QL_MISUSE, 1);
	ptkit_misuse("quicklist %s: %s, pfn %lx, count %d", ql->name, wrong, page_to_pfn(page),
		     page_ref_count(page));
	return true;
}

static void ql_release(struct ptkit_quicklist *ql, struct page *page)
{
	ql_event(ql, QL_RELEASED, 1);
	ql_to_host(ql, page);
}

/* Set this CPU's limit anew; returns it. */
static unsigned long ql_renew_limit(struct ptkit_quicklist *ql)
{
	struct pcp_cpu __percpu *cpu = ql->cache.cpu;
	unsigned long limit, depth;
	long setting;

	do {
		setting = READ_ONCE(ql->limit);
		limit = ql_allowed(setting, numa_mem_id());
		depth = pcp_depth_hint(this_cpu_read(cpu->stack.ptr));
		if (setting == PTKIT_LIMIT_AUTO)
			limit = min(limit, depth + LIMIT_STEP);
		this_cpu_write(cpu->limit, limit);
		/*
		 * Pairs with the barrier in ptkit_quicklist_set_limit(): if what it stored was just
		 * overwritten, its setting is seen here.
		 */
		smp_mb();
	} while (READ_ONCE(ql->limit) != setting);
	return limit;
}

/* The list is at its limit, or the limit is to be looked at again. */
static void ql_free_full(struct ptkit_quicklist *ql, struct page *page)
{
	struct pcp_cpu __percpu *cpu = ql->cache.cpu;
	unsigned long limit = ql_renew_limit(ql);
	struct pcp_chain batch = { };

	if (!limit) {
		ql_release(ql, page);
		return;
	}
	if (pcp_push(cpu, page, limit))
		return;

	pcp_take_local(&ql->cache, TRIM_BATCH, &batch);
	pcp_push(cpu, page, ULONG_MAX);
	ql_chain_to_host(ql, &batch, QL_TRIMMED);
}

static noinline void ql_free_slow(struct ptkit_quicklist *ql, struct page *page)
{
	if (ql_free_refused(ql, page))
		return;
	if (static_branch_unlikely(&ptkit_verify_key) &&
	    !ql_page_clean(ql, page, QL_DIRTY_FREE))
		return;

	if (in_nmi()) {
		pcp_push(ql->cache.cpu, page, ULONG_MAX);
	} else if (ptkit_page_off_node(page)) {
		ql_event(ql, QL_OFF_NODE, 1);
		ql_release(ql, page);
	} else if (!pcp_push(ql->cache.cpu, page, this_cpu_read(ql->cache.cpu->limit))) {
		ql_free_full(ql, page);
	}
}

/* Everything that a push may not be given. */
static __always_inline bool ql_takes(struct page *page)
{
	return ptkit_page_frozen(page) && !pcp_is_marked(page) && !PageCompound(page) &&
	       !ptkit_page_off_node(page) && !static_branch_unlikely(&ptkit_verify_key);
}

/**
 * ptkit_quicklist_free - give a page back in its known state
 * @ql: the quicklist that it came from
 * @page: the page, frozen, as the constructor left it (zero without one)
 *
 * No CPU and no device may be able to reach the page: flush first. A page of another node goes
 * home. A page that is not frozen, or is freed twice, is leaked and warned about.
 *
 * Context: any (NMI: x86-64 only). No lock and no disabled interrupts if this CPU's list has room.
 * From seed 000.
 */
void ptkit_quicklist_free(struct ptkit_quicklist *ql, struct page *page)
{
	if (ptkit_busted_now(PTKIT_BUSTED_PUSH_TWICE)) {
		pcp_push(ql->cache.cpu, page, ULONG_MAX);
		pcp_set_mark(page, 0);
	}
	if (likely(ql_takes(page)) &&
	    likely(pcp_push(ql->cache.cpu, page, this_cpu_read(ql->cache.cpu->limit))))
		return;
	ql_free_slow(ql, page);
}
EXPORT_SYMBOL_GPL(ptkit_quicklist_free);

/**
 * ptkit_quicklist_free_to - give pages back to another CPU's list
 * @ql: the quicklist that they came from
 * @cpu: whose list; what it has no room for, is of another node, or finds it offline goes home
 * @pages: the pages, frozen, in their known state; empty on return
 *
 * For who frees for others: the pages wait where they were used, not where the freeing ran.
 *
 * Context: process context, interrupts on. Interrupts @cpu once per some hundred pages.
 */
void ptkit_quicklist_free_to(struct ptkit_quicklist *ql, int cpu, struct pcp_chain *pages)
{
	int node = cpu_to_mem(cpu);
	unsigned long allowed = ql_allowed(READ_ONCE(ql->limit), node), depth;
	struct pcp_chain keep = { };
	struct page *page;

	depth = pcp_depth_hint(READ_ONCE(per_cpu_ptr(ql->cache.cpu, cpu)->stack.ptr));
	while ((page = pcp_chain_del(pages))) {
		if (ql_free_refused(ql, page))
			continue;
		if (static_branch_unlikely(&ptkit_verify_key) &&
		    !ql_page_clean(ql, page, QL_DIRTY_FREE))
			continue;
		if (depth + keep.nr < allowed && page_to_nid(page) == node)
			pcp_chain_add(&keep, page);
		else
			ql_release(ql, page);
	}
	ql_event(ql, QL_BATCH_FREED, keep.nr);
	if (!pcp_put(&ql->cache, cpu, &keep))
		ql_chain_to_host(ql, &keep, QL_UNPLUGGED);
}

/**
 * ptkit_quicklist_release - give a page to the host instead of the list
 * @ql: the quicklist that it came from
 * @page: the page, frozen, in its known state
 *
 * What ptkit_quicklist_free() refuses is refused here, too.
 *
 * Context: any but NMI.
 */
void ptkit_quicklist_release(struct ptkit_quicklist *ql, struct page *page)
{
	if (!ql_free_refused(ql, page))
		ql_release(ql, page);
}
EXPORT_SYMBOL_GPL(ptkit_quicklist_release);

/**
 * ptkit_quicklist_disown - pages will not come back
 * @ql: the quicklist that they came from
 * @nr: how many
 *
 * Their user thawed them and let them go. The destructor does not run.
 *
 * Context: any.
 */
void ptkit_quicklist_disown(struct ptkit_quicklist *ql, unsigned long nr)
{
	ql_event(ql, QL_DISOWNED, nr);
}
EXPORT_SYMBOL_GPL(ptkit_quicklist_disown);

/* ---- trimming -------------------------------------------------------------------------------- */

/**
 * ptkit_quicklist_trim - shorten this CPU's list
 * @ql: the quicklist
 * @min_pages: leave so many pages, or this CPU's share of the node's free memory if that is more
 * @max_free: free at most so many
 *
 * To be called now and then by who uses a quicklist heavily, as mainline's was from the idle loop.
 *
 * Context: any but NMI; interrupts are off for @max_free pops.
 * Return: how many pages were freed. From seed 000.
 */
unsigned long ptkit_quicklist_trim(struct ptkit_quicklist *ql, unsigned long min_pages,
				   unsigned long max_free)
{
	unsigned long keep = max(min_pages, ql_allowed(READ_ONCE(ql->limit), numa_mem_id()));
	unsigned long depth = pcp_depth_hint(this_cpu_read(ql->cache.cpu->stack.ptr));
	struct pcp_chain pages = { };

	if (depth > keep)
		pcp_take_local(&ql->cache, min(depth - keep, max_free), &pages);
	return ql_chain_to_host(ql, &pages, QL_TRIMMED);
}
EXPORT_SYMBOL_GPL(ptkit_quicklist_trim);

/**
 * ptkit_quicklist_drain - shorten every CPU's list
 * @ql: the quicklist
 * @min_pages: pages to leave on each
 *
 * Context: process context, interrupts on. Interrupts every CPU whose list is longer.
 * Return: how many pages were freed.
 */
unsigned long ptkit_quicklist_drain(struct ptkit_quicklist *ql, unsigned long min_pages)
{
	struct pcp_chain pages = { };

	pcp_take_above(&ql->cache, min_pages, &pages);
	return ql_chain_to_host(ql, &pages, QL_TRIMMED);
}
EXPORT_SYMBOL_GPL(ptkit_quicklist_drain);

/**
 * ptkit_quicklist_set_limit - how many pages each CPU may keep
 * @ql: the quicklist
 * @limit: pages, or PTKIT_LIMIT_AUTO
 *
 * Lists that are longer are shortened at once.
 *
 * Context: process context, interrupts on.
 * Return: 0; -ERANGE if @limit is negative or more than there is memory; -EPERM with passthrough.
 */
int ptkit_quicklist_set_limit(struct ptkit_quicklist *ql, long limit)
{
	if (ptkit_passthrough)
		return -EPERM;
	if (limit != PTKIT_LIMIT_AUTO && (limit < 0 || limit > totalram_pages()))
		return -ERANGE;

	WRITE_ONCE(ql->limit, limit);
	smp_mb();	/* before the CPUs' limits; pairs with ql_renew_limit() */
	if (limit == PTKIT_LIMIT_AUTO) {
		pcp_set_limit(&ql->cache, LIMIT_STEP);
	} else {
		pcp_set_limit(&ql->cache, limit);
		ptkit_quicklist_drain(ql, limit);
	}
	return 0;
}
EXPORT_SYMBOL_GPL(ptkit_quicklist_set_limit);

/* Before memory goes offline. */
void ptkit_quicklist_drain_all(void)
{
	struct ptkit_quicklist *ql;

	mutex_lock(&quicklists_lock);
	list_for_each_entry(ql, &quicklists, all)
		ptkit_quicklist_drain(ql, 0);
	mutex_unlock(&quicklists_lock);
}

static void ql_release_dead(struct pcp_cache *cache, struct pcp_chain *pages)
{
	struct ptkit_quicklist *ql = container_of(cache, struct ptkit_quicklist, cache);

	ql_chain_to_host(ql, pages, QL_UNPLUGGED);
}

static unsigned long ql_shrink_count(struct ptkit_shrinker *self, struct shrink_control *sc)
{
	struct ptkit_quicklist *ql = container_of(self, struct ptkit_quicklist, shrinker);

	return pcp_count_node(&ql->cache, sc->nid);
}

static unsigned long ql_shrink_scan(struct ptkit_shrinker *self, struct shrink_control *sc)
{
	struct ptkit_quicklist *ql = container_of(self, struct ptkit_quicklist, shrinker);
	struct pcp_chain pages = { };

	pcp_take_node(&ql->cache, sc->nid, sc->nr_to_scan, &pages);
	return ql_chain_to_host(ql, &pages, QL_SHRUNK) ?: SHRINK_STOP;
}

/* Memory pressure at a time of the test's own choice. */
struct ptkit_shrinker *ptkit_quicklist_shrinker(struct ptkit_quicklist *ql)
{
	return &ql->shrinker;
}
EXPORT_SYMBOL_FOR_TESTS(ptkit_quicklist_shrinker);

/* ---- looking --------------------------------------------------------------------------------- */

/**
 * ptkit_quicklist_total_size - pages listed on all CPUs
 * @ql: the quicklist
 *
 * Context: any but NMI.
 * Return: their number; exact while nobody allocates or frees. From seed 000.
 */
unsigned long ptkit_quicklist_total_size(struct ptkit_quicklist *ql)
{
	struct pcp_snapshot snap;

	pcp_snapshot_all(&ql->cache, &snap);
	return snap.depth;
}
EXPORT_SYMBOL_GPL(ptkit_quicklist_total_size);

static void ql_stats_of(struct ptkit_quicklist *ql, const struct pcp_snapshot *snap,
			struct ptkit_quicklist_stats *stats)
{
	const unsigned long __percpu *ev = ql->events;

	stats->cached = snap->depth;
	stats->hits = snap->pops - ptkit_events_sum(ev, QL_DIRTY_ALLOC);
	stats->misses = ptkit_events_sum(ev, QL_MISSES);
	stats->failed = ptkit_events_sum(ev, QL_FAILED);
	stats->frees = snap->pushes + ptkit_events_sum(ev, QL_RELEASED) +
		       ptkit_events_sum(ev, QL_BATCH_FREED) +
		       ptkit_events_sum(ev, QL_DIRTY_FREE);
	stats->returned = ptkit_events_sum(ev, QL_RELEASED) + ptkit_events_sum(ev, QL_TRIMMED) +
			  ptkit_events_sum(ev, QL_SHRUNK) + ptkit_events_sum(ev, QL_UNPLUGGED);
	stats->disowned = ptkit_events_sum(ev, QL_DISOWNED);
	stats->dirty = ptkit_events_sum(ev, QL_DIRTY_ALLOC) + ptkit_events_sum(ev, QL_DIRTY_FREE) +
		       ptkit_events_sum(ev, QL_DIRTY_LISTED);
	stats->misuse = ptkit_events_sum(ev, QL_MISUSE);
	stats->in_use = stats->hits + stats->misses - stats->frees - stats->disowned;
}

/**
 * ptkit_quicklist_get_stats - a quicklist in numbers
 * @ql: the quicklist
 * @stats: the result; they add up while nobody allocates or frees
 *
 * Context: any but NMI.
 */
void ptkit_quicklist_get_stats(struct ptkit_quicklist *ql, struct ptkit_quicklist_stats *stats)
{
	struct pcp_snapshot snap;

	pcp_snapshot_all(&ql->cache, &snap);
	ql_stats_of(ql, &snap, stats);
}
EXPORT_SYMBOL_GPL(ptkit_quicklist_get_stats);

/* Frees found room while a list was away, and it has come back: let go of what is too much. */
static void ql_shorten(struct ptkit_quicklist *ql, int cpu)
{
	unsigned long allowed = ql_allowed(READ_ONCE(ql->limit), cpu_to_mem(cpu));
	struct pcp_chain pages = { };

	pcp_take_above_cpu(&ql->cache, cpu, allowed, &pages);
	ql_chain_to_host(ql, &pages, QL_TRIMMED);
}

/* Check one CPU's list, put back what is clean; returns what was not. */
static unsigned long ql_verify_cpu(struct ptkit_quicklist *ql, int cpu, unsigned long *checked)
{
	struct pcp_chain pages = { }, clean = { };
	unsigned long bad = 0;
	struct page *page;

	pcp_take(&ql->cache, cpu, ULONG_MAX, &pages);
	*checked += pages.nr;
	while ((page = pcp_chain_del(&pages))) {
		if (ql_page_clean(ql, page, QL_DIRTY_LISTED))
			pcp_chain_add(&clean, page);
		else
			bad++;
		cond_resched();
	}
	if (!pcp_put(&ql->cache, cpu, &clean))
		ql_chain_to_host(ql, &clean, QL_UNPLUGGED);
	ql_shorten(ql, cpu);
	return bad;
}

/**
 * ptkit_quicklist_verify - is every listed page still in its known state?
 * @ql: the quicklist
 * @checked: gets the number of pages looked at; may be %NULL
 *
 * A page that somebody wrote to after freeing it is taken off the list, leaked, counted and warned
 * about: a use-after-free of a table is caught before the table becomes a mapping. While a CPU's
 * pages are looked at, its list is empty.
 *
 * Context: process context, may sleep.
 * Return: the number of such pages; -EOPNOTSUPP for a quicklist with a constructor and no check.
 */
long ptkit_quicklist_verify(struct ptkit_quicklist *ql, unsigned long *checked)
{
	unsigned long nr = 0;
	long bad = 0;
	int cpu;

	if (!ql_can_verify(ql))
		return -EOPNOTSUPP;
	for_each_online_cpu(cpu)
		bad += ql_verify_cpu(ql, cpu, &nr);
	if (checked)
		*checked = nr;
	return bad;
}
EXPORT_SYMBOL_GPL(ptkit_quicklist_verify);

/* ---- debugfs --------------------------------------------------------------------------------- */

static void ql_show_stats(struct seq_file *m, struct ptkit_source *source)
{
	struct ptkit_quicklist *ql = source->private;
	struct ptkit_quicklist_stats stats;
	struct pcp_snapshot snap;
	unsigned int id;

	pcp_snapshot_all(&ql->cache, &snap);
	ql_stats_of(ql, &snap, &stats);
	ptkit_stat(m, "cached", stats.cached);
	ptkit_stat(m, "cached_bytes", stats.cached << PAGE_SHIFT);
	ptkit_stat(m, "in_use", stats.in_use);
	ptkit_stat(m, "hits", stats.hits);
	ptkit_stat(m, "frees", stats.frees);
	ptkit_stat(m, "swap_retries", snap.retries);
	for (id = 0; id < NR_QL_EVENTS; id++)
		ptkit_stat(m, quicklist_names[id], ptkit_events_sum(ql->events, id));
}

static void ql_show_summary(struct seq_file *m, struct ptkit_source *source)
{
	struct ptkit_quicklist *ql = source->private;
	struct ptkit_quicklist_stats stats;
	unsigned long allocs, rate;

	ptkit_quicklist_get_stats(ql, &stats);
	allocs = stats.hits + stats.misses;
	rate = allocs ? stats.hits * 1000 / allocs : 0;
	seq_printf(m, "quicklist %-6s listed %lu pages (%lu KiB), in use %ld\n", ql->name,
		   stats.cached, stats.cached << (PAGE_SHIFT - 10), stats.in_use);
	seq_printf(m, "                 hits %lu, misses %lu: hit rate %lu.%lu%%; frees %lu, failed %lu\n",
		   stats.hits, stats.misses, rate / 10, rate % 10, stats.frees, stats.failed);
}

static int ql_percpu_show(struct seq_file *m, void *unused)
{
	struct ptkit_quicklist *ql = m->private;
	struct pcp_snapshot snap;
	int cpu;

	seq_puts(m, "cpu node listed limit hits listed_frees swap_retries\n");
	for_each_possible_cpu(cpu) {
		pcp_snapshot(&ql->cache, cpu, &snap);
		seq_printf(m, "%d %d %lu %lu %lu %lu %lu\n", cpu, cpu_to_node(cpu), snap.depth,
			   READ_ONCE(per_cpu_ptr(ql->cache.cpu, cpu)->limit), snap.pops,
			   snap.pushes, snap.retries);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(ql_percpu);

static int ql_verify_show(struct seq_file *m, void *unused)
{
	unsigned long checked;
	long bad = ptkit_quicklist_verify(m->private, &checked);

	if (bad < 0)
		return bad;
	seq_printf(m, "checked %lu\nbad %ld\n", checked, bad);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(ql_verify);

static int ql_limit_show(struct seq_file *m, void *unused)
{
	struct ptkit_quicklist *ql = m->private;
	long limit = READ_ONCE(ql->limit);

	if (ptkit_passthrough)
		seq_puts(m, "0\n");
	else if (limit == PTKIT_LIMIT_AUTO)
		seq_puts(m, "auto\n");
	else
		seq_printf(m, "%ld\n", limit);
	return 0;
}

static int ql_limit_open(struct inode *inode, struct file *file)
{
	return single_open(file, ql_limit_show, inode->i_private);
}

static ssize_t ql_limit_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	struct ptkit_quicklist *ql = ((struct seq_file *)file->private_data)->private;
	unsigned long limit;
	char word[6] = { };
	int ret;

	if (len < sizeof(word)) {
		if (copy_from_user(word, buf, len))
			return -EFAULT;
		if (sysfs_streq(word, "auto"))
			return ptkit_quicklist_set_limit(ql, PTKIT_LIMIT_AUTO) ?: len;
	}
	ret = ptkit_write_ulong(buf, len, totalram_pages(), &limit);
	return ret ?: ptkit_quicklist_set_limit(ql, limit) ?: len;
}

static const struct file_operations ql_limit_fops = {
	.owner = THIS_MODULE,
	.open = ql_limit_open,
	.read = seq_read,
	.write = ql_limit_write,
	.llseek = seq_lseek,
	.release = single_release,
};

static ssize_t ql_trim_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	struct ptkit_quicklist *ql = file->private_data;
	unsigned long keep;
	int ret = ptkit_write_ulong(buf, len, totalram_pages(), &keep);

	if (ret)
		return ret;
	ptkit_quicklist_drain(ql, keep);
	return len;
}

static const struct file_operations ql_trim_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = ql_trim_write,
};

static void ql_debugfs_add(struct ptkit_quicklist *ql)
{
	struct dentry *dir;

	ql->source = (struct ptkit_source){
		.group = "quicklist",
		.name = ql->name,
		.show_stats = ql_show_stats,
		.show_summary = ql_show_summary,
		.private = ql,
	};
	ptkit_source_add(&ql->source);
	dir = ql->source.dir;
	debugfs_create_file("percpu", 0400, dir, ql, &ql_percpu_fops);
	debugfs_create_file("limit", 0600, dir, ql, &ql_limit_fops);
	debugfs_create_file("trim", 0200, dir, ql, &ql_trim_fops);
	debugfs_create_file("verify", 0400, dir, ql, &ql_verify_fops);
}

/* ---- create and destroy ---------------------------------------------------------------------- */

/* The name becomes a directory and part of the names in "stats". */
static bool ql_name_valid(const char *name)
{
	size_t len = strnlen(name, QUICKLIST_NAME_MAX + 1), i;

	if (!len || len > QUICKLIST_NAME_MAX)
		return false;
	for (i = 0; i < len; i++)
		if (!isascii(name[i]) || (!isalnum(name[i]) && name[i] != '_'))
			return false;
	return true;
}

/* Reserve the name; -EEXIST if another quicklist has it. */
static int ql_publish(struct ptkit_quicklist *ql)
{
	struct ptkit_quicklist *other;
	int ret = 0;

	mutex_lock(&quicklists_lock);
	list_for_each_entry(other, &quicklists, all)
		if (!strcmp(other->name, ql->name))
			ret = -EEXIST;
	if (!ret)
		list_add_tail(&ql->all, &quicklists);
	mutex_unlock(&quicklists_lock);
	return ret;
}

static void ql_unpublish(struct ptkit_quicklist *ql)
{
	mutex_lock(&quicklists_lock);
	list_del(&ql->all);
	mutex_unlock(&quicklists_lock);
}

/**
 * ptkit_quicklist_create - make a quicklist
 * @name: letters, digits and underscores, up to 31, not in use; copied
 * @ops: constructor, destructor and check, which must outlive the quicklist; %NULL: pages are zero
 * @private: handed to them
 *
 * Context: process context, may sleep.
 * Return: the quicklist; ERR_PTR(-EINVAL) for a bad name, -EEXIST for one in use, -ENOMEM. From
 * seed 000, where the number of lists was fixed when the kernel was built.
 */
struct ptkit_quicklist *ptkit_quicklist_create(const char *name,
					       const struct ptkit_quicklist_ops *ops,
					       void *private)
{
	struct ptkit_quicklist *ql;
	int ret = -ENOMEM;

	if (!name || !ql_name_valid(name))
		return ERR_PTR(-EINVAL);
	ql = ptkit_kzalloc(sizeof(*ql), GFP_KERNEL);
	if (!ql)
		return ERR_PTR(-ENOMEM);

	strscpy(ql->name, name, sizeof(ql->name));
	ql->ops = ops ?: &plain_ops;
	ql->private = private;
	ql->limit = PTKIT_LIMIT_AUTO;
	ql->shrinker.count = ql_shrink_count;
	ql->shrinker.scan = ql_shrink_scan;

	ql->events = ptkit_events_alloc(NR_QL_EVENTS);
	if (!ql->events)
		goto err_free;
	ret = pcp_cache_init(&ql->cache, ql_release_dead);
	if (ret)
		goto err_free_events;
	pcp_set_limit(&ql->cache, ptkit_passthrough ? 0 : LIMIT_STEP);
	ret = ptkit_shrinker_register(&ql->shrinker, ql->name);
	if (ret)
		goto err_exit_cache;
	ret = ql_publish(ql);
	if (ret)
		goto err_unregister_shrinker;

	ql_debugfs_add(ql);
	return ql;

err_unregister_shrinker:
	ptkit_shrinker_unregister(&ql->shrinker);
err_exit_cache:
	pcp_cache_exit(&ql->cache);
err_free_events:
	free_percpu(ql->events);
err_free:
	ptkit_kfree(ql);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_GPL(ptkit_quicklist_create);

/**
 * ptkit_quicklist_destroy - give a quicklist's pages to the host, and end it
 * @ql: the quicklist, or an ERR_PTR() or %NULL, which do nothing; nobody uses it any more
 *
 * Pages that were not freed to it are reported, with the caller, and stay with whoever has them.
 *
 * Context: process context, may sleep.
 */
void ptkit_quicklist_destroy(struct ptkit_quicklist *ql)
{
	struct ptkit_quicklist_stats stats;

	if (IS_ERR_OR_NULL(ql))
		return;

	ptkit_source_del(&ql->source);
	ql_unpublish(ql);
	ptkit_shrinker_unregister(&ql->shrinker);

	ptkit_quicklist_get_stats(ql, &stats);
	if (stats.in_use)
		pr_err("quicklist %s destroyed by %pS with %ld pages still in use\n", ql->name,
		       __builtin_return_address(0), stats.in_use);
	pcp_cache_exit(&ql->cache);
	free_percpu(ql->events);
	ptkit_kfree(ql);
}
EXPORT_SYMBOL_GPL(ptkit_quicklist_destroy);
