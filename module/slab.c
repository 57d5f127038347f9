// SPDX-License-Identifier: GPL-2.0
/*
 * The lockless slab: object caches whose fastpath is one compare-and-swap on { list, tag }, in the
 * form that was posted in 2014 and never merged. This file is the way of an object; caches as a
 * whole are in slab_cache.c, debug flags in slab_debug.c, kmalloc() in slab_kmalloc.c.
 *
 * Data. A slab is a frozen block of 2^order pages, naturally aligned, cut into slots. Free objects
 * are linked through a word of their own. The end of a list is no %NULL but a pointer into the slab
 * with bit 0 set, so that a list always names its slab, even when it is empty, and the base is a
 * pointer with the low bits masked off. That is what makes a CPU's words just { list, tag }: there
 * is no page field that could be torn from the list, and nothing to disable preemption for.
 *
 * All that is known of a slab stands in words of struct page that are its owner's while it is
 * frozen (slab_internal.h): the cache in every page; node list, own list and counters in the first.
 * There is no header and no descriptor: the overhead of a slab is what is left behind the last
 * slot.
 *
 * States of a slab:
 *
 *                 FROZEN  on a node's list   its own list
 *   CPU's            y           -           objects that others have freed to it
 *   waiting on CPU   y           -           free objects
 *   partial          -           y           free objects
 *   full             -           -           empty
 *   small            -      while not full   free objects
 *
 * A frozen slab is its CPU's: nobody else takes from it, and everybody pushes to it without a lock.
 * A small slab is of a lesser order than its cache's slabs, since memory was short; the fastpath's
 * test for "same slab" would be wrong for it, so it never becomes a CPU's, and serves one object at
 * a time under the node's lock. So do all slabs of caches with debug flags, and those of a node
 * that was asked for by name.
 *
 * The fastpath (slab_pop(), slab_push()) reads tag, then list, then, to allocate, the first
 * object's link, and swaps. It may be interrupted, sleep and migrate between any two of these.
 * Tags start as the CPU's number and step by a power of two above the number of CPUs, so no two
 * CPUs ever show the same tag, and none shows one twice. A swap that succeeds therefore happened
 * on the CPU whose tag was read, with nothing in between; the list that was read was that CPU's,
 * for it is compared, too; and the link of a list's first object does not change while it is
 * that. In every other case what was read is thrown away. Two more things follow from there being
 * no shared end of list: a list read from another CPU is never equal to this one's by accident,
 * and "is this object of this CPU's slab" is answered by the very word that the swap compares.
 *
 *   task on CPU 0                    meanwhile                         and then
 *   tag = 0x40, list = A             A, B taken, A freed: list = A     another tag: fails
 *   tag = 0x40                       task moves to CPU 1, list = X     CPU 1's tag: fails
 *   tag = 0x40, list = A             slab of A given to the host       another tag: fails
 *
 * In the last case the link is read from memory that is somebody else's, or not even mapped any
 * more (DEBUG_PAGEALLOC, memfd_secret(), executable memory): ptkit_arch_read_stale() has an entry
 * in the exception table, which costs nothing unless it is needed. The swap fails all the same.
 * Bulk allocation follows many links before it swaps, so it believes none that leaves the slab, and
 * a hint (slab_bulk.c) only when the links have led to the same object.
 *
 * The tag counts objects: the sum of a CPU's fast allocations and frees. The fastpath counts
 * nothing else; the rest is derived (ptkit_cache_get_stats()). All changes of a CPU's words that
 * are no fastpath go through slab_cpu_swap(), which steps the tag, with interrupts off on that
 * CPU; an NMI may still come in between, and finds SLAB_NONE. Only the words of a dead CPU are
 * stored to.
 *
 * Frees to any other slab push to its own list by a locked swap of { list, counters }; but first
 * they wait, as long as they are all of one slab, on a second pair of the CPU's, to which the same
 * rules apply as to the first (slab_send()). No pop ever looks at it, and an object there is in use
 * as far as its slab knows, so the slab stays. It holds an object, or SLAB_NONE, and no end token.
 * Whoever frees the first object of a full slab gets it, frozen, to wait on his CPU; if too many
 * wait they go to their nodes' lists. A slab goes on a node's list, comes off it, or is seen to be
 * empty, with that node's lock held over the swap. The counters change with every push and pop, so
 * that a swap of an old list fails; nobody pops from a slab's own list without owning the slab or
 * holding the lock.
 *
 * Who may run beside whom, without a lock, on the same CPU's words (c) or the same slab (s):
 *
 *               pop   push   take/install   push from elsewhere   harvest   list, unlist
 *     pop        c     c          c                 -                -           -
 *     push       c     c          c                 -                -           -
 *     elsewhere  -     -          -                 s                s           s
 *
 * Lock order: a node's lock; nothing is taken under it but, where there is no wide swap,
 * ptkit_arch_shared_lock. Both are raw and held for a bounded number of slabs. Memory is allocated
 * and freed with no lock held and interrupts as the caller has them.
 *
 * Contexts: task, softirq, hardirq. In NMI the CPU's list can be allocated from and freed to, and
 * its second pair freed to; an allocation that finds the list empty fails, and a free of a third
 * slab's object is put off to an irq_work. So is every free where somebody is told of objects or
 * they are wiped, which takes locks and comes before an object is on a list; and every free, while
 * all allocations fail, where an NMI can come in the middle of a swap. With PREEMPT_RT, what misses
 * the fastpath may be called where kmem_cache_alloc() may.
 *
 * Memory ordering: a CPU's words are seen by that CPU only. The shared swap is a full barrier: what
 * was done to an object before it was freed is done before anybody else is given it.
 *
 * Hardening: links carry a secret and their address, a new slab's list is in random order, the
 * first object of a list is not freed again, a free to another slab looks whether it is one of this
 * cache and has objects in use, and a link that points elsewhere ends the list. What is wrong is
 * counted, warned about and leaked. What an object's first word was overwritten with can still be
 * given to a user if it happens to be readable: the fastpath does not look.
 *
 * What a module cannot do: objects are not charged to memory cgroups (__GFP_ACCOUNT is ignored),
 * user copies are not confined to an object, KFENCE and KASAN's quarantine do not see them. KASAN
 * is told what is free (slab_before_free()), kmemleak what is in use. Load with passthrough=1 and
 * every object is the kernel's own.
 *
 * Origin: seed 002 (Lameter, 2014), over SLUB (Lameter, 2007 to 2011).
 */
