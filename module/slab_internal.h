/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The lockless slab: what its files share. How it works is told at the head of slab.c.
 */
#ifndef _PTKIT_SLAB_INTERNAL_H
#define _PTKIT_SLAB_INTERNAL_H

#include <linux/irq_work.h>
#include <linux/jump_label.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/spinlock.h>
#include <linux/swab.h>

#include "arch/arch.h"
#include "hooks.h"
#include "pcp_stack.h"
#include "ptkit.h"
#include "stats.h"

/* What the low bits of a CPU's list pointer say. Objects are aligned to 8 at least. */
#define SLAB_END	1UL	/* no object: the end of the list of the slab that it points into */
#define SLAB_MARKED	2UL	/* links are not the objects' first words: no plain fastpath */

/*
 * This CPU has no slab. As empty as a list can be, and near nothing that anybody frees, %NULL and
 * small numbers included: it is no address.
 */
#define SLAB_NONE	((void *)(0x51abb0a700000000UL | SLAB_END))

/* The tag of a slab's shared pair: its counters. */
#define SLAB_INUSE		0xffffUL	/* objects that are not on the slab's own list */
#define SLAB_OBJECTS_SHIFT	16		/* objects in all */
#define SLAB_FROZEN		BIT(32)		/* a CPU's: on no node's list, nobody else takes */
#define SLAB_SMALL		BIT(33)		/* of less than the usual order: never a CPU's */
#define SLAB_ORDER_SHIFT	40

/*
 * A small slab's pages: not the cache's address, so that no fastpath takes them for the usual
 * kind.
 */
#define SLAB_OWNER_SMALL	BIT(62)

#define SLAB_OWNER_ORDER	(7UL << 1)	/* ... with the order of this slab in these bits */

/* Flags of a cache that need a look at every object: their caches have no fastpath. */
#define SLAB_DEBUG_FLAGS \
	(PTKIT_CACHE_CHECK | PTKIT_CACHE_POISON | PTKIT_CACHE_RED_ZONE | PTKIT_CACHE_TRACK)

/* A class of kmalloc: with passthrough its objects go by kfree(), which tells us nothing. */
#define SLAB_CLASS	BIT(31)

/* What a slab cache may be. Everything below is decided when it is created. */
#define SLAB_MAX_ORDER		3
#define SLAB_MAX_SLOT		(PAGE_SIZE << SLAB_MAX_ORDER)

/* How slabs of ptkit use the words of struct page, which are their owner's while it is frozen. */
struct slab {
	unsigned long page_flags;
	union {
		struct {
			/* Of every page: slab_owner_word() of its cache. Bit 0 clear. */
			unsigned long owner;
			/* Of the first page only, like all below. */
			union {
				struct list_head list;	/* protected by the node's lock */
				struct slab *next;	/* waiting, or to be freed */
			};
		};
		struct rcu_head rcu;
	};
	struct ptkit_shared free;	/* list of free objects, and counters */
};

#define SLAB_OVERLAYS(member, word) \
	static_assert(offsetof(struct slab, member) == offsetof(struct page, word))
SLAB_OVERLAYS(page_flags, flags);
SLAB_OVERLAYS(owner, lru.next);
SLAB_OVERLAYS(list.next, lru.prev);
SLAB_OVERLAYS(list.prev, mapping);
SLAB_OVERLAYS(rcu, rcu_head);
SLAB_OVERLAYS(free.tag, private);
static_assert(offsetof(struct slab, free.ptr) == offsetof(struct page, mapping) + sizeof(void *));
#ifndef PTKIT_ARCH_SHARED_LOCKED
static_assert(__alignof__(struct page) % 16 == 0 && offsetof(struct slab, free) % 16 == 0);
#endif

enum slab_event {
	SLAB_ALLOC_SLOW,
	SLAB_ALLOC_SINGLE,
	SLAB_ALLOC_FAILED,
	SLAB_FREE_SLOW,
	SLAB_FREE_DEFERRED,
	SLAB_RETRIES,
	SLAB_REFILL_REMOTE,
	SLAB_REFILL_CPU,
	SLAB_REFILL_NODE,
	SLAB_REFILL_NEW,
	SLAB_DEACTIVATED,
	SLAB_SPILLED,
	SLAB_SLABS_NEW,
	SLAB_SLABS_FREED,
	SLAB_SMALL_NEW,
	SLAB_MISUSE,
	SLAB_CORRUPT,
	NR_SLAB_SHOWN,
	/* For deriving the fastpath's counts, see ptkit_cache_get_stats(). */
	SLAB_SWAPS = NR_SLAB_SHOWN,
	SLAB_LISTED,
	NR_SLAB_EVENTS
};

