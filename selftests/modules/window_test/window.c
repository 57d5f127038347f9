// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the window.
 *
 * The walker stands for an IOMMU with shared virtual addressing: per CPU it caches which page holds
 * the table of which 2 MiB, walks through that page without any lock of the window's, and forgets
 * when it is told to. A walk runs under the walker's own lock, and so does forgetting: a walk that
 * has begun ends before an invalidation does, as with hardware. So within a walk, a table that the
 * cache knows must be a table, and the table of that place: one that was given to another place, or
 * to the host, was so before this walker was told.
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/notifier.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "../../../module/ptkit.h"
#include "test.h"

#define WORDS		(PAGE_SIZE / sizeof(unsigned long))

static struct page **alloc_pages_array(unsigned int nr)
{
	struct page **pages = kvcalloc(nr, sizeof(*pages), GFP_KERNEL);
	unsigned int i;

	for (i = 0; pages && i < nr; i++) {
		pages[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!pages[i])
			break;
	}
	if (!pages || i == nr)
		return pages;
	while (i--)
		__free_page(pages[i]);
	kvfree(pages);
	return NULL;
}

static void free_pages_array(struct page **pages, unsigned int nr)
{
	while (pages && nr--)
		__free_page(pages[nr]);
	kvfree(pages);
}

/* ---- what is refused, and what is mapped ----------------------------------------------------- */

/* The page that is missing is the last one: what was mapped before it is unmapped again. */
static int check_hole(struct page **pages, unsigned int nr)
{
	struct page *last = pages[nr - 1];
	int ret;

	pages[nr - 1] = NULL;
	ret = test_expect(ptkit_window_map(pages, nr, PAGE_KERNEL) == ERR_PTR(-EINVAL));
	pages[nr - 1] = last;
	return ret;
}

static int check_refused(struct page **pages)
{
	struct page *none = NULL;
	void *addr;
	int ret;

	ret = test_expect(ptkit_window_map(pages, 0, PAGE_KERNEL) == ERR_PTR(-EINVAL)) ?:
	      test_expect(ptkit_window_map(&none, 1, PAGE_KERNEL) == ERR_PTR(-EINVAL)) ?:
	      check_hole(pages, 3) ?: check_hole(pages, 700) ?:
	      test_expect(ptkit_window_map(pages, 1, PAGE_KERNEL_EXEC) == ERR_PTR(-EINVAL)) ?:
	      test_expect(ptkit_window_map(pages, 1, PAGE_KERNEL_ROX) == ERR_PTR(-EINVAL)) ?:
	      test_expect(ptkit_window_map(pages, 1, PAGE_NONE) == ERR_PTR(-EINVAL)) ?:
	      test_expect(ptkit_window_map(pages, 1, PAGE_SHARED) == ERR_PTR(-EINVAL));
	if (ret)
		return ret;

	addr = ptkit_window_map(pages, 8, PAGE_KERNEL);
	if (IS_ERR(addr))
		return PTR_ERR(addr);
	ret = test_expect(ptkit_window_unmap(addr, 7) == -EINVAL) ?:
	      test_expect(ptkit_window_unmap(addr, 9) == -EINVAL) ?:
	      test_expect(ptkit_window_unmap(addr, 0) == -EINVAL) ?:
	      test_expect(ptkit_window_unmap(addr + PAGE_SIZE, 7) == -EINVAL) ?:
	      test_expect(ptkit_window_unmap(addr + 8, 8) == -EINVAL) ?:
	      test_expect(ptkit_window_unmap(addr - PAGE_SIZE, 8) == -EINVAL) ?:
	      test_expect(ptkit_window_unmap(NULL, 8) == -EINVAL) ?:
	      test_expect(ptkit_window_unmap(page_address(pages[0]), 1) == -EINVAL) ?:
	      test_expect(ptkit_window_unmap((void *)-PAGE_SIZE, 1) == -EINVAL) ?:
	      test_expect(*(unsigned long *)addr == 0);
	return ret ?: test_expect(ptkit_window_unmap(addr, 8) == 0) ?:
	       test_expect(ptkit_window_unmap(addr, 8) == -EINVAL);
}

/* Is the page after @nr pages at @addr a page that nobody can touch? */
static bool guarded(void *addr, unsigned int nr)
{
	unsigned long word;

	return copy_from_kernel_nofault(&word, addr + nr * PAGE_SIZE, sizeof(word));
}

