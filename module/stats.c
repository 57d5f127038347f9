// SPDX-License-Identifier: GPL-2.0
/* Sums of per-CPU counters. */
#include "stats.h"

/**
 * ptkit_events_sum - a counter's sum over all possible CPUs
 * @events: the array
 * @id: which
 *
 * Context: any.
 * Return: the sum; counts that are going on may or may not be in it.
 */
unsigned long ptkit_events_sum(const unsigned long __percpu *events, unsigned int id)
{
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(events, cpu)[id]);
	return sum;
}
EXPORT_SYMBOL_GPL(ptkit_events_sum);