#include <linux/kmemleak.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/topology.h>

#include "compat/compat.h"
#include "internal.h"
#include "slab_internal.h"
#include "trace.h"

#ifdef PTKIT_ARCH_SHARED_LOCKED
DEFINE_RAW_SPINLOCK(ptkit_arch_shared_lock);
#endif

/* ---- slabs and their pairs ------------------------------------------------------------------- */

static struct slab *slab_at(unsigned long base)
{
	return (struct slab *)virt_to_page((void *)base);
}

/* The slab that a list pointer of the usual kind lies in. */
static struct slab *slab_of(const struct ptkit_cache *c, const void *list)
{
	return slab_at((unsigned long)list & ~c->mask);
}

/**
 * slab_lookup - the slab that an address belongs to
 * @c: the cache
 * @object: any value
 *
 * Context: any.
 * Return: its slab, or %NULL if @object is not in a slab of @c.
 */
struct slab *slab_lookup(const struct ptkit_cache *c, const void *object)
{
	unsigned long word = ptkit_arch_page_word(object);

	if (likely(word == (unsigned long)c))
		return slab_of(c, object);
	if ((word & ~SLAB_OWNER_ORDER) != ((unsigned long)c ^ SLAB_OWNER_SMALL))
		return NULL;
	return slab_at((unsigned long)object &
		       ~((PAGE_SIZE << slab_owner_order(word)) - 1));
}
EXPORT_SYMBOL_FOR_TESTS(slab_lookup);

/**
 * slab_is_object - does an address name an object?
 * @c: the cache
 * @slab: the slab of @c that it lies in
 * @object: the address
 *
 * Context: any.
 * Return: whether it does, and not the middle of one, or what is left behind the last.
 */
bool slab_is_object(const struct ptkit_cache *c, const struct slab *slab, const void *object)
{
	unsigned int at = object - page_address((const struct page *)slab);

	return at % c->slot == 0 && at / c->slot < slab_objects(READ_ONCE(slab->free.tag));
}

/**
 * slab_corrupt - report a list of free objects that is not what it was
 * @c: the cache
 * @object: where
 *
 * Context: any.
 */
noinline void slab_corrupt(struct ptkit_cache *c, const void *object)
{
	slab_event(c, SLAB_CORRUPT);
	ptkit_misuse("cache %s: corrupt list of free objects at %p: written to after free?",
		     c->name, object);
}

/**
 * slab_next - what follows an object on its list
 * @c: the cache
 * @object: the object
 * @size: of the slab
 *
 * For all but the fastpath: no garbage is believed. The rest of a corrupt list is leaked.
 *
 * Context: any.
 * Return: the next object, or an end token.
 */
void *slab_next(struct ptkit_cache *c, void *object, unsigned long size)
{
	unsigned long where = (unsigned long)object + c->offset;
	unsigned long next;

	if (likely(ptkit_arch_read_stale(where, &next))) {
		next = slab_link_code(c, next, where);
		if (likely((next ^ (unsigned long)object) < size))
			return (void *)next;
	}
	slab_corrupt(c, object);
	return slab_end(c, object);
}

/* ---- the CPU's list -------------------------------------------------------------------------- */

/*
 * All changes of a CPU's pair that are no fastpath go through here, and so none can forget to step
 * the tag. Interrupts are off; an NMI may still come in between.
 */
static void *slab_cpu_swap(struct ptkit_cache *c, void *list)
{
	unsigned long tag;
	void *old;

	do {
		ptkit_arch_pair_read(&c->cpu->pair, &old, &tag);
	} while (!ptkit_arch_pair_cmpxchg(&c->cpu->pair, old, tag, list, slab_tag_next(tag)));
	slab_event(c, SLAB_SWAPS);
	return old;
}

/**
 * slab_cpu_take - take this CPU's list away
 * @c: the cache
 *
 * While the CPU has no slab, an NMI's allocation fails and its frees go elsewhere.
 *
 * Context: interrupts off.
 * Return: the list, an end token, or SLAB_NONE.
 */
void *slab_cpu_take(struct ptkit_cache *c)
{
	void *list = slab_cpu_swap(c, SLAB_NONE);

	list = (void *)((unsigned long)list & ~(unsigned long)c->mark);
	if (list == SLAB_NONE || likely(slab_lookup(c, list)))
		return list;
	/* The fastpath installed what it read from an object that was written to. */
	slab_corrupt(c, list);
	return SLAB_NONE;
}

