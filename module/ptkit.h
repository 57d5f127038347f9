/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ptkit: quicklists and frozen pages for drivers that keep page tables of their own, and for
 * measuring these mechanisms on the kernel that runs. Kernel-doc stands with the definitions.
 *
 * What may be called where ("hit": a per-CPU list could serve it):
 *
 *                                  task   softirq   hardirq   NMI (x86-64)
 *   ptkit_quicklist_alloc()        y      y [1]     y [1]     hit, or NULL
 *   ptkit_quicklist_alloc_listed() y      y         y         y
 *   ptkit_quicklist_free()         y      y         y         y [2]
 *   ptkit_frozen_alloc()           y      y [1]     y [1]     hit, or NULL
 *   ptkit_frozen_free()            y      y         y         y [2]
 *   ptkit_page_freeze(), _thaw()   y      y         y         y
 *   ptkit_pagetable_alloc()        y      y [1]     y [1]     hit, or NULL
 *   ptkit_pagetable_free()         y      y         y         y
 *   ptkit_pagetable_free_kernel(),
 *   ptkit_pagetable_take_back()    y      y         y         y
 *   ptkit_cache_alloc(), kmalloc   y      y [1]     y [1]     hit, or NULL [3]
 *   ptkit_cache_free(), kfree      y      y         y         y [3]
 *   everything else                y      -         -         -
 *
 *   [1] with GFP_ATOMIC or GFP_NOWAIT; with PREEMPT_RT only where interrupts are threads, as the
 *       host's allocator itself
 *   [2] order 0: the page is kept on the list, whatever the limit; higher orders are refused,
 *       warned about and leaked
 *
 *   [3] not with passthrough; kmalloc of up to PTKIT_KMALLOC_MAX bytes
 *
 * A table that hardware may still walk must not be freed to any list: flush first.
 */
#ifndef _PTKIT_H
#define _PTKIT_H

#include <linux/atomic.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mm_types.h>
#include <linux/page_ref.h>
#include <linux/spinlock_types.h>
#include <linux/types.h>

struct ptkit_quicklist;

/**
 * struct ptkit_quicklist_ops - what the pages of a quicklist look like
 * @ctor: puts a page, zeroed, into the known state; 0 or an errno. Optional: the known state is
 *	then all zero. Called in the context of the allocation, with its @gfp.
 * @dtor: the page leaves the list for good. Optional. Called in any context a page may be freed in.
 * @check: is the page in its known state? Optional if there is no @ctor: all zero is checked then.
 *	With a @ctor and no @check, pages cannot be verified. Called with the page to itself.
 * @release: the page leaves the list for good, and is now the callee's, who frees it with
 *	ptkit_frozen_free() when nobody can look at it any more. Optional, and instead of @dtor.
 *
 * @private is what ptkit_quicklist_create() was given.
 */
struct ptkit_quicklist_ops {
	int (*ctor)(struct page *page, gfp_t gfp, void *private);
	void (*dtor)(struct page *page, void *private);
	bool (*check)(struct page *page, void *private);
	void (*release)(struct page *page, void *private);
};

struct ptkit_quicklist *ptkit_quicklist_create(const char *name,
					       const struct ptkit_quicklist_ops *ops,
					       void *private);
void ptkit_quicklist_destroy(struct ptkit_quicklist *ql);
struct page *ptkit_quicklist_alloc(struct ptkit_quicklist *ql, gfp_t gfp);
struct page *ptkit_quicklist_alloc_listed(struct ptkit_quicklist *ql);
void ptkit_quicklist_free(struct ptkit_quicklist *ql, struct page *page);
void ptkit_quicklist_release(struct ptkit_quicklist *ql, struct page *page);
void ptkit_quicklist_disown(struct ptkit_quicklist *ql, unsigned long nr);
unsigned long ptkit_quicklist_trim(struct ptkit_quicklist *ql, unsigned long min_pages,
				   unsigned long max_free);
unsigned long ptkit_quicklist_drain(struct ptkit_quicklist *ql, unsigned long min_pages);
int ptkit_quicklist_set_limit(struct ptkit_quicklist *ql, long limit);
unsigned long ptkit_quicklist_total_size(struct ptkit_quicklist *ql);
long ptkit_quicklist_verify(struct ptkit_quicklist *ql, unsigned long *checked);

/* ptkit_quicklist_set_limit(): follow the node's free memory */
#define PTKIT_LIMIT_AUTO	(-1L)

