/* SPDX-License-Identifier: GPL-2.0 */
/* Tables that the kernel has, and the reference by which we see them come back (track.c). */
#ifndef _PTKIT_HOST_TRACK_H
#define _PTKIT_HOST_TRACK_H

#include <linux/list.h>
#include <linux/spinlock_types.h>
#include <linux/types.h>

#include "../ptkit.h"
#include "../stats.h"

enum host_event {
	HOST_ALLOCS,
	HOST_UNTRACKED,
	HOST_PLAIN,
	HOST_KERNEL,
	HOST_FAILED,
	HOST_SCANNED,
	HOST_REAP_SCANNED,
	HOST_RETURNED,
	HOST_REAPED,
	HOST_SHRUNK,
	HOST_LET_GO,
	HOST_CROWDED_OUT,
	HOST_NONZERO,
	HOST_POISONED,
	NR_HOST_EVENTS
};

/* Each is for tables that are twice as old as in the one before; the last for all older ones. */
#define TRACK_GENS		10

/**
 * struct host_track - tables given by one CPU
 * @lock: protects the rest
 * @tables: by generation, longest there first
 * @nr: tables in each generation
 * @total: their sum
 * @aged: jiffies when generations moved up last
 * @ages: how often they did
 * @markers: censuses that go on; generations stay where they are
 * @given: tables given since the worker came by
 * @counted: jiffies when it did
 * @demand: tables given in a second, the most of late
 * @found_in: the generation in which a table was found last
 * @turn: counts looks; the generation that has its turn
 * @pause: allocations that will not look, since looks found nothing
 * @paused: how many it was when the last pause began
 * @pass_gen: generation that the pass over all tables has come to
 * @pass_left: tables of it that the pass has still to look at
 */
struct host_track {
	spinlock_t lock; /* see above */
	struct list_head tables[TRACK_GENS];
	unsigned long nr[TRACK_GENS];
	unsigned long total;
	unsigned long aged;
	unsigned long ages;
	unsigned int markers;
	unsigned long given;
	unsigned long counted;
	unsigned long demand;
	unsigned int found_in;
	unsigned int turn;
	unsigned int pause;
	unsigned int paused;
	unsigned int pass_gen;
	unsigned long pass_left;
};

/**
 * struct host_level - tables of one level
 * @name: for people
 * @list: for files: of the quicklist, and of the directory in debugfs
 * @quicklist: where they come from
 * @events: counters
 * @tracks: those that are out
 * @source: its directory in debugfs
 */
struct host_level {
	const char *name;
	const char *list;
	struct ptkit_quicklist *quicklist;
	unsigned long __percpu *events;
	struct host_track __percpu *tracks;
	struct ptkit_source source;
};

static inline void host_event(struct host_level *level, enum host_event id, unsigned long n)
{
	ptkit_count_add(level->events, id, n);
}

/* Ages of tables that are out, in seconds: upper ends of the columns of host/outstanding. */
#define HOST_AGES		5
extern const unsigned int host_ages[HOST_AGES];

/**
 * struct host_census - what is out, counted table by table
 * @outstanding: tables tracked
 * @back: of these, tables that the kernel has given back and nobody has looked at since
 * @aged: by age: up to so many seconds (host_ages)
 * @oldest_ms: the oldest one's age
 */
struct host_census {
	unsigned long outstanding;
	unsigned long back;
	unsigned long aged[HOST_AGES];
	unsigned int oldest_ms;
};

/* The levels that are attached; constant from load to unload. */
extern struct host_level *host_attached[];
extern unsigned int host_nr_attached;

int track_init(void);
void track_exit(void);
int track_level_init(struct host_level *level, const char *name, const char *list);
void track_level_exit(struct host_level *level);
void track_start(void);
void track_stop(void);
void track_give(struct host_level *level, struct page *page);
void track_look_here(struct host_level *level);
unsigned long track_count_node(int node);
unsigned long track_reclaim_node(int node, unsigned long max, unsigned long *looked);
void track_census_cpu(struct host_level *level, int cpu, struct host_census *census);
void track_census(struct host_level *level, struct host_census *census);
unsigned int track_scan_limit(void);
void track_set_scan_limit(unsigned int limit);
unsigned long track_limit(void);
void track_set_limit(unsigned long limit);

void host_show_init(void);
void host_show_exit(void);

/* How many tables one look may touch, whatever is out. */
#define TRACK_SCAN_MAX		4096

#endif /* _PTKIT_HOST_TRACK_H */
