// SPDX-License-Identifier: GPL-2.0
/* Asynchronous freeing: states, order, generations. No MMU needed; secondary ones are told. */
#include <linux/notifier.h>
#include <linux/slab.h>

#include "../module/ptdesc.h"
#include "ptest.h"

#define NR_TABLES	300U

/* What happened, in the order in which it did. */
static struct {
	struct ptkit_ptdesc *tables[NR_TABLES];
	unsigned int flushes;
	unsigned int freed;
	unsigned int freed_before_flush;
	unsigned int wrong_state;
} seen;

static int flushed(struct notifier_block *nb, unsigned long action, void *unused)
{
	unsigned int i, state;

	seen.flushes++;
	if (action != PTKIT_INVALIDATE_ALL)
		seen.wrong_state++;
	/*
	 * None of the batch may be anybody's while it is being flushed. One that was queued behind
	 * the batch, and before the flush began, needs no other.
	 */
	for (i = 0; i < NR_TABLES; i++) {
		if (!seen.tables[i])
			continue;
		state = atomic_read(&seen.tables[i]->state);
		if (state != PTDESC_FLUSHING && state != PTDESC_QUEUED)
			seen.wrong_state++;
	}
	return NOTIFY_OK;
}

static struct notifier_block notifier = { .notifier_call = flushed };

static void table_freed(struct ptkit_ptdesc *pt)
{
	seen.freed++;
	if (!seen.flushes)
		seen.freed_before_flush++;
}

static const struct ptkit_ptdesc_owner owner = {
	.name = "kunit",
	.freed = table_freed,
};

static int async_init(struct kunit *test)
{
	ptkit_pagetable_sync();
	memset(&seen, 0, sizeof(seen));
	return ptkit_invalidate_register(&notifier);
}

static void async_exit(struct kunit *test)
{
	ptkit_pagetable_sync();
	ptkit_invalidate_unregister(&notifier);
}

static struct ptkit_ptdesc *get_table(struct kunit *test)
{
	struct ptkit_ptdesc *pt = ptkit_pagetable_alloc(PTKIT_PTE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pt);
	pt->owner = &owner;
	return pt;
}

/* The flush comes first, all CPUs' tables go, and each table goes once. */
static void async_order(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < NR_TABLES; i++) {
		seen.tables[i] = ptkit_pagetable_alloc(i % PTKIT_NR_LEVELS, GFP_KERNEL);
		if (!seen.tables[i])
			break;
		seen.tables[i]->owner = &owner;
	}
	KUNIT_EXPECT_EQ(test, i, NR_TABLES);
	/* So short a time that it is one batch nearly always; the checks hold for several, too. */
	preempt_disable();
	while (i--)
		ptkit_pagetable_free_kernel(seen.tables[i]);
	preempt_enable();
	ptkit_pagetable_sync();

	KUNIT_EXPECT_GE(test, seen.flushes, 1U);
	KUNIT_EXPECT_EQ(test, seen.freed, NR_TABLES);
	KUNIT_EXPECT_EQ(test, seen.freed_before_flush, 0U);
	KUNIT_EXPECT_EQ(test, ptkit_pagetable_queue_length(), 0UL);
	if (seen.flushes == 1)
		KUNIT_EXPECT_EQ(test, seen.wrong_state, 0U);
	for (i = 0; i < NR_TABLES; i++)
		seen.tables[i] = NULL;
}

static void async_take_back(struct kunit *test)
{
	struct ptkit_ptdesc *pt = get_table(test);
	bool back, twice;

	KUNIT_EXPECT_FALSE(test, ptkit_pagetable_take_back(pt));
	preempt_disable();
	ptkit_pagetable_free_kernel(pt);
	back = ptkit_pagetable_take_back(pt);
	twice = back && ptkit_pagetable_take_back(pt);
	preempt_enable();
	KUNIT_EXPECT_FALSE(test, twice);

	ptkit_pagetable_sync();
	KUNIT_EXPECT_EQ(test, ptkit_pagetable_queue_length(), 0UL);
	/* On another CPU the worker may have been faster. */
	KUNIT_EXPECT_EQ(test, seen.freed, back ? 0U : 1U);
	if (back) {
		KUNIT_EXPECT_EQ(test, atomic_read(&pt->state), (int)PTDESC_IDLE);
		ptkit_pagetable_free_kernel(pt);
		ptkit_pagetable_sync();
		KUNIT_EXPECT_EQ(test, seen.freed, 1U);
	}
}

