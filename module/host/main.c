// SPDX-License-Identifier: GPL-2.0
/*
 * ptkit_host: the running kernel's own user page tables come from quicklists.
 *
 * A livepatch replaces pte_alloc_one(), which makes every PTE table of every process, and
 * __pmd_alloc(), which makes and links every PMD table. Nothing else is changed: the kernel fills,
 * walks, flushes and frees its tables as before, and track.c sees them come back.
 * /sys/kernel/livepatch/ptkit_host/enabled switches the patch off, and then the module can be
 * unloaded, whatever processes there are: the tables that they still have become theirs alone.
 *
 * What differs for the kernel: tables are not charged to a memory cgroup, since they outlive the
 * process that first had them, and they carry one more reference while they are tracked.
 *
 * References of PMD tables. Where hugetlb lets processes share PMD tables, the kernel must count
 * sharers in a word of their own. Kernels before late 2024 took references on the page instead, and
 * would take ours for a sharer: there PMD tables are left alone.
 */
#include <linux/err.h>
#include <linux/livepatch.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <asm/pgalloc.h>

#include "../arch/mmu.h"
#include "../compat/compat.h"
#include "../ptkit.h"
#include "../version.h"
#include "check.h"
#include "track.h"

/* track.c wants them whether the kernel can be attached to or not. */
struct host_level *host_attached[2];
unsigned int host_nr_attached;

#if IS_ENABLED(CONFIG_LIVEPATCH) && !PTKIT_PTLOCK_ALLOCATED

static bool pte = true;
module_param(pte, bool, 0444);
MODULE_PARM_DESC(pte, "attach PTE tables (default: 1)");

static bool pmd = true;
module_param(pmd, bool, 0444);
MODULE_PARM_DESC(pmd, "attach PMD tables (default: 1)");

static struct host_level pte_level, pmd_level;

/* ---- the patched functions ------------------------------------------------------------------- */

/* A table as the kernel would have made it. */
static struct page *plain_table(struct host_level *level, gfp_t gfp, bool (*ctor)(struct page *),
				enum host_event event)
{
	struct page *page = alloc_page(gfp);

	if (page && !ctor(page)) {
		__free_page(page);
		page = NULL;
	}
	host_event(level, page ? event : HOST_FAILED, 1);
	return page;
}

static struct page *listed_page(struct host_level *level)
{
	struct page *page = ptkit_quicklist_alloc_listed(level->quicklist);

	if (likely(page))
		return page;
	track_look_here(level);
	return ptkit_quicklist_alloc(level->quicklist, GFP_PGTABLE_USER);
}

/* A table for a process. */
static struct page *user_table(struct host_level *level, bool (*ctor)(struct page *))
{
	struct page *page = listed_page(level);

	host_event(level, HOST_ALLOCS, 1);
	if (unlikely(!page))
		return plain_table(level, GFP_PGTABLE_USER, ctor, HOST_PLAIN);

	/* Where the split lock lies; the last life of the table may have left it as it was. */
	set_page_private(page, 0);
	if (unlikely(!ctor(page))) {
		ptkit_quicklist_free(level->quicklist, page);
		return plain_table(level, GFP_PGTABLE_USER, ctor, HOST_PLAIN);
	}
	track_give(level, page);
	return page;
}

static pgtable_t host_pte_alloc_one(struct mm_struct *mm)
{
	return user_table(&pte_level, ptkit_pte_ctor);
}

static_assert(__same_type(host_pte_alloc_one, pte_alloc_one));

/*
 * The kernel's own address space, init_mm, has no name that a module could use, and other kernel
 * address spaces (EFI's, tboot's) are as static as it. Their tables are none of ptkit's business.
 */
static struct page *pmd_table(struct mm_struct *mm, bool kernel)
{
	if (likely(!ptkit_arch_mm_static(mm)))
		return user_table(&pmd_level, ptkit_pmd_ctor);
	return plain_table(&pmd_level, kernel ? GFP_PGTABLE_KERNEL : GFP_PGTABLE_USER,
			   ptkit_pmd_ctor, HOST_KERNEL);
}

/* Link a table, unless somebody else has linked one meanwhile. */
static bool pmd_link(struct mm_struct *mm, pud_t *pud, struct page *page, bool kernel)
{
	spinlock_t *ptl = pud_lock(mm, pud);
	bool absent = !pud_present(*pud);

	if (absent) {
		if (kernel)
			ptkit_table_set_kernel(page);
		mm_inc_nr_pmds(mm);
		/*
		 * The constructor's work is visible before the table is; pairs with the address
		 * dependency of walkers that take no lock.
		 */
		smp_wmb();
		pud_populate(mm, pud, page_address(page));
	}
	spin_unlock(ptl);
	return absent;
}

