// SPDX-License-Identifier: GPL-2.0
/*
 * Quicklists under torture: one whose known state is zero, and one with constructor, destructor and
 * check. What a thing wrote into its page is gone before it is freed.
 */
#include <linux/mm.h>
#include <linux/string.h>

#include "torture.h"

#define CTOR_BYTE	0x5a
#define CTOR_WORD	(0x0101010101010101UL * CTOR_BYTE)

static struct ptkit_quicklist *zeroed, *constructed;
static atomic_long_t ctors, dtors;

static int tortured_ctor(struct page *page, gfp_t gfp, void *private)
{
	memset(page_address(page), CTOR_BYTE, PAGE_SIZE);
	atomic_long_inc(&ctors);
	return 0;
}

static void tortured_dtor(struct page *page, void *private)
{
	if (memchr_inv(page_address(page), CTOR_BYTE, PAGE_SIZE))
		torture_error("pfn %lx is destroyed in another state", page_to_pfn(page));
	atomic_long_inc(&dtors);
}

static bool tortured_check(struct page *page, void *private)
{
	return !memchr_inv(page_address(page), CTOR_BYTE, PAGE_SIZE);
}

static const struct ptkit_quicklist_ops constructed_ops = {
	.ctor = tortured_ctor,
	.dtor = tortured_dtor,
	.check = tortured_check,
};

static struct ptkit_quicklist *list_of(const struct torture_thing *thing)
{
	return thing->what ? constructed : zeroed;
}

static int quicklist_init(void)
{
	zeroed = ptkit_quicklist_create("torture_zero", NULL, NULL);
	if (IS_ERR(zeroed))
		return PTR_ERR(zeroed);
	constructed = ptkit_quicklist_create("torture_ctor", &constructed_ops, NULL);
	if (!IS_ERR(constructed))
		return 0;
	ptkit_quicklist_destroy(zeroed);
	return PTR_ERR(constructed);
}

static void quicklist_exit(void)
{
	ptkit_quicklist_destroy(zeroed);
	ptkit_quicklist_destroy(constructed);
	if (atomic_long_read(&ctors) != atomic_long_read(&dtors))
		torture_error("%ld pages were constructed and %ld destroyed",
			      atomic_long_read(&ctors), atomic_long_read(&dtors));
}

static bool quicklist_take(struct torture_actor *actor, struct torture_thing *thing)
{
	struct page *page;

	thing->what = torture_below(actor, 2);
	if (torture_below(actor, 8))
		page = ptkit_quicklist_alloc(list_of(thing), torture_gfp(actor));
	else
		page = ptkit_quicklist_alloc_listed(list_of(thing));
	if (!page || !torture_passport_take(page, 1, thing->stamp))
		return false;
	thing->ptr = page;
	if (!ptkit_page_frozen(page))
		torture_error("pfn %lx of a quicklist is not frozen", page_to_pfn(page));
	if (memchr_inv(page_address(page), thing->what ? CTOR_BYTE : 0, PAGE_SIZE))
		torture_error("pfn %lx of a quicklist is not in its known state",
			      page_to_pfn(page));
	torture_mark(page_address(page), PAGE_SIZE, thing->stamp);
	return true;
}

static bool quicklist_check(const struct torture_thing *thing)
{
	return torture_passport_is(thing->ptr, 1, thing->stamp) &&
	       torture_marked(page_address(thing->ptr), PAGE_SIZE, thing->stamp, "quicklist page");
}

static void quicklist_give(struct torture_actor *actor, struct torture_thing *thing)
{
	struct ptkit_quicklist *ql = list_of(thing);

	torture_mark(page_address(thing->ptr), PAGE_SIZE, thing->what ? CTOR_WORD : 0);
	if (!torture_passport_give(thing->ptr, 1, thing->stamp))
		return;
	if (torture_below(actor, 32))
		ptkit_quicklist_free(ql, thing->ptr);
	else
		ptkit_quicklist_release(ql, thing->ptr);
}

static void quicklist_sometimes(struct torture_actor *actor)
{
	struct ptkit_quicklist *ql = torture_below(actor, 2) ? zeroed : constructed;
	long bad;

	switch (torture_below(actor, 8)) {
	case 0:
		ptkit_quicklist_drain(ql, torture_below(actor, 32));
		break;
	case 1:
		ptkit_quicklist_set_limit(ql, torture_below(actor, 64));
		break;
	case 2:
		ptkit_quicklist_set_limit(ql, PTKIT_LIMIT_AUTO);
		break;
	case 3:
		bad = ptkit_quicklist_verify(ql, NULL);
		if (bad)
			torture_error("%ld listed pages are not in their known state", bad);
		break;
	default:
		ptkit_quicklist_trim(ql, torture_below(actor, 32), torture_below(actor, 64));
	}
}

static bool list_balanced(struct ptkit_quicklist *ql, const char *name, bool last)
{
	struct ptkit_quicklist_stats s;

	ptkit_quicklist_get_stats(ql, &s);
	if (!s.in_use && !s.dirty && !s.misuse && s.misses == s.cached + s.returned + s.disowned)
		return true;
	if (last)
		torture_error("%s: came %lu, went %lu, listed %lu, used %ld, dirty %lu, misuse %lu",
			      name, s.misses, s.returned, s.cached, s.in_use, s.dirty, s.misuse);
	return false;
}

static bool quicklist_balanced(bool last)
{
	return list_balanced(zeroed, "torture_zero", last) &&
	       list_balanced(constructed, "torture_ctor", last);
}

const struct torture_kind torture_quicklist = {
	.name = "quicklist",
	.init = quicklist_init,
	.take = quicklist_take,
	.check = quicklist_check,
	.give = quicklist_give,
	.sometimes = quicklist_sometimes,
	.balanced = quicklist_balanced,
	.exit = quicklist_exit,
};
