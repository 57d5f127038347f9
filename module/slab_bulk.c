// SPDX-License-Identifier: GPL-2.0
/*
 * Many objects at once: one swap for as many as a CPU's list has, or as are of one slab. See
 * slab.c.
 *
 * To walk a list is to wait for one load after the other. So an object that a bulk free puts at the
 * head of a chain says in its second word which one is HINT_STEPS further on, and an allocation
 * that wants twice as many walks from both at once. A hint is stored like a link, with a secret of
 * its own, and is believed by nobody: what the second walk found counts if the first one ends where
 * it began. A hint that is out of date, or that an object's user has left there, costs a few loads.
 */
#include <linux/module.h>

#include "slab_internal.h"

/* How far ahead a hint leads. */
#define HINT_STEPS	8UL

/*
 * Do free objects of @c have room for a hint, and may one be there? What bulk operations handle by
 * themselves are caches whose links are the objects' first words; the others' lists are marked.
 */
static __always_inline bool slab_has_hints(const struct ptkit_cache *c)
{
	return !SLAB_CHECKERS && c->slot >= 2 * sizeof(void *);
}

static __always_inline unsigned long slab_hint_code(const struct ptkit_cache *c, unsigned long hint,
						    unsigned long object)
{
	return hint ^ swab64(object) ^ c->hint_secret;
}

/**
 * struct slab_walk - what it takes to follow the links of a slab
 * @base: of the slab
 * @code: turns a stored link, and the bytes of where in the slab it is stored, into where in the
 *	slab it leads
 * @leave: bits that are set if that is nowhere in the slab
 */
struct slab_walk {
	unsigned long base;
	unsigned long code;
	unsigned long leave;
};

/* One step, from the object at *@at; false if there is no such memory. */
static __always_inline bool slab_step(const struct slab_walk *walk, unsigned long *at, void **to)
{
	unsigned long object = walk->base + *at, code, link;

	*to = (void *)object;
	if (unlikely(!ptkit_arch_read_stale(object, &link)))
		return false;
	/* The base has no bits in common with what is added to it, nor have their swapped bytes. */
	code = swab64(*at) ^ walk->code;
	/* All that there is to do once the link has come should be this one operation. */
	OPTIMIZER_HIDE_VAR(code);
	*at = link ^ code;
	return true;
}

/*
 * Two walks of HINT_STEPS objects each, of which the second begins where the hint of the first's
 * first object leads. Returns how many objects were found, 0 if it was not worth while; *@at is
 * then as it was, and else where they end.
 */
static __always_inline unsigned long slab_walk_both(const struct ptkit_cache *c,
						    const struct slab_walk *walk,
						    unsigned long *at, void **to)
{
	const unsigned long stop = walk->leave | SLAB_END;
	unsigned long near = *at, far, hint, i;

	if (unlikely(!ptkit_arch_read_stale(walk->base + near + sizeof(void *), &hint)))
		return 0;
	hint = slab_hint_code(c, hint, walk->base + near) ^ walk->base;
	if (hint & stop)
		return 0;
	far = hint;
	/* The two are one stream of instructions; a loop's own would be a fifth of it. */
#pragma GCC unroll 8
	for (i = 0; i < HINT_STEPS; i++) {
		/* No garbage is followed. The last step's may be an end. */
		if (i && unlikely((near | far) & stop))
			return 0;
		if (unlikely(!slab_step(walk, &near, to + i) ||
			     !slab_step(walk, &far, to + i + HINT_STEPS)))
			return 0;
	}
	if (unlikely(near != hint)) {
		*at = near;
		return HINT_STEPS;
	}
	*at = far;
	return 2 * HINT_STEPS;
}

/*
 * One try to take up to @max objects off this CPU's list by one swap; returns how many, which is 0
 * if there are none, or if somebody came in between: @again. What is read on the way may be stale,
 * so no link is followed out of the slab: garbage could point to anything.
 */
static __always_inline unsigned long slab_try_pop_chain(struct ptkit_cache *c, unsigned long max,
							void **objects, bool *again)
{
	/* Links lead to objects, which are aligned, or to an end. */
	struct slab_walk walk = { .leave = ~c->mask | (sizeof(void *) - 1 - SLAB_END) };
	const unsigned long stop = walk.leave | SLAB_END;
	struct ptkit_pair __percpu *pair = &c->cpu->pair;
	void **to, **const end = objects + max, *list;
	unsigned long tag, at, nr;

	*again = false;
	if (slab_keeps_off())
		return 0;
	ptkit_arch_pair_read(pair, &list, &tag);
	if (unlikely((unsigned long)list & (SLAB_END | SLAB_MARKED)))
		return 0;
	slab_race_point(c, SLAB_RACE_LINK);
	walk.base = (unsigned long)list & ~c->mask;
	walk.code = c->secret ^ swab64(walk.base) ^ walk.base;
	at = (unsigned long)list ^ walk.base;
	to = objects;
	while (end - to >= 2 * HINT_STEPS && !(at & stop) && slab_has_hints(c)) {
		nr = slab_walk_both(c, &walk, &at, to);
		to += nr;
		if (!nr)
			break;
	}
	while (to < end && !(at & stop))
		if (unlikely(!slab_step(&walk, &at, to++)))
			return 0;
	/* Late, or the list is corrupt: the slow path finds out. */
	if (unlikely(at & walk.leave))
		return 0;
	slab_race_point(c, SLAB_RACE_SWAP);
	nr = to - objects;
	if (likely(ptkit_arch_pair_cmpxchg(pair, list, tag, (void *)(walk.base + at),
					   slab_tag_add(tag, nr))))
		return nr;
	slab_event(c, SLAB_RETRIES);
	*again = true;
	return 0;
}

