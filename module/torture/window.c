// SPDX-License-Identifier: GPL-2.0
/*
 * The window under torture: pages are read and written through their mappings and directly. A CPU
 * that goes on using an old mapping of these addresses finds other stamps.
 */
#include <linux/err.h>
#include <linux/mm.h>

#include "torture.h"

#define MOST_PAGES	4U

static_assert(MOST_PAGES <= TORTURE_PAGES);

static int window_init(void)
{
	struct page *page = alloc_page(GFP_KERNEL);
	void *addr;

	if (!page)
		return -ENOMEM;
	addr = ptkit_window_map(&page, 1, PAGE_KERNEL);
	if (!IS_ERR(addr)) {
		ptkit_window_unmap(addr, 1);
		ptkit_window_sync();
	}
	__free_page(page);
	return IS_ERR(addr) ? PTR_ERR(addr) : 0;
}

static void free_pages_of(struct torture_thing *thing)
{
	while (thing->what)
		ptkit_frozen_free(thing->pages[--thing->what], 0);
}

static bool mapping_check(const struct torture_thing *thing)
{
	unsigned long i;

	for (i = 0; i < thing->what; i++)
		if (!torture_marked(thing->ptr + i * PAGE_SIZE, PAGE_SIZE, thing->stamp + i,
				    "mapping") ||
		    !torture_marked(page_address(thing->pages[i]), PAGE_SIZE, thing->stamp + i,
				    "mapped page"))
			return false;
	return true;
}

static bool window_take(struct torture_actor *actor, struct torture_thing *thing)
{
	unsigned long i, nr = 1 + torture_below(actor, MOST_PAGES);
	bool through = torture_below(actor, 2);

	thing->what = ptkit_frozen_alloc_bulk(torture_gfp(actor), nr, thing->pages);
	if (thing->what < nr)
		goto no_memory;
	thing->ptr = ptkit_window_map(thing->pages, nr, PAGE_KERNEL);
	if (IS_ERR(thing->ptr))
		goto no_memory;
	for (i = 0; i < nr; i++) {
		void *addr = through ? thing->ptr + i * PAGE_SIZE : page_address(thing->pages[i]);

		torture_mark(addr, PAGE_SIZE, thing->stamp + i);
	}
	mapping_check(thing);
	return true;

no_memory:
	free_pages_of(thing);
	return false;
}

/* Unmapped, the pages may be used through old translations until there was a flush: by nobody. */
static void window_give(struct torture_actor *actor, struct torture_thing *thing)
{
	if (ptkit_window_unmap(thing->ptr, thing->what)) {
		torture_error("a mapping of %lx cannot be unmapped", thing->stamp);
		return;
	}
	free_pages_of(thing);
}

static void window_sometimes(struct torture_actor *actor)
{
	if (!torture_below(actor, 8))
		ptkit_window_sync();
}

static void window_exit(void)
{
	ptkit_window_sync();
}

const struct torture_kind torture_window = {
	.name = "window",
	.task_only = true,
	.init = window_init,
	.take = window_take,
	.check = mapping_check,
	.give = window_give,
	.sometimes = window_sometimes,
	.exit = window_exit,
};
