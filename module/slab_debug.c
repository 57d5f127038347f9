// SPDX-License-Identifier: GPL-2.0
/*
 * Slab caches with debug flags. Their objects never come from a CPU's list: each allocation and
 * each free passes here, with only the lists under a lock and all looking outside of it.
 *
 * A slot: object | up to a word | red zone, if wanted | link | state | last allocation | last free
 *
 * The state says whose the object is. It changes by a compare-and-swap, so of two who free the same
 * object at the same time one learns that he was second. A wrong object is leaked.
 */
#include <linux/jiffies.h>
#include <linux/kmemleak.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/stacktrace.h>
#include <linux/string.h>

#include "internal.h"
#include "slab_internal.h"

enum {
	BYTE_FREE = 0x6b,		/* poison of a free object, as everybody knows it */
	BYTE_FREE_END = 0xa5,
	BYTE_RED_ZONE = 0xbb,
	TRACK_FRAMES = 8,
};

#define STATE_FREE	0x5ab0f4ee5ab0f4eeUL
#define STATE_USED	0x5ab0a11c5ab0a11cUL
#define STATE_DEFERRED	0x5ab0defe5ab0defeUL	/* freed in NMI, not looked at yet */

/* Who did it, and when. */
struct slab_track {
	unsigned long frames[TRACK_FRAMES];
	unsigned long when;
	unsigned int nr_frames;
	int pid;
	int cpu;
};

struct slab_debug {
	unsigned long state;
	struct slab_track track[];	/* allocation, free; only with PTKIT_CACHE_TRACK */
};

enum { TRACK_ALLOC, TRACK_FREE, NR_TRACKS };

static struct slab_debug *debug_of(const struct ptkit_cache *c, void *object)
{
	return object + c->debug;
}

/**
 * slab_debug_size - bytes of debug data per object
 * @c: the cache, with its flags
 *
 * Return: the number.
 */
unsigned int slab_debug_size(const struct ptkit_cache *c)
{
	return sizeof(struct slab_debug) +
	       (c->flags & PTKIT_CACHE_TRACK ? NR_TRACKS * sizeof(struct slab_track) : 0);
}

static noinline void debug_track(const struct ptkit_cache *c, void *object, unsigned int which)
{
	struct slab_track *track = &debug_of(c, object)->track[which];

	if (!(c->flags & PTKIT_CACHE_TRACK))
		return;
	track->nr_frames = stack_trace_save(track->frames, TRACK_FRAMES, 3);
	track->when = jiffies;
	track->pid = current->pid;
	track->cpu = raw_smp_processor_id();
}

static void debug_show_track(const char *what, struct slab_track *track)
{
	unsigned int i;

	/* It lies behind the object, whose user may have written on. */
	if (track->nr_frames > TRACK_FRAMES) {
		pr_err("  %s by: overwritten\n", what);
		return;
	}
	for (i = 0; i < track->nr_frames; i++)
		if (!within_module(track->frames[i], THIS_MODULE))
			break;
	if (i == track->nr_frames)
		return;
	pr_err("  %s by %pS, pid %d, on CPU %d, %u ms ago\n", what, (void *)track->frames[i],
	       track->pid, track->cpu, jiffies_to_msecs(jiffies - track->when));
	stack_trace_print(track->frames + i, track->nr_frames - i, 4);
}

/**
 * slab_debug_show_owner - say who allocated an object, and who freed it last
 * @c: the cache
 * @object: the object
 */
void slab_debug_show_owner(struct ptkit_cache *c, void *object)
{
	if (!(c->flags & PTKIT_CACHE_TRACK))
		return;
	debug_show_track("allocated", &debug_of(c, object)->track[TRACK_ALLOC]);
	debug_show_track("freed", &debug_of(c, object)->track[TRACK_FREE]);
}

/* memchr_inv() reads for KASAN, too, which takes no red zone and nothing free for readable. */
static bool debug_all_are(const u8 *p, u8 byte, size_t size)
{
	while (size--)
		if (*p++ != byte)
			return false;
	return true;
}

static bool debug_poisons(const struct ptkit_cache *c)
{
	return (c->flags & PTKIT_CACHE_POISON) && !(c->flags & PTKIT_CACHE_RCU);
}

static void debug_poison(const struct ptkit_cache *c, void *object)
{
	if (!debug_poisons(c))
		return;
	memset(object, BYTE_FREE, c->size - 1);
	memset(object + c->size - 1, BYTE_FREE_END, 1);
}

