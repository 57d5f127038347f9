/* SPDX-License-Identifier: GPL-2.0 */
/* What ptdesc.c, async_free.c and window.c share: caches of page tables. */
#ifndef _PTKIT_PTDESC_H
#define _PTKIT_PTDESC_H

#include <linux/gfp.h>

#include "ptkit.h"

/**
 * struct ptkit_table_cache - tables of one level that only ever become tables of one kind again
 * @level: their level
 * @ql: the quicklist that they wait on, descriptor attached
 */
struct ptkit_table_cache {
	enum ptkit_level level;
	struct ptkit_quicklist *ql;
};

/*
 * How far a table is on its way (see async_free.c); 0 for a new descriptor. QUEUED, TAKEN_BACK and
 * RCU_QUEUED are on a queue. In the last two its RCU head is in use: before its quicklist
 * (ptkit_pagetable_free_rcu()), or behind it.
 */
enum ptkit_ptdesc_state {
	PTDESC_IDLE,
	PTDESC_QUEUED,
	PTDESC_TAKEN_BACK,
	PTDESC_FLUSHING,
	PTDESC_RCU,
	PTDESC_RCU_QUEUED,
};

int ptkit_table_cache_init(struct ptkit_table_cache *cache, const char *name,
			   enum ptkit_level level);
void ptkit_table_cache_exit(struct ptkit_table_cache *cache);
struct ptkit_ptdesc *ptkit_table_alloc(struct ptkit_table_cache *cache, gfp_t gfp);
/**
 * struct ptkit_flush_user - somebody with something to flush in each batch
 * @begin: remembers what there is; is there anything? A lock may be held until @end
 * @end: what there was is flushed; always follows @begin
 */
struct ptkit_flush_user {
	bool (*begin)(void);
	void (*end)(void);
};

void ptkit_async_set_flush_user(const struct ptkit_flush_user *user);
void ptkit_async_kick(void);
bool ptkit_async_has_room(void);
void ptkit_async_wait_for_room(void);
void ptkit_async_wait_for_batch(void);
unsigned long ptkit_async_misuse(void);
unsigned long ptkit_ptdesc_drain(void);
unsigned long ptkit_ptdesc_misuse(void);
void ptkit_ptdesc_barrier(void);
int ptkit_ptdesc_init(void);
void ptkit_ptdesc_exit(void);

#endif /* _PTKIT_PTDESC_H */