static int check_map(struct page **pages, unsigned int nr)
{
	unsigned long *addr = ptkit_window_map(pages, nr, PAGE_KERNEL);
	unsigned int i;

	if (IS_ERR(addr))
		return PTR_ERR(addr);
	for (i = 0; i < nr; i++)
		addr[i * WORDS + i % WORDS] = i ^ 0x5aa5;
	for (i = 0; i < nr; i++)
		if (((unsigned long *)page_address(pages[i]))[i % WORDS] != (i ^ 0x5aa5))
			return test_fail("page %u of %u is not what was written", i, nr);
	for (i = 0; i < nr; i++)
		((unsigned long *)page_address(pages[i]))[0] = i;
	for (i = 0; i < nr; i++)
		if (READ_ONCE(addr[i * WORDS]) != i)
			return test_fail("page %u of %u does not show what was written", i, nr);
	return test_expect(guarded(addr, nr)) ?: test_expect(!ptkit_window_unmap(addr, nr));
}

/* A mapping that nobody may write to. */
static int check_read_only(struct page **pages)
{
	unsigned long *addr = ptkit_window_map(pages, 1, PAGE_KERNEL_RO), word = 1;
	int ret;

	if (IS_ERR(addr))
		return PTR_ERR(addr);
	ret = test_expect(!copy_from_kernel_nofault(&word, addr, sizeof(word))) ?:
	      test_expect(word == *(unsigned long *)page_address(pages[0]));
	return ret ?: test_expect(!ptkit_window_unmap(addr, 1));
}

int test_basic(unsigned long unused, unsigned long unused2)
{
	static const unsigned int sizes[] = { 1, 2, 15, 16, 511, 512, 513, 1025 };
	struct page **pages = alloc_pages_array(1025);
	unsigned int i;
	int ret;

	if (!pages)
		return -ENOMEM;
	ret = check_refused(pages) ?: check_read_only(pages);
	for (i = 0; !ret && i < ARRAY_SIZE(sizes); i++)
		ret = check_map(pages, sizes[i]);
	free_pages_array(pages, 1025);
	return ret;
}

/* ---- a table goes exactly when its last entry goes ------------------------------------------- */

/* Two mappings that share a table, if they happen to: it lives as long as one of them. */
static int check_exact(struct page **pages, unsigned int *shared)
{
	struct ptkit_ptdesc *table, *last;
	void *one, *two;
	int ret;

	one = ptkit_window_map(pages, 100, PAGE_KERNEL);
	two = ptkit_window_map(pages, 100, PAGE_KERNEL);
	if (IS_ERR(one) || IS_ERR(two))
		return test_fail("cannot map");
	table = ptkit_window_table(one, PTKIT_PTE);
	last = ptkit_window_table(two + 99 * PAGE_SIZE, PTKIT_PTE);
	ret = test_expect(table && last) ?:
	      test_expect(table->level == PTKIT_PTE) ?:
	      test_expect(!strcmp(table->owner->name, "window")) ?:
	      test_expect(ptkit_page_ptdesc(ptkit_ptdesc_page(table)) == table) ?:
	      test_expect(ptkit_virt_to_ptdesc(page_address(table->page) + 100) == table);
	if (!ret && table == last) {
		(*shared)++;
		ret = test_expect(table->entries == 200) ?:
		      test_expect(!ptkit_window_unmap(one, 100)) ?:
		      test_expect(table->entries == 100) ?:
		      test_expect(ptkit_window_table(one, PTKIT_PTE) == table) ?:
		      test_expect(!ptkit_window_unmap(two, 100)) ?:
		      test_expect(!ptkit_window_table(two, PTKIT_PTE));
	} else if (!ret) {
		ret = test_expect(!ptkit_window_unmap(one, 100)) ?:
		      test_expect(!ptkit_window_unmap(two, 100)) ?:
		      test_expect(!ptkit_window_table(one, PTKIT_PTE)) ?:
		      test_expect(!ptkit_window_table(two + 99 * PAGE_SIZE, PTKIT_PTE));
	}
	ptkit_pagetable_sync();
	return ret ?: test_expect(!ptkit_pagetable_queue_length());
}

