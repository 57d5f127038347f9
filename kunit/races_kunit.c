// SPDX-License-Identifier: GPL-2.0
/*
 * Everything at once: threads that wander over the CPUs, hard interrupts between any two of their
 * instructions, and others who look, take and trim meanwhile. A page in somebody's hands says so
 * (ptest_take()): handed out twice, it is noticed.
 */
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/slab.h>

#include "../module/arch/nmi.h"
#include "../module/compat/kunit.h"
#include "ptest.h"

/* Pages that a thread or an interrupt keeps at most. */
#define HANDS		8

struct race;

/**
 * struct actor - somebody who takes and gives pages, in a thread or in an interrupt
 * @race: the case
 * @rnd: its random numbers
 * @held: what it has
 * @nr: how many of them
 * @takes: pages it got
 * @gives: pages it gave back
 * @acts: how often it did anything
 */
struct actor {
	struct race *race;
	struct rnd_state rnd;
	struct page *held[HANDS];
	unsigned int nr;
	unsigned long takes;
	unsigned long gives;
	unsigned long acts;
};

/**
 * struct hammer - a hard interrupt on one CPU, over and over, at random times
 * @timer: raises it
 * @actor: what it does
 */
struct hammer {
	struct hrtimer timer;
	struct actor actor;
};

/**
 * struct race - a case
 * @take: gets a page, or %NULL; any context
 * @give: gives one back; any context
 * @sometimes: something that only a thread may do; now and then
 * @mode: of the hammers' timers
 * @rounds: what each thread does
 * @errors: pages that two had at once, or that were not as they should
 * @actors: one for each thread
 * @nmis: one for each CPU's NMIs, where there are any
 * @hammers: one for each CPU
 * @nr_threads: threads
 * @cache: of the stack's cases
 * @ql: of the quicklist's cases
 */
struct race {
	struct page *(*take)(struct actor *actor);
	void (*give)(struct actor *actor, struct page *page);
	void (*sometimes)(struct actor *actor);
	enum hrtimer_mode mode;
	unsigned long rounds;
	atomic_t errors;
	struct actor *actors;
	struct actor *nmis;
	struct hammer *hammers;
	int nr_threads;
	struct pcp_cache cache;
	struct ptkit_quicklist *ql;
};

/* ---- actors ---------------------------------------------------------------------------------- */

static void actor_take(struct actor *actor)
{
	struct page *page = actor->race->take(actor);

	if (!page)
		return;
	ptest_take(page, &actor->race->errors);
	actor->held[actor->nr++] = page;
	actor->takes++;
}

static void actor_give(struct actor *actor)
{
	unsigned int which = ptest_below(&actor->rnd, actor->nr);
	struct page *page = actor->held[which];

	actor->held[which] = actor->held[--actor->nr];
	ptest_give(page, &actor->race->errors);
	actor->race->give(actor, page);
	actor->gives++;
}

/* One page more or less. */
static void actor_act(struct actor *actor)
{
	actor->acts++;
	if (actor->nr < HANDS && (!actor->nr || ptest_below(&actor->rnd, 2)))
		actor_take(actor);
	else
		actor_give(actor);
}

static void actor_empty_hands(struct actor *actor)
{
	while (actor->nr)
		actor_give(actor);
}

static void thread_work(struct ptest_worker *self)
{
	struct race *race = self->arg;
	struct actor *actor = &race->actors[self->index];
	unsigned long i;

	actor->race = race;
	actor->rnd = self->rnd;
	for (i = 0; i < race->rounds && !READ_ONCE(self->stop); i++) {
		actor_act(actor);
		if (!ptest_below(&actor->rnd, 256))
			ptest_wander(&actor->rnd);
		if (race->sometimes && !ptest_below(&actor->rnd, 256))
			race->sometimes(actor);
		if (!(i % 1024))
			cond_resched();
	}
	actor_empty_hands(actor);
}

static enum hrtimer_restart hammer_fires(struct hrtimer *timer)
{
	struct hammer *hammer = container_of(timer, struct hammer, timer);
	unsigned int n = 1 + ptest_below(&hammer->actor.rnd, 4);

	while (n--)
		actor_act(&hammer->actor);
	hrtimer_forward_now(timer, ns_to_ktime(20000 + ptest_below(&hammer->actor.rnd, 200000)));
	return HRTIMER_RESTART;
}

