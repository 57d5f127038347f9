// SPDX-License-Identifier: GPL-2.0
/*
 * Runs a benchmark: threads, rounds, calls, how many loops make a call.
 *
 * Every thread does the same steps and meets the others at a barrier before and after each; what
 * is timed lies between two barriers. Barriers count arrivals and never reset, so a thread that is
 * late cannot meet the next one. Who finds an error, and whoever started the run and is killed,
 * sets run->error; from then on barriers hold nobody and every thread leaves.
 *
 * The order of the sides alternates from round to round: what one leaves behind (caches, pages on
 * the host's lists) meets both sides equally often.
 */
#include <linux/bits.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "bench.h"

/*
 * What a call of a side takes: long against reading a clock, short against the time slices of a
 * scheduler, of the guest's or its host's.
 */
#define BENCH_SIDE_NS		400000
/*
 * Calls in a round of several threads. These may be more than the CPUs of a host, of which a guest
 * knows nothing, and which takes one thread's CPU away for another's; see bench_typical().
 */
#define BENCH_CROWD_CALLS	8
#define BENCH_MAX_LOOPS		BIT(22)
/* Tries of which the fastest counts when loops are calibrated: one may be disturbed. */
#define BENCH_TRIES		3
#define BENCH_WARMUP		3
/* A run ends after so many seconds, whatever it does. */
#define BENCH_TIMEOUT		60
/* Shares that a call may take with what is not timed, if it need not for the time to be told. */
#define BENCH_WALL_SHARES	50

struct bench_crew {
	struct bench_run run;
	struct completion done;
	struct bench_thread threads[];
};

static void bench_fail(struct bench_run *run, int error)
{
	cmpxchg(&run->error, 0, error);
}

/**
 * bench_sync - wait until all threads are here
 * @t: this thread
 *
 * Context: process context; spins, but gives way.
 * Return: true, or false if the run is to end.
 */
bool bench_sync(struct bench_thread *t)
{
	struct bench_run *run = t->run;
	long target = ++t->barriers * run->params.cpus;

	/* A full barrier: what this thread did is there for who sees it arrive. */
	atomic_long_inc_return(&run->arrived);
	while (atomic_long_read_acquire(&run->arrived) < target && !bench_failed(run)) {
		cond_resched();
		cpu_relax();
	}
	return !bench_failed(run);
}

/**
 * bench_empty - the loop around an operation, and nothing in it
 * @t: this thread
 * @loops: how often
 *
 * Return: 0
 */
int bench_empty(struct bench_thread *t, unsigned long loops)
{
	unsigned long i;

	bench_start(t);
	for (i = 0; i < loops; i++)
		barrier();
	bench_stop(t, loops);
	return 0;
}

static unsigned int bench_calls(const struct bench_run *run)
{
	return run->params.cpus > 1 ? BENCH_CROWD_CALLS : 1;
}

/* One side, once, on all threads. False if the run is to end. */
static bool bench_once(struct bench_thread *t, enum bench_variant variant)
{
	struct bench_run *run = t->run;
	bench_fn fn = run->params.bench->run[variant] ?: bench_empty;
	unsigned int calls = bench_calls(run);
	int ret;

	if (!bench_sync(t))
		return false;
	/* Not before: the leader may still have read the last times. */
	memset(t->parts, 0, sizeof(t->parts));
	while (calls-- && !bench_failed(run)) {
		ret = fn(t, run->loops[variant]);
		if (ret)
			bench_fail(run, ret);
		cond_resched();
	}
	return bench_sync(t);
}

static u32 bench_each(u64 ns, u64 ops)
{
	return ops ? min_t(u64, ns * BENCH_UNIT / ops, U32_MAX) : 0;
}

/**
 * bench_lot - note what a lot took
 * @t: this thread
 * @part: which part of the operation was timed
 * @ops: how often it was done
 * @ns: in which time
 */
void bench_lot(struct bench_thread *t, unsigned int part, u64 ops, u64 ns)
{
	struct bench_part *p = &t->parts[part];

	p->ns += ns;
	p->ops += ops;
	if (p->nr_lots < BENCH_LOTS)
		p->lots[p->nr_lots++] = bench_each(ns, ops);
}