/* Freed, taken back and freed again before the worker comes: freed once. */
static void async_take_back_and_free(struct kunit *test)
{
	struct ptkit_ptdesc *pt = get_table(test);
	unsigned int i;

	preempt_disable();
	ptkit_pagetable_free_kernel(pt);
	for (i = 0; i < 100 && ptkit_pagetable_take_back(pt); i++)
		ptkit_pagetable_free_kernel(pt);
	preempt_enable();
	ptkit_pagetable_sync();
	KUNIT_EXPECT_EQ(test, seen.freed, 1U);
	KUNIT_EXPECT_EQ(test, ptkit_pagetable_queue_length(), 0UL);
}

static void keep_syncing(struct ptest_worker *self)
{
	bool *over = self->arg;

	while (!READ_ONCE(self->stop) && !READ_ONCE(*over)) {
		ptkit_pagetable_sync();
		cond_resched();
	}
}

/* The worker comes past a table between any two steps of taking it back and freeing it again. */
static void async_take_back_meanwhile(struct kunit *test)
{
	unsigned long i, round, rounds = ptest_rounds(1000), misuse = ptkit_async_misuse();
	struct ptkit_ptdesc *tables[64];
	struct ptest_worker *others;
	static bool over;

	WRITE_ONCE(over, false);
	others = ptest_start(test, keep_syncing, &over, 2);
	for (round = 0; round < rounds; round++) {
		for (i = 0; i < ARRAY_SIZE(tables); i++)
			tables[i] = get_table(test);
		for (i = 0; i < ARRAY_SIZE(tables); i++)
			ptkit_pagetable_free_kernel(tables[i]);
		/* The worker begins with the last one. */
		while (i--)
			if (!ptkit_pagetable_take_back(tables[i]))
				tables[i] = NULL;
		for (i = 0; i < ARRAY_SIZE(tables); i++)
			if (tables[i])
				ptkit_pagetable_free_kernel(tables[i]);
	}
	WRITE_ONCE(over, true);
	ptest_finish(test, others, 2);
	ptkit_pagetable_sync();
	KUNIT_EXPECT_EQ(test, ptkit_async_misuse(), misuse);
	KUNIT_EXPECT_EQ(test, seen.freed, (unsigned int)(rounds * ARRAY_SIZE(tables)));
	KUNIT_EXPECT_EQ(test, ptkit_pagetable_queue_length(), 0UL);
}

/*
 * A table that was taken back and is freed at once is still on the queue, and is freed with it. If
 * the worker came past it in between, on another CPU, it is not, and its owner is told nothing.
 */
static void async_take_back_and_free_now(struct kunit *test)
{
	struct ptkit_ptdesc *pt;
	unsigned int i;
	bool back;

	for (i = 0; i < 100 && !seen.freed; i++) {
		pt = get_table(test);
		preempt_disable();
		ptkit_pagetable_free_kernel(pt);
		back = ptkit_pagetable_take_back(pt);
		if (back)
			ptkit_pagetable_free(pt);
		preempt_enable();
		ptkit_pagetable_sync();
		KUNIT_EXPECT_LE(test, seen.freed, 1U);
		KUNIT_EXPECT_EQ(test, ptkit_pagetable_queue_length(), 0UL);
		/* Too late to take it back: its owner was told, and this counts for nothing. */
		if (!back) {
			KUNIT_EXPECT_EQ(test, seen.freed, 1U);
			seen.freed = 0;
		}
	}
	KUNIT_EXPECT_EQ(test, seen.freed, 1U);
}

static void async_generations(struct kunit *test)
{
	unsigned long generation = ptkit_flush_generation();
	unsigned int before = seen.flushes;

	ptkit_flush_after(generation);
	KUNIT_EXPECT_EQ(test, seen.flushes, before + 1);
	KUNIT_EXPECT_EQ(test, ptkit_flush_generation(), generation + 1);
	ptkit_flush_after(generation);
	KUNIT_EXPECT_EQ(test, seen.flushes, before + 1);
	ptkit_flush_after(generation + 1);
	KUNIT_EXPECT_EQ(test, seen.flushes, before + 2);
}

