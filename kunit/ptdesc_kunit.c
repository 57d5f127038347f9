// SPDX-License-Identifier: GPL-2.0
/* Descriptors: what they say, how they are found, how long they live. No MMU needed. */
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "../module/ptdesc.h"
#include "ptest.h"

static struct ptkit_ptdesc *get_table(struct kunit *test, enum ptkit_level level)
{
	struct ptkit_ptdesc *pt = ptkit_pagetable_alloc(level, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pt);
	return pt;
}

static void ptdesc_alloc(struct kunit *test)
{
	unsigned int level;

	for (level = 0; level < PTKIT_NR_LEVELS; level++) {
		struct ptkit_ptdesc *pt = get_table(test, level);
		struct page *page = ptkit_ptdesc_page(pt);

		KUNIT_EXPECT_EQ(test, (unsigned int)pt->level, level);
		KUNIT_EXPECT_EQ(test, pt->entries, 0U);
		KUNIT_EXPECT_TRUE(test, !pt->owner);
		KUNIT_EXPECT_TRUE(test, list_empty(&pt->list));
		KUNIT_EXPECT_TRUE(test, ptkit_page_frozen(page));
		KUNIT_EXPECT_TRUE(test, PageTable(page));
		/* Free to be taken. */
		if (spin_trylock(&pt->ptl))
			spin_unlock(&pt->ptl);
		else
			KUNIT_FAIL(test, "locked");
		KUNIT_EXPECT_TRUE(test, !memchr_inv(page_address(page), 0, PAGE_SIZE));
		ptkit_pagetable_free(pt);
	}
	KUNIT_EXPECT_TRUE(test, !ptkit_pagetable_alloc(PTKIT_NR_LEVELS, GFP_KERNEL));
}

static void ptdesc_lookup(struct kunit *test)
{
	struct ptkit_ptdesc *pt = get_table(test, PTKIT_PTE);
	void *addr = page_address(ptkit_ptdesc_page(pt));

	KUNIT_EXPECT_PTR_EQ(test, ptkit_page_ptdesc(pt->page), pt);
	KUNIT_EXPECT_PTR_EQ(test, ptkit_virt_to_ptdesc(addr), pt);
	KUNIT_EXPECT_PTR_EQ(test, ptkit_virt_to_ptdesc(addr + PAGE_SIZE - 1), pt);
	ptkit_pagetable_free(pt);
}

/* Pages that look a little like tables. */
static void ptdesc_strangers(struct kunit *test)
{
	struct ptkit_ptdesc *pt = get_table(test, PTKIT_PTE);
	struct page *page = alloc_page(GFP_KERNEL);
	void *small = kmalloc(64, GFP_KERNEL);

	KUNIT_EXPECT_TRUE(test, page && small);
	if (page && small) {
		KUNIT_EXPECT_TRUE(test, !ptkit_page_ptdesc(page));
		/* A private word that points to a real descriptor does not make it one. */
		set_page_private(page, (unsigned long)pt);
		KUNIT_EXPECT_TRUE(test, !ptkit_page_ptdesc(page));
		set_page_private(page, (unsigned long)page);
		KUNIT_EXPECT_TRUE(test, !ptkit_virt_to_ptdesc(page_address(page)));
		set_page_private(page, 0);
		KUNIT_EXPECT_TRUE(test, !ptkit_virt_to_ptdesc(small));
	}
	kfree(small);
	if (page)
		__free_page(page);
	ptkit_pagetable_free(pt);
}

/*
 * A listed table keeps its descriptor, but not its owner: a hit initialises nothing. With
 * passthrough the page goes, but not before a grace period.
 */
static void ptdesc_stays_attached(struct kunit *test)
{
	static const struct ptkit_ptdesc_owner owner;
	struct ptkit_ptdesc *pt = get_table(test, PTKIT_PMD);

	WRITE_ONCE(pt->owner, &owner);
	rcu_read_lock();
	ptkit_pagetable_free(pt);
	KUNIT_EXPECT_PTR_EQ(test, ptkit_page_ptdesc(pt->page), pt);
	KUNIT_EXPECT_TRUE(test, !READ_ONCE(pt->owner));
	rcu_read_unlock();
}

