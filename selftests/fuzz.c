// SPDX-License-Identifier: GPL-2.0
/*
 * usage: fuzz DIR STEPS SEED
 *
 * Random and mutated writes to every file below DIR, and odd reads of it: wild offsets, no length,
 * huge lengths, bad pointers, by several processes at once, killed in the middle. A write that
 * fails must not have changed what the file says. The first part is by one process, which checks
 * that; the second by four, which cannot. Prints what it did; exits with 1 if something was wrong.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILES_MAX	1024
#define HUGE_WRITE	(4UL << 20)
#define CONTENT_MAX	65536
#define PROCESSES	4
/* No file may take longer for anything. */
#define PATIENCE	60

static struct {
	char *path;
	mode_t mode;
} files[FILES_MAX];

static unsigned int nr_files;
static unsigned long long state;
static unsigned long writes, accepted, reads, failures;
static char *huge;
/* Where nothing is mapped: set by main(), so that the compiler need not know. */
static void *nowhere;

static unsigned int below(unsigned int limit)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (state >> 33) % limit;
}

static int add_file(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)where;
	if (type != FTW_F || nr_files == FILES_MAX)
		return 0;
	files[nr_files].path = strdup(path);
	files[nr_files].mode = st->st_mode & 0777;
	nr_files++;
	return 0;
}

/* What @path says, or -1. */
static ssize_t content(const char *path, char *buffer)
{
	ssize_t length = 0, got = 0;
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		return -1;
	while (length < CONTENT_MAX && (got = read(fd, buffer + length, CONTENT_MAX - length)) > 0)
		length += got;
	close(fd);
	return got < 0 ? -1 : length;
}

/* ---- writes ---------------------------------------------------------------------------------- */

static const char *const seeds[] = {
	"0", "1", "2", "7", "64", "100", "4096", "auto", "all", "kernel", "-1", "0x10", "1e3",
	"18446744073709551615", "18446744073709551616", "9223372036854775807", "4294967296", " 1",
	"1 ", "1 1", "+1", "\n", "", "%s%n", "../..", "no_such cpus=1 n=2 rounds=3",
};

static size_t mutate(char *text, size_t length, size_t room)
{
	unsigned int times = below(4), at, n;

	while (times--) {
		at = below(length + 1);
		switch (below(5)) {
		case 0:
			if (length)
				text[at % length] = below(256);
			break;
		case 1:
			if (length < room) {
				memmove(text + at + 1, text + at, length - at);
				text[at] = below(2) ? '0' + below(10) : below(256);
				length++;
			}
			break;
		case 2:
			length = at;
			break;
		case 3:
			n = below(64);
			if (length + n <= room) {
				memset(text + length, "09a\n "[below(5)], n);
				length += n;
			}
			break;
		default:
			if (length < room)
				text[length++] = '\n';
		}
	}
	return length;
}

static size_t make_text(char *text, size_t room)
{
	const char *seed = seeds[below(sizeof(seeds) / sizeof(*seeds))];
	size_t length = strlen(seed);

	memcpy(text, seed, length);
	return below(4) ? mutate(text, length, room) : length;
}

static ssize_t write_some(int fd)
{
	static const off_t offsets[] = { 0, 1, 4095, 1L << 31, (1L << 62) - 1, -1 };
	char text[512];
	size_t length = make_text(text, sizeof(text));

	switch (below(16)) {
	case 0:
		return write(fd, huge, 1 + below(HUGE_WRITE));
	case 1:
		return write(fd, nowhere, 1 + below(64));
	case 2:
		return write(fd, text, 0);
	case 3:
		return pwrite(fd, text, length, offsets[below(6)]);
	default:
		return write(fd, text, length);
	}
}

