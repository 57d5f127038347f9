/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Per-CPU lockless stacks of pages: the primitive under quicklists and the frozen stash.
 *
 * One struct pcp_cpu per CPU holds a pair { top page, tag } that only its own CPU changes, by one
 * compare-and-swap (arch/arch.h) that takes no lock and disables nothing. Pages are linked through
 * words of struct page, never through their contents: a listed page table stays byte for byte in
 * its known state, and that can be verified at any time.
 *
 * Why a stale read is harmless. A task reads tag, then top, then top's link, and may be interrupted
 * or migrated between any two of them. The tag starts as the CPU's number and steps by a power of
 * two above the number of CPUs, so no two CPUs ever show the same tag, and no CPU shows one twice.
 * The swap therefore succeeds only on the CPU whose tag was read, and only if nothing was swapped
 * there since; then the top that was read, from whatever CPU, was that CPU's top all along (a page
 * is on one stack at a time; an empty stack reads as %NULL, which has no link), and a listed page's
 * link does not change. In every other case the swap fails and what was read is thrown away. It
 * may have been read from a page that somebody else owns by then: struct page is always readable
 * (memory hot-remove waits for such readers, see pcp_stack_memory_gone()).
 *
 *   who may run beside whom on one CPU's stack, without any lock:
 *
 *               push   pop   take/put   snapshot
 *     push       y      y       y          y		y: yes
 *     pop        y      y       y          y		-: never happens: both run on the
 *     take/put   y      y       -          y		   owner with interrupts off
 *     snapshot   y      y       y          y
 *
 * Words of struct page used while a page is listed, and free for its owner otherwise:
 *   lru.next	the page below (bit 0 clear, so that PageTail() is false)
 *   lru.prev	PCP_MARK_LISTED | depth; the mark makes a second push of a listed page visible, and
 *		the depth of the top is the exact number of pages on the stack
 *
 * The tag also counts: it steps once per swap, so the number of pops and pushes follows from tag,
 * depth and the counters of the slow operations, and the fastpath counts nothing (pcp_snapshot()).
 *
 * Origin: SLUB's { freelist, tid } (Lameter, 2011) over Lameter's quicklists (2007).
 */
#ifndef _PTKIT_PCP_STACK_H
#define _PTKIT_PCP_STACK_H

#include <linux/log2.h>
#include <linux/mm_types.h>
#include <linux/percpu.h>
#include <linux/seqlock.h>
#include <linux/threads.h>

#include "arch/arch.h"
#include "hooks.h"

static_assert(BITS_PER_LONG == 64, "ptkit packs a mark and a depth into one word");

/* A power of two that is not below the number of CPUs: keeps every CPU's tags its own. */
#define PCP_TAG_STEP		roundup_pow_of_two(NR_CPUS)

/* Upper half of lru.prev; no mark is a canonical address, so no list_head looks like one. */
#define PCP_MARK_ANY		0x90c5UL		/* the upper 16 bits of every mark */
#define PCP_MARK_MASK		0xffffffff00000000UL
#define PCP_MARK_LISTED		0x90c5ba1e00000000UL	/* lower half: depth */
#define PCP_MARK_BLOCK		0x90c5b10c00000000UL	/* lower half: order; frozen.c */

/**
 * struct pcp_cpu - one CPU's stack
 * @stack: top page and tag
 * @limit: pushes fail from this depth on; written by anyone, only a hint
 * @retries: swaps that failed since something came between
 * @seq: odd while a slow operation runs, for pcp_snapshot()
 * @slow_swaps: swaps done by slow operations
 * @slow_out: pages taken by them
 * @slow_in: pages put by them
 *
 * All but @limit are written by the owning CPU only, or by whoever buries it.
 */
struct pcp_cpu {
	struct ptkit_pair stack;
	unsigned long limit;
	unsigned long retries;
	seqcount_t seq;
	unsigned long slow_swaps;
	unsigned long slow_out;
	unsigned long slow_in;
} ____cacheline_aligned;

/**
 * struct pcp_chain - pages off any stack, linked through lru.next
 * @first: the first page, or %NULL
 * @nr: number of pages
 */
struct pcp_chain {
	struct page *first;
	unsigned long nr;
};

/**
 * struct pcp_cache - a stack for every possible CPU
 * @cpu: the stacks
 * @hotplug: links the cache to ptkit's CPU hotplug state
 * @release: takes the pages of a CPU that died; process context
 */
struct pcp_cache {
	struct pcp_cpu __percpu *cpu;
	struct hlist_node hotplug;
	void (*release)(struct pcp_cache *cache, struct pcp_chain *pages);
};

/**
 * struct pcp_snapshot - one CPU's stack, or the sum over CPUs
 * @depth: pages on it
 * @pops: successful fastpath pops since the cache was made
 * @pushes: successful fastpath pushes
 * @retries: failed swaps
 */
struct pcp_snapshot {
	unsigned long depth;
	unsigned long pops;
	unsigned long pushes;
	unsigned long retries;
};

static __always_inline struct page *pcp_next(const struct page *page)
{
	/* May be stale, see above: a value that no swap will accept, not a data race. */
	return data_race((struct page *)READ_ONCE(page->lru.next));
}

static __always_inline unsigned long pcp_mark(const struct page *page)
{
	/* As in pcp_next(). */
	return data_race((unsigned long)READ_ONCE(page->lru.prev));
}

static __always_inline void pcp_set_mark(struct page *page, unsigned long mark)
{
	WRITE_ONCE(page->lru.prev, (struct list_head *)mark);
}

static __always_inline bool pcp_is_listed(const struct page *page)
{
	return (pcp_mark(page) & PCP_MARK_MASK) == PCP_MARK_LISTED;
}