/**
 * struct ptkit_quicklist_stats - a quicklist in numbers
 * @cached: pages on the list
 * @in_use: pages allocated and not freed
 * @hits: allocations served from the list
 * @misses: allocations that took a page from the host
 * @failed: allocations that returned %NULL
 * @frees: pages freed by users
 * @returned: pages given back to the host
 * @disowned: pages whose users let them go
 * @dirty: pages leaked since they were not in their known state
 * @misuse: frees refused
 *
 * While nothing runs, @misses == @cached + @in_use + @returned + @disowned + @dirty.
 */
struct ptkit_quicklist_stats {
	unsigned long cached;
	long in_use;
	unsigned long hits;
	unsigned long misses;
	unsigned long failed;
	unsigned long frees;
	unsigned long returned;
	unsigned long disowned;
	unsigned long dirty;
	unsigned long misuse;
};

void ptkit_quicklist_get_stats(struct ptkit_quicklist *ql, struct ptkit_quicklist_stats *stats);

/**
 * struct ptkit_frozen_set - frozen blocks that become visible together
 * @blocks: the blocks, linked
 * @nr: how many
 * @pages: of how many pages in all
 */
struct ptkit_frozen_set {
	struct page *blocks;
	unsigned long nr;
	unsigned long pages;
};

struct page *ptkit_frozen_alloc(gfp_t gfp, unsigned int order);
struct page *ptkit_frozen_alloc_node(int nid, gfp_t gfp, unsigned int order);
unsigned long ptkit_frozen_alloc_bulk(gfp_t gfp, unsigned long nr, struct page **pages);
void ptkit_frozen_free(struct page *page, unsigned int order);
void ptkit_frozen_free_bulk(struct page **pages, unsigned long nr);
int ptkit_page_freeze(struct page *page);
bool ptkit_page_try_freeze(struct page *page);
int ptkit_page_thaw(struct page *page, int refs);
int ptkit_frozen_split(struct page *page, unsigned int order);
int ptkit_frozen_set_add(struct ptkit_frozen_set *set, gfp_t gfp, unsigned int order);
void ptkit_frozen_set_thaw(struct ptkit_frozen_set *set, struct page **pages);
void ptkit_frozen_set_rollback(struct ptkit_frozen_set *set);
unsigned long ptkit_frozen_drain(void);
int ptkit_frozen_set_limit(unsigned long limit);

/**
 * struct ptkit_frozen_stats - frozen pages in numbers
 * @live: pages that are frozen and in somebody's hands, or leaked by misuse
 * @stashed: pages in the stash
 * @host_alloc: pages taken from the host
 * @host_free: pages given to the host
 * @frozen: pages that came by ptkit_page_freeze()
 * @thawed: pages that left by ptkit_page_thaw()
 * @hits: allocations served from the stash
 * @misses: allocations that found the stash empty
 * @bypassed: allocations that the stash cannot serve
 * @failed: allocations that returned %NULL
 * @off_node: pages of another node that were freed, and went home
 * @contended: freezes that met somebody else's reference
 * @abandoned: pages left to whoever held on to them
 * @split: blocks split
 * @misuse: calls refused
 *
 * While nothing runs, @host_alloc + @frozen == @host_free + @thawed + @live + @stashed.
 */
struct ptkit_frozen_stats {
	long live;
	unsigned long stashed;
	unsigned long host_alloc;
	unsigned long host_free;
	unsigned long frozen;
	unsigned long thawed;
	unsigned long hits;
	unsigned long misses;
	unsigned long bypassed;
	unsigned long failed;
	unsigned long off_node;
	unsigned long contended;
	unsigned long abandoned;
	unsigned long split;
	unsigned long misuse;
};

void ptkit_frozen_get_stats(struct ptkit_frozen_stats *stats);

/**
 * ptkit_page_frozen - can nobody take a reference on this page?
 * @page: any page
 *
 * Context: any.
 * Return: true if its reference count is 0.
 */
static inline bool ptkit_page_frozen(const struct page *page)
{
	return !page_ref_count(page);
}

/* The levels of page tables that there are descriptors for. */
enum ptkit_level {
	PTKIT_PTE,
	PTKIT_PMD,
	PTKIT_PUD,
	PTKIT_NR_LEVELS
};

struct ptkit_ptdesc;
struct ptkit_table_cache;
struct notifier_block;

/**
 * struct ptkit_ptdesc_owner - who uses a page table
 * @name: for people
 * @freed: optional: a table given to ptkit_pagetable_free_kernel() has been flushed and is about to
 *	become somebody else's; process context, must not sleep
 */
