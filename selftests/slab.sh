#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
# The slab on this kernel: the cases of kunit/slab_kunit.c, what debugfs shows, and passthrough.

# shellcheck source=selftests/lib/tap.sh
. "${0%/*}/lib/tap.sh"

slab=$tap_debugfs/ptkit/slab

# cases - the lines of the last run of the test module, from the kernel log
cases() {
	tap_log | sed 's/^\[[^]]*\] //; s/^ptkit_slab_test: //' |
		awk '/^KTAP version/ { nr = 0 } { line[++nr] = $0 }
		     END { for (i = 1; i <= nr; i++) print line[i] }'
}

run_cases() {
	local log

	load_module ptkit_slab_test && unload_module ptkit_slab_test || return 1
	log=$(cases)
	echo "$log" | grep -E '^not ok|^    # ' | while IFS= read -r line; do
		tap_note "$line"
	done
	planned=$(echo "$log" | sed -n 's/^1\.\.//p')
	passed=$(echo "$log" | grep -c '^ok ')
	tap_note "$passed of ${planned:-0} cases passed, $(echo "$log" | grep -c '# SKIP') of them skipped"
	[ "${planned:-0}" -gt 0 ] && [ "$passed" -eq "$planned" ]
}

same_objects() {
	[ "$(stat slab_kmalloc_64_object_size)" -eq 64 ] &&
		[ "$(cat "$slab/kmalloc_64/object_size")" -eq 64 ] &&
		[ "$(cat "$slab/kmalloc_64/slabs")" -eq "$(stat slab_kmalloc_64_slabs)" ]
}

# No slab wastes more than what 512 bytes and above cost the kernel's: nothing but the rest.
no_overhead() {
	local size

	for size in 8 16 32 64 128 256 512 1024 2048 4096 8192; do
		[ "$(stat "slab_kmalloc_${size}_slab_overhead")" -eq 0 ] || return 1
	done
}

refuses() {
	! printf '%s' "$2" 2>/dev/null >"$slab/kmalloc_64/$1"
}

tap_plan 9

ptkit_load
tap_result $? "ptkit loads"
run_cases
tap_result $? "all cases pass"
same_objects
tap_result $? "debugfs shows a cache, in its directory and in stats"
no_overhead
tap_result $? "slabs of powers of two have no overhead"
grep -q '^slab kmalloc_64 .* objects in use' $tap_debugfs/ptkit/summary
tap_result $? "summary has a line for it"
refuses shrink 2 && refuses shrink x && echo 1 >"$slab/kmalloc_64/shrink" &&
	[ "$(cat "$slab/kmalloc_64/slabs")" -eq 0 ]
tap_result $? "shrink takes 1, and nothing else"
ptkit_unload
tap_result $? "ptkit unloads"

ptkit_load passthrough=1 && run_cases
tap_result $? "all cases pass with passthrough"
ptkit_unload
tap_result $? "ptkit unloads"

tap_done
