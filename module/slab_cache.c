// SPDX-License-Identifier: GPL-2.0
/*
 * Slab caches as a whole: how they are made, shown, shrunk and ended, and what happens when a CPU
 * goes. The way of an object is in slab.c.
 *
 * A cache that is not ptkit's business but the host's (passthrough) has a kmem_cache, and none of
 * its objects is ever on a CPU's list: the fastpaths find SLAB_NONE there, and a limit of 0.
 *
 * Lock order: slab_caches_lock, then the kernel's CPU hotplug lock.
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/ctype.h>
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/smp.h>

#include "compat/compat.h"
#include "internal.h"
#include "slab_internal.h"

/* A slab should have so many objects, if the order allows, ... */
#define SLAB_WANT_OBJECTS	64
/* ... and not waste more than this part of itself. */
#define SLAB_MAX_WASTE		16
/* Free objects that wait on a CPU, in slabs; at least 2 and at most 8 slabs. */
#define SLAB_CPU_OBJECTS	256

DEFINE_STATIC_KEY_FALSE_RO(slab_wipe_key);

static LIST_HEAD(slab_caches);
static DEFINE_MUTEX(slab_caches_lock);
static enum cpuhp_state slab_hotplug_state;

static const char *const slab_names[] = {
	[SLAB_ALLOC_SLOW] = "alloc_slow",
	[SLAB_ALLOC_SINGLE] = "alloc_single",
	[SLAB_ALLOC_FAILED] = "alloc_failed",
	[SLAB_FREE_SLOW] = "free_slow",
	[SLAB_FREE_DEFERRED] = "free_deferred",
	[SLAB_RETRIES] = "swap_retries",
	[SLAB_REFILL_REMOTE] = "refill_remote",
	[SLAB_REFILL_CPU] = "refill_cpu",
	[SLAB_REFILL_NODE] = "refill_node",
	[SLAB_REFILL_NEW] = "refill_new",
	[SLAB_DEACTIVATED] = "deactivated",
	[SLAB_SPILLED] = "spilled",
	[SLAB_SLABS_NEW] = "slabs_new",
	[SLAB_SLABS_FREED] = "slabs_freed",
	[SLAB_SMALL_NEW] = "slabs_small",
	[SLAB_MISUSE] = "misuse",
	[SLAB_CORRUPT] = "corrupt",
};

static_assert(ARRAY_SIZE(slab_names) == NR_SLAB_SHOWN);

static unsigned long slab_sum(struct ptkit_cache *c, enum slab_event id)
{
	return ptkit_events_sum(&c->cpu->events[0], id);
}

/* ---- taking slabs back ----------------------------------------------------------------------- */

/* Slabs taken from a CPU, or a question to it. */
struct slab_request {
	struct ptkit_cache *c;
	struct slab *chain;
	struct slab_away away;
	unsigned long length;
};

static void slab_away_owner(void *info)
{
	struct slab_request *req = info;

	slab_take_away(req->c, &req->away);
}

static void slab_take_owner(void *info)
{
	struct slab_request *req = info;

	slab_take_cpu(req->c, &req->chain);
}

static void slab_length_owner(void *info)
{
	struct slab_request *req = info;

	req->length = slab_list_length(req->c);
}

/*
 * All slabs of all CPUs go to their nodes. One CPU after the other, and no lock held meanwhile.
 * First go the objects that wait for their slabs, since a slab that gets one may become a CPU's.
 */
static void slab_flush(struct ptkit_cache *c)
{
	struct slab_request req = { .c = c };
	int cpu;

	for_each_online_cpu(cpu)
		if (!smp_call_function_single(cpu, slab_away_owner, &req, true))
			slab_free_away(c, &req.away);
	for_each_online_cpu(cpu) {
		req.chain = NULL;
		if (!smp_call_function_single(cpu, slab_take_owner, &req, true))
			slab_release_chain(c, req.chain);
	}
}

/* Take one empty slab off the node's list, or say that @look slabs have been looked at in vain. */
static struct slab *slab_pick_empty(struct slab_node *n, unsigned long *look)
{
	struct slab *slab, *found = NULL;
	unsigned long flags;
	int batch = 64;

