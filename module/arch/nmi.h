/* SPDX-License-Identifier: GPL-2.0 */
/* NMIs at will, for tests of what may be called in them. */
#ifndef _PTKIT_ARCH_NMI_H
#define _PTKIT_ARCH_NMI_H

#include <linux/errno.h>

#if defined(CONFIG_X86_LOCAL_APIC) && !defined(CONFIG_UML)
#include <linux/cpumask.h>
#include <linux/smp.h>
#include <asm/apic.h>
#include <asm/nmi.h>

/* CPUs that were sent an NMI and have not had it yet. */
static struct cpumask ptkit_arch_nmi_sent;
static void (*ptkit_arch_nmi_fn)(void);

static inline int ptkit_arch_nmi_handler(unsigned int type, struct pt_regs *regs)
{
	int cpu = raw_smp_processor_id();

	if (!cpumask_test_cpu(cpu, &ptkit_arch_nmi_sent))
		return NMI_DONE;
	ptkit_arch_nmi_fn();
	cpumask_clear_cpu(cpu, &ptkit_arch_nmi_sent);
	return NMI_HANDLED;
}

/* From now on NMIs sent by ptkit_arch_nmi_send() call @fn. */
static inline int ptkit_arch_nmi_start(void (*fn)(void))
{
	ptkit_arch_nmi_fn = fn;
	cpumask_clear(&ptkit_arch_nmi_sent);
	return register_nmi_handler(NMI_LOCAL, ptkit_arch_nmi_handler, 0, "ptkit");
}

static inline void ptkit_arch_nmi_send(int cpu)
{
	if (!cpumask_test_and_set_cpu(cpu, &ptkit_arch_nmi_sent))
		apic->send_IPI(cpu, NMI_VECTOR);
}

static inline bool ptkit_arch_nmi_pending(void)
{
	return !cpumask_empty(&ptkit_arch_nmi_sent);
}

/* None must be pending. */
static inline void ptkit_arch_nmi_stop(void)
{
	unregister_nmi_handler(NMI_LOCAL, "ptkit");
}
#else
static inline int ptkit_arch_nmi_start(void (*fn)(void))
{
	return -EOPNOTSUPP;
}

static inline void ptkit_arch_nmi_send(int cpu)
{
}

static inline bool ptkit_arch_nmi_pending(void)
{
	return false;
}

static inline void ptkit_arch_nmi_stop(void)
{
}
#endif

#endif /* _PTKIT_ARCH_NMI_H */
