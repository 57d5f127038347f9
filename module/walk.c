// SPDX-License-Identifier: GPL-2.0
/*
 * "walk" in debugfs: how many page tables an address space has, and how full they are.
 *
 * Others change, and free, the tables meanwhile. What keeps this safe:
 *
 * A process's tables. mmap_lock is held for reading, and only what a VMA covers is looked at: a
 * table that an attached VMA needs is not freed by an munmap() that holds the lock for reading,
 * too. What else frees tables then (collapsed and emptied PTE tables, shared tables of hugetlbfs)
 * does so after an RCU grace period or an interrupt to every CPU, and waits for neither if
 * interrupts are off, as they are while a table is looked at: the rules of fast GUP. The mm itself
 * is held, so nothing of it is torn down.
 *
 * The kernel's tables. There is no lock that a module could take. Tables that become huge mappings
 * are freed after every CPU has been interrupted to flush; but not so where CPUs broadcast their
 * flushes, nor when memory is unplugged. So nothing is believed, on either kind of walk:
 *
 * 1. A table is only read if it lies in online memory, through the direct map, by loads that may
 *    fault; so a stale or wild pointer costs nothing but a wrong value.
 * 2. A table is copied, and the entries that led to it are read again, from the lowest to the
 *    root: each one that still points where it did was still valid when the one below was read, as
 *    tables are unlinked before they are freed. Only then does the copy count. No pointer is
 *    followed that was not found so: each step starts at the root, which is nobody's to free. Hot
 *    unplug frees first and unlinks then; there, 1. is what protects, and a number may be off.
 *
 * One step copies one table, at most, with interrupts off. When somebody waits, and every
 * WALK_BATCH steps at the latest, the lock is dropped and a signal obeyed. Memory: one struct walk.
 * The numbers are no snapshot: each table counts as it was when it was passed.
 *
 * Lock order: walk_lock, mmap_lock.
 */
#include <linux/debugfs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "arch/mmu.h"
#include "internal.h"
#include "stats.h"

/* Steps with mmap_lock held. */
#define WALK_BATCH	512
/* How often a table that changes under us is tried before it is left out. */
#define WALK_TRIES	16

#define WALK_ENTRIES	512
/* Histogram: none, seven and a bit eighths, all. */
#define WALK_EIGHTH	(WALK_ENTRIES / 8)
#define WALK_BUCKETS	10

enum walk_level { WALK_PTE, WALK_PMD, WALK_PUD, WALK_P4D, WALK_PGD, WALK_LEVELS };

static const char *const level_names[] = {
	[WALK_PTE] = "pte",
	[WALK_PMD] = "pmd",
	[WALK_PUD] = "pud",
	[WALK_P4D] = "p4d",
	[WALK_PGD] = "pgd",
};

static_assert(ARRAY_SIZE(level_names) == WALK_LEVELS);

/**
 * struct walk_count - the tables of one level
 * @tables: how many
 * @entries: of theirs that are not zero
 * @present: of these, those that the hardware follows
 * @huge: of these that are not zero, those that map, or mapped before they were swapped or moved,
 *	memory instead of pointing to a table; above the lowest level
 * @empty: tables without an entry
 */
struct walk_count {
	unsigned long tables;
	unsigned long entries;
	unsigned long present;
	unsigned long huge;
	unsigned long empty;
};

/**
 * struct walk_result - what is shown
 * @pid: of the process, 0 for the kernel
 * @levels: by level
 * @fill: tables of the lowest level by entries in use
 * @deposited: tables that are kept for when huge pages of anonymous memory are split
 * @retries: tables that changed while they were looked at
 * @skipped: of these, those left out since they did so WALK_TRIES times
 */
struct walk_result {
	pid_t pid;
	struct walk_count levels[WALK_LEVELS];
	unsigned long fill[WALK_BUCKETS];
	unsigned long deposited;
	unsigned long retries;
	unsigned long skipped;
};

/**
 * struct walk - a walk
 * @result: so far
 * @root: table of the highest level
 * @start: first address
 * @size: bytes from there on
 * @pos: how far we are, in bytes from @start
 * @passed: up to where tables have been counted, by level
 * @tries: of the step at @pos
 * @anonymous: is what is at @pos anonymous memory of a process?
 * @copy: of a table
 */
