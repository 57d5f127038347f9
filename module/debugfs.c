// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/debug/ptkit: "summary" for people, "stats" for programs, and a directory for each
 * source with the files that docs/debugfs.md describes.
 *
 * Lock order: sources_lock, taken by nobody who holds anything else of ptkit's. A source that goes
 * away removes its directory first, which waits for readers of its files, and then its entry in
 * the list, which waits for readers of the two common files.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/uaccess.h>
#include <linux/utsname.h>

#include "internal.h"
#include "stats.h"

static struct dentry *debugfs_root;
static LIST_HEAD(sources);
static DEFINE_MUTEX(sources_lock);

/* Reading "stats" in a source's directory needs no prefix; in the common file it does. */
static bool with_prefix(const struct seq_file *m)
{
	return !m->private;
}

/* The source whose lines are printed into the common file; protected by sources_lock. */
static const struct ptkit_source *printing;

/**
 * ptkit_stat - print one line of a "stats" file
 * @m: the file
 * @name: of the counter
 * @value: of the counter
 *
 * Context: from a source's show_stats() only.
 */
void ptkit_stat(struct seq_file *m, const char *name, unsigned long value)
{
	if (with_prefix(m)) {
		if (printing->group)
			seq_printf(m, "%s_", printing->group);
		seq_printf(m, "%s_", printing->name);
	}
	seq_printf(m, "%s %lu\n", name, value);
}
EXPORT_SYMBOL_GPL(ptkit_stat);

/**
 * ptkit_write_ulong - read a number that somebody wrote to a debugfs file
 * @buf: what was written
 * @len: how much
 * @max: the largest value that makes sense
 * @value: the result; unchanged on error
 *
 * Context: process context.
 * Return: 0, -EINVAL if it is no decimal number, -ERANGE above @max, -EFAULT.
 */
int ptkit_write_ulong(const char __user *buf, size_t len, unsigned long max, unsigned long *value)
{
	unsigned long number;
	int ret;

	if (len > 32)
		return -EINVAL;
	ret = kstrtoul_from_user(buf, len, 10, &number);
	if (ret)
		return ret;
	if (number > max)
		return -ERANGE;
	*value = number;
	return 0;
}
EXPORT_SYMBOL_GPL(ptkit_write_ulong);

static int source_stats_show(struct seq_file *m, void *unused)
{
	struct ptkit_source *source = m->private;

	source->show_stats(m, source);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(source_stats);

static int stats_show(struct seq_file *m, void *unused)
{
	struct ptkit_source *source;

	mutex_lock(&sources_lock);
	list_for_each_entry(source, &sources, list) {
		printing = source;
		source->show_stats(m, source);
	}
	mutex_unlock(&sources_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

static int summary_show(struct seq_file *m, void *unused)
{
	struct ptkit_source *source;

	seq_printf(m, "ptkit %s on Linux %s%s%s\n\n", THIS_MODULE->version, utsname()->release,
		   ptkit_passthrough ? ", passthrough" : "",
		   static_key_enabled(&ptkit_verify_key) ? ", verify" : "");

	mutex_lock(&sources_lock);
	list_for_each_entry(source, &sources, list)
		source->show_summary(m, source);
	mutex_unlock(&sources_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(summary);

/* The directory of a group is shared by its sources, and goes with ptkit itself. */
static struct dentry *group_dir(const char *group)
{
	struct dentry *dir;

	if (!group)
		return debugfs_root;
	dir = debugfs_lookup(group, debugfs_root);
	if (!dir)
		return debugfs_create_dir(group, debugfs_root);
	dput(dir);
	return dir;
}

/**
 * ptkit_source_add - show a source in debugfs
 * @source: filled in but for @dir; add files to @source->dir afterwards
 *
 * As everywhere, debugfs may fail and nothing else does because of it.
 *
 * Context: process context, may sleep.
 */
void ptkit_source_add(struct ptkit_source *source)
{
	mutex_lock(&sources_lock);
	source->dir = debugfs_create_dir(source->name, group_dir(source->group));
	debugfs_create_file("stats", 0400, source->dir, source, &source_stats_fops);
	list_add_tail(&source->list, &sources);
	mutex_unlock(&sources_lock);
}
EXPORT_SYMBOL_GPL(ptkit_source_add);

/**
 * ptkit_source_del - take a source out of debugfs
 * @source: nobody reads it any more when this returns
 *
 * Context: process context, may sleep.
 */
void ptkit_source_del(struct ptkit_source *source)
{
	debugfs_remove(source->dir);
	mutex_lock(&sources_lock);
	list_del(&source->list);
	mutex_unlock(&sources_lock);
}
EXPORT_SYMBOL_GPL(ptkit_source_del);

void ptkit_debugfs_init(void)
{
	debugfs_root = debugfs_create_dir("ptkit", NULL);
	debugfs_create_file("summary", 0400, debugfs_root, NULL, &summary_fops);
	debugfs_create_file("stats", 0400, debugfs_root, NULL, &stats_fops);
	ptkit_walk_init(debugfs_root);
}

void ptkit_debugfs_exit(void)
{
	debugfs_remove(debugfs_root);
}