	raw_spin_lock_irqsave(&n->lock, flags);
	while (*look && batch--) {
		--*look;
		slab = list_first_entry_or_null(&n->partial, struct slab, list);
		if (!slab)
			break;
		if (!(READ_ONCE(slab->free.tag) & SLAB_INUSE)) {
			/*
			 * On the list and empty: nobody can free to it, so nothing changes any
			 * more.
			 */
			list_del(&slab->list);
			n->nr_partial--;
			found = slab;
			break;
		}
		list_move_tail(&slab->list, &n->partial);
	}
	raw_spin_unlock_irqrestore(&n->lock, flags);
	return found;
}

static unsigned long slab_shrink_node(struct ptkit_cache *c, struct slab_node *n)
{
	unsigned long look = READ_ONCE(n->nr_partial);
	unsigned long nr = 0;
	struct slab *slab;

	while (look) {
		slab = slab_pick_empty(n, &look);
		if (slab) {
			slab->next = NULL;
			slab_discard_chain(c, slab);
			nr++;
		}
	}
	return nr;
}

/**
 * ptkit_cache_shrink - give all that is empty back to the host
 * @c: the cache
 *
 * CPUs give up their slabs first, so the next allocations are slow ones.
 *
 * Context: process context, may sleep.
 * Return: how many slabs went back.
 */
unsigned long ptkit_cache_shrink(struct ptkit_cache *c)
{
	unsigned long before = slab_sum(c, SLAB_SLABS_FREED);
	int nid;

	slab_flush(c);
	for_each_node(nid)
		slab_shrink_node(c, c->node[nid]);
	return slab_sum(c, SLAB_SLABS_FREED) - before;
}
EXPORT_SYMBOL_GPL(ptkit_cache_shrink);

/**
 * ptkit_slab_shrink_all - the same for every cache
 *
 * Context: process context, may sleep.
 */
void ptkit_slab_shrink_all(void)
{
	struct ptkit_cache *c;

	mutex_lock(&slab_caches_lock);
	list_for_each_entry(c, &slab_caches, all)
		ptkit_cache_shrink(c);
	mutex_unlock(&slab_caches_lock);
}

static void slab_free_deferred(struct slab_cpu *cpu)
{
	struct llist_node *node = llist_del_all(&cpu->deferred);
	struct ptkit_cache *c = cpu->cache;

	while (node) {
		void *object = (void *)node - c->offset;
		struct slab *slab = slab_lookup(c, object);

		/* Freed twice, with others in between: what it led to then is gone. */
		if (unlikely(!slab)) {
			slab_corrupt(c, object);
			return;
		}
		node = node->next;
		if (c->flags & SLAB_DEBUG_FLAGS)
			slab_debug_free(c, slab, object, true);
		else
			ptkit_cache_free(c, object);
	}
}

static void slab_deferred_work(struct irq_work *work)
{
	slab_free_deferred(container_of(work, struct slab_cpu, work));
}

static int slab_cpu_dead(unsigned int cpu, struct hlist_node *node)
{
	struct ptkit_cache *c = hlist_entry(node, struct ptkit_cache, hotplug);
	struct slab *chain = NULL;
	struct slab_away away;

	slab_free_deferred(per_cpu_ptr(c->cpu, cpu));
	slab_take_dead_away(c, cpu, &away);
	slab_free_away(c, &away);
	slab_take_dead(c, cpu, &chain);
	slab_release_chain(c, chain);
	return 0;
}

/* ---- passthrough ----------------------------------------------------------------------------- */

/**
 * slab_host_create - let the host do it all
 * @c: the cache, with its properties set
 *
 * Return: 0 or -ENOMEM.
 */
