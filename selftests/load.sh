#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2119,SC2317 # functions called by wait_until
# ptkit loads, unloads, and leaves nothing behind.
#
# PTKIT_ROUNDS: how often (default 50)

# shellcheck source=selftests/lib/tap.sh
. "${0%/*}/lib/tap.sh"
# shellcheck source=selftests/lib/host.sh
. "${0%/*}/lib/host.sh"

rounds=${PTKIT_ROUNDS:-50}

free_is_back() {
	drop_caches
	[ $(($1 - $(free_memory))) -lt 1024 ]
}

# What a page, an area or an object that was left behind each time would add to.
counts() {
	drop_caches
	echo 1 >/proc/sys/vm/stat_refresh
	awk '$1 == "nr_page_table_pages" { print "page tables", $2 }' /proc/vmstat
	echo "vmalloc areas $(grep -vc unpurged /proc/vmallocinfo)"
	awk '$1 ~ /^ptkit/ { print "caches", $1 }' /proc/slabinfo
	awk '$1 == "SUnreclaim:" { print "slab KiB", $2 }
	     $1 == "Percpu:" { print "percpu KiB", $2 }' /proc/meminfo
}

# Less than one for every second round, whatever else the kernel does meanwhile.
counts_are_back() {
	counts >/tmp/after
	awk -v most=$((rounds / 2)) '
		NR == FNR { before[$1 " " $2] = $3; next }
		!($1 " " $2 in before) { print "# new: " $0; bad = 1; next }
		$3 - before[$1 " " $2] > ($2 == "KiB" ? 16 * most : most) {
			print "# " $0 ", before " before[$1 " " $2]
			bad = 1
		}
		END { exit bad }' /tmp/before /tmp/after
}

load_and_unload() {
	local left=$1
	shift

	while [ "$left" -gt 0 ]; do
		{ ptkit_load "$@" && ptkit_unload; } || return 1
		left=$((left - 1))
	done
}

tap_plan 10

# The first rounds fill the kernel's own caches.
load_and_unload 20
drop_caches
free=$(free_memory)
counts >/tmp/before
load_and_unload "$rounds"
tap_result $? "loads and unloads $rounds times"
load_and_unload 10 passthrough=1 verify=1
tap_result $? "loads and unloads 10 times with passthrough and verify"
wait_until 20 counts_are_back
tap_result $? "page tables, vmalloc areas, caches, slab and per-CPU memory are as before"
wait_until 10 free_is_back "$free"
tap_result $? "free memory is back within 1 MiB"
[ ! -e "$debugfs" ]
tap_result $? "debugfs is as before"

! load_module ptkit passthrough=perhaps >/dev/null
tap_result $? "a parameter that is no truth value is refused"
! load_module ptkit_host >/dev/null
tap_result $? "ptkit_host does not load without ptkit"

ptkit_load
attach
tap_result $? "ptkit_host loads"
! unload_module ptkit >/dev/null
tap_result $? "ptkit does not unload while ptkit_host uses it"
detach && ptkit_unload
tap_result $? "both unload"

tap_done