/**
 * struct slab_cpu - what a CPU has of a cache
 * @pair: its list of objects, or the end token of its slab, or SLAB_NONE; and the tag
 * @away: freed objects of one slab that is not the CPU's, to be given back to it together, or
 *	SLAB_NONE; and a tag, which counts them
 * @away_tail: the last of them; owner only, interrupts off, like @away_start
 * @away_start: the tag when there was one
 * @partial: slabs with free objects that wait for their turn; owner only, interrupts off
 * @nr_partial: how many
 * @deferred: objects freed in NMI that could not be freed there
 * @work: frees them
 * @cache: for @work
 * @events: counters, stepped from any context by whoever runs on the CPU
 */
struct slab_cpu {
	struct ptkit_pair pair;
	struct ptkit_pair away;
	void *away_tail;
	unsigned long away_start;
	struct slab *partial;
	unsigned int nr_partial;
	struct llist_head deferred;
	struct irq_work work;
	struct ptkit_cache *cache;
	unsigned long events[NR_SLAB_EVENTS];
};

/**
 * struct slab_node - what a node has of a cache
 * @lock: protects the lists, and every change of a slab that puts it on one or takes it off
 * @nr_partial: slabs on @partial
 * @partial: slabs with free objects, not frozen
 * @small: the same, of slabs that are SLAB_SMALL
 * @full: slabs without free objects; only of caches with debug flags
 */
struct slab_node {
	raw_spinlock_t lock;
	unsigned long nr_partial;
	struct list_head partial;
	struct list_head small;
	struct list_head full;
};

/*
 * An object cache.
 *
 * The first cache line is all that the fastpaths read; nothing in it is ever written after
 * creation.
 */
struct ptkit_cache {
	struct slab_cpu __percpu *cpu;
	unsigned long secret;		/* for links */
	unsigned long fast_limit;	/* slab size - 1; 0: no plain fastpath for frees */
	unsigned long mask;		/* slab size - 1 */
	unsigned int offset;		/* of the link in an object's slot */
	unsigned int mark;		/* SLAB_MARKED, or 0 */
	unsigned int size;		/* of the object as its users see it */
	unsigned int slot;		/* of the object with all that belongs to it */
	unsigned long hint_secret;	/* for hints, see slab_bulk.c */

	unsigned int flags;
	unsigned int align;
	unsigned int order;
	unsigned int min_order;		/* one object fits */
	unsigned int objects;		/* per slab of the usual order */
	unsigned int cpu_partial;	/* slabs that a CPU may have waiting */
	unsigned int min_partial;	/* slabs that a node keeps, empty or not */
	unsigned int debug;		/* offset of the debug data, see slab_debug.c */
	u16 *sequence;			/* the order of objects on a new slab's list */
	void (*ctor)(void *object);
	struct kmem_cache *host;	/* passthrough: everything is the kernel's */
	struct slab_node **node;	/* by node number */

	struct hlist_node hotplug;
	struct list_head all;		/* protected by slab_caches_lock */
	struct ptkit_source source;
	char name[32];
} ____cacheline_aligned;

/*
 * Test builds only: something happens between reading a list and its first object's link, or
 * between that and the swap.
 */
enum slab_race { SLAB_RACE_LINK, SLAB_RACE_SWAP };

#if IS_ENABLED(CONFIG_KUNIT) || defined(PTKIT_TEST_HOOKS)
#define PTKIT_SLAB_HOOKS	1
typedef void slab_race_hook_t(struct ptkit_cache *c, enum slab_race before);
extern slab_race_hook_t *ptkit_slab_race_hook;
extern unsigned long ptkit_slab_tag_mask;
extern int ptkit_slab_max_order;
DECLARE_STATIC_KEY_FALSE(ptkit_slab_hook_key);

static __always_inline void slab_race_point(struct ptkit_cache *c, enum slab_race before)
{
	if (static_branch_unlikely(&ptkit_slab_hook_key))
		ptkit_slab_race_hook(c, before);
}