/*
 * The median of all threads' lots. A mean would tell whose CPU was taken away in the midst of a
 * lot, which costs more than all else of a round together.
 */
static u32 bench_typical(const struct bench_thread *leader, unsigned int part)
{
	const struct bench_run *run = leader->run;
	const struct bench_part *p;
	unsigned int i, nr = 0;

	for (i = 0; i < run->params.cpus; i++) {
		p = &leader[i].parts[part];
		memcpy(run->lots + nr, p->lots, p->nr_lots * sizeof(*p->lots));
		nr += p->nr_lots;
	}
	return bench_median(run->lots, nr);
}

/* The leader, when a side has run: the time for one operation. */
static void bench_note(const struct bench_thread *leader, enum bench_variant variant,
		       unsigned int round)
{
	const struct bench_run *run = leader->run;
	const struct bench_part *p;
	unsigned int part;
	u64 sum = 0;
	u32 each;

	for (part = 0; part < BENCH_PARTS; part++) {
		p = &leader->parts[part];
		each = run->params.cpus > 1 ? bench_typical(leader, part) :
					      bench_each(p->ns, p->ops);
		bench_sample(run, variant, part)[round] = each;
		sum += each;
	}
	bench_sample(run, variant, BENCH_PARTS)[round] = min_t(u64, sum, U32_MAX);
}

/* The leader: how long the slowest thread took for a call. */
static u64 bench_slowest(const struct bench_thread *leader)
{
	unsigned int i, part;
	u64 ns, slowest = 1;

	for (i = 0; i < leader->run->params.cpus; i++) {
		for (ns = 0, part = 0; part < BENCH_PARTS; part++)
			ns += leader[i].parts[part].ns;
		slowest = max(slowest, ns / bench_calls(leader->run));
	}
	return slowest;
}

/* The leader: more loops, until their time can be told; then as many as make a side's share. */
static bool bench_enough(struct bench_run *run, enum bench_variant variant, u64 ns, u64 wall)
{
	unsigned long most = BENCH_MAX_LOOPS / max(run->params.n, 1U);

	if (ns < BENCH_SIDE_NS / 8 && run->loops[variant] < most) {
		run->loops[variant] = min(run->loops[variant] * 4, most);
		return false;
	}
	most = clamp_t(u64, run->loops[variant] * BENCH_WALL_SHARES * BENCH_SIDE_NS / wall,
		       run->loops[variant], most);
	run->loops[variant] = clamp_t(u64, run->loops[variant] * BENCH_SIDE_NS / ns, 1, most);
	return true;
}

static bool bench_calibrate(struct bench_thread *t, enum bench_variant variant)
{
	struct bench_run *run = t->run;
	unsigned int runs = BENCH_TRIES * bench_calls(run);
	u64 fastest, begin;
	int try;

	do {
		fastest = U64_MAX;
		begin = ktime_get_ns();
		for (try = 0; try < BENCH_TRIES; try++) {
			if (!bench_once(t, variant))
				return false;
			if (!t->index)
				fastest = min(fastest, bench_slowest(t));
		}
		if (!t->index)
			run->calibrated = run->params.loops ||
					  bench_enough(run, variant, fastest,
						       (ktime_get_ns() - begin) / runs + 1);
		if (!bench_sync(t))
			return false;
	} while (!run->calibrated);
	return true;
}

static bool bench_round(struct bench_thread *t, unsigned int round, bool warm)
{
	enum bench_variant variant;
	unsigned int i;

	for (i = 0; i < NR_BENCH_VARIANTS; i++) {
		variant = round & 1 ? NR_BENCH_VARIANTS - 1 - i : i;
		if (!bench_once(t, variant))
			return false;
		if (!t->index && warm)
			bench_note(t, variant, round);
	}
	return true;
}

static void bench_rounds(struct bench_thread *t)
{
	enum bench_variant variant;
	unsigned int round;

	for (variant = 0; variant < NR_BENCH_VARIANTS; variant++)
		if (!bench_calibrate(t, variant))
			return;
	for (round = 0; round < BENCH_WARMUP; round++)
		if (!bench_round(t, round, false))
			return;
	for (round = 0; round < t->run->params.rounds; round++)
		if (!bench_round(t, round, true))
			return;
}