static void hammer_stop(void *arg)
{
	struct hammer *hammer = arg;

	hrtimer_cancel(&hammer->timer);
	actor_empty_hands(&hammer->actor);
}

/* A timer fires on the CPU that started it. */
static void start_hammers(struct kunit *test, struct race *race)
{
	int cpu;

	race->hammers = kunit_kcalloc(test, nr_cpu_ids, sizeof(*race->hammers), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, race->hammers);
	for_each_online_cpu(cpu) {
		struct hammer *hammer = &race->hammers[cpu];

		hammer->actor.race = race;
		ptest_seed(test, &hammer->actor.rnd);
		ptkit_hrtimer_setup(&hammer->timer, hammer_fires, race->mode);
		ptest_defer(test, hammer_stop, hammer);
		ptest_pin(test, cpu);
		hrtimer_start(&hammer->timer, ns_to_ktime(50000), race->mode);
	}
	set_cpus_allowed_ptr(current, cpu_online_mask);
}

/* ---- NMIs ------------------------------------------------------------------------------------ */

static struct race *nmi_race;

static void nmi_hits(void)
{
	actor_act(&nmi_race->nmis[raw_smp_processor_id()]);
}

static void stop_nmis(void *unused)
{
	while (ptkit_arch_nmi_pending())
		cpu_relax();
	ptkit_arch_nmi_stop();
}

/* Where there are no NMIs at will, the case is run without. */
static void start_nmis(struct kunit *test, struct race *race)
{
	int cpu;

	race->nmis = kunit_kcalloc(test, nr_cpu_ids, sizeof(*race->nmis), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, race->nmis);
	for_each_possible_cpu(cpu) {
		race->nmis[cpu].race = race;
		ptest_seed(test, &race->nmis[cpu].rnd);
	}
	nmi_race = race;
	if (!ptkit_arch_nmi_start(nmi_hits))
		ptest_defer(test, stop_nmis, NULL);
}

/* An NMI for each CPU, many times, a few instructions apart. */
static void send_nmis(struct race *race, struct rnd_state *rnd)
{
	int cpu, i;

	for (i = 0; i < 20; i++) {
		for_each_online_cpu(cpu)
			ptkit_arch_nmi_send(cpu);
		ndelay(ptest_below(rnd, 5000));
	}
}

static void collect_from_nmis(struct race *race)
{
	int cpu;

	while (ptkit_arch_nmi_pending())
		cpu_relax();
	for_each_possible_cpu(cpu)
		actor_empty_hands(&race->nmis[cpu]);
}

/* ---- the race -------------------------------------------------------------------------------- */

static struct race *new_race(struct kunit *test, unsigned long rounds)
{
	struct race *race = kunit_kzalloc(test, sizeof(*race), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, race);
	/* Where PREEMPT_RT makes other interrupts threads, allocating is allowed in those. */
	race->mode = HRTIMER_MODE_REL_PINNED;
	race->rounds = ptest_rounds(rounds);
	race->nr_threads = 2 * num_online_cpus();
	race->actors = kunit_kcalloc(test, race->nr_threads, sizeof(*race->actors), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, race->actors);
	return race;
}

/* Threads, interrupts, and @meanwhile again and again until the threads are done. */
static void run_race(struct kunit *test, struct race *race,
		     void (*meanwhile)(struct race *race, struct rnd_state *rnd))
{
	struct ptest_worker *workers;
	struct rnd_state rnd;
	int cpu, i;

	ptest_seed(test, &rnd);
	start_hammers(test, race);
	workers = ptest_start(test, thread_work, race, race->nr_threads);
	for (i = 0; i < race->nr_threads; i++)
		while (!completion_done(&workers[i].done)) {
			if (meanwhile)
				meanwhile(race, &rnd);
			ptest_wander(&rnd);
			usleep_range(50, 200);
		}
	ptest_finish(test, workers, race->nr_threads);
	for_each_online_cpu(cpu)
		hammer_stop(&race->hammers[cpu]);
	if (race->nmis)
		collect_from_nmis(race);
	KUNIT_EXPECT_EQ(test, atomic_read(&race->errors), 0);
}

static void add_actor(struct actor *sum, const struct actor *actor)
{
	sum->takes += actor->takes;
	sum->gives += actor->gives;
	sum->acts += actor->acts;
}

