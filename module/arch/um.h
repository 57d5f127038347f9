/* SPDX-License-Identifier: GPL-2.0 */
/*
 * User-mode Linux on x86-64. Interrupts are signals of the host thread that is the CPU, so one
 * instruction cannot be split by them. Preemption is off from finding the CPU's pair to swapping
 * it, since there is no segment that would do both in one. There are no NMIs, and so none that
 * could get in between.
 */
#ifndef _PTKIT_ARCH_UM_H
#define _PTKIT_ARCH_UM_H

#include <linux/instrumented.h>
#include <linux/preempt.h>

#define ptkit_arch_pair_nmi_safe	true

static inline const char *ptkit_arch_supported(void)
{
	unsigned int eax = 1, ecx = 0;

	/* CPUID.01H:ECX bit 13 is CX16; user space, which UML is, may ask for it. */
	asm volatile("cpuid" : "+a" (eax), "+c" (ecx) : : "ebx", "edx");
	return ecx & BIT(13) ? NULL : "this CPU has no cmpxchg16b";
}

/*
 * The kernel's this_cpu_add() disables interrupts, which with more than one CPU takes two system
 * calls of the host's. No signal splits an instruction.
 */
static __always_inline void ptkit_arch_count(unsigned long __percpu *counter, unsigned long n)
{
	preempt_disable();
	asm volatile("addq %[n], %[mine]"
		     : [mine] "+m" (*this_cpu_ptr(counter))
		     : [n] "er" (n)
		     : "memory");
	preempt_enable();
}

/*
 * To find out which CPU this is costs a call here, so that is done once, and the CPU may be another
 * one by then.
 */
static __always_inline void ptkit_arch_pair_read(struct ptkit_pair __percpu *pair, void **ptr,
						 unsigned long *tag)
{
	const struct ptkit_pair *some = raw_cpu_ptr(pair);

	*tag = READ_ONCE(some->tag);
	*ptr = READ_ONCE(some->ptr);
}

static __always_inline bool ptkit_arch_pair_try_cmpxchg(struct ptkit_pair __percpu *pair,
							void **old_ptr, unsigned long *old_tag,
							void *new_ptr, unsigned long new_tag)
{
	struct ptkit_pair *mine;
	bool swapped;

	preempt_disable();
	mine = this_cpu_ptr(pair);
	instrument_atomic_read_write(mine, sizeof(*mine));
	asm volatile("cmpxchg16b %[mine]"
		     : [mine] "+m" (*mine), "+a" (*old_ptr), "+d" (*old_tag), "=@ccz" (swapped)
		     : "b" (new_ptr), "c" (new_tag)
		     : "memory");
	preempt_enable();
	return swapped;
}

/* struct page is not aligned for a wide swap here: a lock stands for it (slab.c). */
#include "shared.h"

#endif /* _PTKIT_ARCH_UM_H */
