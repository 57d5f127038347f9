// SPDX-License-Identifier: GPL-2.0
/*
 * Processes come and go: fork, exec, exit, wait. Prints what it took, in nanoseconds by the clock.
 *
 * usage: forkbench JOBS PROCESSES
 *        forkbench time COMMAND [ARG ...]
 *        forkbench fork MIB PROCESSES
 *        forkbench mmap JOBS ROUNDS
 *
 * JOBS processes start PROCESSES in all, one after the other each, and the time is for one of them.
 * What is started is this very program, with the argument "exit". "time" takes that of COMMAND.
 * "fork" is that of a process of MIB MiB, in small pages, until its child has exited. "mmap" maps
 * 64 MiB, touches a page in each 2 MiB of it, and unmaps it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static void wait_for(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid || status) {
		fprintf(stderr, "forkbench: a process failed\n");
		_exit(1);
	}
}

static void work(const char *self, long processes)
{
	pid_t pid;

	while (processes-- > 0) {
		pid = fork();
		if (!pid) {
			execl(self, self, "exit", NULL);
			_exit(127);
		}
		wait_for(pid);
	}
}

static int time_command(char **argv)
{
	double start = now();
	pid_t pid = fork();

	if (!pid) {
		execvp(argv[0], argv);
		_exit(127);
	}
	wait_for(pid);
	printf("%.0f\n", now() - start);
	return 0;
}

static char *map(unsigned long size)
{
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("forkbench: mmap");
		_exit(1);
	}
	madvise(p, size, MADV_NOHUGEPAGE);
	return p;
}

static void touch(char *p, unsigned long size, unsigned long step)
{
	unsigned long i;

	for (i = 0; i < size; i += step)
		p[i] = 1;
}

static int time_fork(unsigned long size, long processes)
{
	char *p = map(size);
	double start;
	long i;

	touch(p, size, 4096);
	start = now();
	for (i = 0; i < processes; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(p[0] != 1);
		wait_for(pid);
	}
	printf("%.0f\n", (now() - start) / processes);
	return 0;
}

static void map_and_unmap(long rounds)
{
	const unsigned long size = 64UL << 20;

	while (rounds-- > 0) {
		char *p = map(size);

		touch(p, size, 2UL << 20);
		munmap(p, size);
	}
}

int main(int argc, char **argv)
{
	int mapping = argc == 4 && !strcmp(argv[1], "mmap");
	long jobs, processes, i;
	double start;
	pid_t *pids;

	if (argc == 2 && !strcmp(argv[1], "exit"))
		return 0;
	if (argc > 2 && !strcmp(argv[1], "time"))
		return time_command(argv + 2);
	if (argc == 4 && !strcmp(argv[1], "fork"))
		return time_fork(strtoul(argv[2], NULL, 10) << 20, atol(argv[3]));
	jobs = argc == 3 || mapping ? atol(argv[argc - 2]) : 0;
	processes = jobs ? atol(argv[argc - 1]) / jobs : 0;
	if (jobs < 1 || processes < 1) {
		fprintf(stderr, "usage: forkbench [time|fork|mmap] ARG...\n");
		return 2;
	}

	pids = calloc(jobs, sizeof(*pids));
	if (!pids)
		return 1;
	start = now();
	for (i = 0; i < jobs; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			if (mapping)
				map_and_unmap(processes);
			else
				work("/proc/self/exe", processes);
			_exit(0);
		}
	}
	for (i = 0; i < jobs; i++)
		wait_for(pids[i]);
	printf("%.0f\n", (now() - start) / (jobs * processes));
	return 0;
}
