// SPDX-License-Identifier: GPL-2.0
/*
 * Objects: ptkit's caches beside kmem_cache, and both tests of seed 002 for kmalloc.
 *
 * A test is written once, with the two functions that differ as arguments; it is inlined into a
 * side each, where they are constants, so that no indirect call is timed.
 */
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "../ptkit.h"
#include "bench.h"

#define BULK_MAX	64
#define BATCH_MAX	10000

/* Objects on their way from one CPU to another. */
#define RING_SIZE	256

typedef void *(*alloc_fn)(struct bench_run *run);
typedef void (*free_fn)(struct bench_run *run, void *object);

/**
 * struct slab_ring - objects that the producer made and a consumer has not freed
 * @slots: where they are
 * @head: how many were put in; written by the producer
 * @tail: how many were taken; written by the consumer
 */
struct slab_ring {
	void *slots[RING_SIZE];
	unsigned long head ____cacheline_aligned;
	unsigned long tail ____cacheline_aligned;
};

/**
 * struct slab_bench - what the tests work on
 * @kernel: a cache of the kernel's, if the test wants caches
 * @ptkit: a cache of ptkit's
 * @rings: a ring for each thread, of which the first, who produces, has no use for his
 * @objects: of each thread, as many as n
 * @left_to: frees what is left in the rings, or in objects, when a run ends early
 */
struct slab_bench {
	struct kmem_cache *kernel;
	struct ptkit_cache *ptkit;
	struct slab_ring *rings;
	void **objects;
	free_fn left_to;
};

static size_t slab_objects(const struct bench_run *run)
{
	return run->params.cpus * max(run->params.n, 1U);
}

/* What a run that was ended had on its way from CPU to CPU. */
static void slab_free_left(struct bench_run *run)
{
	struct slab_bench *slab = run->private;
	struct slab_ring *ring;
	size_t i;

	for (ring = slab->rings; ring < slab->rings + run->params.cpus; ring++)
		for (; ring->tail != ring->head; ring->tail++)
			slab->left_to(run, ring->slots[ring->tail % RING_SIZE]);
	for (i = 0; slab->objects && i < slab_objects(run); i++)
		if (slab->objects[i])
			slab->left_to(run, slab->objects[i]);
}

static void slab_teardown(struct bench_run *run)
{
	struct slab_bench *slab = run->private;

	if (slab->left_to)
		slab_free_left(run);
	kmem_cache_destroy(slab->kernel);
	if (slab->ptkit)
		ptkit_cache_destroy(slab->ptkit);
	kvfree(slab->objects);
	kvfree(slab->rings);
	kfree(slab);
}

static struct slab_bench *slab_prepare(struct bench_run *run)
{
	struct slab_bench *slab = kzalloc(sizeof(*slab), GFP_KERNEL);
	size_t objects = slab_objects(run);

	if (!slab)
		return NULL;
	run->private = slab;
	slab->rings = kvcalloc(run->params.cpus, sizeof(*slab->rings), GFP_KERNEL);
	slab->objects = kvcalloc(objects, sizeof(*slab->objects), GFP_KERNEL);
	/* A test may not use up the memory that it is run in. */
	if (!slab->rings || !slab->objects ||
	    (objects * run->params.size) >> PAGE_SHIFT > totalram_pages() / 4) {
		slab_teardown(run);
		return NULL;
	}
	return slab;
}

static int kmalloc_setup(struct bench_run *run)
{
	return slab_prepare(run) ? 0 : -ENOMEM;
}

static int slab_setup(struct bench_run *run)
{
	struct slab_bench *slab = slab_prepare(run);

	if (!slab)
		return -ENOMEM;
	slab->kernel = kmem_cache_create("ptkit_bench", run->params.size, 0, 0, NULL);
	slab->ptkit = ptkit_cache_create("bench", run->params.size, 0, 0, NULL);
	if (IS_ERR(slab->ptkit))
		slab->ptkit = NULL;
	if (slab->kernel && slab->ptkit)
		return 0;
	slab_teardown(run);
	return -ENOMEM;
}

