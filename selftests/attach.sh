#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2119 # no arguments is what is meant
# Attaching and detaching, again and again, while processes come and go; and while a fork bomb goes
# off, memory is short and a CPU goes away. PTKIT_ATTACH_ROUNDS and PTKIT_ROUGH_ROUNDS (on the kernel's
# command line, too) say how often; each round of the latter takes some seconds.

# shellcheck source=selftests/lib/tap.sh
. "${0%/*}/lib/tap.sh"
# shellcheck source=selftests/lib/host.sh
. "${0%/*}/lib/host.sh"

stop=/tmp/stop
rounds=${PTKIT_ATTACH_ROUNDS:-10}
rough_rounds=${PTKIT_ROUGH_ROUNDS:-3}
cpu1=/sys/devices/system/cpu/cpu1/online

# progress LEFT
progress() {
	[ $(($1 % 20)) -ne 0 ] || tap_note "$1 rounds to go, after $(cut -d ' ' -f 1 /proc/uptime) s"
}

attach_in_storm() {
	local left=$1

	storm_until $stop &
	storm_until $stop &
	while [ "$left" -gt 0 ]; do
		progress "$left"
		{ attach && detach; } || break
		left=$((left - 1))
	done
	touch $stop
	wait
	rm $stop
	[ "$left" -eq 0 ]
}

bomb() {
	while :; do
		sh -c 'sh -c "sh -c : & :" & sh -c : & :' 2>/dev/null
	done
}

starve() {
	while [ ! -e $stop ]; do
		mmtest oom $cgroup/small/cgroup.procs || sleep 1
	done
}

plug() {
	while [ ! -e $stop ]; do
		echo 0 >$cpu1
		sleep 0.3
		echo 1 >$cpu1
		sleep 0.3
	done 2>/dev/null
}

attach_in_trouble() {
	local left=$1

	(echo 0 >$cgroup/bomb/cgroup.procs; bomb) &
	storm_until $stop &
	starve &
	plug &
	while [ "$left" -gt 0 ]; do
		progress "$left"
		{ attach verify=1 && sleep 0.5 && detach; } || break
		left=$((left - 1))
	done
	touch $stop
	echo 1 >$cgroup/bomb/cgroup.kill
	wait
	rm $stop
	[ "$left" -eq 0 ]
}

tap_plan 6

ptkit_load && attach_in_storm "$rounds"
tap_result $? "attaches and detaches $rounds times under a fork storm"
only_slabs_left && ptkit_unload
tap_result $? "no frozen page is left"

{ ptkit_load && pen bomb pids.max 40 && pen small memory.max 8M && [ -w $cpu1 ]; }
case $? in
0)
	attach_in_trouble "$rough_rounds"
	tap_result $? "$rough_rounds times beside a fork bomb, OOM kills and a CPU that goes away"
	;;
*) tap_skip "beside a fork bomb, OOM kills and a CPU that goes away" "no cgroups, or one CPU" ;;
esac
only_slabs_left && ptkit_unload
tap_result $? "no frozen page is left after that"

ptkit_load passthrough=1 verify=1 && attach && storms "$(cpus)" 600 &&
	[ "$(cat "$debugfs/quicklist/pte/limit")" = 0 ] && grep -q passthrough "$debugfs/summary" &&
	[ "$(stat quicklist_pte_cached)" -eq 0 ] && [ "$(stat host_served)" -eq 0 ] &&
	[ "$(stat host_allocs)" -ge 600 ]
tap_result $? "with passthrough every table goes back to the host"
detach && only_slabs_left && ptkit_unload
tap_result $? "detaches and unloads after that"

tap_done
