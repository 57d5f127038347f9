#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Asynchronous freeing of page tables: contexts, the bound, batches, misuse, debugfs, unload.

# shellcheck source=selftests/lib/tap.sh
. "${0%/*}/lib/tap.sh"
# shellcheck source=selftests/lib/window.sh
. "${0%/*}/lib/window.sh"

dir=$tap_debugfs/ptkit/async_free

# Each batch has at most one flush.
flushes_per_batch() {
	local batches flushes

	batches=$(stat async_free_batches)
	flushes=$(stat async_free_flushes)
	drive queue 256 1 && echo 1 >$dir/flush || return
	batches=$(($(stat async_free_batches) - batches))
	flushes=$(($(stat async_free_flushes) - flushes))
	tap_note "256 tables in $batches batches with $flushes flushes"
	[ $batches -ge 1 ] && [ $flushes -le $batches ] && [ $flushes -le 5 ]
}

# One flush is not done when it is asked for directly, and one for a table that has seen one.
skip_flush() {
	local skipped

	skipped=$(stat async_free_flushes_skipped)
	drive skip_flush || return
	skipped=$(($(stat async_free_flushes_skipped) - skipped))
	tap_note "$skipped flushes skipped, in $(result rounds) rounds"
	[ $skipped -ge 2 ]
}

# wrong VALUE ERRNO-TEXT FILE - writing VALUE fails so.
wrong() {
	sh -c "echo '$1' >$3" 2>&1 | grep -q "$2"
}

limits() {
	local old

	old=$(cat $dir/limit)
	wrong x "Invalid argument" $dir/limit && wrong 0 "out of range\|Numerical result" $dir/limit &&
		wrong 99999999999 "out of range\|Numerical result" $dir/limit &&
		wrong x "Invalid argument" $dir/flush && [ "$(cat $dir/limit)" -eq "$old" ]
}

# bounded LIMIT THREADS - what may wait keeps the queue within the limit and one per CPU.
bounded() {
	echo "$1" >$dir/limit
	drive bound 3000 "$2" || return
	tap_note "longest $(result longest), limit $1, $(stat async_free_waits) waits"
	[ "$(result longest)" -le $(($1 + $(grep -c ^processor /proc/cpuinfo))) ] &&
		[ "$(stat async_free_waits)" -gt 0 ]
}

histogram() {
	local sum

	sum=$(awk 'NR > 1 { sum += $2 } END { print sum }' $dir/batch_histogram)
	[ "$sum" -eq "$(stat async_free_batches)" ]
}

# The kernel sends an NMI to every CPU but the one that asks, and prints where they are.
nmi() {
	[ "$(grep -c ^processor /proc/cpuinfo)" -gt 1 ] || return 4
	drive nmi 1 || return
	for _ in 1 2 3; do
		echo l >/proc/sysrq-trigger
		sleep 0.2
	done
	drive nmi 0 || return
	tap_note "$(result freed_in_nmi) tables freed in NMI"
	[ "$(result freed_in_nmi)" -gt 0 ]
}

# late TABLES WAIT - while a batch hangs, the queue is longer than its limit for more than ten
# seconds. With WAIT, whoever frees waits for room meanwhile, and does not do it often.
late() {
	local old before status

	old=$(cat $dir/limit)
	before=$(tap_log | grep -c 'page tables are queued, one of them for')
	echo 64 >$dir/limit
	drive late "$1" "$2"
	status=$?
	echo "$old" >$dir/limit
	tap_note "$(tap_log | grep 'page tables are queued' | tail -n 1)"
	[ $status -eq 0 ] && [ "$(stat async_free_late)" -eq 1 ] &&
		[ "$(tap_log | grep -c 'page tables are queued, one of them for')" -eq $((before + 1)) ]
}

# Many tables after a long time without any: nothing is late.
burst() {
	local old

	old=$(cat $dir/limit)
	sleep 11
	echo 64 >$dir/limit
	drive queue 5000 || return
	echo "$old" >$dir/limit
	[ "$(stat async_free_late)" -eq 0 ]
}

# shellcheck disable=SC2317 # by wait_until, as the next
oom_was_asked() {
	[ "$(stat async_free_oom)" -gt 0 ]
}

# The kernel asks all that can give memory back before it kills.
oom() {
	local victim status

	sleep 1000 &
	victim=$!
	echo 1000 >/proc/$victim/oom_score_adj
	drive queue 2000
	echo f >/proc/sysrq-trigger
	wait_until 30 oom_was_asked && wait_until 10 queue_empty
	status=$?
	kill $victim 2>/dev/null
	wait $victim
	return $status
}

# shellcheck disable=SC2317
queue_empty() {
	[ "$(stat async_free_queue_len)" -eq 0 ]
}

hotplug() {
	[ -e /sys/devices/system/cpu/cpu1/online ] || return 4
	for _ in 1 2 3 4 5; do
		drive contexts &
		for cpu in /sys/devices/system/cpu/cpu[1-9]*; do
			echo 0 >"$cpu/online"
			echo 1 >"$cpu/online"
		done
		wait $! || return
	done
}

balanced() {
	[ "$(stat async_free_queue_len)" -eq 0 ] &&
		[ "$(stat async_free_queued)" -eq \
			$(($(stat async_free_freed) + $(stat async_free_not_freed))) ]
}

tap_plan 17

drive_load
tap_result $? "the module loads"
flushes_per_batch
tap_result $? "a batch has at most one flush"
skip_flush
tap_result $? "a table that saw a flush needs no other; one that is taken back lives"
drive contexts
tap_result $? "tables are freed in tasks, softirqs and hard interrupts"
drive sync 300 4 && tap_note "at most $(result longest) flushes"
tap_result $? "sync returns within two batches"
nmi
tap_result $? "tables are freed in NMI"
limits
tap_result $? "wrong writes are refused and change nothing"
bounded 64 4
tap_result $? "the queue keeps its limit"
echo 4096 >$dir/limit
burst
tap_result $? "many tables after a long time are not reported"
late 5000 0
tap_result $? "a queue that stays long is reported"
oom
tap_result $? "the kernel, out of memory, asks for what is queued"
hotplug
tap_result $? "CPUs go and come back during batches"
echo 1 >$dir/flush
histogram && balanced
tap_result $? "the histogram counts every batch, the counters balance"

expect_warning 'misuse: freeing a page table twice' 1
drive misuse && [ "$(stat async_free_misuse)" -eq 1 ]
tap_result $? "freeing a table twice is refused and reported"

drive queue 20000 && drive_unload && ! tap_log | grep -q 'still in use'
tap_result $? "unloading frees a long queue"
drive_load && late 200 1 && drive_unload
tap_result $? "a queue that stays long is reported if all who free wait"
drive_load passthrough=1 verify=1 && drive queue 1000 && drive contexts && drive_unload
tap_result $? "without caches, and with everything verified, it works the same"
tap_done