static __always_inline unsigned long slab_tag_add(unsigned long tag, unsigned long nr)
{
	return (tag + nr * PCP_TAG_STEP) & ptkit_slab_tag_mask;
}
#else
static __always_inline void slab_race_point(struct ptkit_cache *c, enum slab_race before)
{
}

/* The tag after @nr objects went to or from a list: it counts them. */
static __always_inline unsigned long slab_tag_add(unsigned long tag, unsigned long nr)
{
	return tag + nr * PCP_TAG_STEP;
}
#endif

/* How many objects a tag has counted since it was @start. */
static __always_inline unsigned long slab_tag_count(unsigned long tag, unsigned long start)
{
	return slab_tag_add(tag - start, 0) / PCP_TAG_STEP;
}

static __always_inline unsigned long slab_tag_next(unsigned long tag)
{
	return slab_tag_add(tag, 1);
}

static __always_inline bool slab_is_small(const struct ptkit_cache *c, unsigned int order)
{
	return order < c->order || (c->flags & SLAB_DEBUG_FLAGS);
}

/* What a slab's pages say about whose they are. */
static inline unsigned long slab_owner_word(const struct ptkit_cache *c, unsigned int order)
{
	if (!slab_is_small(c, order))
		return (unsigned long)c;
	return ((unsigned long)c ^ SLAB_OWNER_SMALL) | order << 1;
}

static inline unsigned int slab_owner_order(unsigned long word)
{
	return (word & SLAB_OWNER_ORDER) >> 1;
}

#define slab_event(c, id)		ptkit_arch_count(&(c)->cpu->events[id], 1)
#define slab_event_add(c, id, n)	ptkit_arch_count(&(c)->cpu->events[id], n)

/* ---- links ----------------------------------------------------------------------------------- */

/*
 * A stored link is its value, the cache's secret and its own address, bytes reversed: who can read
 * one learns neither, and who can overwrite one cannot make it point where he wants.
 */
static __always_inline unsigned long slab_link_code(const struct ptkit_cache *c, unsigned long link,
						    unsigned long where)
{
	return link ^ swab64(where) ^ c->secret;
}

static __always_inline void slab_link_store(const struct ptkit_cache *c, void *object,
					    unsigned long offset, unsigned long link)
{
	unsigned long where = (unsigned long)object + offset;

	/* Late readers of the object's last life may still look at this word, see slab.c. */
	WRITE_ONCE(*(unsigned long *)where, slab_link_code(c, link, where));
}

static __always_inline void slab_set_link(const struct ptkit_cache *c, void *object, void *link)
{
	slab_link_store(c, object, c->offset, (unsigned long)link);
}

static __always_inline bool slab_at_end(const void *list)
{
	return (unsigned long)list & SLAB_END;
}

/* ---- a slab's own pair ----------------------------------------------------------------------- */

static inline struct ptkit_shared slab_read(const struct slab *slab)
{
	/* Two words at two times: only a swap tells whether they belong together. */
	return (struct ptkit_shared){
		.ptr = READ_ONCE(slab->free.ptr),
		.tag = READ_ONCE(slab->free.tag),
	};
}

static inline bool slab_swap(struct slab *slab, const struct ptkit_shared *old, void *ptr,
			     unsigned long tag)
{
	return ptkit_arch_shared_cmpxchg(&slab->free, old->ptr, old->tag, ptr, tag);
}

static inline unsigned long slab_inuse(unsigned long tag)
{
	return tag & SLAB_INUSE;
}

static inline unsigned long slab_objects(unsigned long tag)
{
	return tag >> SLAB_OBJECTS_SHIFT & SLAB_INUSE;
}

static inline void *slab_end(const struct ptkit_cache *c, const void *list)
{
	return (void *)(((unsigned long)list & PAGE_MASK) | SLAB_END);
}

/* Are we in an NMI that may have come in the middle of a swap? It must keep off the CPU's words. */
static __always_inline bool slab_keeps_off(void)
{
	return !ptkit_arch_pair_nmi_safe && in_nmi();
}

/* ---- fastpaths ------------------------------------------------------------------------------- */

/*
 * One try to take the first object of this CPU's list; false if that is a matter for the slow path,
 * as everything is if @odd is not 0, or if somebody came in between: @again. @offset and @mark are
 * constants but for marked caches.
 */
