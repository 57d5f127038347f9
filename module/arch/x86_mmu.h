/* SPDX-License-Identifier: GPL-2.0 */
/*
 * x86-64.
 *
 * The flush. The kernel's own is not exported. What is wanted is all of it: global translations,
 * the caches of upper levels (paging-structure caches), and every process context ID, since with
 * PTI a user half has IDs of its own. Intel's SDM has two ways (vol. 3, "Operations that Invalidate
 * TLBs and Paging-Structure Caches"): INVPCID of type 2, and a MOV to CR4 that changes PGE. The
 * first is an undefined instruction where the CPU has none, as with QEMU's emulation ("noinvpcid"
 * on the kernel's command line hides it); the second needs interrupts off, so that nobody sees the
 * changed CR4, and works whether PGE was on or off.
 *
 * Upper levels. The kernel half of every address space shares all tables below the root, with four
 * levels and with five, and PTI's user half does not map what is walked here. So the entry found
 * from the address space that happens to be loaded is everybody's.
 *
 * On Xen PV the hypervisor owns the page tables: no window there, and nothing to flush.
 */
#ifndef _PTKIT_ARCH_X86_MMU_H
#define _PTKIT_ARCH_X86_MMU_H

#include <linux/irqflags.h>
#include <linux/memory_hotplug.h>
#include <linux/pfn.h>
#include <linux/sched.h>
#include <asm/cpufeature.h>
#include <asm/invpcid.h>
#include <asm/processor-flags.h>

#include "../compat/compat.h"

#define PTKIT_ARCH_FLUSHES	true

static inline void ptkit_arch_toggle_pge(void)
{
	unsigned long flags, cr4;

	local_irq_save(flags);
	asm volatile("mov %%cr4, %0" : "=r" (cr4) : : "memory");
	asm volatile("mov %0, %%cr4" : : "r" (cr4 ^ X86_CR4_PGE) : "memory");
	asm volatile("mov %0, %%cr4" : : "r" (cr4) : "memory");
	local_irq_restore(flags);
}

static inline void ptkit_arch_flush_cpu(void *unused)
{
	if (boot_cpu_has(X86_FEATURE_XENPV))
		return;
	if (boot_cpu_has(X86_FEATURE_INVPCID))
		invpcid_flush_all();
	else
		ptkit_arch_toggle_pge();
}

static inline const char *ptkit_arch_flush_name(void)
{
	if (boot_cpu_has(X86_FEATURE_XENPV))
		return "none";
	return boot_cpu_has(X86_FEATURE_INVPCID) ? "INVPCID" : "CR4.PGE";
}

static inline const char *ptkit_arch_window_refused(void)
{
	if (boot_cpu_has(X86_FEATURE_XENPV))
		return "the hypervisor owns the page tables";
	/* Who walks the kernel's tables without asking is waited for by nothing else (ptdesc.c). */
	if (!PTKIT_WAITS_FOR_TASKS)
		return "this kernel has no Tasks RCU";
	return NULL;
}

/* The entry, or %NULL where no table of level PUD maps @addr. */
static inline pud_t *ptkit_arch_kernel_pud(unsigned long addr)
{
	pgd_t *pgd = pgd_offset_pgd(current->active_mm->pgd, addr);
	p4d_t *p4d;

	if (pgd_none(*pgd))
		return NULL;
	p4d = p4d_offset(pgd, addr);
	if (p4d_none(*p4d) || p4d_bad(*p4d))
		return NULL;
	return pud_offset(p4d, addr);
}

/* The same for level PMD. */
static inline pmd_t *ptkit_arch_kernel_pmd(unsigned long addr)
{
	pud_t *pud = ptkit_arch_kernel_pud(addr);

	if (!pud || pud_none(*pud) || pud_bad(*pud))
		return NULL;
	return pmd_offset(pud, addr);
}

static inline pud_t ptkit_arch_pud_table(struct page *page)
{
	return __pud(PFN_PHYS(page_to_pfn(page)) | _KERNPG_TABLE);
}

static inline struct page *ptkit_arch_pud_page(pud_t pud)
{
	return pud_page(pud);
}

static inline pmd_t ptkit_arch_pmd_table(struct page *page)
{
	return __pmd(PFN_PHYS(page_to_pfn(page)) | _KERNPG_TABLE);
}

/* Present, for the kernel, not executable. */
static inline bool ptkit_arch_prot_valid(pgprot_t prot)
{
	pgprotval_t val = pgprot_val(prot);

	if (!(val & _PAGE_PRESENT) || (val & _PAGE_USER))
		return false;
	/* Without NX in the CPU there is none in any protection. */
	return (val & _PAGE_NX) || !(__supported_pte_mask & _PAGE_NX);
}

/* Protection and what the CPU supports are the same for all entries of a mapping: look once. */
static inline unsigned long ptkit_arch_pte_flags(pgprot_t prot)
{
	unsigned long flags = pgprot_val(prot) & __supported_pte_mask;

	/* Dirty and not writable is a shadow stack, and what some kernels' PAGE_KERNEL_RO is. */
	return flags & _PAGE_RW ? flags : flags & ~_PAGE_DIRTY;
}

static inline pte_t ptkit_arch_pte(unsigned long pfn, unsigned long flags)
{
	return native_make_pte((pfn << PAGE_SHIFT) | flags);
}

/* Plain stores: the paravirtual detour is for hypervisors that own the tables. */
static inline void ptkit_arch_set_pud(pud_t *pudp, pud_t pud)
{
	native_set_pud(pudp, pud);
}

static inline void ptkit_arch_set_pmd(pmd_t *pmdp, pmd_t pmd)
{
	native_set_pmd(pmdp, pmd);
}

static inline void ptkit_arch_set_pte(pte_t *ptep, pte_t pte)
{
	native_set_pte(ptep, pte);
}

/*
 * Address spaces of processes are allocated, and so lie in the direct map. Those of the kernel are
 * variables of its image, which is mapped above.
 */
static inline bool ptkit_arch_mm_static(const struct mm_struct *mm)
{
	return (unsigned long)mm >= __START_KERNEL_map;
}

static inline bool ptkit_arch_kernel_half(unsigned long addr)
{
	return (long)addr < 0;
}

/* Under Xen PV, entries have numbers of the machine's pages, and not of ours. */
static inline bool ptkit_arch_walks(void)
{
	return !boot_cpu_has(X86_FEATURE_XENPV);
}

static inline bool ptkit_arch_has_p4d(void)
{
	return pgtable_l5_enabled();
}

static inline unsigned long ptkit_arch_kernel_start(void)
{
	return -((unsigned long)PTRS_PER_PGD / 2 << PGDIR_SHIFT);
}

/* An erratum may set Accessed and Dirty in an entry that is none. */
static inline bool ptkit_arch_entry_is_none(unsigned long value)
{
	return pte_none(native_make_pte(value));
}

static inline bool ptkit_arch_entry_is_present(unsigned long value)
{
	return value & _PAGE_PRESENT;
}

/* A huge page that is not to be accessed, and one on the move, are not present. */
static inline bool ptkit_arch_entry_is_table(unsigned long value)
{
	return (value & (_PAGE_PRESENT | _PAGE_PSE)) == _PAGE_PRESENT;
}

static inline unsigned long *ptkit_arch_entry_table(unsigned long value)
{
	unsigned long pfn = (value & PTE_PFN_MASK) >> PAGE_SHIFT;

	return pfn_to_online_page(pfn) ? __va(PFN_PHYS(pfn)) : NULL;
}

#endif /* _PTKIT_ARCH_X86_MMU_H */