/* What all actors did together. */
static struct actor sum_of(struct race *race)
{
	struct actor sum = { };
	int i, cpu;

	for (i = 0; i < race->nr_threads; i++)
		add_actor(&sum, &race->actors[i]);
	for_each_online_cpu(cpu) {
		add_actor(&sum, &race->hammers[cpu].actor);
		if (race->nmis)
			add_actor(&sum, &race->nmis[cpu]);
	}
	return sum;
}

/* Nobody was left out, and nobody kept anything. */
static struct actor expect_all_acted(struct kunit *test, struct race *race)
{
	struct actor sum = sum_of(race), irqs = { }, nmis = { };
	int cpu;

	for_each_online_cpu(cpu) {
		add_actor(&irqs, &race->hammers[cpu].actor);
		if (race->nmis)
			add_actor(&nmis, &race->nmis[cpu]);
	}
	kunit_info(test, "%lu pages taken, %lu by interrupts, %lu by NMIs\n", sum.takes, irqs.takes,
		   nmis.takes);
	KUNIT_EXPECT_GT(test, irqs.acts, 0UL);
	KUNIT_EXPECT_EQ(test, sum.takes, sum.gives);
	return sum;
}

/* ---- stacks ---------------------------------------------------------------------------------- */

/* Few, so that everybody meets on the same ones, and stacks run empty. */
#define RACE_PAGES	24

static struct page *race_pages[RACE_PAGES];

static void race_release(struct pcp_cache *cache, struct pcp_chain *pages)
{
	while (pcp_chain_del(pages))
		;
}

static void race_cache_exit(void *arg)
{
	struct race *race = arg;
	int i;

	pcp_cache_exit(&race->cache);
	for (i = 0; i < RACE_PAGES; i++) {
		if (!race_pages[i])
			continue;
		pcp_set_mark(race_pages[i], 0);
		set_page_private(race_pages[i], 0);
		__free_page(race_pages[i]);
		race_pages[i] = NULL;
	}
}

static struct page *stack_take(struct actor *actor)
{
	return pcp_pop(actor->race->cache.cpu);
}

static void stack_give(struct actor *actor, struct page *page)
{
	if (!pcp_push(actor->race->cache.cpu, page, ULONG_MAX))
		atomic_inc(&actor->race->errors);
}

/* Move pages between CPUs the slow way. */
static void stack_move(struct actor *actor)
{
	struct pcp_cache *cache = &actor->race->cache;
	struct pcp_chain chain = { };
	int cpu = raw_smp_processor_id();

	if (ptest_below(&actor->rnd, 2)) {
		pcp_take_local(cache, ptest_below(&actor->rnd, 8), &chain);
		pcp_put_local(cache, &chain);
		return;
	}
	cpu = ptest_other_cpu(cpu) >= 0 ? ptest_other_cpu(cpu) : cpu;
	pcp_take(cache, cpu, ptest_below(&actor->rnd, 8), &chain);
	pcp_put_local(cache, &chain);
}

static void stack_look(struct race *race, struct rnd_state *rnd)
{
	struct pcp_chain chain = { };
	struct pcp_snapshot sum;
	int node;

	pcp_snapshot_all(&race->cache, &sum);
	for_each_online_node(node)
		if (pcp_count_node(&race->cache, node) > RACE_PAGES)
			atomic_inc(&race->errors);
	pcp_take_above(&race->cache, ptest_below(rnd, 8), &chain);
	pcp_put_local(&race->cache, &chain);
}

static struct race *new_stack_race(struct kunit *test, unsigned long rounds)
{
	struct race *race = new_race(test, rounds);
	struct pcp_chain chain = { };
	int i;

	race->take = stack_take;
	race->give = stack_give;
	race->mode = HRTIMER_MODE_REL_PINNED_HARD;
	KUNIT_ASSERT_EQ(test, pcp_cache_init(&race->cache, race_release), 0);
	ptest_defer(test, race_cache_exit, race);
	for (i = 0; i < RACE_PAGES; i++) {
		race_pages[i] = alloc_page(GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, race_pages[i]);
		set_page_private(race_pages[i], 0);
		pcp_chain_add(&chain, race_pages[i]);
	}
	pcp_put_local(&race->cache, &chain);
	return race;
}

