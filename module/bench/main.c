// SPDX-License-Identifier: GPL-2.0
/*
 * ptkit_bench: the list of benchmarks, and their files in debugfs/ptkit/bench:
 *
 *   list     what there is, with the parameters that each takes
 *   run      write "NAME [cpus=N] [size=BYTES] [n=N] [rounds=N] [loops=N]"; returns when it is done
 *   result   all results as tab separated values; write 0 to clear them
 *   table    the same for people
 *
 * One run at a time: run_lock is held meanwhile, and a second writer gets -EBUSY.
 */
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/utsname.h>

#include "../internal.h"
#include "../stats.h"
#include "../version.h"
#include "bench.h"

static const struct bench *const benches[] = {
	&bench_quicklist_pair,
	&bench_frozen_pair,
	&bench_slab_pair,
	&bench_slab_bulk,
	&bench_kmalloc_then_kfree,
	&bench_kmalloc_kfree,
	&bench_slab_remote_free,
	&bench_slab_remote_put,
	&bench_slab_producer_consumer,
	&bench_slab_producer_consumer_put,
	&bench_async_free_table,
	&bench_async_enqueue,
#ifndef CONFIG_UML
	&bench_window_map_unmap,
#endif
};

static const struct bench_range rounds_range = { .min = 2, .max = 10000, .def = 100 };
static const struct bench_range loops_range = { .min = 1, .max = 100000, .def = 0 };

static DEFINE_MUTEX(run_lock);

/* Protected by run_lock. */
static unsigned long runs, failed;

/* ---- the command ----------------------------------------------------------------------------- */

static const struct bench *find_bench(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(benches); i++)
		if (!strcmp(benches[i]->name, name))
			return benches[i];
	return NULL;
}

/* "key=value" into *@value, once, if it is @key and within @range. */
static int parse_value(const char *word, const char *key, const struct bench_range *range,
		       unsigned int *value)
{
	size_t len = strlen(key);
	unsigned int number;
	int ret;

	if (strncmp(word, key, len) || word[len] != '=')
		return -ENOENT;
	ret = kstrtouint(word + len + 1, 10, &number);
	if (ret || *value || number < max(range->min, 1U) || number > range->max)
		return -EINVAL;
	*value = number;
	return 0;
}

static int parse_word(const char *word, struct bench_params *params)
{
	const struct bench *bench = params->bench;
	int ret;

	ret = parse_value(word, "cpus", &bench->cpus, &params->cpus);
	if (ret == -ENOENT)
		ret = parse_value(word, "size", &bench->size, &params->size);
	if (ret == -ENOENT)
		ret = parse_value(word, "n", &bench->n, &params->n);
	if (ret == -ENOENT)
		ret = parse_value(word, "rounds", &rounds_range, &params->rounds);
	if (ret == -ENOENT)
		ret = parse_value(word, "loops", &loops_range, &params->loops);
	return ret ? -EINVAL : 0;
}

/* Takes @line apart. */
static int parse_command(char *line, struct bench_params *params)
{
	char *word, *rest = strim(line);
	int ret;

	word = strsep(&rest, " ");
	params->bench = find_bench(word);
	if (!params->bench)
		return -EINVAL;
	while ((word = strsep(&rest, " "))) {
		ret = *word ? parse_word(word, params) : 0;
		if (ret)
			return ret;
	}

	params->cpus = params->cpus ?: params->bench->cpus.def;
	params->size = params->size ?: params->bench->size.def;
	params->n = params->n ?: params->bench->n.def;
	params->rounds = params->rounds ?: rounds_range.def;
	if (params->cpus > num_online_cpus())
		return -EINVAL;
	/* So that a round ends before somebody who waits for it to end is given up. */
	if ((u64)params->loops * max(params->n, 1U) > loops_range.max)
		return -EINVAL;
	return 0;
}

static ssize_t run_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	struct bench_params params = { };
	char line[128];
	int ret;

	if (len >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, buf, len))
		return -EFAULT;
	line[len] = '\0';
	ret = parse_command(line, &params);
	if (ret)
		return ret;

	if (!mutex_trylock(&run_lock))
		return -EBUSY;
	runs++;
	ret = bench_run(&params);
	if (ret)
		failed++;
	mutex_unlock(&run_lock);
	return ret ?: len;
}

static const struct file_operations run_fops = {
	.owner = THIS_MODULE,
	.write = run_write,
};

/* ---- the results ----------------------------------------------------------------------------- */

struct option {
	const char *name;
	bool on;
};

static void show_options(struct seq_file *m, const char *title, const struct option *options)
{
	unsigned int nr = 0;

	seq_printf(m, "# %s:", title);
	for (; options->name; options++)
		if (options->on) {
			seq_printf(m, " %s", options->name);
			nr++;
		}
	seq_puts(m, nr ? "\n" : " none\n");
}

#define OPTION(name)	{ #name, IS_ENABLED(CONFIG_##name) }