int slab_host_create(struct ptkit_cache *c)
{
	static atomic_t number;
	unsigned int align = c->align;
	slab_flags_t flags = 0;
	char name[48];

	/* As kmalloc() promises; a checker may put something between objects. */
	if (c->flags & SLAB_CLASS && is_power_of_2(c->size))
		align = c->size;
	if (c->flags & PTKIT_CACHE_RCU)
		flags |= SLAB_TYPESAFE_BY_RCU;
	if (c->flags & PTKIT_CACHE_HWALIGN)
		flags |= SLAB_HWCACHE_ALIGN;
	/* The host warns about a name that it has, and may have one for a while after destroy. */
	snprintf(name, sizeof(name), "ptkit_%s.%u", c->name, atomic_inc_return(&number));
	c->host = kmem_cache_create(name, c->size, align, flags, c->ctor);
	return c->host ? 0 : -ENOMEM;
}

void *slab_host_alloc(struct ptkit_cache *c, gfp_t gfp, int nid)
{
	void *object;

	if (c->flags & PTKIT_CACHE_ZERO)
		gfp |= __GFP_ZERO;
	object = kmem_cache_alloc_node(c->host, gfp, nid);
	if (object && !(c->flags & SLAB_CLASS))
		slab_event(c, SLAB_ALLOC_SINGLE);
	return object;
}

