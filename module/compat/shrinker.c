// SPDX-License-Identifier: GPL-2.0
/* One face for both ways in which kernels keep shrinkers. */
#include <linux/export.h>

#include "compat.h"

static struct ptkit_shrinker *ptkit_shrinker_of(struct shrinker *shrinker)
{
#ifdef HAVE_SHRINKER_ALLOC
	return shrinker->private_data;
#else
	return container_of(shrinker, struct ptkit_shrinker, shrinker);
#endif
}

static unsigned long ptkit_shrinker_count(struct shrinker *shrinker, struct shrink_control *sc)
{
	struct ptkit_shrinker *self = ptkit_shrinker_of(shrinker);

	return self->count(self, sc) ?: SHRINK_EMPTY;
}

static unsigned long ptkit_shrinker_scan(struct shrinker *shrinker, struct shrink_control *sc)
{
	struct ptkit_shrinker *self = ptkit_shrinker_of(shrinker);

	return self->scan(self, sc);
}

/**
 * ptkit_shrinker_register - let memory reclaim ask for pages back
 * @self: with count and scan set; both are called per NUMA node, from reclaim
 * @name: shown in the kernel's shrinker debugfs
 *
 * Context: process context, may sleep.
 * Return: 0 or -ENOMEM.
 */
int ptkit_shrinker_register(struct ptkit_shrinker *self, const char *name)
{
	struct shrinker *s;

#ifdef HAVE_SHRINKER_ALLOC
	s = shrinker_alloc(SHRINKER_NUMA_AWARE, "ptkit-%s", name);
	if (!s)
		return -ENOMEM;
	self->shrinker = s;
	s->private_data = self;
#else
	s = &self->shrinker;
	s->flags = SHRINKER_NUMA_AWARE;
#endif
	s->count_objects = ptkit_shrinker_count;
	s->scan_objects = ptkit_shrinker_scan;
	s->seeks = DEFAULT_SEEKS;
#ifdef HAVE_SHRINKER_ALLOC
	shrinker_register(s);
	return 0;
#else
	return register_shrinker(s, "ptkit-%s", name);
#endif
}
EXPORT_SYMBOL_GPL(ptkit_shrinker_register);

/**
 * ptkit_shrinker_unregister - undo ptkit_shrinker_register()
 * @self: the shrinker; its callbacks have returned for good when this returns
 *
 * Context: process context, may sleep.
 */
void ptkit_shrinker_unregister(struct ptkit_shrinker *self)
{
#ifdef HAVE_SHRINKER_ALLOC
	shrinker_free(self->shrinker);
#else
	unregister_shrinker(&self->shrinker);
#endif
}
EXPORT_SYMBOL_GPL(ptkit_shrinker_unregister);