static bool debug_poison_intact(const struct ptkit_cache *c, void *object)
{
	return !debug_poisons(c) ||
	       (debug_all_are(object, BYTE_FREE, c->size - 1) &&
		((u8 *)object)[c->size - 1] == BYTE_FREE_END);
}

static bool debug_red_zone_intact(const struct ptkit_cache *c, void *object)
{
	return !(c->flags & PTKIT_CACHE_RED_ZONE) ||
	       debug_all_are(object + c->size, BYTE_RED_ZONE, c->offset - c->size);
}

/**
 * slab_debug_init - an object of a new slab
 * @c: the cache
 * @object: the object, before its constructor
 */
void slab_debug_init(struct ptkit_cache *c, void *object)
{
	memset(object + c->debug, 0, slab_debug_size(c));
	debug_of(c, object)->state = STATE_FREE;
	if (c->flags & PTKIT_CACHE_RED_ZONE)
		memset(object + c->size, BYTE_RED_ZONE, c->offset - c->size);
	debug_poison(c, object);
}

static noinline void debug_report(struct ptkit_cache *c, void *object, const char *what)
{
	slab_misuse_free(c, object, what);
	slab_debug_show_owner(c, object);
}

/**
 * slab_debug_alloc - allocate, and look at the object
 * @c: a cache with debug flags
 * @gfp: as for ptkit_cache_alloc()
 * @nid: node, or NUMA_NO_NODE
 *
 * An object that is not as it was left is leaked, and the next one tried.
 *
 * Return: the object, or %NULL.
 */
void *slab_debug_alloc(struct ptkit_cache *c, gfp_t gfp, int nid)
{
	void *object;

	while ((object = slab_alloc_listed(c, gfp, nid))) {
		struct slab_debug *debug = debug_of(c, object);

		if (cmpxchg(&debug->state, STATE_FREE, STATE_USED) != STATE_FREE)
			debug_report(c, object, "overwritten behind a free object");
		else if (!debug_red_zone_intact(c, object))
			debug_report(c, object, "red zone of a free object overwritten");
		else if (!debug_poison_intact(c, object))
			debug_report(c, object, "written to after free");
		else
			break;
	}
	if (object)
		debug_track(c, object, TRACK_ALLOC);
	return object;
}

/* An object in use leaks, and that is told now: kmemleak need not. It cannot be told so in NMI. */
static void debug_leak(struct ptkit_cache *c, void *object, const char *what)
{
	debug_report(c, object, what);
	if (!in_nmi())
		kmemleak_ignore(object);
}

/* One step on the way from used to free, which of two who free the same object one can make. */
static bool debug_step(struct ptkit_cache *c, struct slab *slab, void *object, unsigned long from,
		       unsigned long to)
{
	unsigned long state;

	if (!slab_is_object(c, slab, object)) {
		slab_misuse_free(c, object, "freed a pointer into an object");
		return false;
	}
	state = cmpxchg(&debug_of(c, object)->state, from, to);
	if (state == from)
		return true;
	if (state == STATE_FREE || state == STATE_DEFERRED)
		debug_report(c, object, "freed twice");
	else
		debug_leak(c, object, "overwritten far behind the object");
	return false;
}

/**
 * slab_debug_defer - an object is freed in NMI, and will be looked at later
 * @c: a cache with debug flags
 * @slab: the slab of @c that @object points into
 * @object: what a user thinks is an object
 *
 * Context: NMI.
 * Return: whether it may be freed then.
 */
bool slab_debug_defer(struct ptkit_cache *c, struct slab *slab, void *object)
{
	return debug_step(c, slab, object, STATE_USED, STATE_DEFERRED);
}

/**
 * slab_debug_free - look at an object, and free it
 * @c: a cache with debug flags
 * @slab: the slab of @c that @object points into
 * @object: what a user thinks is an object
 * @deferred: slab_debug_defer() said that it may be freed
 *
 * Context: any but NMI.
 */
void slab_debug_free(struct ptkit_cache *c, struct slab *slab, void *object, bool deferred)
{
	if (!debug_step(c, slab, object, deferred ? STATE_DEFERRED : STATE_USED, STATE_FREE))
		return;
	if (!debug_red_zone_intact(c, object)) {
		debug_leak(c, object, "red zone overwritten");
		return;
	}
	kmemleak_free(object);
	debug_track(c, object, TRACK_FREE);
	debug_poison(c, object);
	slab_event(c, SLAB_FREE_SLOW);
	slab_free_shared(c, slab, object, object, 1);
}