struct walk {
	struct walk_result result;
	unsigned long *root;
	unsigned long start;
	unsigned long size;
	unsigned long pos;
	unsigned long passed[WALK_LEVELS];
	unsigned int tries;
	bool anonymous;
	unsigned long copy[WALK_ENTRIES];
};

/* Where a step has been: by level, the entry's address, and the table that it points to. */
struct walk_path {
	unsigned long *slot[WALK_LEVELS];
	unsigned long *table[WALK_LEVELS];
};

enum walk_found {
	WALK_RACED,	/* it was not there when we looked again */
	WALK_COPIED,	/* a table not counted yet, now in @copy */
	WALK_DONE,	/* nothing more below this entry */
};

/* The last result; result_valid is false before there is one. Protected by walk_lock. */
static DEFINE_MUTEX(walk_lock);
static struct walk_result last_result;
static bool result_valid;

/* ---- one step -------------------------------------------------------------------------------- */

static unsigned int level_shift(enum walk_level level)
{
	static const unsigned int shifts[] = { PAGE_SHIFT, PMD_SHIFT, PUD_SHIFT, P4D_SHIFT };

	return level == WALK_PGD ? PGDIR_SHIFT : shifts[level];
}

static unsigned int level_index(enum walk_level level, unsigned long addr)
{
	return (addr >> level_shift(level)) % WALK_ENTRIES;
}

static enum walk_level level_below(enum walk_level level)
{
	return level == WALK_PGD && !ptkit_arch_has_p4d() ? WALK_PUD : level - 1;
}

/* The first position behind the entry of @level at @pos. */
static unsigned long entry_end(enum walk_level level, unsigned long pos)
{
	return (pos | ((1UL << level_shift(level)) - 1)) + 1;
}

/* The first position behind the table of @level at @pos. */
static unsigned long table_end(const struct walk *w, enum walk_level level)
{
	unsigned long bytes = (unsigned long)WALK_ENTRIES << level_shift(level);

	return level == WALK_PGD ? w->size : (w->pos | (bytes - 1)) + 1;
}

static bool read_entry(const unsigned long *slot, unsigned long *value)
{
	return !copy_from_kernel_nofault(value, slot, sizeof(*value));
}

/* The table that @value points to at @level, or %NULL. */
static unsigned long *entry_table(unsigned long value, enum walk_level level)
{
	if (level == WALK_PTE || !ptkit_arch_entry_is_table(value))
		return NULL;
	return ptkit_arch_entry_table(value);
}

/* Tables above @level, from below: is each where it was found? See the head comment. */
static bool path_holds(const struct walk_path *path, enum walk_level level)
{
	unsigned long value;

	for (level++; level < WALK_LEVELS; level++) {
		if (!path->slot[level])
			continue;
		if (!read_entry(path->slot[level], &value) ||
		    entry_table(value, level) != path->table[level])
			return false;
	}
	return true;
}

/* KASAN has one table linked thousands of times in a row: it is one table. */
static bool same_as_before(const unsigned long *slot, enum walk_level level, unsigned int index,
			   const unsigned long *table)
{
	unsigned long value;

	return index && read_entry(slot - 1, &value) && entry_table(value, level) == table;
}

/*
 * From the root towards the position, until there is a table that has not been counted, or nothing.
 * @end is how far nothing is. Interrupts are off.
 */
static enum walk_found descend(struct walk *w, struct walk_path *path, enum walk_level *at,
			       unsigned long *end, bool *huge)
{
	unsigned long addr = w->start + w->pos, value, *table = w->root, *slot;
	enum walk_level level = WALK_PGD;
	enum walk_found found = WALK_DONE;

	for (;; level = level_below(level)) {
		*at = level;
		*end = entry_end(level, w->pos);
		if (w->pos >= w->passed[level]) {
			if (copy_from_kernel_nofault(w->copy, table, sizeof(w->copy)))
				return WALK_RACED;
			found = WALK_COPIED;
			break;
		}
		slot = table + level_index(level, addr);
		if (!read_entry(slot, &value))
			return WALK_RACED;
		table = entry_table(value, level);
		*huge = level != WALK_PTE && !ptkit_arch_entry_is_none(value) && !table;
		if (!table || same_as_before(slot, level, level_index(level, addr), table))
			break;
		path->slot[level] = slot;
		path->table[level] = table;
		/* All that a PTE table has to say was said when it was counted. */
		if (level == WALK_PMD && w->pos < w->passed[WALK_PTE])
			break;
	}
	return path_holds(path, level) ? found : WALK_RACED;
}

