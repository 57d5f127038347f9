// SPDX-License-Identifier: GPL-2.0
/*
 * How tables come back from the kernel without a hook on any path that frees them.
 *
 * A table is given to the kernel with two references: the kernel's, and ours. When the kernel is
 * done with it, by whatever path (munmap, exit, a THP deposit withdrawn, RCU), after its TLB flush
 * and its destructor, it drops its reference. Ours is then the last: freezing the page, a
 * compare-and-swap of the count from 1 to 0, succeeds exactly if the kernel has let go, and is at
 * the same time what a quicklist wants, a frozen page. While the kernel, or a transient getter,
 * holds a reference it fails and changes nothing.
 *
 * "Back" says that nobody uses the table any more, not that nothing is in it. Most ways to free a
 * table clear it entry by entry, but some drop it as it is: an LDT's table at exit with page-table
 * isolation; in older kernels one whose file pages had become a huge page; one that was taken for
 * empty and held a marker. To the kernel's allocator that is all the same. Here it would be a
 * mapping of the next process's, so every table is looked through, and cleared if need be, before
 * it is listed. A page whose memory is known to be broken (HWPoison) goes home unread.
 *
 *      quicklist --thaw(2)--> the kernel's --its put--> back (count 1) --freeze--> quicklist
 *                                 |                       |
 *                  let go: our put v          idle: freeze v, to the host
 *
 * Every table that is out has a struct host_table on a list of the CPU that gave it, one for each
 * generation. A table begins in the first; whoever looks at it in vain moves it to the next, and
 * all that are in a generation move up together, by one splice, when they are too old for it. Most
 * tables live as long as a short process, and some live for ever; the latter are soon in the last
 * generations, where they are in nobody's way, however many they are.
 *
 * An allocation that finds its CPU's quicklist empty looks for up to LOOK_BATCH tables that are
 * back: first in the generation where the last one was found, and there for as long as it finds
 * more, since tables come back as they were given, many at a time. Then in the others; half of the
 * looks that may be in vain are for the first generation, a quarter for the second, and so on. So
 * the work per allocation is bounded (scan_limit), whatever is out. Where looking finds nothing, as
 * while a large process grows, allocations pause between looks, up to PAUSE_MAX of them.
 *
 * A table that stays out for LET_GO_AGE belongs to a process that lives long: we drop our reference
 * and forget it, and the kernel frees it as if we had never been there.
 *
 * Once a second a worker looks at what exceeds the recent demand (at REAP_MAX tables of a CPU; at
 * the others a second later), and gives tables that are back to the host; the shrinker does so at
 * once and with all of them. It wakes no idle CPU, so a pass may be late. Kernels that free tables
 * after an RCU grace period give back many at a time, and need them all for the next one: hence
 * demand, not age alone. It is the number of tables given in a second, the most of late: the mean
 * since the last pass, or an older one, which fades by a quarter each second. Two seconds' demand
 * is kept, as a grace period may take that long.
 *
 * Limit. Pages held on top of what the kernel uses are listed, or back and not yet found. Each
 * online CPU and level has a share of the limit; half of it bounds the list, half the number of
 * tables tracked, so that the limit holds even if all of them come back at once. When there is no
 * room to track one more table, the oldest one is let go for it, or nearly the oldest. The worker
 * sees that CPUs came or went, and what a CPU tracks that is gone is let go then.
 *
 * Lock order: limit_lock, a list's lock. The latter is innermost, held for a bounded number of
 * tables; nothing is allocated or freed under it. Everything here runs in process context.
 */
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "../trace.h"
#include "track.h"

/* Returned tables that one look takes: an allocation needs one, the next ones will need more. */
#define LOOK_BATCH	8
/* Allocations that do not look, at most, after looks that found nothing. */
#define PAUSE_MAX	16
/* Tables touched per lock hold, and by the worker of a CPU's, each time. */
#define LOCK_BATCH	256
#define REAP_MAX	4096UL
#define REAP_PERIOD	HZ
/* After so long the first generation moves up, after twice as long the second, and so on. */
#define AGE_PERIOD	DIV_ROUND_UP(HZ, 64)
#define REAP_AGE	HZ
#define LET_GO_AGE	(10 * HZ)
/* Without an administrator's word: this part of memory. */
#define LIMIT_FRACTION	16

