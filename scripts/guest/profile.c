// SPDX-License-Identifier: GPL-2.0
/*
 * Where time goes while a command runs: looks, every so often, what each CPU that is not idle does.
 *
 * usage: profile NS COMMAND [ARG ...]
 *
 * Prints "SAMPLES<tab>FUNCTION" for each function of the kernel that was seen, with its module, and
 * "(user)" for what is not the kernel. Samples are taken by a timer, each NS nanoseconds of a CPU:
 * what runs with interrupts off is seen where they are enabled again.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_CPUS	1024
/* Nobody reads while samples are taken: all have to fit. */
#define RING_SIZE	(4UL << 20)

struct symbol {
	unsigned long address;
	char *name;
	unsigned long samples;
};

struct sample {
	struct perf_event_header header;
	unsigned long ip;
};

static struct symbol *symbols;
static size_t nr_symbols;
static unsigned long user_samples;

static void die(const char *what)
{
	fprintf(stderr, "profile: %s: %m\n", what);
	exit(1);
}

static int by_address(const void *a, const void *b)
{
	unsigned long x = ((const struct symbol *)a)->address;
	unsigned long y = ((const struct symbol *)b)->address;

	return x < y ? -1 : x > y;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct symbol *)a)->name, ((const struct symbol *)b)->name);
}

static void add_symbol(unsigned long address, const char *name, const char *module)
{
	struct symbol *symbol;

	if (!(nr_symbols & (nr_symbols - 1)) || !nr_symbols) {
		symbols = realloc(symbols, (nr_symbols * 2 + 1) * sizeof(*symbols));
		if (!symbols)
			die("symbols");
	}
	symbol = &symbols[nr_symbols++];
	symbol->address = address;
	symbol->samples = 0;
	/* Parts of a function that the compiler made one of its own are the function's. */
	if (asprintf(&symbol->name, "%.*s%s%s", (int)strcspn(name, "."), name, *module ? " " : "",
		     module) < 0)
		die("symbols");
}

static void read_symbols(void)
{
	FILE *file = fopen("/proc/kallsyms", "r");
	char line[1024], name[512], module[128], type;
	unsigned long address;

	if (!file)
		die("/proc/kallsyms");
	while (fgets(line, sizeof(line), file)) {
		*module = '\0';
		if (sscanf(line, "%lx %c %511s %127s", &address, &type, name, module) >= 3 &&
		    strchr("tTwW", type) && address)
			add_symbol(address, name, module);
	}
	fclose(file);
	qsort(symbols, nr_symbols, sizeof(*symbols), by_address);
}

static void count_sample(const struct sample *sample)
{
	size_t low = 0, high = nr_symbols, middle;

	if ((sample->header.misc & PERF_RECORD_MISC_CPUMODE_MASK) != PERF_RECORD_MISC_KERNEL) {
		user_samples++;
		return;
	}
	while (low < high) {
		middle = (low + high) / 2;
		if (symbols[middle].address <= sample->ip)
			low = middle + 1;
		else
			high = middle;
	}
	if (low)
		symbols[low - 1].samples++;
}

static void read_ring(const struct perf_event_mmap_page *ring, unsigned long page)
{
	const char *data = (const char *)ring + page;
	unsigned long pos, end = ring->data_head;
	const struct sample *sample;

	if (end + sizeof(*sample) > RING_SIZE) {
		fprintf(stderr, "profile: too many samples\n");
		exit(1);
	}
	for (pos = 0; pos < end; pos += sample->header.size) {
		sample = (const struct sample *)(data + pos);
		if (sample->header.type == PERF_RECORD_SAMPLE)
			count_sample(sample);
	}
}

static int open_event(int cpu, unsigned long ns)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = ns,
		.sample_type = PERF_SAMPLE_IP,
		.disabled = 1,
		.exclude_idle = 1,
	};

	return syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

static void run(char **argv)
{
	int status, null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	pid_t pid = fork();

	if (!pid) {
		dup2(null, STDOUT_FILENO);
		execvp(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status) {
		fprintf(stderr, "profile: the command failed\n");
		exit(1);
	}
}

static void show(void)
{
	unsigned long sum;
	size_t i, next;

	qsort(symbols, nr_symbols, sizeof(*symbols), by_name);
	for (i = 0; i < nr_symbols; i = next) {
		sum = 0;
		for (next = i; next < nr_symbols && !by_name(&symbols[i], &symbols[next]); next++)
			sum += symbols[next].samples;
		if (sum)
			printf("%lu\t%s\n", sum, symbols[i].name);
	}
	printf("%lu\t(user)\n", user_samples);
}

int main(int argc, char **argv)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN), cpu;
	unsigned long page = sysconf(_SC_PAGESIZE);
	void *rings[MAX_CPUS];
	int fds[MAX_CPUS];

	if (argc < 3 || strtoul(argv[1], NULL, 10) < 10000 || cpus > MAX_CPUS) {
		fprintf(stderr, "usage: profile NS COMMAND [ARG...]\n");
		return 2;
	}
	for (cpu = 0; cpu < cpus; cpu++) {
		fds[cpu] = open_event(cpu, strtoul(argv[1], NULL, 10));
		if (fds[cpu] < 0)
			die("perf_event_open");
		rings[cpu] = mmap(NULL, page + RING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
				  fds[cpu], 0);
		if (rings[cpu] == MAP_FAILED)
			die("mmap");
	}
	for (cpu = 0; cpu < cpus; cpu++)
		ioctl(fds[cpu], PERF_EVENT_IOC_ENABLE, 0);
	run(argv + 2);
	for (cpu = 0; cpu < cpus; cpu++)
		ioctl(fds[cpu], PERF_EVENT_IOC_DISABLE, 0);

	read_symbols();
	for (cpu = 0; cpu < cpus; cpu++)
		read_ring(rings[cpu], page);
	show();
	return 0;
}
