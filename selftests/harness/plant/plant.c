// SPDX-License-Identifier: GPL-2.0
/*
 * Plants the problems that the test harness must find, when it is loaded: a harness that has
 * never seen a failure proves nothing by reporting none.
 */

#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/panic.h>
#include <linux/processor.h>
#include <linux/slab.h>

static unsigned int warn;
module_param(warn, uint, 0444);
MODULE_PARM_DESC(warn, "how many warnings to raise");

static unsigned int leak;
module_param(leak, uint, 0444);
MODULE_PARM_DESC(leak, "how many objects to leak");

static bool lockdep;
module_param(lockdep, bool, 0444);
MODULE_PARM_DESC(lockdep, "take two locks of one class, which only lockdep objects to");

static bool panic_now;
module_param_named(panic, panic_now, bool, 0444);
MODULE_PARM_DESC(panic, "panic");

static bool hang;
module_param(hang, bool, 0444);
MODULE_PARM_DESC(hang, "never return, with interrupts off");

static int __init plant_leaks(void)
{
	unsigned int i;
	void *object;

	for (i = 0; i < leak; i++) {
		object = kmalloc(64, GFP_KERNEL);
		if (!object)
			return -ENOMEM;
		OPTIMIZER_HIDE_VAR(object);
	}
	return 0;
}

static void __init plant_lock_nesting(void)
{
	/* One call of mutex_init() is one lock class, however many mutexes it initializes. */
	struct mutex locks[2];
	int i;

	for (i = 0; i < 2; i++)
		mutex_init(&locks[i]);
	mutex_lock(&locks[0]);
	mutex_lock(&locks[1]);
	mutex_unlock(&locks[1]);
	mutex_unlock(&locks[0]);
}

static void __init plant_hang(void)
{
	local_irq_disable();
	for (;;)
		cpu_relax();
}

static int __init plant_init(void)
{
	unsigned int i;
	int err;

	for (i = 0; i < warn; i++)
		WARN(1, "plant: planted warning %u\n", i);
	err = plant_leaks();
	if (err)
		return err;
	if (lockdep)
		plant_lock_nesting();
	if (panic_now)
		panic("plant: planted panic\n");
	if (hang)
		plant_hang();
	return 0;
}
module_init(plant_init);

static void __exit plant_exit(void)
{
}
module_exit(plant_exit);

MODULE_DESCRIPTION("ptkit: planted failures for the test harness");
MODULE_LICENSE("GPL");