/**
 * struct host_table - a table that the kernel has
 * @list: in a generation of the CPU that gave it, or on its way out
 * @page: the table; we hold one reference. %NULL in the place marker of a census
 * @born: jiffies when it was given
 */
struct host_table {
	struct list_head list;
	struct page *page;
	unsigned long born;
};

const unsigned int host_ages[HOST_AGES] = { 1, 2, 5, 10, UINT_MAX };

static struct ptkit_cache *table_cache;
static unsigned int scan_limit = 32;

/* Protects the limit, and how many CPUs it was divided among. */
static DEFINE_MUTEX(limit_lock);
static unsigned long limit;
static unsigned int share_cpus;
/* Tables that an online CPU may track, and list, of each level. */
static unsigned long share;

static bool verify;
module_param(verify, bool, 0444);
MODULE_PARM_DESC(verify, "report each table that comes back with an entry in use (default: 0)");

static void reap(struct work_struct *work);
static DECLARE_DEFERRABLE_WORK(reap_work, reap);

/* ---- looking --------------------------------------------------------------------------------- */

/**
 * struct look - what somebody looks for, and what he found
 * @max: look at so many tables at most
 * @want: until so many are back
 * @age: only at tables of this age
 * @looked: how many it were
 * @found: how many of them were back
 * @back: these
 * @gone: tables to let go
 *
 * Nobody else knows the tables on the two lists any more.
 */
struct look {
	unsigned int max;
	unsigned int want;
	unsigned long age;
	unsigned int looked;
	unsigned int found;
	struct list_head back;
	struct list_head gone;
};

static void look_init(struct look *look, unsigned int max, unsigned int want, unsigned long age)
{
	*look = (struct look){ .max = max, .want = want, .age = age };
	INIT_LIST_HEAD(&look->back);
	INIT_LIST_HEAD(&look->gone);
}

/* The table of generation @gen that was not looked at for longest, or %NULL. */
static struct host_table *track_first(struct host_track *track, unsigned int gen)
{
	struct host_table *table;

	list_for_each_entry(table, &track->tables[gen], list)
		if (table->page)
			return table;
	return NULL;
}

static void track_add(struct host_track *track, struct host_table *table, unsigned int gen)
{
	list_add_tail(&table->list, &track->tables[gen]);
	track->nr[gen]++;
	track->total++;
}

static void track_take(struct host_track *track, struct host_table *table, unsigned int gen,
		       struct list_head *to)
{
	list_move_tail(&table->list, to);
	track->nr[gen]--;
	track->total--;
}

/* Generations whose time is over move up, the last ones first. */
static void track_age(struct host_track *track)
{
	unsigned long periods = (jiffies - track->aged) / AGE_PERIOD, before = track->ages;
	unsigned int gen;

	/* A census keeps its place in one. */
	if (!periods || track->markers)
		return;
	track->aged += periods * AGE_PERIOD;
	track->ages += periods;
	for (gen = TRACK_GENS - 1; gen-- > 0; ) {
		if (before >> gen == track->ages >> gen)
			continue;
		list_splice_tail_init(&track->tables[gen], &track->tables[gen + 1]);
		track->nr[gen + 1] += track->nr[gen];
		track->nr[gen] = 0;
	}
}

/* In use: to the next generation, or to the end of the last one. */
static void track_promote(struct host_track *track, struct host_table *table, unsigned int gen)
{
	unsigned int next = min(gen + 1, TRACK_GENS - 1U);

	list_move_tail(&table->list, &track->tables[next]);
	track->nr[gen]--;
	track->nr[next]++;
}

