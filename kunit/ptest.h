/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites share. A case ends where an assertion fails, so whatever outlives it is known
 * here and given back by ptest_defer(): frozen pages, quicklists, threads, limits.
 */
#ifndef _PTKIT_PTEST_H
#define _PTKIT_PTEST_H

#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/mm.h>
#include <linux/prandom.h>

#include "../module/compat/compat.h"
#include "../module/internal.h"
#include "../module/pcp_stack.h"
#include "../module/ptkit.h"

/* The places in ptkit that warn, each once per load; see ptest_expect_warning(). */
enum ptest_warning {
	PTEST_WARN_FREE,	/* ptkit_frozen_free() refuses */
	PTEST_WARN_THAW,	/* ptkit_page_thaw() refuses */
	PTEST_WARN_QL_FREE,	/* ptkit_quicklist_free() refuses */
	PTEST_WARN_QL_ZONE,	/* ptkit_quicklist_alloc() with a zone modifier */
	PTEST_WARN_PT_FREE,	/* ptkit_pagetable_free() refuses */
	PTEST_WARN_PT_RCU,	/* ptkit_pagetable_free_rcu() refuses */
	PTEST_WARN_PT_TWICE,	/* ptkit_pagetable_free_kernel() refuses */
	PTEST_WARN_PT_ENTRIES,	/* a batch refuses */
	PTEST_WARN_PT_FLUSH,	/* a secondary flush refuses */
	PTEST_WARN_QL_DIRTY,	/* a page that is not in its known state */
	PTEST_WARN_CHAIN,	/* pcp_chain_broken() */
	PTEST_NR_WARNINGS
};

/**
 * struct ptest_worker - a thread of a case
 * @work: what it does, once; returns early when @stop is set
 * @arg: for @work
 * @index: 0 for the first of its kind
 * @rnd: random numbers of its own
 * @stop: the case is over
 * @done: @work has returned
 * @task: the thread
 */
struct ptest_worker {
	void (*work)(struct ptest_worker *self);
	void *arg;
	int index;
	struct rnd_state rnd;
	bool stop;
	struct completion done;
	struct task_struct *task;
};

/* cases: what outlives them, where they run, what they are given */
void ptest_defer(struct kunit *test, void (*fn)(void *arg), void *arg);
void ptest_pin(struct kunit *test, int cpu);
int ptest_pin_here(struct kunit *test);
int ptest_pin_first(struct kunit *test);
void ptest_wander(struct rnd_state *rnd);
int ptest_other_cpu(int cpu);
void ptest_seed(struct kunit *test, struct rnd_state *rnd);
u32 ptest_below(struct rnd_state *rnd, u32 limit);
unsigned long ptest_rounds(unsigned long rounds);
void ptest_expect_warning(enum ptest_warning which);

/* frozen pages */
void ptest_balanced(struct kunit *test);
struct ptkit_frozen_stats ptest_stats(void);
void ptest_shrink_slabs(void);
struct page *ptest_hold(struct kunit *test, struct page *page, unsigned int order);
struct page *ptest_drop(struct kunit *test, struct page *page);
struct page *ptest_frozen(struct kunit *test, gfp_t gfp, unsigned int order);
void ptest_frozen_free(struct kunit *test, struct page *page, unsigned int order);
bool ptest_filled(struct page *page, u8 byte, unsigned int order);
unsigned long ptest_shrink_count(struct ptkit_shrinker *shrinker, int nid);
unsigned long ptest_shrink(struct ptkit_shrinker *shrinker, int nid, unsigned long nr);

/* threads, and who has which page */
struct ptest_worker *ptest_start(struct kunit *test, void (*work)(struct ptest_worker *self),
				 void *arg, int nr);
void ptest_finish(struct kunit *test, struct ptest_worker *workers, int nr);
void ptest_take(struct page *page, atomic_t *errors);
void ptest_give(struct page *page, atomic_t *errors);

extern unsigned long ptest_seed_param;
extern unsigned int ptest_scale_param;

extern struct kunit_suite ptkit_pcp_stack_suite;
extern struct kunit_suite ptkit_frozen_suite;
extern struct kunit_suite ptkit_quicklist_suite;
extern struct kunit_suite ptkit_ptdesc_suite;
extern struct kunit_suite ptkit_async_free_suite;
extern struct kunit_suite ptkit_slab_suite;
extern struct kunit_suite ptkit_stats_suite;
extern struct kunit_suite ptkit_nmi_suite;
extern struct kunit_suite ptkit_races_suite;
extern struct kunit_suite ptkit_faults_suite;

#endif /* _PTKIT_PTEST_H */
