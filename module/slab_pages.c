// SPDX-License-Identifier: GPL-2.0
/*
 * Slabs come and go: their pages are taken from the host, cut up and given back; and CPUs give up
 * the slabs that they have. What a slab is, and what it may be, is told at the head of slab.c.
 */
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/siphash.h>

#include "compat/compat.h"
#include "slab_internal.h"
#include "trace.h"

#ifdef PTKIT_SLAB_HOOKS
slab_race_hook_t *ptkit_slab_race_hook;
EXPORT_SYMBOL_GPL(ptkit_slab_race_hook);
unsigned long ptkit_slab_tag_mask = ~0UL;
EXPORT_SYMBOL_GPL(ptkit_slab_tag_mask);
int ptkit_slab_max_order = INT_MAX;
EXPORT_SYMBOL_GPL(ptkit_slab_max_order);
DEFINE_STATIC_KEY_FALSE(ptkit_slab_hook_key);
EXPORT_SYMBOL_GPL(ptkit_slab_hook_key);

static struct page *slab_host_pages(gfp_t gfp, int nid, unsigned int order)
{
	if ((int)order > READ_ONCE(ptkit_slab_max_order))
		return NULL;
	return ptkit_frozen_alloc_node(nid, gfp, order);
}
#else
static struct page *slab_host_pages(gfp_t gfp, int nid, unsigned int order)
{
	return ptkit_frozen_alloc_node(nid, gfp, order);
}
#endif

/*
 * What a slab's pages are allocated with, of what an object is: how, and where, as in mainline. A
 * compound page would have its own in the words that are ours, and a charge would be to the memory
 * cgroup of whoever came first.
 */
#define SLAB_PAGES_GFP	(GFP_ATOMIC | __GFP_RECLAIM | __GFP_IO | __GFP_FS | __GFP_NOWARN |	\
			 __GFP_RETRY_MAYFAIL | __GFP_NOFAIL | __GFP_NORETRY | __GFP_MEMALLOC |	\
			 __GFP_NOMEMALLOC | __GFP_HARDWALL | __GFP_THISNODE)

/* ---- slabs come and go ----------------------------------------------------------------------- */

static void slab_free_pages(struct slab *slab, unsigned int order)
{
	struct page *page = (struct page *)slab;
	unsigned int i;

	slab->list.next = NULL;
	slab->list.prev = NULL;
	slab->free.ptr = NULL;
	slab->free.tag = 0;
	for (i = 0; i < 1U << order; i++)
		((struct slab *)(page + i))->owner = 0;
	/* What frozen.c put there when it gave us the block. */
	if (order)
		pcp_set_mark(page, PCP_MARK_BLOCK | order);
	/* The stash hands it out as it is, and not always to who marks what he takes. */
	ptkit_kasan_unpoison(page_address(page), PAGE_SIZE << order);
	ptkit_frozen_free(page, order);
}

static void slab_free_pages_rcu(struct rcu_head *rcu)
{
	struct slab *slab = container_of(rcu, struct slab, rcu);

	slab_free_pages(slab, slab->free.tag >> SLAB_ORDER_SHIFT);
}

/**
 * slab_discard - a slab goes back to the host
 * @c: the cache
 * @slab: empty, and on no list
 *
 * Context: as ptkit_frozen_free(), but for NMI.
 */
void slab_discard(struct ptkit_cache *c, struct slab *slab)
{
	slab_event(c, SLAB_SLABS_FREED);
	if (c->flags & PTKIT_CACHE_RCU)
		call_rcu(&slab->rcu, slab_free_pages_rcu);
	else
		slab_free_pages(slab, slab->free.tag >> SLAB_ORDER_SHIFT);
}

/**
 * slab_discard_chain - the same for slabs that are linked through next
 * @c: the cache
 * @chain: the slabs
 *
 * Context: as slab_discard().
 */
void slab_discard_chain(struct ptkit_cache *c, struct slab *chain)
{
	while (chain) {
		struct slab *slab = chain;

		chain = slab->next;
		slab_discard(c, slab);
	}
}

/* Large blocks are taken where they are to be had at once; what must be had is the smallest one. */
static struct page *slab_alloc_pages(struct ptkit_cache *c, gfp_t gfp, int nid, unsigned int *order)
{
	gfp_t large = (gfp | __GFP_NOWARN | __GFP_NORETRY) & ~__GFP_NOFAIL;
	struct page *page;

