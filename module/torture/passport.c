// SPDX-License-Identifier: GPL-2.0
/*
 * Passports: a word for each page frame, with the stamp of whoever has the page, or 0. Changed by
 * compare-and-swap only, in any context: a page that two are given at once is noticed by the
 * second, and one that is given back twice by who does so.
 */
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/vmalloc.h>

#include "torture.h"

static atomic_long_t *passports;
static unsigned long nr_passports;

int torture_passports_init(void)
{
	int nid;

	for_each_online_node(nid)
		nr_passports = max(nr_passports, node_end_pfn(nid));
	passports = vzalloc(array_size(nr_passports, sizeof(*passports)));
	return passports ? 0 : -ENOMEM;
}

void torture_passports_exit(void)
{
	vfree(passports);
}

static bool passport_swap(unsigned long pfn, unsigned long from, unsigned long to)
{
	long is;

	if (pfn >= nr_passports) {
		torture_error("pfn %lx is beyond memory", pfn);
		return false;
	}
	is = atomic_long_cmpxchg(&passports[pfn], from, to);
	if (likely(is == from))
		return true;
	if (!from)
		torture_error("pfn %lx was given to %lx, and %lx has it", pfn, to, is);
	else
		torture_error("pfn %lx of %lx is said to be of %lx", pfn, from, is);
	return false;
}

/* From here on the pages are the owner of @stamp's alone. */
bool torture_passport_take(struct page *page, unsigned int nr, unsigned long stamp)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (!passport_swap(page_to_pfn(page) + i, 0, stamp))
			return false;
	return true;
}

/* To be called before they are freed. */
bool torture_passport_give(struct page *page, unsigned int nr, unsigned long stamp)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (!passport_swap(page_to_pfn(page) + i, stamp, 0))
			return false;
	return true;
}

bool torture_passport_swap(struct page *page, unsigned long from, unsigned long to)
{
	return passport_swap(page_to_pfn(page), from, to);
}

bool torture_passport_is(const struct page *page, unsigned int nr, unsigned long stamp)
{
	unsigned long pfn = page_to_pfn(page);
	unsigned int i;

	for (i = 0; i < nr; i++) {
		unsigned long is = atomic_long_read(&passports[pfn + i]);

		if (is != stamp) {
			torture_error("pfn %lx of %lx is said to be of %lx", pfn + i, stamp, is);
			return false;
		}
	}
	return true;
}

/* As torture_passport_is() for one page, and it is no error if it does not. */
bool torture_passport_holds(const struct page *page, unsigned long stamp)
{
	return atomic_long_read(&passports[page_to_pfn(page)]) == stamp;
}

/* Pages that somebody has. */
unsigned long torture_passports_out(void)
{
	unsigned long pfn, nr = 0;

	for (pfn = 0; pfn < nr_passports; pfn++)
		nr += !!atomic_long_read(&passports[pfn]);
	return nr;
}
