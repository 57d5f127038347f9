// SPDX-License-Identifier: GPL-2.0
/*
 * ptkit_kunit: KUnit suites for ptkit, run when the module is loaded.
 *
 * The suites are started here and not by KUnit's own module hook: that one cannot choose among a
 * module's suites in every kernel, and in old kernels runs before the parameters are known.
 */
#include <linux/module.h>
#include <linux/string.h>

#include "../module/compat/kunit.h"
#include "../module/version.h"
#include "ptest.h"

static char *suite;
module_param(suite, charp, 0444);
MODULE_PARM_DESC(suite, "run this suite only, e.g. ptkit_frozen (default: all)");

unsigned long ptest_seed_param;
module_param_named(seed, ptest_seed_param, ulong, 0444);
MODULE_PARM_DESC(seed, "of the random numbers (default: another one each time)");

unsigned int ptest_scale_param = 1;
module_param_named(scale, ptest_scale_param, uint, 0444);
MODULE_PARM_DESC(scale, "divide the rounds of long cases by this (default: 1)");

static struct kunit_suite *const all_suites[] = {
	&ptkit_stats_suite,
	&ptkit_pcp_stack_suite,
	&ptkit_frozen_suite,
	&ptkit_quicklist_suite,
	&ptkit_ptdesc_suite,
	&ptkit_async_free_suite,
	&ptkit_slab_suite,
	&ptkit_nmi_suite,
	&ptkit_faults_suite,
	&ptkit_races_suite,
};

static struct kunit_suite *suites[ARRAY_SIZE(all_suites)];
static int nr_suites;

/* Whoever reads the results knows from this line how many there have to be. */
static void announce(void)
{
	unsigned long cases = 0;
	int i;

	for (i = 0; i < nr_suites; i++)
		cases += kunit_suite_num_test_cases(suites[i]);
	pr_info("planned %lu cases in %d suites\n", cases, nr_suites);
	/* As KUnit prints it for suites of its own; no prefix. */
	kunit_log(KERN_INFO, suites[0], "KTAP version 1\n");
	kunit_log(KERN_INFO, suites[0], "1..%d\n", nr_suites);
}

static int __init ptkit_kunit_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(all_suites); i++)
		if (!suite || !strcmp(suite, all_suites[i]->name))
			suites[nr_suites++] = all_suites[i];
	if (!nr_suites) {
		pr_err("no suite %s\n", suite);
		return -EINVAL;
	}
	announce();
	return ptkit_kunit_run(suites, nr_suites);
}

static void __exit ptkit_kunit_exit(void)
{
	__kunit_test_suites_exit(suites, nr_suites);
}

module_init(ptkit_kunit_init);
module_exit(ptkit_kunit_exit);

MODULE_DESCRIPTION("KUnit suites for ptkit");
MODULE_VERSION(PTKIT_VERSION);
MODULE_LICENSE("GPL");
MODULE_INFO(test, "Y");
