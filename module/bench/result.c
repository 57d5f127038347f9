// SPDX-License-Identifier: GPL-2.0
/*
 * Results: from a run's samples to medians, and how they are shown.
 *
 * The baseline's median is subtracted from every time before anything else is made of it. The ratio
 * is made round by round, of two times that were taken one after the other, and its median is what
 * is reported: a machine that gets slower half-way through a run slows both sides.
 *
 * Spread is the distance between the quartiles, over the median. Results are protected by
 * results_lock.
 */
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "bench.h"

#define MAX_RESULTS	512
/* Ratios are kept in ten-thousandths. */
#define RATIO_UNIT	10000

static const char *const variant_names[NR_BENCH_VARIANTS] = {
	[BENCH_BASELINE] = "baseline",
	[BENCH_KERNEL] = "kernel",
	[BENCH_PTKIT] = "ptkit",
};

struct summary {
	u32 min;
	u32 median;
	u32 spread;
};

struct result {
	struct list_head list;
	struct bench_params params;
	struct summary times[NR_BENCH_VARIANTS][BENCH_SAMPLE_PARTS];
	struct summary ratio;
};

static LIST_HEAD(results);
static unsigned int nr_results;
static DEFINE_MUTEX(results_lock);

/**
 * bench_sample - where a run's times of one side are
 * @run: the run
 * @variant: the side
 * @part: a part of the operation, or BENCH_PARTS: all of them
 *
 * Return: an array with an entry for each round.
 */
u32 *bench_sample(const struct bench_run *run, enum bench_variant variant, unsigned int part)
{
	return run->samples + (variant * BENCH_SAMPLE_PARTS + part) * run->params.rounds;
}

static int compare_samples(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;

	return x < y ? -1 : x > y;
}

/**
 * bench_median - the median of some samples
 * @samples: these; they are sorted
 * @nr: how many
 *
 * Return: it; 0 of none.
 */
u32 bench_median(u32 *samples, unsigned int nr)
{
	sort(samples, nr, sizeof(*samples), compare_samples, NULL);
	return nr ? samples[nr / 2] : 0;
}

static void summarize(u32 *samples, unsigned int nr, struct summary *sum)
{
	u32 quartiles;

	sum->median = bench_median(samples, nr);
	sum->min = samples[0];
	quartiles = samples[nr * 3 / 4] - samples[nr / 4];
	sum->spread = sum->median ? div_u64((u64)quartiles * RATIO_UNIT, sum->median) : 0;
}

/* What an operation takes without its loop; never nothing, as it is divided by. */
static void subtract(u32 *samples, unsigned int nr, u32 baseline)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		samples[i] = samples[i] > baseline ? samples[i] - baseline : 1;
}

static void summarize_ratio(struct bench_run *run, struct summary *sum)
{
	u32 *ratio = bench_sample(run, BENCH_BASELINE, BENCH_PARTS);
	const u32 *kernel = bench_sample(run, BENCH_KERNEL, BENCH_PARTS);
	const u32 *ptkit = bench_sample(run, BENCH_PTKIT, BENCH_PARTS);
	unsigned int i;

	/* The baseline's own samples are done with. */
	for (i = 0; i < run->params.rounds; i++)
		ratio[i] = min_t(u64, (u64)ptkit[i] * RATIO_UNIT / kernel[i], U32_MAX);
	summarize(ratio, run->params.rounds, sum);
}

static void summarize_run(struct bench_run *run, struct result *result)
{
	unsigned int nr = run->params.rounds, part;
	enum bench_variant variant;

	for (part = 0; part < BENCH_SAMPLE_PARTS; part++) {
		struct summary *baseline = &result->times[BENCH_BASELINE][part];

		summarize(bench_sample(run, BENCH_BASELINE, part), nr, baseline);
		for (variant = BENCH_KERNEL; variant < NR_BENCH_VARIANTS; variant++)
			subtract(bench_sample(run, variant, part), nr, baseline->median);
	}
	/* Before the samples are sorted, and their rounds forgotten. */
	summarize_ratio(run, &result->ratio);
	for (part = 0; part < BENCH_SAMPLE_PARTS; part++)
		for (variant = BENCH_KERNEL; variant < NR_BENCH_VARIANTS; variant++)
			summarize(bench_sample(run, variant, part), nr,
				  &result->times[variant][part]);
}

/**
 * bench_result_add - keep the result of a run
 * @run: the run; its samples are used up
 *
 * Context: process context, may sleep.
 * Return: 0; -ENOMEM; -ENOSPC if there are too many results already.
 */
