#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2119,SC2317 # functions called by wait_until
# Memory goes offline: lists give their pages back for that, wherever those are.

# shellcheck source=selftests/lib/tap.sh
. "${0%/*}/lib/tap.sh"
# shellcheck source=selftests/lib/host.sh
. "${0%/*}/lib/host.sh"
# shellcheck source=selftests/lib/window.sh
. "${0%/*}/lib/window.sh"

memory=/sys/devices/system/memory
stop=/tmp/stop
most=8
rounds=5
tables=20000

# turn BLOCK STATE - the kernel tries for as long as it is let.
turn() {
	timeout 30 sh -c "echo $2 >$memory/$1/state" 2>/dev/null
}

# Blocks that can go while ptkit is not there. They come back as memory for the kernel's own pages.
find_blocks() {
	local block found=0

	for block in "$memory"/memory[1-9]*; do
		block=${block##*/}
		turn "$block" offline || continue
		turn "$block" online_kernel || return 1
		echo "$block"
		found=$((found + 1))
		[ $found -lt $most ] || break
	done
	return 0
}

# listed - pages on the lists of tables of all levels
listed() {
	awk '/^quicklist_ptdesc_[a-z0-9]*_cached / { nr += $2 } END { print nr + 0 }' "$debugfs/stats"
}

all_listed() {
	[ "$(listed)" -ge $((tables / 2)) ]
}

# Tables that are freed are kept, as soon as nothing is cached of them.
fill() {
	local limit

	for limit in "$debugfs"/quicklist/ptdesc_*/limit; do
		echo $tables >"$limit" || return
	done
	drive queue $tables && wait_until 20 all_listed
}

# A page of the kernel's that came to be in a block since then keeps it for now.
all_go() {
	local block gone=0

	for block in $blocks; do
		fill || return
		turn "$block" offline || continue
		gone=$((gone + 1))
		[ "$(listed)" -eq 0 ] || return
		turn "$block" online_kernel || return
	done
	tap_note "$gone of $(echo "$blocks" | wc -w) blocks went"
	[ $gone -gt 0 ]
}

come_and_go() {
	local block left=$rounds gone=0

	while [ "$left" -gt 0 ]; do
		for block in $blocks; do
			turn "$block" offline || continue
			gone=$((gone + 1))
			turn "$block" online_kernel || return
		done
		left=$((left - 1))
	done
	tap_note "$gone times"
	[ $gone -gt 0 ]
}

go_in_storm() {
	local status

	storm_until $stop &
	storm_until $stop &
	come_and_go
	status=$?
	touch $stop
	wait
	rm $stop
	return $status
}

blocks=$(find_blocks) || tap_bail_out "a block of memory does not come back"
[ -n "$blocks" ] || tap_skip_all "no block of memory goes offline here"
total=$(meminfo MemTotal)
tap_plan 5

{ drive_load && attach; }
tap_result $? "attaches"
all_go
tap_result $? "memory goes offline, and the lists are empty"
go_in_storm
tap_result $? "it goes and comes under a fork storm"
storms "$(cpus)" 100 && [ "$(stat host_failed)" -eq 0 ] && [ "$(meminfo MemTotal)" -eq "$total" ]
tap_result $? "memory is as much as before, and is used again"
detach && only_slabs_left && drive_unload
tap_result $? "every page is accounted for at unload"

tap_done