/* It is refused, and is as good as it was. */
static void ptdesc_free_with_entries(struct kunit *test)
{
	struct ptkit_ptdesc *pt = get_table(test, PTKIT_PTE);
	unsigned long misuse = ptkit_ptdesc_misuse();

	ptest_expect_warning(PTEST_WARN_PT_FREE);
	pt->entries = 1;
	ptkit_pagetable_free(pt);
	KUNIT_EXPECT_EQ(test, ptkit_ptdesc_misuse(), misuse + 1);
	KUNIT_EXPECT_FALSE(test, pcp_is_marked(pt->page));
	KUNIT_EXPECT_EQ(test, atomic_read(&pt->state), (int)PTDESC_IDLE);
	pt->entries = 0;
	ptkit_pagetable_free(pt);
	KUNIT_EXPECT_EQ(test, ptkit_ptdesc_misuse(), misuse + 1);
}

static void ptdesc_free_rcu(struct kunit *test)
{
	struct ptkit_ptdesc *pt = get_table(test, PTKIT_PUD);

	rcu_read_lock();
	ptkit_pagetable_free_rcu(pt);
	KUNIT_EXPECT_PTR_EQ(test, ptkit_page_ptdesc(pt->page), pt);
	rcu_read_unlock();
	synchronize_rcu();
	rcu_barrier();
}

/* A second call while the first one waits is refused, and the table is freed once. */
static void ptdesc_free_rcu_twice(struct kunit *test)
{
	unsigned long misuse = ptkit_ptdesc_misuse();
	struct ptkit_ptdesc *pt = get_table(test, PTKIT_PTE);

	ptest_expect_warning(PTEST_WARN_PT_RCU);
	rcu_read_lock();
	ptkit_pagetable_free_rcu(pt);
	KUNIT_EXPECT_EQ(test, atomic_read(&pt->state), (int)PTDESC_RCU);
	ptkit_pagetable_free_rcu(pt);
	KUNIT_EXPECT_EQ(test, ptkit_ptdesc_misuse(), misuse + 1);
	rcu_read_unlock();
	rcu_barrier();
	KUNIT_EXPECT_EQ(test, ptkit_ptdesc_misuse(), misuse + 1);
}

/* Taken back and still on the queue: it goes through RCU and the queue, once each. */
static void ptdesc_free_rcu_taken_back(struct kunit *test)
{
	unsigned long misuse = ptkit_ptdesc_misuse() + ptkit_async_misuse();
	struct ptkit_ptdesc *pt = get_table(test, PTKIT_PTE);

	preempt_disable();
	ptkit_pagetable_free_kernel(pt);
	if (ptkit_pagetable_take_back(pt))
		ptkit_pagetable_free_rcu(pt);
	preempt_enable();
	ptkit_pagetable_sync();
	rcu_barrier();
	ptkit_pagetable_sync();
	KUNIT_EXPECT_EQ(test, ptkit_pagetable_queue_length(), 0UL);
	KUNIT_EXPECT_EQ(test, ptkit_ptdesc_misuse() + ptkit_async_misuse(), misuse);
}

static void ptdesc_many(struct kunit *test)
{
	LIST_HEAD(tables);
	struct ptkit_ptdesc *pt, *next;
	unsigned int i, nr = 0;

	for (i = 0; i < 500; i++) {
		pt = ptkit_pagetable_alloc(i % PTKIT_NR_LEVELS, GFP_KERNEL);
		if (!pt)
			break;
		pt->addr = i;
		list_add_tail(&pt->list, &tables);
	}
	KUNIT_EXPECT_EQ(test, i, 500U);
	list_for_each_entry_safe(pt, next, &tables, list) {
		KUNIT_EXPECT_EQ(test, pt->addr, (unsigned long)nr);
		KUNIT_EXPECT_PTR_EQ(test, ptkit_page_ptdesc(pt->page), pt);
		list_del_init(&pt->list);
		ptkit_pagetable_free(pt);
		nr++;
	}
	KUNIT_EXPECT_EQ(test, nr, i);
}

static struct kunit_case ptdesc_cases[] = {
	KUNIT_CASE(ptdesc_alloc),
	KUNIT_CASE(ptdesc_lookup),
	KUNIT_CASE(ptdesc_strangers),
	KUNIT_CASE(ptdesc_stays_attached),
	KUNIT_CASE(ptdesc_free_with_entries),
	KUNIT_CASE(ptdesc_free_rcu),
	KUNIT_CASE(ptdesc_free_rcu_twice),
	KUNIT_CASE(ptdesc_free_rcu_taken_back),
	KUNIT_CASE(ptdesc_many),
	{ }
};

struct kunit_suite ptkit_ptdesc_suite = {
	.name = "ptkit_ptdesc",
	.test_cases = ptdesc_cases,
};