static void slab_cpu_install(struct ptkit_cache *c, void *list)
{
	slab_cpu_swap(c, (void *)((unsigned long)list | c->mark));
}

/* A frozen slab waits for its turn. Interrupts are off. */
static void slab_cpu_wait(struct ptkit_cache *c, struct slab *slab)
{
	struct slab_cpu *cpu = this_cpu_ptr(c->cpu);

	slab->next = cpu->partial;
	cpu->partial = slab;
	cpu->nr_partial++;
}

static struct slab *slab_cpu_next(struct ptkit_cache *c)
{
	struct slab_cpu *cpu = this_cpu_ptr(c->cpu);
	struct slab *slab = cpu->partial;

	if (slab) {
		cpu->partial = slab->next;
		cpu->nr_partial--;
	}
	return slab;
}

/* ---- what the kernel wants to be told -------------------------------------------------------- */

/**
 * slab_after_alloc - what has to happen before a user gets an object
 * @c: the cache
 * @object: the object
 * @gfp: as the user gave it
 *
 * Context: that of the allocation.
 * Return: @object.
 */
void *slab_after_alloc(struct ptkit_cache *c, void *object, gfp_t gfp)
{
	if (c->host)
		return object;
	ptkit_kasan_unpoison(object, c->size);
	if (c->ctor)
		goto told;
	if ((c->flags & PTKIT_CACHE_ZERO) || (gfp & __GFP_ZERO) ||
	    (want_init_on_alloc(gfp) && !(c->flags & (PTKIT_CACHE_RCU | PTKIT_CACHE_POISON))))
		memset(object, 0, c->size);
	else if (want_init_on_free() && !c->offset)
		/* All was wiped, but for the link that has been there since. */
		memset(object, 0, min_t(size_t, c->size, sizeof(void *)));
told:
	if (!in_nmi())
		kmemleak_alloc(object, c->size, 1, gfp);
	return object;
}

/**
 * slab_before_free - what has to happen before an object is free
 * @c: the cache
 * @object: the object, or what a user takes for one
 *
 * Context: that of the free, but for NMI.
 * Return: false if it is none that could be freed, which is reported then.
 */
bool slab_before_free(struct ptkit_cache *c, void *object)
{
	struct slab *slab;

	/* Debug flags do it their way, when they have looked at the object. */
	if (c->host || c->flags & SLAB_DEBUG_FLAGS)
		return true;
	slab = slab_lookup(c, object);
	/* Nothing of ours is looked at, and reported, by who frees it. */
	if (!slab)
		return true;
	/* What is wiped is lost, be it the rest of a list or a part of another object. */
	if (unlikely(slab_is_first(c, object))) {
		slab_misuse_free(c, object, "freed twice");
		return false;
	}
	if (unlikely(!slab_is_object(c, slab, object))) {
		slab_misuse_free(c, object, "freed a pointer into an object");
		return false;
	}
	kmemleak_free(object);
	if (c->flags & PTKIT_CACHE_RCU)
		return true;
	if (want_init_on_free() && !c->ctor)
		memset(object, 0, c->size);
	ptkit_kasan_poison(object, c->size);
	return true;
}

/* ---- nodes' lists ---------------------------------------------------------------------------- */

static struct slab_node *slab_node_of(struct ptkit_cache *c, const struct slab *slab)
{
	return c->node[page_to_nid((const struct page *)slab)];
}

/* Protected by the node's lock, like all that follow in this part. */
static void slab_list(struct slab_node *n, struct slab *slab, unsigned long tag)
{
	lockdep_assert_held(&n->lock);
	if (tag & SLAB_SMALL) {
		list_add(&slab->list, &n->small);
	} else {
		list_add(&slab->list, &n->partial);
		n->nr_partial++;
	}
}

static void slab_unlist(struct slab_node *n, struct slab *slab, unsigned long tag)
{
	lockdep_assert_held(&n->lock);
	list_del(&slab->list);
	if (!(tag & SLAB_SMALL))
		n->nr_partial--;
}

/* All free objects of @slab become the CPU's list, and @slab the CPU's; %NULL: it has none. */
static void *slab_harvest(struct ptkit_cache *c, struct slab *slab, unsigned long *nr)
{
	struct ptkit_shared old;
	unsigned long tag;

	do {
		old = slab_read(slab);
		if (slab_at_end(old.ptr))
			tag = old.tag & ~SLAB_FROZEN;
		else
			tag = (old.tag & ~SLAB_INUSE) | slab_objects(old.tag) | SLAB_FROZEN;
	} while (!slab_swap(slab, &old, slab_end(c, old.ptr), tag));

	*nr = slab_objects(old.tag) - slab_inuse(old.tag);
	return slab_at_end(old.ptr) ? NULL : old.ptr;
}

static void slab_freeze(struct slab *slab)
{
	struct ptkit_shared old;

	do {
		old = slab_read(slab);
	} while (!slab_swap(slab, &old, old.ptr, old.tag | SLAB_FROZEN));
}

