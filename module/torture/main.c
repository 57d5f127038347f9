// SPDX-License-Identifier: GPL-2.0
/*
 * ptkit_torture: random operations of all mechanisms on all CPUs, in tasks, softirqs and hard
 * interrupts, for a given time, in the manner of rcutorture. Loading it begins the run; it ends by
 * itself, with a line
 *
 *	End of test: SUCCESS: ...		or		End of test: FAILURE: ...
 *
 * in the kernel log and in debugfs/ptkit/torture/result. Whatever else is to happen meanwhile (CPUs
 * that go, memory that gets short, attach and detach) is for a script to do, which may report what
 * it found wrong by writing to torture/fault.
 *
 * The first error ends the run. Nothing is given back after it, and the module cannot be unloaded
 * any more: its things are not what they should be.
 */
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "../stats.h"
#include "../version.h"
#include "torture.h"

/* Errors printed; all are counted. */
#define ERRORS_PRINTED	10
/* Others may be busy for a moment when it is looked whether everything adds up. */
#define BALANCE_TRIES	1200

module_param_named(seed, torture_seed, ulong, 0444);
MODULE_PARM_DESC(seed, "of the random numbers (default: another one each time)");

static unsigned int seconds = 10;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "how long (default: 10)");

static unsigned int threads;
module_param(threads, uint, 0444);
MODULE_PARM_DESC(threads, "how many, each with a timer, an hrtimer and an irq_work (default: two per CPU)");

static unsigned long steps;
module_param(steps, ulong, 0444);
MODULE_PARM_DESC(steps, "of each thread, which ends then; one thread has then no interrupts, and repeats itself (default: no limit)");

static char *kinds;
module_param(kinds, charp, 0444);
MODULE_PARM_DESC(kinds, "of things, with commas between (default: all that this machine has)");

const struct torture_kind *const torture_kinds[TORTURE_NR_KINDS] = {
	&torture_frozen,
	&torture_quicklist,
	&torture_slab,
	&torture_tables,
	&torture_window,
};

bool torture_kind_there[TORTURE_NR_KINDS];

static const char *const context_names[TORTURE_NR_CONTEXTS] = {
	[TORTURE_TASK] = "task",
	[TORTURE_SOFTIRQ] = "softirq",
	[TORTURE_HARDIRQ] = "hardirq",
	[TORTURE_IRQ_WORK] = "irq_work",
};

bool torture_stop;
static atomic_t errors;
static bool over;
static struct task_struct *controller;

/*
 * The first error; @said when it is complete, released by who wrote it. @over is released when the
 * outcome is certain. Who acquires them sees both.
 */
static char first_error[160];
static bool said;

