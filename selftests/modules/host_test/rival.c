// SPDX-License-Identifier: GPL-2.0
/*
 * A livepatch of somebody else's, on a function that ptkit_host wants: PTE tables are made as the
 * kernel makes them.
 */
#include <linux/livepatch.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <asm/pgalloc.h>

#include "../../../module/compat/compat.h"

#if !PTKIT_PTLOCK_ALLOCATED

static pgtable_t rival_pte_alloc_one(struct mm_struct *mm)
{
	struct page *page = alloc_page(GFP_PGTABLE_USER);

	if (page && !ptkit_pte_ctor(page)) {
		__free_page(page);
		return NULL;
	}
	return page;
}

static struct klp_func funcs[] = {
	{
		.old_name = "pte_alloc_one",
		.new_func = rival_pte_alloc_one,
	},
	{ }
};

static struct klp_object objects[] = {
	{
		.funcs = funcs,
	},
	{ }
};

static struct klp_patch patch = {
	.mod = THIS_MODULE,
	.objs = objects,
};

static int __init rival_init(void)
{
	return klp_enable_patch(&patch);
}

#else /* nobody outside the kernel can make PTE tables: not we, not ptkit_host */

static int __init rival_init(void)
{
	return -EOPNOTSUPP;
}

#endif

static void __exit rival_exit(void)
{
}

module_init(rival_init);
module_exit(rival_exit);

MODULE_INFO(livepatch, "Y");
MODULE_DESCRIPTION("A livepatch that is in ptkit_host's way");
MODULE_LICENSE("GPL");
