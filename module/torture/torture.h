/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ptkit_torture: what its files share.
 *
 * Actors take things of all kinds, look at them, and give them back, at random: in threads that
 * wander over the CPUs, in timers, in hard interrupts between any two instructions of those. Things
 * change hands. Whoever has a thing has stamped it and holds the passports of its pages
 * (passport.c), and says so if he finds another stamp or somebody else's passport.
 */
#ifndef _PTKIT_TORTURE_H
#define _PTKIT_TORTURE_H

#include <linux/atomic.h>
#include <linux/gfp.h>
#include <linux/mm_types.h>
#include <linux/prandom.h>

#include "../ptkit.h"

/* Things that an actor has at most. */
#define TORTURE_HANDS	12
/* Single pages that one thing may have. */
#define TORTURE_PAGES	8

enum torture_context {
	TORTURE_TASK,
	TORTURE_SOFTIRQ,
	TORTURE_HARDIRQ,
	TORTURE_IRQ_WORK,
	TORTURE_NR_CONTEXTS
};

struct torture_kind;

/**
 * struct torture_thing - something that somebody has
 * @kind: what it is
 * @ptr: the object, the descriptor, the first page, the address
 * @what: the kind's own: size, order, number of pages
 * @stamp: its owner's number; never 0, never used twice
 * @pages: the kind's own
 */
struct torture_thing {
	const struct torture_kind *kind;
	void *ptr;
	unsigned long what;
	unsigned long stamp;
	struct page *pages[TORTURE_PAGES];
};

/**
 * struct torture_actor - somebody who takes and gives
 * @rnd: decides what he does
 * @context: where he acts
 * @busy: he does so just now
 * @id: which he is
 * @serial: of his last stamp
 * @nr: things that he has
 * @hand: these
 * @trace: a hash of all that he decided
 * @steps: what he did
 * @takes: things he got, by kind
 * @failed: things he did not get
 * @checks: things found well
 */
struct torture_actor {
	struct rnd_state rnd;
	enum torture_context context;
	atomic_t busy;
	unsigned int id;
	unsigned int serial;
	unsigned int nr;
	struct torture_thing hand[TORTURE_HANDS];
	u32 trace;
	unsigned long steps;
	unsigned long *takes;
	unsigned long failed;
	unsigned long checks;
};

/**
 * struct torture_kind - a kind of thing
 * @name: for people
 * @task_only: nothing but threads may have one
 * @init: before the first actor; 0, -ENODEV if this machine has no such things, or an errno
 * @take: get a thing, and stamp it; false without memory
 * @check: is the thing as it was stamped? Says so if not
 * @give: the last check was good: remove the stamp, and free it
 * @sometimes: for threads only, optional: something with all things of the kind
 * @balanced: all things were given back: is nothing missing? Asked again if something is, but for
 *	the last time, when that is an error
 * @exit: all things were given back; optional
 */
struct torture_kind {
	const char *name;
	bool task_only;
	int (*init)(void);
	bool (*take)(struct torture_actor *actor, struct torture_thing *thing);
	bool (*check)(const struct torture_thing *thing);
	void (*give)(struct torture_actor *actor, struct torture_thing *thing);
	void (*sometimes)(struct torture_actor *actor);
	bool (*balanced)(bool last);
	void (*exit)(void);
};

extern const struct torture_kind torture_frozen;
extern const struct torture_kind torture_quicklist;
extern const struct torture_kind torture_slab;
extern const struct torture_kind torture_tables;
extern const struct torture_kind torture_window;

#define TORTURE_NR_KINDS	5
extern const struct torture_kind *const torture_kinds[TORTURE_NR_KINDS];
extern bool torture_kind_there[TORTURE_NR_KINDS];

/* main.c */
extern bool torture_stop;
__printf(1, 2) void torture_error(const char *fmt, ...);

/* actor.c */
extern unsigned long torture_seed;
u32 torture_below(struct torture_actor *actor, u32 limit);
gfp_t torture_gfp(const struct torture_actor *actor);
unsigned long torture_stamp(struct torture_actor *actor);
void torture_mark(void *start, size_t size, unsigned long stamp);
bool torture_marked(const void *start, size_t size, unsigned long stamp, const char *what);
int torture_actors_start(unsigned int threads, unsigned long steps);
bool torture_actors_done(void);
void torture_actors_finish(void);
void torture_actors_free(void);

/**
 * struct torture_sum - what all actors did
 * @steps: by context
 * @takes: by kind
 * @irq_takes: of these, in interrupts
 * @failed: things that there was no memory for
 * @checks: things found well
 * @trace: of the first thread
 */
struct torture_sum {
	unsigned long steps[TORTURE_NR_CONTEXTS];
	unsigned long takes[TORTURE_NR_KINDS];
	unsigned long irq_takes[TORTURE_NR_KINDS];
	unsigned long failed;
	unsigned long checks;
	u32 trace;
};

void torture_actors_sum(struct torture_sum *sum);

/* passport.c */
int torture_passports_init(void);
void torture_passports_exit(void);
bool torture_passport_take(struct page *page, unsigned int nr, unsigned long stamp);
bool torture_passport_give(struct page *page, unsigned int nr, unsigned long stamp);
bool torture_passport_is(const struct page *page, unsigned int nr, unsigned long stamp);
bool torture_passport_holds(const struct page *page, unsigned long stamp);
bool torture_passport_swap(struct page *page, unsigned long from, unsigned long to);
unsigned long torture_passports_out(void);

#endif /* _PTKIT_TORTURE_H */
