// SPDX-License-Identifier: GPL-2.0
/* A frozen page from the stash, beside a page of the host's. */
#include <linux/gfp.h>

#include "../ptkit.h"
#include "bench.h"

static int frozen_ptkit(struct bench_thread *t, unsigned long loops)
{
	struct page *page;
	unsigned long i;

	bench_start(t);
	for (i = 0; i < loops; i++) {
		page = ptkit_frozen_alloc(GFP_KERNEL, 0);
		if (unlikely(!page))
			return -ENOMEM;
		ptkit_frozen_free(page, 0);
	}
	bench_stop(t, loops);
	return 0;
}

static int frozen_kernel(struct bench_thread *t, unsigned long loops)
{
	struct page *page;
	unsigned long i;

	bench_start(t);
	for (i = 0; i < loops; i++) {
		page = alloc_page(GFP_KERNEL);
		if (unlikely(!page))
			return -ENOMEM;
		__free_page(page);
	}
	bench_stop(t, loops);
	return 0;
}

const struct bench bench_frozen_pair = {
	.name = "frozen_pair",
	.what = "alloc and free of a stashed frozen page, beside alloc_page and __free_page",
	.cpus = { .min = 1, .max = NR_CPUS, .def = 1 },
	.run[BENCH_PTKIT] = frozen_ptkit,
	.run[BENCH_KERNEL] = frozen_kernel,
};