/* Add the table of @level in @copy to the result. */
static void count_table(struct walk *w, enum walk_level level)
{
	unsigned int first = 0, nr = WALK_ENTRIES, entries = 0, i;
	struct walk_count *count = &w->result.levels[level];
	unsigned long value;

	/* Of the root, the half that is asked for. */
	if (level == WALK_PGD) {
		first = level_index(level, w->start);
		nr = w->size >> PGDIR_SHIFT;
	}
	for (i = first; i < first + nr; i++) {
		value = w->copy[i];
		if (ptkit_arch_entry_is_none(value))
			continue;
		entries++;
		count->present += ptkit_arch_entry_is_present(value);
		count->huge += level != WALK_PTE && !ptkit_arch_entry_is_table(value);
	}
	count->tables++;
	count->entries += entries;
	count->empty += !entries;
	if (level == WALK_PTE)
		w->result.fill[!entries ? 0 : entries == WALK_ENTRIES ?
			       WALK_BUCKETS - 1 : 1 + entries / WALK_EIGHTH]++;
}

/* It changed while we looked: again, but not for ever. */
static void step_raced(struct walk *w)
{
	w->result.retries++;
	if (++w->tries < WALK_TRIES)
		return;
	w->tries = 0;
	w->result.skipped++;
	w->pos = entry_end(WALK_PMD, w->pos);
}

/* Counts a table, or moves on. */
static void walk_step(struct walk *w)
{
	struct walk_path path = { };
	enum walk_found found;
	enum walk_level level;
	unsigned long flags, end;
	bool huge = false;

	local_irq_save(flags);
	found = descend(w, &path, &level, &end, &huge);
	local_irq_restore(flags);

	if (found == WALK_RACED) {
		step_raced(w);
		return;
	}
	w->tries = 0;
	if (found == WALK_COPIED) {
		count_table(w, level);
		w->passed[level] = table_end(w, level);
		return;
	}
	w->result.deposited += huge && level == WALK_PMD && w->anonymous;
	w->pos = end;
}

/* ---- all of them ----------------------------------------------------------------------------- */

/* Returns true if there is more to do. */
static bool walk_kernel_batch(struct walk *w)
{
	unsigned int step;

	for (step = 0; step < WALK_BATCH; step++) {
		if (w->pos >= w->size)
			return false;
		walk_step(w);
		if (need_resched())
			break;
	}
	return true;
}

static int walk_kernel(struct walk *w)
{
	w->start = ptkit_arch_kernel_start();
	w->size = -w->start;
	/* The kernel's half is the same in every root, and ours stays while we are here. */
	w->root = (unsigned long *)current->active_mm->pgd;
	while (walk_kernel_batch(w)) {
		/* Livepatch, too, wakes tasks as if by a signal: then the write is begun anew. */
		if (signal_pending(current))
			return -ERESTARTSYS;
		cond_resched();
	}
	return 0;
}

/* As above; mmap_lock is held. A table is looked at if any VMA needs a part of it. */
static bool walk_process_batch(struct walk *w, struct mm_struct *mm)
{
	struct vm_area_struct *vma = NULL;
	unsigned int step;

	for (step = 0; step < WALK_BATCH; step++) {
		if (!vma || w->pos >= vma->vm_end) {
			vma = w->pos < w->size ? find_vma(mm, w->pos) : NULL;
			if (!vma)
				return false;
			w->pos = max(w->pos, vma->vm_start);
			w->anonymous = vma_is_anonymous(vma);
		}
		walk_step(w);
		if (need_resched() || mmap_lock_is_contended(mm))
			break;
	}
	return true;
}

static int walk_process(struct walk *w, struct mm_struct *mm)
{
	bool more;

	w->start = 0;
	w->size = (unsigned long)WALK_ENTRIES / 2 << PGDIR_SHIFT;
	w->root = (unsigned long *)mm->pgd;
	do {
		if (signal_pending(current) || mmap_read_lock_killable(mm))
			return -ERESTARTSYS;
		more = walk_process_batch(w, mm);
		mmap_read_unlock(mm);
		cond_resched();
	} while (more);
	return 0;
}

