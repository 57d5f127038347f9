// SPDX-License-Identifier: GPL-2.0
/*
 * Drives the window and asynchronous freeing from inside the kernel, for selftests/window.sh and
 * selftests/async_free.sh: write "COMMAND [NUMBER [NUMBER]]" to run in debugfs, whose error is the
 * outcome, and read result, one "name value" a line.
 */
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "test.h"

#define RESULTS_MAX	24

static const struct {
	const char *name;
	int (*fn)(unsigned long a, unsigned long b);
} commands[] = {
	{ "basic", test_basic },
	{ "exact", test_exact },
	{ "exact_upper", test_exact_upper },
	{ "churn", test_churn },
	{ "walk", test_walk },
	{ "exhaust", test_exhaust },
	{ "hold", test_hold },
	{ "show", test_show },
	{ "release", test_release },
	{ "lookup", test_lookup },
	{ "queue", test_queue },
	{ "bound", test_bound },
	{ "contexts", test_contexts },
	{ "nmi", test_nmi },
	{ "skip_flush", test_skip_flush },
	{ "sync", test_sync },
	{ "late", test_late },
	{ "misuse", test_misuse },
	{ "bench_flush", test_bench_flush },
	{ "bench_enqueue", test_bench_enqueue },
	{ "bench_map", test_bench_map },
};

static DEFINE_MUTEX(command_lock);
static struct dentry *dir;

/* Protected by command_lock. */
static struct {
	const char *name;
	long value;
} results[RESULTS_MAX];
static unsigned int nr_results;

void test_report(const char *name, long value)
{
	if (WARN_ON_ONCE(nr_results == RESULTS_MAX))
		return;
	results[nr_results].name = name;
	results[nr_results].value = value;
	nr_results++;
}

struct test_thread {
	int (*fn)(void *arg, unsigned int number);
	void *arg;
	unsigned int number;
	struct task_struct *task;
	struct completion done;
	int ret;
};

static int test_thread_fn(void *data)
{
	struct test_thread *thread = data;

	thread->ret = thread->fn(thread->arg, thread->number);
	complete(&thread->done);
	/* kthread_stop() wants to find us. */
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

int test_run_threads(unsigned int nr, int (*fn)(void *arg, unsigned int number), void *arg)
{
	struct test_thread *threads = kcalloc(nr, sizeof(*threads), GFP_KERNEL);
	unsigned int i, cpu = cpumask_first(cpu_online_mask);
	int ret = 0;

	if (!threads)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		threads[i] = (struct test_thread){ .fn = fn, .arg = arg, .number = i };
		init_completion(&threads[i].done);
		threads[i].task = kthread_create(test_thread_fn, &threads[i], "window_test/%u", i);
		if (IS_ERR(threads[i].task))
			break;
		set_cpus_allowed_ptr(threads[i].task, cpumask_of(cpu));
		cpu = cpumask_next(cpu, cpu_online_mask);
		if (cpu >= nr_cpu_ids)
			cpu = cpumask_first(cpu_online_mask);
	}
	if (i < nr)
		ret = -ENOMEM;
	nr = i;
	for (i = 0; i < nr; i++)
		wake_up_process(threads[i].task);
	for (i = 0; i < nr; i++) {
		wait_for_completion(&threads[i].done);
		kthread_stop(threads[i].task);
		ret = ret ?: threads[i].ret;
	}
	kfree(threads);
	return ret;
}

static int run_command(const char *line)
{
	unsigned long a = 0, b = 0;
	char name[16];
	unsigned int i;

	if (sscanf(line, "%15s %lu %lu", name, &a, &b) < 1)
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, name))
			return commands[i].fn(a, b);
	return -EINVAL;
}

static ssize_t run_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	char line[64] = { };
	int ret;

	if (len >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, buf, len))
		return -EFAULT;
	mutex_lock(&command_lock);
	nr_results = 0;
	pr_info("run %s", line);
	ret = run_command(line);
	mutex_unlock(&command_lock);
	return ret ?: len;
}

static const struct file_operations run_fops = {
	.owner = THIS_MODULE,
	.write = run_write,
};

static int result_show(struct seq_file *m, void *unused)
{
	unsigned int i;

	mutex_lock(&command_lock);
	for (i = 0; i < nr_results; i++)
		seq_printf(m, "%s %ld\n", results[i].name, results[i].value);
	mutex_unlock(&command_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(result);

static int __init window_test_init(void)
{
	dir = debugfs_create_dir("ptkit_window_test", NULL);
	debugfs_create_file("run", 0200, dir, NULL, &run_fops);
	debugfs_create_file("result", 0400, dir, NULL, &result_fops);
	return 0;
}

static void __exit window_test_exit(void)
{
	debugfs_remove(dir);
	test_window_exit();
	test_async_exit();
}

module_init(window_test_init);
module_exit(window_test_exit);

MODULE_DESCRIPTION("Tests of ptkit's window and asynchronous freeing");
MODULE_LICENSE("GPL");
