/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters and where they are shown. Fastpaths count nothing (pcp_stack.h); everything else counts
 * per CPU, with one instruction and no atomic, and is summed over all possible CPUs when read, so
 * that nothing vanishes with a CPU.
 */
#ifndef _PTKIT_STATS_H
#define _PTKIT_STATS_H

#include <linux/list.h>
#include <linux/percpu.h>
#include <linux/seq_file.h>

#include "arch/arch.h"

struct dentry;

/* A per-CPU array of counters, indexed by its owner's enum. */
#define ptkit_events_alloc(nr) \
	((unsigned long __percpu *)__alloc_percpu((nr) * sizeof(long), sizeof(long)))
#define ptkit_count(events, id)		ptkit_arch_count(&(events)[id], 1)
#define ptkit_count_add(events, id, n)	ptkit_arch_count(&(events)[id], n)

unsigned long ptkit_events_sum(const unsigned long __percpu *events, unsigned int id);

/**
 * struct ptkit_source - something that shows itself in debugfs
 * @group: directory above its own, or %NULL
 * @name: its directory; with @group the prefix of its lines in the common file "stats"
 * @show_stats: prints "name value" lines with ptkit_stat()
 * @show_summary: prints its part of "summary", for people
 * @private: for the two above
 * @dir: the directory, for files of its own
 *
 * The strings must live as long as the source.
 */
struct ptkit_source {
	const char *group;
	const char *name;
	void (*show_stats)(struct seq_file *m, struct ptkit_source *source);
	void (*show_summary)(struct seq_file *m, struct ptkit_source *source);
	void *private;
	struct dentry *dir;
/* private: */
	struct list_head list;
};

void ptkit_source_add(struct ptkit_source *source);
void ptkit_source_del(struct ptkit_source *source);
void ptkit_stat(struct seq_file *m, const char *name, unsigned long value);

/* Writes to debugfs files: one number or word, see the definitions. */
int ptkit_write_ulong(const char __user *buf, size_t len, unsigned long max, unsigned long *value);

#endif /* _PTKIT_STATS_H */