static __always_inline bool slab_try_pop(struct ptkit_cache *c, unsigned long offset,
					 unsigned long mark, unsigned long odd, void **object,
					 bool *again)
{
	struct ptkit_pair __percpu *pair = &c->cpu->pair;
	unsigned long tag, where, next;
	void *list;

	*again = false;
	if (slab_keeps_off())
		return false;
	ptkit_arch_pair_read(pair, &list, &tag);
	/* One branch for both. */
	if (unlikely((((unsigned long)list & (SLAB_END | SLAB_MARKED)) ^ mark) | odd))
		return false;
	where = (unsigned long)list - mark + offset;
	slab_race_point(c, SLAB_RACE_LINK);
	/* Late, or the list is corrupt: the slow path finds out. */
	if (unlikely(!ptkit_arch_read_stale(where, &next)))
		return false;
	next = slab_link_code(c, next, where);
	ptkit_busted_race(PTKIT_BUSTED_SLAB_TAG);
	slab_race_point(c, SLAB_RACE_SWAP);
	if (ptkit_busted_now(PTKIT_BUSTED_SLAB_POP))
		next = (unsigned long)list - mark;
	if (likely(ptkit_arch_pair_try_cmpxchg(pair, &list, &tag, (void *)(next + mark),
					       slab_tag_next(tag)))) {
		/* Still what it was, and in the register that the caller wants it in. */
		*object = list - mark;
		return true;
	}
	slab_event(c, SLAB_RETRIES);
	*again = true;
	return false;
}

/*
 * One try to put an object, or a chain of @nr, on a list of this CPU's; false if they are not of
 * its slab, or if the first is the list's first already, or @again.
 */
static __always_inline bool slab_try_push(struct ptkit_cache *c, struct ptkit_pair __percpu *pair,
					  void *head, void *tail, unsigned long nr,
					  unsigned long limit, unsigned long offset,
					  unsigned long mark, bool *again)
{
	unsigned long tag;
	void *list;

	*again = false;
	if (slab_keeps_off())
		return false;
	ptkit_arch_pair_read(pair, &list, &tag);
	/* An end token differs from every object, so 0 is the same object and nothing else. */
	if (unlikely(((unsigned long)list ^ (unsigned long)head ^ mark) - 1 >= limit))
		return false;
	slab_link_store(c, tail, offset, (unsigned long)list ^ mark);
	slab_race_point(c, SLAB_RACE_SWAP);
	if (likely(ptkit_arch_pair_try_cmpxchg(pair, &list, &tag,
					       (void *)((unsigned long)head | mark),
					       slab_tag_add(tag, nr))))
		return true;
	slab_event(c, SLAB_RETRIES);
	*again = true;
	return false;
}

/* The same, until nobody comes in between. */
static __always_inline bool slab_pop(struct ptkit_cache *c, unsigned long offset,
				     unsigned long mark, void **object)
{
	bool again;

	do {
		if (likely(slab_try_pop(c, offset, mark, 0, object, &again)))
			return true;
	} while (again);
	return false;
}

static __always_inline bool slab_push(struct ptkit_cache *c, struct ptkit_pair __percpu *pair,
				      void *head, void *tail, unsigned long nr,
				      unsigned long limit, unsigned long offset, unsigned long mark)
{
	bool again;

	do {
		if (likely(slab_try_push(c, pair, head, tail, nr, limit, offset, mark, &again)))
			return true;
	} while (again);
	return false;
}

/* Are there checkers in this kernel that want to be told of every object? */
#define SLAB_CHECKERS	(IS_ENABLED(CONFIG_DEBUG_KMEMLEAK) || IS_ENABLED(CONFIG_KASAN_GENERIC))

/* Objects are wiped, when they are allocated or when they are freed: decided at boot. */
DECLARE_STATIC_KEY_FALSE(slab_wipe_key);

/* Has something to be done to an object on its way from a list to its user? */
static __always_inline bool slab_is_prepared(gfp_t gfp)
{
	return SLAB_CHECKERS || static_branch_unlikely(&slab_wipe_key) || (gfp & __GFP_ZERO);
}

/* Is @object the first of one of this CPU's lists? Then it is not for its user to free. */
static __always_inline bool slab_is_first(const struct ptkit_cache *c, const void *object)
{
	unsigned long first = (unsigned long)this_cpu_read(c->cpu->pair.ptr);

	return (first & ~(unsigned long)c->mark) == (unsigned long)object ||
	       this_cpu_read(c->cpu->away.ptr) == object;
}