struct ptkit_ptdesc_owner {
	const char *name;
	void (*freed)(struct ptkit_ptdesc *pt);
};

/**
 * struct ptkit_ptdesc - the descriptor of one page table
 * @page: the table; constant
 * @ptl: split lock, the owner's to use; initialised once per page, not per allocation
 * @entries: live entries, counted by the owner under @ptl; 0 when it is allocated and freed
 * @level: of the table; constant
 * @owner: set by the owner, or %NULL
 * @addr: first address that the table maps, the owner's to use; kept until the next owner sets it
 * @list: links it wherever the owner likes
 * @cache: where it came from; constant
 * @walked: somebody outside may have looked at it (see ptdesc.c)
 * @state: on its way to being freed? (async_free.c)
 * @generation: of flushes, when it was queued
 * @queued: links the queue
 * @rcu: for the ways back
 */
struct ptkit_ptdesc {
	struct page *page;
	spinlock_t ptl; /* see above */
	unsigned int entries;
	enum ptkit_level level;
	const struct ptkit_ptdesc_owner *owner;
	unsigned long addr;
	struct list_head list;
	/* ptkit's own: */
	struct ptkit_table_cache *cache;
	bool walked;
	atomic_t state;
	unsigned long generation;
	struct llist_node queued;
	struct rcu_head rcu;
};

struct ptkit_ptdesc *ptkit_pagetable_alloc(enum ptkit_level level, gfp_t gfp);
void ptkit_pagetable_free(struct ptkit_ptdesc *pt);
void ptkit_pagetable_free_rcu(struct ptkit_ptdesc *pt);
struct ptkit_ptdesc *ptkit_page_ptdesc(const struct page *page);
struct ptkit_ptdesc *ptkit_virt_to_ptdesc(const void *addr);

/**
 * ptkit_ptdesc_page - the page that a descriptor describes
 * @pt: the descriptor
 *
 * Context: any.
 * Return: the page.
 */
static inline struct page *ptkit_ptdesc_page(const struct ptkit_ptdesc *pt)
{
	return pt->page;
}

void ptkit_pagetable_free_kernel(struct ptkit_ptdesc *pt);
void ptkit_pagetable_free_kernel_wait(struct ptkit_ptdesc *pt);
bool ptkit_pagetable_take_back(struct ptkit_ptdesc *pt);
void ptkit_pagetable_sync(void);
unsigned long ptkit_pagetable_queue_length(void);
int ptkit_invalidate_register(struct notifier_block *nb);
int ptkit_invalidate_unregister(struct notifier_block *nb);
unsigned long ptkit_flush_generation(void);
void ptkit_flush_after(unsigned long generation);

void *ptkit_window_map(struct page **pages, unsigned int nr, pgprot_t prot);
int ptkit_window_unmap(void *addr, unsigned int nr);
void ptkit_window_sync(void);
struct ptkit_ptdesc *ptkit_window_table(const void *addr, enum ptkit_level level);

/* The one action that invalidate notifiers are called with: forget everything. */
#define PTKIT_INVALIDATE_ALL	1UL
struct ptkit_cache;

/**
 * enum ptkit_cache_flags - what an object cache is to do
 * @PTKIT_CACHE_HWALIGN: no two objects share a cache line, unless they are smaller than half of one
 * @PTKIT_CACHE_PANIC: panic if the cache cannot be made
 * @PTKIT_CACHE_RCU: a slab's memory is freed after an RCU grace period, so that who holds the RCU
 *	read lock may look at a freed object: it is one of this cache, though perhaps another
 * @PTKIT_CACHE_ZERO: objects are zero when they are allocated
 * @PTKIT_CACHE_CHECK: recognise every double free and every pointer that is no object
 * @PTKIT_CACHE_POISON: fill free objects with a pattern, and look whether it is still there
 * @PTKIT_CACHE_RED_ZONE: a pattern behind each object, looked at when it is freed
 * @PTKIT_CACHE_TRACK: remember who allocated and who freed each object
 *
 * The last four give up the fastpath, all for any of them.
 */
enum ptkit_cache_flags {
	PTKIT_CACHE_HWALIGN	= 1 << 0,
	PTKIT_CACHE_PANIC	= 1 << 1,
	PTKIT_CACHE_RCU		= 1 << 2,
	PTKIT_CACHE_ZERO	= 1 << 3,
	PTKIT_CACHE_CHECK	= 1 << 4,
	PTKIT_CACHE_POISON	= 1 << 5,
	PTKIT_CACHE_RED_ZONE	= 1 << 6,
	PTKIT_CACHE_TRACK	= 1 << 7,
};

