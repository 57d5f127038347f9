/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between kernels, behind names of ptkit's own. Which variant a kernel has is probed
 * when the module is built (compat/probe), never read off its version: stable and LTS kernels
 * carry backports in both directions. The result is compat/config.h: HAVE_<FEATURE> or nothing.
 */
#ifndef _PTKIT_COMPAT_H
#define _PTKIT_COMPAT_H

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/shrinker.h>

#include "config.h"

/*
 * Pages at refcount 0 from the allocator: exported from 6.14 on, declared in mm/ only. 7.3 added
 * @alloc_flags, which no header that a module sees tells. On 64-bit machines the first five
 * arguments are in registers, so a function that takes four never looks at the zero in the fifth.
 */
#ifdef HAVE_ALLOC_FROZEN
#define PTKIT_HOST_FROZEN	1
struct page *__alloc_frozen_pages_noprof(gfp_t gfp, unsigned int order, int nid,
					 nodemask_t *nodemask, unsigned int alloc_flags);

static inline struct page *ptkit_host_alloc_frozen(gfp_t gfp, unsigned int order, int nid)
{
	return __alloc_frozen_pages_noprof(gfp, order, nid, NULL, 0);
}
#else
#define PTKIT_HOST_FROZEN	0
static inline struct page *ptkit_host_alloc_frozen(gfp_t gfp, unsigned int order, int nid)
{
	return NULL;
}
#endif

/* Renamed in 6.14, when the list form went away. */
static inline unsigned long ptkit_alloc_pages_bulk(gfp_t gfp, unsigned long nr, struct page **pages)
{
#ifdef HAVE_ALLOC_PAGES_BULK_ARRAY
	return alloc_pages_bulk_array(gfp, nr, pages);
#else
	return alloc_pages_bulk(gfp, nr, pages);
#endif
}

/*
 * Generic KASAN's shadow: exported by kernels that have it, declared in mm/kasan/kasan.h. Freed
 * objects become inaccessible to instrumented code, and so do the bytes between an object's size
 * and the next multiple of 8; all others of the object cache's hooks, the quarantine among them,
 * are out of a module's reach.
 */
#define PTKIT_KASAN_FREE	0xfb	/* a freed object, for the kernel's reports, too */

#if defined(CONFIG_KASAN_GENERIC) && defined(HAVE_KASAN_POISON)
void kasan_poison(const void *addr, size_t size, u8 value, bool init);

static inline void ptkit_kasan_poison(const void *object, size_t size)
{
	kasan_poison(object, round_up(size, 8), PTKIT_KASAN_FREE, false);
}

static inline void ptkit_kasan_unpoison(const void *object, size_t size)
{
	size_t whole = round_down(size, 8);

	if (whole)
		kasan_poison(object, whole, 0, false);
	/* So many bytes of the last eight are accessible. */
	if (size > whole)
		kasan_poison(object + whole, 8, size - whole, false);
}
#else
static inline void ptkit_kasan_poison(const void *object, size_t size)
{
}

static inline void ptkit_kasan_unpoison(const void *object, size_t size)
{
}
#endif

/* Shrinkers are allocated by the kernel from 6.7 on, and embedded in their user's struct before. */
struct ptkit_shrinker {
#ifdef HAVE_SHRINKER_ALLOC
	struct shrinker *shrinker;
#else
	struct shrinker shrinker;
#endif
	unsigned long (*count)(struct ptkit_shrinker *self, struct shrink_control *sc);
	unsigned long (*scan)(struct ptkit_shrinker *self, struct shrink_control *sc);
};

int ptkit_shrinker_register(struct ptkit_shrinker *self, const char *name);
void ptkit_shrinker_unregister(struct ptkit_shrinker *self);

/* What the kernel's reclaim sees. */
static inline struct shrinker *ptkit_shrinker_host(struct ptkit_shrinker *self)
{
#ifdef HAVE_SHRINKER_ALLOC
	return self->shrinker;
#else
	return &self->shrinker;
#endif
}

/* Words of struct page that were renamed: index after 6.14, compound_head after 6.19. */
#ifdef HAVE_PAGE_INDEX
#define PTKIT_PAGE_INDEX	index
#else
#define PTKIT_PAGE_INDEX	__folio_index
#endif
#ifdef HAVE_PAGE_COMPOUND_HEAD
#define PTKIT_PAGE_COMPOUND	compound_head
#else
#define PTKIT_PAGE_COMPOUND	compound_info
#endif

