// SPDX-License-Identifier: GPL-2.0
/*
 * The page tables of a make-believe IOMMU: what a driver has to write on top of ptkit.h.
 *
 * Each table has a descriptor: its lock, and the number of its live entries. An entry changes under
 * its table's lock. Locks are taken from the root down, and a table is entered only with its
 * parent's lock held; so who holds parent and child, and sees no entry in the child, knows that
 * nobody else is in it or on his way, and may unlink it. Lock order: PUD, PMD, PTE; nothing is
 * allocated under them.
 *
 * An unlinked table is given to ptkit_pagetable_free_kernel(): the device may still walk it. It
 * becomes somebody else's when every CPU and every invalidate notifier, ours among them, has been
 * told. Until then it must not change: so it is all zero when it is unlinked, and it is zero that
 * the quicklist wants.
 */
#include <linux/err.h>
#include <linux/io.h>
#include <linux/mm.h>

#include "iommu.h"

static struct ptkit_quicklist *contexts;
static atomic_long_t tables_freed;

/* A batch has been flushed, and this is one of ours. */
static void table_freed(struct ptkit_ptdesc *pt)
{
	atomic_long_inc(&tables_freed);
}

static const struct ptkit_ptdesc_owner owner = {
	.name = "sample_iommu",
	.freed = table_freed,
};

unsigned long iommu_tables_freed(void)
{
	return atomic_long_read(&tables_freed);
}

static u64 *table_entry(struct ptkit_ptdesc *pt, u64 iova)
{
	u64 *table = page_address(ptkit_ptdesc_page(pt));

	return &table[iommu_index(iova, pt->level)];
}

/* The table that an entry points to. */
static struct ptkit_ptdesc *entry_table(u64 entry)
{
	if (!(entry & IOMMU_PRESENT))
		return NULL;
	return ptkit_page_ptdesc(pfn_to_page(PHYS_PFN(entry & IOMMU_ADDRESS)));
}

static struct ptkit_ptdesc *table_alloc(enum ptkit_level level, gfp_t gfp)
{
	struct ptkit_ptdesc *pt = ptkit_pagetable_alloc(level, gfp);

	if (pt)
		pt->owner = &owner;
	return pt;
}

/* Locks along a path are beyond sparse, which is told that nothing happens. */
static void table_lock(struct ptkit_ptdesc *pt)
{
	spin_lock_nested(&pt->ptl, PTKIT_PUD - pt->level);
	__release(&pt->ptl);
}

static void table_unlock(struct ptkit_ptdesc *pt)
{
	__acquire(&pt->ptl);
	spin_unlock(&pt->ptl);
}

/* An entry of a table comes or goes. The device may look at any time: one store. */
static void entry_set(struct ptkit_ptdesc *pt, u64 *entry, u64 value)
{
	lockdep_assert_held(&pt->ptl);
	/* What is below must be zero, or filled, for the device before it can get there. */
	smp_store_release(entry, value);
	pt->entries += value ? 1 : -1;
}

/* ---- mapping --------------------------------------------------------------------------------- */

/* Tables that a mapping may need, since none can be allocated under the locks. */
struct table_stock {
	struct ptkit_ptdesc *of[PTKIT_PUD];
};

static void stock_free(struct table_stock *stock)
{
	enum ptkit_level level;

	/* Nobody has seen these: no flush. */
	for (level = PTKIT_PTE; level < PTKIT_PUD; level++)
		if (stock->of[level])
			ptkit_pagetable_free(stock->of[level]);
}

static int stock_fill(struct table_stock *stock, gfp_t gfp)
{
	enum ptkit_level level;

	for (level = PTKIT_PTE; level < PTKIT_PUD; level++) {
		stock->of[level] = table_alloc(level, gfp);
		if (!stock->of[level])
			return -ENOMEM;
	}
	return 0;
}

/* The table below @pt, taken from the stock if there is none. */
static struct ptkit_ptdesc *table_below(struct ptkit_ptdesc *pt, u64 iova,
					struct table_stock *stock)
{
	u64 *entry = table_entry(pt, iova);
	struct ptkit_ptdesc *below = entry_table(*entry);

	if (below)
		return below;
	below = stock->of[pt->level - 1];
	stock->of[pt->level - 1] = NULL;
	below->addr = iova & ~(BIT_ULL(IOMMU_LEVEL_SHIFT(pt->level)) - 1);
	entry_set(pt, entry, page_to_phys(ptkit_ptdesc_page(below)) | IOMMU_PRESENT);
	return below;
}

/**
 * iommu_map - map a page
 * @domain: where
 * @iova: at which address, of a page
 * @phys: what, a page's physical address
 * @gfp: for the tables
 *
 * Context: process context; may sleep if @gfp does. A driver that maps in softirqs, too, has to
 * take its tables' locks with softirqs off everywhere.
 * Return: 0, -EEXIST if there is a mapping, -ENOMEM.
 */
