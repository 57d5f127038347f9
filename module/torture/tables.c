// SPDX-License-Identifier: GPL-2.0
/*
 * Page tables under torture: descriptors, and all ways of freeing them. We are a secondary MMU,
 * too: a table that was queued must not come free before we have been told to forget it.
 */
#include <linux/mm.h>
#include <linux/notifier.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "../pcp_stack.h"
#include "torture.h"

/* The passport of a table that is queued: that of its owner, and this. */
#define QUEUED	BIT(63)

/* Calls of the notifier that have begun. */
static atomic_long_t invalidations;
static atomic_long_t queued, freed;

/*
 * A table is somebody else's soon after tortured_freed(), who may have queued it, too, and it would
 * be his that is taken back. So one is taken back under this lock, and only if its passport says
 * that it has not been there: no stamp is used twice.
 */
static DEFINE_RAW_SPINLOCK(freed_lock);

static int tortured_invalidate(struct notifier_block *nb, unsigned long action, void *unused)
{
	atomic_long_inc(&invalidations);
	return NOTIFY_OK;
}

static struct notifier_block invalidate_notifier = { .notifier_call = tortured_invalidate };

/* A word of the table's own page remembers its owner; @addr how often we had been told. */
static void tortured_freed(struct ptkit_ptdesc *pt)
{
	unsigned long *stamp = page_address(pt->page), flags;
	bool given;

	if (atomic_long_read(&invalidations) == (long)pt->addr)
		torture_error("pfn %lx is freed before the flush", page_to_pfn(pt->page));
	raw_spin_lock_irqsave(&freed_lock, flags);
	given = torture_passport_give(pt->page, 1, *stamp | QUEUED);
	raw_spin_unlock_irqrestore(&freed_lock, flags);
	if (!given)
		return;
	*stamp = 0;
	atomic_long_inc(&freed);
}

static const struct ptkit_ptdesc_owner tortured_owner = {
	.name = "torture",
	.freed = tortured_freed,
};

static int tables_init(void)
{
	return ptkit_invalidate_register(&invalidate_notifier);
}

static void tables_exit(void)
{
	ptkit_invalidate_unregister(&invalidate_notifier);
}

static bool take_table(struct torture_actor *actor, struct torture_thing *thing)
{
	struct ptkit_ptdesc *pt;
	struct page *page;

	pt = ptkit_pagetable_alloc(thing->what, torture_gfp(actor));
	if (!pt)
		return false;
	page = ptkit_ptdesc_page(pt);
	if (!torture_passport_take(page, 1, thing->stamp))
		return false;
	if (pt->level != thing->what || pt->entries || pt->owner ||
	    ptkit_page_ptdesc(page) != pt || !ptkit_page_frozen(page))
		torture_error("pfn %lx is not as a new table should be", page_to_pfn(page));
	if (memchr_inv(page_address(page), 0, PAGE_SIZE))
		torture_error("pfn %lx is a table, and not zero", page_to_pfn(page));
	thing->ptr = pt;
	thing->pages[0] = page;
	torture_mark(page_address(page), PAGE_SIZE, thing->stamp);
	return true;
}

static bool tables_take(struct torture_actor *actor, struct torture_thing *thing)
{
	thing->what = torture_below(actor, PTKIT_NR_LEVELS);
	return take_table(actor, thing);
}

static bool tables_check(const struct torture_thing *thing)
{
	struct ptkit_ptdesc *pt = thing->ptr;

	if (pcp_is_listed(pt->page)) {
		torture_error("pfn %lx of %lx is on a list", page_to_pfn(pt->page), thing->stamp);
		return false;
	}
	return torture_passport_is(pt->page, 1, thing->stamp) &&
	       torture_marked(page_address(pt->page), PAGE_SIZE, thing->stamp, "table");
}

static bool queue_table(struct torture_actor *actor, struct torture_thing *thing)
{
	struct ptkit_ptdesc *pt = thing->ptr;
	unsigned long *words = page_address(pt->page);

	words[PAGE_SIZE / sizeof(long) - 1] = 0;
	if (!torture_passport_swap(pt->page, thing->stamp, thing->stamp | QUEUED))
		return false;
	pt->addr = atomic_long_read(&invalidations);
	WRITE_ONCE(pt->owner, &tortured_owner);
	atomic_long_inc(&queued);
	if (actor->context == TORTURE_TASK && torture_below(actor, 2))
		ptkit_pagetable_free_kernel_wait(pt);
	else
		ptkit_pagetable_free_kernel(pt);
	return true;
}

/* Is the table, which was queued, its owner's again? If not, it may be anybody's, or be gone. */
static bool take_back(struct torture_thing *thing)
{
	struct page *page = thing->pages[0];
	struct ptkit_ptdesc *pt = thing->ptr;
	unsigned long flags;
	bool back;

	raw_spin_lock_irqsave(&freed_lock, flags);
	back = torture_passport_holds(page, thing->stamp | QUEUED) &&
	       ptkit_pagetable_take_back(pt);
	raw_spin_unlock_irqrestore(&freed_lock, flags);
	if (!back)
		return false;

	atomic_long_dec(&queued);
	WRITE_ONCE(pt->owner, NULL);
	torture_passport_swap(page, thing->stamp | QUEUED, thing->stamp);
	torture_mark(page_address(page), PAGE_SIZE, thing->stamp);
	return true;
}

/*
 * The table is wanted again at once. If its flush has begun, another one does as well: what an
 * actor has must not depend on when the worker came, or no seed would repeat anything.
 */
static void queue_and_want(struct torture_actor *actor, struct torture_thing *thing)
{
	if (!queue_table(actor, thing))
		return;
	if (!take_back(thing)) {
		thing->stamp = torture_stamp(actor);
		if (!take_table(actor, thing))
			return;
	}
	actor->hand[actor->nr++] = *thing;
}

static void tables_give(struct torture_actor *actor, struct torture_thing *thing)
{
	unsigned int how = torture_below(actor, 8);
	struct ptkit_ptdesc *pt = thing->ptr;

	if (how == 0) {
		queue_and_want(actor, thing);
		return;
	}
	if (how < 4) {
		queue_table(actor, thing);
		return;
	}
	torture_mark(page_address(pt->page), PAGE_SIZE, 0);
	if (!torture_passport_give(pt->page, 1, thing->stamp))
		return;
	if (how == 7)
		ptkit_pagetable_free_rcu(pt);
	else
		ptkit_pagetable_free(pt);
}

static void tables_sometimes(struct torture_actor *actor)
{
	unsigned long generation = ptkit_flush_generation();

	if (torture_below(actor, 4))
		return;
	if (torture_below(actor, 2))
		ptkit_pagetable_sync();
	else
		ptkit_flush_after(generation);
}

static bool tables_balanced(bool last)
{
	ptkit_pagetable_sync();
	if (atomic_long_read(&queued) == atomic_long_read(&freed))
		return true;
	if (last)
		torture_error("%ld tables were queued and %ld freed", atomic_long_read(&queued),
			      atomic_long_read(&freed));
	return false;
}

const struct torture_kind torture_tables = {
	.name = "tables",
	.init = tables_init,
	.take = tables_take,
	.check = tables_check,
	.give = tables_give,
	.sometimes = tables_sometimes,
	.balanced = tables_balanced,
	.exit = tables_exit,
};