int test_exact(unsigned long unused, unsigned long unused2)
{
	struct page **pages = alloc_pages_array(100);
	unsigned int i, shared = 0;
	int ret = 0;

	if (!pages)
		return -ENOMEM;
	for (i = 0; !ret && i < 50; i++)
		ret = check_exact(pages, &shared);
	free_pages_array(pages, 100);
	return ret ?: test_expect(shared > 10);
}

/*
 * The same one level up, where the window owns the PMD table: it counts the tables that are linked
 * in it, and goes with the last one.
 */
static int check_exact_upper(struct page **pages)
{
	void *one = ptkit_window_map(pages, 1, PAGE_KERNEL);
	void *two = ptkit_window_map(pages, 600, PAGE_KERNEL);
	unsigned long table, first, last, entries;
	struct ptkit_ptdesc *upper;
	int ret;

	if (IS_ERR(one) || IS_ERR(two))
		return test_fail("cannot map");
	table = (unsigned long)one >> PMD_SHIFT;
	first = (unsigned long)two >> PMD_SHIFT;
	last = ((unsigned long)two + 599 * PAGE_SIZE) >> PMD_SHIFT;
	entries = last - first + 1 + (table < first || table > last);
	upper = ptkit_window_table(one, PTKIT_PMD);
	ret = test_expect(upper) ?:
	      test_expect(upper->level == PTKIT_PMD) ?:
	      test_expect(ptkit_page_ptdesc(ptkit_ptdesc_page(upper)) == upper) ?:
	      test_expect(ptkit_window_table(two + 599 * PAGE_SIZE, PTKIT_PMD) == upper) ?:
	      test_expect(upper->entries == entries) ?:
	      test_expect(ptkit_window_table(one, PTKIT_PTE)->level == PTKIT_PTE) ?:
	      test_expect(!ptkit_window_unmap(two, 600)) ?:
	      test_expect(upper->entries == 1) ?:
	      test_expect(ptkit_window_table(one, PTKIT_PMD) == upper) ?:
	      test_expect(!ptkit_window_unmap(one, 1)) ?:
	      test_expect(!ptkit_window_table(one, PTKIT_PMD)) ?:
	      test_expect(!ptkit_window_table(one, PTKIT_PTE));
	ptkit_pagetable_sync();
	return ret ?: test_expect(!ptkit_pagetable_queue_length());
}

/* For a window of one region of level PMD in which nothing is mapped. */
int test_exact_upper(unsigned long unused, unsigned long unused2)
{
	struct page **pages = alloc_pages_array(600);
	unsigned int i;
	int ret = 0;

	if (!pages)
		return -ENOMEM;
	for (i = 0; !ret && i < 100; i++)
		ret = check_exact_upper(pages);
	free_pages_array(pages, 600);
	return ret;
}

/* ---- many threads ---------------------------------------------------------------------------- */

/* Of a thread; one that is alone has one, so that tables go often. */
#define CHURN_MAPPINGS	8
#define CHURN_PAGES	700

struct mapping {
	unsigned long *addr;
	unsigned int nr;
	unsigned int first;
};

struct churn {
	unsigned long end;
	unsigned int mappings;
	atomic_long_t maps;
	atomic_long_t checks;
	atomic_long_t no_space;
};

/* The latest address that was mapped, for the walkers; stale at any time. */
static void *walk_hint[4];

static int churn_check(struct mapping *m, struct page **pages, struct rnd_state *rnd)
{
	unsigned int page = prandom_u32_state(rnd) % m->nr;
	unsigned int word = prandom_u32_state(rnd) % WORDS;
	unsigned long value = prandom_u32_state(rnd);
	unsigned long *direct = page_address(pages[m->first + page]);

	WRITE_ONCE(m->addr[page * WORDS + word], value);
	if (READ_ONCE(direct[word]) != value)
		return test_fail("written through the window, not seen in the page");
	WRITE_ONCE(direct[word], ~value);
	if (READ_ONCE(m->addr[page * WORDS + word]) != ~value)
		return test_fail("written to the page, not seen through the window");
	return 0;
}

static int churn_map(struct churn *c, struct mapping *m, struct page **pages, unsigned int number,
		     struct rnd_state *rnd)
{
	void *addr;