/* One slab of the node's list to use now, and some to wait. Interrupts are off. */
static void *slab_refill_node(struct ptkit_cache *c, unsigned long *nr)
{
	struct slab_node *n = c->node[numa_mem_id()];
	unsigned int more = c->cpu_partial / 2;
	struct slab *slab;
	void *list = NULL;

	/* Unlocked: who misses one that comes just now takes a new slab. */
	if (!data_race(READ_ONCE(n->nr_partial)))
		return NULL;

	raw_spin_lock(&n->lock);
	slab = list_first_entry_or_null(&n->partial, struct slab, list);
	if (slab) {
		slab_unlist(n, slab, 0);
		list = slab_harvest(c, slab, nr);
	}
	while (more-- && (slab = list_first_entry_or_null(&n->partial, struct slab, list))) {
		slab_unlist(n, slab, 0);
		slab_freeze(slab);
		slab_cpu_wait(c, slab);
	}
	raw_spin_unlock(&n->lock);
	return list;
}

/*
 * A slab stops being a CPU's. Returns whether it is to be discarded; on a node's list, or, if full,
 * on none, it may be gone any moment after this.
 */
static bool slab_release(struct ptkit_cache *c, struct slab *slab)
{
	struct slab_node *n = slab_node_of(c, slab);
	struct ptkit_shared old;
	bool empty = false;
	unsigned long flags;

	raw_spin_lock_irqsave(&n->lock, flags);
	do {
		old = slab_read(slab);
	} while (!slab_swap(slab, &old, old.ptr, old.tag & ~SLAB_FROZEN));
	if (!slab_at_end(old.ptr)) {
		empty = !slab_inuse(old.tag) && n->nr_partial >= c->min_partial;
		if (!empty)
			slab_list(n, slab, old.tag);
	}
	raw_spin_unlock_irqrestore(&n->lock, flags);
	return empty;
}

/**
 * slab_release_chain - slabs that were a CPU's go to their nodes, or to the host
 * @c: the cache
 * @chain: the slabs, linked through next
 *
 * Context: any but NMI.
 */
void slab_release_chain(struct ptkit_cache *c, struct slab *chain)
{
	struct slab *empty = NULL;

	while (chain) {
		struct slab *slab = chain;

		chain = slab->next;
		if (slab_release(c, slab)) {
			slab->next = empty;
			empty = slab;
		}
	}
	slab_discard_chain(c, empty);
}

/* ---- allocation ------------------------------------------------------------------------------ */

/* A slab that nobody else knows is this CPU's, all of it. Interrupts are off. */
static void *slab_use_fresh(struct ptkit_cache *c, struct slab *slab, unsigned long *nr)
{
	void *list = slab->free.ptr;

	*nr = slab_objects(slab->free.tag);
	slab->free.ptr = slab_end(c, list);
	slab->free.tag |= *nr | SLAB_FROZEN;
	return list;
}

/* The next list for a CPU whose last one, @end, is empty. Interrupts are off. */
static void *slab_next_list(struct ptkit_cache *c, void *end, struct slab *fresh,
			    unsigned long *nr)
{
	struct slab *slab;
	void *list;

	/* Never forget a slab: either others have freed to it meanwhile, or it is let go. */
	if (end != SLAB_NONE) {
		list = slab_harvest(c, slab_of(c, end), nr);
		if (list) {
			slab_event(c, SLAB_REFILL_REMOTE);
			return list;
		}
	}
	/* Of all that there may be it takes no shared swap. */
	if (fresh)
		return slab_use_fresh(c, fresh, nr);
	while ((slab = slab_cpu_next(c))) {
		list = slab_harvest(c, slab, nr);
		if (list) {
			slab_event(c, SLAB_REFILL_CPU);
			return list;
		}
	}
	list = slab_refill_node(c, nr);
	if (list)
		slab_event(c, SLAB_REFILL_NODE);
	return list;
}

/*
 * Give this CPU a list, and the caller its first object. @fresh, if there is one, is a slab of the
 * usual order that nobody else knows. %NULL without @fresh: there is nothing but new slabs.
 */
static void *slab_refill(struct ptkit_cache *c, struct slab *fresh)
{
	unsigned long flags, nr = 0;
	void *list;

	local_irq_save(flags);
	list = slab_cpu_take(c);
	if (slab_at_end(list))
		list = slab_next_list(c, list, fresh, &nr);
	if (fresh) {
		slab_event(c, SLAB_REFILL_NEW);
		if (unlikely(slab_of(c, list) != fresh)) {
			/* While we slept, somebody else has found one for this CPU. */
			fresh->free.tag |= SLAB_FROZEN;
			slab_cpu_wait(c, fresh);
		}
	}
	if (list) {
		slab_cpu_install(c, slab_next(c, list, c->mask + 1));
		slab_event_add(c, SLAB_LISTED, nr - 1);
		slab_event(c, SLAB_ALLOC_SLOW);
		trace_ptkit_slab_refill(c->name, nr);
	}
	local_irq_restore(flags);
	return list;
}

/* One object of a slab on a node's list, which stays there. */
static void *slab_pop_single(struct ptkit_cache *c, struct slab_node *n, struct slab *slab)
{
	unsigned long size = PAGE_SIZE << (slab->free.tag >> SLAB_ORDER_SHIFT);
	struct ptkit_shared old;
	void *next;

	do {
		/* Others push; nobody pops, and the slab cannot go, without the lock. */
		old = slab_read(slab);
		next = slab_next(c, old.ptr, size);
	} while (!slab_swap(slab, &old, next, old.tag + 1));
	if (slab_at_end(next)) {
		slab_unlist(n, slab, old.tag);
		if (c->flags & SLAB_DEBUG_FLAGS)
			list_add(&slab->list, &n->full);
	}
	return old.ptr;
}

