// SPDX-License-Identifier: GPL-2.0
/*
 * Per-CPU stacks of pages: everything that is not the fastpath (see pcp_stack.h).
 *
 * A stack belongs to its CPU. Who wants pages of another CPU's stack interrupts that CPU, which
 * takes them with its own fastpath; so there is still no lock, and a task or interrupt handler in
 * the middle of a push or pop over there simply finds a new tag. A CPU that died cannot be
 * interrupted: the hotplug callback empties its stack from the CPU that buried it, and from then
 * on nothing can put pages there until the CPU is back.
 *
 * Lock order: none is taken here but the kernel's CPU hotplug lock, and that only by
 * pcp_cache_init() and pcp_cache_exit(). pcp_take() does without, so that a shrinker, which may
 * run under that lock, can use it.
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/smp.h>

#include "internal.h"
#include "pcp_stack.h"

/**
 * pcp_chain_broken - a chain whose links and number of pages do not fit: leak what is left of it
 * @chain: is empty afterwards
 *
 * Context: any but NMI.
 */
noinline void pcp_chain_broken(struct pcp_chain *chain)
{
	ptkit_misuse("a list of pages ends with %lu of them to go, or does not: one had two owners",
		     chain->nr);
	*chain = (struct pcp_chain){ };
}
EXPORT_SYMBOL_FOR_TESTS(pcp_chain_broken);

/* At most so many pages move at once, to bound the time with interrupts off. */
#define PCP_IPI_BATCH	256UL

/* Remote readers retry while the stack is busy, but not for ever. */
#define PCP_SNAPSHOT_TRIES	1000

static enum cpuhp_state pcp_hotplug_state;

/* A slow operation on a stack: what to move, and what moved. */
struct pcp_request {
	struct pcp_cache *cache;
	unsigned long max;
	struct pcp_chain *pages;
};

/*
 * The three below run on the owning CPU with interrupts off. An NMI may still push or pop between
 * any two of their steps: the swaps cope, and the sums are right again once @seq is even.
 */
static void pcp_slow_begin(struct pcp_cpu *cpu)
{
	write_seqcount_begin(&cpu->seq);
}

static void pcp_slow_end(struct pcp_cpu *cpu, unsigned long out, unsigned long in)
{
	WRITE_ONCE(cpu->slow_swaps, cpu->slow_swaps + out + in);
	WRITE_ONCE(cpu->slow_out, cpu->slow_out + out);
	WRITE_ONCE(cpu->slow_in, cpu->slow_in + in);
	write_seqcount_end(&cpu->seq);
}

static void pcp_take_owner(void *info)
{
	struct pcp_request *req = info;
	struct pcp_cpu *cpu = this_cpu_ptr(req->cache->cpu);
	unsigned long nr = 0;
	struct page *page;

	pcp_slow_begin(cpu);
	if (ptkit_busted_now(PTKIT_BUSTED_LOSE))
		nr += !!pcp_pop(req->cache->cpu);
	while (nr < req->max && (page = pcp_pop(req->cache->cpu))) {
		pcp_chain_add(req->pages, page);
		nr++;
	}
	pcp_slow_end(cpu, nr, 0);
}

static void pcp_put_owner(void *info)
{
	struct pcp_request *req = info;
	struct pcp_cpu *cpu = this_cpu_ptr(req->cache->cpu);
	unsigned long nr = 0;
	struct page *page;

	pcp_slow_begin(cpu);
	while (nr < req->max && (page = pcp_chain_del(req->pages))) {
		pcp_push(req->cache->cpu, page, ULONG_MAX);
		nr++;
	}
	pcp_slow_end(cpu, 0, nr);
}

/*
 * Nobody else touches the stack of a dead CPU: no swap needed. Interrupts are off for @seq alone:
 * elsewhere it is written in interrupts.
 */
static unsigned long pcp_take_dead_batch(struct pcp_cpu *cpu, struct pcp_chain *pages)
{
	unsigned long flags, nr = 0;
	struct page *page;

	local_irq_save(flags);
	pcp_slow_begin(cpu);
	while (nr < PCP_IPI_BATCH && (page = cpu->stack.ptr)) {
		WRITE_ONCE(cpu->stack.ptr, pcp_next(page));
		WRITE_ONCE(cpu->stack.tag, cpu->stack.tag + PCP_TAG_STEP);
		pcp_set_mark(page, 0);
		pcp_chain_add(pages, page);
		nr++;
	}
	pcp_slow_end(cpu, nr, 0);
	local_irq_restore(flags);
	return nr;
}

