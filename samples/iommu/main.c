// SPDX-License-Identifier: GPL-2.0
/*
 * A make-believe device behind the make-believe IOMMU of table.c, and a run that tries both.
 *
 * The device translates addresses as hardware does: it walks the tables without a lock, and
 * remembers translations until it is told to forget them. What it does answer for is that an
 * invalidation ends after the walks that were going on: here by a lock, in hardware by a command
 * queue.
 *
 * The run: two threads map and unmap pages of one domain, which share tables; meanwhile the device
 * translates at random. Every mapping of an address carries a number that grows from one to the
 * next, and it grows only after the old one was unmapped and flushed. A translation that gives a
 * smaller number than was good before it began is a mapping that outlived its flush: "stale".
 */
#include <linux/debugfs.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

#include "iommu.h"

#define TLB_SLOTS	64
#define MAPPERS		2
/* Pages that a mapper has, and their distance: a few tables, each used by both mappers. */
#define MAPPER_PAGES	128
#define STRIDE		(16 * MAPPERS * PAGE_SIZE)
#define RUNS_MAX	100000UL
/* So often at least the device translates while everything is mapped. */
#define LOOKS		64

/**
 * struct device_tlb - what the device remembers
 * @lock: held over each translation, and over an invalidation
 * @domain: what the device is attached to
 * @iova: addresses, of pages
 * @entry: what they were mapped to; 0 for an unused slot
 */
static struct device_tlb {
	spinlock_t lock; /* see above */
	struct iommu_domain *domain;
	u64 iova[TLB_SLOTS];
	u64 entry[TLB_SLOTS];
} device = { .lock = __SPIN_LOCK_UNLOCKED(device.lock) };

/* Of the last run; protected by run_lock, but for what mappers count. */
static DEFINE_MUTEX(run_lock);
static struct {
	atomic_long_t maps;
	atomic_long_t unmaps;
	atomic_long_t errors;
	unsigned long translations;
	unsigned long tlb_hits;
	unsigned long faults;
	unsigned long stale;
	unsigned long tables_freed;
} result;

static atomic_long_t invalidations;

static bool forget;
module_param(forget, bool, 0444);
MODULE_PARM_DESC(forget, "forget to flush after unmapping, as a test of the test (default: 0)");

/* Smallest number that a translation of each page may give. */
static unsigned long good[MAPPERS][MAPPER_PAGES];

/* ---- the device ------------------------------------------------------------------------------ */

static u64 device_walk(u64 iova)
{
	const u64 *slot = page_address(device.domain->context);
	enum ptkit_level level = PTKIT_PUD;
	u64 entry = READ_ONCE(*slot);

	/* Of no domain, or of none any more: that is no address. */
	if (!(entry & IOMMU_PRESENT))
		return 0;
	for (;; level--) {
		slot = page_address(pfn_to_page(PHYS_PFN(entry & IOMMU_ADDRESS)));
		/* Pairs with the release in entry_set(). */
		entry = smp_load_acquire(&slot[iommu_index(iova, level)]);
		if (!(entry & IOMMU_PRESENT) || level == PTKIT_PTE)
			return entry;
	}
}

/* Returns the entry that maps @iova, or 0: a fault. */
static u64 device_translate(u64 iova)
{
	unsigned int slot = (iova / STRIDE) % TLB_SLOTS;
	u64 entry;

	spin_lock(&device.lock);
	WRITE_ONCE(result.translations, result.translations + 1);
	if (device.entry[slot] && device.iova[slot] == iova) {
		result.tlb_hits++;
	} else {
		device.iova[slot] = iova;
		device.entry[slot] = device_walk(iova);
		result.faults += !device.entry[slot];
	}
	entry = device.entry[slot];
	spin_unlock(&device.lock);
	return entry;
}

/* ptkit is about to reuse tables: no walk may be in them, no translation come from them. */
static int device_invalidate(struct notifier_block *nb, unsigned long action, void *data)
{
	spin_lock(&device.lock);
	memset(device.entry, 0, sizeof(device.entry));
	spin_unlock(&device.lock);
	atomic_long_inc(&invalidations);
	return NOTIFY_OK;
}

static struct notifier_block device_notifier = { .notifier_call = device_invalidate };

/* ---- a run ----------------------------------------------------------------------------------- */

struct mapper {
	struct iommu_domain *domain;
	struct task_struct *task;
	unsigned int id;
	unsigned long rounds;
	bool over;
};

static u64 page_iova(unsigned int mapper, unsigned int i)
{
	return (u64)i * STRIDE + mapper * PAGE_SIZE;
}

/* What a page is "mapped to" is a number, in the place of a physical address. */
static phys_addr_t number_phys(unsigned long number)
{
	return PFN_PHYS(number);
}

static void map_all(struct mapper *m, unsigned long number)
{
	unsigned int i;

	for (i = 0; i < MAPPER_PAGES; i++) {
		if (iommu_map(m->domain, page_iova(m->id, i), number_phys(number), GFP_KERNEL))
			atomic_long_inc(&result.errors);
		else
			atomic_long_inc(&result.maps);
	}
}

/* One flush for all of them; after it, no older number is good. */
static void unmap_all(struct mapper *m, unsigned long number)
{
	unsigned int i;

	for (i = 0; i < MAPPER_PAGES; i++) {
		if (iommu_unmap(m->domain, page_iova(m->id, i)))
			atomic_long_inc(&result.errors);
		else
			atomic_long_inc(&result.unmaps);
	}
	if (!forget)
		ptkit_flush_after(ptkit_flush_generation());
	for (i = 0; i < MAPPER_PAGES; i++)
		smp_store_release(&good[m->id][i], number + 1); /* pairs with translate_one() */
}