/* ---- the two sides --------------------------------------------------------------------------- */

static __always_inline void *ptkit_alloc(struct bench_run *run)
{
	return ptkit_cache_alloc(((struct slab_bench *)run->private)->ptkit, GFP_KERNEL);
}

static __always_inline void ptkit_free(struct bench_run *run, void *object)
{
	ptkit_cache_free(((struct slab_bench *)run->private)->ptkit, object);
}

static __always_inline void *kernel_alloc(struct bench_run *run)
{
	return kmem_cache_alloc(((struct slab_bench *)run->private)->kernel, GFP_KERNEL);
}

static __always_inline void kernel_free(struct bench_run *run, void *object)
{
	kmem_cache_free(((struct slab_bench *)run->private)->kernel, object);
}

static __always_inline void *ptkit_malloc(struct bench_run *run)
{
	return ptkit_kmalloc(run->params.size, GFP_KERNEL);
}

static __always_inline void ptkit_mfree(struct bench_run *run, void *object)
{
	ptkit_kfree(object);
}

static __always_inline void *kernel_malloc(struct bench_run *run)
{
	return kmalloc(run->params.size, GFP_KERNEL);
}

static __always_inline void kernel_mfree(struct bench_run *run, void *object)
{
	kfree(object);
}

/*
 * Objects with a reference count, as most are that change CPUs. Who allocates one writes to it, who
 * frees it has just dropped the last reference: its cache line goes from CPU to CPU for both sides.
 */
static __always_inline void *counted(atomic_t *object)
{
	if (likely(object))
		atomic_set(object, 1);
	return object;
}

static __always_inline void *ptkit_alloc_counted(struct bench_run *run)
{
	return counted(ptkit_alloc(run));
}

static __always_inline void ptkit_put(struct bench_run *run, void *object)
{
	if (likely(atomic_dec_and_test(object)))
		ptkit_free(run, object);
}

static __always_inline void *kernel_alloc_counted(struct bench_run *run)
{
	return counted(kernel_alloc(run));
}

static __always_inline void kernel_put(struct bench_run *run, void *object)
{
	if (likely(atomic_dec_and_test(object)))
		kernel_free(run, object);
}

/* ---- one after the other --------------------------------------------------------------------- */

static __always_inline int slab_pairs(struct bench_thread *t, unsigned long loops, alloc_fn alloc,
				      free_fn free)
{
	unsigned long i;
	void *object;

	bench_start(t);
	for (i = 0; i < loops; i++) {
		object = alloc(t->run);
		if (unlikely(!object))
			return -ENOMEM;
		free(t->run, object);
	}
	bench_stop(t, loops);
	return 0;
}

static int slab_pair_ptkit(struct bench_thread *t, unsigned long loops)
{
	return slab_pairs(t, loops, ptkit_alloc, ptkit_free);
}

static int slab_pair_kernel(struct bench_thread *t, unsigned long loops)
{
	return slab_pairs(t, loops, kernel_alloc, kernel_free);
}

const struct bench bench_slab_pair = {
	.name = "slab_pair",
	.what = "alloc and free of an object, beside kmem_cache_alloc and kmem_cache_free",
	.cpus = { .min = 1, .max = NR_CPUS, .def = 1 },
	.size = { .min = 8, .max = 8192, .def = 64 },
	.setup = slab_setup,
	.teardown = slab_teardown,
	.run[BENCH_PTKIT] = slab_pair_ptkit,
	.run[BENCH_KERNEL] = slab_pair_kernel,
};

static int kmalloc_kfree_ptkit(struct bench_thread *t, unsigned long loops)
{
	return slab_pairs(t, loops, ptkit_malloc, ptkit_mfree);
}

static int kmalloc_kfree_kernel(struct bench_thread *t, unsigned long loops)
{
	return slab_pairs(t, loops, kernel_malloc, kernel_mfree);
}