void slab_host_free(struct ptkit_cache *c, void *object)
{
	slab_event(c, SLAB_FREE_SLOW);
	kmem_cache_free(c->host, object);
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* Objects on a CPU's list, which only that CPU can tell. */
static unsigned long slab_cpu_listed(struct ptkit_cache *c, int cpu)
{
	struct slab_request req = { .c = c };

	/* A CPU that is gone has no list. */
	smp_call_function_single(cpu, slab_length_owner, &req, true);
	return req.length;
}

/**
 * struct slab_fast - what went through a CPU's fastpath
 * @allocs: objects allocated
 * @frees: objects freed
 */
struct slab_fast {
	unsigned long allocs;
	unsigned long frees;
};

/*
 * The fastpath counts nothing. The tag counts the objects that went either way; the difference of
 * the two ways is what slow operations put on the list and is not there any more. If a list was
 * corrupt, what it lost counts as allocated, and may be more than what went through the tag: the
 * difference is what has to be right, for objects in use are made of it.
 */
static struct slab_fast slab_cpu_fast(struct ptkit_cache *c, int cpu, unsigned long listed)
{
	struct slab_cpu *sc = per_cpu_ptr(c->cpu, cpu);
	long swaps = (READ_ONCE(sc->pair.tag) - cpu) / PCP_TAG_STEP -
		     READ_ONCE(sc->events[SLAB_SWAPS]);
	long net = READ_ONCE(sc->events[SLAB_LISTED]) - listed;
	long frees = max((swaps - net) / 2, 0L);

	return (struct slab_fast){ .allocs = frees + net, .frees = frees };
}

static unsigned long slab_nr_slabs(struct ptkit_cache *c)
{
	return slab_sum(c, SLAB_SLABS_NEW) - slab_sum(c, SLAB_SLABS_FREED);
}

/**
 * ptkit_cache_get_stats - a cache in numbers
 * @c: the cache
 * @stats: the result; exact while nobody allocates or frees
 *
 * Context: process context, may sleep; asks every CPU.
 */
void ptkit_cache_get_stats(struct ptkit_cache *c, struct ptkit_cache_stats *stats)
{
	struct slab_fast fast;
	int nid, cpu;

	memset(stats, 0, sizeof(*stats));
	for_each_possible_cpu(cpu) {
		fast = slab_cpu_fast(c, cpu, slab_cpu_listed(c, cpu));
		stats->fast_allocs += fast.allocs;
		stats->fast_frees += fast.frees;
	}
	stats->object_size = c->size;
	stats->slab_size = c->mask + 1;
	stats->slab_objects = c->objects;
	stats->slow_allocs = slab_sum(c, SLAB_ALLOC_SLOW) + slab_sum(c, SLAB_ALLOC_SINGLE);
	stats->slow_frees = slab_sum(c, SLAB_FREE_SLOW);
	stats->in_use = stats->fast_allocs + stats->slow_allocs - stats->fast_frees -
			stats->slow_frees;
	stats->slabs = slab_nr_slabs(c);
	for_each_node(nid)
		stats->partial += READ_ONCE(c->node[nid]->nr_partial);
	stats->retries = slab_sum(c, SLAB_RETRIES);
	stats->misuse = slab_sum(c, SLAB_MISUSE);
	stats->corrupt = slab_sum(c, SLAB_CORRUPT);
}
EXPORT_SYMBOL_GPL(ptkit_cache_get_stats);

static void slab_show_stats(struct seq_file *m, struct ptkit_source *source)
{
	struct ptkit_cache *c = source->private;
	struct ptkit_cache_stats stats;
	unsigned int id;

	ptkit_cache_get_stats(c, &stats);
	ptkit_stat(m, "object_size", stats.object_size);
	ptkit_stat(m, "slot_size", c->slot);
	ptkit_stat(m, "slab_size", stats.slab_size);
	ptkit_stat(m, "slab_objects", stats.slab_objects);
	ptkit_stat(m, "slab_overhead", stats.slab_size - stats.slab_objects * stats.object_size);
	ptkit_stat(m, "in_use", stats.in_use);
	ptkit_stat(m, "objects", stats.slabs * stats.slab_objects);
	ptkit_stat(m, "slabs", stats.slabs);
	ptkit_stat(m, "partial", stats.partial);
	ptkit_stat(m, "alloc_fast", stats.fast_allocs);
	ptkit_stat(m, "free_fast", stats.fast_frees);
	for (id = 0; id < NR_SLAB_SHOWN; id++)
		ptkit_stat(m, slab_names[id], slab_sum(c, id));
}

static void slab_show_summary(struct seq_file *m, struct ptkit_source *source)
{
	struct ptkit_cache *c = source->private;
	struct ptkit_cache_stats stats;
	unsigned long allocs;

	ptkit_cache_get_stats(c, &stats);
	allocs = stats.fast_allocs + stats.slow_allocs;
	if (!allocs)
		return;
	seq_printf(m, "slab %-16s %9ld of %9lu objects in use, %5u bytes each, %6lu slabs, ",
		   c->name, stats.in_use, stats.slabs * stats.slab_objects, c->size, stats.slabs);
	seq_printf(m, "%8lu KiB; %lu allocs, %lu%% fast\n", stats.slabs * (stats.slab_size >> 10),
		   allocs, stats.fast_allocs * 100 / allocs);
}

/* ---- debugfs --------------------------------------------------------------------------------- */

static int slab_percpu_show(struct seq_file *m, void *unused)
{
	struct ptkit_cache *c = m->private;
	int cpu;

	seq_puts(m, "cpu listed partial alloc_fast free_fast alloc_slow free_slow retries refills deactivated\n");
	for_each_possible_cpu(cpu) {
		struct slab_cpu *sc = per_cpu_ptr(c->cpu, cpu);
		unsigned long listed = slab_cpu_listed(c, cpu);
		struct slab_fast fast = slab_cpu_fast(c, cpu, listed);
		unsigned long refills = 0;
		unsigned int id;

		for (id = SLAB_REFILL_REMOTE; id <= SLAB_REFILL_NEW; id++)
			refills += READ_ONCE(sc->events[id]);
		seq_printf(m, "%d %lu %u %lu %lu %lu %lu %lu %lu %lu\n", cpu, listed,
			   READ_ONCE(sc->nr_partial), fast.allocs, fast.frees,
			   READ_ONCE(sc->events[SLAB_ALLOC_SLOW]) +
			   READ_ONCE(sc->events[SLAB_ALLOC_SINGLE]),
			   READ_ONCE(sc->events[SLAB_FREE_SLOW]),
			   READ_ONCE(sc->events[SLAB_RETRIES]), refills,
			   READ_ONCE(sc->events[SLAB_DEACTIVATED]));
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(slab_percpu);

#define SLAB_NUMBER_FILE(file, value)						\
static int slab_##file##_show(struct seq_file *m, void *unused)			\
{										\
	struct ptkit_cache *c = m->private;					\
	struct ptkit_cache_stats stats;						\
										\
	ptkit_cache_get_stats(c, &stats);					\
	seq_printf(m, "%lu\n", (unsigned long)(value));				\
	return 0;								\
}										\
DEFINE_SHOW_ATTRIBUTE(slab_##file)

SLAB_NUMBER_FILE(object_size, stats.object_size);
SLAB_NUMBER_FILE(objects, stats.slabs * stats.slab_objects);
SLAB_NUMBER_FILE(slabs, stats.slabs);
SLAB_NUMBER_FILE(partial, stats.partial);

static ssize_t slab_shrink_write(struct file *file, const char __user *buf, size_t len,
				 loff_t *pos)
{
	unsigned long go;
	int ret = ptkit_write_ulong(buf, len, 1, &go);

	if (ret)
		return ret;
	if (go)
		ptkit_cache_shrink(file_inode(file)->i_private);
	return len;
}

static const struct file_operations slab_shrink_fops = {
	.owner = THIS_MODULE,
	.write = slab_shrink_write,
};

static void slab_debugfs_add(struct ptkit_cache *c)
{
	struct ptkit_source *source = &c->source;

	source->group = "slab";
	source->name = c->name;
	source->show_stats = slab_show_stats;
	source->show_summary = slab_show_summary;
	source->private = c;
	ptkit_source_add(source);
	debugfs_create_file("object_size", 0400, source->dir, c, &slab_object_size_fops);
	debugfs_create_file("objects", 0400, source->dir, c, &slab_objects_fops);
	debugfs_create_file("slabs", 0400, source->dir, c, &slab_slabs_fops);
	debugfs_create_file("partial", 0400, source->dir, c, &slab_partial_fops);
	debugfs_create_file("percpu", 0400, source->dir, c, &slab_percpu_fops);
	debugfs_create_file("shrink", 0200, source->dir, c, &slab_shrink_fops);
}

/* ---- making ---------------------------------------------------------------------------------- */

static bool slab_name_valid(const char *name)
{
	const char *p;

	for (p = name; *p; p++)
		if (!isalnum(*p) && *p != '_')
			return false;
	return p > name && p - name < sizeof_field(struct ptkit_cache, name);
}

/* The alignment that all wishes come to, or 0 if they cannot be met. */
static unsigned int slab_alignment(unsigned int size, unsigned int align, unsigned int flags)
{
	unsigned int line = cache_line_size();

	if (align & (align - 1) || align > PAGE_SIZE)
		return 0;
	if (flags & PTKIT_CACHE_HWALIGN) {
		while (size <= line / 2)
			line /= 2;
		align = max(align, line);
	}
	return max_t(unsigned int, align, sizeof(void *));
}

/* Where an object's parts are, and how many make a slab. */
static void slab_layout(struct ptkit_cache *c)
{
	unsigned int end = ALIGN(c->size, sizeof(void *));
	unsigned int order, bytes;

	if (c->flags & (SLAB_DEBUG_FLAGS | PTKIT_CACHE_RCU) || c->ctor) {
		if (c->flags & PTKIT_CACHE_RED_ZONE)
			end += sizeof(void *);
		c->offset = end;
		end += sizeof(void *);
	}
	c->debug = end;
	if (c->flags & SLAB_DEBUG_FLAGS)
		end += slab_debug_size(c);
	c->slot = ALIGN(end, c->align);
	if (c->offset || c->flags & PTKIT_CACHE_ZERO)
		c->mark = SLAB_MARKED;

	c->min_order = min(get_order(c->slot), SLAB_MAX_ORDER + 1);
	for (order = c->min_order; order < SLAB_MAX_ORDER; order++) {
		bytes = PAGE_SIZE << order;
		if (bytes / c->slot >= SLAB_WANT_OBJECTS &&
		    bytes % c->slot <= bytes / SLAB_MAX_WASTE)
			break;
	}
	c->order = order;
	c->objects = (PAGE_SIZE << order) / c->slot;
	c->mask = (PAGE_SIZE << order) - 1;
	c->cpu_partial = clamp(SLAB_CPU_OBJECTS / max(c->objects, 1U), 2U, 8U);
	c->min_partial = clamp(ilog2(c->size) / 2, 5, 10);
}

static int slab_make_sequence(struct ptkit_cache *c)
{
	unsigned int i, j;

	c->sequence = kcalloc(c->objects, sizeof(*c->sequence), GFP_KERNEL);
	if (!c->sequence)
		return -ENOMEM;
	for (i = 0; i < c->objects; i++) {
		j = get_random_u32() % (i + 1);
		c->sequence[i] = c->sequence[j];
		c->sequence[j] = i;
	}
	return 0;
}

static void slab_free_nodes(struct ptkit_cache *c)
{
	int nid;

	for_each_node(nid)
		kfree(c->node[nid]);
	kfree(c->node);
}

static int slab_make_nodes(struct ptkit_cache *c)
{
	int nid;

	c->node = kcalloc(nr_node_ids, sizeof(*c->node), GFP_KERNEL);
	if (!c->node)
		return -ENOMEM;
	for_each_node(nid) {
		struct slab_node *n = kzalloc_node(sizeof(*n), GFP_KERNEL,
						   node_online(nid) ? nid : NUMA_NO_NODE);

		if (!n) {
			slab_free_nodes(c);
			return -ENOMEM;
		}
		raw_spin_lock_init(&n->lock);
		INIT_LIST_HEAD(&n->partial);
		INIT_LIST_HEAD(&n->small);
		INIT_LIST_HEAD(&n->full);
		c->node[nid] = n;
	}
	return 0;
}

static int slab_make_cpus(struct ptkit_cache *c)
{
	int cpu;

	c->cpu = alloc_percpu(struct slab_cpu);
	if (!c->cpu)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		struct slab_cpu *sc = per_cpu_ptr(c->cpu, cpu);

		sc->pair.ptr = SLAB_NONE;
		sc->pair.tag = cpu;
		sc->away.ptr = SLAB_NONE;
		sc->away.tag = cpu;
		sc->cache = c;
		init_llist_head(&sc->deferred);
		init_irq_work(&sc->work, slab_deferred_work);
	}
	return 0;
}

static int slab_publish(struct ptkit_cache *c)
{
	struct ptkit_cache *other;
	int ret = 0;

	mutex_lock(&slab_caches_lock);
	list_for_each_entry(other, &slab_caches, all)
		if (!strcmp(other->name, c->name))
			ret = -EEXIST;
	if (!ret)
		list_add_tail(&c->all, &slab_caches);
	mutex_unlock(&slab_caches_lock);
	return ret;
}

/**
 * slab_cache_setup - make a cache of zeroed memory
 * @c: the memory
 * @name: as for ptkit_cache_create(), like all that follow
 * @size: of an object
 * @align: of an object
 * @flags: of the cache
 * @ctor: of an object
 *
 * Context: process context, may sleep.
 * Return: 0 or an errno, as ptkit_cache_create().
 */
int slab_cache_setup(struct ptkit_cache *c, const char *name, unsigned int size, unsigned int align,
		     unsigned int flags, void (*ctor)(void *object))
{
	int ret;

	c->align = slab_alignment(size, align, flags);
	if (!name || !slab_name_valid(name) || !size || size > SLAB_MAX_SLOT || !c->align ||
	    (ctor && (flags & (PTKIT_CACHE_ZERO | PTKIT_CACHE_POISON))))
		return -EINVAL;
	strscpy(c->name, name, sizeof(c->name));
	c->size = size;
	c->flags = flags;
	c->ctor = ctor;
	slab_layout(c);
	if (c->slot > SLAB_MAX_SLOT)
		return -EINVAL;
	if (!ptkit_passthrough && !c->mark)
		c->fast_limit = c->mask;
	if (flags & SLAB_DEBUG_FLAGS || ptkit_passthrough)
		c->mark = 0;
	c->secret = get_random_u64();
	c->hint_secret = get_random_u64();

	ret = slab_make_sequence(c);
	if (ret)
		return ret;
	ret = slab_make_nodes(c);
	if (ret)
		goto err_free_sequence;
	ret = slab_make_cpus(c);
	if (ret)
		goto err_free_nodes;
	if (ptkit_passthrough) {
		ret = slab_host_create(c);
		if (ret)
			goto err_free_cpus;
	}
	ret = cpuhp_state_add_instance_nocalls(slab_hotplug_state, &c->hotplug);
	if (ret)
		goto err_destroy_host;
	ret = slab_publish(c);
	if (ret)
		goto err_remove_hotplug;
	slab_debugfs_add(c);
	return 0;

err_remove_hotplug:
	cpuhp_state_remove_instance_nocalls(slab_hotplug_state, &c->hotplug);
err_destroy_host:
	kmem_cache_destroy(c->host);
err_free_cpus:
	free_percpu(c->cpu);
err_free_nodes:
	slab_free_nodes(c);
err_free_sequence:
	kfree(c->sequence);
	return ret;
}

/**
 * ptkit_cache_create - make an object cache
 * @name: letters, digits and underscores, up to 31, not in use; copied
 * @size: of an object, in bytes
 * @align: of an object, a power of two up to PAGE_SIZE; 0 is 8
 * @flags: see enum ptkit_cache_flags
 * @ctor: puts an object into a state that its users leave and find it in; optional, and neither
 *	with PTKIT_CACHE_ZERO nor with PTKIT_CACHE_POISON. Called when a slab is made.
 *
 * Context: process context, may sleep.
 * Return: the cache; ERR_PTR(-EINVAL) for what cannot be, -EEXIST for a name in use, -ENOMEM. From
 * seed 002.
 */
struct ptkit_cache *ptkit_cache_create(const char *name, unsigned int size, unsigned int align,
				       unsigned int flags, void (*ctor)(void *object))
{
	struct ptkit_cache *c = kzalloc(sizeof(*c), GFP_KERNEL);
	int ret = -ENOMEM;

	if (c)
		ret = slab_cache_setup(c, name, size, align, flags, ctor);
	if (!ret)
		return c;
	kfree(c);
	if (flags & PTKIT_CACHE_PANIC)
		panic("ptkit: cannot make the cache %s: error %d\n", name, ret);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_GPL(ptkit_cache_create);

/* ---- ending ---------------------------------------------------------------------------------- */

/*
 * Look at all pages for those of @c's slabs, only when all else is lost, until @fn returns true:
 * then the slab, else %NULL.
 */
static struct slab *slab_search(struct ptkit_cache *c,
				bool (*fn)(struct slab *slab, struct page *page))
{
	unsigned long pfn, end;
	struct slab *slab;
	int nid;

	for_each_online_node(nid) {
		end = node_end_pfn(nid);
		for (pfn = node_start_pfn(nid); pfn < end; pfn++) {
			if (!(pfn % PTRS_PER_PTE))
				cond_resched();
			if (!pfn_to_online_page(pfn))
				continue;
			slab = slab_lookup(c, page_address(pfn_to_page(pfn)));
			if (slab && fn(slab, pfn_to_page(pfn)))
				return slab;
		}
	}
	return NULL;
}

static bool slab_in_use(struct slab *slab, struct page *page)
{
	return slab->free.tag & SLAB_INUSE;
}

/* The next cache may have the address of the one that has lost this page. */
static bool slab_disown(struct slab *slab, struct page *page)
{
	((struct slab *)page)->owner = 0;
	return false;
}

static struct slab *slab_find_live(struct ptkit_cache *c)
{
	struct slab_node *n;
	struct slab *slab;
	int nid;

	if (c->host)
		return NULL;
	/* Nobody uses the cache any more, so the lists hold still. */
	for_each_node(nid) {
		n = c->node[nid];
		list_for_each_entry(slab, &n->full, list)
			return slab;
		list_for_each_entry(slab, &n->small, list)
			return slab;
		list_for_each_entry(slab, &n->partial, list)
			if (slab->free.tag & SLAB_INUSE)
				return slab;
	}
	return slab_search(c, slab_in_use);
}

static void slab_report_live(struct ptkit_cache *c, long live)
{
	struct slab *slab = slab_find_live(c);
	void *object = slab ? slab_first_live(c, slab) : NULL;

	pr_err("cache %s: %ld objects are still in use, the first at %p\n", c->name, live, object);
	if (object && c->flags & PTKIT_CACHE_TRACK)
		slab_debug_show_owner(c, object);
}

static void slab_sync_deferred(struct ptkit_cache *c)
{
	int cpu;

	for_each_possible_cpu(cpu)
		irq_work_sync(&per_cpu_ptr(c->cpu, cpu)->work);
}

/**
 * slab_cache_dismantle - undo slab_cache_setup(), whatever is still in use
 * @c: nobody uses the cache any more
 *
 * Slabs with objects in use leak, and are nobody's any more.
 *
 * Context: process context, may sleep.
 */
void slab_cache_dismantle(struct ptkit_cache *c)
{
	ptkit_source_del(&c->source);
	mutex_lock(&slab_caches_lock);
	list_del(&c->all);
	mutex_unlock(&slab_caches_lock);
	cpuhp_state_remove_instance_nocalls(slab_hotplug_state, &c->hotplug);
	/*
	 * Slabs that wait for readers do not need the cache any more, but their callback is our
	 * code.
	 */
	if (c->flags & PTKIT_CACHE_RCU)
		rcu_barrier();
	if (slab_nr_slabs(c))
		slab_search(c, slab_disown);
	kmem_cache_destroy(c->host);
	free_percpu(c->cpu);
	slab_free_nodes(c);
	kfree(c->sequence);
}
EXPORT_SYMBOL_FOR_TESTS(slab_cache_dismantle);

/**
 * slab_cache_check - take back all slabs, and see whether something is still in use
 * @c: nobody uses the cache any more
 *
 * Context: process context, may sleep.
 * Return: 0, or -EBUSY if objects are in use, and are reported.
 */
int slab_cache_check(struct ptkit_cache *c)
{
	struct ptkit_cache_stats stats;

	slab_sync_deferred(c);
	/* A CPU that is on its way out could have slabs, and not be asked for them. */
	cpus_read_lock();
	ptkit_cache_shrink(c);
	ptkit_cache_get_stats(c, &stats);
	cpus_read_unlock();
	if (!stats.slabs && !(c->host && stats.in_use))
		return 0;
	slab_report_live(c, stats.in_use);
	return -EBUSY;
}

/**
 * ptkit_cache_destroy - end an object cache
 * @c: the cache, or an ERR_PTR() or %NULL, which do nothing; nobody uses it any more
 *
 * Objects that are still in use are reported, the first of them by address, and by who allocated
 * it if the cache has PTKIT_CACHE_TRACK.
 *
 * Context: process context, may sleep.
 * Return: 0, or -EBUSY if objects are in use: the cache is then as it was, and they may be freed.
 */
int ptkit_cache_destroy(struct ptkit_cache *c)
{
	int ret;

	if (IS_ERR_OR_NULL(c))
		return 0;
	ret = slab_cache_check(c);
	if (ret)
		return ret;
	slab_cache_dismantle(c);
	kfree(c);
	return 0;
}
EXPORT_SYMBOL_GPL(ptkit_cache_destroy);

/* ---- load and unload ------------------------------------------------------------------------- */

int ptkit_slab_init(void)
{
	int ret;

	if (want_init_on_alloc(0) || want_init_on_free())
		static_branch_enable(&slab_wipe_key);
	ret = cpuhp_setup_state_multi(CPUHP_BP_PREPARE_DYN, "mm/ptkit_slab:dead", NULL,
				      slab_cpu_dead);
	if (ret < 0)
		return ret;
	slab_hotplug_state = ret;
	ret = slab_kmalloc_init();
	if (ret)
		cpuhp_remove_multi_state(slab_hotplug_state);
	return ret;
}

void ptkit_slab_exit(void)
{
	struct ptkit_cache *c, *next;

	slab_kmalloc_exit();
	list_for_each_entry_safe(c, next, &slab_caches, all) {
		pr_err("cache %s was never destroyed, and leaks\n", c->name);
		slab_cache_dismantle(c);
		kfree(c);
	}
	cpuhp_remove_multi_state(slab_hotplug_state);
}
