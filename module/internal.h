/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of ptkit.ko share with each other, and with nobody else. */
#ifndef _PTKIT_INTERNAL_H
#define _PTKIT_INTERNAL_H

#include <linux/bug.h>
#include <linux/export.h>
#include <linux/jump_label.h>
#include <linux/mm.h>

/*
 * What the KUnit suites look at beyond the API. Kernels without KUnit export none of it, unless for
 * the slab's suite in a build with test hooks.
 */
#if IS_ENABLED(CONFIG_KUNIT) || defined(PTKIT_TEST_HOOKS)
#define EXPORT_SYMBOL_FOR_TESTS(symbol)	EXPORT_SYMBOL_GPL(symbol)
#else
#define EXPORT_SYMBOL_FOR_TESTS(symbol)
#endif

struct dentry;
struct pcp_chain;
struct ptkit_quicklist;
struct ptkit_shrinker;

/* Module parameters, see main.c. */
extern bool ptkit_passthrough;
DECLARE_STATIC_KEY_FALSE(ptkit_verify_key);

/* On where there can be more than one node: only then can a page be off-node. */
DECLARE_STATIC_KEY_FALSE(ptkit_multi_node_key);

/*
 * Misuse of the API: the caller counts it, leaks the page rather than corrupt anything, and warns
 * once; the trace names who did it. "echo 1 > /sys/kernel/debug/clear_warn_once" arms it again.
 */
#define ptkit_misuse(fmt, ...)	WARN_ONCE(1, "ptkit: misuse: " fmt "\n", ##__VA_ARGS__)

/* Pages a CPU may hold of @node's free memory when one sixteenth is shared by its CPUs. */
unsigned long ptkit_node_share(int node);

/* Is @page of another node than this CPU? */
static __always_inline bool ptkit_page_off_node(const struct page *page)
{
	return static_branch_unlikely(&ptkit_multi_node_key) &&
	       page_to_nid(page) != numa_mem_id();
}

int ptkit_frozen_init(void);
void ptkit_frozen_exit(void);
unsigned long ptkit_frozen_live(void);
void ptkit_frozen_free_to_host(struct page *page);
struct ptkit_shrinker *ptkit_frozen_shrinker(void);
struct ptkit_shrinker *ptkit_quicklist_shrinker(struct ptkit_quicklist *ql);
void ptkit_quicklist_drain_all(void);
void ptkit_quicklist_free_to(struct ptkit_quicklist *ql, int cpu, struct pcp_chain *pages);
int ptkit_async_init(void);
void ptkit_async_exit(void);
void ptkit_window_init(void);
void ptkit_window_exit(void);
int ptkit_slab_init(void);
void ptkit_slab_exit(void);
void ptkit_slab_shrink_all(void);
void ptkit_walk_init(struct dentry *dir);
void ptkit_debugfs_init(void);
void ptkit_debugfs_exit(void);

#endif /* _PTKIT_INTERNAL_H */
