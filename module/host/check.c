// SPDX-License-Identifier: GPL-2.0
/*
 * Is this a kernel that can be attached to, and is nobody else in the way?
 *
 * The types of functions and of what they are given are compared when the module is compiled. That
 * it is loaded into the kernel it was compiled for, or one that agrees on those types, is the
 * loader's word (vermagic, and symbol versions where the kernel has them). Neither covers what is
 * inside the functions that are replaced, which are not exported. No module can read them, but it
 * can look at what they make: tables that processes have, beside one of ours.
 */
#include <linux/ftrace.h>
#include <linux/livepatch.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/pgtable.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../compat/compat.h"
#include "check.h"

#if IS_ENABLED(CONFIG_LIVEPATCH) && !PTKIT_PTLOCK_ALLOCATED

/* ---- functions ------------------------------------------------------------------------------- */

static void notrace nothing(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
			    struct ftrace_regs *fregs)
{
}

static int no_memory(void)
{
	pr_err("cannot attach: no memory\n");
	return -ENOMEM;
}

static int function_claim(struct ftrace_ops *ops, const char *function)
{
	unsigned char name[32];
	int ret;

	strscpy(name, function, sizeof(name));
	ret = ftrace_set_filter(ops, name, strlen(name), 1);
	if (ret == -ENOMEM)
		return no_memory();
	if (ret) {
		pr_err("cannot attach: this kernel has no %s() that can be patched\n", function);
		return -EOPNOTSUPP;
	}
	ret = register_ftrace_function(ops);
	if (ret == -ENOMEM)
		return no_memory();
	if (ret) {
		pr_err("cannot attach: %s() %s (%d)\n", function, ret == -EBUSY ?
		       "is patched by somebody else already" : "does not let itself be patched",
		       ret);
		return ret;
	}
	unregister_ftrace_function(ops);
	return 0;
}

/*
 * Livepatches stack: one that comes later silently hides those before it. So a function that is
 * patched already (a vendor's fix, say) must not be patched by us. No interface tells. But ftrace
 * lets only one user at a time redirect a function, and the livepatch core is one user: for a
 * moment we ask to be another.
 */
int host_function_refused(const char *function)
{
	/* A new one each time: some kernels leave the freed filter in it. */
	struct ftrace_ops *ops = kzalloc(sizeof(*ops), GFP_KERNEL);
	int ret;

	if (!ops)
		return no_memory();
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

/**
 * struct kind - what tables of a level look like
 * @name: the level, for people
 * @type: the word that says what the page is, as our constructor sets it
 */
struct kind {
	const char *name;
	unsigned int type;
};

/* What our constructor makes of a page; false without memory. */
static bool kind_init(struct kind *kind, const char *name, bool (*ctor)(struct page *),
		      void (*dtor)(struct page *))
{
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	bool made = page && ctor(page);

	kind->name = name;
	if (made) {
		kind->type = READ_ONCE(page->page_type);
		dtor(page);
	}
	if (page)
		__free_page(page);
	return made;
}

/* What track.c takes for granted, of a table that the kernel made. */
static bool table_refused(struct page *page, const struct kind *kind)
{
	unsigned int type = READ_ONCE(page->page_type);

	if (PageTable(page) && type == kind->type && !PageCompound(page) &&
	    page_ref_count(page) > 0)
		return false;
	pr_err("cannot attach: this kernel's %s tables are of another kind (type %x, not %x; count %d)\n",
	       kind->name, type, kind->type, page_ref_count(page));
	return true;
}

/* The tables that map @addr, if it is mapped by tables down to the last level. */
static bool tables_refused_at(struct mm_struct *mm, unsigned long addr, const struct kind *pte_kind,
			      const struct kind *pmd_kind)
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
	if (table_refused(virt_to_page(pmd), pmd_kind))
		return true;
	if (pmd_none(*pmd) || pmd_bad(*pmd))
		return false;
	return table_refused(pmd_page(*pmd), pte_kind);
}

/* Looks at the tables of the stack of the process that loads the module. */
int host_tables_refused(void)
{
	struct mm_struct *mm = current->mm;
	struct kind pte, pmd;
	bool refused;

	if (!mm)
		return 0;
	if (!kind_init(&pte, "PTE", ptkit_pte_ctor, ptkit_pte_dtor) ||
	    !kind_init(&pmd, "PMD", ptkit_pmd_ctor, ptkit_pmd_dtor))
		return no_memory();
	mmap_read_lock(mm);
	refused = tables_refused_at(mm, mm->start_stack, &pte, &pmd);
	mmap_read_unlock(mm);
	return refused ? -EOPNOTSUPP : 0;
}

#endif
