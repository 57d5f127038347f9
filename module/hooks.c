// SPDX-License-Identifier: GPL-2.0
/* Mistakes on purpose (hooks.h): which one is made, and when. */
#include <linux/delay.h>
#include <linux/export.h>
#include <linux/moduleparam.h>
#include <linux/preempt.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/timex.h>

#include "hooks.h"
#include "slab_internal.h"

enum ptkit_busted ptkit_busted;
EXPORT_SYMBOL_GPL(ptkit_busted);

static const char *const busted_names[PTKIT_NR_BUSTED] = {
	[PTKIT_BUSTED_NONE] = "none",
	[PTKIT_BUSTED_TAG] = "tag",
	[PTKIT_BUSTED_PUSH_TWICE] = "push_twice",
	[PTKIT_BUSTED_DRAIN] = "drain",
	[PTKIT_BUSTED_LOSE] = "lose",
	[PTKIT_BUSTED_ZERO] = "zero",
	[PTKIT_BUSTED_FREEZE] = "freeze",
	[PTKIT_BUSTED_COUNT] = "count",
	[PTKIT_BUSTED_FLUSH] = "flush",
	[PTKIT_BUSTED_TAKE_BACK] = "take_back",
	[PTKIT_BUSTED_WINDOW] = "window",
	[PTKIT_BUSTED_SLAB_TAG] = "slab_tag",
	[PTKIT_BUSTED_SLAB_POP] = "slab_pop",
};

static int busted_set(const char *name, const struct kernel_param *kp)
{
	int what = match_string(busted_names, PTKIT_NR_BUSTED, name);

	if (what < 0)
		return -EINVAL;
	WRITE_ONCE(ptkit_busted, what);
	if (what == PTKIT_BUSTED_SLAB_TAG)
		ptkit_slab_tag_mask = PCP_TAG_STEP - 1;
	return 0;
}

static int busted_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%s\n", busted_names[ptkit_busted]);
}

static const struct kernel_param_ops busted_ops = {
	.set = busted_set,
	.get = busted_get,
};

module_param_cb(busted, &busted_ops, NULL, 0400);
MODULE_PARM_DESC(busted, "for tests only: the mistake to make, corrupting memory (default: none)");

static bool one_of(unsigned int nr)
{
	return get_cycles() / 16 % nr == 0;
}

/**
 * ptkit_busted_race - wait a little, now and then, where somebody may come meanwhile
 * @what: if this is the mistake that is made
 *
 * Who takes a page and puts it back where it was does no harm: others need time for more than
 * that. Where a task could be preempted it sleeps, so that they get the CPU.
 *
 * Context: any.
 */
void ptkit_busted_race(enum ptkit_busted what)
{
	if (!ptkit_is_busted(what) || !one_of(64))
		return;
	if (preemptible())
		usleep_range(50, 100);
	else
		udelay(8);
}
EXPORT_SYMBOL_GPL(ptkit_busted_race);

/**
 * ptkit_busted_now - is a mistake due that is made now and then only?
 * @what: the mistake
 *
 * Context: any.
 * Return: true if it is to be made now.
 */
bool ptkit_busted_now(enum ptkit_busted what)
{
	return ptkit_is_busted(what) && one_of(256);
}
EXPORT_SYMBOL_GPL(ptkit_busted_now);
