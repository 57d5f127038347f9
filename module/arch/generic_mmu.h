/* SPDX-License-Identifier: GPL-2.0 */
/*
 * User-mode Linux, which has no MMU of its own, and any other platform: there is no window, so no
 * CPU ever walks a table of ptkit's, and there is nothing that one would have to forget. Secondary
 * MMUs are told as everywhere.
 */
#ifndef _PTKIT_ARCH_GENERIC_MMU_H
#define _PTKIT_ARCH_GENERIC_MMU_H

#define PTKIT_ARCH_FLUSHES	false

static inline void ptkit_arch_flush_cpu(void *unused)
{
}

static inline const char *ptkit_arch_flush_name(void)
{
	return "none";
}

static inline const char *ptkit_arch_window_refused(void)
{
	return "not on this platform";
}

static inline pud_t *ptkit_arch_kernel_pud(unsigned long addr)
{
	return NULL;
}

static inline pmd_t *ptkit_arch_kernel_pmd(unsigned long addr)
{
	return NULL;
}

static inline pud_t ptkit_arch_pud_table(struct page *page)
{
	return __pud(0);
}

static inline struct page *ptkit_arch_pud_page(pud_t pud)
{
	return NULL;
}

static inline pmd_t ptkit_arch_pmd_table(struct page *page)
{
	return __pmd(0);
}

static inline bool ptkit_arch_prot_valid(pgprot_t prot)
{
	return false;
}

static inline unsigned long ptkit_arch_pte_flags(pgprot_t prot)
{
	return 0;
}

static inline pte_t ptkit_arch_pte(unsigned long pfn, unsigned long flags)
{
	return __pte(0);
}

static inline void ptkit_arch_set_pud(pud_t *pudp, pud_t pud)
{
}

static inline void ptkit_arch_set_pmd(pmd_t *pmdp, pmd_t pmd)
{
}

static inline void ptkit_arch_set_pte(pte_t *ptep, pte_t pte)
{
}

static inline bool ptkit_arch_mm_static(const struct mm_struct *mm)
{
	return !PageSlab(virt_to_head_page(mm));
}

static inline bool ptkit_arch_kernel_half(unsigned long addr)
{
	return addr >= TASK_SIZE;
}

static inline bool ptkit_arch_walks(void)
{
	return false;
}

static inline bool ptkit_arch_has_p4d(void)
{
	return false;
}

static inline unsigned long ptkit_arch_kernel_start(void)
{
	return 0;
}

static inline bool ptkit_arch_entry_is_none(unsigned long value)
{
	return !value;
}

static inline bool ptkit_arch_entry_is_present(unsigned long value)
{
	return false;
}

static inline bool ptkit_arch_entry_is_table(unsigned long value)
{
	return false;
}

static inline unsigned long *ptkit_arch_entry_table(unsigned long value)
{
	return NULL;
}

#endif /* _PTKIT_ARCH_GENERIC_MMU_H */