/* All pages are on the stacks again, each once. */
static void expect_every_page_once(struct kunit *test, struct race *race)
{
	struct pcp_chain chain = { };
	struct page *page;

	pcp_take_above(&race->cache, 0, &chain);
	KUNIT_EXPECT_EQ(test, chain.nr, 1UL * RACE_PAGES);
	while ((page = pcp_chain_del(&chain)))
		ptest_take(page, &race->errors);
	KUNIT_EXPECT_EQ(test, atomic_read(&race->errors), 0);
}

static void expect_counts(struct kunit *test, struct race *race)
{
	struct actor sum = expect_all_acted(test, race);
	struct pcp_snapshot snap;

	pcp_snapshot_all(&race->cache, &snap);
	KUNIT_EXPECT_EQ(test, snap.pops, sum.takes);
	KUNIT_EXPECT_EQ(test, snap.pushes, sum.gives);
	kunit_info(test, "%lu swaps had to be done again\n", snap.retries);
}

static void stack_bears_threads_that_wander_and_interrupts(struct kunit *test)
{
	struct race *race = new_stack_race(test, 100000);

	run_race(test, race, NULL);
	expect_counts(test, race);
	expect_every_page_once(test, race);
}

static void stack_bears_nmis(struct kunit *test)
{
	struct race *race = new_stack_race(test, 50000);

	start_nmis(test, race);
	run_race(test, race, send_nmis);
	expect_counts(test, race);
	expect_every_page_once(test, race);
}

static void stack_bears_slow_operations_beside_fast_ones(struct kunit *test)
{
	struct race *race = new_stack_race(test, 50000);

	race->sometimes = stack_move;
	run_race(test, race, stack_look);
	expect_counts(test, race);
	expect_every_page_once(test, race);
}

/* ---- quicklists ------------------------------------------------------------------------------ */

static bool looks_zero(struct page *page, struct rnd_state *rnd)
{
	u64 *words = page_address(page);
	u32 last = PAGE_SIZE / sizeof(*words) - 1;

	return !words[0] && !words[last] && !words[ptest_below(rnd, last)];
}

static void scribble(struct page *page, u64 value)
{
	u64 *words = page_address(page);

	words[0] = value;
	words[PAGE_SIZE / sizeof(*words) - 1] = value;
}

static struct page *ql_take(struct actor *actor)
{
	struct page *page = ptkit_quicklist_alloc(actor->race->ql, GFP_ATOMIC | __GFP_NOWARN);

	if (!page)
		return NULL;
	if (!looks_zero(page, &actor->rnd) || !ptkit_page_frozen(page))
		atomic_inc(&actor->race->errors);
	scribble(page, ~0ULL);
	return page;
}

static void ql_give(struct actor *actor, struct page *page)
{
	scribble(page, 0);
	ptkit_quicklist_free(actor->race->ql, page);
}

static void ql_trim(struct actor *actor)
{
	ptkit_quicklist_trim(actor->race->ql, ptest_below(&actor->rnd, 4), 8);
}

static void ql_meddle(struct race *race, struct rnd_state *rnd)
{
	struct ptkit_quicklist_stats stats;

	switch (ptest_below(rnd, 8)) {
	case 0:
		ptkit_quicklist_set_limit(race->ql, ptest_below(rnd, 40));
		break;
	case 1:
		ptkit_quicklist_set_limit(race->ql, PTKIT_LIMIT_AUTO);
		break;
	case 2:
		ptkit_quicklist_drain(race->ql, ptest_below(rnd, 10));
		break;
	case 3:
		if (ptkit_quicklist_verify(race->ql, NULL))
			atomic_inc(&race->errors);
		break;
	case 4:
		ptest_shrink(ptkit_quicklist_shrinker(race->ql), numa_mem_id(), 5);
		break;
	case 5:
		ptkit_frozen_drain();
		break;
	default:
		ptkit_quicklist_get_stats(race->ql, &stats);
		break;
	}
}

static void race_ql_destroy(void *ql)
{
	ptkit_quicklist_destroy(ql);
}

