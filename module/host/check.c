// SPDX-License-Identifier: GPL-2.0
/* Is this a kernel that can be attached to, and is nobody else in the way? */
#include <linux/ftrace.h>
#include <linux/livepatch.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/pgtable.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "check.h"

#if IS_ENABLED(CONFIG_LIVEPATCH)

/* ---- functions ------------------------------------------------------------------------------- */

static void notrace nothing(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
			    struct ftrace_regs *fregs)
{
}

static int function_claim(struct ftrace_ops *ops, const char *function)
{
	unsigned char name[32];
	int ret;

	strscpy(name, function, sizeof(name));
	ret = ftrace_set_filter(ops, name, strlen(name), 1);
	if (ret) {
		pr_err("cannot attach: this kernel has no %s() that can be patched\n", function);
		return ret;
	}
	ret = register_ftrace_function(ops);
	if (ret)
		pr_err("cannot attach: %s() is patched by somebody else already (%d)\n",
		       function, ret);
	else
		unregister_ftrace_function(ops);
	return ret;
}

/*
 * Livepatches stack: one that comes later silently hides those before it. So a function that is
 * patched already (a vendor's fix, say) must not be patched by us. No interface tells. But ftrace
 * lets only one user at a time redirect a function, and the livepatch core is one user: for a
 * moment we ask to be another.
 */
bool host_function_refused(const char *function)
{
	/* A new one each time: some kernels leave the freed filter in it. */
	struct ftrace_ops *ops = kzalloc(sizeof(*ops), GFP_KERNEL);
	int ret;

	if (!ops)
		return true;
	ops->func = nothing;
	ops->flags = FTRACE_OPS_FL_IPMODIFY;
	if (!IS_ENABLED(CONFIG_DYNAMIC_FTRACE_WITH_ARGS))
		ops->flags |= FTRACE_OPS_FL_SAVE_REGS;

	ret = function_claim(ops, function);
	ftrace_free_filter(ops);
	kfree(ops);
	return ret;
}

/* ---- tables ---------------------------------------------------------------------------------- */

/* What track.c and the constructors take for granted, of a table that the kernel made. */
static bool table_refused(struct page *page, const char *level)
{
	if (PageTable(page) && !PageCompound(page) && page_ref_count(page) > 0)
		return false;
	pr_err("cannot attach: this kernel's %s tables are of another kind (count %d)\n", level,
	       page_ref_count(page));
	return true;
}

/* The tables that map @addr, if it is mapped by tables down to the last level. */
static bool tables_refused_at(struct mm_struct *mm, unsigned long addr)
{
	pgd_t *pgd = pgd_offset(mm, addr);
	p4d_t *p4d;
	pud_t *pud;
	pmd_t *pmd;

	if (pgd_none(*pgd) || pgd_bad(*pgd))
		return false;
	p4d = p4d_offset(pgd, addr);
	if (p4d_none(*p4d) || p4d_bad(*p4d))
		return false;
	pud = pud_offset(p4d, addr);
	if (pud_none(*pud) || pud_bad(*pud))
		return false;
	pmd = pmd_offset(pud, addr);
	if (table_refused(virt_to_page(pmd), "PMD"))
		return true;
	if (pmd_none(*pmd) || pmd_bad(*pmd))
		return false;
	return table_refused(pmd_page(*pmd), "PTE");
}

/* Looks at the tables of the stack of the process that loads the module. */
bool host_tables_refused(void)
{
	struct mm_struct *mm = current->mm;
	bool refused = false;

	if (!mm)
		return false;
	mmap_read_lock(mm);
	refused = tables_refused_at(mm, mm->start_stack);
	mmap_read_unlock(mm);
	return refused;
}

#endif