/* Look at one table. Is it back? */
static bool track_look_at(struct host_track *track, struct host_table *table, unsigned int gen,
			  struct look *look)
{
	look->looked++;
	if (ptkit_page_try_freeze(table->page)) {
		track_take(track, table, gen, &look->back);
		look->found++;
		track->found_in = gen;
		return true;
	}
	if (jiffies - table->born >= LET_GO_AGE)
		track_take(track, table, gen, &look->gone);
	else
		track_promote(track, table, gen);
	return false;
}

/* Look at a generation, up to @misses times in vain. */
static void track_look_gen(struct host_track *track, unsigned int gen, unsigned int misses,
			   struct look *look)
{
	struct host_table *table;

	while (misses && look->looked < look->max && look->found < look->want) {
		table = track_first(track, gen);
		if (!table)
			return;
		if (!track_look_at(track, table, gen, look))
			misses--;
	}
}

/* Looks that an allocation may have in vain in a generation. */
static unsigned int misses_allowed(unsigned int max, unsigned int gen)
{
	return (max >> (gen + 1)) ?: max >= 2 * TRACK_GENS;
}

/*
 * Older generations first: what is promoted must not be looked at again at once. Where @look allows
 * so few looks that none is left for the late generations, they take turns.
 */
static void track_look_for(struct host_track *track, struct look *look)
{
	unsigned int hint, turn, gen;

	spin_lock(&track->lock);
	hint = track->found_in;
	turn = track->turn++ % TRACK_GENS;
	track_look_gen(track, hint,
		       misses_allowed(look->max, hint) ?: look->max > 1 || hint == turn, look);
	for (gen = TRACK_GENS; gen-- > 0 && look->found < look->want; )
		if (gen != hint)
			track_look_gen(track, gen,
				       misses_allowed(look->max, gen) ?: gen == turn, look);

	if (look->found)
		track->paused = 0;
	else if (look->looked)
		track->paused = min(2 * track->paused + 1, PAUSE_MAX);
	track->pause = track->paused;
	spin_unlock(&track->lock);
}

static __always_inline unsigned long any_of_16(const unsigned long *words)
{
	return words[0] | words[1] | words[2] | words[3] |
	       words[4] | words[5] | words[6] | words[7] |
	       words[8] | words[9] | words[10] | words[11] |
	       words[12] | words[13] | words[14] | words[15];
}

/*
 * Eight cache lines and one branch for them, in four chains side by side, of which the compiler
 * would make one: to look at a table costs little but its lines.
 */
static bool table_is_zero(const unsigned long *words)
{
	const unsigned long *end = words + PAGE_SIZE / sizeof(*words);
	unsigned long a, b, c, d;

	for (; words < end; words += 64) {
		a = any_of_16(words);
		b = any_of_16(words + 16);
		c = any_of_16(words + 32);
		d = any_of_16(words + 48);
		OPTIMIZER_HIDE_VAR(a);
		OPTIMIZER_HIDE_VAR(b);
		OPTIMIZER_HIDE_VAR(c);
		OPTIMIZER_HIDE_VAR(d);
		if (a | b | c | d)
			return false;
	}
	return true;
}

static noinline void make_zero(struct host_level *level, unsigned long *words)
{
	unsigned long *bad = memchr_inv(words, 0, PAGE_SIZE);

	host_event(level, HOST_NONZERO, 1);
	if (verify)
		pr_err_ratelimited("a %s table came back with entry %lu in use\n", level->name,
				   (unsigned long)((void *)bad - (void *)words) / sizeof(*words));
	clear_page(words);
}

/* A page that nobody uses any more: zero from now on, and where it belongs. */
static void put_back_page(struct host_level *level, struct page *page, bool to_host)
{
	if (unlikely(PageHWPoison(page))) {
		host_event(level, HOST_POISONED, 1);
		to_host = true;
	} else if (unlikely(!table_is_zero(page_address(page)))) {
		make_zero(level, page_address(page));
	}
	if (to_host)
		ptkit_quicklist_release(level->quicklist, page);
	else
		ptkit_quicklist_free(level->quicklist, page);
}