int bench_result_add(struct bench_run *run)
{
	struct result *result = kzalloc(sizeof(*result), GFP_KERNEL);

	if (!result)
		return -ENOMEM;
	result->params = run->params;
	summarize_run(run, result);

	mutex_lock(&results_lock);
	if (nr_results == MAX_RESULTS) {
		mutex_unlock(&results_lock);
		kfree(result);
		return -ENOSPC;
	}
	list_add_tail(&result->list, &results);
	nr_results++;
	mutex_unlock(&results_lock);
	return 0;
}

/**
 * bench_result_clear - forget all results
 *
 * Context: process context, may sleep.
 */
void bench_result_clear(void)
{
	struct result *result, *next;

	mutex_lock(&results_lock);
	list_for_each_entry_safe(result, next, &results, list)
		kfree(result);
	INIT_LIST_HEAD(&results);
	nr_results = 0;
	mutex_unlock(&results_lock);
}

/**
 * bench_result_count - how many results there are
 *
 * Context: any.
 * Return: their number.
 */
unsigned int bench_result_count(void)
{
	return READ_ONCE(nr_results);
}

static void show_time(struct seq_file *m, u32 value)
{
	seq_printf(m, "\t%u.%02u", value / BENCH_UNIT, value % BENCH_UNIT);
}

static void show_ratio(struct seq_file *m, u32 value)
{
	seq_printf(m, "\t%u.%04u", value / RATIO_UNIT, value % RATIO_UNIT);
}

static void show_row(struct seq_file *m, const struct result *result, enum bench_variant variant)
{
	const struct bench_params *params = &result->params;
	const struct summary *all = &result->times[variant][BENCH_PARTS];

	seq_printf(m, "%s\t%s\t%u\t%u\t%u", params->bench->name, variant_names[variant],
		   params->cpus, params->size, params->n);
	show_time(m, all->min);
	show_time(m, all->median);
	if (variant == BENCH_PTKIT) {
		show_ratio(m, result->ratio.median);
		show_ratio(m, result->ratio.spread);
	} else {
		seq_puts(m, "\t-\t-");
	}
	seq_putc(m, '\n');
}

/**
 * bench_result_show - print all results as tab separated values
 * @m: where to
 *
 * Context: process context, may sleep.
 */
void bench_result_show(struct seq_file *m)
{
	struct result *result;
	int variant;

	seq_puts(m, "benchmark\tvariant\tcpus\tsize\tn\tns_min\tns_median\tratio_median\tratio_spread\n");
	mutex_lock(&results_lock);
	list_for_each_entry(result, &results, list)
		for (variant = NR_BENCH_VARIANTS - 1; variant >= 0; variant--)
			show_row(m, result, variant);
	mutex_unlock(&results_lock);
}

static void table_row(struct seq_file *m, const struct result *result, enum bench_variant variant)
{
	const struct bench_params *params = &result->params;
	const struct bench *bench = params->bench;
	const struct summary *all = &result->times[variant][BENCH_PARTS], *sum;
	unsigned int part;

	seq_printf(m, "%-8s %s", variant_names[variant], bench->name);
	if (params->size)
		seq_printf(m, "(%u)", params->size);
	if (params->n)
		seq_printf(m, " n=%u", params->n);
	if (params->loops)
		seq_printf(m, " loops=%u", params->loops);
	if (params->cpus > 1)
		seq_printf(m, " cpus=%u", params->cpus);
	for (part = 0; part < BENCH_PARTS && bench->parts[part]; part++) {
		sum = &result->times[variant][part];
		seq_printf(m, " %s -> %u.%u ns", bench->parts[part], sum->median / BENCH_UNIT,
			   sum->median % BENCH_UNIT * 10 / BENCH_UNIT);
	}
	seq_printf(m, " -> %u.%u ns, spread %u%%\n", all->median / BENCH_UNIT,
		   all->median % BENCH_UNIT * 10 / BENCH_UNIT,
		   all->spread * 100 / RATIO_UNIT);
}

/**
 * bench_table_show - print all results for people
 * @m: where to
 *
 * Context: process context, may sleep.
 */
void bench_table_show(struct seq_file *m)
{
	struct result *result;
	int variant;

	mutex_lock(&results_lock);
	list_for_each_entry(result, &results, list)
		for (variant = NR_BENCH_VARIANTS - 1; variant >= 0; variant--)
			table_row(m, result, variant);
	mutex_unlock(&results_lock);
}