static void quicklist_bears_threads_interrupts_and_meddlers(struct kunit *test)
{
	struct ptkit_quicklist_stats s;
	struct actor sum;
	struct race *race;

	ptest_balanced(test);
	race = new_race(test, 100000);
	race->take = ql_take;
	race->give = ql_give;
	race->sometimes = ql_trim;
	race->ql = ptkit_quicklist_create("kunit_race", NULL, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, race->ql);
	ptest_defer(test, race_ql_destroy, race->ql);

	run_race(test, race, ql_meddle);
	sum = expect_all_acted(test, race);
	ptkit_quicklist_get_stats(race->ql, &s);
	KUNIT_EXPECT_EQ(test, s.in_use, 0L);
	KUNIT_EXPECT_EQ(test, s.hits + s.misses, sum.takes);
	KUNIT_EXPECT_EQ(test, s.frees, sum.gives);
	KUNIT_EXPECT_EQ(test, s.dirty, 0UL);
	KUNIT_EXPECT_EQ(test, s.misuse, 0UL);
	KUNIT_EXPECT_EQ(test, s.misses, s.cached + s.returned);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_verify(race->ql, NULL), 0L);
}

/* ---- frozen pages ---------------------------------------------------------------------------- */

static struct page *frozen_take(struct actor *actor)
{
	gfp_t zero = ptest_below(&actor->rnd, 4) ? 0 : __GFP_ZERO;
	struct page *page = ptkit_frozen_alloc(GFP_ATOMIC | __GFP_NOWARN | zero, 0);

	if (!page)
		return NULL;
	if (!ptkit_page_frozen(page) || (zero && !looks_zero(page, &actor->rnd)))
		atomic_inc(&actor->race->errors);
	scribble(page, ~0ULL);
	return page;
}

static void frozen_give(struct actor *actor, struct page *page)
{
	ptkit_frozen_free(page, 0);
}

static void some_bulk(struct actor *actor)
{
	struct page *pages[40];
	unsigned long got, i;

	got = ptkit_frozen_alloc_bulk(GFP_KERNEL, ptest_below(&actor->rnd, 40), pages);
	for (i = 0; i < got; i++)
		ptest_take(pages[i], &actor->race->errors);
	for (i = 0; i < got; i++)
		ptest_give(pages[i], &actor->race->errors);
	ptkit_frozen_free_bulk(pages, got);
}

static void some_block(struct actor *actor)
{
	unsigned int order = 1 + ptest_below(&actor->rnd, 4), i;
	gfp_t comp = ptest_below(&actor->rnd, 2) ? __GFP_COMP : 0;
	struct page *page = ptkit_frozen_alloc(GFP_KERNEL | comp, order);

	if (!page)
		return;
	if (comp || ptest_below(&actor->rnd, 2)) {
		ptkit_frozen_free(page, order);
		return;
	}
	if (ptkit_frozen_split(page, order))
		atomic_inc(&actor->race->errors);
	for (i = 0; i < 1U << order; i++) {
		set_page_private(page + i, 0);
		ptkit_frozen_free(page + i, 0);
	}
}

static void some_set(struct actor *actor)
{
	struct ptkit_frozen_set set = { };
	unsigned int i;

	for (i = 0; i < 5; i++)
		ptkit_frozen_set_add(&set, GFP_KERNEL, ptest_below(&actor->rnd, 3));
	ptkit_frozen_set_rollback(&set);
}

static void some_thaw(struct actor *actor)
{
	struct page *page = ptkit_frozen_alloc(GFP_KERNEL, 0);

	if (!page)
		return;
	if (ptkit_page_thaw(page, 2) || ptkit_page_try_freeze(page))
		atomic_inc(&actor->race->errors);
	put_page(page);
	/* Nobody else has a reference, but somebody may be asking for one. */
	while (ptkit_page_freeze(page))
		cpu_relax();
	ptkit_frozen_free(page, 0);
}

static void frozen_sometimes(struct actor *actor)
{
	static void (*const some[])(struct actor *actor) = {
		some_bulk, some_block, some_set, some_thaw,
	};

	some[ptest_below(&actor->rnd, ARRAY_SIZE(some))](actor);
}

static void frozen_meddle(struct race *race, struct rnd_state *rnd)
{
	switch (ptest_below(rnd, 4)) {
	case 0:
		ptkit_frozen_drain();
		break;
	case 1:
		ptkit_frozen_set_limit(ptest_below(rnd, 100));
		break;
	case 2:
		ptest_shrink(ptkit_frozen_shrinker(), numa_mem_id(), 5);
		break;
	default:
		ptest_stats();
		break;
	}
}

