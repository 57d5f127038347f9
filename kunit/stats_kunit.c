// SPDX-License-Identifier: GPL-2.0
/* Counters, and how sources show them. What user space reads and writes is the selftests' part. */
#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "../module/stats.h"
#include "ptest.h"

enum { FIRST, SECOND, LAST, NR_COUNTERS };

static void free_counters(void *counters)
{
	free_percpu((void __percpu *)(__force unsigned long)counters);
}

static unsigned long __percpu *new_counters(struct kunit *test)
{
	unsigned long __percpu *counters = ptkit_events_alloc(NR_COUNTERS);

	KUNIT_ASSERT_TRUE(test, !!counters);
	ptest_defer(test, free_counters, (void *)(__force unsigned long)counters);
	return counters;
}

static void counters_begin_at_zero(struct kunit *test)
{
	unsigned long __percpu *counters = new_counters(test);
	unsigned int id;

	for (id = 0; id < NR_COUNTERS; id++)
		KUNIT_EXPECT_EQ(test, ptkit_events_sum(counters, id), 0UL);
}

static void counters_are_summed_over_all_cpus(struct kunit *test)
{
	unsigned long __percpu *counters = new_counters(test);
	unsigned long sum = 0;
	int cpu;

	for_each_online_cpu(cpu) {
		ptest_pin(test, cpu);
		ptkit_count(counters, FIRST);
		ptkit_count_add(counters, LAST, cpu + 10UL);
		sum += cpu + 10UL;
	}
	KUNIT_EXPECT_EQ(test, ptkit_events_sum(counters, FIRST), 1UL * num_online_cpus());
	KUNIT_EXPECT_EQ(test, ptkit_events_sum(counters, SECOND), 0UL);
	KUNIT_EXPECT_EQ(test, ptkit_events_sum(counters, LAST), sum);
}

/* What a CPU counted is not forgotten with it. */
static void counters_of_cpus_that_are_offline_count(struct kunit *test)
{
	unsigned long __percpu *counters = new_counters(test);
	int cpu;

	for_each_possible_cpu(cpu)
		per_cpu_ptr(counters, cpu)[SECOND] = 3;
	KUNIT_EXPECT_EQ(test, ptkit_events_sum(counters, SECOND), 3UL * num_possible_cpus());
}

static void counter_may_go_down(struct kunit *test)
{
	unsigned long __percpu *counters = new_counters(test);

	ptkit_count_add(counters, FIRST, 5);
	ptkit_count_add(counters, FIRST, -7L);
	KUNIT_EXPECT_EQ(test, (long)ptkit_events_sum(counters, FIRST), -2L);
}

static void stat_is_one_line_of_name_and_value(struct kunit *test)
{
	struct seq_file m = { .size = 64, .private = test };

	m.buf = kunit_kzalloc(test, m.size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m.buf);
	ptkit_stat(&m, "pages", 4711);
	ptkit_stat(&m, "most", ULONG_MAX);
	KUNIT_EXPECT_EQ(test, m.count, strlen("pages 4711\nmost 18446744073709551615\n"));
	KUNIT_EXPECT_STREQ(test, m.buf, "pages 4711\nmost 18446744073709551615\n");
}

static void show_nothing(struct seq_file *m, struct ptkit_source *source)
{
}

static bool is_there(const char *group, const char *name)
{
	struct dentry *root = debugfs_lookup("ptkit", NULL), *dir = NULL, *entry = NULL;

	if (root)
		dir = debugfs_lookup(group, root);
	if (dir)
		entry = debugfs_lookup(name, dir);
	dput(entry);
	dput(dir);
	dput(root);
	return entry;
}

static void source_has_a_directory_while_it_exists(struct kunit *test)
{
	struct ptkit_source *source = kunit_kzalloc(test, sizeof(*source), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, source);
	*source = (struct ptkit_source){
		.group = "kunit_group",
		.name = "kunit_source",
		.show_stats = show_nothing,
		.show_summary = show_nothing,
	};
	ptkit_source_add(source);
	KUNIT_EXPECT_TRUE(test, is_there("kunit_group", "kunit_source"));
	ptkit_source_del(source);
	KUNIT_EXPECT_FALSE(test, is_there("kunit_group", "kunit_source"));

	/* A second one finds the group's directory. */
	ptkit_source_add(source);
	KUNIT_EXPECT_TRUE(test, is_there("kunit_group", "kunit_source"));
	ptkit_source_del(source);
}

static void quicklist_has_a_directory_while_it_exists(struct kunit *test)
{
	struct ptkit_quicklist *ql = ptkit_quicklist_create("kunit_dir", NULL, NULL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ql);
	KUNIT_EXPECT_TRUE(test, is_there("quicklist", "kunit_dir"));
	ptkit_quicklist_destroy(ql);
	KUNIT_EXPECT_FALSE(test, is_there("quicklist", "kunit_dir"));
}

static struct kunit_case stats_cases[] = {
	KUNIT_CASE(counters_begin_at_zero),
	KUNIT_CASE(counters_are_summed_over_all_cpus),
	KUNIT_CASE(counters_of_cpus_that_are_offline_count),
	KUNIT_CASE(counter_may_go_down),
	KUNIT_CASE(stat_is_one_line_of_name_and_value),
	KUNIT_CASE(source_has_a_directory_while_it_exists),
	KUNIT_CASE(quicklist_has_a_directory_while_it_exists),
	{ }
};

struct kunit_suite ptkit_stats_suite = {
	.name = "ptkit_stats",
	.test_cases = stats_cases,
};