static int host_pmd_alloc(struct mm_struct *mm, pud_t *pud, unsigned long address)
{
	/* A process may have tables in the kernel's half: its LDT, with page-table isolation. */
	bool kernel = ptkit_arch_mm_static(mm) && ptkit_arch_kernel_half(address);
	struct page *page = pmd_table(mm, kernel);

	if (!page)
		return -ENOMEM;
	if (!pmd_link(mm, pud, page, kernel)) {
		/* As if the kernel had used and freed it. */
		ptkit_pmd_dtor(page);
		put_page(page);
	}
	return 0;
}

static_assert(__same_type(host_pmd_alloc, __pmd_alloc));

/* As many as are attached, and an empty one. */
static struct klp_func host_funcs[ARRAY_SIZE(host_attached) + 1];

static struct klp_object host_objects[] = {
	{
		.funcs = host_funcs,	/* no name: vmlinux */
	},
	{ }
};

static struct klp_patch host_patch = {
	.mod = THIS_MODULE,
	.objs = host_objects,
};

/* ---- memory pressure ------------------------------------------------------------------------- */

static unsigned long host_shrink_count(struct ptkit_shrinker *self, struct shrink_control *sc)
{
	return track_count_node(sc->nid);
}

/* Tables in use are looked at as well: whoever asks has to ask again, until all were. */
static unsigned long host_shrink_scan(struct ptkit_shrinker *self, struct shrink_control *sc)
{
	unsigned long freed = track_reclaim_node(sc->nid, sc->nr_to_scan, &sc->nr_scanned);

	return sc->nr_scanned ? freed : SHRINK_STOP;
}

static struct ptkit_shrinker host_shrinker = {
	.count = host_shrink_count,
	.scan = host_shrink_scan,
};

/* ---- load and unload ------------------------------------------------------------------------- */

/* A level and the function that makes its tables. */
static int __init attach_level(struct host_level *level, const char *name, const char *list,
			       const char *function, void *replacement)
{
	int ret = host_function_refused(function);

	if (ret)
		return ret;
	ret = track_level_init(level, name, list);
	if (ret)
		return ret;
	host_funcs[host_nr_attached].old_name = function;
	host_funcs[host_nr_attached].new_func = replacement;
	host_attached[host_nr_attached++] = level;
	return 0;
}

static void detach_levels(void)
{
	while (host_nr_attached)
		track_level_exit(host_attached[--host_nr_attached]);
}

static int __init attach_levels(void)
{
	int ret = 0;

	if (pmd && PTKIT_PMD_SHARERS_HOLD_PAGE) {
		pr_warn("PMD tables are left alone: this kernel counts those who share one in its page\n");
		pmd = false;
	}
	if (!pte && !pmd) {
		pr_err("cannot attach: neither PTE nor PMD tables\n");
		return -EINVAL;
	}
	if (pte)
		ret = attach_level(&pte_level, "PTE", "pte", "pte_alloc_one", host_pte_alloc_one);
	if (!ret && pmd)
		ret = attach_level(&pmd_level, "PMD", "pmd", "__pmd_alloc", host_pmd_alloc);
	if (ret)
		detach_levels();
	return ret;
}

static int __init ptkit_host_init(void)
{
	int ret = host_tables_refused();

	if (ret)
		return ret;
	ret = track_init();
	if (ret)
		return ret;
	ret = attach_levels();
	if (ret)
		goto err_exit_track;
	ret = ptkit_shrinker_register(&host_shrinker, "host");
	if (ret)
		goto err_detach;

	track_start();
	ret = klp_enable_patch(&host_patch);
	if (ret) {
		pr_err("cannot attach: livepatch says %d\n", ret);
		goto err_stop_track;
	}
	host_show_init();
	pr_info("attached: %s%s%s tables come from quicklists\n", pte ? "PTE" : "",
		pte && pmd ? " and " : "", pmd ? "PMD" : "");
	return 0;

err_stop_track:
	track_stop();
	ptkit_shrinker_unregister(&host_shrinker);
err_detach:
	detach_levels();
err_exit_track:
	track_exit();
	return ret;
}

/* The livepatch core lets go of the module only when no task can be in a patched function. */
static void __exit ptkit_host_exit(void)
{
	host_show_exit();
	track_stop();
	ptkit_shrinker_unregister(&host_shrinker);
	detach_levels();
	track_exit();
}

MODULE_INFO(livepatch, "Y");

#else /* no livepatch, or split locks that a module cannot allocate */

static int __init ptkit_host_init(void)
{
	pr_err("cannot attach: this kernel %s\n", IS_ENABLED(CONFIG_LIVEPATCH) ?
	       "allocates page-table locks apart from the tables (lockdep or PREEMPT_RT)" :
	       "was built without CONFIG_LIVEPATCH");
	return -EOPNOTSUPP;
}

static void __exit ptkit_host_exit(void)
{
}

#endif

module_init(ptkit_host_init);
module_exit(ptkit_host_exit);

MODULE_DESCRIPTION("The running kernel's page tables from ptkit's quicklists");
MODULE_VERSION(PTKIT_VERSION);
MODULE_LICENSE("GPL");