const struct bench bench_kmalloc_kfree = {
	.name = "kmalloc_kfree",
	.what = "seed 002's second test: allocate one, free it",
	.cpus = { .min = 1, .max = NR_CPUS, .def = 1 },
	.size = { .min = 8, .max = 16384, .def = 64 },
	.setup = kmalloc_setup,
	.teardown = slab_teardown,
	.run[BENCH_PTKIT] = kmalloc_kfree_ptkit,
	.run[BENCH_KERNEL] = kmalloc_kfree_kernel,
};

/* ---- many, then free them all ---------------------------------------------------------------- */

static __always_inline int slab_batches(struct bench_thread *t, unsigned long loops, alloc_fn alloc,
					free_fn free)
{
	struct slab_bench *slab = t->run->private;
	unsigned int n = t->run->params.n, got;
	void **objects = slab->objects + t->index * n;
	unsigned long i;

	for (i = 0; i < loops; i++) {
		bench_start(t);
		for (got = 0; got < n; got++) {
			objects[got] = alloc(t->run);
			if (unlikely(!objects[got]))
				break;
		}
		bench_stop_part(t, 0, n);
		bench_start(t);
		while (got-- > 0)
			free(t->run, objects[got]);
		bench_stop_part(t, 1, n);
		if (unlikely(!objects[n - 1]))
			return -ENOMEM;
		cond_resched();
	}
	return 0;
}

static int kmalloc_then_kfree_ptkit(struct bench_thread *t, unsigned long loops)
{
	return slab_batches(t, loops, ptkit_malloc, ptkit_mfree);
}

static int kmalloc_then_kfree_kernel(struct bench_thread *t, unsigned long loops)
{
	return slab_batches(t, loops, kernel_malloc, kernel_mfree);
}

const struct bench bench_kmalloc_then_kfree = {
	.name = "kmalloc_then_kfree",
	.what = "seed 002's first test: allocate n, then free them all",
	.cpus = { .min = 1, .max = NR_CPUS, .def = 1 },
	.size = { .min = 8, .max = 16384, .def = 64 },
	.n = { .min = 1, .max = BATCH_MAX, .def = BATCH_MAX },
	.setup = kmalloc_setup,
	.teardown = slab_teardown,
	.run[BENCH_PTKIT] = kmalloc_then_kfree_ptkit,
	.run[BENCH_KERNEL] = kmalloc_then_kfree_kernel,
	.parts = { "kmalloc", "kfree" },
};

/* ---- bulk ------------------------------------------------------------------------------------ */

static int slab_bulk_ptkit(struct bench_thread *t, unsigned long loops)
{
	struct slab_bench *slab = t->run->private;
	unsigned long i, got, n = t->run->params.n;
	void *objects[BULK_MAX];

	bench_start(t);
	for (i = 0; i < loops; i++) {
		got = ptkit_cache_alloc_bulk(slab->ptkit, GFP_KERNEL, n, objects);
		ptkit_cache_free_bulk(slab->ptkit, got, objects);
		if (unlikely(got < n))
			return -ENOMEM;
	}
	bench_stop(t, loops * n);
	return 0;
}

static int slab_bulk_kernel(struct bench_thread *t, unsigned long loops)
{
	struct slab_bench *slab = t->run->private;
	unsigned long i, n = t->run->params.n;
	void *objects[BULK_MAX];

	bench_start(t);
	for (i = 0; i < loops; i++) {
		/* All or none. */
		if (unlikely(!kmem_cache_alloc_bulk(slab->kernel, GFP_KERNEL, n, objects)))
			return -ENOMEM;
		kmem_cache_free_bulk(slab->kernel, n, objects);
	}
	bench_stop(t, loops * n);
	return 0;
}

const struct bench bench_slab_bulk = {
	.name = "slab_bulk",
	.what = "alloc and free of n objects at once, per object, beside kmem_cache_*_bulk",
	.cpus = { .min = 1, .max = NR_CPUS, .def = 1 },
	.size = { .min = 8, .max = 8192, .def = 64 },
	.n = { .min = 1, .max = BULK_MAX, .def = 16 },
	.setup = slab_setup,
	.teardown = slab_teardown,
	.run[BENCH_PTKIT] = slab_bulk_ptkit,
	.run[BENCH_KERNEL] = slab_bulk_kernel,
};