/*
 * A table that was queued before a flush has no other. When the worker is faster there are two, or,
 * if the flush can use the worker's, one for another reason: neither comes often.
 */
static void async_skip(struct kunit *test)
{
	unsigned int i, before, tries = 100, skipped = 0;

	for (i = 0; i < tries; i++) {
		before = seen.flushes;
		ptkit_pagetable_free_kernel(get_table(test));
		ptkit_flush_after(ptkit_flush_generation());
		ptkit_pagetable_sync();
		skipped += seen.flushes == before + 1;
	}
	KUNIT_EXPECT_GE(test, skipped, tries / 10);
	KUNIT_EXPECT_EQ(test, seen.freed, tries);
}

static void async_wait(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < 10 * NR_TABLES; i++)
		ptkit_pagetable_free_kernel_wait(get_table(test));
	ptkit_pagetable_sync();
	KUNIT_EXPECT_EQ(test, seen.freed, 10 * NR_TABLES);
	KUNIT_EXPECT_EQ(test, seen.freed_before_flush, 0U);
}

static void async_unregister(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, ptkit_invalidate_unregister(&notifier), 0);
	ptkit_pagetable_free_kernel(get_table(test));
	ptkit_pagetable_sync();
	KUNIT_EXPECT_EQ(test, seen.flushes, 0U);
	KUNIT_EXPECT_EQ(test, seen.freed, 1U);
	KUNIT_EXPECT_EQ(test, ptkit_invalidate_unregister(&notifier), -ENOENT);
	KUNIT_EXPECT_EQ(test, ptkit_invalidate_register(&notifier), 0);
}

/* Freed again when its batch is over: refused, and the lists stay whole. */
static void async_free_twice(struct kunit *test)
{
	unsigned long misuse = ptkit_async_misuse(), at_once, listed, checked;
	struct ptkit_ptdesc *pt;

	if (ptkit_passthrough)
		kunit_skip(test, "needs a list that the table waits on");
	ptest_expect_warning(PTEST_WARN_PT_TWICE);
	pt = get_table(test);
	/* A list at its limit would be trimmed meanwhile. */
	ptkit_quicklist_drain(pt->cache->ql, 0);
	ptkit_pagetable_free_kernel(pt);
	ptkit_pagetable_sync();
	KUNIT_EXPECT_EQ(test, ptkit_async_misuse(), misuse);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_verify(pt->cache->ql, &listed), 0L);
	KUNIT_EXPECT_EQ(test, listed, 1UL);

	/* At once, and not when its batch comes. */
	preempt_disable();
	ptkit_pagetable_free_kernel(pt);
	at_once = ptkit_async_misuse();
	preempt_enable();
	KUNIT_EXPECT_EQ(test, at_once, misuse + 1);
	ptkit_pagetable_sync();
	KUNIT_EXPECT_EQ(test, ptkit_async_misuse(), misuse + 1);
	KUNIT_EXPECT_EQ(test, seen.freed, 1U);
	KUNIT_EXPECT_EQ(test, ptkit_pagetable_queue_length(), 0UL);
	KUNIT_EXPECT_EQ(test, ptkit_quicklist_verify(pt->cache->ql, &checked), 0L);
	KUNIT_EXPECT_EQ(test, checked, listed);
}

static struct ptkit_ptdesc *given_back;

/* Called by the flush, before which no table of its batch comes free. */
static int give_back(struct notifier_block *nb, unsigned long action, void *unused)
{
	struct ptkit_ptdesc *pt = given_back;

	if (pt && atomic_read(&pt->state) != PTDESC_IDLE) {
		given_back = NULL;
		ptkit_pagetable_free(pt);
	}
	return NOTIFY_OK;
}