/*
 * Does call_rcu_tasks() wait until every task has slept or been in user space? Without
 * CONFIG_TASKS_RCU the kernel maps it to call_rcu(). Where nothing is preempted, that does: a task
 * that does not sleep is a reader. Where tasks are preempted it does not, whatever preemption was
 * chosen at boot (PREEMPT_DYNAMIC and PREEMPT_LAZY are PREEMPTION, too). A kernel has both if it
 * has ftrace, or kprobes that are optimised, or BPF.
 */
#define PTKIT_WAITS_FOR_TASKS	(IS_ENABLED(CONFIG_TASKS_RCU) || !IS_ENABLED(CONFIG_PREEMPTION))

/* Mapped or not, the barrier is Tasks RCU's alone. */
static inline void ptkit_rcu_barrier_tasks(void)
{
#ifdef CONFIG_TASKS_RCU
	rcu_barrier_tasks();
#else
	rcu_barrier();
#endif
}

/*
 * Constructor of a user page table of level PTE: split lock, page type, NR_PAGETABLE.
 * In new kernels pagetable_pte_ctor() names init_mm, which modules cannot; the inner half does not.
 */
static inline bool ptkit_pte_ctor(struct page *page)
{
#if defined(HAVE_PAGETABLE_CTOR_INNER)
	if (!ptlock_init(page_ptdesc(page)))
		return false;
	__pagetable_ctor(page_ptdesc(page));
	return true;
#elif defined(HAVE_PAGETABLE_PTE_CTOR)
	return pagetable_pte_ctor(page_ptdesc(page));
#else
	return pgtable_pte_page_ctor(page);
#endif
}

static inline void ptkit_pte_dtor(struct page *page)
{
#if defined(HAVE_PAGETABLE_DTOR)
	pagetable_dtor(page_ptdesc(page));
#elif defined(HAVE_PAGETABLE_PTE_CTOR)
	pagetable_pte_dtor(page_ptdesc(page));
#else
	pgtable_pte_page_dtor(page);
#endif
}

/* The same for level PMD. */
static inline bool ptkit_pmd_ctor(struct page *page)
{
#if defined(HAVE_PAGETABLE_CTOR_INNER)
	if (!pmd_ptlock_init(page_ptdesc(page)))
		return false;
	ptdesc_pmd_pts_init(page_ptdesc(page));
	__pagetable_ctor(page_ptdesc(page));
	return true;
#elif defined(HAVE_PAGETABLE_PTE_CTOR)
	return pagetable_pmd_ctor(page_ptdesc(page));
#else
	return pgtable_pmd_page_ctor(page);
#endif
}

static inline void ptkit_pmd_dtor(struct page *page)
{
#if defined(HAVE_PAGETABLE_DTOR)
	pagetable_dtor(page_ptdesc(page));
#elif defined(HAVE_PAGETABLE_PTE_CTOR)
	pagetable_pmd_dtor(page_ptdesc(page));
#else
	pgtable_pmd_page_dtor(page);
#endif
}

/* Newer kernels free tables of the kernel's own address space differently, and mark them. */
static inline void ptkit_table_set_kernel(struct page *page)
{
#ifdef HAVE_PTDESC_SET_KERNEL
	ptdesc_set_kernel(page_ptdesc(page));
#endif
}

/*
 * Processes that share a PMD table of hugetlb's were counted in the reference count of its page;
 * kernels from 6.14 on, and the stable kernels of early 2025, have a word for that.
 */
#if (defined(CONFIG_ARCH_WANT_HUGE_PMD_SHARE) && defined(CONFIG_HUGETLB_PAGE)) && \
	!defined(HAVE_PAGE_SHARE_COUNT) && !defined(HAVE_PTDESC_SHARE_COUNT)
#define PTKIT_PMD_SHARERS_HOLD_PAGE	1
#else
#define PTKIT_PMD_SHARERS_HOLD_PAGE	0
#endif

/*
 * Where the split lock is allocated (lockdep, PREEMPT_RT), no module can reach its allocator. Few
 * CPUs have none; older kernels compare where newer ones have an option.
 */
#if (defined(ALLOC_SPLIT_PTLOCKS) && ALLOC_SPLIT_PTLOCKS) && \
	(defined(CONFIG_SPLIT_PTE_PTLOCKS) || \
	 (defined(USE_SPLIT_PTE_PTLOCKS) && USE_SPLIT_PTE_PTLOCKS))
#define PTKIT_PTLOCK_ALLOCATED	1
#else
#define PTKIT_PTLOCK_ALLOCATED	0
#endif

#endif /* _PTKIT_COMPAT_H */