struct ptkit_cache *ptkit_cache_create(const char *name, unsigned int size, unsigned int align,
				       unsigned int flags, void (*ctor)(void *object));
int ptkit_cache_destroy(struct ptkit_cache *c);
void *ptkit_cache_alloc(struct ptkit_cache *c, gfp_t gfp);
void *ptkit_cache_alloc_node(struct ptkit_cache *c, gfp_t gfp, int nid);
void ptkit_cache_free(struct ptkit_cache *c, void *object);
unsigned long ptkit_cache_alloc_bulk(struct ptkit_cache *c, gfp_t gfp, unsigned long nr,
				     void **objects);
void ptkit_cache_free_bulk(struct ptkit_cache *c, unsigned long nr, void **objects);
unsigned long ptkit_cache_shrink(struct ptkit_cache *c);

/**
 * struct ptkit_cache_stats - an object cache in numbers
 * @object_size: of an object as its users see it
 * @slab_size: bytes of a slab
 * @slab_objects: objects in it
 * @in_use: objects allocated and not freed
 * @slabs: slabs in all
 * @partial: slabs on the nodes' lists
 * @fast_allocs: allocations by the fastpath
 * @fast_frees: frees by the fastpath
 * @slow_allocs: all others that returned an object
 * @slow_frees: all other frees
 * @retries: swaps that failed since something came between
 * @misuse: what users did wrong
 * @corrupt: lists of free objects that somebody had written to
 */
struct ptkit_cache_stats {
	unsigned long object_size;
	unsigned long slab_size;
	unsigned long slab_objects;
	long in_use;
	unsigned long slabs;
	unsigned long partial;
	unsigned long fast_allocs;
	unsigned long fast_frees;
	unsigned long slow_allocs;
	unsigned long slow_frees;
	unsigned long retries;
	unsigned long misuse;
	unsigned long corrupt;
};

void ptkit_cache_get_stats(struct ptkit_cache *c, struct ptkit_cache_stats *stats);

#define PTKIT_KMALLOC_CLASSES	13
#define PTKIT_KMALLOC_MAX	8192	/* larger sizes are frozen pages */

extern struct ptkit_cache *ptkit_kmalloc_caches[PTKIT_KMALLOC_CLASSES];

void *ptkit_kmalloc_any(size_t size, gfp_t gfp);
void *ptkit_krealloc(const void *object, size_t size, gfp_t gfp);
void ptkit_kfree(const void *object);
size_t ptkit_ksize(const void *object);

/* The class of a size from 1 to PTKIT_KMALLOC_MAX; folds to a constant if @size is one. */
static __always_inline unsigned int ptkit_kmalloc_class(size_t size)
{
	if (size <= 8)
		return 0;
	if (size <= 16)
		return 1;
	if (size <= 32)
		return 2;
	if (size <= 64)
		return 3;
	if (size <= 96)
		return 4;
	if (size <= 128)
		return 5;
	if (size <= 192)
		return 6;
	return fls_long(size - 1) - 1;
}

/**
 * ptkit_kmalloc - allocate memory
 * @size: bytes; 0 gives ZERO_SIZE_PTR
 * @gfp: as for kmalloc(), without zones
 *
 * Context: as ptkit_cache_alloc().
 * Return: the memory, aligned to 8, or, if @size is a power of two, to that; or %NULL. From seed
 * 002.
 */
static __always_inline void *ptkit_kmalloc(size_t size, gfp_t gfp)
{
	if (__builtin_constant_p(size) && size && size <= PTKIT_KMALLOC_MAX)
		return ptkit_cache_alloc(ptkit_kmalloc_caches[ptkit_kmalloc_class(size)], gfp);
	return ptkit_kmalloc_any(size, gfp);
}

/**
 * ptkit_kzalloc - allocate memory that is zero
 * @size: as for ptkit_kmalloc()
 * @gfp: as for ptkit_kmalloc()
 *
 * Context: as ptkit_cache_alloc().
 * Return: as ptkit_kmalloc().
 */
static __always_inline void *ptkit_kzalloc(size_t size, gfp_t gfp)
{
	return ptkit_kmalloc(size, gfp | __GFP_ZERO);
}

#endif /* _PTKIT_H */