	/* Mostly small ones, sometimes more than a table. */
	m->nr = 1 + prandom_u32_state(rnd) % (prandom_u32_state(rnd) % 8 ? 20 : CHURN_PAGES - 1);
	m->first = prandom_u32_state(rnd) % (CHURN_PAGES - m->nr);
	addr = ptkit_window_map(pages + m->first, m->nr, PAGE_KERNEL);
	if (addr == ERR_PTR(-ENOSPC)) {
		atomic_long_inc(&c->no_space);
		return 0;
	}
	if (IS_ERR(addr))
		return PTR_ERR(addr);
	m->addr = addr;
	WRITE_ONCE(walk_hint[number % ARRAY_SIZE(walk_hint)], addr);
	atomic_long_inc(&c->maps);
	return 0;
}

static int churn_unmap(struct mapping *m)
{
	int ret = ptkit_window_unmap(m->addr, m->nr);

	m->addr = NULL;
	return ret;
}

static int churn_fn(void *arg, unsigned int number)
{
	struct mapping mappings[CHURN_MAPPINGS] = { };
	struct page **pages = alloc_pages_array(CHURN_PAGES);
	struct churn *c = arg;
	struct rnd_state rnd;
	unsigned int i;
	int ret = 0;

	if (!pages)
		return -ENOMEM;
	prandom_seed_state(&rnd, get_random_u64());
	while (!ret && time_before(jiffies, c->end)) {
		struct mapping *m = &mappings[prandom_u32_state(&rnd) % c->mappings];

		if (!m->addr)
			ret = churn_map(c, m, pages, number, &rnd);
		for (i = 0; !ret && m->addr && i < 8; i++)
			ret = churn_check(m, pages, &rnd);
		atomic_long_add(i, &c->checks);
		if (!ret && m->addr && prandom_u32_state(&rnd) % 2)
			ret = churn_unmap(m);
		cond_resched();
	}
	for (i = 0; i < CHURN_MAPPINGS; i++)
		if (mappings[i].addr)
			ret = churn_unmap(&mappings[i]) ?: ret;
	/* The CPUs forget the pages before they are somebody else's. */
	ptkit_window_sync();
	free_pages_array(pages, CHURN_PAGES);
	return ret;
}

static void churn_init(struct churn *c, unsigned long ms, unsigned long threads)
{
	*c = (struct churn){
		.end = jiffies + msecs_to_jiffies(ms),
		.mappings = threads > 1 ? CHURN_MAPPINGS : 1,
	};
}

static int churn_run(struct churn *c, unsigned long ms, unsigned long threads)
{
	int ret;

	churn_init(c, ms, threads);
	ret = test_run_threads(threads, churn_fn, c);
	test_report("maps", atomic_long_read(&c->maps));
	test_report("checks", atomic_long_read(&c->checks));
	test_report("no_space", atomic_long_read(&c->no_space));
	return ret;
}

int test_churn(unsigned long ms, unsigned long threads)
{
	struct churn c;

	return churn_run(&c, ms, threads);
}

/* ---- the secondary walker -------------------------------------------------------------------- */

#define WALK_CACHE	256
#define WALK_LEVELS	2	/* PTKIT_PTE, PTKIT_PMD */

struct walk_entry {
	unsigned long place;
	struct page *table;
};

struct walker {
	spinlock_t lock; /* protects the rest */
	struct walk_entry cache[WALK_LEVELS][WALK_CACHE];
	unsigned long walks;
	unsigned long cached;
	unsigned long cached_upper;
	unsigned long present;
	unsigned long reused;
	unsigned long freed;
};

static struct walker *walkers;
static atomic_long_t walk_invalidations;

/* Under the walker's lock, as all below: is the table that the cache knows still one? */
static void walk_cached(struct walker *w, const struct walk_entry *entry, enum ptkit_level level,
			unsigned int index)
{
	struct ptkit_ptdesc *pt;
	pte_t pte;

	w->cached++;
	if (level == PTKIT_PMD)
		w->cached_upper++;
	/* Entries of both levels say at the same place whether they are present. */
	pte = READ_ONCE(((pte_t *)page_address(entry->table))[index]);
	if (pte_present(pte))
		w->present++;
	pt = ptkit_page_ptdesc(entry->table);
	/* Without an owner it waits on a quicklist. */
	if (!pt || !READ_ONCE(pt->owner))
		w->freed++;
	else if (READ_ONCE(pt->addr) != entry->place)
		w->reused++;
}