/* Returned tables: to the quicklist of this CPU, or, if nobody asks for tables, to the host. */
static unsigned long put_back(struct host_level *level, struct list_head *back, bool to_host)
{
	struct host_table *table, *next;
	unsigned long nr = 0;

	list_for_each_entry_safe(table, next, back, list) {
		put_back_page(level, table->page, to_host);
		ptkit_cache_free(table_cache, table);
		nr++;
	}
	host_event(level, HOST_RETURNED, nr);
	if (to_host && nr)
		trace_ptkit_host_reclaim(level->list, nr);
	return nr;
}

/* Tables that are the kernel's alone from now on; ours may just have become the last reference. */
static void let_go(struct host_level *level, struct list_head *gone)
{
	struct host_table *table, *next;
	unsigned long nr = 0;

	list_for_each_entry_safe(table, next, gone, list) {
		put_page(table->page);
		ptkit_cache_free(table_cache, table);
		nr++;
	}
	ptkit_quicklist_disown(level->quicklist, nr);
	host_event(level, HOST_LET_GO, nr);
	if (nr)
		trace_ptkit_host_let_go(level->list, nr);
}

static unsigned long look_done(struct host_level *level, struct look *look, bool to_host)
{
	host_event(level, to_host ? HOST_REAP_SCANNED : HOST_SCANNED, look->looked);
	let_go(level, &look->gone);
	return put_back(level, &look->back, to_host);
}

/**
 * track_look_here - look for tables that came back, on behalf of an allocation
 * @level: tables of this level
 *
 * What is found is on the quicklist of the CPU that this runs on.
 *
 * Context: process context.
 */
void track_look_here(struct host_level *level)
{
	struct host_track *track = raw_cpu_ptr(level->tracks);
	unsigned int pause = READ_ONCE(track->pause);
	struct look look;

	/* Two tasks may take the same number off: they look a little later, that is all. */
	if (pause) {
		WRITE_ONCE(track->pause, pause - 1);
		return;
	}
	look_init(&look, READ_ONCE(scan_limit), LOOK_BATCH, 0);
	track_look_for(track, &look);
	look_done(level, &look, false);
}

/* ---- giving to the host ---------------------------------------------------------------------- */

/*
 * Go on with the pass over one CPU's tables, from the last generation to the first, which looks at
 * each table once: what is promoted is behind it. Ends with the lock hold, or with the pass.
 */
static bool track_pass(struct host_track *track, struct look *look)
{
	struct host_table *table;

	while (look->looked < look->max) {
		table = track->pass_left ? track_first(track, track->pass_gen) : NULL;
		/* The first generation is in the order of age, the others nearly. */
		if (!table || jiffies - table->born < look->age) {
			if (!track->pass_gen)
				return false;
			track->pass_gen--;
			track->pass_left = track->nr[track->pass_gen];
			continue;
		}
		track->pass_left--;
		track_look_at(track, table, track->pass_gen, look);
	}
	return true;
}

static void track_pass_begin(struct host_track *track)
{
	track->pass_gen = TRACK_GENS - 1;
	track->pass_left = track->nr[track->pass_gen];
}

/* Give returned tables of one CPU's lists to the host; looks at *@max at most, and counts down. */
static unsigned long track_reclaim(struct host_level *level, int cpu, unsigned long *max,
				   unsigned long age)
{
	struct host_track *track = per_cpu_ptr(level->tracks, cpu);
	unsigned long freed = 0;
	struct look look;
	bool more = true;

	while (more && *max) {
		look_init(&look, min_t(unsigned long, *max, LOCK_BATCH), LOCK_BATCH, age);
		spin_lock(&track->lock);
		more = track_pass(track, &look);
		if (!more)
			track_pass_begin(track);
		spin_unlock(&track->lock);
		freed += look_done(level, &look, true);
		*max -= look.looked;
	}
	return freed;
}