static void pcp_take_dead(struct pcp_cache *cache, int dead, struct pcp_chain *pages)
{
	struct pcp_cpu *cpu = per_cpu_ptr(cache->cpu, dead);

	while (pcp_take_dead_batch(cpu, pages) == PCP_IPI_BATCH)
		;
}

/**
 * pcp_take_local - take pages off this CPU's stack
 * @cache: the stacks
 * @max: at most so many pages
 * @pages: they are added here
 *
 * Context: any but NMI. Interrupts are off meanwhile: keep @max small.
 */
void pcp_take_local(struct pcp_cache *cache, unsigned long max, struct pcp_chain *pages)
{
	struct pcp_request req = { .cache = cache, .max = max, .pages = pages };
	unsigned long flags;

	local_irq_save(flags);
	pcp_take_owner(&req);
	local_irq_restore(flags);
}
EXPORT_SYMBOL_FOR_TESTS(pcp_take_local);

/**
 * pcp_put_local - put pages on this CPU's stack, whatever its limit
 * @cache: the stacks
 * @pages: the pages, on no stack; empty on return
 *
 * Context: as pcp_take_local().
 */
void pcp_put_local(struct pcp_cache *cache, struct pcp_chain *pages)
{
	struct pcp_request req = { .cache = cache, .max = ULONG_MAX, .pages = pages };
	unsigned long flags;

	local_irq_save(flags);
	pcp_put_owner(&req);
	local_irq_restore(flags);
}
EXPORT_SYMBOL_FOR_TESTS(pcp_put_local);

/**
 * pcp_take - take pages off any CPU's stack
 * @cache: the stacks
 * @cpu: whose; the stack of a CPU that is not online is empty
 * @max: at most so many pages
 * @pages: they are added here
 *
 * Context: task, interrupts on. Interrupts @cpu and waits for it, which in a softirq could wait for
 * a CPU that waits for this one.
 */
void pcp_take(struct pcp_cache *cache, int cpu, unsigned long max, struct pcp_chain *pages)
{
	struct pcp_request req = { .cache = cache, .pages = pages };
	unsigned long before;

	do {
		before = pages->nr;
		req.max = min(max, PCP_IPI_BATCH);
		if (smp_call_function_single(cpu, pcp_take_owner, &req, true))
			return;
		max -= pages->nr - before;
	} while (max && pages->nr - before == req.max);
}
EXPORT_SYMBOL_FOR_TESTS(pcp_take);

/**
 * pcp_put - put pages on any CPU's stack, whatever its limit
 * @cache: the stacks
 * @cpu: whose
 * @pages: the pages, on no stack; empty on return if all were put
 *
 * Context: as pcp_take().
 * Return: false if @cpu is not online; what was not put is left in @pages.
 */
bool pcp_put(struct pcp_cache *cache, int cpu, struct pcp_chain *pages)
{
	struct pcp_request req = { .cache = cache, .max = PCP_IPI_BATCH, .pages = pages };

	while (pages->nr)
		if (smp_call_function_single(cpu, pcp_put_owner, &req, true))
			return false;
	return true;
}
EXPORT_SYMBOL_FOR_TESTS(pcp_put);

/**
 * pcp_snapshot - one CPU's depth and counts
 * @cache: the stacks
 * @cpu: whose
 * @snap: the result
 *
 * pops + pushes is the number of fastpath swaps, which is what the tag counts less the slow swaps;
 * pushes - pops is what is listed, plus what slow operations took, less what they put. The values
 * belong together unless the stack changed a thousand times in a row while it was read.
 *
 * Context: any but NMI.
 */