	*order = c->order;
	if (c->order > c->min_order) {
		if (gfp & __GFP_DIRECT_RECLAIM)
			large = (large | __GFP_NOMEMALLOC) & ~__GFP_RECLAIM;
		page = slab_host_pages(large, nid, c->order);
		if (page)
			return page;
		*order = c->min_order;
	}
	return slab_host_pages(gfp, nid, *order);
}

/* What objects of some caches need before their first use. */
static void slab_init_objects(struct ptkit_cache *c, unsigned long base, unsigned int objects)
{
	void *object = (void *)base;

	for (; objects--; object += c->slot) {
		if (c->flags & SLAB_DEBUG_FLAGS)
			slab_debug_init(c, object);
		if (c->ctor)
			c->ctor(object);
	}
}

/*
 * Where in the cache's order a new slab's list begins. Nobody can tell who does not know the key,
 * and from where it begins nobody learns the key; a CPU's tag and the number of slabs that it has
 * made never come again together. get_random_u32() would do, and turns interrupts off.
 */
static unsigned int slab_random_start(struct ptkit_cache *c)
{
	const siphash_key_t key = { { c->secret, c->hint_secret } };
	u64 random = siphash_2u64(raw_cpu_read(c->cpu->pair.tag),
				  raw_cpu_read(c->cpu->events[SLAB_SLABS_NEW]), &key);

	return (random >> 32) * c->objects >> 32;
}

/* Link all objects of a new slab in the cache's order, from a random start. */
static void *slab_build_list(struct ptkit_cache *c, unsigned long base, unsigned int objects)
{
	unsigned long list = base | SLAB_END, object;
	unsigned int i, at = slab_random_start(c);

	for (i = c->objects; i; i--) {
		unsigned int nr = c->sequence[at];

		if (++at == c->objects)
			at = 0;
		/* A small slab has fewer objects than the sequence is made for. */
		if (unlikely(nr >= objects))
			continue;
		object = base + nr * c->slot;
		slab_set_link(c, (void *)object, (void *)list);
		list = object;
	}
	return (void *)list;
}

/**
 * slab_new - a slab that nobody knows of yet, all objects free
 * @c: the cache
 * @gfp: how to allocate it
 * @nid: where, or NUMA_NO_NODE
 *
 * Context: as @gfp says; no lock held.
 * Return: the slab, perhaps of less than the usual order, or %NULL.
 */
struct slab *slab_new(struct ptkit_cache *c, gfp_t gfp, int nid)
{
	unsigned int i, order, objects;
	struct page *page;
	struct slab *slab;
	unsigned long base;

	page = slab_alloc_pages(c, gfp & SLAB_PAGES_GFP, nid, &order);
	if (!page)
		return NULL;

	slab = (struct slab *)page;
	base = (unsigned long)page_address(page);
	objects = order == c->order ? c->objects : (PAGE_SIZE << order) / c->slot;
	for (i = 0; i < 1U << order; i++)
		((struct slab *)(page + i))->owner = slab_owner_word(c, order);
	if (unlikely(c->ctor || c->flags & SLAB_DEBUG_FLAGS))
		slab_init_objects(c, base, objects);
	slab->free.ptr = slab_build_list(c, base, objects);
	/* The first to be allocated from it unpoisons no more than itself. */
	if (!(c->flags & (PTKIT_CACHE_RCU | SLAB_DEBUG_FLAGS)))
		ptkit_kasan_poison((void *)base, PAGE_SIZE << order);
	slab->free.tag = (unsigned long)objects << SLAB_OBJECTS_SHIFT |
			 (unsigned long)order << SLAB_ORDER_SHIFT |
			 (slab_is_small(c, order) ? SLAB_SMALL : 0);
	slab_event(c, SLAB_SLABS_NEW);
	if (order < c->order)
		slab_event(c, SLAB_SMALL_NEW);
	return slab;
}

/* ---- giving CPUs' slabs back ----------------------------------------------------------------- */

/*
 * Put a CPU's list back on its slab, and the slab on @chain. The CPU is this one, with interrupts
 * off, or dead: its counters are stepped as they are.
 */
static void slab_put_back(struct ptkit_cache *c, struct slab_cpu *cpu, void *list,
			  struct slab **chain)
{
	struct slab *slab = slab_lookup(c, list);
	struct ptkit_shared old;
	void *tail = NULL, *next;
	unsigned long nr = 0;

