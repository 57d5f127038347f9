// SPDX-License-Identifier: GPL-2.0
/* A page in its known state, from a quicklist that has one, beside a page that is cleared. */
#include <linux/err.h>
#include <linux/gfp.h>

#include "../ptkit.h"
#include "bench.h"

static int quicklist_setup(struct bench_run *run)
{
	struct ptkit_quicklist *ql = ptkit_quicklist_create("bench", NULL, NULL);

	if (IS_ERR(ql))
		return PTR_ERR(ql);
	run->private = ql;
	return 0;
}

static void quicklist_teardown(struct bench_run *run)
{
	ptkit_quicklist_destroy(run->private);
}

static int quicklist_ptkit(struct bench_thread *t, unsigned long loops)
{
	struct ptkit_quicklist *ql = t->run->private;
	struct page *page;
	unsigned long i;

	bench_start(t);
	for (i = 0; i < loops; i++) {
		page = ptkit_quicklist_alloc(ql, GFP_KERNEL);
		if (unlikely(!page))
			return -ENOMEM;
		ptkit_quicklist_free(ql, page);
	}
	bench_stop(t, loops);
	return 0;
}

static int quicklist_kernel(struct bench_thread *t, unsigned long loops)
{
	struct page *page;
	unsigned long i;

	bench_start(t);
	for (i = 0; i < loops; i++) {
		page = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (unlikely(!page))
			return -ENOMEM;
		__free_page(page);
	}
	bench_stop(t, loops);
	return 0;
}

const struct bench bench_quicklist_pair = {
	.name = "quicklist_pair",
	.what = "alloc and free of a listed page, beside a zeroed alloc_page and __free_page",
	.cpus = { .min = 1, .max = NR_CPUS, .def = 1 },
	.setup = quicklist_setup,
	.teardown = quicklist_teardown,
	.run[BENCH_PTKIT] = quicklist_ptkit,
	.run[BENCH_KERNEL] = quicklist_kernel,
};
