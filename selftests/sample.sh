#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2119 # no arguments is what is meant
# The sample driver of samples/iommu works; and where it does not flush, that is noticed.

# shellcheck source=selftests/lib/tap.sh
. "${0%/*}/lib/tap.sh"

sample=$tap_debugfs/ptkit_sample_iommu
rounds=${PTKIT_ROUNDS:-100}

result() {
	awk -v name="$1" '$1 == name { print $2 }' "$sample/result"
}

show() {
	tap_note "$(tr '\n' ',' <"$sample/result")"
}

in_use() {
	echo $(($(stat quicklist_ptdesc_pte_in_use) + $(stat quicklist_ptdesc_pmd_in_use) +
		$(stat quicklist_ptdesc_pud_in_use) + $(stat quicklist_sample_context_in_use)))
}

tap_plan 9

ptkit_load verify=1 && load_module ptkit_sample_iommu
tap_result $? "loads"
echo "$rounds" >"$sample/run" && [ "$(result maps)" -eq $((rounds * 256)) ] &&
	[ "$(result unmaps)" -eq "$(result maps)" ] && [ "$(result errors)" -eq 0 ]
tap_result $? "maps and unmaps from two threads"
show
[ "$(result stale)" -eq 0 ] && [ "$(result tlb_hits)" -gt 0 ] && [ "$(result faults)" -gt 0 ]
tap_result $? "the device never uses what was unmapped and flushed"
# At least all that one round uses: 8 for the pages, and 1 of each level above. More depends on how often
# both threads, whose pages share tables, have none at the same time.
[ "$(result tables_freed)" -ge 10 ] && [ "$(result invalidations)" -gt 0 ] && [ "$(in_use)" -eq 0 ]
tap_result $? "tables were freed, by way of the device's invalidation"
[ "$(awk '$1 == "bad" { print $2 }' "$tap_debugfs/ptkit/quicklist/sample_context/verify")" -eq 0 ] &&
	[ "$(stat quicklist_sample_context_cached)" -gt 0 ]
tap_result $? "its context page is back on its list, in its known state"
for bad in 0 x 100001; do
	echo $bad 2>/dev/null >"$sample/run" && break
done
[ "$bad" = 100001 ] && [ "$(result maps)" -eq $((rounds * 256)) ]
tap_result $? "refuses nonsense"
unload_module ptkit_sample_iommu
tap_result $? "unloads"

load_module ptkit_sample_iommu forget=1 && echo "$rounds" >"$sample/run" &&
	[ "$(result stale)" -gt 0 ]
tap_result $? "a driver that forgets to flush is found out"
show
unload_module ptkit_sample_iommu && [ "$(stat frozen_misuse)" -eq 0 ] && ptkit_unload
tap_result $? "nothing is left"

tap_done
