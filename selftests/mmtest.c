// SPDX-License-Identifier: GPL-2.0
/*
 * usage: mmtest CASE [ARG]
 *
 * Does to page tables what can be done to them from user space, one way per CASE, and checks every
 * word that it wrote. Exit status: 0, 1 if something was lost or went wrong, 4 if this kernel
 * cannot do it.
 */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE		4096UL
#define REGION		(2UL << 20)	/* what one PTE table maps on x86-64, and a huge page */
#define GIGA		(1024UL << 20)	/* what one PMD table maps */

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif
#ifndef UFFDIO_POISON
#define UFFD_FEATURE_POISON	0x4000
#define UFFDIO_POISON		_IOWR(UFFDIO, 0x08, struct uffdio_poison)

struct uffdio_poison {
	struct uffdio_range range;
	__u64 mode;
	__s64 updated;
};
#endif

enum { OK, FAILED, CANNOT = 4 };

static int failed(const char *what)
{
	perror(what);
	return FAILED;
}

/* Pages that somebody else holds at the moment are a reason to try again. */
static int collapse(char *p, unsigned long size)
{
	int tries = 200, ret;

	do {
		ret = madvise(p, size, MADV_COLLAPSE);
		if (!ret || (errno != EAGAIN && errno != EBUSY))
			break;
		usleep(20000);
	} while (--tries);
	return ret;
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

/* Does @file have @word, between blanks, in a line that begins with @line? */
static int has_word(const char *file, const char *line, const char *word)
{
	static char buf[16384];
	FILE *f = fopen(file, "r");
	int found = 0;
	char *w;

	while (f && !found && fgets(buf, sizeof(buf), f)) {
		if (strncmp(buf, line, strlen(line)))
			continue;
		for (w = strtok(buf, " \t\n"); w && !found; w = strtok(NULL, " \t\n"))
			found = !strcmp(w, word);
	}
	if (f)
		fclose(f);
	return found;
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
		if (collapse(p, size))
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

/* ---- tables that come back with entries in use ----------------------------------------------- */

#define NR_LEFT		4

/* Tables are looked for on the CPU that gave them. */
static void stay_here(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
}

/*
 * The next tables that come back are to be the next ones that are used: those that came back before
 * go to the host, when their grace period is over.
 */
static void forget_others(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

	usleep(200000);
	if (fd < 0 || write(fd, "2", 1) != 1)
		perror("drop_caches");
	close(fd);
}

static int empty_child(unsigned long pages)
{
	/* Time that it runs, by ticks: a machine that stands still for a while is no reason. */
	struct itimerval limit = { .it_value.tv_sec = 60 };
	char *p = map(64 * REGION, REGION);
	unsigned long i;
	int bad = 0;

	/* An entry that is not the process's own may be one that faults for ever. */
	setitimer(ITIMER_PROF, &limit, NULL);
	madvise(p, 64 * REGION, MADV_NOHUGEPAGE);
	for (i = 0; i < 64; i++)
		bad |= not_zero(p + i * REGION, pages * PAGE, PAGE);
	return bad;
}

/* Nothing of what others left in their tables may be mapped by ours: the first @pages of each. */
static int inherits(unsigned long pages)
{
	pid_t pid;

	/* A grace period, after which the tables are really back. */
	usleep(200000);
	pid = fork();
	if (!pid)
		_exit(empty_child(pages));
	return child_failed(pid);
}

/* One huge page's worth of @fd, shared. */
static char *map_shared(int fd, unsigned long size)
{
	char *p = mmap(map(size, REGION), size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		       fd, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(FAILED);
	}
	return p;
}

static int new_file(unsigned long size)
{
	int fd = memfd_create("mmtest", 0);

	if (fd < 0 || ftruncate(fd, size)) {
		perror("memfd");
		exit(FAILED);
	}
	return fd;
}

/*
 * A huge page of a file that is mapped by small entries becomes one entry again. Some kernels free
 * the table as it is, with all of them in it.
 */
static int test_filecollapse(void)
{
	unsigned long round;

	stay_here();
	for (round = 0; round < NR_LEFT; round++) {
		int fd = new_file(REGION);
		char *p = map_shared(fd, REGION);

		forget_others();
		fill(p, REGION, PAGE, round + 1);
		if (collapse(p, REGION))
			return round ? failed("MADV_COLLAPSE") : CANNOT;
		/* Two mappings for a moment, none of which is large enough for a huge page. */
		mprotect(p, PAGE, PROT_READ);
		if (lost(p, REGION, PAGE, round + 1))
			return FAILED;
		mprotect(p, PAGE, PROT_READ | PROT_WRITE);
		if (collapse(p, REGION))
			return failed("MADV_COLLAPSE again");
		if (inherits(REGION / PAGE) || lost(p, REGION, PAGE, round + 1))
			return FAILED;
		munmap(p, REGION);
		close(fd);
	}
	return OK;
}

static int ldt_child(void)
{
	struct user_desc desc = { .entry_number = 8191, .limit = 0xfffff, .seg_32bit = 1 };

	return syscall(SYS_modify_ldt, 1, &desc, sizeof(desc)) ? CANNOT : OK;
}

/* With page-table isolation a process has its LDT mapped, whose tables are freed as they are. */
static int test_ldt(void)
{
	int round, status;

	if (!has_word("/proc/cpuinfo", "flags", "pti"))
		return CANNOT;
	stay_here();
	for (round = 0; round < NR_LEFT; round++) {
		pid_t pid;

		forget_others();
		pid = fork();
		if (!pid)
			_exit(ldt_child());
		if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
			return FAILED;
		if (WEXITSTATUS(status))
			return WEXITSTATUS(status);
		/* Two slots, each with room for the largest LDT. */
		if (inherits(32))
			return FAILED;
	}
	return OK;
}

/*
 * A marker of userfaultfd's is all that a table has when the file's pages become a huge one through
 * another mapping. The table is taken for empty.
 */
static int test_poison(void)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_MINOR_SHMEM | UFFD_FEATURE_POISON,
	};
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MINOR };
	struct uffdio_poison poison = { .range.len = PAGE };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC), round;

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		return CANNOT;
	stay_here();
	for (round = 0; round < NR_LEFT; round++) {
		int file = new_file(REGION);
		char *a = map_shared(file, REGION), *b = map_shared(file, REGION);

		forget_others();
		fill(b, REGION, PAGE, round);
		reg.range.start = (uintptr_t)a;
		reg.range.len = REGION;
		poison.range.start = (uintptr_t)a + 5 * PAGE;
		if (ioctl(fd, UFFDIO_REGISTER, &reg) || ioctl(fd, UFFDIO_POISON, &poison))
			return round ? failed("UFFDIO_POISON") : CANNOT;
		if (collapse(b, REGION))
			return round ? failed("MADV_COLLAPSE") : CANNOT;
		if (inherits(REGION / PAGE) || lost(b, REGION, PAGE, round))
			return FAILED;
		munmap(a, REGION);
		munmap(b, REGION);
		close(file);
	}
	return OK;
}

