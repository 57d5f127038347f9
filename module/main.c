// SPDX-License-Identifier: GPL-2.0
/*
 * ptkit: quicklists, frozen pages and what else kernels did with page tables, as a module.
 *
 * Only load and unload order, parameters and what is true of the whole machine live here.
 */
#include <linux/memory.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/nodemask.h>

#include "arch/arch.h"
#include "compat/compat.h"
#include "internal.h"
#include "pcp_stack.h"
#include "ptdesc.h"
#include "ptkit.h"
#include "version.h"

bool ptkit_passthrough;
EXPORT_SYMBOL_GPL(ptkit_passthrough);
module_param_named(passthrough, ptkit_passthrough, bool, 0444);
MODULE_PARM_DESC(passthrough,
		 "keep no page: every free goes to the host, where KASAN, page poisoning and the like see it (default: 0)");

static bool verify;
module_param(verify, bool, 0444);
MODULE_PARM_DESC(verify, "check the known state of every page that a quicklist gets or gives (default: 0)");

DEFINE_STATIC_KEY_FALSE(ptkit_verify_key);
EXPORT_SYMBOL_GPL(ptkit_verify_key);
DEFINE_STATIC_KEY_FALSE(ptkit_multi_node_key);

/**
 * ptkit_node_share - pages that one CPU may keep of a node's free memory
 * @node: the node
 *
 * Context: any.
 * Return: a sixteenth of what is free in the zones that page tables come from, shared by the node's
 * CPUs, as mainline's quicklists had it from 2008 on.
 */
unsigned long ptkit_node_share(int node)
{
	const struct pglist_data *pgdat = NODE_DATA(node);
	unsigned long free = 0;
	int zone;

	for (zone = 0; zone <= ZONE_NORMAL; zone++)
		free += zone_page_state((struct zone *)&pgdat->node_zones[zone], NR_FREE_PAGES);
	return free / 16 / max(1U, cpumask_weight(cpumask_of_node(node)));
}
EXPORT_SYMBOL_FOR_TESTS(ptkit_node_share);

#ifdef CONFIG_MEMORY_HOTPLUG
/* Pages on lists are unmovable: give them back before they keep a block of memory online. */
static int memory_changed(struct notifier_block *nb, unsigned long action, void *arg)
{
	switch (action) {
	case MEM_GOING_OFFLINE:
		/* Nothing would tell when the last stale reader has left its struct pages. */
		if (!PTKIT_WAITS_FOR_TASKS) {
			pr_warn_once("memory stays online: this kernel has no Tasks RCU\n");
			return NOTIFY_BAD;
		}
		ptkit_quicklist_drain_all();
		ptkit_ptdesc_barrier();
		ptkit_slab_shrink_all();
		ptkit_frozen_drain();
		break;
	case MEM_OFFLINE:
		pcp_stack_memory_gone();
		break;
	}
	return NOTIFY_OK;
}

static struct notifier_block memory_notifier = { .notifier_call = memory_changed };

static int memory_notifier_init(void)
{
	return register_memory_notifier(&memory_notifier);
}

static void memory_notifier_exit(void)
{
	unregister_memory_notifier(&memory_notifier);
}
#else
static int memory_notifier_init(void)
{
	return 0;
}

static void memory_notifier_exit(void)
{
}
#endif

static int __init ptkit_init(void)
{
	const char *missing = ptkit_arch_supported();
	int ret;

	if (missing) {
		pr_err("cannot run here: %s\n", missing);
		return -ENODEV;
	}
	if (verify)
		static_branch_enable(&ptkit_verify_key);
	if (num_possible_nodes() > 1)
		static_branch_enable(&ptkit_multi_node_key);
	ptkit_debugfs_init();

	ret = pcp_stack_init();
	if (ret)
		goto err_debugfs;
	ret = ptkit_frozen_init();
	if (ret)
		goto err_pcp_stack;
	ret = ptkit_slab_init();
	if (ret)
		goto err_frozen;
	ret = ptkit_ptdesc_init();
	if (ret)
		goto err_slab;
	ret = ptkit_async_init();
	if (ret)
		goto err_ptdesc;
	ptkit_window_init();
	ret = memory_notifier_init();
	if (ret)
		goto err_window;

	pr_info("version %s loaded%s\n", THIS_MODULE->version,
		ptkit_passthrough ? ", passthrough: nothing is kept" : "");
	return 0;

err_window:
	ptkit_window_exit();
	ptkit_async_exit();
err_ptdesc:
	ptkit_ptdesc_exit();
err_slab:
	ptkit_slab_exit();
err_frozen:
	ptkit_frozen_exit();
err_pcp_stack:
	pcp_stack_exit();
err_debugfs:
	ptkit_debugfs_exit();
	pr_err("could not load: error %d\n", ret);
	return ret;
}

static void __exit ptkit_exit(void)
{
	memory_notifier_exit();
	ptkit_window_exit();
	ptkit_async_exit();
	ptkit_ptdesc_exit();
	ptkit_slab_exit();
	ptkit_frozen_exit();
	pcp_stack_exit();
	ptkit_debugfs_exit();
}

module_init(ptkit_init);
module_exit(ptkit_exit);

MODULE_DESCRIPTION("Quicklists and frozen pages for real page tables");
MODULE_VERSION(PTKIT_VERSION);
MODULE_LICENSE("GPL");