/* The same, until nobody comes in between. */
static noinline unsigned long slab_pop_chain(struct ptkit_cache *c, unsigned long max,
					     void **objects)
{
	unsigned long nr;
	bool again;

	do {
		nr = slab_try_pop_chain(c, max, objects, &again);
	} while (again);
	return nr;
}

/* @got of @nr objects are there: get the others, and do what else has to be done. */
static noinline unsigned long slab_alloc_more(struct ptkit_cache *c, gfp_t gfp, unsigned long nr,
					      void **objects, unsigned long got)
{
	unsigned long ready = 0, more;

	for (;;) {
		if (unlikely(slab_is_prepared(gfp)))
			for (; ready < got; ready++)
				slab_after_alloc(c, objects[ready], gfp);
		if (got == nr)
			break;
		more = slab_pop_chain(c, nr - got, objects + got);
		ready = got;
		got += more;
		if (more)
			continue;
		objects[got] = slab_alloc_slow(c, gfp);
		if (unlikely(!objects[got]))
			break;
		ready = ++got;
	}
	return got;
}

/**
 * ptkit_cache_alloc_bulk - allocate objects
 * @c: the cache
 * @gfp: as for ptkit_cache_alloc()
 * @nr: how many
 * @objects: gets them
 *
 * Context: as ptkit_cache_alloc(). As many as this CPU's list has cost one swap.
 * Return: how many there are, from the start of @objects; fewer than @nr if memory is short.
 */
unsigned long ptkit_cache_alloc_bulk(struct ptkit_cache *c, gfp_t gfp, unsigned long nr,
				     void **objects)
{
	unsigned long got;
	bool again;

	if (unlikely(!nr))
		return 0;
	got = slab_try_pop_chain(c, nr, objects, &again);
	if (likely(got == nr && !slab_is_prepared(gfp)))
		return nr;
	return slab_alloc_more(c, gfp, nr, objects, got);
}
EXPORT_SYMBOL_GPL(ptkit_cache_alloc_bulk);

/* Are both of the same slab, and not the same object? */
static __always_inline bool slab_same(const struct ptkit_cache *c, const void *a, const void *b)
{
	return ((unsigned long)a ^ (unsigned long)b) - 1 < c->fast_limit;
}

/* Is @object the first of a list that it could be on? */
static bool slab_is_listed(const struct ptkit_cache *c, const struct slab *slab,
			   const void *object)
{
	return slab_is_first(c, object) || READ_ONCE(slab->free.ptr) == object;
}

/* How far back to look for objects of the same slab: arrays are short, or sorted by slab. */
#define BULK_LOOK	32UL

/*
 * Link the last of @nr objects, which is of a slab of the usual size, and others of that slab;
 * returns how many are left in the array, and in @head the first of the chain of @chained, whose
 * last is the last object.
 */
static unsigned long slab_gather(struct ptkit_cache *c, unsigned long nr, void **objects,
				 struct slab *slab, unsigned long *chained, void **head)
{
	void **from, **to, **const last = objects + nr - 1, *const tail = *last, *first = tail;

	from = nr > BULK_LOOK ? last - BULK_LOOK : objects;
	*chained = 1;
	for (to = from; from < last; from++) {
		void *object = *from;

		if (((unsigned long)object ^ (unsigned long)tail) > c->mask) {
			*to++ = object;
		} else if (unlikely(object == first || object == tail ||
				    slab_is_listed(c, slab, object))) {
			/* Another link in it would cut off what follows it. */
			slab_misuse_free(c, object, "freed twice");
		} else {
			slab_link_store(c, object, 0, (unsigned long)first);
			first = object;
			++*chained;
		}
	}
	*head = first;
	return to - objects;
}

/* One by one where there is something to complain about, or NMI, or a single one anyway. */
static noinline void slab_free_chain_slow(struct ptkit_cache *c, void *head, void *tail,
					  unsigned long nr)
{
	struct slab *slab = slab_lookup(c, head);

	if (nr > 1 && slab && !in_nmi()) {
		slab_event_add(c, SLAB_FREE_SLOW, nr);
		slab_free_shared(c, slab, head, tail, nr);
		return;
	}
	while (nr--) {
		void *object = head;

		if (nr)
			head = slab_next(c, object, c->mask + 1);
		slab_free_slow(c, object);
	}
}

