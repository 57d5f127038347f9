// SPDX-License-Identifier: GPL-2.0
/*
 * usage: tables N [SECONDS [FILE]]
 *
 * Makes the kernel allocate N PTE tables for this process: one page is touched in each of N
 * regions of 2 MiB. Checks what it wrote, holds on for SECONDS, checks again and exits, which
 * frees the tables all at once. With FILE, nothing is written but FILE, when the tables are there:
 * every page is the kernel's one zero page, and only tables take memory. Exit status: 0, 1 if a
 * page lost its contents, 2 without memory.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define REGION	(2UL << 20)	/* what one PTE table maps on x86-64 */

static unsigned long *word(char *base, unsigned long i)
{
	/* Another page of each region, so that every entry of a table gets its turn. */
	return (unsigned long *)(base + i * REGION + (i % 512) * 4096);
}

/* Word i should be i * @factor + @factor. */
static unsigned long lost(char *base, unsigned long nr, unsigned long factor)
{
	unsigned long i, bad = 0;

	for (i = 0; i < nr; i++)
		bad += *word(base, i) != (i + 1) * factor;
	return bad;
}

int main(int argc, char **argv)
{
	unsigned long nr = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	unsigned long i, bad, factor = argc < 4;
	char *base;

	if (!nr || argc > 4) {
		fprintf(stderr, "usage: tables N [SECONDS [FILE]]\n");
		return 2;
	}
	base = mmap(NULL, (nr + 1) * REGION, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED) {
		perror("tables: mmap");
		return 2;
	}
	base += REGION - (unsigned long)base % REGION;
	madvise(base, nr * REGION, MADV_NOHUGEPAGE);

	for (i = 0; factor && i < nr; i++)
		*word(base, i) = i + 1;
	bad = lost(base, nr, factor);
	if (argc > 3)
		close(creat(argv[3], 0600));
	if (argc > 2) {
		sleep(atoi(argv[2]));
		bad += lost(base, nr, factor);
	}
	if (bad)
		printf("tables: %lu pages lost their contents\n", bad);
	return bad != 0;
}
