// SPDX-License-Identifier: GPL-2.0
/*
 * The cases of kunit/slab_kunit.c for kernels without KUnit. They run when the module is loaded;
 * selftests/slab.sh reads the results in the kernel log. Loading never fails: insmod would try
 * again.
 */
#define PTKIT_KUNIT_SHIM	1
#include "kunit_shim.h"

#include "../slab_kunit.c"
#include "../../module/version.h"

static char *only;
module_param(only, charp, 0444);
MODULE_PARM_DESC(only, "run this case only (default: all)");

static int __init slab_test_init(void)
{
	shim_run_suite(&ptkit_slab_suite, only);
	return 0;
}

static void __exit slab_test_exit(void)
{
}

module_init(slab_test_init);
module_exit(slab_test_exit);

MODULE_DESCRIPTION("Tests of ptkit's slab for any kernel");
MODULE_VERSION(PTKIT_VERSION);
MODULE_LICENSE("GPL");
MODULE_INFO(test, "Y");