/* Let go of tables in use, the last generations first, until @keep are left. */
static void track_crowd_out(struct host_level *level, struct host_track *track, unsigned long keep)
{
	unsigned int gen = TRACK_GENS - 1, nr = 0;
	struct host_table *table;
	struct look look;

	look_init(&look, LOCK_BATCH, LOCK_BATCH, 0);
	spin_lock(&track->lock);
	while (track->total > keep && look.looked < look.max) {
		table = track_first(track, gen);
		if (!table) {
			gen--;
			continue;
		}
		look.looked++;
		if (ptkit_page_try_freeze(table->page)) {
			track_take(track, table, gen, &look.back);
		} else {
			track_take(track, table, gen, &look.gone);
			nr++;
		}
	}
	spin_unlock(&track->lock);
	host_event(level, HOST_CROWDED_OUT, nr);
	look_done(level, &look, false);
}

/* Tables given in a second. A pass that was late counts what was given since by the second, too. */
static void track_count_demand(struct host_track *track)
{
	unsigned long passed = max(jiffies - track->counted, (unsigned long)REAP_PERIOD);
	unsigned long seconds = DIV_ROUND_CLOSEST(passed, HZ);

	track->counted = jiffies;
	while (seconds-- && track->demand)
		track->demand = track->demand * 3 / 4;
	track->demand = max(track->demand, DIV_ROUND_UP(track->given * HZ, passed));
	track->given = 0;
}

/* What exceeds two seconds' demand, as far as it is looked at now. */
static unsigned long track_surplus(struct host_track *track)
{
	unsigned long surplus;

	spin_lock(&track->lock);
	track_count_demand(track);
	surplus = track->total > 2 * track->demand ? track->total - 2 * track->demand : 0;
	spin_unlock(&track->lock);
	return min(surplus, REAP_MAX);
}

static void reap_cpu(struct host_level *level, int cpu)
{
	struct host_track *track = per_cpu_ptr(level->tracks, cpu);
	unsigned long keep = cpu_online(cpu) ? READ_ONCE(share) : 0, surplus;

	/* The limit may have been lowered, or the CPU is gone. */
	while (READ_ONCE(track->total) > keep) {
		track_crowd_out(level, track, keep);
		cond_resched();
	}
	surplus = track_surplus(track);
	host_event(level, HOST_REAPED, track_reclaim(level, cpu, &surplus, REAP_AGE));
}

/* Divide the limit among the CPUs that are online now. */
static void share_out(void)
{
	unsigned int i;

	lockdep_assert_held(&limit_lock);
	share_cpus = num_online_cpus();
	WRITE_ONCE(share, limit / (2 * host_nr_attached * share_cpus));
	for (i = 0; i < host_nr_attached; i++)
		ptkit_quicklist_set_limit(host_attached[i]->quicklist, share);
}

static void reap(struct work_struct *work)
{
	unsigned int i;
	int cpu;

	mutex_lock(&limit_lock);
	if (share_cpus != num_online_cpus())
		share_out();
	mutex_unlock(&limit_lock);

	for (i = 0; i < host_nr_attached; i++) {
		for_each_possible_cpu(cpu) {
			reap_cpu(host_attached[i], cpu);
			cond_resched();
		}
	}
	schedule_delayed_work(&reap_work, REAP_PERIOD);
}

/**
 * track_count_node - tables that CPUs of a node gave and that are out
 * @node: the node
 *
 * Context: any.
 * Return: their number.
 */
unsigned long track_count_node(int node)
{
	unsigned long nr = 0;
	unsigned int i;
	int cpu;

	for (i = 0; i < host_nr_attached; i++)
		for_each_possible_cpu(cpu)
			if (cpu_to_mem(cpu) == node)
				nr += READ_ONCE(per_cpu_ptr(host_attached[i]->tracks, cpu)->total);
	return nr;
}

/**
 * track_reclaim_node - give tables that came back to the host
 * @node: look at the lists of its CPUs
 * @max: look at so many tables at most
 * @looked: how many it were
 *
 * Goes on where it ended the last time.
 *
 * Context: reclaim.
 * Return: how many pages that freed.
 */