	for (next = list; !slab_at_end(next); nr++) {
		tail = next;
		next = slab_next(c, tail, c->mask + 1);
	}
	if (nr) {
		do {
			old = slab_read(slab);
			slab_set_link(c, tail, old.ptr);
		} while (!slab_swap(slab, &old, list, old.tag - nr));
	}
	cpu->events[SLAB_LISTED] -= nr;
	cpu->events[SLAB_DEACTIVATED]++;
	trace_ptkit_slab_deactivate(c->name, nr);
	slab->next = *chain;
	*chain = slab;
}

static void slab_take_partial(struct slab_cpu *cpu, struct slab **chain)
{
	struct slab *slab;

	while ((slab = cpu->partial)) {
		cpu->partial = slab->next;
		slab->next = *chain;
		*chain = slab;
	}
	cpu->nr_partial = 0;
}

/**
 * slab_take_cpu - take all slabs that this CPU has
 * @c: the cache
 * @chain: they are added here, frozen, for slab_release_chain()
 *
 * Context: interrupts off.
 */
void slab_take_cpu(struct ptkit_cache *c, struct slab **chain)
{
	struct slab_cpu *cpu = this_cpu_ptr(c->cpu);
	void *list = slab_cpu_take(c);

	if (list != SLAB_NONE)
		slab_put_back(c, cpu, list, chain);
	slab_take_partial(cpu, chain);
}

/**
 * slab_take_dead_away - what slab_take_away() takes, of a CPU that is dead
 * @c: the cache
 * @cpu: the CPU; nobody touches its words any more
 * @away: gets the objects
 *
 * Context: process context.
 */
void slab_take_dead_away(struct ptkit_cache *c, int cpu, struct slab_away *away)
{
	struct slab_cpu *dead = per_cpu_ptr(c->cpu, cpu);

	away->head = dead->away.ptr;
	away->tail = dead->away_tail;
	away->nr = away->head == SLAB_NONE ? 0 :
		   slab_tag_count(dead->away.tag, dead->away_start) + 1;
	dead->away.ptr = SLAB_NONE;
	dead->away.tag = slab_tag_next(dead->away.tag);
}

/**
 * slab_take_dead - take all slabs that a CPU had which is dead
 * @c: the cache
 * @cpu: the CPU; nobody touches its words any more
 * @chain: as for slab_take_cpu()
 *
 * Context: process context.
 */
void slab_take_dead(struct ptkit_cache *c, int cpu, struct slab **chain)
{
	struct slab_cpu *dead = per_cpu_ptr(c->cpu, cpu);
	void *list = (void *)((unsigned long)dead->pair.ptr & ~(unsigned long)c->mark);

	if (list != SLAB_NONE) {
		dead->pair.ptr = SLAB_NONE;
		dead->pair.tag = slab_tag_next(dead->pair.tag);
		dead->events[SLAB_SWAPS]++;
		if (slab_lookup(c, list))
			slab_put_back(c, dead, list, chain);
		else
			slab_corrupt(c, list);
	}
	slab_take_partial(dead, chain);
}

/**
 * slab_list_length - how many objects are on this CPU's list?
 * @c: the cache
 *
 * Context: interrupts off, no NMI.
 * Return: the number.
 */
unsigned long slab_list_length(struct ptkit_cache *c)
{
	unsigned long nr = 0;
	void *next;

	next = (void *)((unsigned long)this_cpu_read(c->cpu->pair.ptr) & ~(unsigned long)c->mark);
	if (slab_at_end(next) || !slab_lookup(c, next))
		return 0;
	for (; !slab_at_end(next); nr++)
		next = slab_next(c, next, c->mask + 1);
	return nr;
}

/**
 * slab_first_live - an object that is in use
 * @c: the cache, which nobody uses
 * @slab: a slab of it
 *
 * Context: process context; slow.
 * Return: the first object that is not on the slab's list, or %NULL.
 */
void *slab_first_live(struct ptkit_cache *c, struct slab *slab)
{
	unsigned long size = PAGE_SIZE << (slab->free.tag >> SLAB_ORDER_SHIFT);
	void *object = page_address((struct page *)slab);
	unsigned long nr = slab_objects(slab->free.tag);
	void *next;

	for (; nr--; object += c->slot) {
		for (next = slab->free.ptr; !slab_at_end(next); next = slab_next(c, next, size))
			if (next == object)
				break;
		if (slab_at_end(next))
			return object;
	}
	return NULL;
}
