# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Sourced by the tests that attach the running kernel to ptkit, after tap.sh.

livepatch=/sys/kernel/livepatch/ptkit_host
# shellcheck disable=SC2034 # for the tests
debugfs=/sys/kernel/debug/ptkit

patch_settled() {
	[ "$(cat $livepatch/transition)" = 0 ]
}

patch_gone() {
	[ ! -d $livepatch ]
}

# attach [PARAMETER=VALUE ...] - returns when every task uses the patched function.
attach() {
	load_module ptkit_host "$@" && wait_until 300 patch_settled
}

# The livepatch core drops its reference a moment after the directory is gone.
detach() {
	echo 0 >$livepatch/enabled && wait_until 300 patch_gone &&
		wait_until 60 rmmod ptkit_host 2>/dev/null
}

# storm N - N times fork, exec and exit, one after the other.
storm() {
	local left=$1

	while [ "$left" -gt 0 ]; do
		/bin/busybox true
		left=$((left - 1))
	done
}

# storms JOBS N - JOBS storms at once, N processes in all; returns when they are over.
storms() {
	local job=0 jobs=$1 each=$(($2 / $1))

	while [ $job -lt "$jobs" ]; do
		storm $each &
		job=$((job + 1))
	done
	wait
}

# stir - every CPU is busy for a second or two: the worker that gives tables back waits while its CPU
# idles. Processes that came and went would be a demand, for which it keeps tables.
stir() {
	local cpu now until pids=''

	cpu=$(cpus)
	read -r now _ </proc/uptime
	until=$((${now%%.*} + 2))
	while [ "$cpu" -gt 0 ]; do
		cpu=$((cpu - 1))
		# shellcheck disable=SC2016 # for the other shell
		taskset "$(printf '%x' $((1 << cpu)))" sh -c \
			'while read -r now _ </proc/uptime && [ "${now%%.*}" -lt "$1" ]; do :; done' \
			sh "$until" &
		pids="$pids $!"
	done
	# shellcheck disable=SC2086 # numbers
	wait $pids
}

# storm_until FILE - processes come and go until FILE exists.
storm_until() {
	while [ ! -e "$1" ]; do
		/bin/busybox true
	done
}

# pen NAME FILE VALUE - a cgroup below $cgroup, with a limit.
cgroup=/tmp/cgroup
pen() {
	mkdir -p $cgroup
	[ -e $cgroup/cgroup.procs ] || mount -t cgroup2 none $cgroup || return 1
	echo '+pids +memory' >$cgroup/cgroup.subtree_control && mkdir -p "$cgroup/$1" &&
		echo "$3" >"$cgroup/$1/$2"
}

cpus() {
	grep -c '^processor' /proc/cpuinfo
}

meminfo() {
	awk -v key="$1:" '$1 == key { print $2 }' /proc/meminfo
}

# Free memory in kB. MemFree leaves out the pages that wait on the CPUs' own lists, of which kernels
# keep more and more: some MiB that come and go.
free_memory() {
	awk '/^MemFree:/ { kb = $2 }
	     $1 == "count:" { kb += $2 * 4 }
	     END { print kb }' /proc/meminfo /proc/zoneinfo
}

# Give back what the kernel only caches, so that free memory can be compared.
drop_caches() {
	sync
	echo 3 >/proc/sys/vm/drop_caches
}

# only_slabs_left - no frozen page is in use but those of slabs, which hold ptkit's own objects
only_slabs_left() {
	awk '$1 == "frozen_live_pages" { live = $2 }
	     sub(/_slab_size$/, "", $1) { pages[$1] = $2 / 4096 }
	     sub(/_slabs$/, "", $1) { slabs[$1] = $2 }
	     END {
		for (cache in pages)
			live -= slabs[cache] * pages[cache]
		exit live != 0
	     }' "$debugfs/stats"
}
