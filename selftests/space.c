// SPDX-License-Identifier: GPL-2.0
/*
 * usage: space huge N SECONDS
 *        space sparse N SECONDS
 *        space churn SECONDS
 *
 * An address space for others to look at. "huge": N huge pages of anonymous memory; "sparse": one
 * page in each of N regions of 1 GiB, nothing in between. Both say "ready" when they are. "churn":
 * two threads map, touch, empty, move, split and unmap, so that tables of every kind come and go
 * by every path that a process has.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define REGION	(2UL << 20)
#define REGIONS	16UL

static int refuse(void)
{
	fputs("usage: space huge|sparse N SECONDS, or space churn SECONDS\n", stderr);
	return 2;
}

/* Address space of whole regions of @size, aligned to it. */
static char *reserve(unsigned long nr, unsigned long size)
{
	char *base = mmap(NULL, (nr + 1) * size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (base == MAP_FAILED) {
		perror("space: mmap");
		exit(2);
	}
	return base + size - (unsigned long)base % size;
}

static void touch(char *base, unsigned long nr, unsigned long step)
{
	unsigned long i;

	for (i = 0; i < nr; i++)
		base[i * step] = 1;
}

static int hold(unsigned int seconds)
{
	printf("ready\n");
	fflush(stdout);
	sleep(seconds);
	return 0;
}

static int huge(unsigned long nr, unsigned int seconds)
{
	char *base = reserve(nr, REGION);

	madvise(base, nr * REGION, MADV_HUGEPAGE);
	touch(base, nr, REGION);
	return hold(seconds);
}

static int sparse(unsigned long nr, unsigned int seconds)
{
	char *base = reserve(nr, 1UL << 30);

	madvise(base, nr << 30, MADV_NOHUGEPAGE);
	touch(base, nr, 1UL << 30);
	return hold(seconds);
}

static void churn_once(unsigned int round)
{
	char *base = mmap(NULL, REGIONS * REGION, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (base == MAP_FAILED)
		return;
	madvise(base, REGIONS * REGION, round % 3 ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
	touch(base, REGIONS, REGION);
	madvise(base, REGIONS / 2 * REGION, MADV_DONTNEED);
	mprotect(base + REGION / 2, REGION, PROT_READ);
	if (round % 2) {
		char *moved = mremap(base + 4 * REGION, 2 * REGION, 2 * REGION,
				     MREMAP_MAYMOVE | MREMAP_FIXED, base + 12 * REGION);

		if (moved != MAP_FAILED)
			touch(moved, 2, REGION);
	}
	munmap(base, REGIONS / 2 * REGION);
	munmap(base + REGIONS / 2 * REGION, REGIONS / 2 * REGION);
}

static void *churn_thread(void *arg)
{
	time_t end = time(NULL) + *(unsigned int *)arg;
	unsigned int round;

	for (round = 0; time(NULL) < end; round++)
		churn_once(round);
	return NULL;
}

static int churn(unsigned int seconds)
{
	pthread_t other;

	if (pthread_create(&other, NULL, churn_thread, &seconds))
		return 2;
	churn_thread(&seconds);
	pthread_join(other, NULL);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "churn"))
		return churn(atoi(argv[2]));
	if (argc != 4)
		return refuse();
	if (!strcmp(argv[1], "huge"))
		return huge(strtoul(argv[2], NULL, 10), atoi(argv[3]));
	if (!strcmp(argv[1], "sparse"))
		return sparse(strtoul(argv[2], NULL, 10), atoi(argv[3]));
	return refuse();
}
