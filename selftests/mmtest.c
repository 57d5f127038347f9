// SPDX-License-Identifier: GPL-2.0
/*
 * usage: mmtest CASE [ARG]
 *
 * Does to page tables what can be done to them from user space, one way per CASE, and checks every
 * word that it wrote. Exit status: 0, 1 if something was lost or went wrong, 4 if this kernel
 * cannot do it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE		4096UL
#define REGION		(2UL << 20)	/* what one PTE table maps on x86-64, and a huge page */
#define GIGA		(1024UL << 20)	/* what one PMD table maps */

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

enum { OK, FAILED, CANNOT = 4 };

static int failed(const char *what)
{
	perror(what);
	return FAILED;
}

/* An address range that is aligned to @align. */
static char *map(unsigned long size, unsigned long align)
{
	char *p = mmap(NULL, size + align, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(FAILED);
	}
	return p + (align - (uintptr_t)p % align) % align;
}

/* One word of every @step bytes says where it is, and who wrote it. */
static void fill(char *base, unsigned long size, unsigned long step, unsigned long who)
{
	unsigned long i;

	for (i = 0; i < size; i += step)
		*(unsigned long *)(base + i) = i + who;
}

static int lost(const char *base, unsigned long size, unsigned long step, unsigned long who)
{
	unsigned long i, bad = 0;

	for (i = 0; i < size; i += step)
		bad += *(const unsigned long *)(base + i) != i + who;
	if (bad)
		fprintf(stderr, "%lu of %lu words are not what was written\n", bad, size / step);
	return bad != 0;
}

static int not_zero(const char *base, unsigned long size, unsigned long step)
{
	unsigned long i, bad = 0;

	for (i = 0; i < size; i += step)
		bad += *(const unsigned long *)(base + i) != 0;
	if (bad)
		fprintf(stderr, "%lu of %lu words are not zero\n", bad, size / step);
	return bad != 0;
}

/* 0 if @pid ended with OK. */
static int child_failed(pid_t pid)
{
	int status;

	return pid < 0 || waitpid(pid, &status, 0) != pid || status;
}

static long status_kb(const char *file, const char *key)
{
	char line[256];
	FILE *f = fopen(file, "r");
	long sum = 0, value;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)) &&
		    sscanf(line + strlen(key), "%ld", &value) == 1)
			sum += value;
	if (f)
		fclose(f);
	return sum;
}

/* ---- transparent huge pages ------------------------------------------------------------------ */

#define NR_HUGE		16

static int thp_child(char *p, unsigned long size)
{
	int bad = lost(p, size, PAGE, 1);

	/* A copy on write of huge pages, and half of one unmapped: both use a deposited table. */
	fill(p, size / 2, PAGE, 2);
	munmap(p + REGION / 2, REGION / 2);
	mprotect(p + REGION, PAGE * 3, PROT_READ);
	bad |= lost(p, REGION / 2, PAGE, 2) | lost(p + REGION, REGION, PAGE, 2 + REGION);
	return bad | lost(p + size / 2, size / 2, PAGE, 1 + size / 2);
}

/* Each huge page has a PTE table in deposit, for when it is split. */
static int test_thp(void)
{
	unsigned long size = NR_HUGE * REGION;
	char *p = map(size, REGION);
	int bad, round;
	pid_t pid;

	if (madvise(p, size, MADV_HUGEPAGE))
		return CANNOT;
	for (round = 0; round < 4; round++) {
		fill(p, size, PAGE, 1);
		if (!round && !status_kb("/proc/self/smaps", "AnonHugePages:"))
			return CANNOT;
		pid = fork();
		if (!pid)
			_exit(thp_child(p, size));
		bad = child_failed(pid) | lost(p, size, PAGE, 1);
		/* Split some, zap the others. */
		mprotect(p + PAGE, PAGE, PROT_READ);
		mprotect(p + PAGE, PAGE, PROT_READ | PROT_WRITE);
		bad |= lost(p, size, PAGE, 1);
		madvise(p, size, MADV_DONTNEED);
		if (bad || not_zero(p, size, REGION))
			return FAILED;
		madvise(p, size, MADV_DONTNEED);
	}
	return OK;
}

