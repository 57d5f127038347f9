// SPDX-License-Identifier: GPL-2.0
/* Frozen pages under torture: single ones and blocks, thawed and frozen again, split, in bulk. */
#include <linux/mm.h>

#include "../internal.h"
#include "torture.h"

#define MAX_ORDER_TORTURED	4U
#define MAX_BULK_TORTURED	40U
/* Flags in torture_thing.what, beside the order. */
#define WHAT_COMPOUND		BIT(8)

static unsigned int order_of(const struct torture_thing *thing)
{
	return thing->what & 0xff;
}

static size_t size_of(const struct torture_thing *thing)
{
	return PAGE_SIZE << order_of(thing);
}

/* Nobody has a reference, of the tails neither. */
static bool all_frozen(struct page *page, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (!ptkit_page_frozen(page + i)) {
			torture_error("pfn %lx is not frozen", page_to_pfn(page + i));
			return false;
		}
	return true;
}

static struct page *alloc_one(struct torture_actor *actor, unsigned int order, gfp_t gfp)
{
	struct page *page = NULL;

	switch (torture_below(actor, 4)) {
	case 0:
		return ptkit_frozen_alloc_node(numa_mem_id(), gfp, order);
	case 1:
		if (!order)
			return ptkit_frozen_alloc_bulk(gfp, 1, &page) ? page : NULL;
		fallthrough;
	default:
		return ptkit_frozen_alloc(gfp, order);
	}
}

static bool frozen_take(struct torture_actor *actor, struct torture_thing *thing)
{
	unsigned int choice = torture_below(actor, 16);
	unsigned int order = choice < 12 ? 0 : torture_below(actor, MAX_ORDER_TORTURED + 1);
	gfp_t gfp = torture_gfp(actor);
	struct page *page;

	if (choice == 15)
		gfp |= __GFP_COMP;
	if (choice == 14)
		gfp |= __GFP_ZERO;
	page = alloc_one(actor, order, gfp);
	if (!page || !torture_passport_take(page, 1U << order, thing->stamp))
		return false;
	thing->ptr = page;
	thing->what = order | (order && (gfp & __GFP_COMP) ? WHAT_COMPOUND : 0);
	all_frozen(page, 1U << order);
	if ((gfp & __GFP_ZERO) && memchr_inv(page_address(page), 0, PAGE_SIZE << order))
		torture_error("pfn %lx is not zero", page_to_pfn(page));
	torture_mark(page_address(page), size_of(thing), thing->stamp);
	return true;
}

static bool frozen_check(const struct torture_thing *thing)
{
	unsigned int nr = 1U << order_of(thing);

	return torture_passport_is(thing->ptr, nr, thing->stamp) &&
	       torture_marked(page_address(thing->ptr), size_of(thing), thing->stamp,
			      "frozen page") &&
	       all_frozen(thing->ptr, nr);
}

/* Somebody who looks at all pages may hold on to it for a moment: then it is his to free. */
static bool thaw_and_freeze(struct page *page)
{
	if (ptkit_page_thaw(page, 1)) {
		torture_error("pfn %lx cannot be thawed", page_to_pfn(page));
		return true;
	}
	if (!ptkit_page_freeze(page))
		return true;
	__free_page(page);
	return false;
}

static void frozen_give(struct torture_actor *actor, struct torture_thing *thing)
{
	unsigned int order = order_of(thing), nr = 1U << order, i;
	bool split = order && !(thing->what & WHAT_COMPOUND) && torture_below(actor, 2);
	struct page *page = thing->ptr;

	if (!torture_passport_give(page, nr, thing->stamp))
		return;
	if (!order && !torture_below(actor, 8) && !thaw_and_freeze(page))
		return;
	if (!split) {
		ptkit_frozen_free(page, order);
		return;
	}
	if (ptkit_frozen_split(page, order))
		torture_error("pfn %lx of order %u cannot be split", page_to_pfn(page), order);
	for (i = 0; i < nr; i++)
		ptkit_frozen_free(page + i, 0);
}

/* Blocks that become visible together, or not at all. */
static void try_set(struct torture_actor *actor)
{
	struct ptkit_frozen_set set = { };
	struct page *blocks[4];
	unsigned long nr, i;

	for (nr = 0; nr < ARRAY_SIZE(blocks); nr++)
		if (ptkit_frozen_set_add(&set, torture_gfp(actor), 1))
			break;
	if (torture_below(actor, 2)) {
		ptkit_frozen_set_rollback(&set);
		return;
	}
	ptkit_frozen_set_thaw(&set, blocks);
	for (i = 0; i < nr; i++)
		__free_pages(blocks[i], 1);
}

/* As many as can be had, of which nobody else has one. */
static void try_bulk(struct torture_actor *actor)
{
	unsigned long stamp = torture_stamp(actor);
	struct page *pages[MAX_BULK_TORTURED];
	unsigned long nr = torture_below(actor, MAX_BULK_TORTURED) + 1, got, i;

	got = ptkit_frozen_alloc_bulk(torture_gfp(actor), nr, pages);
	if (got > nr)
		torture_error("%lu pages for %lu", got, nr);
	for (i = 0; i < got; i++) {
		torture_passport_take(pages[i], 1, stamp);
		all_frozen(pages[i], 1);
		torture_mark(page_address(pages[i]), PAGE_SIZE, stamp);
	}
	for (i = 0; i < got; i++) {
		torture_marked(page_address(pages[i]), PAGE_SIZE, stamp, "frozen page of a bulk");
		torture_passport_give(pages[i], 1, stamp);
	}
	ptkit_frozen_free_bulk(pages, got);
}

static void frozen_sometimes(struct torture_actor *actor)
{
	switch (torture_below(actor, 5)) {
	case 0:
		ptkit_frozen_drain();
		break;
	case 1:
		/* Others set it, too; with passthrough nobody can. */
		ptkit_frozen_set_limit(torture_below(actor, 200));
		break;
	case 2:
		try_bulk(actor);
		break;
	default:
		try_set(actor);
	}
}

static bool frozen_balanced(bool last)
{
	struct ptkit_frozen_stats s;

	ptkit_frozen_get_stats(&s);
	if (s.host_alloc + s.frozen == s.host_free + s.thawed + s.live + s.stashed && !s.misuse)
		return true;
	if (last)
		torture_error("frozen: came %lu+%lu, went %lu+%lu, live %ld, stash %lu, misuse %lu",
			      s.host_alloc, s.frozen, s.host_free, s.thawed, s.live, s.stashed,
			      s.misuse);
	return false;
}

const struct torture_kind torture_frozen = {
	.name = "frozen",
	.take = frozen_take,
	.check = frozen_check,
	.give = frozen_give,
	.sometimes = frozen_sometimes,
	.balanced = frozen_balanced,
};