/*
 * Allocate without making a slab the CPU's own: from another node, or from a small slab, which the
 * fastpath's test for "same slab" would not fit.
 */
static void *slab_alloc_single(struct ptkit_cache *c, int nid)
{
	struct slab_node *n = c->node[nid];
	void *object = NULL;
	struct slab *slab;
	unsigned long flags;

	/* Unlocked: only a hint. */
	if (data_race(list_empty(&n->small) && list_empty(&n->partial)))
		return NULL;

	raw_spin_lock_irqsave(&n->lock, flags);
	slab = list_first_entry_or_null(&n->small, struct slab, list) ?:
	       list_first_entry_or_null(&n->partial, struct slab, list);
	if (slab)
		object = slab_pop_single(c, n, slab);
	raw_spin_unlock_irqrestore(&n->lock, flags);
	if (object)
		slab_event(c, SLAB_ALLOC_SINGLE);
	return object;
}

/* The same from a slab that nobody knows of yet. */
static void *slab_alloc_first(struct ptkit_cache *c, struct slab *slab)
{
	struct slab_node *n = slab_node_of(c, slab);
	void *object = slab->free.ptr;
	unsigned long flags;

	slab->free.ptr = slab_next(c, object, PAGE_SIZE << (slab->free.tag >> SLAB_ORDER_SHIFT));
	slab->free.tag++;
	raw_spin_lock_irqsave(&n->lock, flags);
	if (!slab_at_end(slab->free.ptr))
		slab_list(n, slab, slab->free.tag);
	else if (c->flags & SLAB_DEBUG_FLAGS)
		list_add(&slab->list, &n->full);
	raw_spin_unlock_irqrestore(&n->lock, flags);
	slab_event(c, SLAB_ALLOC_SINGLE);
	return object;
}

static void *slab_alloc_anywhere(struct ptkit_cache *c)
{
	void *object;
	int nid;

	for_each_online_node(nid) {
		object = slab_alloc_single(c, nid);
		if (object)
			return object;
	}
	return NULL;
}

/*
 * Does it look as if only a new slab would do for this CPU? To find out for certain takes a swap or
 * two. That of a CPU which it is not any more, or a slab that is gone, is looked at in vain.
 */
static bool slab_needs_new(struct ptkit_cache *c)
{
	void *list = (void *)((unsigned long)this_cpu_read(c->cpu->pair.ptr) &
			      ~(unsigned long)c->mark);
	struct slab *slab;

	if (!slab_at_end(list) || this_cpu_read(c->cpu->nr_partial))
		return false;
	/* Unlocked: who misses one that comes just now takes a new slab. */
	if (data_race(READ_ONCE(c->node[numa_mem_id()]->nr_partial)))
		return false;
	if (list == SLAB_NONE)
		return true;
	slab = slab_lookup(c, list);
	return slab && slab_at_end(READ_ONCE(slab->free.ptr));
}

/* Everything that takes no node's name. */
static void *slab_alloc_local(struct ptkit_cache *c, gfp_t gfp)
{
	const bool needs_new = slab_needs_new(c);
	struct slab *slab;
	void *object;

	object = needs_new ? NULL : slab_refill(c, NULL);
	if (object)
		return object;
	/* Small slabs were made when memory was short; they go when they are used up. */
	if (!data_race(list_empty(&c->node[numa_mem_id()]->small))) {
		object = slab_alloc_single(c, numa_mem_id());
		if (object)
			return object;
	}
	slab = slab_new(c, gfp, NUMA_NO_NODE);
	if (!slab)
		return (needs_new ? slab_refill(c, NULL) : NULL) ?: slab_alloc_anywhere(c);
	if (slab->free.tag & SLAB_SMALL)
		return slab_alloc_first(c, slab);
	return slab_refill(c, slab);
}

/**
 * slab_alloc_listed - allocate from the nodes' lists, without making a slab the CPU's own
 * @c: the cache
 * @gfp: how
 * @nid: from there, or, unless @gfp forbids it, from where there is something; or NUMA_NO_NODE
 *
 * Context: as @gfp says; no lock held.
 * Return: the object, or %NULL.
 */
void *slab_alloc_listed(struct ptkit_cache *c, gfp_t gfp, int nid)
{
	gfp_t there = gfp | __GFP_THISNODE | __GFP_NOWARN;
	struct slab *slab;
	void *object;

	object = slab_alloc_single(c, nid == NUMA_NO_NODE ? numa_mem_id() : nid);
	if (object)
		return object;
	/* Where another node will do, nobody has to try for ever on this one. */
	if (!(gfp & __GFP_THISNODE))
		there &= ~__GFP_NOFAIL;
	slab = slab_new(c, nid == NUMA_NO_NODE ? gfp : there, nid);
	if (slab)
		return slab_alloc_first(c, slab);
	if (gfp & __GFP_THISNODE)
		return NULL;
	return slab_alloc_anywhere(c);
}

/* Is @gfp something that objects can be had with? */
static bool slab_gfp_misuse(struct ptkit_cache *c, gfp_t gfp)
{
	if (likely(!((__force unsigned long)gfp & (__force unsigned long)GFP_ZONEMASK) &&
		   !(c->ctor && (gfp & __GFP_ZERO))))
		return false;
	slab_event(c, SLAB_MISUSE);
	ptkit_misuse("cache %s: objects have no zone, and a constructor's are not zeroed: gfp %pGg",
		     c->name, &gfp);
	return true;
}