void pcp_snapshot(struct pcp_cache *cache, int cpu, struct pcp_snapshot *snap)
{
	struct pcp_cpu *c = per_cpu_ptr(cache->cpu, cpu);
	unsigned long tag, swaps, listed;
	int tries = PCP_SNAPSHOT_TRIES;
	unsigned int seq;

	do {
		seq = raw_read_seqcount(&c->seq);
		tag = READ_ONCE(c->stack.tag);
		smp_rmb();	/* tag, then what it vouches for, then tag again */
		snap->depth = pcp_depth_hint(READ_ONCE(c->stack.ptr));
		snap->retries = READ_ONCE(c->retries);
		swaps = (tag - cpu) / PCP_TAG_STEP - READ_ONCE(c->slow_swaps);
		listed = snap->depth + READ_ONCE(c->slow_out) - READ_ONCE(c->slow_in);
		smp_rmb();	/* as above */
		if (!(seq & 1) && !read_seqcount_retry(&c->seq, seq) &&
		    READ_ONCE(c->stack.tag) == tag)
			break;
		cpu_relax();
	} while (--tries);

	snap->pops = (swaps - listed) / 2;
	snap->pushes = (swaps + listed) / 2;
}
EXPORT_SYMBOL_FOR_TESTS(pcp_snapshot);

/**
 * pcp_snapshot_all - the sum over all possible CPUs
 * @cache: the stacks
 * @sum: the result
 *
 * Context: any but NMI.
 */
void pcp_snapshot_all(struct pcp_cache *cache, struct pcp_snapshot *sum)
{
	struct pcp_snapshot one;
	int cpu;

	memset(sum, 0, sizeof(*sum));
	for_each_possible_cpu(cpu) {
		pcp_snapshot(cache, cpu, &one);
		sum->depth += one.depth;
		sum->pops += one.pops;
		sum->pushes += one.pushes;
		sum->retries += one.retries;
	}
}
EXPORT_SYMBOL_FOR_TESTS(pcp_snapshot_all);

/* Pages on @cpu's stack, for decisions that need no exact number. */
static unsigned long pcp_depth_of(struct pcp_cache *cache, int cpu)
{
	return pcp_depth_hint(READ_ONCE(per_cpu_ptr(cache->cpu, cpu)->stack.ptr));
}

/**
 * pcp_count_node - pages on the stacks of a node's CPUs
 * @cache: the stacks
 * @node: the node
 *
 * Context: any.
 * Return: their number; that of a stack in use may be off.
 */
unsigned long pcp_count_node(struct pcp_cache *cache, int node)
{
	unsigned long nr = 0;
	int cpu;

	for_each_online_cpu(cpu)
		if (cpu_to_mem(cpu) == node)
			nr += pcp_depth_of(cache, cpu);
	return nr;
}
EXPORT_SYMBOL_FOR_TESTS(pcp_count_node);

/**
 * pcp_take_node - take pages off the stacks of a node's CPUs
 * @cache: the stacks
 * @node: the node
 * @max: at most so many pages in all
 * @pages: they are added here
 *
 * Context: as pcp_take(); takes no lock, so that reclaim may call it from anywhere.
 */
void pcp_take_node(struct pcp_cache *cache, int node, unsigned long max, struct pcp_chain *pages)
{
	unsigned long had = pages->nr, got = 0;
	int cpu;

	for_each_online_cpu(cpu) {
		if (got >= max)
			break;
		if (cpu_to_mem(cpu) == node && pcp_depth_of(cache, cpu))
			pcp_take(cache, cpu, max - got, pages);
		got = pages->nr - had;
	}
}
EXPORT_SYMBOL_FOR_TESTS(pcp_take_node);

/**
 * pcp_take_above_cpu - take the pages that a CPU's stack holds above a number
 * @cache: the stacks
 * @cpu: whose
 * @keep: pages left on the stack
 * @pages: they are added here
 *
 * Context: as pcp_take().
 */
void pcp_take_above_cpu(struct pcp_cache *cache, int cpu, unsigned long keep,
			struct pcp_chain *pages)
{
	unsigned long depth = pcp_depth_of(cache, cpu);

	if (depth > keep)
		pcp_take(cache, cpu, depth - keep, pages);
}

/**
 * pcp_take_above - take the pages that every CPU's stack holds above a number
 * @cache: the stacks
 * @keep: pages left on each stack
 * @pages: they are added here
 *
 * Context: as pcp_take().
 */