/* Small pages become huge ones: their tables go into deposit, or away. */
static int test_collapse(void)
{
	unsigned long size = NR_HUGE * REGION;
	int round;

	for (round = 0; round < 4; round++) {
		char *p = map(size, REGION);

		madvise(p, size, MADV_NOHUGEPAGE);
		fill(p, size, PAGE, round);
		madvise(p, size, MADV_HUGEPAGE);
		if (madvise(p, size, MADV_COLLAPSE))
			return round ? failed("MADV_COLLAPSE") : CANNOT;
		if (lost(p, size, PAGE, round))
			return FAILED;
		munmap(p + REGION, PAGE);
		if (lost(p, REGION, PAGE, round) ||
		    lost(p + 2 * REGION, size - 2 * REGION, PAGE, round + 2 * REGION))
			return FAILED;
		munmap(p, size);
	}
	return OK;
}

/* ---- giving back and moving ------------------------------------------------------------------ */

#define NR_TABLES	256

/* With PT_RECLAIM, tables that become empty are freed at once. */
static int test_dontneed(void)
{
	unsigned long size = NR_TABLES * REGION;
	char *p = map(size, REGION);
	int round;

	madvise(p, size, MADV_NOHUGEPAGE);
	for (round = 0; round < 8; round++) {
		fill(p, size, REGION / 2, round + 1);
		/* Every other region, then all; what is kept is intact. */
		madvise(p, size / 2, MADV_DONTNEED);
		if (lost(p + size / 2, size / 2, REGION / 2, round + 1 + size / 2) ||
		    not_zero(p, size / 2, REGION / 2))
			return FAILED;
		madvise(p, size, MADV_DONTNEED);
		if (not_zero(p, size, REGION / 4))
			return FAILED;
		madvise(p, size, MADV_DONTNEED);
	}
	printf("# VmPTE after %d tables were emptied: %ld kB\n", NR_TABLES,
	       status_kb("/proc/self/status", "VmPTE:"));
	return OK;
}

