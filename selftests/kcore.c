// SPDX-License-Identifier: GPL-2.0
/*
 * usage: kcore ADDRESS MIB FILE
 *
 * Reads /proc/kcore over the kernel's addresses from MIB below ADDRESS to MIB above it, once and
 * then as long as FILE exists. Prints how often, and how many bytes of ADDRESS's page were not
 * zero: of what /proc/kcore takes for a hole, none. Exit status: 0, 1 if no segment has ADDRESS, 2
 * if there is nothing to be read.
 */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#define PAGE	4096UL

static char buffer[256 * PAGE];

/* The segment that has @address. */
static int find_segment(int fd, unsigned long address, Elf64_Phdr *segment)
{
	Elf64_Ehdr header;
	unsigned int i;

	if (pread(fd, &header, sizeof(header), 0) != sizeof(header))
		exit(2);
	for (i = 0; i < header.e_phnum; i++) {
		if (pread(fd, segment, sizeof(*segment),
			  header.e_phoff + i * sizeof(*segment)) != sizeof(*segment))
			exit(2);
		if (segment->p_type == PT_LOAD && address >= segment->p_vaddr &&
		    address - segment->p_vaddr < segment->p_memsz)
			return 0;
	}
	return -1;
}

static void read_range(int fd, const Elf64_Phdr *segment, unsigned long from, unsigned long to)
{
	ssize_t got;

	for (; from < to; from += got) {
		size_t len = to - from < sizeof(buffer) ? to - from : sizeof(buffer);

		got = pread(fd, buffer, len, segment->p_offset + (from - segment->p_vaddr));
		if (got <= 0)
			exit(2);
	}
}

static unsigned long nonzero(unsigned long len)
{
	unsigned long i, found = 0;

	for (i = 0; i < len; i++)
		found += buffer[i] != 0;
	return found;
}

int main(int argc, char **argv)
{
	unsigned long address, around, from, to, rounds = 0, found = 0;
	int fd = open("/proc/kcore", O_RDONLY);
	Elf64_Phdr segment;

	if (argc < 4 || fd < 0)
		return 2;
	address = strtoul(argv[1], NULL, 0) / PAGE * PAGE;
	around = strtoul(argv[2], NULL, 0) << 20;
	if (find_segment(fd, address, &segment))
		return 1;
	from = address - segment.p_vaddr > around ? address - around : segment.p_vaddr;
	to = segment.p_vaddr + segment.p_memsz - address > around ?
	     address + around : segment.p_vaddr + segment.p_memsz;
	do {
		read_range(fd, &segment, address, address + PAGE);
		found += nonzero(PAGE);
		read_range(fd, &segment, from, to);
		rounds++;
	} while (!access(argv[3], F_OK));
	printf("rounds %lu\nnonzero %lu\n", rounds, found);
	return 0;
}
