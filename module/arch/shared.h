/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared pairs under a lock, and memory that is always there: for platforms without a wide atomic
 * swap, or whose struct page is not aligned for one. Kernel memory of these platforms is never
 * unmapped behind a reader's back, as far as this file is concerned.
 */
#ifndef _PTKIT_ARCH_SHARED_H
#define _PTKIT_ARCH_SHARED_H

#include <linux/spinlock.h>

#define PTKIT_ARCH_SHARED_LOCKED	1

/* Innermost of all locks; held for two loads and two stores. */
extern raw_spinlock_t ptkit_arch_shared_lock;

static inline bool ptkit_arch_shared_cmpxchg(struct ptkit_shared *pair,
					     void *old_ptr, unsigned long old_tag,
					     void *new_ptr, unsigned long new_tag)
{
	unsigned long flags;
	bool swapped;

	raw_spin_lock_irqsave(&ptkit_arch_shared_lock, flags);
	swapped = pair->ptr == old_ptr && pair->tag == old_tag;
	if (swapped) {
		WRITE_ONCE(pair->ptr, new_ptr);
		WRITE_ONCE(pair->tag, new_tag);
	}
	raw_spin_unlock_irqrestore(&ptkit_arch_shared_lock, flags);
	return swapped;
}

static __always_inline bool ptkit_arch_read_stale(unsigned long addr, unsigned long *word)
{
	*word = READ_ONCE(*(const unsigned long *)addr);
	return true;
}

static __always_inline unsigned long ptkit_arch_page_word(const void *addr)
{
	if (!virt_addr_valid(addr))
		return 0;
	return (unsigned long)READ_ONCE(virt_to_page(addr)->lru.next);
}

#endif /* _PTKIT_ARCH_SHARED_H */