static void fuzz_write(unsigned int which, bool alone)
{
	static char before[CONTENT_MAX], after[CONTENT_MAX];
	const char *path = files[which].path;
	ssize_t was = -1, is, ret;
	int fd = open(path, O_WRONLY);

	if (fd < 0)
		return;
	alone = alone && (files[which].mode & 0400);
	if (alone)
		was = content(path, before);
	ret = write_some(fd);
	close(fd);
	writes++;
	if (ret >= 0) {
		accepted++;
		return;
	}
	if (!alone || was < 0)
		return;
	is = content(path, after);
	if (is != was || memcmp(before, after, was)) {
		printf("# %s: a write failed (%s), and what it says has changed\n", path,
		       strerror(errno));
		failures++;
	}
}

/* Somebody closes the file, or ends, while another writes. */
static void fuzz_killed(unsigned int which)
{
	int fd = open(files[which].path, O_WRONLY), i;
	pid_t pid;

	if (fd < 0)
		return;
	pid = fork();
	if (!pid) {
		for (i = 0; i < 20; i++)
			if (write_some(fd) < 0 && errno == EBADF)
				break;
		_exit(0);
	}
	close(fd);
	usleep(below(2000));
	if (below(2))
		kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	writes++;
}

/* ---- reads ----------------------------------------------------------------------------------- */

static void fuzz_read(unsigned int which)
{
	static const off_t offsets[] = { 0, 1, 3, 4095, 4096, 1L << 20, 1L << 40, -1 };
	static char buffer[CONTENT_MAX];
	int fd = open(files[which].path, below(8) ? O_RDONLY : O_RDWR), i;
	ssize_t ret = 0;

	reads++;
	if (fd < 0)
		return;
	switch (below(6)) {
	case 0:
		for (i = 0; i < 200 && (ret = read(fd, buffer, 1)) > 0; i++)
			;
		break;
	case 1:
		ret = read(fd, buffer, 0);
		break;
	case 2:
		ret = pread(fd, buffer, 1 + below(CONTENT_MAX), offsets[below(8)]);
		break;
	case 3:
		lseek(fd, offsets[below(8)], below(3));
		ret = read(fd, buffer, 1 + below(100));
		break;
	case 4:
		ret = read(fd, nowhere, 1 + below(CONTENT_MAX));
		break;
	default:
		while ((ret = read(fd, buffer, sizeof(buffer))) > 0)
			;
	}
	(void)ret;
	close(fd);
}

static void fuzz(unsigned long steps, bool alone)
{
	while (steps--) {
		unsigned int which = below(nr_files), how = below(16);

		/* Names of benchmarks are not among our words, so none is run. */
		alarm(PATIENCE);
		if (how < 4 || !(files[which].mode & 0200))
			fuzz_read(which);
		else if (how == 4)
			fuzz_killed(which);
		else
			fuzz_write(which, alone);
	}
	alarm(0);
}

static void fuzz_together(unsigned long steps)
{
	int i, status;

	for (i = 0; i < PROCESSES; i++) {
		if (fork())
			continue;
		state += 1000003ULL * (i + 1);
		fuzz(steps, false);
		_exit(!!failures);
	}
	for (i = 0; i < PROCESSES; i++) {
		if (wait(&status) < 0 || status) {
			printf("# a process ended with status %x\n", status);
			failures++;
		}
	}
}

int main(int argc, char **argv)
{
	unsigned long steps;

	if (argc != 4)
		return 2;
	steps = strtoul(argv[2], NULL, 10);
	state = strtoul(argv[3], NULL, 10) * 2654435761ULL + 1;
	nowhere = (void *)strtoul("8", NULL, 10);
	huge = malloc(HUGE_WRITE);
	if (!huge || nftw(argv[1], add_file, 16, FTW_PHYS) || !nr_files)
		return 2;
	memset(huge, '7', HUGE_WRITE);
	fflush(stdout);

	fuzz(steps / 2, true);
	printf("# %u files: %lu writes, %lu accepted, %lu reads by one process\n", nr_files, writes,
	       accepted, reads);
	fflush(stdout);
	fuzz_together(steps / 2 / PROCESSES);
	printf("# and %lu steps by %d processes; wrong: %lu\n", steps / 2, PROCESSES, failures);
	return !!failures;
}
