/* SPDX-License-Identifier: GPL-2.0 */
/* x86-64: one unlocked cmpxchg16b on the CPU's own segment. */
#ifndef _PTKIT_ARCH_X86_H
#define _PTKIT_ARCH_X86_H

#include <linux/instrumented.h>
#include <asm/asm.h>
#include <asm/cpufeature.h>

#define ptkit_arch_pair_nmi_safe	true

#ifdef CONFIG_SMP
#define PTKIT_PERCPU_SEG	"%%gs:"
#else
#define PTKIT_PERCPU_SEG	""
#endif

static inline const char *ptkit_arch_supported(void)
{
	return boot_cpu_has(X86_FEATURE_CX16) ? NULL : "this CPU has no cmpxchg16b";
}

static __always_inline void ptkit_arch_count(unsigned long __percpu *counter, unsigned long n)
{
	this_cpu_add(*counter, n);
}

/* Both are volatile accesses and stay in this order. */
static __always_inline void ptkit_arch_pair_read(struct ptkit_pair __percpu *pair, void **ptr,
						 unsigned long *tag)
{
	*tag = this_cpu_read(pair->tag);
	*ptr = this_cpu_read(pair->ptr);
}

/*
 * The kernel's own this_cpu_try_cmpxchg128() carries an alternative that calls an emulation for
 * CPUs without the instruction, and that is not exported. ptkit refuses such CPUs at load, so the
 * bare instruction will do. @pair must come from alloc_percpu(): the address is then in a register,
 * a form that every kernel's per-CPU segment understands.
 *
 * The instruction wants a new word in rbx, which the ABI wants back: putting it aside for just that
 * long is cheaper than a push and a pop. The address must not be in rbx then, nor need it be where
 * a caller's first arguments are, which a fastpath hands on to its slow path: hence r8.
 *
 * Inline assembly is invisible to KASAN and KCSAN, hence the explicit report to them.
 */
static __always_inline bool ptkit_arch_pair_try_cmpxchg(struct ptkit_pair __percpu *pair,
							void **old_ptr, unsigned long *old_tag,
							void *new_ptr, unsigned long new_tag)
{
	register unsigned long addr asm("r8");
	unsigned long rbx;
	bool swapped;

	if (IS_ENABLED(CONFIG_KASAN) || IS_ENABLED(CONFIG_KCSAN))
		instrument_atomic_read_write(raw_cpu_ptr(pair), sizeof(*pair));

	/* No call between here and the instruction. */
	addr = (__force unsigned long)pair;
	asm volatile("movq %%rbx, %[rbx]\n\t"
		     "movq %[new_ptr], %%rbx\n\t"
		     "cmpxchg16b " PTKIT_PERCPU_SEG "(%[addr])\n\t"
		     "movq %[rbx], %%rbx"
		     : "+a" (*old_ptr), "+d" (*old_tag), [rbx] "=&r" (rbx), "=@ccz" (swapped)
		     : [addr] "r" (addr), [new_ptr] "r" (new_ptr), "c" (new_tag)
		     : "memory");
	return swapped;
}

/* The same for all CPUs; struct page, where such pairs lie, is aligned for it (slab.h). */
static __always_inline bool ptkit_arch_shared_cmpxchg(struct ptkit_shared *pair,
						      void *old_ptr, unsigned long old_tag,
						      void *new_ptr, unsigned long new_tag)
{
	bool swapped;

	asm volatile("lock cmpxchg16b %[pair]"
		     : [pair] "+m" (*pair), "+a" (old_ptr), "+d" (old_tag), "=@ccz" (swapped)
		     : "b" (new_ptr), "c" (new_tag)
		     : "memory");
	return swapped;
}

/*
 * A lockless reader may be late: the memory that it is about to read can have been freed, and then
 * unmapped (DEBUG_PAGEALLOC, memfd_secret(), executable memory). One load and an entry in the
 * exception table, which costs nothing until it is needed. False if there is nothing.
 */
static __always_inline bool ptkit_arch_read_stale(unsigned long addr, unsigned long *word)
{
#ifdef CONFIG_CC_HAS_ASM_GOTO_OUTPUT
	unsigned long value;

	asm_goto_output("1: movq %[mem], %[value]\n"
			_ASM_EXTABLE(1b, %l[gone])
			: [value] "=r" (value)
			: [mem] "m" (*(const unsigned long *)addr)
			: : gone);
	*word = value;
	return true;
gone:
	return false;
#else
	return !copy_from_kernel_nofault(word, (const void *)addr, sizeof(*word));
#endif
}

/*
 * Any value may be asked for, be it a kernel address or not. With a virtual memory map the answer
 * is one load, from where the struct page would be, and again an entry in the exception table; but
 * for the lower half of the address space, where SMAP would not let such an entry count.
 */
static __always_inline unsigned long ptkit_arch_page_word(const void *addr)
{
	unsigned long word = 0;
#ifdef CONFIG_SPARSEMEM_VMEMMAP
	const struct page *page = vmemmap + (((unsigned long)addr - PAGE_OFFSET) >> PAGE_SHIFT);

	if (unlikely((long)page >= 0))
		return 0;
	asm volatile("1: movq %[mem], %[word]\n"
		     "2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : [word] "+r" (word)
		     : [mem] "m" (page->lru.next));
#else
	if (virt_addr_valid(addr))
		word = (unsigned long)READ_ONCE(virt_to_page(addr)->lru.next);
#endif
	return word;
}

#endif /* _PTKIT_ARCH_X86_H */