void torture_error(const char *fmt, ...)
{
	int nr = atomic_inc_return(&errors);
	va_list args;

	WRITE_ONCE(torture_stop, true);
	if (nr > ERRORS_PRINTED)
		return;
	va_start(args, fmt);
	if (nr == 1) {
		vscnprintf(first_error, sizeof(first_error), fmt, args);
		smp_store_release(&said, true);	/* first_error is complete */
		pr_err("error: %s\n", first_error);
	} else {
		struct va_format text = { .fmt = fmt, .va = &args };

		pr_err("error: %pV\n", &text);
	}
	va_end(args);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void check_balance(void)
{
	unsigned int i, tries;

	for (i = 0; i < TORTURE_NR_KINDS; i++) {
		const struct torture_kind *kind = torture_kinds[i];

		if (!torture_kind_there[i] || !kind->balanced)
			continue;
		for (tries = 0; !kind->balanced(tries == BALANCE_TRIES); tries++) {
			if (tries == BALANCE_TRIES)
				break;
			msleep(50);
		}
	}
}

/* A run in which nothing happened proves nothing. Returns what it lacks, or NULL. */
static const char *progress_lacks(const struct torture_sum *sum)
{
	bool alone = steps && threads == 1;
	unsigned int i;

	for (i = 0; i < TORTURE_NR_CONTEXTS; i++)
		if (!sum->steps[i] && !(alone && i != TORTURE_TASK))
			return context_names[i];
	for (i = 0; i < TORTURE_NR_KINDS; i++) {
		if (!torture_kind_there[i])
			continue;
		if (!sum->takes[i] ||
		    (!sum->irq_takes[i] && !torture_kinds[i]->task_only && !alone))
			return torture_kinds[i]->name;
	}
	return NULL;
}

static void check_progress(const struct torture_sum *sum)
{
	const char *what = progress_lacks(sum);

	if (what)
		torture_error("nothing was done in or with %s, or not in interrupts", what);
}

static void kinds_exit(unsigned int nr)
{
	while (nr--)
		if (torture_kind_there[nr] && torture_kinds[nr]->exit)
			torture_kinds[nr]->exit();
}

static unsigned long sum_steps(const struct torture_sum *sum)
{
	unsigned long nr = 0;
	unsigned int i;

	for (i = 0; i < TORTURE_NR_CONTEXTS; i++)
		nr += sum->steps[i];
	return nr;
}

/* @going: the module is being unloaded */
static void conclude(bool going)
{
	struct torture_sum sum;
	unsigned long out;
	bool stays;

	torture_actors_finish();
	torture_actors_sum(&sum);
	if (!READ_ONCE(torture_stop)) {
		check_balance();
		out = torture_passports_out();
		if (out)
			torture_error("%lu pages were not given back", out);
	}
	/*
	 * What is out of order stays as it is, to be looked at, and the module with it; unless the
	 * module is going already. Too little progress is no disorder.
	 */
	stays = READ_ONCE(torture_stop) && !going;
	if (!stays)
		kinds_exit(TORTURE_NR_KINDS);
	if (!READ_ONCE(torture_stop))
		check_progress(&sum);
	smp_store_release(&over, true);	/* the outcome is certain */

	if (!READ_ONCE(torture_stop)) {
		pr_info("End of test: SUCCESS: seed %lu, %lu steps, %lu checks, trace %08x\n",
			torture_seed, sum_steps(&sum), sum.checks, sum.trace);
		return;
	}
	if (stays)
		__module_get(THIS_MODULE);
	pr_err("End of test: FAILURE: seed %lu, %lu steps, %d errors: %s\n", torture_seed,
	       sum_steps(&sum), atomic_read(&errors), first_error);
}

/* A short run on a machine that stood still meanwhile goes on until everything was done. */
static bool time_is_up(unsigned long end)
{
	struct torture_sum sum;

	if (steps || time_before(jiffies, end))
		return false;
	torture_actors_sum(&sum);
	return !progress_lacks(&sum) || time_after(jiffies, end + 60 * HZ);
}

static int controller_fn(void *unused)
{
	unsigned long end = jiffies + seconds * HZ;

	while (!kthread_should_stop() && !READ_ONCE(torture_stop) && !torture_actors_done() &&
	       !time_is_up(end))
		schedule_timeout_interruptible(HZ / 20 + 1);
	conclude(kthread_should_stop());
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ / 10);
	return 0;
}

/* ---- debugfs --------------------------------------------------------------------------------- */

static void torture_show_stats(struct seq_file *m, struct ptkit_source *source)
{
	struct torture_sum sum;
	char name[32];
	unsigned int i;

	torture_actors_sum(&sum);
	ptkit_stat(m, "seed", torture_seed);
	ptkit_stat(m, "errors", atomic_read(&errors));
	ptkit_stat(m, "checks", sum.checks);
	ptkit_stat(m, "failed", sum.failed);
	for (i = 0; i < TORTURE_NR_CONTEXTS; i++) {
		snprintf(name, sizeof(name), "steps_%s", context_names[i]);
		ptkit_stat(m, name, sum.steps[i]);
	}
	for (i = 0; i < TORTURE_NR_KINDS; i++) {
		snprintf(name, sizeof(name), "takes_%s", torture_kinds[i]->name);
		ptkit_stat(m, name, sum.takes[i]);
		snprintf(name, sizeof(name), "irq_takes_%s", torture_kinds[i]->name);
		ptkit_stat(m, name, sum.irq_takes[i]);
	}
}

static void show_result(struct seq_file *m)
{
	if (!smp_load_acquire(&over))		/* before said and first_error */
		seq_puts(m, "running\n");
	else if (!smp_load_acquire(&said))	/* before first_error */
		seq_puts(m, "SUCCESS\n");
	else
		seq_printf(m, "FAILURE: %s\n", first_error);
}

