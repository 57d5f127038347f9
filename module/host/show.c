// SPDX-License-Identifier: GPL-2.0
/* What attaching shows of itself in debugfs. */
#include <linux/debugfs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/seq_file.h>

#include "track.h"

static const char *const host_names[] = {
	[HOST_ALLOCS] = "allocs",
	[HOST_UNTRACKED] = "untracked",
	[HOST_PLAIN] = "plain",
	[HOST_KERNEL] = "kernel",
	[HOST_FAILED] = "failed",
	[HOST_SCANNED] = "scanned",
	[HOST_REAP_SCANNED] = "reap_scanned",
	[HOST_RETURNED] = "returned",
	[HOST_REAPED] = "reaped",
	[HOST_SHRUNK] = "shrunk",
	[HOST_LET_GO] = "let_go",
	[HOST_CROWDED_OUT] = "crowded_out",
	[HOST_NONZERO] = "nonzero",
	[HOST_POISONED] = "poisoned",
};

static_assert(ARRAY_SIZE(host_names) == NR_HOST_EVENTS);

/**
 * struct host_numbers - one level, or the sum of all
 * @events: counters
 * @served: tables from the quicklist
 * @fresh: tables from the host through it
 * @listed: pages on it
 * @census: tables that are out
 */
struct host_numbers {
	unsigned long events[NR_HOST_EVENTS];
	unsigned long served;
	unsigned long fresh;
	unsigned long listed;
	struct host_census census;
};

static void add_level(struct host_numbers *sum, struct host_level *level)
{
	struct ptkit_quicklist_stats list;
	unsigned int id;

	for (id = 0; id < NR_HOST_EVENTS; id++)
		sum->events[id] += ptkit_events_sum(level->events, id);
	ptkit_quicklist_get_stats(level->quicklist, &list);
	sum->served += list.hits;
	sum->fresh += list.misses;
	sum->listed += list.cached;
	track_census(level, &sum->census);
}

static void add_all(struct host_numbers *sum)
{
	unsigned int i;

	for (i = 0; i < host_nr_attached; i++)
		add_level(sum, host_attached[i]);
}

/* Pages on top of what the kernel uses: listed, and given back but not looked at yet. */
static unsigned long pages_held(const struct host_numbers *n)
{
	return n->listed + n->census.back;
}

static void show_numbers(struct seq_file *m, const struct host_numbers *n)
{
	unsigned int id;

	for (id = 0; id < NR_HOST_EVENTS; id++)
		ptkit_stat(m, host_names[id], n->events[id]);
	ptkit_stat(m, "served", n->served);
	ptkit_stat(m, "fresh", n->fresh);
	ptkit_stat(m, "outstanding", n->census.outstanding);
	ptkit_stat(m, "back", n->census.back);
	ptkit_stat(m, "pages_held", pages_held(n));
}

static void level_show_stats(struct seq_file *m, struct ptkit_source *source)
{
	struct host_numbers n = { };

	add_level(&n, source->private);
	show_numbers(m, &n);
}

static void level_show_summary(struct seq_file *m, struct ptkit_source *source)
{
	struct host_level *level = source->private;
	struct host_numbers n = { };
	unsigned long rate;

	add_level(&n, level);
	rate = n.events[HOST_ALLOCS] ? n.served * 1000 / n.events[HOST_ALLOCS] : 0;
	seq_printf(m, "attached         %lu %s tables allocated by the kernel, %lu (%lu.%lu%%) of them recycled\n",
		   n.events[HOST_ALLOCS], level->name, n.served, rate / 10, rate % 10);
	seq_printf(m, "                 in use %lu, let go %lu; held on top: %lu pages (%lu KiB)\n",
		   n.census.outstanding - n.census.back, n.events[HOST_LET_GO],
		   pages_held(&n), pages_held(&n) << (PAGE_SHIFT - 10));
}

/* All levels together; "summary" has them one by one. */
static void host_show_stats(struct seq_file *m, struct ptkit_source *source)
{
	struct host_numbers n = { };

	add_all(&n);
	show_numbers(m, &n);
}

static void host_show_summary(struct seq_file *m, struct ptkit_source *source)
{
}

static struct ptkit_source host_source = {
	.name = "host",
	.show_stats = host_show_stats,
	.show_summary = host_show_summary,
};

static void show_outstanding(struct seq_file *m, struct host_level *level)
{
	unsigned int i;
	int cpu;

	for_each_possible_cpu(cpu) {
		struct host_census census = { };

		track_census_cpu(level, cpu, &census);
		seq_printf(m, "%s %d %lu %lu %u", level->source.name, cpu, census.outstanding,
			   census.back, census.oldest_ms);
		for (i = 0; i < HOST_AGES; i++)
			seq_printf(m, " %lu", census.aged[i]);
		seq_putc(m, '\n');
	}
}

static int outstanding_show(struct seq_file *m, void *unused)
{
	unsigned int i;

	seq_puts(m, "level cpu outstanding back oldest_ms");
	for (i = 0; i < HOST_AGES - 1; i++)
		seq_printf(m, " below_%us", host_ages[i]);
	seq_puts(m, " older\n");
	for (i = 0; i < host_nr_attached; i++)
		show_outstanding(m, host_attached[i]);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(outstanding);

/* ---- settings -------------------------------------------------------------------------------- */

static int scan_limit_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "%u\n", track_scan_limit());
	return 0;
}

static int scan_limit_open(struct inode *inode, struct file *file)
{
	return single_open(file, scan_limit_show, NULL);
}

static ssize_t scan_limit_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	unsigned long value;
	int ret = ptkit_write_ulong(buf, len, TRACK_SCAN_MAX, &value);

	if (ret)
		return ret;
	track_set_scan_limit(value);
	return len;
}

static const struct file_operations scan_limit_fops = {
	.owner = THIS_MODULE,
	.open = scan_limit_open,
	.read = seq_read,
	.write = scan_limit_write,
	.llseek = seq_lseek,
	.release = single_release,
};

static int limit_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "%lu\n", track_limit());
	return 0;
}

static int limit_open(struct inode *inode, struct file *file)
{
	return single_open(file, limit_show, NULL);
}

static ssize_t limit_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	unsigned long value;
	int ret = ptkit_write_ulong(buf, len, totalram_pages(), &value);

	if (ret)
		return ret;
	track_set_limit(value);
	return len;
}

static const struct file_operations limit_fops = {
	.owner = THIS_MODULE,
	.open = limit_open,
	.read = seq_read,
	.write = limit_write,
	.llseek = seq_lseek,
	.release = single_release,
};

/* ---- load and unload ------------------------------------------------------------------------- */

static void level_show_init(struct host_level *level, const char *name)
{
	level->source.group = "host";
	level->source.name = name;
	level->source.show_stats = level_show_stats;
	level->source.show_summary = level_show_summary;
	level->source.private = level;
	ptkit_source_add(&level->source);
}

void host_show_init(void)
{
	unsigned int i;

	ptkit_source_add(&host_source);
	for (i = 0; i < host_nr_attached; i++)
		level_show_init(host_attached[i], host_attached[i]->list);
	debugfs_create_file("outstanding", 0400, host_source.dir, NULL, &outstanding_fops);
	debugfs_create_file("scan_limit", 0600, host_source.dir, NULL, &scan_limit_fops);
	debugfs_create_file("limit", 0600, host_source.dir, NULL, &limit_fops);
}

void host_show_exit(void)
{
	unsigned int i;

	for (i = 0; i < host_nr_attached; i++)
		ptkit_source_del(&host_attached[i]->source);
	ptkit_source_del(&host_source);
}
