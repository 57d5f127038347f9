// SPDX-License-Identifier: GPL-2.0
/*
 * Maps one page some hundred thousand times, so that the kernel needs PMD tables of its own, and
 * looks at it through all of them.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>

#define GIGA		(1024UL << 20)
#define WORD		0x5a5a5a5aUL

/* vmap() takes no more pages than there is memory, and a new gigabyte has to be reached. */
#define NR_MAPPINGS	8

static void *mappings[NR_MAPPINGS];

static bool intact(const void *mapping, unsigned long nr)
{
	unsigned long i;

	for (i = 0; i < nr; i++) {
		if (READ_ONCE(*(unsigned long *)(mapping + i * PAGE_SIZE)) != WORD)
			return false;
		if (!(i % 4096))
			cond_resched();
	}
	return true;
}

static int map_all(struct page **pages, unsigned long nr)
{
	unsigned int i;

	for (i = 0; i < NR_MAPPINGS; i++) {
		mappings[i] = vmap(pages, nr, VM_MAP, PAGE_KERNEL);
		if (!mappings[i])
			return -ENOMEM;
		if (!intact(mappings[i], nr))
			return -EIO;
	}
	return 0;
}

static int __init vmap_init(void)
{
	unsigned long nr = min(totalram_pages() / 2, GIGA / PAGE_SIZE), i;
	struct page *page = alloc_page(GFP_KERNEL);
	struct page **pages = kvmalloc_array(nr, sizeof(*pages), GFP_KERNEL);
	int ret = -ENOMEM;

	if (page && pages) {
		*(unsigned long *)page_address(page) = WORD;
		for (i = 0; i < nr; i++)
			pages[i] = page;
		ret = map_all(pages, nr);
		for (i = 0; i < NR_MAPPINGS; i++)
			vunmap(mappings[i]);
	}
	kvfree(pages);
	if (page)
		__free_page(page);
	return ret;
}

static void __exit vmap_exit(void)
{
}

module_init(vmap_init);
module_exit(vmap_exit);

MODULE_DESCRIPTION("Makes the kernel map a lot");
MODULE_LICENSE("GPL");
