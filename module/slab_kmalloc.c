// SPDX-License-Identifier: GPL-2.0
/*
 * kmalloc() and its like on slab caches of fixed sizes, and on frozen pages above them.
 *
 * An object carries no header: what it is stands in the second word of its page (slab_internal.h).
 * The caches of the classes lie in one array, so that one subtraction tells whether that word is
 * one of them. The first page of a large allocation has its order there, under a mark that is no
 * address. Everything else is no memory of ours, and not touched.
 */
#include <linux/export.h>
#include <linux/kmemleak.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "compat/compat.h"
#include "internal.h"
#include "slab_internal.h"

/*
 * What the first page of a large allocation says of itself; the order is in the low byte,
 * shifted.
 */
#define LARGE_MARK	0x1a46e00000000000UL
#define LARGE_MASK	0xffffffffffffff00UL

static struct ptkit_cache classes[PTKIT_KMALLOC_CLASSES];
struct ptkit_cache *ptkit_kmalloc_caches[PTKIT_KMALLOC_CLASSES];
EXPORT_SYMBOL_GPL(ptkit_kmalloc_caches);

/* Class by size, in steps of 8, as far as sizes are no powers of two. */
static u8 small_class[192 / 8] __ro_after_init;

static const unsigned int class_size[PTKIT_KMALLOC_CLASSES] = {
	8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, PTKIT_KMALLOC_MAX,
};

enum large_event {
	LARGE_ALLOCS,
	LARGE_FREES,
	LARGE_PAGES_ALLOC,
	LARGE_PAGES_FREE,
	LARGE_FAILED,
	LARGE_MISUSE,
	NR_LARGE_EVENTS
};

static const char *const large_names[] = {
	[LARGE_ALLOCS] = "allocs",
	[LARGE_FREES] = "frees",
	[LARGE_PAGES_ALLOC] = "alloc_pages",
	[LARGE_PAGES_FREE] = "free_pages",
	[LARGE_FAILED] = "failed",
	[LARGE_MISUSE] = "misuse",
};

static_assert(ARRAY_SIZE(large_names) == NR_LARGE_EVENTS);

static unsigned long __percpu *events;

/* ---- large sizes ----------------------------------------------------------------------------- */

static bool word_is_large(unsigned long word)
{
	return (word & LARGE_MASK) == LARGE_MARK;
}

static unsigned int large_order(unsigned long word)
{
	return (word & ~LARGE_MASK) >> 1;
}

static void *large_alloc(size_t size, gfp_t gfp)
{
	unsigned int order = get_order(size);
	struct page *page = NULL;

	if (likely(!((__force unsigned long)gfp & (__force unsigned long)GFP_ZONEMASK)))
		page = ptkit_frozen_alloc(gfp, order);
	if (!page) {
		ptkit_count(events, LARGE_FAILED);
		return NULL;
	}
	((struct slab *)page)->owner = LARGE_MARK | order << 1;
	ptkit_count(events, LARGE_ALLOCS);
	ptkit_count_add(events, LARGE_PAGES_ALLOC, 1UL << order);
	kmemleak_alloc(page_address(page), size, 1, gfp);
	return page_address(page);
}

static void large_free(void *object, unsigned int order)
{
	struct page *page = virt_to_page(object);

	kmemleak_free(object);
	ptkit_count(events, LARGE_FREES);
	ptkit_count_add(events, LARGE_PAGES_FREE, 1UL << order);
	((struct slab *)page)->owner = 0;
	ptkit_frozen_free(page, order);
}

/* ---- allocation and freeing ------------------------------------------------------------------ */

static noinline void *kmalloc_odd(size_t size, gfp_t gfp)
{
	if (!size)
		return ZERO_SIZE_PTR;
	if (ptkit_passthrough)
		return kmalloc(size, gfp);
	return large_alloc(size, gfp);
}

/**
 * ptkit_kmalloc_any - ptkit_kmalloc() for a size that the compiler does not know
 * @size: bytes
 * @gfp: as for ptkit_kmalloc()
 *
 * Context: as ptkit_cache_alloc(); larger sizes than PTKIT_KMALLOC_MAX as ptkit_frozen_alloc().
 * Return: as ptkit_kmalloc().
 */
void *ptkit_kmalloc_any(size_t size, gfp_t gfp)
{
	struct ptkit_cache *c;

	/* No subscripts: UBSAN would compare once more what is compared here. */
	if (size - 1 < 192)
		c = classes + *(small_class + (size - 1) / 8);
	else if (likely(size - 1 < PTKIT_KMALLOC_MAX))
		c = classes + fls_long(size - 1) - 1;
	else
		return kmalloc_odd(size, gfp);
	/* One pointer in one register, not an index that is made a pointer of at every use. */
	OPTIMIZER_HIDE_VAR(c);
	return slab_alloc_inline(c, gfp);
}
EXPORT_SYMBOL_GPL(ptkit_kmalloc_any);

/* Does a page's word name one of our caches? */
static __always_inline bool word_is_class(unsigned long word)
{
	return likely(word - (unsigned long)classes < sizeof(classes));
}

/* The cache that it names for slabs of the lesser kind, or %NULL. */
static struct ptkit_cache *word_small_class(unsigned long word)
{
	word = (word ^ SLAB_OWNER_SMALL) & ~SLAB_OWNER_ORDER;
	return word_is_class(word) ? (struct ptkit_cache *)word : NULL;
}