/* Objects of any slabs, and of none: as many at once as are of one slab. */
static noinline void slab_free_more(struct ptkit_cache *c, unsigned long nr, void **objects)
{
	unsigned long i, left, chained;
	struct slab *slab;
	void *head, *tail;

	const bool told = SLAB_CHECKERS || want_init_on_free();

	if (unlikely(!c->fast_limit || (told && in_nmi()))) {
		while (nr)
			ptkit_cache_free(c, objects[--nr]);
		return;
	}
	if (unlikely(told))
		for (i = 0; i < nr; i++)
			if (unlikely(!slab_before_free(c, objects[i])))
				objects[i] = NULL;

	while (nr) {
		tail = objects[nr - 1];
		slab = slab_lookup(c, tail);
		/*
		 * May others be linked to it? They may if its slab is of the usual size: two small
		 * ones can lie where one of that size would.
		 */
		if (unlikely(!slab || slab->owner != (unsigned long)c)) {
			slab_free_slow(c, tail);
			nr--;
			continue;
		}
		if (unlikely(slab_is_listed(c, slab, tail))) {
			slab_misuse_free(c, tail, "freed twice");
			nr--;
			continue;
		}
		left = slab_gather(c, nr, objects, slab, &chained, &head);
		if (unlikely(!slab_push(c, &c->cpu->pair, head, tail, chained, c->fast_limit,
					0, 0)))
			slab_free_chain_slow(c, head, tail, chained);
		nr = left;
	}
}

/* Tell who allocates the objects of a chain, which are all in the array, how to go faster. */
static __always_inline void slab_leave_hints(struct ptkit_cache *c, unsigned long nr,
					     void **objects)
{
	/* The array's last object is the chain's last, too; the one before it is its first. */
	long i = nr - 2;

	for (; i >= (long)HINT_STEPS; i -= 2 * HINT_STEPS) {
		unsigned long object = (unsigned long)objects[i];
		unsigned long hint = (unsigned long)objects[i - HINT_STEPS];

		WRITE_ONCE(*(unsigned long *)(object + sizeof(void *)),
			   slab_hint_code(c, hint, object));
	}
}

/*
 * Link one object before another that will be on @list; false if it is of another slab, and must
 * not be written to, or is the list's first or that other object.
 */
static __always_inline bool slab_try_link(void *object, const void *next, const void *list,
					  unsigned long limit, unsigned long secret)
{
	unsigned long where = (unsigned long)object;

	/* As slab_same(). */
	if (unlikely((where ^ (unsigned long)list) - 1 >= limit || object == next))
		return false;
	/* As slab_link_store(), which would read the secret again. */
	WRITE_ONCE(*(unsigned long *)where, swab64(where) ^ secret ^ (unsigned long)next);
	return true;
}

/*
 * One try to put @nr objects on this CPU's list by one swap; false if they are not all of its slab,
 * or one is the list's first, or the one before it or the last once more, or if somebody came in
 * between. All of them are then still the caller's, whatever is written in them.
 */
static __always_inline bool slab_try_push_array(struct ptkit_cache *c, unsigned long nr,
						void **objects)
{
	const unsigned long limit = c->fast_limit, secret = c->secret;
	void **from, **const last = objects + nr - 1, *const tail = *last, *first = tail, *list;
	unsigned long tag;

	if (slab_keeps_off())
		return false;
	ptkit_arch_pair_read(&c->cpu->pair, &list, &tag);
	if (unlikely(!slab_same(c, list, tail)))
		return false;
	if (likely(nr > 1)) {
		if (unlikely(!slab_try_link(*objects, tail, list, limit, secret)))
			return false;
		/* What comes next is read again: to keep it would cost more. */
#pragma GCC unroll 4
		for (from = objects + 1; from < last; from++)
			if (unlikely(!slab_try_link(*from, from[-1], list, limit, secret)))
				return false;
		first = last[-1];
		/* The last object once more: its link is still to come. */
		if (unlikely(first == tail))
			return false;
	}
	if (slab_has_hints(c))
		slab_leave_hints(c, nr, objects);
	slab_link_store(c, tail, 0, (unsigned long)list);
	slab_race_point(c, SLAB_RACE_SWAP);
	if (likely(ptkit_arch_pair_cmpxchg(&c->cpu->pair, list, tag, first,
					   slab_tag_add(tag, nr))))
		return true;
	slab_event(c, SLAB_RETRIES);
	return false;
}

/**
 * ptkit_cache_free_bulk - free objects
 * @c: the cache that they are of
 * @nr: how many
 * @objects: the objects; what the array holds afterwards is nobody's business
 *
 * Context: as ptkit_cache_free(). Objects of the same slab cost one swap.
 */
void ptkit_cache_free_bulk(struct ptkit_cache *c, unsigned long nr, void **objects)
{
	if (unlikely(!nr))
		return;
	/* Without a fastpath the limit is 0, and no object passes. */
	if (unlikely(SLAB_CHECKERS || want_init_on_free() || !slab_try_push_array(c, nr, objects)))
		slab_free_more(c, nr, objects);
}
EXPORT_SYMBOL_GPL(ptkit_cache_free_bulk);