static int bench_thread(void *data)
{
	struct bench_thread *t = data;
	struct bench_crew *crew = container_of(t->run, struct bench_crew, run);

	bench_rounds(t);
	if (atomic_dec_and_test(&t->run->running))
		complete(&crew->done);

	/* Whoever unloads the module must not find this thread in its code. */
	set_current_state(TASK_INTERRUPTIBLE);
	while (!kthread_should_stop()) {
		schedule();
		set_current_state(TASK_INTERRUPTIBLE);
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

static void bench_dismiss(struct bench_crew *crew)
{
	unsigned int i;

	for (i = 0; i < crew->run.params.cpus; i++)
		if (crew->threads[i].task)
			kthread_stop(crew->threads[i].task);
}

/* A thread for each of the first CPUs, not yet running. */
static int bench_hire(struct bench_crew *crew)
{
	struct bench_thread *t = crew->threads;
	struct task_struct *task;
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		if (t - crew->threads == crew->run.params.cpus)
			break;
		t->run = &crew->run;
		t->index = t - crew->threads;
		task = kthread_create_on_node(bench_thread, t, cpu_to_node(cpu), "ptkit_bench/%u",
					      cpu);
		if (IS_ERR(task))
			return PTR_ERR(task);
		kthread_bind(task, cpu);
		t->task = task;
		t++;
	}
	return t - crew->threads == crew->run.params.cpus ? 0 : -EINVAL;
}

/* Runs the crew to its end, or to the end of the patience of who started it. */
static int bench_work(struct bench_crew *crew)
{
	unsigned int i;
	long left;

	atomic_set(&crew->run.running, crew->run.params.cpus);
	for (i = 0; i < crew->run.params.cpus; i++)
		wake_up_process(crew->threads[i].task);

	left = wait_for_completion_killable_timeout(&crew->done, BENCH_TIMEOUT * HZ);
	if (left <= 0) {
		bench_fail(&crew->run, left ? -EINTR : -ETIMEDOUT);
		wait_for_completion(&crew->done);
	}
	return crew->run.error;
}

static int bench_crew_run(struct bench_crew *crew)
{
	struct bench_run *run = &crew->run;
	const struct bench *bench = run->params.bench;
	int ret;

	if (bench->setup) {
		ret = bench->setup(run);
		if (ret)
			return ret;
	}
	ret = bench_hire(crew);
	if (!ret)
		ret = bench_work(crew);
	bench_dismiss(crew);
	if (bench->teardown)
		bench->teardown(run);
	return ret;
}

/**
 * bench_run - run a benchmark and keep its result
 * @params: which, and how; must make sense
 *
 * Context: process context, sleeps until it is over; a fatal signal ends it within a round.
 * Return: 0; -EINTR, -ETIMEDOUT, -ENOMEM, or what the benchmark failed with. Then there is no
 * result.
 */
int bench_run(const struct bench_params *params)
{
	struct bench_crew *crew;
	unsigned int i;
	int ret = -ENOMEM;

	crew = kvzalloc(struct_size(crew, threads, params->cpus), GFP_KERNEL);
	if (!crew)
		return ret;
	crew->run.params = *params;
	init_completion(&crew->done);
	for (i = 0; i < NR_BENCH_VARIANTS; i++)
		crew->run.loops[i] = params->loops ?: 1;
	crew->run.samples = kvcalloc(NR_BENCH_VARIANTS * BENCH_SAMPLE_PARTS * params->rounds,
				     sizeof(*crew->run.samples), GFP_KERNEL);
	crew->run.lots = kvcalloc(params->cpus, BENCH_LOTS * sizeof(*crew->run.lots), GFP_KERNEL);
	if (!crew->run.samples || !crew->run.lots)
		goto out;

	ret = bench_crew_run(crew);
	if (!ret)
		ret = bench_result_add(&crew->run);
out:
	kvfree(crew->run.lots);
	kvfree(crew->run.samples);
	kvfree(crew);
	return ret;
}
