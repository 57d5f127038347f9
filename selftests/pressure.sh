#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2119,SC2317 # functions called by wait_until
# Memory pressure takes every kept page back, and nothing fails meanwhile.

# shellcheck source=selftests/lib/tap.sh
. "${0%/*}/lib/tap.sh"
# shellcheck source=selftests/lib/host.sh
. "${0%/*}/lib/host.sh"

hog=/tmp/hog

# Tables that a process had and gave back are kept for a moment.
tables=2000

kept() {
	echo $(($(stat host_pages_held) + $(stat frozen_stashed)))
}

kept_many() {
	[ "$(kept)" -ge $((tables / 2)) ]
}

# They come back after a grace period.
fill() {
	local status

	tables "$tables" && wait_until 5 kept_many
	status=$?
	tap_note "kept: $(kept) pages"
	return $status
}

# Reading the numbers starts processes whose tables are then kept: a handful is none.
nearly_empty() {
	[ "$(kept)" -le 24 ]
}

# What is still in a grace period when the shrinker comes is there for the next one.
shrunk_to_nothing() {
	echo 2 >/proc/sys/vm/drop_caches && nearly_empty
}

# What was needed of late fades, and looking is a need; the bulk has to go.
unwanted_gone() {
	stir
	[ "$(stat host_pages_held)" -le $((tables / 8)) ]
}

# Leave the kernel 24 MiB beside a file that cannot be reclaimed.
squeeze() {
	local room

	{ mkdir -p $hog && mount -t tmpfs -o size=100% hog $hog; } || return 1
	while room=$(($(meminfo MemAvailable) - 24576)) && [ $room -gt 1024 ]; do
		[ $room -lt 8192 ] || room=8192
		dd if=/dev/zero bs=64k count=$((room / 64)) 2>/dev/null >>$hog/file || return 1
	done
}

# 8 MiB of tables that are kept, and then more use of memory than is left beside them.
crowd() {
	tables "$tables"
	dd if=/dev/zero of="$hog/more" bs=1M count=20 2>/dev/null
	rm "$hog/more"
	[ "$(stat host_shrunk)" -gt "$1" ]
}

tap_plan 9

{ ptkit_load && attach; }
tap_result $? "attaches"
fill
tap_result $? "tables given back at once are kept for the next process"
wait_until 120 unwanted_gone
tap_result $? "and go back to the host when nobody wants them"

fill && shrunk=$(stat host_shrunk) && wait_until 5 shrunk_to_nothing &&
	[ "$(stat host_shrunk)" -gt "$shrunk" ]
tap_result $? "the shrinker gives all of them back at once"

shrunk=$(stat host_shrunk)
squeeze
tap_result $? "memory gets short"
wait_until 120 crowd "$shrunk"
tap_result $? "memory pressure makes the shrinker work"
storms "$(cpus)" 100 && [ "$(stat host_failed)" -eq 0 ]
tap_result $? "processes come and go while memory is short"
umount $hog
tap_result $? "the memory is free again"

detach && only_slabs_left && ptkit_unload
tap_result $? "every page is accounted for at unload"

tap_done