/* What one has to know to compare these numbers with others. */
static void show_environment(struct seq_file *m)
{
	const struct option options[] = {
		{ "init_on_alloc", want_init_on_alloc(0) },
		{ "init_on_free", want_init_on_free() },
		OPTION(SMP), OPTION(NUMA), OPTION(MEMCG), OPTION(UML),
		OPTION(PREEMPT_NONE), OPTION(PREEMPT_VOLUNTARY), OPTION(PREEMPT),
		OPTION(PREEMPT_LAZY), OPTION(PREEMPT_DYNAMIC), OPTION(PREEMPT_RT),
		OPTION(SLAB_FREELIST_HARDENED), OPTION(SLAB_FREELIST_RANDOM),
		OPTION(SHUFFLE_PAGE_ALLOCATOR), OPTION(RANDOM_KMALLOC_CACHES),
		OPTION(MEM_ALLOC_PROFILING), OPTION(DEBUG_LIST), OPTION(LIST_HARDENED),
		{ }
	};
	/* These make the numbers worthless. */
	const struct option debug[] = {
		OPTION(KASAN), OPTION(KCSAN), OPTION(LOCKDEP), OPTION(DEBUG_VM),
		OPTION(DEBUG_PREEMPT), OPTION(DEBUG_OBJECTS), OPTION(DEBUG_KMEMLEAK),
		OPTION(SLUB_DEBUG_ON), OPTION(FAULT_INJECTION), OPTION(GCOV_KERNEL),
		OPTION(DEBUG_PAGEALLOC_ENABLE_DEFAULT),
		{ "ptkit.verify", static_key_enabled(&ptkit_verify_key) },
		{ "ptkit.passthrough", ptkit_passthrough },
		{ }
	};

	seq_printf(m, "# kernel: %s %s %s %s\n", utsname()->sysname, utsname()->release,
		   utsname()->version, utsname()->machine);
	seq_printf(m, "# ptkit: %s\n", THIS_MODULE->version);
	seq_printf(m, "# cpus: %u, nodes: %u, pages: %lu\n", num_online_cpus(), num_online_nodes(),
		   totalram_pages());
	show_options(m, "options", options);
	show_options(m, "debugging", debug);
}

static int result_show(struct seq_file *m, void *unused)
{
	show_environment(m);
	bench_result_show(m);
	return 0;
}

static int result_open(struct inode *inode, struct file *file)
{
	return single_open(file, result_show, NULL);
}

static ssize_t result_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	unsigned long zero;
	int ret = ptkit_write_ulong(buf, len, 0, &zero);

	if (ret)
		return ret;
	bench_result_clear();
	return len;
}

static const struct file_operations result_fops = {
	.owner = THIS_MODULE,
	.open = result_open,
	.read = seq_read,
	.write = result_write,
	.llseek = seq_lseek,
	.release = single_release,
};

static int table_show(struct seq_file *m, void *unused)
{
	bench_table_show(m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(table);

static void show_range(struct seq_file *m, const char *key, const struct bench_range *range,
		       unsigned int max)
{
	if (range->max)
		seq_printf(m, " %s=%u-%u(%u)", key, range->min, min(range->max, max), range->def);
}

static int list_show(struct seq_file *m, void *unused)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(benches); i++) {
		const struct bench *bench = benches[i];

		seq_puts(m, bench->name);
		show_range(m, "cpus", &bench->cpus, num_online_cpus());
		show_range(m, "size", &bench->size, UINT_MAX);
		show_range(m, "n", &bench->n, UINT_MAX);
		show_range(m, "rounds", &rounds_range, UINT_MAX);
		show_range(m, "loops", &loops_range, UINT_MAX);
		seq_printf(m, ": %s\n", bench->what);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(list);

/* ---- load and unload ------------------------------------------------------------------------- */

static void bench_show_stats(struct seq_file *m, struct ptkit_source *source)
{
	ptkit_stat(m, "runs", READ_ONCE(runs));
	ptkit_stat(m, "failed", READ_ONCE(failed));
	ptkit_stat(m, "results", bench_result_count());
}

static void bench_show_summary(struct seq_file *m, struct ptkit_source *source)
{
	seq_printf(m, "benchmarks       %lu runs, %lu failed; %u results\n", READ_ONCE(runs),
		   READ_ONCE(failed), bench_result_count());
}

static struct ptkit_source bench_source = {
	.name = "bench",
	.show_stats = bench_show_stats,
	.show_summary = bench_show_summary,
};

static int __init bench_init(void)
{
	ptkit_source_add(&bench_source);
	debugfs_create_file("list", 0400, bench_source.dir, NULL, &list_fops);
	debugfs_create_file("run", 0200, bench_source.dir, NULL, &run_fops);
	debugfs_create_file("result", 0600, bench_source.dir, NULL, &result_fops);
	debugfs_create_file("table", 0400, bench_source.dir, NULL, &table_fops);
	return 0;
}

static void __exit bench_exit(void)
{
	ptkit_source_del(&bench_source);
	bench_result_clear();
}

module_init(bench_init);
module_exit(bench_exit);

MODULE_DESCRIPTION("Benchmarks of ptkit beside the kernel that runs");
MODULE_VERSION(PTKIT_VERSION);
MODULE_LICENSE("GPL");