/* ---- from one CPU to another ----------------------------------------------------------------- */

/*
 * Each thread allocates n, and frees, by the clock, what its neighbour has allocated. What a run
 * that was ended leaves in objects[] is freed by the teardown.
 */
static __always_inline int slab_remote(struct bench_thread *t, unsigned long loops, alloc_fn alloc,
				       free_fn free)
{
	struct slab_bench *slab = t->run->private;
	unsigned int n = t->run->params.n, k;
	void **mine = slab->objects + t->index * n;
	void **others = slab->objects + (t->index + 1) % t->run->params.cpus * n;
	unsigned long i;

	if (!t->index)
		slab->left_to = free;
	for (i = 0; i < loops; i++) {
		for (k = 0; k < n; k++) {
			mine[k] = alloc(t->run);
			if (!mine[k])
				return -ENOMEM;
		}
		if (!bench_sync(t))
			break;
		bench_start(t);
		for (k = 0; k < n; k++) {
			free(t->run, others[k]);
			others[k] = NULL;
		}
		bench_stop(t, n);
		if (!bench_sync(t))
			break;
	}
	return 0;
}

static int slab_remote_ptkit(struct bench_thread *t, unsigned long loops)
{
	return slab_remote(t, loops, ptkit_alloc, ptkit_free);
}

static int slab_remote_kernel(struct bench_thread *t, unsigned long loops)
{
	return slab_remote(t, loops, kernel_alloc, kernel_free);
}

const struct bench bench_slab_remote_free = {
	.name = "slab_remote_free",
	.what = "free of an object that another CPU allocated, in lots of n",
	.cpus = { .min = 2, .max = NR_CPUS, .def = 2 },
	.size = { .min = 8, .max = 8192, .def = 64 },
	.n = { .min = 1, .max = BATCH_MAX, .def = 256 },
	.setup = slab_setup,
	.teardown = slab_teardown,
	.run[BENCH_PTKIT] = slab_remote_ptkit,
	.run[BENCH_KERNEL] = slab_remote_kernel,
};

static int slab_remote_put_ptkit(struct bench_thread *t, unsigned long loops)
{
	return slab_remote(t, loops, ptkit_alloc_counted, ptkit_put);
}

static int slab_remote_put_kernel(struct bench_thread *t, unsigned long loops)
{
	return slab_remote(t, loops, kernel_alloc_counted, kernel_put);
}

const struct bench bench_slab_remote_put = {
	.name = "slab_remote_put",
	.what = "last put, and free, of a counted object that another CPU allocated, in lots of n",
	.cpus = { .min = 2, .max = NR_CPUS, .def = 2 },
	.size = { .min = 8, .max = 8192, .def = 64 },
	.n = { .min = 1, .max = BATCH_MAX, .def = 256 },
	.setup = slab_setup,
	.teardown = slab_teardown,
	.run[BENCH_PTKIT] = slab_remote_put_ptkit,
	.run[BENCH_KERNEL] = slab_remote_put_kernel,
};

/* Is there something else to do than to wait? False if the run is to end. */
static bool ring_wait(struct bench_thread *t)
{
	cpu_relax();
	cond_resched();
	return !bench_failed(t->run);
}

/*
 * n more in a ring, of which the consumer is told at once. What is timed on either side is work,
 * and not the waiting for each other, which depends on who happens to run.
 */
static __always_inline int slab_fill(struct bench_thread *t, struct slab_ring *ring,
				     alloc_fn alloc)
{
	unsigned long head = ring->head, end = head + t->run->params.n;
	void *object;

	/* Pairs with the consumer's release: the slots are free. */
	while (end - smp_load_acquire(&ring->tail) > RING_SIZE)
		if (!ring_wait(t))
			return 0;
	bench_start(t);
	for (; head != end; head++) {
		object = alloc(t->run);
		if (unlikely(!object))
			break;
		ring->slots[head % RING_SIZE] = object;
	}
	bench_stop_part(t, 0, t->run->params.n);
	/* Pairs with the consumer's acquire: the objects are in their slots. */
	smp_store_release(&ring->head, head);
	return head == end ? 0 : -ENOMEM;
}