static void torture_show_summary(struct seq_file *m, struct ptkit_source *source)
{
	struct torture_sum sum;

	torture_actors_sum(&sum);
	seq_printf(m, "torture          %lu steps, %lu things found well: ", sum_steps(&sum),
		   sum.checks);
	show_result(m);
}

static int result_show(struct seq_file *m, void *unused)
{
	show_result(m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(result);

/* Somebody outside has found an error. */
static ssize_t fault_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	char line[80];

	if (!len || len >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, buf, len))
		return -EFAULT;
	line[len] = '\0';
	if (READ_ONCE(over))
		return -EBUSY;
	torture_error("reported: %s", strim(line));
	return len;
}

static const struct file_operations fault_fops = {
	.owner = THIS_MODULE,
	.write = fault_write,
};

static struct ptkit_source torture_source = {
	.name = "torture",
	.show_stats = torture_show_stats,
	.show_summary = torture_show_summary,
};

/* ---- load and unload ------------------------------------------------------------------------- */

/* Every kind that is asked for exists; there may be machines that have none of it. */
static int kinds_parse(bool wanted[TORTURE_NR_KINDS])
{
	char *text, *rest, *name;
	unsigned int i;
	int ret = 0;

	if (!kinds) {
		memset(wanted, true, TORTURE_NR_KINDS * sizeof(*wanted));
		return 0;
	}
	text = kstrdup(kinds, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	for (rest = text; (name = strsep(&rest, ",")) && !ret;) {
		for (i = 0; i < TORTURE_NR_KINDS && strcmp(name, torture_kinds[i]->name); i++)
			;
		if (i < TORTURE_NR_KINDS)
			wanted[i] = true;
		else
			ret = -EINVAL;
	}
	kfree(text);
	return ret;
}

static int kinds_init(void)
{
	bool wanted[TORTURE_NR_KINDS] = { };
	unsigned int i;
	int ret;

	ret = kinds_parse(wanted);
	for (i = 0; i < TORTURE_NR_KINDS && !ret; i++) {
		if (!wanted[i])
			continue;
		ret = torture_kinds[i]->init ? torture_kinds[i]->init() : 0;
		torture_kind_there[i] = !ret;
		if (ret == -ENODEV)
			ret = 0;
		if (ret)
			kinds_exit(i);
	}
	return ret;
}

static int start(void)
{
	int ret = torture_actors_start(threads, steps);

	if (ret)
		goto err_actors;
	controller = kthread_run(controller_fn, NULL, "torture");
	if (!IS_ERR(controller))
		return 0;
	ret = PTR_ERR(controller);

err_actors:
	torture_actors_finish();
	torture_actors_free();
	return ret;
}

static int __init torture_init(void)
{
	int ret;

	threads = threads ?: 2 * num_online_cpus();
	if (threads > 1000 || seconds > 1000000)
		return -EINVAL;
	if (!torture_seed)
		torture_seed = get_random_u32() | 1;

	ret = torture_passports_init();
	if (ret)
		return ret;
	ret = kinds_init();
	if (ret)
		goto err_passports;
	pr_info("begin: seed %lu, %u threads, %u s\n", torture_seed, threads, seconds);
	ret = start();
	if (ret)
		goto err_kinds;

	ptkit_source_add(&torture_source);
	debugfs_create_file("result", 0400, torture_source.dir, NULL, &result_fops);
	debugfs_create_file("fault", 0200, torture_source.dir, NULL, &fault_fops);
	return 0;

err_kinds:
	kinds_exit(TORTURE_NR_KINDS);
err_passports:
	torture_passports_exit();
	return ret;
}

static void __exit torture_exit(void)
{
	/* A thread that is stopped before it begins never does. */
	if (kthread_stop(controller) == -EINTR)
		conclude(true);
	ptkit_source_del(&torture_source);
	torture_actors_free();
	torture_passports_exit();
}

module_init(torture_init);
module_exit(torture_exit);

MODULE_DESCRIPTION("Random operations of all of ptkit, everywhere, that check themselves");
MODULE_VERSION(PTKIT_VERSION);
MODULE_LICENSE("GPL");
MODULE_INFO(test, "Y");
