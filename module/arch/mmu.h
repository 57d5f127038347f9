/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The memory management unit, where ptkit's tables are really walked. Every platform supplies:
 *
 *   ptkit_arch_flush_cpu()		forget all translations on this CPU, global ones and upper
 *					levels included; called on every CPU by smp_call_function()
 *   ptkit_arch_flush_name()		how, for people
 *   ptkit_arch_window_refused()	%NULL, or why there can be no window here
 *   ptkit_arch_kernel_pud(), _pmd()	the entry of that level that maps a kernel address
 *   ptkit_arch_pud_table(), _pmd_table()	an entry of that level that points to a table
 *   ptkit_arch_pud_page()		the table that it points to
 *   ptkit_arch_prot_valid()		may the window map with this protection?
 *   ptkit_arch_pte_flags()		an entry's bits for a protection
 *   ptkit_arch_pte()			an entry of level PTE
 *   ptkit_arch_set_pud(), _pmd(), _pte()	write an entry of the running kernel's tables
 *   ptkit_arch_mm_static()		is this an address space of the kernel's own?
 *   ptkit_arch_kernel_half()		is this an address of the kernel's?
 *   ptkit_arch_walks()			are there tables that walk.c understands? Then:
 *   ptkit_arch_has_p4d()		is there a level between the root and PUD?
 *   ptkit_arch_kernel_start()		first address of the kernel's half
 *   ptkit_arch_entry_is_none(),	what an entry of any level is; the last is for all but PTE,
 *   _is_present(), _is_table()		and says whether it points to a table
 *   ptkit_arch_entry_table()		that table, or %NULL where there is no online memory
 */
#ifndef _PTKIT_ARCH_MMU_H
#define _PTKIT_ARCH_MMU_H

#include <linux/mm.h>
#include <linux/pgtable.h>

#if defined(CONFIG_X86_64) && !defined(CONFIG_UML)
#include "x86_mmu.h"
#else
#include "generic_mmu.h"
#endif

#endif /* _PTKIT_ARCH_MMU_H */