/* A lot for each consumer in turn. */
static __always_inline int slab_produce(struct bench_thread *t, unsigned long loops, alloc_fn alloc)
{
	struct slab_bench *slab = t->run->private;
	struct slab_ring *ring, *end = slab->rings + t->run->params.cpus;
	int ret;

	while (loops-- && !bench_failed(t->run)) {
		for (ring = slab->rings + 1; ring < end; ring++) {
			ret = slab_fill(t, ring, alloc);
			if (unlikely(ret))
				return ret;
		}
		cond_resched();
	}
	return 0;
}

/* Whatever there is at a time, but not of the next call's: a producer does not wait for that. */
static __always_inline int slab_consume(struct bench_thread *t, unsigned long loops, free_fn free)
{
	struct slab_bench *slab = t->run->private;
	struct slab_ring *ring = slab->rings + t->index;
	unsigned long tail = ring->tail, end = tail + loops * t->run->params.n, head, n, k;

	while (tail != end) {
		/* Pairs with the producer's release. */
		head = smp_load_acquire(&ring->head);
		if (head == tail) {
			if (!ring_wait(t))
				return 0;
			continue;
		}
		n = min(head, end) - tail;
		bench_start(t);
		for (k = 0; k < n; k++)
			free(t->run, ring->slots[tail++ % RING_SIZE]);
		bench_stop_part(t, 1, n);
		/* Pairs with the producer's acquire: the slots are free. */
		smp_store_release(&ring->tail, tail);
	}
	return 0;
}

static __always_inline int slab_pipe(struct bench_thread *t, unsigned long loops, alloc_fn alloc,
				     free_fn free)
{
	struct slab_bench *slab = t->run->private;

	if (t->index)
		return slab_consume(t, loops, free);
	slab->left_to = free;
	return slab_produce(t, loops, alloc);
}

static int slab_pipe_ptkit(struct bench_thread *t, unsigned long loops)
{
	return slab_pipe(t, loops, ptkit_alloc, ptkit_free);
}

static int slab_pipe_kernel(struct bench_thread *t, unsigned long loops)
{
	return slab_pipe(t, loops, kernel_alloc, kernel_free);
}

const struct bench bench_slab_producer_consumer = {
	.name = "slab_producer_consumer",
	.what = "one CPU allocates, n at a time, while the others free what they get",
	.cpus = { .min = 2, .max = NR_CPUS, .def = 2 },
	.size = { .min = 8, .max = 8192, .def = 64 },
	.n = { .min = 1, .max = RING_SIZE / 2, .def = 64 },
	.setup = slab_setup,
	.teardown = slab_teardown,
	.run[BENCH_PTKIT] = slab_pipe_ptkit,
	.run[BENCH_KERNEL] = slab_pipe_kernel,
	.parts = { "alloc", "free" },
};

static int slab_pipe_put_ptkit(struct bench_thread *t, unsigned long loops)
{
	return slab_pipe(t, loops, ptkit_alloc_counted, ptkit_put);
}

static int slab_pipe_put_kernel(struct bench_thread *t, unsigned long loops)
{
	return slab_pipe(t, loops, kernel_alloc_counted, kernel_put);
}

const struct bench bench_slab_producer_consumer_put = {
	.name = "slab_producer_consumer_put",
	.what = "one CPU allocates counted objects, of which the others drop the last reference",
	.cpus = { .min = 2, .max = NR_CPUS, .def = 2 },
	.size = { .min = 8, .max = 8192, .def = 64 },
	.n = { .min = 1, .max = RING_SIZE / 2, .def = 64 },
	.setup = slab_setup,
	.teardown = slab_teardown,
	.run[BENCH_PTKIT] = slab_pipe_put_ptkit,
	.run[BENCH_KERNEL] = slab_pipe_put_kernel,
	.parts = { "alloc", "free" },
};