int iommu_map(struct iommu_domain *domain, u64 iova, phys_addr_t phys, gfp_t gfp)
{
	struct ptkit_ptdesc *pt = domain->root, *below;
	struct table_stock stock = { };
	int ret = stock_fill(&stock, gfp);
	u64 *entry;

	if (ret)
		goto out_stock;
	table_lock(pt);
	while (pt->level != PTKIT_PTE) {
		below = table_below(pt, iova, &stock);
		table_lock(below);
		table_unlock(pt);
		pt = below;
	}
	entry = table_entry(pt, iova);
	if (*entry)
		ret = -EEXIST;
	else
		entry_set(pt, entry, phys | IOMMU_PRESENT);
	table_unlock(pt);
out_stock:
	stock_free(&stock);
	return ret;
}

/* ---- unmapping ------------------------------------------------------------------------------- */

/* Clear the entry in each table of a path, from below, as long as that leaves a table empty. */
static void path_clear(struct ptkit_ptdesc **path, u64 iova)
{
	enum ptkit_level level;

	for (level = PTKIT_PTE; level <= PTKIT_PUD; level++) {
		entry_set(path[level], table_entry(path[level], iova), 0);
		/* The root stays. A table must be unlinked before it is freed: see below. */
		if (level == PTKIT_PUD || path[level]->entries)
			break;
	}
}

/**
 * iommu_unmap - remove the mapping of a page
 * @domain: where
 * @iova: of which address
 *
 * The device may use the mapping until ptkit_flush_after(ptkit_flush_generation()), called
 * afterwards, has returned; one such call is enough for any number of pages.
 *
 * Context: process context, as iommu_map(). Does not sleep.
 * Return: 0 or -ENOENT.
 */
int iommu_unmap(struct iommu_domain *domain, u64 iova)
{
	struct ptkit_ptdesc *path[PTKIT_NR_LEVELS] = { }, *pt = domain->root;
	enum ptkit_level level;
	int ret = -ENOENT;

	for (; pt; pt = entry_table(*table_entry(pt, iova))) {
		table_lock(pt);
		path[pt->level] = pt;
		if (pt->level == PTKIT_PTE)
			break;
	}
	if (pt && *table_entry(pt, iova)) {
		path_clear(path, iova);
		ret = 0;
	}
	for (level = PTKIT_PTE; level <= PTKIT_PUD; level++) {
		bool unlinked = !ret && level != PTKIT_PUD && !path[level]->entries;

		if (path[level])
			table_unlock(path[level]);
		/* Ours alone now but for the device. */
		if (unlinked)
			ptkit_pagetable_free_kernel(path[level]);
	}
	return ret;
}

/* ---- domains --------------------------------------------------------------------------------- */

/* The known state of a context page is not zero: a list with a constructor, and a check. */
static int context_ctor(struct page *page, gfp_t gfp, void *private)
{
	memset64(page_address(page), IOMMU_NO_DOMAIN, IOMMU_ENTRIES);
	return 0;
}

static bool context_check(struct page *page, void *private)
{
	const u64 *slot = page_address(page);
	unsigned int i;

	for (i = 0; i < IOMMU_ENTRIES; i++)
		if (slot[i] != IOMMU_NO_DOMAIN)
			return false;
	return true;
}

static const struct ptkit_quicklist_ops context_ops = {
	.ctor = context_ctor,
	.check = context_check,
};

/**
 * iommu_domain_init - make an empty address space
 * @domain: to be filled in
 *
 * Context: process context, may sleep.
 * Return: 0 or -ENOMEM.
 */
int iommu_domain_init(struct iommu_domain *domain)
{
	u64 *slot;

	domain->root = table_alloc(PTKIT_PUD, GFP_KERNEL);
	if (!domain->root)
		return -ENOMEM;
	domain->context = ptkit_quicklist_alloc(contexts, GFP_KERNEL);
	if (!domain->context) {
		ptkit_pagetable_free(domain->root);
		return -ENOMEM;
	}
	slot = page_address(domain->context);
	WRITE_ONCE(*slot, page_to_phys(ptkit_ptdesc_page(domain->root)) | IOMMU_PRESENT);
	return 0;
}

/**
 * iommu_domain_exit - free an address space
 * @domain: empty, and no device is given any more work in it
 *
 * Context: process context, may sleep. Flushes.
 */
void iommu_domain_exit(struct iommu_domain *domain)
{
	u64 *slot = page_address(domain->context);

	/*
	 * Back into its known state, and onto the list only when the device has forgotten what it
	 * was: a quicklist waits for nothing.
	 */
	WRITE_ONCE(*slot, IOMMU_NO_DOMAIN);
	ptkit_flush_after(ptkit_flush_generation());
	ptkit_quicklist_free(contexts, domain->context);
	/* The root was reachable through it until then. It goes the way of all tables. */
	ptkit_pagetable_free_kernel(domain->root);
}

int iommu_tables_init(void)
{
	contexts = ptkit_quicklist_create("sample_context", &context_ops, NULL);
	return PTR_ERR_OR_ZERO(contexts);
}

/* table_freed() and the tables' owner are in this module: wait for the last of them. */
void iommu_tables_exit(void)
{
	ptkit_pagetable_sync();
	ptkit_quicklist_destroy(contexts);
}
