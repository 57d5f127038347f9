#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2119,SC2317 # functions called by wait_until
# Random operations of everything, everywhere, while CPUs go, memory gets short, limits change, the
# kernel is attached and detached, and everything is read.
#
# Runs last: a run that ends in FAILURE leaves its modules loaded, as they are.
#
# PTKIT_SECONDS: how long (default 60); PTKIT_SEED: of the random numbers; PTKIT_BUSTED: a mistake
# that a build with test hooks is to make (selftests/busted)

# shellcheck source=selftests/lib/tap.sh
. "${0%/*}/lib/tap.sh"
# shellcheck source=selftests/lib/host.sh
. "${0%/*}/lib/host.sh"
PTKIT_SECONDS=${PTKIT_SECONDS:-60}
# shellcheck source=selftests/lib/torture.sh
. "${0%/*}/lib/torture.sh"

# Somebody outside of the kernel found something wrong.
fault() {
	tap_note "fault: $*"
	echo "$*" >"$torture/fault" || return 0
}

# ---- what goes on beside it, each until it is over

# The lists of a CPU that went away are empty.
listed_on() {
	# The run's own lists go when it ends.
	cat "$debugfs"/quicklist/*/percpu 2>/dev/null |
		awk -v cpu="$1" '$1 == cpu { nr += $3 } END { print nr + 0 }'
}

unplug_cpus() {
	local cpu number

	while running; do
		for cpu in /sys/devices/system/cpu/cpu[1-9]*; do
			number=${cpu##*/cpu}
			echo 0 2>/dev/null >"$cpu/online" || continue
			[ "$(listed_on "$number")" -eq 0 ] || fault "CPU $number went and left pages"
			sleep 0.2
			echo 1 >"$cpu/online"
		done
		sleep 0.3
	done
}

change_limits() {
	local n=0

	while running; do
		n=$(((n + 37) % 200))
		echo $n >"$debugfs/frozen/limit"
		echo 1 >"$debugfs/frozen/drain"
		echo $((n + 1)) >"$debugfs/async_free/limit"
		echo auto >"$debugfs/quicklist/torture_zero/limit"
		echo $n >"$debugfs/quicklist/torture_ctor/limit"
		echo 3 >"$debugfs/quicklist/torture_ctor/trim"
		echo 1 >"$debugfs/slab/torture_plain/shrink"
		sleep 0.1
	done 2>/dev/null
}

read_everything() {
	while running; do
		find "$debugfs" -type f -perm -400 -exec cat {} + >/dev/null
		sleep 0.1
	done 2>/dev/null
}

attach_and_detach() {
	[ -d /sys/kernel/livepatch ] && [ -z "${PTKIT_BUSTED:-}" ] || return
	while running; do
		attach 2>/dev/null || return
		storms 2 20
		detach || return
	done
}

# ---- runs

# An allocation that fails for want of whole blocks is a step, too.
trace() {
	echo 1 >/proc/sys/vm/compact_memory
	torture seed="$1" threads=1 steps=20000 >/dev/null && unload_module ptkit_torture || return
	dmesg | sed -n 's/.*End of test: SUCCESS.*trace //p' | tail -n 1
}

repeats() {
	local try first second other

	for try in 1 2 3; do
		first=$(trace 4711) && second=$(trace 4711) && other=$(trace 4712) || return
		tap_note "try $try: traces $first $second, and with another seed $other"
		[ "$first" != "$second" ] || [ "$first" = "$other" ] || return 0
	done
	return 1
}

beside() {
	local status

	load_module ptkit_torture seconds="$seconds" ${PTKIT_SEED:+seed="$PTKIT_SEED"} || return
	unplug_cpus &
	press_memory &
	change_limits &
	read_everything &
	attach_and_detach &
	wait_until "$(patience)" ended
	status=$?
	wait
	end_line
	awk '$1 ~ /^torture_/ { printf " %s=%s", substr($1, 9), $2 }
	     END { print "" }' "$debugfs/stats" | sed 's/^/#/'
	[ $status -eq 0 ] && [ "$(result)" = SUCCESS ]
}

free_is_back() {
	[ "$(missing)" -lt 4096 ]
}

unload_all() {
	[ "$(stat frozen_misuse)" -eq 0 ] && unload_module ptkit_torture && ptkit_unload &&
		! tap_log | grep -q 'still in use'
}

nonsense_refused() {
	local parameter

	for parameter in threads=1001 seconds=1000001 kinds=frozen,nonsense kinds=; do
		load_module ptkit_torture $parameter | grep -q 'Invalid argument' || return 1
	done
}

# With a mistake on purpose, there is nothing to see but whether it is noticed.
if [ -n "${PTKIT_BUSTED:-}" ]; then
	tap_plan 2
	ptkit_load busted="$PTKIT_BUSTED" window_mb=4
	tap_result $? "the module loads"
	! beside
	tap_result $? "$PTKIT_BUSTED: it ends in FAILURE"
	tap_done
fi

tap_plan 8

ptkit_load
nonsense_refused
tap_result $? "parameters that make no sense are refused"
repeats
tap_result $? "a seed repeats a sequence"
drop_caches
free=$(free_memory)
beside
tap_result $? "everything at once for $seconds s ends in SUCCESS"
unload_all
tap_result $? "nothing is left, and everything unloads"

ptkit_load && load_module ptkit_torture seconds=100 && unload_all
tap_result $? "a run that is broken off at once leaves nothing"
ptkit_load passthrough=1 && torture seconds=$((seconds / 4 + 1))
tap_result $? "the same without caches"
unload_all
tap_result $? "nothing is left, and everything unloads"
wait_until 20 free_is_back || {
	tap_note "$(missing) KiB are missing"
	false
}
tap_result $? "free memory is back within 4 MiB"

tap_done