/* From the root, if the cache does not know the place. */
static void walk_level(struct walker *w, void *addr, enum ptkit_level level)
{
	unsigned int shift = level == PTKIT_PMD ? PUD_SHIFT : PMD_SHIFT;
	unsigned long place = (unsigned long)addr >> shift;
	struct walk_entry *entry = &w->cache[level][place % WALK_CACHE];
	struct ptkit_ptdesc *pt;

	place <<= shift;
	if (entry->place == place) {
		walk_cached(w, entry, level, pte_index((unsigned long)addr));
		return;
	}
	pt = ptkit_window_table(addr, level);
	if (pt) {
		entry->place = place;
		entry->table = pt->page;
	}
}

static void walk_one(struct walker *w, void *addr)
{
	w->walks++;
	walk_level(w, addr, PTKIT_PMD);
	walk_level(w, addr, PTKIT_PTE);
}

/* Whatever the cache knows is in use by some device. */
static void walk_all_cached(struct walker *w, unsigned int index)
{
	unsigned int level, slot;

	for (level = 0; level < WALK_LEVELS; level++)
		for (slot = 0; slot < WALK_CACHE; slot++)
			if (w->cache[level][slot].place)
				walk_cached(w, &w->cache[level][slot], level, index);
}

/* Some place near where something was mapped lately. */
static void *walk_target(struct rnd_state *rnd)
{
	void *hint = READ_ONCE(walk_hint[prandom_u32_state(rnd) % ARRAY_SIZE(walk_hint)]);

	return hint ? hint + (prandom_u32_state(rnd) % 1024) * PAGE_SIZE : NULL;
}

static int walk_fn(void *arg, unsigned int number)
{
	struct walker *w = &walkers[number];
	struct churn *c = arg;
	struct rnd_state rnd;
	unsigned int i;
	void *addr;

	prandom_seed_state(&rnd, get_random_u64());
	while (time_before(jiffies, c->end)) {
		spin_lock(&w->lock);
		rcu_read_lock();
		for (i = 0; i < 16; i++) {
			addr = walk_target(&rnd);
			if (addr)
				walk_one(w, addr);
		}
		walk_all_cached(w, prandom_u32_state(&rnd) % PTRS_PER_PTE);
		rcu_read_unlock();
		spin_unlock(&w->lock);
		usleep_range(20, 100);
	}
	return 0;
}

static int walk_invalidate(struct notifier_block *nb, unsigned long action, void *unused)
{
	unsigned int i;

	if (action != PTKIT_INVALIDATE_ALL)
		return NOTIFY_DONE;
	for (i = 0; i < num_possible_cpus(); i++) {
		spin_lock(&walkers[i].lock);
		memset(walkers[i].cache, 0, sizeof(walkers[i].cache));
		spin_unlock(&walkers[i].lock);
	}
	atomic_long_inc(&walk_invalidations);
	return NOTIFY_OK;
}

static struct notifier_block walk_notifier = { .notifier_call = walk_invalidate };

/* The first threads churn, the others walk. */
static unsigned long walk_churners;

static int walk_or_churn_fn(void *arg, unsigned int number)
{
	if (number < walk_churners)
		return churn_fn(arg, number);
	return walk_fn(arg, number - walk_churners);
}

static void walk_report(void)
{
	static struct walker sum;
	unsigned int i;

	memset(&sum, 0, sizeof(sum));
	for (i = 0; i < num_possible_cpus(); i++) {
		sum.walks += walkers[i].walks;
		sum.cached += walkers[i].cached;
		sum.cached_upper += walkers[i].cached_upper;
		sum.present += walkers[i].present;
		sum.reused += walkers[i].reused;
		sum.freed += walkers[i].freed;
	}
	test_report("walks", sum.walks);
	test_report("cached", sum.cached);
	test_report("cached_upper", sum.cached_upper);
	test_report("present", sum.present);
	test_report("reused", sum.reused);
	test_report("freed", sum.freed);
	test_report("invalidations", atomic_long_read(&walk_invalidations));
}