static void let_device_look(void)
{
	unsigned long before = READ_ONCE(result.translations);

	while (READ_ONCE(result.translations) - before < LOOKS && !kthread_should_stop())
		cond_resched();
}

static int mapper_thread(void *data)
{
	struct mapper *m = data;
	unsigned long number;

	for (number = 1; number <= m->rounds && !kthread_should_stop(); number++) {
		map_all(m, number);
		let_device_look();
		unmap_all(m, number);
	}
	smp_store_release(&m->over, true); /* pairs with mappers_over() */
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

static void translate_one(struct rnd_state *random)
{
	unsigned int mapper = prandom_u32_state(random) % MAPPERS;
	unsigned int i = prandom_u32_state(random) % MAPPER_PAGES;
	/* Pairs with the release in unmap_all(). */
	unsigned long least = smp_load_acquire(&good[mapper][i]);
	u64 entry = device_translate(page_iova(mapper, i));

	if (entry && PHYS_PFN(entry & IOMMU_ADDRESS) < least)
		result.stale++;
}

static bool mappers_over(struct mapper *mappers)
{
	unsigned int i;

	for (i = 0; i < MAPPERS; i++)
		if (!smp_load_acquire(&mappers[i].over)) /* pairs with mapper_thread() */
			return false;
	return true;
}

static int run_device(struct mapper *mappers)
{
	struct rnd_state random;

	prandom_seed_state(&random, get_random_u64());
	while (!mappers_over(mappers)) {
		if (signal_pending(current))
			return -EINTR;
		translate_one(&random);
		cond_resched();
	}
	return 0;
}

static int start_mappers(struct mapper *mappers)
{
	unsigned int i;

	for (i = 0; i < MAPPERS; i++) {
		struct task_struct *task = kthread_run(mapper_thread, &mappers[i],
						       "sample_mapper/%u", i);

		if (IS_ERR(task))
			return PTR_ERR(task);
		mappers[i].task = task;
	}
	return 0;
}

static void stop_mappers(struct mapper *mappers)
{
	unsigned int i;

	for (i = 0; i < MAPPERS; i++)
		if (mappers[i].task)
			kthread_stop(mappers[i].task);
}

static int run(unsigned long rounds)
{
	struct mapper mappers[MAPPERS] = { };
	struct iommu_domain domain;
	unsigned long freed;
	unsigned int i;
	int ret;

	memset(&result, 0, sizeof(result));
	memset(good, 0, sizeof(good));
	freed = iommu_tables_freed();
	ret = iommu_domain_init(&domain);
	if (ret)
		return ret;
	device.domain = &domain;
	for (i = 0; i < MAPPERS; i++) {
		mappers[i].domain = &domain;
		mappers[i].id = i;
		mappers[i].rounds = rounds;
	}
	ret = start_mappers(mappers);
	if (!ret)
		ret = run_device(mappers);
	/* A thread that is stopped ends its round first, so the domain is empty. */
	stop_mappers(mappers);
	iommu_domain_exit(&domain);
	ptkit_pagetable_sync();
	result.tables_freed = iommu_tables_freed() - freed;
	return ret;
}

/* ---- debugfs --------------------------------------------------------------------------------- */

static struct dentry *debugfs_dir;

static ssize_t run_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	unsigned long rounds;
	int ret = kstrtoul_from_user(buf, len, 10, &rounds);

	if (ret)
		return ret;
	if (!rounds || rounds > RUNS_MAX)
		return -ERANGE;
	ret = mutex_lock_interruptible(&run_lock);
	if (ret)
		return ret;
	ret = run(rounds);
	mutex_unlock(&run_lock);
	return ret ?: len;
}

static const struct file_operations run_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = run_write,
	.llseek = noop_llseek,
};

static int result_show(struct seq_file *m, void *unused)
{
	mutex_lock(&run_lock);
	seq_printf(m, "maps %ld\n", atomic_long_read(&result.maps));
	seq_printf(m, "unmaps %ld\n", atomic_long_read(&result.unmaps));
	seq_printf(m, "errors %ld\n", atomic_long_read(&result.errors));
	seq_printf(m, "translations %lu\n", result.translations);
	seq_printf(m, "tlb_hits %lu\n", result.tlb_hits);
	seq_printf(m, "faults %lu\n", result.faults);
	seq_printf(m, "stale %lu\n", result.stale);
	seq_printf(m, "tables_freed %lu\n", result.tables_freed);
	seq_printf(m, "invalidations %ld\n", atomic_long_read(&invalidations));
	mutex_unlock(&run_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(result);

static int __init sample_init(void)
{
	int ret = iommu_tables_init();

	if (ret)
		return ret;
	ret = ptkit_invalidate_register(&device_notifier);
	if (ret) {
		iommu_tables_exit();
		return ret;
	}
	debugfs_dir = debugfs_create_dir("ptkit_sample_iommu", NULL);
	debugfs_create_file("run", 0200, debugfs_dir, NULL, &run_fops);
	debugfs_create_file("result", 0400, debugfs_dir, NULL, &result_fops);
	return 0;
}

static void __exit sample_exit(void)
{
	debugfs_remove(debugfs_dir);
	iommu_tables_exit();
	ptkit_invalidate_unregister(&device_notifier);
}

module_init(sample_init);
module_exit(sample_exit);

MODULE_DESCRIPTION("Sample: a driver's own page tables on ptkit");
MODULE_LICENSE("GPL");