static noinline void kfree_odd(void *object, unsigned long word)
{
	struct ptkit_cache *c;

	if (ZERO_OR_NULL_PTR(object))
		return;
	if (ptkit_passthrough) {
		kfree(object);
		return;
	}
	c = word_small_class(word);
	if (c) {
		ptkit_cache_free(c, object);
		return;
	}
	if (word_is_large(word) && PAGE_ALIGNED(object)) {
		large_free(object, large_order(word));
		return;
	}
	ptkit_count(events, LARGE_MISUSE);
	ptkit_misuse("ptkit_kfree() of something else, %p", object);
}

/**
 * ptkit_kfree - free what ptkit_kmalloc() and its like gave
 * @object: the memory; %NULL and ZERO_SIZE_PTR do nothing
 *
 * Context: as ptkit_cache_free(); larger sizes than PTKIT_KMALLOC_MAX as ptkit_frozen_free().
 */
void ptkit_kfree(const void *object)
{
	unsigned long word = ptkit_arch_page_word(object);

	if (word_is_class(word))
		slab_free_inline((struct ptkit_cache *)word, (void *)object);
	else
		kfree_odd((void *)object, word);
}
EXPORT_SYMBOL_GPL(ptkit_kfree);

/**
 * ptkit_ksize - how much memory is there really?
 * @object: as for ptkit_kfree()
 *
 * Context: any.
 * Return: bytes, all of which may be used; 0 for what is not ours. With passthrough it is ksize(),
 * and no more may be used than was asked for.
 */
size_t ptkit_ksize(const void *object)
{
	unsigned long word = ptkit_arch_page_word(object);
	struct ptkit_cache *c;

	if (ZERO_OR_NULL_PTR(object))
		return 0;
	if (ptkit_passthrough)
		return ksize(object);
	c = word_is_class(word) ? (struct ptkit_cache *)word : word_small_class(word);
	if (c)
		return c->size;
	return word_is_large(word) ? PAGE_SIZE << large_order(word) : 0;
}
EXPORT_SYMBOL_GPL(ptkit_ksize);

/**
 * ptkit_krealloc - give memory another size
 * @object: the memory, or %NULL
 * @size: the new size; 0 frees
 * @gfp: as for ptkit_kmalloc(); with __GFP_ZERO what is new is zero, if it was so all along
 *
 * Context: as ptkit_kmalloc() and ptkit_kfree().
 * Return: the memory, perhaps elsewhere, with what was in it; %NULL if there is none, or @object is
 * not ours, and is then as it was; ZERO_SIZE_PTR for @size 0.
 */
void *ptkit_krealloc(const void *object, size_t size, gfp_t gfp)
{
	size_t old;
	void *new;

	if (!size) {
		ptkit_kfree(object);
		return ZERO_SIZE_PTR;
	}
	/* The host may know that less was asked for than there is. */
	if (ptkit_passthrough && !ZERO_OR_NULL_PTR(object))
		return krealloc(object, size, gfp);
	old = ptkit_ksize(object);
	if (old >= size)
		return (void *)object;
	if (unlikely(!old && !ZERO_OR_NULL_PTR(object))) {
		/* How much of it there is to keep, nobody knows. */
		ptkit_count(events, LARGE_MISUSE);
		ptkit_misuse("%s() of something else, %p", __func__, object);
		return NULL;
	}

	new = ptkit_kmalloc(size, gfp);
	if (new && old) {
		memcpy(new, object, old);
		ptkit_kfree(object);
	}
	return new;
}
EXPORT_SYMBOL_GPL(ptkit_krealloc);

/* ---- load and unload ------------------------------------------------------------------------- */

static void large_show_stats(struct seq_file *m, struct ptkit_source *source)
{
	unsigned int id;

	for (id = 0; id < NR_LARGE_EVENTS; id++)
		ptkit_stat(m, large_names[id], ptkit_events_sum(events, id));
}

static unsigned long large_pages(void)
{
	return ptkit_events_sum(events, LARGE_PAGES_ALLOC) -
	       ptkit_events_sum(events, LARGE_PAGES_FREE);
}

static void large_show_summary(struct seq_file *m, struct ptkit_source *source)
{
	seq_printf(m, "slab large kmalloc: %lu in use, %lu KiB\n",
		   ptkit_events_sum(events, LARGE_ALLOCS) - ptkit_events_sum(events, LARGE_FREES),
		   large_pages() << (PAGE_SHIFT - 10));
}

static struct ptkit_source large_source = {
	.group = "slab",
	.name = "kmalloc_large",
	.show_stats = large_show_stats,
	.show_summary = large_show_summary,
};

static void kmalloc_teardown(unsigned int nr)
{
	while (nr--) {
		slab_cache_check(&classes[nr]);
		slab_cache_dismantle(&classes[nr]);
	}
}

int slab_kmalloc_init(void)
{
	unsigned int i;
	char name[16];
	int ret;

	events = ptkit_events_alloc(NR_LARGE_EVENTS);
	if (!events)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(small_class); i++)
		small_class[i] = ptkit_kmalloc_class(8 * i + 8);
	for (i = 0; i < PTKIT_KMALLOC_CLASSES; i++) {
		snprintf(name, sizeof(name), "kmalloc_%u", class_size[i]);
		ret = slab_cache_setup(&classes[i], name, class_size[i], 0, SLAB_CLASS,
				       NULL);
		if (ret)
			goto err_teardown;
		ptkit_kmalloc_caches[i] = &classes[i];
	}
	ptkit_source_add(&large_source);
	return 0;

err_teardown:
	kmalloc_teardown(i);
	free_percpu(events);
	return ret;
}

void slab_kmalloc_exit(void)
{
	ptkit_source_del(&large_source);
	if (large_pages())
		pr_err("%lu pages of large kmallocs are still in use and leak\n", large_pages());
	kmalloc_teardown(PTKIT_KMALLOC_CLASSES);
	free_percpu(events);
}