static void race_restore_limit(void *unused)
{
	ptkit_frozen_set_limit(128);
}

static void frozen_pages_bear_threads_interrupts_and_meddlers(struct kunit *test)
{
	unsigned long misuse = ptest_stats().misuse;
	struct race *race;

	ptest_balanced(test);
	ptest_defer(test, race_restore_limit, NULL);
	race = new_race(test, 100000);
	race->take = frozen_take;
	race->give = frozen_give;
	race->sometimes = frozen_sometimes;
	run_race(test, race, frozen_meddle);
	expect_all_acted(test, race);
	KUNIT_EXPECT_EQ(test, ptest_stats().misuse, misuse);
}

/* ---- references of others -------------------------------------------------------------------- */

#define SLOTS		16

/**
 * struct guesses - pages that others try to get hold of
 * @now: the page that is being worked with
 * @pages: pages that were, and may be again
 * @waiting: frozen pages that are to be worked with; without them it would always be the same one
 * @rounds: tries of each getter, or more
 * @lives: pages that have been through everything; the getters go on until there are enough
 * @end: in jiffies: when it is enough in any case
 * @got: references that were got
 * @over: getters that are done
 */
struct guesses {
	struct page *now;
	struct page *pages[SLOTS];
	struct page *waiting[SLOTS];
	unsigned long rounds;
	unsigned long lives;
	unsigned long end;
	atomic_long_t got;
	atomic_t over;
};

/* Lives enough to meet in all of their states, should CPUs take turns; and they met. */
static bool guessed_enough(struct guesses *g, unsigned long rounds, unsigned long got)
{
	return (rounds >= g->rounds && READ_ONCE(g->lives) >= ptest_rounds(2000) && got) ||
	       time_after(jiffies, g->end);
}

static struct page *guess(struct guesses *g, struct rnd_state *rnd)
{
	u32 slot = ptest_below(rnd, SLOTS + SLOTS / 4);

	return slot < SLOTS ? READ_ONCE(g->pages[slot]) : READ_ONCE(g->now);
}

/*
 * As GUP, compaction or the page cache do it: find a page by some old pointer, get a reference if
 * there are any, see that it is not what one wanted, and let go.
 */
static void getter_work(struct ptest_worker *self)
{
	struct guesses *g = self->arg;
	unsigned long i, got = 0;

	for (i = 0; !guessed_enough(g, i, got) && !READ_ONCE(self->stop); i++) {
		struct page *page = guess(g, &self->rnd);

		if (page && get_page_unless_zero(page)) {
			got++;
			/* Now and then for longer than a freeze waits. */
			if (!ptest_below(&self->rnd, 256))
				usleep_range(20, 100);
			put_page(page);
		}
		if (!(i % 512))
			cond_resched();
	}
	atomic_long_add(got, &g->got);
	atomic_inc(&g->over);
}

static void expose(struct guesses *g, struct rnd_state *rnd, struct page *page)
{
	WRITE_ONCE(g->pages[ptest_below(rnd, SLOTS)], g->now);
	WRITE_ONCE(g->now, page);
}

static void wait_a_little(struct rnd_state *rnd)
{
	u32 n = ptest_below(rnd, 1000);

	while (n--)
		cpu_relax();
	/* The others may be on this CPU, too. */
	cond_resched();
}

/* Queue @new, which may be %NULL; returns the page that has waited longest, or %NULL. */
static struct page *next_waiting(struct guesses *g, struct page *new)
{
	struct page *page = g->waiting[g->lives % SLOTS];

	g->waiting[g->lives % SLOTS] = new;
	return page;
}

/* A page goes through every state that somebody can catch it in. */
static void single_page_life(struct kunit *test, struct guesses *g, struct rnd_state *rnd)
{
	struct page *page = next_waiting(g, ptkit_frozen_alloc(GFP_KERNEL, 0));

	if (!page)
		return;
	expose(g, rnd, page);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 0);
	KUNIT_EXPECT_EQ(test, ptkit_page_thaw(page, 1), 0);
	wait_a_little(rnd);
	if (ptest_below(rnd, 4)) {
		while (ptkit_page_freeze(page))
			cond_resched();
		KUNIT_EXPECT_EQ(test, page_ref_count(page), 0);
		ptkit_frozen_free(page, 0);
	} else {
		put_page(page);
	}
}