void pcp_take_above(struct pcp_cache *cache, unsigned long keep, struct pcp_chain *pages)
{
	int cpu;

	for_each_online_cpu(cpu)
		pcp_take_above_cpu(cache, cpu, keep, pages);
}
EXPORT_SYMBOL_FOR_TESTS(pcp_take_above);

/**
 * pcp_set_limit - set every CPU's limit
 * @cache: the stacks
 * @limit: pages; stacks that hold more are not trimmed
 */
void pcp_set_limit(struct pcp_cache *cache, unsigned long limit)
{
	int cpu;

	for_each_possible_cpu(cpu)
		WRITE_ONCE(per_cpu_ptr(cache->cpu, cpu)->limit, limit);
}
EXPORT_SYMBOL_FOR_TESTS(pcp_set_limit);

static int pcp_cpu_dead(unsigned int cpu, struct hlist_node *node)
{
	struct pcp_cache *cache = hlist_entry(node, struct pcp_cache, hotplug);
	struct pcp_chain pages = { };

	if (ptkit_is_busted(PTKIT_BUSTED_DRAIN))
		return 0;
	pcp_take_dead(cache, cpu, &pages);
	if (pages.nr)
		cache->release(cache, &pages);
	return 0;
}

/**
 * pcp_cache_init - make the stacks of a cache, empty and with a limit of 0
 * @cache: to be filled in
 * @release: frees the pages of a CPU that died
 *
 * Context: process context, may sleep.
 * Return: 0 or -ENOMEM.
 */
int pcp_cache_init(struct pcp_cache *cache,
		   void (*release)(struct pcp_cache *cache, struct pcp_chain *pages))
{
	int cpu, ret;

	cache->release = release;
	cache->cpu = alloc_percpu(struct pcp_cpu);
	if (!cache->cpu)
		return -ENOMEM;

	for_each_possible_cpu(cpu) {
		struct pcp_cpu *c = per_cpu_ptr(cache->cpu, cpu);

		c->stack.tag = cpu;
		seqcount_init(&c->seq);
	}

	ret = cpuhp_state_add_instance_nocalls(pcp_hotplug_state, &cache->hotplug);
	if (ret)
		free_percpu(cache->cpu);
	return ret;
}
EXPORT_SYMBOL_FOR_TESTS(pcp_cache_init);

/**
 * pcp_cache_exit - release the pages of all stacks, and the stacks
 * @cache: nobody pushes or pops any more
 *
 * Context: process context, may sleep.
 */
void pcp_cache_exit(struct pcp_cache *cache)
{
	struct pcp_chain pages = { };
	int cpu;

	cpuhp_state_remove_instance_nocalls(pcp_hotplug_state, &cache->hotplug);

	cpus_read_lock();
	for_each_possible_cpu(cpu) {
		if (cpu_online(cpu))
			pcp_take(cache, cpu, ULONG_MAX, &pages);
		else
			pcp_take_dead(cache, cpu, &pages);
	}
	cpus_read_unlock();

	cache->release(cache, &pages);
	free_percpu(cache->cpu);
}
EXPORT_SYMBOL_FOR_TESTS(pcp_cache_exit);

/**
 * pcp_stack_memory_gone - wait for stale readers before struct pages go away
 *
 * A task that was preempted between reading a stack's top and the top's link may hold a pointer to
 * a page that has been freed since. Memory hot-remove unmaps struct pages some time after the block
 * went offline; the notifier for that calls this, and it returns when every task has left such a
 * section: none of them sleeps by itself in there, which is what RCU tasks waits for. Where nothing
 * waits for that (PTKIT_WAITS_FOR_TASKS), no memory goes offline.
 *
 * Context: process context, may sleep.
 */
void pcp_stack_memory_gone(void)
{
	synchronize_rcu_tasks();
}

int pcp_stack_init(void)
{
	int ret;

	ret = cpuhp_setup_state_multi(CPUHP_BP_PREPARE_DYN, "mm/ptkit:dead", NULL, pcp_cpu_dead);
	if (ret < 0)
		return ret;
	pcp_hotplug_state = ret;
	return 0;
}

void pcp_stack_exit(void)
{
	cpuhp_remove_multi_state(pcp_hotplug_state);
}
