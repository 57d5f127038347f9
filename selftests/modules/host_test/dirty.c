// SPDX-License-Identifier: GPL-2.0
/*
 * Writes into a page table that the kernel has given back, as a driver with a stale pointer might.
 *
 * Loading it maps a page where nothing else is mapped, keeps a reference on one of the tables that
 * this takes, unmaps the page, waits until the kernel has let go of the table, and dirties it; as
 * often as it is told to.
 */
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/mmap_lock.h>
#include <linux/module.h>
#include <linux/pgtable.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

/* A gigabyte of its own, so that the PMD table is for this page alone, too. */
#define ADDRESS		(0x1234UL << 30)

static bool pmd;
module_param(pmd, bool, 0);
MODULE_PARM_DESC(pmd, "a PMD table instead of a PTE table");

static unsigned int entry = 123;
module_param(entry, uint, 0);
MODULE_PARM_DESC(entry, "which entry to write to");

static unsigned int tables = 1;
module_param(tables, uint, 0);
MODULE_PARM_DESC(tables, "how many tables, one after the other, each 17 entries further than the last");

static bool broken;
module_param(broken, bool, 0);
MODULE_PARM_DESC(broken, "mark the table's memory as broken, too");

static struct page *get_table(struct mm_struct *mm)
{
	p4d_t *p4d = p4d_offset(pgd_offset(mm, ADDRESS), ADDRESS);
	pmd_t *pmdp = pmd_offset(pud_offset(p4d, ADDRESS), ADDRESS);
	struct page *page = pmd ? virt_to_page(pmdp) : pmd_page(*pmdp);

	get_page(page);
	return page;
}

/* The page's table, which is on its way back when this returns. */
static struct page *map_and_unmap(void)
{
	struct page *page = ERR_PTR(-EFAULT);
	unsigned long addr;

	addr = vm_mmap(NULL, ADDRESS, PAGE_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0);
	if (IS_ERR_VALUE(addr))
		return ERR_PTR(addr);
	if (!put_user(1UL, (unsigned long __user *)addr)) {
		mmap_read_lock(current->mm);
		page = get_table(current->mm);
		mmap_read_unlock(current->mm);
	}
	vm_munmap(addr, PAGE_SIZE);
	return page;
}

static int dirty(unsigned int which)
{
	unsigned int tries = 1000;
	struct page *page;
	int ret = -ETIMEDOUT;

	page = map_and_unmap();
	if (IS_ERR(page))
		return PTR_ERR(page);

	/* Ours, and that of who tracks it. */
	while (page_ref_count(page) > 2 && tries--)
		msleep(20);
	if (page_ref_count(page) == 2) {
		WRITE_ONCE(((unsigned long *)page_address(page))[which], 0x5a5a0000UL);
		if (broken)
			SetPageHWPoison(page);
		ret = 0;
	}
	put_page(page);
	return ret;
}

static int __init dirty_init(void)
{
	unsigned int i;
	int ret = 0;

	if (entry >= PTRS_PER_PTE)
		return -EINVAL;
	for (i = 0; i < tables && !ret; i++)
		ret = dirty((entry + 17 * i) % PTRS_PER_PTE);
	return ret;
}

static void __exit dirty_exit(void)
{
}

module_init(dirty_init);
module_exit(dirty_exit);

MODULE_DESCRIPTION("Dirties a page table that nobody uses");
MODULE_LICENSE("GPL");