static int walk_pid(struct walk *w, pid_t nr)
{
	struct task_struct *task;
	struct mm_struct *mm;
	struct pid *pid;
	int ret;

	pid = find_get_pid(nr);
	task = get_pid_task(pid, PIDTYPE_PID);
	put_pid(pid);
	if (!task)
		return -ESRCH;
	mm = get_task_mm(task);
	put_task_struct(task);
	/* Dead, or a thread of the kernel. */
	if (!mm)
		return -ESRCH;
	w->result.pid = nr;
	ret = walk_process(w, mm);
	mmput(mm);
	return ret;
}

/* ---- debugfs --------------------------------------------------------------------------------- */

/* "kernel" is 0, which is no process's PID. */
static int parse_space(const char __user *buf, size_t len, unsigned long *pid)
{
	char word[16];
	int ret;

	if (len < sizeof(word)) {
		if (copy_from_user(word, buf, len))
			return -EFAULT;
		word[len] = '\0';
		if (sysfs_streq(word, "kernel")) {
			*pid = 0;
			return 0;
		}
	}
	ret = ptkit_write_ulong(buf, len, INT_MAX, pid);
	if (ret)
		return ret;
	return *pid ? 0 : -EINVAL;
}

static ssize_t walk_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	unsigned long pid;
	struct walk *w;
	int ret;

	ret = parse_space(buf, len, &pid);
	if (ret)
		return ret;
	w = kzalloc(sizeof(*w), GFP_KERNEL);
	if (!w)
		return -ENOMEM;
	ret = mutex_lock_interruptible(&walk_lock);
	if (ret)
		goto out_free;
	ret = pid ? walk_pid(w, pid) : walk_kernel(w);
	if (!ret) {
		last_result = w->result;
		result_valid = true;
	}
	mutex_unlock(&walk_lock);
out_free:
	kfree(w);
	return ret ?: len;
}

static void show_level(struct seq_file *m, enum walk_level level, const struct walk_count *count)
{
	seq_printf(m, "%s %lu %lu %lu %lu %lu %lu\n", level_names[level], count->tables,
		   count->entries, count->present, count->huge, count->empty,
		   count->tables << PAGE_SHIFT);
}

static void show_fill(struct seq_file *m, const unsigned long *fill)
{
	unsigned int i;

	seq_printf(m, "fill 0 %lu\n", fill[0]);
	for (i = 1; i < WALK_BUCKETS - 1; i++)
		seq_printf(m, "fill %d-%d %lu\n", max(1, (int)(i - 1) * WALK_EIGHTH),
			   (int)i * WALK_EIGHTH - 1, fill[i]);
	seq_printf(m, "fill %d %lu\n", WALK_ENTRIES, fill[WALK_BUCKETS - 1]);
}

static void show_result(struct seq_file *m, const struct walk_result *result)
{
	int level;

	if (result->pid)
		seq_printf(m, "space %d\n", result->pid);
	else
		seq_puts(m, "space kernel\n");
	seq_puts(m, "level tables entries present huge empty bytes\n");
	for (level = WALK_PGD; level >= WALK_PTE; level--)
		if (level != WALK_P4D || ptkit_arch_has_p4d())
			show_level(m, level, &result->levels[level]);
	show_fill(m, result->fill);
	seq_printf(m, "deposited %lu\n", result->deposited);
	seq_printf(m, "retries %lu\n", result->retries);
	seq_printf(m, "skipped %lu\n", result->skipped);
}

static int walk_show(struct seq_file *m, void *unused)
{
	int ret = mutex_lock_interruptible(&walk_lock);

	if (ret)
		return ret;
	if (result_valid)
		show_result(m, &last_result);
	else
		seq_puts(m, "space none\n");
	mutex_unlock(&walk_lock);
	return 0;
}

static int walk_open(struct inode *inode, struct file *file)
{
	return single_open(file, walk_show, NULL);
}

static const struct file_operations walk_fops = {
	.owner = THIS_MODULE,
	.open = walk_open,
	.read = seq_read,
	.write = walk_write,
	.llseek = seq_lseek,
	.release = single_release,
};

/**
 * ptkit_walk_init - add "walk" to debugfs
 * @dir: ptkit's directory
 *
 * Context: process context, may sleep.
 */
void ptkit_walk_init(struct dentry *dir)
{
	if (ptkit_arch_walks())
		debugfs_create_file("walk", 0600, dir, NULL, &walk_fops);
}
