// SPDX-License-Identifier: GPL-2.0
/*
 * Object caches under torture: with the fastpath, with a constructor, RCU, zeroed, with every debug
 * flag; kmalloc of all sizes; bulk. An object in somebody's hands carries his stamp in its first
 * and its last word; one that is free, or another's, does not.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "torture.h"

#define CTOR_WORD	0x7061676574626c73UL
#define BULK		16
/* Larger kmallocs are frozen pages. */
#define KMALLOC_TORTURED	(PTKIT_KMALLOC_MAX + 2 * PAGE_SIZE)

static void tortured_ctor(void *object)
{
	((unsigned long *)object)[1] = CTOR_WORD;
}

static struct {
	const char *name;
	unsigned int size;
	unsigned int flags;
	void (*ctor)(void *object);
	struct ptkit_cache *cache;
} caches[] = {
	{ "torture_plain", 64 },
	{ "torture_zero", 200, PTKIT_CACHE_ZERO },
	{ "torture_ctor", 128, 0, tortured_ctor },
	{ "torture_rcu", 512, PTKIT_CACHE_RCU },
	{ "torture_check", 96, PTKIT_CACHE_CHECK | PTKIT_CACHE_POISON | PTKIT_CACHE_RED_ZONE },
};

#define KMALLOC		ARRAY_SIZE(caches)

static void caches_exit(unsigned int nr)
{
	while (nr--)
		if (ptkit_cache_destroy(caches[nr].cache))
			torture_error("cache %s cannot be destroyed", caches[nr].name);
}

static int slab_init(void)
{
	struct ptkit_cache *cache;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(caches); i++) {
		cache = ptkit_cache_create(caches[i].name, caches[i].size, 0, caches[i].flags,
					   caches[i].ctor);
		if (IS_ERR_OR_NULL(cache)) {
			caches_exit(i);
			return cache ? PTR_ERR(cache) : -ENOMEM;
		}
		caches[i].cache = cache;
	}
	return 0;
}

static void slab_exit(void)
{
	caches_exit(ARRAY_SIZE(caches));
}

/* ---- one object ------------------------------------------------------------------------------ */

/* @what is the cache's number, or the size of a kmalloc with KMALLOC added. */
static size_t size_of(const struct torture_thing *thing)
{
	if (thing->what < KMALLOC)
		return round_down(caches[thing->what].size, sizeof(long));
	return round_down(thing->what - KMALLOC, sizeof(long));
}

/* What the cache promises of a new object. */
static void check_new(const struct torture_thing *thing)
{
	const unsigned long *words = thing->ptr;

	if (thing->what >= KMALLOC)
		return;
	if ((caches[thing->what].flags & PTKIT_CACHE_ZERO) &&
	    memchr_inv(words, 0, caches[thing->what].size))
		torture_error("an object of %s is not zero", caches[thing->what].name);
	if (caches[thing->what].ctor && words[1] != CTOR_WORD)
		torture_error("an object of %s is not as constructed", caches[thing->what].name);
}

/* A stamp of this form at this address is that of somebody who has the object now. */
static unsigned long object_stamp(const struct torture_thing *thing)
{
	return thing->stamp ^ (unsigned long)thing->ptr << 8;
}

static bool slab_take(struct torture_actor *actor, struct torture_thing *thing)
{
	gfp_t gfp = torture_gfp(actor);

	thing->what = torture_below(actor, KMALLOC + 3);
	if (thing->what < KMALLOC) {
		thing->ptr = ptkit_cache_alloc(caches[thing->what].cache, gfp);
	} else {
		/* Small sizes more often than large ones. */
		size_t size = 8 + torture_below(actor, KMALLOC_TORTURED >>
						torture_below(actor, 10));

		thing->what = size + KMALLOC;
		thing->ptr = ptkit_kmalloc(size, gfp);
	}
	if (!thing->ptr)
		return false;
	check_new(thing);
	torture_mark(thing->ptr, size_of(thing), object_stamp(thing));
	return true;
}

static bool slab_check(const struct torture_thing *thing)
{
	return torture_marked(thing->ptr, size_of(thing), object_stamp(thing), "object");
}

static void slab_give(struct torture_actor *actor, struct torture_thing *thing)
{
	torture_mark(thing->ptr, size_of(thing), 0);
	if (thing->what < KMALLOC)
		ptkit_cache_free(caches[thing->what].cache, thing->ptr);
	else
		ptkit_kfree(thing->ptr);
}

/* ---- many objects ---------------------------------------------------------------------------- */

static void try_bulk(struct torture_actor *actor, struct torture_thing *thing)
{
	struct ptkit_cache *cache = caches[thing->what].cache;
	void *objects[BULK];
	unsigned long nr, i;

	nr = ptkit_cache_alloc_bulk(cache, torture_gfp(actor), 1 + torture_below(actor, BULK),
				    objects);
	for (i = 0; i < nr; i++) {
		thing->ptr = objects[i];
		check_new(thing);
		torture_mark(thing->ptr, size_of(thing), object_stamp(thing));
	}
	cond_resched();
	for (i = 0; i < nr; i++) {
		thing->ptr = objects[i];
		if (!slab_check(thing))
			return;
		torture_mark(thing->ptr, size_of(thing), 0);
	}
	ptkit_cache_free_bulk(cache, nr, objects);
}

static void slab_sometimes(struct torture_actor *actor)
{
	struct torture_thing thing = {
		.what = torture_below(actor, ARRAY_SIZE(caches)),
		.stamp = (actor->id + 1UL) << 32,
	};

	if (torture_below(actor, 8))
		try_bulk(actor, &thing);
	else
		ptkit_cache_shrink(caches[thing.what].cache);
}

static bool slab_balanced(bool last)
{
	struct ptkit_cache_stats s;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(caches); i++) {
		ptkit_cache_get_stats(caches[i].cache, &s);
		if (!s.in_use && !s.misuse && !s.corrupt)
			continue;
		if (last)
			torture_error("cache %s: %ld objects in use, misuse %lu, corrupt %lu",
				      caches[i].name, s.in_use, s.misuse, s.corrupt);
		return false;
	}
	return true;
}

const struct torture_kind torture_slab = {
	.name = "slab",
	.init = slab_init,
	.take = slab_take,
	.check = slab_check,
	.give = slab_give,
	.sometimes = slab_sometimes,
	.balanced = slab_balanced,
	.exit = slab_exit,
};