static void *slab_alloc_common(struct ptkit_cache *c, gfp_t gfp, int nid)
{
	void *object = NULL;

	if (in_nmi() || slab_gfp_misuse(c, gfp))
		goto failed;
	might_alloc(gfp);
	if (c->host)
		object = slab_host_alloc(c, gfp, nid);
	else if (c->flags & SLAB_DEBUG_FLAGS)
		object = slab_debug_alloc(c, gfp, nid);
	else if (nid == NUMA_NO_NODE)
		object = slab_alloc_local(c, gfp);
	else
		object = slab_alloc_listed(c, gfp, nid);
	if (!object && nid != NUMA_NO_NODE && !(gfp & __GFP_THISNODE))
		return slab_alloc_common(c, gfp, NUMA_NO_NODE);
	if (likely(object))
		return slab_after_alloc(c, object, gfp);
failed:
	slab_event(c, SLAB_ALLOC_FAILED);
	return NULL;
}

/**
 * slab_alloc_slow - allocate where the fastpath could not
 * @c: the cache
 * @gfp: how
 *
 * Context: as ptkit_cache_alloc().
 * Return: an object, ready for its user, or %NULL.
 */
noinline void *slab_alloc_slow(struct ptkit_cache *c, gfp_t gfp)
{
	void *object;

	if (slab_pop(c, c->offset, c->mark, &object))
		return slab_after_alloc(c, object, gfp);
	return slab_alloc_common(c, gfp, NUMA_NO_NODE);
}

/**
 * ptkit_cache_alloc - allocate an object
 * @c: the cache
 * @gfp: as for kmem_cache_alloc(), without zones
 *
 * Context: any that @gfp allows; in NMI from this CPU's list, or %NULL. No lock, no disabled
 * interrupts and no disabled preemption if this CPU has a free object.
 * Return: the object, or %NULL. From seed 002.
 */
void *ptkit_cache_alloc(struct ptkit_cache *c, gfp_t gfp)
{
	return slab_alloc_inline(c, gfp);
}
EXPORT_SYMBOL_GPL(ptkit_cache_alloc);

/**
 * ptkit_cache_alloc_node - allocate an object, preferably on a node
 * @c: the cache
 * @gfp: as for ptkit_cache_alloc(); with __GFP_THISNODE that node or none
 * @nid: the node, or NUMA_NO_NODE
 *
 * Context: as ptkit_cache_alloc(), and lockless only for the CPU's own node.
 * Return: the object, or %NULL, also for a node that is not online. From seed 002.
 */
void *ptkit_cache_alloc_node(struct ptkit_cache *c, gfp_t gfp, int nid)
{
	void *object;

	if (nid == NUMA_NO_NODE || (nid == numa_mem_id() && c->host))
		return slab_alloc_inline(c, gfp);
	if (nid < 0 || nid >= nr_node_ids || !node_online(nid)) {
		slab_event(c, SLAB_ALLOC_FAILED);
		return NULL;
	}
	if (nid == numa_mem_id()) {
		/* As a rule this CPU's slab is of its node; but memory may have been short. */
		object = slab_alloc_inline(c, gfp);
		if (!object || page_to_nid(virt_to_page(object)) == nid)
			return object;
		ptkit_cache_free(c, object);
	}
	return slab_alloc_common(c, gfp, nid);
}
EXPORT_SYMBOL_GPL(ptkit_cache_alloc_node);

/* ---- freeing --------------------------------------------------------------------------------- */

/*
 * A slab that was full has a free object again: it waits on this CPU, which owns it; or, if the CPU
 * only ever frees, goes to its node at once, where others find it.
 */
static void slab_park(struct ptkit_cache *c, struct slab *slab)
{
	struct slab *spill = NULL;
	struct slab_cpu *cpu;
	unsigned long flags;

	local_irq_save(flags);
	slab_cpu_wait(c, slab);
	cpu = this_cpu_ptr(c->cpu);
	if (cpu->nr_partial > c->cpu_partial || this_cpu_read(c->cpu->pair.ptr) == SLAB_NONE) {
		spill = cpu->partial;
		cpu->partial = NULL;
		cpu->nr_partial = 0;
		slab_event(c, SLAB_SPILLED);
	}
	local_irq_restore(flags);
	slab_release_chain(c, spill);
}

noinline void slab_misuse_free(struct ptkit_cache *c, const void *object, const char *what)
{
	slab_event(c, SLAB_MISUSE);
	ptkit_misuse("cache %s: %s, %p", c->name, what, object);
}

/* A push to a slab's own list: what is pushed, and what was found there. */
struct slab_pushed {
	void *head;
	void *tail;
	unsigned long nr;
	struct ptkit_shared old;
	unsigned long tag;
};

enum slab_push_result { SLAB_PUSHED, SLAB_PUSH_NEEDS_LOCK, SLAB_PUSH_MISUSED };

/*
 * Only if it puts the slab on a node's list, or empties it, must the node's lock be held over it.
 */
static enum slab_push_result slab_push_shared(struct ptkit_cache *c, struct slab *slab,
					      struct slab_pushed *p, bool locked)
{
	bool was_full;

