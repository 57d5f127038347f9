/* SPDX-License-Identifier: GPL-2.0 */
/* Any other platform: two words under disabled interrupts. Correct, and no longer lockless. */
#ifndef _PTKIT_ARCH_GENERIC_H
#define _PTKIT_ARCH_GENERIC_H

#include <linux/irqflags.h>

#define ptkit_arch_pair_nmi_safe	false

static inline const char *ptkit_arch_supported(void)
{
	return NULL;
}

static __always_inline void ptkit_arch_count(unsigned long __percpu *counter, unsigned long n)
{
	this_cpu_add(*counter, n);
}

/* The CPU may be another one by then. */
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
	unsigned long flags;
	bool swapped;

	local_irq_save(flags);
	mine = this_cpu_ptr(pair);
	swapped = mine->ptr == *old_ptr && mine->tag == *old_tag;
	if (swapped) {
		mine->ptr = new_ptr;
		mine->tag = new_tag;
	} else {
		*old_ptr = mine->ptr;
		*old_tag = mine->tag;
	}
	local_irq_restore(flags);
	return swapped;
}

/* No wide swap: a lock stands for it (slab.c). */
#include "shared.h"

#endif /* _PTKIT_ARCH_GENERIC_H */