static int move(char *from, char *to, unsigned long size, unsigned long step, unsigned long who)
{
	if (mremap(from, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
		return failed("mremap");
	return lost(to, size, step, who);
}

/* Whole tables change hands (what is aligned moves table by table), or entries do. */
static int test_mremap(void)
{
	unsigned long size = 32 * REGION;
	int round;

	for (round = 0; round < 4; round++) {
		char *a = map(size, REGION), *b = map(size, REGION);
		char *c = map(size + REGION, REGION);
		char *d = map(2 * GIGA, GIGA), *e = map(2 * GIGA, GIGA);

		madvise(a, size, MADV_NOHUGEPAGE);
		fill(a, size, PAGE * 16, round);
		if (move(a, b, size, PAGE * 16, round) ||
		    move(b, c + 3 * PAGE, size, PAGE * 16, round))
			return FAILED;
		/* PMD tables move as a whole, too. */
		madvise(d, 2 * GIGA, MADV_NOHUGEPAGE);
		fill(d, 2 * GIGA, REGION * 16, round);
		if (move(d, e, 2 * GIGA, REGION * 16, round))
			return FAILED;
		munmap(e, 2 * GIGA);
		munmap(c, size + REGION);
	}
	return OK;
}

/* ---- processes ------------------------------------------------------------------------------- */

static int bigfork_child(char *p, unsigned long size, unsigned long who)
{
	int bad = lost(p, size, REGION, 0);

	fill(p, size, REGION, who);
	bad |= lost(p, size, REGION, who);
	munmap(p + size / 4, size / 4);
	return bad | lost(p, size / 4, REGION, who);
}

/* An address space of many tables, copied by several at once. */
static int test_fork(void)
{
	unsigned long size = 1024 * REGION, who;
	char *p = map(size, REGION);
	int bad = 0, round;
	pid_t pids[4];

	madvise(p, size, MADV_NOHUGEPAGE);
	fill(p, size, REGION, 0);
	for (round = 0; round < 3 && !bad; round++) {
		for (who = 0; who < 4; who++) {
			pids[who] = fork();
			if (!pids[who])
				_exit(bigfork_child(p, size, who + 1));
		}
		for (who = 0; who < 4; who++)
			bad |= child_failed(pids[who]);
		bad |= lost(p, size, REGION, 0);
	}
	return bad;
}

/* The new stack is built at one place and moved to another, with its tables. */
static int test_exec(void)
{
	static char argument[100 * 1024];
	char *p = map(16 * REGION, REGION);
	int i;

	memset(argument, 'x', sizeof(argument) - 1);
	for (i = 0; i < 100; i++) {
		pid_t pid = fork();

		if (!pid) {
			fill(p, 16 * REGION, REGION, i);
			execl("/proc/self/exe", "mmtest", "arguments", argument, argument, NULL);
			_exit(127);
		}
		if (child_failed(pid))
			return FAILED;
	}
	return OK;
}

static int test_arguments(int argc, char **argv)
{
	int i;

	for (i = 2; i < argc; i++)
		if (strlen(argv[i]) != 100 * 1024 - 1 || strspn(argv[i], "x") != 100 * 1024 - 1)
			return FAILED;
	return argc == 4 ? OK : FAILED;
}

/*
 * Killed in the middle of it: the caller has put us into a memory cgroup that is too small. The
 * one that is killed shares its address space with a thread that goes on touching.
 */
static void *toucher(void *arg)
{
	char *p = arg;
	unsigned long i;

	for (i = 0; ; i = (i + REGION) % (64 * GIGA))
		__atomic_store_n(p + i, 1, __ATOMIC_RELAXED);
	return NULL;
}

static int test_oom(const char *procs)
{
	char *keep = map(16 * REGION, REGION);
	int round, status, fd;

	madvise(keep, 16 * REGION, MADV_NOHUGEPAGE);
	fill(keep, 16 * REGION, PAGE * 8, 7);
	for (round = 0; round < 5; round++) {
		pid_t pid = fork();

		if (!pid) {
			char *p = map(64 * GIGA, REGION);
			pthread_t thread;

			fd = open(procs, O_WRONLY);
			if (fd < 0 || write(fd, "0", 1) != 1)
				_exit(CANNOT);
			madvise(p, 64 * GIGA, MADV_NOHUGEPAGE);
			pthread_create(&thread, NULL, toucher, p + PAGE);
			toucher(p);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			return FAILED;
		if (WIFEXITED(status))
			return WEXITSTATUS(status);
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL ||
		    lost(keep, 16 * REGION, PAGE * 8, 7))
			return FAILED;
	}
	return OK;
}

/* ---- hugetlb --------------------------------------------------------------------------------- */

#define NR_HUGETLB	8
#define NR_SHARERS	6

static unsigned long *huge_word(char *p, unsigned long i)
{
	return (unsigned long *)(p + i * REGION);
}

static int huge_lost(char *p)
{
	unsigned long i, bad = 0;

	for (i = 0; i < NR_HUGETLB; i++)
		bad += *huge_word(p, i) != i + 1;
	if (bad)
		fprintf(stderr, "%lu huge pages lost\n", bad);
	return bad != 0;
}

/* 4 if this process does not share the table; each way to leave it is taken by somebody. */
static int sharer(char *p, int fd, unsigned long who)
{
	struct rusage before, after;
	int bad;

	/* The first fault takes the others' table, with all that they mapped. */
	bad = *huge_word(p, 0) != 1;
	getrusage(RUSAGE_SELF, &before);
	bad |= huge_lost(p);
	getrusage(RUSAGE_SELF, &after);
	if (!bad && after.ru_minflt != before.ru_minflt)
		return CANNOT;

	switch (who % 4) {
	case 0:
		mprotect(p, REGION, PROT_READ);
		bad |= huge_lost(p);
		break;
	case 1:
		munmap(p + REGION, REGION);
		bad |= *huge_word(p, 2) != 3;
		break;
	case 2:
		munmap(p, GIGA);
		if (mmap(p, GIGA, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_NORESERVE | MAP_FIXED, fd, 0) != p)
			return failed("mmap");
		bad |= huge_lost(p);
		break;
	}
	usleep(1000 * (who % 3) * 20);
	return bad;
}

static int share_once(int fd)
{
	unsigned long i, who;
	int bad = 0, cannot = 0, status;
	pid_t pids[NR_SHARERS];
	char *p;

	p = mmap(map(GIGA, GIGA), GIGA, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_NORESERVE | MAP_FIXED, fd, 0);
	if (p == MAP_FAILED)
		return failed("mmap");
	for (i = 0; i < NR_HUGETLB; i++)
		*huge_word(p, i) = i + 1;
	for (who = 0; who < NR_SHARERS; who++) {
		pids[who] = fork();
		if (!pids[who])
			_exit(sharer(p, fd, who));
	}
	for (who = 0; who < NR_SHARERS; who++) {
		if (pids[who] < 0 || waitpid(pids[who], &status, 0) != pids[who] ||
		    !WIFEXITED(status) || (WEXITSTATUS(status) && WEXITSTATUS(status) != CANNOT))
			bad = 1;
		else
			cannot |= WEXITSTATUS(status) == CANNOT;
	}
	bad |= huge_lost(p);
	munmap(p, GIGA);
	return bad ? FAILED : cannot ? CANNOT : OK;
}

/* PMD tables of hugetlb are shared by processes that map the same gigabyte of a file. */
static int test_hugetlb(void)
{
	int fd = memfd_create("mmtest", MFD_HUGETLB), round, ret = OK;

	if (fd < 0 || ftruncate(fd, GIGA) ||
	    status_kb("/proc/meminfo", "HugePages_Free:") < NR_HUGETLB)
		return CANNOT;
	for (round = 0; round < 5 && ret == OK; round++)
		ret = share_once(fd);
	return ret;
}

/* ---- userfaultfd ----------------------------------------------------------------------------- */

static void *fault_handler(void *arg)
{
	static unsigned long page[PAGE / sizeof(long)];
	int fd = *(int *)arg;
	struct uffd_msg msg;

	while (read(fd, &msg, sizeof(msg)) == sizeof(msg)) {
		struct uffdio_copy copy = {
			.dst = msg.arg.pagefault.address & ~(PAGE - 1),
			.src = (uintptr_t)page,
			.len = PAGE,
		};

		if (msg.event != UFFD_EVENT_PAGEFAULT)
			continue;
		page[0] = copy.dst;
		if (ioctl(fd, UFFDIO_COPY, &copy))
			break;
	}
	return NULL;
}

static int uffd_bad(char *p, unsigned long size)
{
	unsigned long i, bad = 0;

	for (i = 0; i < size; i += REGION / 4)
		bad += *(unsigned long *)(p + i) != (uintptr_t)(p + i);
	if (bad)
		fprintf(stderr, "%lu words not as the handler wrote them\n", bad);
	return bad != 0;
}

/* Every fault is answered from user space, into tables that are still empty. */
static int test_userfaultfd(void)
{
	unsigned long size = 64 * REGION;
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	char *p = map(size, REGION);
	pthread_t thread;
	int round, fd;

	fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		return CANNOT;
	reg.range.start = (uintptr_t)p;
	reg.range.len = size;
	if (ioctl(fd, UFFDIO_REGISTER, &reg))
		return CANNOT;
	if (pthread_create(&thread, NULL, fault_handler, &fd))
		return FAILED;
	for (round = 0; round < 3; round++) {
		if (uffd_bad(p, size))
			return FAILED;
		madvise(p, size, MADV_DONTNEED);
	}
	return OK;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*test)(void);
	} tests[] = {
		{ "thp", test_thp },
		{ "collapse", test_collapse },
		{ "dontneed", test_dontneed },
		{ "mremap", test_mremap },
		{ "fork", test_fork },
		{ "exec", test_exec },
		{ "hugetlb", test_hugetlb },
		{ "userfaultfd", test_userfaultfd },
		{ NULL, NULL }
	};
	unsigned int i;

	if (argc == 3 && !strcmp(argv[1], "oom"))
		return test_oom(argv[2]);
	if (argc > 2 && !strcmp(argv[1], "arguments"))
		return test_arguments(argc, argv);
	for (i = 0; argc == 2 && tests[i].name; i++)
		if (!strcmp(argv[1], tests[i].name))
			return tests[i].test();
	fprintf(stderr, "usage: mmtest CASE | mmtest oom CGROUP_PROCS\n");
	return 2;
}