/* Listed, or the head of a block: a page that nobody may push. */
static __always_inline bool pcp_is_marked(const struct page *page)
{
	return pcp_mark(page) >> 48 == PCP_MARK_ANY;
}

static __always_inline unsigned long pcp_depth(const struct page *top)
{
	return top ? pcp_mark(top) & ~PCP_MARK_MASK : 0;
}

/*
 * As pcp_depth(), for who does not swap afterwards and so never learns whether @top was popped
 * meanwhile: what lru holds then is its owner's, and no depth.
 */
static __always_inline unsigned long pcp_depth_hint(const struct page *top)
{
	unsigned long mark = top ? pcp_mark(top) : 0;

	return (mark & PCP_MARK_MASK) == PCP_MARK_LISTED ? mark & ~PCP_MARK_MASK : 0;
}

static __always_inline void pcp_set_next(struct page *page, struct page *next)
{
	WRITE_ONCE(page->lru.next, (struct list_head *)next);
}

/* The tag after one swap. */
static __always_inline unsigned long pcp_tag_next(unsigned long tag)
{
	return ptkit_is_busted(PTKIT_BUSTED_TAG) ? tag : tag + PCP_TAG_STEP;
}

/**
 * pcp_pop - take the top page of this CPU's stack
 * @cpu: the stacks
 *
 * Context: any; NMI where ptkit_arch_pair_nmi_safe.
 * Return: a page that is the caller's, or %NULL if the stack is empty.
 */
static __always_inline struct page *pcp_pop(struct pcp_cpu __percpu *cpu)
{
	struct page *top, *next;
	unsigned long tag;

	for (;;) {
		/* Tag before top: both are volatile accesses and stay in this order. */
		tag = this_cpu_read(cpu->stack.tag);
		top = this_cpu_read(cpu->stack.ptr);
		if (unlikely(!top))
			return NULL;
		next = pcp_next(top);
		ptkit_busted_race(PTKIT_BUSTED_TAG);
		if (likely(ptkit_arch_pair_cmpxchg(&cpu->stack, top, tag,
						   next, pcp_tag_next(tag))))
			break;
		this_cpu_inc(cpu->retries);
	}
	pcp_set_mark(top, 0);
	return top;
}

/**
 * pcp_push - put a page on this CPU's stack
 * @cpu: the stacks
 * @page: a page that the caller owns and that is on no stack
 * @limit: refuse from this depth on; pass the CPU's limit, or ULONG_MAX
 *
 * Context: as pcp_pop().
 * Return: true, or false if the stack holds @limit pages; the page is then still the caller's.
 */
static __always_inline bool pcp_push(struct pcp_cpu __percpu *cpu, struct page *page,
				     unsigned long limit)
{
	unsigned long depth, tag;
	struct page *top;

	for (;;) {
		tag = this_cpu_read(cpu->stack.tag);
		top = this_cpu_read(cpu->stack.ptr);
		depth = pcp_depth(top);
		/* Nothing is written to a page that may turn out not to be the caller's. */
		if (unlikely(depth >= limit))
			return false;
		pcp_set_next(page, top);
		pcp_set_mark(page, PCP_MARK_LISTED | (depth + 1));
		if (likely(ptkit_arch_pair_cmpxchg(&cpu->stack, top, tag,
						   page, pcp_tag_next(tag))))
			return true;
		pcp_set_mark(page, 0);
		this_cpu_inc(cpu->retries);
	}
}

static inline void pcp_chain_add(struct pcp_chain *chain, struct page *page)
{
	pcp_set_next(page, chain->first);
	chain->first = page;
	chain->nr++;
}

void pcp_chain_broken(struct pcp_chain *chain);

/*
 * A page that had two owners has had its link rewritten, and its chain ends early or never: what is
 * left of it is leaked, and nobody walks in circles, or waits for pages that do not come.
 */
static inline struct page *pcp_chain_del(struct pcp_chain *chain)
{
	struct page *page = chain->first;

	if (unlikely(!page != !chain->nr)) {
		pcp_chain_broken(chain);
		return NULL;
	}
	if (page) {
		chain->first = pcp_next(page);
		chain->nr--;
	}
	return page;
}

int pcp_cache_init(struct pcp_cache *cache,
		   void (*release)(struct pcp_cache *cache, struct pcp_chain *pages));
void pcp_cache_exit(struct pcp_cache *cache);
void pcp_take_local(struct pcp_cache *cache, unsigned long max, struct pcp_chain *pages);
void pcp_take(struct pcp_cache *cache, int cpu, unsigned long max, struct pcp_chain *pages);
void pcp_put_local(struct pcp_cache *cache, struct pcp_chain *pages);
bool pcp_put(struct pcp_cache *cache, int cpu, struct pcp_chain *pages);
void pcp_snapshot(struct pcp_cache *cache, int cpu, struct pcp_snapshot *snap);
void pcp_snapshot_all(struct pcp_cache *cache, struct pcp_snapshot *sum);
void pcp_set_limit(struct pcp_cache *cache, unsigned long limit);
unsigned long pcp_count_node(struct pcp_cache *cache, int node);
void pcp_take_node(struct pcp_cache *cache, int node, unsigned long max, struct pcp_chain *pages);
void pcp_take_above_cpu(struct pcp_cache *cache, int cpu, unsigned long keep,
			struct pcp_chain *pages);
void pcp_take_above(struct pcp_cache *cache, unsigned long keep, struct pcp_chain *pages);
void pcp_stack_memory_gone(void);
int pcp_stack_init(void);
void pcp_stack_exit(void);

#endif /* _PTKIT_PCP_STACK_H */