static void block_life(struct kunit *test, struct guesses *g, struct rnd_state *rnd)
{
	unsigned int order = 1 + ptest_below(rnd, 3);
	gfp_t comp = ptest_below(rnd, 2) ? __GFP_COMP : 0;
	struct page *page = ptkit_frozen_alloc(GFP_KERNEL | comp, order);

	KUNIT_ASSERT_NOT_NULL(test, page);
	expose(g, rnd, page + 1);
	expose(g, rnd, page);
	if (ptest_below(rnd, 2)) {
		ptkit_frozen_free(page, order);
		return;
	}
	KUNIT_EXPECT_EQ(test, ptkit_page_thaw(page, 1), 0);
	wait_a_little(rnd);
	__free_pages(page, order);
}

static void bulk_life(struct kunit *test, struct guesses *g, struct rnd_state *rnd)
{
	struct page *pages[20];
	unsigned long i, got;

	got = ptkit_frozen_alloc_bulk(GFP_KERNEL, ARRAY_SIZE(pages), pages);
	KUNIT_EXPECT_EQ(test, got, 1UL * ARRAY_SIZE(pages));
	for (i = 0; i < got; i++) {
		expose(g, rnd, pages[i]);
		KUNIT_EXPECT_EQ(test, page_ref_count(pages[i]), 0);
	}
	ptkit_frozen_free_bulk(pages, got);
}

static void frozen_pages_bear_references_of_others(struct kunit *test)
{
	int nr = max(num_online_cpus() - 1, 1U);
	struct guesses *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	struct ptkit_frozen_stats before = ptest_stats(), after;
	unsigned long free = global_zone_page_state(NR_FREE_PAGES);
	struct ptest_worker *getters;
	struct rnd_state rnd;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, g);
	ptest_balanced(test);
	ptest_seed(test, &rnd);
	g->rounds = ptest_rounds(1000000) / nr;
	g->end = jiffies + 40 * HZ;
	getters = ptest_start(test, getter_work, g, nr);
	while (atomic_read(&g->over) < nr) {
		single_page_life(test, g, &rnd);
		if (!(g->lives % 4))
			block_life(test, g, &rnd);
		if (!(g->lives % 16))
			bulk_life(test, g, &rnd);
		/* Keep the host's allocator in it: its pages come with a reference to freeze. */
		if (!(g->lives % 32))
			ptkit_frozen_drain();
		WRITE_ONCE(g->lives, g->lives + 1);
		cond_resched();
	}
	ptest_finish(test, getters, nr);
	for (i = 0; i < SLOTS; i++)
		if (g->waiting[i])
			ptkit_frozen_free(g->waiting[i], 0);
	after = ptest_stats();
	if (time_after(jiffies, g->end))
		kunit_warn(test, "too slow a machine: not all rounds were run\n");
	kunit_info(test, "%lu lives, %ld references, %lu freezes contended, %lu pages abandoned\n",
		   g->lives, atomic_long_read(&g->got), after.contended - before.contended,
		   after.abandoned - before.abandoned);
	KUNIT_EXPECT_GT(test, atomic_long_read(&g->got), 0L);
	KUNIT_EXPECT_EQ(test, after.misuse, before.misuse);
	/* A page lost in one of a hundred lives would show, in spite of what else goes on. */
	ptkit_frozen_drain();
	KUNIT_EXPECT_GT(test, global_zone_page_state(NR_FREE_PAGES) + 2048, free);
}

static struct kunit_case races_cases[] = {
	KUNIT_CASE(stack_bears_threads_that_wander_and_interrupts),
	KUNIT_CASE(stack_bears_nmis),
	KUNIT_CASE(stack_bears_slow_operations_beside_fast_ones),
	KUNIT_CASE(quicklist_bears_threads_interrupts_and_meddlers),
	KUNIT_CASE(frozen_pages_bear_threads_interrupts_and_meddlers),
	KUNIT_CASE(frozen_pages_bear_references_of_others),
	{ }
};

struct kunit_suite ptkit_races_suite = {
	.name = "ptkit_races",
	.test_cases = races_cases,
};
