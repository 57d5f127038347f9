#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2119 # no arguments is what is meant
# A CPU that goes away leaves no page behind.

# shellcheck source=selftests/lib/tap.sh
. "${0%/*}/lib/tap.sh"
# shellcheck source=selftests/lib/host.sh
. "${0%/*}/lib/host.sh"

cpu1=/sys/devices/system/cpu/cpu1/online
rounds=10

listed_on_cpu1() {
	awk '$1 == 1 { print $3 }' "$debugfs"/quicklist/pte/percpu
}

# Some processes on CPU 1, so that its list has pages. The last one takes another number of tables
# each time: what was found for a process may be just what it needs.
fill_cpu1() {
	local nr=1

	until [ "$(listed_on_cpu1)" -gt 0 ]; do
		[ $nr -le 20 ] && taskset 2 sh -c ". ./lib/host.sh; storm 10; tables $nr" ||
			return
		nr=$((nr + 1))
	done
}

unplug_filled() {
	fill_cpu1 || return
	echo 0 >$cpu1 && [ "$(listed_on_cpu1)" -eq 0 ]
}

plug_and_use() {
	echo 1 >$cpu1 && fill_cpu1
}

[ -w $cpu1 ] || tap_skip_all "CPU 1 cannot be unplugged"
tap_plan 5

ptkit_load && attach
tap_result $? "attaches"

left=$rounds
while [ $left -gt 0 ]; do
	{ unplug_filled && plug_and_use; } || break
	left=$((left - 1))
done
[ $left -eq 0 ]
tap_result $? "$rounds times: a filled list is empty after its CPU went, and fills again"

unplugged=$(($(stat quicklist_pte_unplugged) + $(stat frozen_unplugged_pages)))
tap_note "$unplugged pages were taken off dead CPUs"
[ $unplugged -ge $rounds ]
tap_result $? "their pages are counted"

storm_until /tmp/stop &
left=$rounds
while [ $left -gt 0 ]; do
	{ echo 0 >$cpu1 && echo 1 >$cpu1; } || break
	left=$((left - 1))
done
touch /tmp/stop
wait
[ $left -eq 0 ]
tap_result $? "unplug and plug under a fork storm"

detach && only_slabs_left && ptkit_unload
tap_result $? "every page is accounted for at unload"

tap_done
