// SPDX-License-Identifier: GPL-2.0
/*
 * Actors: who does what, where and when.
 *
 * Each thread has three companions: a timer, an hrtimer and an irq_work, which it starts, each for
 * one time, on the CPU where it is: so wherever the threads go, softirqs and hard interrupts come
 * between any two of their instructions, whatever CPUs come and go. An actor never runs twice at
 * once.
 *
 * Things change hands in the exchange: some places, each under its own lock for the time of a copy.
 * What one actor took in a task another gives back in an interrupt, on another CPU.
 *
 * The random numbers of an actor follow from the seed and from who he is. With one thread, no
 * companions and a given number of steps the same things happen again; @trace says so.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/hash.h>
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/timer.h>

#include "../compat/timer.h"
#include "torture.h"

#define EXCHANGE_PLACES	32

/**
 * struct torture_group - a thread and its companions
 * @actor: one for each context
 * @timer: of the softirq's
 * @hrtimer: of the hard interrupt's
 * @work: of the irq_work's
 * @task: the thread
 * @done: it has given back what it had
 */
struct torture_group {
	struct torture_actor actor[TORTURE_NR_CONTEXTS];
	struct timer_list timer;
	struct hrtimer hrtimer;
	struct irq_work work;
	struct task_struct *task;
	struct completion done;
};

/**
 * struct exchange_place - where a thing changes hands
 * @lock: protects the other two
 * @full: is there one?
 * @thing: it
 */
struct exchange_place {
	raw_spinlock_t lock;
	bool full;
	struct torture_thing thing;
};

unsigned long torture_seed;

static struct torture_group **groups;
static unsigned int nr_groups;
static unsigned long max_steps;
static bool alone;
static struct exchange_place exchange[EXCHANGE_PLACES];

u32 torture_below(struct torture_actor *actor, u32 limit)
{
	u32 choice = prandom_u32_state(&actor->rnd) % limit;

	actor->trace = hash_32(actor->trace ^ choice, 32) + 1;
	return choice;
}

gfp_t torture_gfp(const struct torture_actor *actor)
{
	/* Memory gets short, and nobody is to be killed for our sake. */
	if (actor->context == TORTURE_TASK)
		return GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY;
	return GFP_NOWAIT | __GFP_NOWARN;
}

/* ---- stamps ---------------------------------------------------------------------------------- */

/* @stamp into the first and the last word, or 0 to remove it. */
void torture_mark(void *start, size_t size, unsigned long stamp)
{
	unsigned long *words = start;

	WRITE_ONCE(words[0], stamp);
	WRITE_ONCE(words[size / sizeof(long) - 1], stamp);
}

bool torture_marked(const void *start, size_t size, unsigned long stamp, const char *what)
{
	const unsigned long *words = start;
	unsigned long first = READ_ONCE(words[0]), last = READ_ONCE(words[size / sizeof(long) - 1]);

	if (likely(first == stamp && last == stamp))
		return true;
	torture_error("%s of %lx has the stamps %lx and %lx", what, stamp, first, last);
	return false;
}

/* Of a thousand actors and four billion things each; 0 is nobody's. */
unsigned long torture_stamp(struct torture_actor *actor)
{
	return (actor->id + 1UL) << 32 | ++actor->serial;
}

/* ---- what an actor does ---------------------------------------------------------------------- */

static bool is_task(const struct torture_actor *actor)
{
	return actor->context == TORTURE_TASK;
}

static void actor_take(struct torture_actor *actor)
{
	struct torture_thing *thing = &actor->hand[actor->nr];
	unsigned int which = torture_below(actor, TORTURE_NR_KINDS);
	const struct torture_kind *kind = torture_kinds[which];

	if (!torture_kind_there[which] || (kind->task_only && !is_task(actor)))
		return;
	thing->kind = kind;
	thing->stamp = torture_stamp(actor);
	if (kind->take(actor, thing)) {
		actor->nr++;
		actor->takes[which]++;
	} else {
		actor->failed++;
	}
}

static bool actor_check(struct torture_actor *actor, unsigned int which)
{
	struct torture_thing *thing = &actor->hand[which];

	if (!thing->kind->check(thing))
		return false;
	actor->checks++;
	return true;
}

static void actor_drop(struct torture_actor *actor, unsigned int which)
{
	actor->hand[which] = actor->hand[--actor->nr];
}

static void actor_give(struct torture_actor *actor, unsigned int which)
{
	struct torture_thing thing = actor->hand[which];

	/* After an error nothing is freed: what is wrong would only spread. */
	if (READ_ONCE(torture_stop) || !actor_check(actor, which))
		return;
	actor_drop(actor, which);
	thing.kind->give(actor, &thing);
}

