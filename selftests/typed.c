// SPDX-License-Identifier: GPL-2.0
/*
 * usage: typed
 *
 * Prints how many pages /proc/kpageflags knows as page tables: in use, or free and still typed so.
 * Exit status: 0, 2 if it cannot be read.
 */
#include <fcntl.h>
#include <linux/kernel-page-flags.h>
#include <stdio.h>
#include <unistd.h>

static unsigned long long flags[8192];

int main(void)
{
	int fd = open("/proc/kpageflags", O_RDONLY);
	unsigned long pages = 0;
	ssize_t got, i;

	while ((got = read(fd, flags, sizeof(flags))) > 0)
		for (i = 0; i < got / (ssize_t)sizeof(*flags); i++)
			pages += flags[i] >> KPF_PGTABLE & 1;
	if (got < 0) {
		perror("typed: /proc/kpageflags");
		return 2;
	}
	printf("%lu\n", pages);
	return 0;
}
