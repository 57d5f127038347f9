#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2119,SC2317 # functions called by wait_until
# Where attaching would be wrong it is refused, and what has been written to is never reused.

# shellcheck source=selftests/lib/tap.sh
. "${0%/*}/lib/tap.sh"
# shellcheck source=selftests/lib/host.sh
. "${0%/*}/lib/host.sh"

rival=/sys/kernel/livepatch/ptkit_host_rival

# said TEXT - the kernel log has it since the last mark.
said() {
	dmesg | awk -v text="$1" '/ptkit-test: mark/ { found = 0 }
		index($0, text) { found++ }
		END { exit !found }'
}

mark() {
	echo "ptkit-test: mark" >/dev/kmsg
}

# refused TEXT - ptkit_host does not load, and says why. (busybox tries twice.)
refused() {
	mark
	! load_module ptkit_host >/dev/null && said "ptkit_host: cannot attach: $1"
}

rival_settled() {
	[ "$(cat "$rival"/transition)" = 0 ]
}

rival_gone() {
	[ ! -d "$rival" ]
}

rival_on() {
	load_module ptkit_host_rival && wait_until 300 rival_settled
}

rival_off() {
	echo 0 >$rival/enabled && wait_until 300 rival_gone &&
		wait_until 60 rmmod ptkit_host_rival 2>/dev/null
}

# reported LEVEL ENTRY PMD - a table of LEVEL that was written to is found, said, cleared, counted.
reported() {
	mark
	load_module ptkit_host_dirty pmd="$3" entry="$2" && rmmod ptkit_host_dirty && drop_caches
	said "ptkit_host: a $1 table came back with entry $2 in use"
}

# poisoned - a table in memory that turned out to be broken is not reused.
poisoned() {
	load_module ptkit_host_dirty broken=1 && rmmod ptkit_host_dirty && drop_caches &&
		[ "$(stat host_pte_poisoned)" -eq 1 ] && [ "$(stat host_pte_nonzero)" -eq 1 ]
}

# Without verify a table is cleared and counted, and nothing is said; wherever the entry is in the 64
# words that are looked at together.
cleared() {
	mark
	load_module ptkit_host_dirty entry=0 tables=64 && rmmod ptkit_host_dirty && drop_caches &&
		! said "came back with entry" && [ "$(stat host_pte_nonzero)" -eq 64 ]
}

if [ ! -d /sys/kernel/livepatch ]; then
	tap_plan 1
	ptkit_load && refused "this kernel was built without CONFIG_LIVEPATCH" && ptkit_unload
	tap_result $? "refuses a kernel without livepatch"
	tap_done
fi

if [ -e /sys/kernel/realtime ]; then
	tap_plan 1
	ptkit_load && refused "this kernel allocates page-table locks apart from the tables" && ptkit_unload
	tap_result $? "refuses a kernel with PREEMPT_RT"
	tap_done
fi

tap_plan 11

ptkit_load && rival_on
tap_result $? "somebody else patches pte_alloc_one()"
refused "pte_alloc_one() is patched by somebody else already"
tap_result $? "refuses to patch it as well"
attach pte=0 && storms "$(cpus)" 20 && detach
tap_result $? "attaches PMD tables alone beside that"
rival_off && attach
tap_result $? "attaches when the other is gone"
rival_on && storms "$(cpus)" 50 && detach && storms "$(cpus)" 50 && rival_off
tap_result $? "one that comes later may hide it, and stay"
only_slabs_left
tap_result $? "no frozen page is left"

attach verify=1
reported PTE 123 0 && [ "$(stat host_pte_nonzero)" -eq 1 ]
tap_result $? "a PTE table that was written to is reported"
reported PMD 511 1 && [ "$(stat host_pmd_nonzero)" -eq 1 ]
tap_result $? "a PMD table that was written to is reported"
if [ -e /proc/sys/vm/memory_failure_recovery ]; then
	poisoned
	tap_result $? "a table in broken memory goes to the host, unread"
else
	tap_skip "a table in broken memory goes to the host, unread" "no MEMORY_FAILURE in this kernel"
fi
storms "$(cpus)" 50 && [ "$(stat host_nonzero)" -eq 2 ] && detach && only_slabs_left
tap_result $? "detaches"

attach && cleared && storms "$(cpus)" 50 && detach && only_slabs_left && ptkit_unload
tap_result $? "without verify a table that was written to is cleared and counted"

tap_done