/* Put a thing into the exchange, or take what is there, or both. */
static void actor_trade(struct torture_actor *actor, unsigned int which)
{
	struct exchange_place *place = &exchange[torture_below(actor, EXCHANGE_PLACES)];
	struct torture_thing *mine = &actor->hand[which], theirs;
	unsigned long flags;
	bool got;

	if (mine->kind->task_only)
		return;
	raw_spin_lock_irqsave(&place->lock, flags);
	got = place->full;
	theirs = place->thing;
	place->thing = *mine;
	place->full = true;
	raw_spin_unlock_irqrestore(&place->lock, flags);
	if (got)
		*mine = theirs;
	else
		actor_drop(actor, which);
}

static void actor_step(struct torture_actor *actor)
{
	unsigned int choice = torture_below(actor, 16), which;

	actor->steps++;
	if (!actor->nr || (choice < 8 && actor->nr < TORTURE_HANDS)) {
		actor_take(actor);
		return;
	}
	which = torture_below(actor, actor->nr);
	if (choice == 15)
		actor_check(actor, which);
	else if (choice == 14)
		actor_trade(actor, which);
	else
		actor_give(actor, which);
}

static void actor_empty_hands(struct torture_actor *actor)
{
	while (actor->nr && !READ_ONCE(torture_stop))
		actor_give(actor, actor->nr - 1);
}

/* A few steps, unless he is in the middle of some. */
static void actor_runs(struct torture_actor *actor)
{
	unsigned int nr;

	if (atomic_xchg(&actor->busy, 1))
		return;
	for (nr = 1 + torture_below(actor, 6); nr && !READ_ONCE(torture_stop); nr--)
		actor_step(actor);
	atomic_set_release(&actor->busy, 0);
}

/* ---- companions ------------------------------------------------------------------------------ */

static void timer_fires(struct timer_list *timer)
{
	actor_runs(&container_of(timer, struct torture_group, timer)->actor[TORTURE_SOFTIRQ]);
}

static enum hrtimer_restart hrtimer_fires(struct hrtimer *hrtimer)
{
	struct torture_group *group = container_of(hrtimer, struct torture_group, hrtimer);

	actor_runs(&group->actor[TORTURE_HARDIRQ]);
	return HRTIMER_NORESTART;
}

static void work_runs(struct irq_work *work)
{
	actor_runs(&container_of(work, struct torture_group, work)->actor[TORTURE_IRQ_WORK]);
}

/* Where PREEMPT_RT makes other interrupts threads, allocating is allowed in those. */
static void companions_init(struct torture_group *group)
{
	timer_setup(&group->timer, timer_fires, TIMER_PINNED);
	ptkit_hrtimer_setup(&group->hrtimer, hrtimer_fires, HRTIMER_MODE_REL_PINNED);
	init_irq_work(&group->work, work_runs);
}

static void companions_start(struct torture_group *group)
{
	struct torture_actor *actor = &group->actor[TORTURE_TASK];
	u32 ns = 2000 + torture_below(actor, 60000);

	if (alone)
		return;
	if (!timer_pending(&group->timer))
		mod_timer(&group->timer, jiffies + 1);
	if (!hrtimer_active(&group->hrtimer))
		hrtimer_start(&group->hrtimer, ns_to_ktime(ns), HRTIMER_MODE_REL_PINNED);
	if (!(ns % 8) && !irq_work_is_busy(&group->work))
		irq_work_queue(&group->work);
}

static void companions_stop(struct torture_group *group)
{
	ptkit_timer_delete_sync(&group->timer);
	hrtimer_cancel(&group->hrtimer);
	irq_work_sync(&group->work);
}

/* ---- threads --------------------------------------------------------------------------------- */

static void wander(struct torture_actor *actor)
{
	int cpu = cpumask_next(torture_below(actor, nr_cpu_ids) - 1, cpu_online_mask);

	if (cpu >= nr_cpu_ids)
		cpu = cpumask_first(cpu_online_mask);
	/* It may have gone offline by now; then we stay. */
	set_cpus_allowed_ptr(current, cpumask_of(cpu));
}

static void do_sometimes(struct torture_actor *actor)
{
	unsigned int which = torture_below(actor, TORTURE_NR_KINDS);

	if (torture_kind_there[which] && torture_kinds[which]->sometimes)
		torture_kinds[which]->sometimes(actor);
}

static bool time_is_up(const struct torture_actor *actor)
{
	return READ_ONCE(torture_stop) || kthread_should_stop() ||
	       (max_steps && actor->steps >= max_steps);
}