unsigned long track_reclaim_node(int node, unsigned long max, unsigned long *looked)
{
	unsigned long freed = 0, left = max, nr;
	unsigned int i;
	int cpu;

	for (i = 0; i < host_nr_attached; i++) {
		for_each_possible_cpu(cpu) {
			if (cpu_to_mem(cpu) != node)
				continue;
			nr = track_reclaim(host_attached[i], cpu, &left, 0);
			host_event(host_attached[i], HOST_SHRUNK, nr);
			freed += nr;
		}
	}
	*looked = max - left;
	return freed;
}

/* ---- giving to the kernel -------------------------------------------------------------------- */

/* Is there room for one more? If not, makes some. */
static bool track_room(struct host_level *level, struct host_track *track)
{
	unsigned long room = READ_ONCE(share);

	if (likely(READ_ONCE(track->total) < room))
		return true;
	if (room)
		track_crowd_out(level, track, room - 1);
	return room;
}

/**
 * track_give - give a frozen table to the kernel
 * @level: its level
 * @page: the table, constructed
 *
 * The page has its references when this returns. Without memory for a descriptor, or with a limit
 * of nothing, it is given for good.
 *
 * Context: process context, may sleep.
 */
void track_give(struct host_level *level, struct page *page)
{
	struct host_track *track = raw_cpu_ptr(level->tracks);
	struct host_table *table = NULL;

	if (track_room(level, track))
		table = ptkit_cache_alloc(table_cache, GFP_KERNEL | __GFP_NOWARN);
	if (!table) {
		ptkit_page_thaw(page, 1);
		ptkit_quicklist_disown(level->quicklist, 1);
		host_event(level, HOST_UNTRACKED, 1);
		return;
	}

	table->page = page;
	table->born = jiffies;
	ptkit_page_thaw(page, 2);
	spin_lock(&track->lock);
	track_age(track);
	track_add(track, table, 0);
	track->given++;
	spin_unlock(&track->lock);
}

/* ---- settings -------------------------------------------------------------------------------- */

unsigned int track_scan_limit(void)
{
	return READ_ONCE(scan_limit);
}

void track_set_scan_limit(unsigned int value)
{
	WRITE_ONCE(scan_limit, value);
}

unsigned long track_limit(void)
{
	return READ_ONCE(limit);
}

/**
 * track_set_limit - how many pages may be held on top of what the kernel uses
 * @value: pages, for all CPUs and levels
 *
 * Lists are shortened at once, tables in use are let go when the worker comes by.
 *
 * Context: process context, interrupts on.
 */
void track_set_limit(unsigned long value)
{
	mutex_lock(&limit_lock);
	WRITE_ONCE(limit, value);
	share_out();
	mutex_unlock(&limit_lock);
}

/* ---- showing --------------------------------------------------------------------------------- */

static void census_table(struct host_census *census, const struct host_table *table)
{
	unsigned int ms = jiffies_to_msecs(jiffies - table->born), i = 0;

	census->back += page_ref_count(table->page) == 1;
	census->oldest_ms = max(census->oldest_ms, ms);
	while (ms / 1000 >= host_ages[i])
		i++;
	census->aged[i]++;
}

/* Tables behind @marker, which moves behind them. Returns false after the last. */
static bool census_batch(struct host_track *track, unsigned int gen, struct host_table *marker,
			 struct host_census *census)
{
	struct host_table *table = marker;
	unsigned int nr = 0;

	list_for_each_entry_continue(table, &track->tables[gen], list) {
		if (table->page)
			census_table(census, table);
		if (++nr == LOCK_BATCH) {
			list_move(&marker->list, &table->list);
			return true;
		}
	}
	return false;
}

