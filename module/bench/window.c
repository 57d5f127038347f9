// SPDX-License-Identifier: GPL-2.0
/*
 * Kernel addresses for pages, and back: ptkit's window beside vmap and vunmap. Neither side waits
 * for the flush; both flush for many ranges at once, the kernel when its lazy ranges are too many.
 */
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "../ptkit.h"
#include "bench.h"

#define PAGES_MAX	512

/* n pages, which all threads map. */
static void window_free(struct page **pages, unsigned int n)
{
	while (n--)
		if (pages[n])
			__free_page(pages[n]);
	kfree(pages);
}

static int window_setup(struct bench_run *run)
{
	unsigned int i, n = run->params.n;
	struct page **pages = kcalloc(n, sizeof(*pages), GFP_KERNEL);

	if (!pages)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		pages[i] = alloc_page(GFP_KERNEL);
		if (!pages[i]) {
			window_free(pages, n);
			return -ENOMEM;
		}
	}
	run->private = pages;
	return 0;
}

/* Neither side leaves its debts to the other's next run. */
static void window_teardown(struct bench_run *run)
{
	ptkit_window_sync();
	vm_unmap_aliases();
	window_free(run->private, run->params.n);
}

static int window_ptkit(struct bench_thread *t, unsigned long loops)
{
	unsigned int n = t->run->params.n;
	unsigned long i;
	void *addr;

	bench_start(t);
	for (i = 0; i < loops; i++) {
		addr = ptkit_window_map(t->run->private, n, PAGE_KERNEL);
		if (IS_ERR(addr))
			return PTR_ERR(addr);
		ptkit_window_unmap(addr, n);
	}
	bench_stop(t, loops);
	return 0;
}

static int window_kernel(struct bench_thread *t, unsigned long loops)
{
	unsigned int n = t->run->params.n;
	unsigned long i;
	void *addr;

	bench_start(t);
	for (i = 0; i < loops; i++) {
		addr = vmap(t->run->private, n, VM_MAP, PAGE_KERNEL);
		if (!addr)
			return -ENOMEM;
		vunmap(addr);
	}
	bench_stop(t, loops);
	return 0;
}

const struct bench bench_window_map_unmap = {
	.name = "window_map_unmap",
	.what = "map n pages and unmap them, beside vmap and vunmap",
	.cpus = { .min = 1, .max = NR_CPUS, .def = 1 },
	.n = { .min = 1, .max = PAGES_MAX, .def = 16 },
	.setup = window_setup,
	.teardown = window_teardown,
	.run[BENCH_PTKIT] = window_ptkit,
	.run[BENCH_KERNEL] = window_kernel,
};