	do {
		p->old = slab_read(slab);
		if (unlikely(p->old.ptr == p->head || slab_inuse(p->old.tag) < p->nr))
			return SLAB_PUSH_MISUSED;
		was_full = slab_at_end(p->old.ptr);
		slab_set_link(c, p->tail, p->old.ptr);
		p->tag = p->old.tag - p->nr;
		if (p->tag & SLAB_FROZEN || !(was_full || !slab_inuse(p->tag)))
			continue;
		/* Whoever frees the first object of a full slab gets the slab. */
		if (was_full && !(p->tag & SLAB_SMALL))
			p->tag |= SLAB_FROZEN;
		else if (!locked)
			return SLAB_PUSH_NEEDS_LOCK;
	} while (unlikely(!slab_swap(slab, &p->old, p->head, p->tag)));
	return SLAB_PUSHED;
}

/* The slab has objects on its list, and is nobody's: where does it belong? True: to the host. */
static bool slab_place(struct ptkit_cache *c, struct slab_node *n, struct slab *slab,
		       const struct slab_pushed *p)
{
	bool empty = !slab_inuse(p->tag);

	if (p->tag & SLAB_FROZEN)
		return false;
	if (slab_at_end(p->old.ptr)) {
		if (c->flags & SLAB_DEBUG_FLAGS)
			list_del(&slab->list);
		slab_list(n, slab, p->tag);
	}
	if (!empty || (!(p->tag & SLAB_SMALL) && n->nr_partial <= c->min_partial))
		return false;
	slab_unlist(n, slab, p->tag);
	return true;
}

static enum slab_push_result slab_push_locked(struct ptkit_cache *c, struct slab *slab,
					      struct slab_pushed *p, bool *empty)
{
	struct slab_node *n = slab_node_of(c, slab);
	enum slab_push_result result;
	unsigned long flags;

	raw_spin_lock_irqsave(&n->lock, flags);
	result = slab_push_shared(c, slab, p, true);
	if (result == SLAB_PUSHED)
		*empty = slab_place(c, n, slab, p);
	raw_spin_unlock_irqrestore(&n->lock, flags);
	return result;
}

/*
 * Are these @nr all the objects of a slab that is on no list, and has the node enough without it?
 * Then nobody else can have to do with it any more.
 */
static bool slab_is_all(struct ptkit_cache *c, const struct slab *slab, unsigned long nr)
{
	const struct ptkit_shared full = slab_read(slab);

	if (nr != slab_objects(full.tag) || nr != slab_inuse(full.tag) ||
	    !slab_at_end(full.ptr) || full.tag & (SLAB_FROZEN | SLAB_SMALL))
		return false;
	/* Unlocked: one more or less, if others come and go just now. */
	return data_race(READ_ONCE(slab_node_of(c, slab)->nr_partial)) >= c->min_partial;
}

/**
 * slab_free_shared - put objects on the list of their slab, whosever it is
 * @c: the cache
 * @slab: the slab
 * @head: the first of a chain of objects
 * @tail: the last
 * @nr: how many; counted as freed by the caller
 *
 * Context: any but NMI.
 */
void slab_free_shared(struct ptkit_cache *c, struct slab *slab, void *head, void *tail,
		      unsigned long nr)
{
	struct slab_pushed p = { .head = head, .tail = tail, .nr = nr };
	enum slab_push_result result;
	bool empty = false;

	/* As if they had been put there, and the slab had waited here, and been found empty. */
	if (slab_is_all(c, slab, nr)) {
		slab_discard(c, slab);
		return;
	}
	result = slab_push_shared(c, slab, &p, false);
	if (unlikely(result == SLAB_PUSH_NEEDS_LOCK))
		result = slab_push_locked(c, slab, &p, &empty);
	if (unlikely(result == SLAB_PUSH_MISUSED)) {
		slab_event_add(c, SLAB_FREE_SLOW, -nr);
		slab_misuse_free(c, head, "freed twice");
		return;
	}
	if (empty)
		slab_discard(c, slab);
	else if ((p.tag & ~p.old.tag) & SLAB_FROZEN)
		slab_park(c, slab);
}

/**
 * slab_take_away - take the objects that this CPU was about to give back to their slab
 * @c: the cache
 * @away: gets them
 *
 * Context: interrupts off.
 */
void slab_take_away(struct ptkit_cache *c, struct slab_away *away)
{
	struct slab_cpu *cpu = this_cpu_ptr(c->cpu);
	unsigned long tag;

	do {
		ptkit_arch_pair_read(&c->cpu->away, &away->head, &tag);
	} while (!ptkit_arch_pair_cmpxchg(&c->cpu->away, away->head, tag, SLAB_NONE,
					  slab_tag_next(tag)));
	away->tail = cpu->away_tail;
	away->nr = away->head == SLAB_NONE ? 0 : slab_tag_count(tag, cpu->away_start) + 1;
}

/* Begin anew with one object. While there is none, nobody adds to it. Interrupts are off. */
static void slab_begin_away(struct ptkit_cache *c, void *object)
{
	struct slab_cpu *cpu = this_cpu_ptr(c->cpu);
	unsigned long tag = this_cpu_read(c->cpu->away.tag);

	cpu->away_tail = object;
	cpu->away_start = slab_tag_next(tag);
	ptkit_arch_pair_cmpxchg(&c->cpu->away, SLAB_NONE, tag, object, slab_tag_next(tag));
}