/* ---- giving back and moving ------------------------------------------------------------------ */

#define NR_TABLES	256

/*
 * Does the kernel free tables that MADV_DONTNEED made empty (PT_RECLAIM)? What does it may be
 * inline; the callback by which it then frees after a grace period is a function for certain.
 */
static int frees_empty_tables(void)
{
	char line[256];
	FILE *f = fopen("/proc/kallsyms", "r");
	int found = 0;

	while (f && !found && fgets(line, sizeof(line), f))
		found = !!strstr(line, " __tlb_remove_table_one_rcu");
	if (f)
		fclose(f);
	return found;
}

/* With PT_RECLAIM, tables that become empty are freed at once. */
static int test_dontneed(void)
{
	unsigned long size = NR_TABLES * REGION;
	char *p = map(size, REGION);
	int round, freed = frees_empty_tables();
	long kb;

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
		kb = status_kb("/proc/self/status", "VmPTE:");
		if (freed && kb >= NR_TABLES * 4L / 2)
			break;
	}
	printf("# VmPTE after %d tables were emptied: %ld kB%s\n", NR_TABLES, kb,
	       freed ? ", the kernel frees them" : "");
	return round < 8 ? FAILED : OK;
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

	madvise(p, 16 * REGION, MADV_NOHUGEPAGE);
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

/* Fails if this process does not share the table; each way to leave it is taken by somebody. */
static int sharer(char *p, int fd, unsigned long who)
{
	struct rusage before, after;
	int bad;

	/* The first fault takes the others' table, with all that they mapped. */
	bad = *huge_word(p, 0) != 1;
	getrusage(RUSAGE_SELF, &before);
	bad |= huge_lost(p);
	getrusage(RUSAGE_SELF, &after);
	if (!bad && after.ru_minflt != before.ru_minflt) {
		fprintf(stderr, "%ld faults: the table is not shared\n",
			after.ru_minflt - before.ru_minflt);
		return FAILED;
	}

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
	pid_t pids[NR_SHARERS];
	int bad = 0;
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
	for (who = 0; who < NR_SHARERS; who++)
		bad |= child_failed(pids[who]);
	bad |= huge_lost(p);
	munmap(p, GIGA);
	return bad;
}

/*
 * PMD tables of hugetlb are shared by processes that map the same gigabyte of a file: on x86-64, by
 * every kernel that has hugetlb.
 */
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

#define UFFD_STEP	(REGION / 4)
#define UFFD_SIZE	(64 * REGION)

/* What answers the faults, and how many of them were writes to what is protected. */
static struct uffd {
	int fd;
	unsigned long writes;
} uffds[4];