int test_walk(unsigned long ms, unsigned long threads)
{
	struct churn c;
	unsigned int i;
	int ret;

	churn_init(&c, ms, threads);
	walkers = kvcalloc(num_possible_cpus(), sizeof(*walkers), GFP_KERNEL);
	if (!walkers)
		return -ENOMEM;
	for (i = 0; i < num_possible_cpus(); i++)
		spin_lock_init(&walkers[i].lock);
	atomic_long_set(&walk_invalidations, 0);
	ptkit_invalidate_register(&walk_notifier);

	walk_churners = threads;
	ret = test_run_threads(threads + num_possible_cpus(), walk_or_churn_fn, &c);
	test_report("maps", atomic_long_read(&c.maps));
	walk_report();

	ptkit_invalidate_unregister(&walk_notifier);
	kvfree(walkers);
	return ret;
}

/* ---- no room --------------------------------------------------------------------------------- */

#define HOLD_MAX	65536

/* Mappings that stay until "release". */
static void **held;
static unsigned int nr_held, held_pages;
static struct page **hold_pages;

int test_release(unsigned long unused, unsigned long unused2)
{
	int ret = 0;

	while (nr_held--)
		if (held[nr_held])
			ret = ptkit_window_unmap(held[nr_held], held_pages) ?: ret;
	nr_held = 0;
	ptkit_window_sync();
	kvfree(held);
	held = NULL;
	free_pages_array(hold_pages, held_pages);
	hold_pages = NULL;
	return ret;
}

/* Map until @mappings are there, or the window is full. */
int test_hold(unsigned long mappings, unsigned long pages)
{
	void *addr = NULL;

	if (held || !pages || mappings > HOLD_MAX)
		return -EINVAL;
	held_pages = pages;
	hold_pages = alloc_pages_array(pages);
	held = kvcalloc(mappings, sizeof(*held), GFP_KERNEL);
	if (!hold_pages || !held)
		return -ENOMEM;
	while (nr_held < mappings) {
		addr = ptkit_window_map(hold_pages, pages, PAGE_KERNEL);
		if (IS_ERR(addr))
			break;
		held[nr_held++] = addr;
		cond_resched();
	}
	test_report("held", nr_held);
	return PTR_ERR_OR_ZERO(addr);
}

/* A page that is not zero, mapped until "release": for who looks where it is. */
int test_show(unsigned long unused, unsigned long unused2)
{
	int ret = test_hold(1, 1);

	if (ret)
		return ret;
	memset(held[0], 0x5a, PAGE_SIZE);
	test_report("address", (long)held[0]);
	return 0;
}

/* Full; fragmented; empty again. Each time one clear error, and no harm. */
int test_exhaust(unsigned long unused, unsigned long unused2)
{
	struct page **pages = alloc_pages_array(16);
	unsigned int i;
	void *addr;
	int ret;

	if (!pages)
		return -ENOMEM;
	ret = test_expect(test_hold(HOLD_MAX, 3) == -ENOSPC) ?:
	      test_expect(ptkit_window_map(pages, 3, PAGE_KERNEL) == ERR_PTR(-ENOSPC)) ?:
	      test_expect(*(unsigned long *)held[0] == 0);
	/* Every other one goes: holes of three pages and a guard page. */
	for (i = 0; !ret && i < nr_held; i++) {
		if ((unsigned long)held[i] / (4 * PAGE_SIZE) % 2)
			continue;
		ret = test_expect(!ptkit_window_unmap(held[i], 3));
		held[i] = NULL;
	}
	ret = ret ?: test_expect(ptkit_window_map(pages, 16, PAGE_KERNEL) == ERR_PTR(-ENOSPC));
	addr = ptkit_window_map(pages, 3, PAGE_KERNEL);
	ret = ret ?: test_expect(!IS_ERR(addr)) ?: test_expect(!ptkit_window_unmap(addr, 3));
	ret = test_release(0, 0) ?: ret;

	addr = ptkit_window_map(pages, 16, PAGE_KERNEL);
	ret = ret ?: test_expect(!IS_ERR(addr)) ?: test_expect(!ptkit_window_unmap(addr, 16));
	free_pages_array(pages, 16);
	return ret;
}

/* Mappings that are held stay, as those of a driver that forgets them do; their pages, too. */
void test_window_exit(void)
{
	kvfree(held);
	kvfree(hold_pages);
}
