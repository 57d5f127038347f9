/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between platforms. Every platform supplies:
 *
 *   ptkit_arch_supported()	%NULL, or the reason why ptkit cannot run on this machine
 *   ptkit_arch_count()	add to a counter of this CPU's, whatever interrupts
 *   ptkit_arch_pair_read()	read this CPU's pair of words, the tag first
 *   ptkit_arch_pair_try_cmpxchg() compare and swap this CPU's pair of words; tells what is there if
 *				that is not what was expected
 *   ptkit_arch_shared_cmpxchg() compare and swap a pair of words that all CPUs share
 *   ptkit_arch_read_stale()	read a word of memory that may be gone
 *   ptkit_arch_page_word()	the second word of an address's struct page, or 0 if it has none
 *
 * The first swap is atomic against everything that runs on the same CPU: tasks that preempt, soft
 * and hard interrupts, and, where ptkit_arch_pair_nmi_safe says so, NMIs. It is *not* atomic
 * against other CPUs and orders nothing for them: a pair belongs to its CPU until that CPU is
 * dead.
 *
 * The read may be split by any of these, and by a migration: both words are of some CPU at some
 * time, and only the swap tells whether they are this CPU's now.
 *
 * The second swap is atomic against itself, on any CPU, and a full barrier. Its words may be read
 * one by one, and written by nothing else while the pair is shared.
 */
#ifndef _PTKIT_ARCH_H
#define _PTKIT_ARCH_H

#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/types.h>

/**
 * struct ptkit_pair - two words that change together
 * @ptr: the pointer that a fastpath swaps
 * @tag: steps with every swap, so that no two states of any CPU's pair are ever equal
 */
struct ptkit_pair {
	void *ptr;
	unsigned long tag;
} __aligned(2 * sizeof(unsigned long));

/**
 * struct ptkit_shared - two words that change together, wherever they lie
 * @ptr: a pointer
 * @tag: what belongs to it
 */
struct ptkit_shared {
	void *ptr;
	unsigned long tag;
};

#if defined(CONFIG_X86_64) && !defined(CONFIG_UML)
#include "x86.h"
#elif defined(CONFIG_X86_64) && defined(CONFIG_UML)
#include "um.h"
#else
#include "generic.h"
#endif

/* The same for who reads the pair again, anyway. */
static __always_inline bool ptkit_arch_pair_cmpxchg(struct ptkit_pair __percpu *pair,
						    void *old_ptr, unsigned long old_tag,
						    void *new_ptr, unsigned long new_tag)
{
	return ptkit_arch_pair_try_cmpxchg(pair, &old_ptr, &old_tag, new_ptr, new_tag);
}

#endif /* _PTKIT_ARCH_H */
