/* SPDX-License-Identifier: GPL-2.0 */
/* A sample for authors of drivers that keep page tables of their own; see README.md. */
#ifndef _PTKIT_SAMPLE_IOMMU_H
#define _PTKIT_SAMPLE_IOMMU_H

#include <linux/types.h>

#include "ptkit.h"

/* Three levels of 512 entries map 39 bits, in an entry format of our own. */
#define IOMMU_ENTRIES		512
#define IOMMU_PRESENT		BIT_ULL(0)
#define IOMMU_ADDRESS		GENMASK_ULL(63, PAGE_SHIFT)
#define IOMMU_LEVEL_SHIFT(level)	(PAGE_SHIFT + 9 * (level))

/* What an empty slot of a context page holds, so that hardware faults and software sees it. */
#define IOMMU_NO_DOMAIN		0xdead000000000000ULL

/**
 * struct iommu_domain - an address space of the device's
 * @root: its table of the highest level
 * @context: the page that the device finds the root in
 */
struct iommu_domain {
	struct ptkit_ptdesc *root;
	struct page *context;
};

int iommu_tables_init(void);
void iommu_tables_exit(void);
int iommu_domain_init(struct iommu_domain *domain);
void iommu_domain_exit(struct iommu_domain *domain);
int iommu_map(struct iommu_domain *domain, u64 iova, phys_addr_t phys, gfp_t gfp);
int iommu_unmap(struct iommu_domain *domain, u64 iova);
unsigned long iommu_tables_freed(void);

static inline unsigned int iommu_index(u64 iova, enum ptkit_level level)
{
	return (iova >> IOMMU_LEVEL_SHIFT(level)) % IOMMU_ENTRIES;
}

#endif /* _PTKIT_SAMPLE_IOMMU_H */
