/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Mistakes on purpose: ptkit built with PTKIT_TEST_HOOKS=y makes the one that its parameter busted=
 * names, so that it can be seen that the tests notice (selftests/busted). In every other build this
 * is nothing.
 */
#ifndef _PTKIT_HOOKS_H
#define _PTKIT_HOOKS_H

#include <linux/compiler.h>
#include <linux/types.h>

enum ptkit_busted {
	PTKIT_BUSTED_NONE,
	PTKIT_BUSTED_TAG,		/* a stack's tag does not step */
	PTKIT_BUSTED_PUSH_TWICE,	/* now and then a freed page is listed twice */
	PTKIT_BUSTED_DRAIN,		/* the stacks of a dead CPU are not emptied */
	PTKIT_BUSTED_LOSE,		/* a page gets lost when a stack is shortened */
	PTKIT_BUSTED_ZERO,		/* a quicklist's new pages are not zero */
	PTKIT_BUSTED_FREEZE,		/* pages of the host are not frozen */
	PTKIT_BUSTED_COUNT,		/* pages given to the host are not all counted */
	PTKIT_BUSTED_FLUSH,		/* tables are freed without a flush */
	PTKIT_BUSTED_TAKE_BACK,		/* tables that were taken back are freed */
	PTKIT_BUSTED_WINDOW,		/* addresses are reused without a flush */
	PTKIT_BUSTED_SLAB_TAG,		/* the tag of a CPU's objects does not step */
	PTKIT_BUSTED_SLAB_POP,		/* now and then an object stays on its list */
	PTKIT_NR_BUSTED
};

#ifdef PTKIT_TEST_HOOKS
extern enum ptkit_busted ptkit_busted;

static __always_inline bool ptkit_is_busted(enum ptkit_busted what)
{
	return unlikely(READ_ONCE(ptkit_busted) == what);
}

/* Time for somebody to come between a read and a swap; and whether a rare mistake is due. */
void ptkit_busted_race(enum ptkit_busted what);
bool ptkit_busted_now(enum ptkit_busted what);
#else
static __always_inline bool ptkit_is_busted(enum ptkit_busted what)
{
	return false;
}

static __always_inline void ptkit_busted_race(enum ptkit_busted what)
{
}

static __always_inline bool ptkit_busted_now(enum ptkit_busted what)
{
	return false;
}
#endif

#endif /* _PTKIT_HOOKS_H */