/* Who gives back a table that somebody has queued is refused, and it goes with its batch. */
static void async_free_of_a_queued_table(struct kunit *test)
{
	struct notifier_block first = { .notifier_call = give_back, .priority = 1 };
	unsigned long misuse = ptkit_ptdesc_misuse();

	given_back = get_table(test);
	KUNIT_ASSERT_EQ(test, ptkit_invalidate_register(&first), 0);
	ptest_expect_warning(PTEST_WARN_PT_FREE);
	ptkit_pagetable_free_kernel(given_back);
	ptkit_pagetable_sync();
	KUNIT_EXPECT_EQ(test, ptkit_invalidate_unregister(&first), 0);
	KUNIT_EXPECT_NULL(test, given_back);
	KUNIT_EXPECT_EQ(test, ptkit_ptdesc_misuse(), misuse + 1);
	KUNIT_EXPECT_EQ(test, seen.freed, 1U);
	KUNIT_EXPECT_EQ(test, seen.freed_before_flush, 0U);
}

static void async_free_in_use(struct kunit *test)
{
	unsigned long misuse = ptkit_async_misuse();
	struct ptkit_ptdesc *pt = get_table(test);

	ptest_expect_warning(PTEST_WARN_PT_ENTRIES);
	pt->entries = 1;
	ptkit_pagetable_free_kernel(pt);
	ptkit_pagetable_sync();
	KUNIT_EXPECT_EQ(test, ptkit_async_misuse(), misuse + 1);
	KUNIT_EXPECT_EQ(test, seen.freed, 0U);

	pt->entries = 0;
	ptkit_pagetable_free_kernel(pt);
	ptkit_pagetable_sync();
	KUNIT_EXPECT_EQ(test, ptkit_async_misuse(), misuse + 1);
	KUNIT_EXPECT_EQ(test, seen.freed, 1U);
}

static int stop_chain(struct notifier_block *nb, unsigned long action, void *unused)
{
	return NOTIFY_STOP;
}

static int refuse_flush(struct notifier_block *nb, unsigned long action, void *unused)
{
	return notifier_from_errno(-EBUSY);
}

/* Whoever is told first cannot keep it from the others. */
static void async_stop(struct kunit *test)
{
	struct notifier_block first = { .notifier_call = stop_chain, .priority = 1 };

	KUNIT_ASSERT_EQ(test, ptkit_invalidate_register(&first), 0);
	ptkit_pagetable_free_kernel(get_table(test));
	ptkit_pagetable_sync();
	KUNIT_EXPECT_EQ(test, ptkit_invalidate_unregister(&first), 0);
	KUNIT_EXPECT_EQ(test, seen.flushes, 1U);
	KUNIT_EXPECT_EQ(test, seen.freed_before_flush, 0U);
}

/* Nor can who refuses; that is told. */
static void async_refuse(struct kunit *test)
{
	struct notifier_block first = { .notifier_call = refuse_flush, .priority = 1 };
	unsigned long misuse = ptkit_async_misuse();

	KUNIT_ASSERT_EQ(test, ptkit_invalidate_register(&first), 0);
	ptest_expect_warning(PTEST_WARN_PT_FLUSH);
	ptkit_pagetable_free_kernel(get_table(test));
	ptkit_pagetable_sync();
	KUNIT_EXPECT_EQ(test, ptkit_invalidate_unregister(&first), 0);
	KUNIT_EXPECT_EQ(test, ptkit_async_misuse(), misuse + 1);
	KUNIT_EXPECT_EQ(test, seen.flushes, 1U);
	KUNIT_EXPECT_EQ(test, seen.freed_before_flush, 0U);
}

static struct kunit_case async_cases[] = {
	KUNIT_CASE(async_order),
	KUNIT_CASE(async_take_back),
	KUNIT_CASE(async_take_back_and_free),
	KUNIT_CASE(async_take_back_meanwhile),
	KUNIT_CASE(async_take_back_and_free_now),
	KUNIT_CASE(async_generations),
	KUNIT_CASE(async_skip),
	KUNIT_CASE(async_wait),
	KUNIT_CASE(async_unregister),
	KUNIT_CASE(async_stop),
	KUNIT_CASE(async_refuse),
	KUNIT_CASE(async_free_twice),
	KUNIT_CASE(async_free_of_a_queued_table),
	KUNIT_CASE(async_free_in_use),
	{ }
};

struct kunit_suite ptkit_async_free_suite = {
	.name = "ptkit_async_free",
	.init = async_init,
	.exit = async_exit,
	.test_cases = async_cases,
};