/* A page that says where it is, or leave to write. */
static int fault_answer(struct uffd *uffd, const struct uffd_msg *msg)
{
	static __thread unsigned long page[PAGE / sizeof(long)];
	unsigned long addr = msg->arg.pagefault.address & ~(PAGE - 1);
	struct uffdio_copy copy = { .dst = addr, .src = (uintptr_t)page, .len = PAGE };
	struct uffdio_writeprotect leave = { .range = { .start = addr, .len = PAGE } };

	if (msg->arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP) {
		__atomic_fetch_add(&uffd->writes, 1, __ATOMIC_RELAXED);
		return ioctl(uffd->fd, UFFDIO_WRITEPROTECT, &leave);
	}
	page[0] = addr;
	return ioctl(uffd->fd, UFFDIO_COPY, &copy);
}

static void *fault_handler(void *arg)
{
	struct uffd *uffd = arg;
	struct uffd_msg msg;

	while (read(uffd->fd, &msg, sizeof(msg)) == sizeof(msg))
		if (msg.event == UFFD_EVENT_PAGEFAULT && fault_answer(uffd, &msg))
			break;
	return NULL;
}

static int uffd_bad(char *p)
{
	unsigned long i, bad = 0;

	for (i = 0; i < UFFD_SIZE; i += UFFD_STEP)
		bad += *(unsigned long *)(p + i) != (uintptr_t)(p + i);
	if (bad)
		fprintf(stderr, "%lu words not as the handler wrote them\n", bad);
	return bad != 0;
}

/* Faults at @p of the kinds @mode go to a thread; 4 if this kernel has no such. */
static int uffd_start(struct uffd *uffd, char *p, unsigned long mode, unsigned long features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)p, .len = UFFD_SIZE },
		.mode = mode,
	};
	pthread_t thread;

	uffd->fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (uffd->fd < 0 || ioctl(uffd->fd, UFFDIO_API, &api) ||
	    ioctl(uffd->fd, UFFDIO_REGISTER, &reg))
		return CANNOT;
	return pthread_create(&thread, NULL, fault_handler, uffd) ? FAILED : OK;
}

/* Every fault is answered from user space, into tables that are still empty. */
static int uffd_missing(struct uffd *uffd, char *p, int advice)
{
	int round, ret = uffd_start(uffd, p, UFFDIO_REGISTER_MODE_MISSING, 0);

	for (round = 0; round < 3 && ret == OK; round++) {
		ret = uffd_bad(p);
		if (madvise(p, UFFD_SIZE, advice))
			return failed("madvise");
	}
	return ret;
}

/* Every entry carries a mark, or is one where nothing is mapped, and every write is reported. */
static int uffd_protect(struct uffd *uffd, char *p, unsigned long features, int advice)
{
	struct uffdio_writeprotect protect = {
		.range = { .start = (uintptr_t)p, .len = UFFD_SIZE },
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};
	unsigned long seen, nr = UFFD_SIZE / UFFD_STEP;
	int round, ret = uffd_start(uffd, p, UFFDIO_REGISTER_MODE_WP, features);

	for (round = 0; round < 3 && ret == OK; round++) {
		fill(p, UFFD_SIZE, UFFD_STEP, round);
		if (ioctl(uffd->fd, UFFDIO_WRITEPROTECT, &protect))
			return failed("UFFDIO_WRITEPROTECT");
		seen = __atomic_load_n(&uffd->writes, __ATOMIC_RELAXED);
		fill(p, UFFD_SIZE, UFFD_STEP, round + 1);
		seen = __atomic_load_n(&uffd->writes, __ATOMIC_RELAXED) - seen;
		if (seen < nr) {
			fprintf(stderr, "%lu of %lu writes were reported\n", seen, nr);
			return FAILED;
		}
		ret = lost(p, UFFD_SIZE, UFFD_STEP, round + 1);
		if (madvise(p, UFFD_SIZE, advice))
			return failed("madvise");
		ret |= not_zero(p, UFFD_SIZE, UFFD_STEP);
	}
	return ret;
}

static int test_userfaultfd(void)
{
	char *p[4] = {
		map(UFFD_SIZE, REGION), map_shared(new_file(UFFD_SIZE), UFFD_SIZE),
		map(UFFD_SIZE, REGION), map_shared(new_file(UFFD_SIZE), UFFD_SIZE),
	};

	/* A write to a huge page is one fault. */
	madvise(p[2], UFFD_SIZE, MADV_NOHUGEPAGE);
	return uffd_missing(&uffds[0], p[0], MADV_DONTNEED) ?:
	       uffd_missing(&uffds[1], p[1], MADV_REMOVE) ?:
	       uffd_protect(&uffds[2], p[2], 0, MADV_DONTNEED) ?:
	       uffd_protect(&uffds[3], p[3], UFFD_FEATURE_WP_HUGETLBFS_SHMEM, MADV_REMOVE);
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
		{ "filecollapse", test_filecollapse },
		{ "ldt", test_ldt },
		{ "poison", test_poison },
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