/* A marker keeps the place, so that the lock is never held for long; looks step over it. */
static void census_gen(struct host_track *track, unsigned int gen, struct host_census *census)
{
	struct host_table marker = { };
	bool more = true;

	spin_lock(&track->lock);
	track->markers++;
	list_add(&marker.list, &track->tables[gen]);
	while (more) {
		more = census_batch(track, gen, &marker, census);
		spin_unlock(&track->lock);
		cond_resched();
		spin_lock(&track->lock);
	}
	list_del(&marker.list);
	track->markers--;
	spin_unlock(&track->lock);
}

/**
 * track_census_cpu - count what a CPU gave and what is out, and what of it is back
 * @level: tables of this level
 * @cpu: the CPU
 * @census: the result is added to it
 *
 * Exact while nobody allocates or frees.
 *
 * Context: process context, may sleep.
 */
void track_census_cpu(struct host_level *level, int cpu, struct host_census *census)
{
	struct host_track *track = per_cpu_ptr(level->tracks, cpu);
	unsigned int gen;

	census->outstanding += READ_ONCE(track->total);
	for (gen = TRACK_GENS; gen-- > 0; )
		census_gen(track, gen, census);
}

/**
 * track_census - the same for all CPUs
 * @level: tables of this level
 * @census: the result is added to it
 *
 * Context: process context, may sleep.
 */
void track_census(struct host_level *level, struct host_census *census)
{
	int cpu;

	for_each_possible_cpu(cpu)
		track_census_cpu(level, cpu, census);
}

/* ---- load and unload ------------------------------------------------------------------------- */

static void track_cpu_init(struct host_track *track)
{
	unsigned int gen;

	spin_lock_init(&track->lock);
	for (gen = 0; gen < TRACK_GENS; gen++)
		INIT_LIST_HEAD(&track->tables[gen]);
	track->aged = jiffies;
	track->counted = jiffies;
	track_pass_begin(track);
}

/**
 * track_level_init - make what a level needs
 * @level: to be filled in
 * @name: for people
 * @list: name of its quicklist
 *
 * Context: process context, may sleep.
 * Return: 0 or an errno.
 */
int track_level_init(struct host_level *level, const char *name, const char *list)
{
	int cpu, ret = -ENOMEM;

	level->name = name;
	level->list = list;
	level->events = ptkit_events_alloc(NR_HOST_EVENTS);
	if (!level->events)
		return ret;
	level->tracks = alloc_percpu(struct host_track);
	if (!level->tracks)
		goto err_events;
	level->quicklist = ptkit_quicklist_create(list, NULL, NULL);
	if (IS_ERR(level->quicklist)) {
		ret = PTR_ERR(level->quicklist);
		goto err_tracks;
	}
	for_each_possible_cpu(cpu)
		track_cpu_init(per_cpu_ptr(level->tracks, cpu));
	return 0;

err_tracks:
	free_percpu(level->tracks);
err_events:
	free_percpu(level->events);
	return ret;
}

/* Nobody allocates through us any more. Every table comes back, or is the kernel's alone. */
void track_level_exit(struct host_level *level)
{
	unsigned int gen;
	int cpu;

	for_each_possible_cpu(cpu) {
		struct host_track *track = per_cpu_ptr(level->tracks, cpu);
		unsigned long all = ULONG_MAX;

		track_pass_begin(track);
		track_reclaim(level, cpu, &all, 0);
		for (gen = 0; gen < TRACK_GENS; gen++)
			let_go(level, &track->tables[gen]);
	}
	ptkit_quicklist_destroy(level->quicklist);
	free_percpu(level->tracks);
	free_percpu(level->events);
}

int track_init(void)
{
	table_cache = ptkit_cache_create("host_table", sizeof(struct host_table), 0, 0, NULL);
	return PTR_ERR_OR_ZERO(table_cache);
}

void track_exit(void)
{
	ptkit_cache_destroy(table_cache);
}

/* From now on the levels are there; before the first allocation. */
void track_start(void)
{
	track_set_limit(totalram_pages() / LIMIT_FRACTION);
	schedule_delayed_work(&reap_work, REAP_PERIOD);
}

void track_stop(void)
{
	cancel_delayed_work_sync(&reap_work);
}
