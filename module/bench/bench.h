/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ptkit_bench: measures ptkit's mechanisms beside the kernel's own.
 *
 * A benchmark is one struct bench: what one operation is, for ptkit, for the kernel, and for the
 * loop around them without anything in it. The runner (run.c) does the rest: it runs the three in
 * turns, round by round, on threads that are pinned to a CPU each, so that whatever disturbs the
 * machine disturbs all of them; result.c makes medians of the times and of the rounds' ratios.
 */
#ifndef _PTKIT_BENCH_H
#define _PTKIT_BENCH_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/timekeeping.h>
#include <linux/types.h>

struct seq_file;

enum bench_variant {
	BENCH_BASELINE,
	BENCH_KERNEL,
	BENCH_PTKIT,
	NR_BENCH_VARIANTS
};

/* Parts of an operation that are timed apart, such as all allocations and then all frees. */
#define BENCH_PARTS	2

/**
 * struct bench_range - values that a parameter may have
 * @min: the smallest
 * @max: the largest; 0: the benchmark does not have this parameter
 * @def: what it is if it is not given
 */
struct bench_range {
	unsigned int min;
	unsigned int max;
	unsigned int def;
};

struct bench;

/**
 * struct bench_params - what to run
 * @bench: the benchmark
 * @cpus: threads, each on a CPU of its own
 * @size: bytes of an object; 0 if the benchmark has no sizes
 * @n: how many at once; 0 as above
 * @rounds: how often each side is timed
 * @loops: operations in a call, of which a round of several threads has some (run.c), or 0: as many
 *	as take about BENCH_SIDE_NS
 */
struct bench_params {
	const struct bench *bench;
	unsigned int cpus;
	unsigned int size;
	unsigned int n;
	unsigned int rounds;
	unsigned int loops;
};

/**
 * struct bench_run - a run
 * @params: what is run
 * @private: the benchmark's own, from its setup()
 * @error: the first thing that went wrong; ends the run
 * @arrived: how often a thread came to a barrier
 * @running: threads that have not finished
 * @loops: operations in a call
 * @calibrated: they are enough; the leader's
 * @samples: the times, see bench_sample()
 * @lots: room for all threads' lots; the leader's
 */
struct bench_run {
	struct bench_params params;
	void *private;
	int error;
	atomic_long_t arrived;
	atomic_t running;
	unsigned long loops[NR_BENCH_VARIANTS];
	bool calibrated;
	u32 *samples;
	u32 *lots;
};

#define BENCH_LOTS	128

/**
 * struct bench_part - what a thread measured of a part of the operation
 * @ns: time
 * @ops: how often
 * @nr_lots: entries of @lots
 * @lots: time for one of a lot's, of the first lots
 */
struct bench_part {
	u64 ns;
	u64 ops;
	unsigned int nr_lots;
	u32 lots[BENCH_LOTS];
};

/**
 * struct bench_thread - one of a run's threads
 * @run: the run
 * @index: which one; 0 leads
 * @barriers: how many it has passed
 * @started: when the clock was started
 * @parts: what it measured
 * @task: the thread
 */
struct bench_thread {
	struct bench_run *run;
	unsigned int index;
	long barriers;
	u64 started;
	struct bench_part parts[BENCH_PARTS];
	struct task_struct *task;
};

/**
 * typedef bench_fn - one side of a benchmark
 * @t: the thread that runs it
 * @loops: how many operations, or lots of n operations
 *
 * Everything between bench_start() and bench_stop() is timed. Must not take long between two
 * chances to be preempted, and gives everything back before it returns.
 *
 * Return: 0 or an errno, which ends the run.
 */
typedef int (*bench_fn)(struct bench_thread *t, unsigned long loops);

/**
 * struct bench - a benchmark
 * @name: as in the results
 * @what: the operation, for people
 * @cpus: how many CPUs it runs on
 * @size: bytes
 * @n: operations at once
 * @setup: before the threads start; 0 or an errno. Optional.
 * @teardown: after they ended, if setup was fine. Optional.
 * @run: the sides; the baseline's is bench_empty() if there is none
 * @parts: names of the parts that are timed apart. Optional.
 */
struct bench {
	const char *name;
	const char *what;
	struct bench_range cpus;
	struct bench_range size;
	struct bench_range n;
	int (*setup)(struct bench_run *run);
	void (*teardown)(struct bench_run *run);
	bench_fn run[NR_BENCH_VARIANTS];
	const char *parts[BENCH_PARTS];
};

extern const struct bench bench_quicklist_pair;
extern const struct bench bench_frozen_pair;
extern const struct bench bench_slab_pair;
extern const struct bench bench_slab_bulk;
extern const struct bench bench_kmalloc_then_kfree;
extern const struct bench bench_kmalloc_kfree;
extern const struct bench bench_slab_remote_free;
extern const struct bench bench_slab_remote_put;
extern const struct bench bench_slab_producer_consumer;
extern const struct bench bench_slab_producer_consumer_put;
extern const struct bench bench_async_free_table;
extern const struct bench bench_async_enqueue;
extern const struct bench bench_window_map_unmap;

static __always_inline void bench_start(struct bench_thread *t)
{
	t->started = ktime_get_mono_fast_ns();
}

void bench_lot(struct bench_thread *t, unsigned int part, u64 ops, u64 ns);

/* Everything since bench_start() is a lot. What follows the clock costs nothing. */
static __always_inline void bench_stop_part(struct bench_thread *t, unsigned int part, u64 ops)
{
	bench_lot(t, part, ops, ktime_get_mono_fast_ns() - t->started);
}

static __always_inline void bench_stop(struct bench_thread *t, u64 ops)
{
	bench_stop_part(t, 0, ops);
}

/* Is the run to end? For sides that wait for each other. */
static inline bool bench_failed(const struct bench_run *run)
{
	return READ_ONCE(run->error);
}

/* run.c */
bool bench_sync(struct bench_thread *t);
int bench_empty(struct bench_thread *t, unsigned long loops);
int bench_run(const struct bench_params *params);

/* result.c */
#define BENCH_UNIT		100	/* samples are in hundredths of a nanosecond */
#define BENCH_SAMPLE_PARTS	(BENCH_PARTS + 1)
u32 bench_median(u32 *samples, unsigned int nr);
u32 *bench_sample(const struct bench_run *run, enum bench_variant variant, unsigned int part);
int bench_result_add(struct bench_run *run);
void bench_result_clear(void);
unsigned int bench_result_count(void);
void bench_result_show(struct seq_file *m);
void bench_table_show(struct seq_file *m);

#endif /* _PTKIT_BENCH_H */