/**
 * slab_free_away - give objects back to the slab that they are of
 * @c: the cache
 * @away: the objects, counted as freed already; or none
 *
 * Context: any but NMI.
 */
void slab_free_away(struct ptkit_cache *c, const struct slab_away *away)
{
	if (away->nr)
		slab_free_shared(c, slab_of(c, away->head), away->head, away->tail, away->nr);
}

/*
 * An object of a slab that is neither the CPU's nor that of the last such object. It waits for
 * others of its slab, since a locked swap costs the same for all of them; those that waited go
 * home.
 */
static void slab_send(struct ptkit_cache *c, void *object)
{
	struct slab_away away;
	unsigned long flags;

	local_irq_save(flags);
	slab_take_away(c, &away);
	slab_begin_away(c, object);
	local_irq_restore(flags);
	slab_free_away(c, &away);
}

/*
 * In NMI: whoever was interrupted may hold what we would need. What is no object, or waits already,
 * must not get another link.
 */
static void slab_defer(struct ptkit_cache *c, struct slab *slab, void *object)
{
	struct slab_cpu *cpu = this_cpu_ptr(c->cpu);
	struct llist_node *node = object + c->offset;

	/* The host's objects have no word of ours. They cannot have been allocated here, either. */
	if (c->host) {
		slab_misuse_free(c, object, "freed in NMI, with passthrough");
		return;
	}
	if (c->flags & SLAB_DEBUG_FLAGS) {
		if (!slab_debug_defer(c, slab, object))
			return;
	} else if (!slab_is_object(c, slab, object)) {
		slab_misuse_free(c, object, "freed a pointer into an object");
		return;
	} else if (READ_ONCE(cpu->deferred.first) == node) {
		slab_misuse_free(c, object, "freed twice");
		return;
	}
	slab_event(c, SLAB_FREE_DEFERRED);
	if (llist_add(node, &cpu->deferred))
		irq_work_queue(&cpu->work);
}

/* Free what no list of this CPU's takes as it is. */
static void slab_free_unlisted(struct ptkit_cache *c, void *object)
{
	struct slab *slab;

	if (unlikely(!object))
		return;
	/* Whose object is the first of a list, it is not the caller's. */
	if (unlikely(slab_is_first(c, object))) {
		slab_misuse_free(c, object, "freed twice");
		return;
	}
	slab = slab_lookup(c, object);
	if (unlikely(!slab && !c->host)) {
		slab_misuse_free(c, object, "freed an object of something else");
		return;
	}
	if (unlikely(in_nmi())) {
		slab_defer(c, slab, object);
		return;
	}
	if (unlikely(c->host)) {
		slab_host_free(c, object);
		return;
	}
	if (unlikely(c->flags & SLAB_DEBUG_FLAGS)) {
		slab_debug_free(c, slab, object, false);
		return;
	}
	slab_event(c, SLAB_FREE_SLOW);
	/* What is next to an object of a small slab can be another cache's. */
	if (likely(c->fast_limit && slab->owner == (unsigned long)c))
		slab_send(c, object);
	else
		slab_free_shared(c, slab, object, object, 1);
}

/* Free what is not of the slab of either list, as far as the fastpath sees. */
static noinline void slab_free_other(struct ptkit_cache *c, void *object)
{
	if (!c->mark ||
	    !slab_push(c, &c->cpu->pair, object, object, 1, c->mask, c->offset, SLAB_MARKED))
		slab_free_unlisted(c, object);
}

/**
 * slab_free_slow - free an object that is not of this CPU's slab
 * @c: the cache
 * @object: any value that a user may come up with
 *
 * Context: any.
 */
noinline void slab_free_slow(struct ptkit_cache *c, void *object)
{
	/*
	 * Of the same slab as the last one that was not of the CPU's? If somebody came in between,
	 * try again: all else takes longer, and sends home what could have waited for more.
	 */
	if (likely(slab_push(c, &c->cpu->away, object, object, 1, c->fast_limit, 0, 0)))
		slab_event(c, SLAB_FREE_SLOW);
	else
		slab_free_other(c, object);
}

/**
 * slab_free_again - free an object, as the fastpath would have if nobody had come in between
 * @c: the cache
 * @object: any value that a user may come up with
 *
 * Context: any.
 */
noinline void slab_free_again(struct ptkit_cache *c, void *object)
{
	if (!slab_push(c, &c->cpu->pair, object, object, 1, c->fast_limit, 0, 0))
		slab_free_slow(c, object);
}

/**
 * slab_free_told - free an object in a kernel that wants to be told, or objects to be wiped
 * @c: the cache
 * @object: any value that a user may come up with
 *
 * Context: any.
 */
noinline void slab_free_told(struct ptkit_cache *c, void *object)
{
	/* Nobody can be told in NMI, so there all objects wait until somebody can. */
	if (unlikely(in_nmi())) {
		slab_free_unlisted(c, object);
		return;
	}
	if (likely(slab_before_free(c, object)))
		slab_free_again(c, object);
}

/**
 * ptkit_cache_free - free an object
 * @c: the cache that it is of
 * @object: the object; %NULL does nothing
 *
 * Context: any; in NMI an object that is not of this CPU's slab is freed a little later.
 */
void ptkit_cache_free(struct ptkit_cache *c, void *object)
{
	slab_free_inline(c, object);
}
EXPORT_SYMBOL_GPL(ptkit_cache_free);