void *slab_alloc_slow(struct ptkit_cache *c, gfp_t gfp);
void slab_free_slow(struct ptkit_cache *c, void *object);
void slab_free_again(struct ptkit_cache *c, void *object);
void slab_free_told(struct ptkit_cache *c, void *object);

/*
 * All that is not the straight way, the second try included, is a jump to another function, so that
 * nothing has to be saved.
 */
static __always_inline void *slab_alloc_inline(struct ptkit_cache *c, gfp_t gfp)
{
	void *object;
	bool again;

	if (unlikely(slab_is_prepared(0)))
		return slab_alloc_slow(c, gfp);
	if (unlikely(!slab_try_pop(c, 0, 0, (__force unsigned long)(gfp & __GFP_ZERO), &object,
				   &again)))
		return slab_alloc_slow(c, gfp);
	return object;
}

static __always_inline void slab_free_inline(struct ptkit_cache *c, void *object)
{
	bool again;

	if (unlikely(SLAB_CHECKERS || want_init_on_free()))
		slab_free_told(c, object);
	else if (likely(slab_try_push(c, &c->cpu->pair, object, object, 1, c->fast_limit, 0, 0,
				      &again)))
		return;
	else if (again)
		slab_free_again(c, object);
	else
		slab_free_slow(c, object);
}

/* ---- between the files ----------------------------------------------------------------------- */

/**
 * struct slab_away - objects on their way to their slab
 * @head: the first
 * @tail: the last
 * @nr: how many; 0: none
 */
struct slab_away {
	void *head;
	void *tail;
	unsigned long nr;
};

struct slab *slab_lookup(const struct ptkit_cache *c, const void *object);
bool slab_is_object(const struct ptkit_cache *c, const struct slab *slab, const void *object);
struct slab *slab_new(struct ptkit_cache *c, gfp_t gfp, int nid);
void *slab_next(struct ptkit_cache *c, void *object, unsigned long size);
void slab_corrupt(struct ptkit_cache *c, const void *object);
void *slab_cpu_take(struct ptkit_cache *c);
void *slab_after_alloc(struct ptkit_cache *c, void *object, gfp_t gfp);
bool slab_before_free(struct ptkit_cache *c, void *object);
void slab_discard(struct ptkit_cache *c, struct slab *slab);
void *slab_alloc_listed(struct ptkit_cache *c, gfp_t gfp, int nid);
void slab_free_shared(struct ptkit_cache *c, struct slab *slab, void *head, void *tail,
		      unsigned long nr);
void slab_release_chain(struct ptkit_cache *c, struct slab *chain);
void slab_discard_chain(struct ptkit_cache *c, struct slab *chain);
void slab_free_away(struct ptkit_cache *c, const struct slab_away *away);
void slab_take_away(struct ptkit_cache *c, struct slab_away *away);
void slab_take_cpu(struct ptkit_cache *c, struct slab **chain);
void slab_take_dead_away(struct ptkit_cache *c, int cpu, struct slab_away *away);
void slab_take_dead(struct ptkit_cache *c, int cpu, struct slab **chain);
unsigned long slab_list_length(struct ptkit_cache *c);
void *slab_first_live(struct ptkit_cache *c, struct slab *slab);
void slab_misuse_free(struct ptkit_cache *c, const void *object, const char *what);

int slab_cache_setup(struct ptkit_cache *c, const char *name, unsigned int size, unsigned int align,
		     unsigned int flags, void (*ctor)(void *object));
int slab_cache_check(struct ptkit_cache *c);
void slab_cache_dismantle(struct ptkit_cache *c);

unsigned int slab_debug_size(const struct ptkit_cache *c);
void slab_debug_init(struct ptkit_cache *c, void *object);
void *slab_debug_alloc(struct ptkit_cache *c, gfp_t gfp, int nid);
bool slab_debug_defer(struct ptkit_cache *c, struct slab *slab, void *object);
void slab_debug_free(struct ptkit_cache *c, struct slab *slab, void *object, bool deferred);
void slab_debug_show_owner(struct ptkit_cache *c, void *object);

int slab_kmalloc_init(void);
void slab_kmalloc_exit(void);

int slab_host_create(struct ptkit_cache *c);
void *slab_host_alloc(struct ptkit_cache *c, gfp_t gfp, int nid);
void slab_host_free(struct ptkit_cache *c, void *object);

#endif /* _PTKIT_SLAB_INTERNAL_H */
