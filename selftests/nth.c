// SPDX-License-Identifier: GPL-2.0
/*
 * usage: nth MODULE.ko [PARAMETERS]
 *
 * Loads the module again and again, with the first, the second, ... allocation failing that its
 * loading makes, until one load makes fewer; needs a kernel that can make them fail, set up for it.
 * What loads is removed; a livepatch is switched off first. Prints "refused N", "loaded N" and
 * "blamed N": how many loads an allocation that failed has ended, how many not, and for how many of
 * the first something else than memory was blamed. Exit status: 0, 1 if a load ended though no
 * allocation had failed, or what was loaded cannot be removed, 2 if none can be made to fail.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FAIL_NTH "/proc/thread-self/fail-nth"

/* How many more allocations it takes; 0 once one has failed. */
static unsigned int armed(int fd, int nth)
{
	char text[16] = "";

	if (nth >= 0)
		snprintf(text, sizeof(text), "%d", nth);
	if (nth >= 0 ? pwrite(fd, text, strlen(text), 0) < 0 : pread(fd, text, 15, 0) < 0) {
		perror("nth: " FAIL_NTH);
		exit(2);
	}
	return atoi(text);
}

static void switch_off(const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/livepatch/%s/enabled", name);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return;
	/* Busy while it is still being switched on. */
	while (write(fd, "0", 1) < 0 && errno == EBUSY)
		usleep(10000);
	close(fd);
}

static int remove_module(const char *name)
{
	int tries;

	switch_off(name);
	for (tries = 0; tries < 6000; tries++) {
		if (!syscall(SYS_delete_module, name, O_NONBLOCK))
			return 0;
		if (errno != EAGAIN && errno != EBUSY)
			break;
		usleep(10000);
	}
	printf("nth: %s cannot be removed: %s\n", name, strerror(errno));
	return -1;
}

int main(int argc, char **argv)
{
	int fd, nth, left, fail = open(FAIL_NTH, O_RDWR), refused = 0, loaded = 0, blamed = 0;
	const char *base;
	char name[64];

	fd = argc < 2 || argc > 3 ? -1 : open(argv[1], O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fail < 0) {
		fprintf(stderr, "usage: nth MODULE.ko [PARAMETERS], on a kernel with fail-nth\n");
		return 2;
	}
	base = strrchr(argv[1], '/');
	snprintf(name, sizeof(name), "%s", base ? base + 1 : argv[1]);
	name[strcspn(name, ".")] = 0;

	for (nth = 1, left = 0; !left; nth++) {
		int ret, error;

		armed(fail, nth);
		ret = syscall(SYS_finit_module, fd, argc > 2 ? argv[2] : "", 0);
		error = errno;
		left = armed(fail, -1);
		armed(fail, 0);
		if (!ret && remove_module(name))
			return 1;
		if (ret && (left || error != ENOMEM))
			printf("nth: %s, allocation %d: %s\n", name, nth, strerror(error));
		if (ret && left)
			return 1;
		blamed += ret && error != ENOMEM;
		refused += ret != 0;
		loaded += !ret;
	}
	printf("refused %d\nloaded %d\nblamed %d\n", refused, loaded, blamed);
	return 0;
}
