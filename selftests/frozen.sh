#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2119,SC2317 # functions called by wait_until
# Frozen pages of random orders: taken, split, thawed, frozen again and freed, singly, in bulk and
# in sets, by all CPUs and in interrupts, while memory is short and the stash is changed and drained.
#
# PTKIT_SECONDS: how long (default 10)

# shellcheck source=selftests/lib/tap.sh
. "${0%/*}/lib/tap.sh"
# shellcheck source=selftests/lib/host.sh
. "${0%/*}/lib/host.sh"
PTKIT_SECONDS=${PTKIT_SECONDS:-10}
# shellcheck source=selftests/lib/torture.sh
. "${0%/*}/lib/torture.sh"

# soak SECONDS - the run, and everything beside it
soak() {
	local status

	load_module ptkit_torture kinds=frozen seconds="$1" || return
	press_memory &
	shrink_caches &
	wait_until "$(patience)" ended
	status=$?
	wait
	end_line
	[ $status -eq 0 ] && [ "$(result)" = SUCCESS ]
}

accounts() {
	tap_note "$(awk '/^frozen_/ { printf "%s=%s ", substr($1, 8), $2 }' "$debugfs/stats")"
	only_slabs_left && [ "$(stat frozen_misuse)" -eq 0 ]
}

stash_works() {
	[ "$(stat frozen_hits)" -gt 0 ] && [ "$(stat frozen_refilled_pages)" -gt 0 ] &&
		[ "$(stat frozen_trimmed_pages)" -gt 0 ] && [ "$(stat frozen_shrunk_pages)" -gt 0 ]
}

nothing_stashed() {
	[ "$(stat frozen_hits)" -eq 0 ] && [ "$(stat frozen_stashed)" -eq 0 ]
}

unload_all() {
	unload_module ptkit_torture && ptkit_unload
}

free_is_back() {
	[ "$(missing)" -lt $((free / 100)) ]
}

# back - as much memory is free as before the modules were loaded, within 1%
back() {
	wait_until 20 free_is_back && return
	tap_note "$(missing) of $free KiB are missing"
	return 1
}

tap_plan 10

# What the kernel keeps of a first run is not what is looked for.
ptkit_load && ptkit_unload && drop_caches
free=$(free_memory)

ptkit_load && ! load_module ptkit_torture kinds=frozen,nothing >/dev/null
tap_result $? "a kind that is none is refused"
soak "$seconds"
tap_result $? "$seconds s on $(cpus) CPUs end in SUCCESS"
accounts
tap_result $? "no page is live, and nothing was misused"
stash_works
tap_result $? "the stash gave pages, was filled, drained and shrunk"
unload_all
tap_result $? "everything unloads"
back
tap_result $? "free memory is back within 1%"

ptkit_load passthrough=1 && soak $((seconds / 4 + 1))
tap_result $? "the same without a stash"
accounts && nothing_stashed
tap_result $? "no page is live, and nothing was stashed"
unload_all
tap_result $? "everything unloads"
back
tap_result $? "free memory is back within 1%"

tap_done