static int thread_fn(void *arg)
{
	struct torture_group *group = arg;
	struct torture_actor *actor = &group->actor[TORTURE_TASK];
	int context;

	/* What this CPU's lists have decides what happens: nothing may depend on where we began. */
	wander(actor);
	while (!time_is_up(actor)) {
		actor_step(actor);
		if (!torture_below(actor, 32))
			companions_start(group);
		if (!torture_below(actor, 256))
			wander(actor);
		if (!torture_below(actor, 512))
			do_sometimes(actor);
		if (!(actor->steps % 512))
			cond_resched();
	}

	companions_stop(group);
	for (context = 0; context < TORTURE_NR_CONTEXTS; context++)
		actor_empty_hands(&group->actor[context]);
	complete(&group->done);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ / 10);
	return 0;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static int actor_init(struct torture_actor *actor, unsigned int id, enum torture_context context)
{
	actor->id = id;
	actor->context = context;
	prandom_seed_state(&actor->rnd, torture_seed + id * 0x9e3779b97f4a7c15UL);
	actor->takes = kcalloc(TORTURE_NR_KINDS, sizeof(*actor->takes), GFP_KERNEL);
	return actor->takes ? 0 : -ENOMEM;
}

static struct torture_group *group_alloc(unsigned int nr)
{
	struct torture_group *group = kzalloc(sizeof(*group), GFP_KERNEL);
	int context, ret = 0;

	if (!group)
		return NULL;
	groups[nr_groups++] = group;
	for (context = 0; context < TORTURE_NR_CONTEXTS && !ret; context++)
		ret = actor_init(&group->actor[context], nr * TORTURE_NR_CONTEXTS + context,
				 context);
	init_completion(&group->done);
	companions_init(group);
	return ret ? NULL : group;
}

/**
 * torture_actors_start - everybody begins
 * @threads: how many, with three companions each
 * @steps: of each, or 0: until they are stopped; with one thread only, it has no companions
 *
 * Context: process context, may sleep.
 * Return: 0 or an errno; torture_actors_free() has to be called in either case.
 */
int torture_actors_start(unsigned int threads, unsigned long steps)
{
	unsigned int i;

	max_steps = steps;
	alone = steps && threads == 1;
	for (i = 0; i < EXCHANGE_PLACES; i++)
		raw_spin_lock_init(&exchange[i].lock);
	groups = kcalloc(threads, sizeof(*groups), GFP_KERNEL);
	if (!groups)
		return -ENOMEM;
	for (i = 0; i < threads; i++)
		if (!group_alloc(i))
			return -ENOMEM;
	for (i = 0; i < threads; i++) {
		struct task_struct *task = kthread_run(thread_fn, groups[i], "torture/%u", i);

		if (IS_ERR(task))
			return PTR_ERR(task);
		groups[i]->task = task;
	}
	return 0;
}

/* Has each of them done all his steps? */
bool torture_actors_done(void)
{
	unsigned int i;

	for (i = 0; i < nr_groups; i++)
		if (!completion_done(&groups[i]->done))
			return false;
	return true;
}

/* What is still in the exchange: nobody else is there any more. */
static void exchange_empty(void)
{
	struct torture_actor *actor = &groups[0]->actor[TORTURE_TASK];
	unsigned int i;

	for (i = 0; i < EXCHANGE_PLACES && !READ_ONCE(torture_stop); i++) {
		if (!exchange[i].full)
			continue;
		exchange[i].full = false;
		actor->hand[actor->nr++] = exchange[i].thing;
		actor_empty_hands(actor);
	}
}

/**
 * torture_actors_finish - everybody ends, and gives back what he has
 *
 * Context: process context, may sleep.
 */
void torture_actors_finish(void)
{
	unsigned int i;

	for (i = 0; i < nr_groups; i++) {
		if (groups[i]->task)
			kthread_stop(groups[i]->task);
		groups[i]->task = NULL;
	}
	if (nr_groups)
		exchange_empty();
}

void torture_actors_free(void)
{
	unsigned int i;
	int context;

	for (i = 0; i < nr_groups; i++) {
		for (context = 0; context < TORTURE_NR_CONTEXTS; context++)
			kfree(groups[i]->actor[context].takes);
		kfree(groups[i]);
	}
	kfree(groups);
	nr_groups = 0;
}

static void actor_add(struct torture_sum *sum, const struct torture_actor *actor)
{
	int kind;

	sum->steps[actor->context] += actor->steps;
	sum->failed += actor->failed;
	sum->checks += actor->checks;
	for (kind = 0; kind < TORTURE_NR_KINDS; kind++) {
		sum->takes[kind] += actor->takes[kind];
		if (actor->context != TORTURE_TASK)
			sum->irq_takes[kind] += actor->takes[kind];
	}
}

/* Exact when they have finished. */
void torture_actors_sum(struct torture_sum *sum)
{
	unsigned int i;
	int context;

	memset(sum, 0, sizeof(*sum));
	for (i = 0; i < nr_groups; i++)
		for (context = 0; context < TORTURE_NR_CONTEXTS; context++)
			actor_add(sum, &groups[i]->actor[context]);
	if (nr_groups)
		sum->trace = groups[0]->actor[TORTURE_TASK].trace;
}
