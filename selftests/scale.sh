#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2119,SC2317 # functions called by wait_until
# Tables of processes that live long are in nobody's way, however many; what is held has a limit.

# shellcheck source=selftests/lib/tap.sh
. "${0%/*}/lib/tap.sh"
# shellcheck source=selftests/lib/host.sh
. "${0%/*}/lib/host.sh"

# A storm of so many processes; of a thousand of its tables, so many are recycled at least; and so
# many are looked at, in the mean, for each.
processes=600 permille=950 looks=4

exists() {
	[ -e "$1" ]
}

# take N CPUS - a process that takes N tables, on CPUS of the mask. It is no child of this shell's,
# which waits for all of these.
take() {
	rm -f "/tmp/held.$2"
	(taskset "$2" tables "$1" 1000 "/tmp/held.$2" &)
}

# hold N CPUS - the same; returns when it has them.
hold() {
	take "$@"
	wait_until 300 exists "/tmp/held.$2"
}

released() {
	! pidof tables >/dev/null
}

release() {
	killall tables && wait_until 60 released
}

uptime_ms() {
	awk '{ print int($1 * 1000) }' /proc/uptime
}

# storm_served WHAT - a storm beside what is out now: recycled as ever, and few looks.
storm_served() {
	local allocs served scanned start ms out

	storms "$(cpus)" 400
	out=$(stat host_outstanding)
	allocs=$(stat host_allocs) served=$(stat host_served) scanned=$(stat host_scanned)
	start=$(uptime_ms)
	storms "$(cpus)" $processes
	ms=$(($(uptime_ms) - start))
	allocs=$(($(stat host_allocs) - allocs)) served=$(($(stat host_served) - served))
	scanned=$(($(stat host_scanned) - scanned))
	tap_note "$1: $out tracked; $((served * 1000 / allocs)) of 1000 recycled," \
		"$((scanned * 100 / allocs)) looks per 100 tables, $((ms * 1000 / processes)) us" \
		"per process"
	[ $((served * 1000)) -ge $((allocs * permille)) ] &&
		[ "$scanned" -le $((looks * allocs)) ]
}

beside() {
	hold "$1" 3 && storm_served "$1 tables held" && release
}

# all_tracked START - but those that were let go, which on a slow machine are ten seconds old by now.
all_tracked() {
	local out gone

	out=$(stat host_pte_outstanding) gone=$(stat host_pte_let_go)
	tap_note "$out tables tracked, $gone let go, $(($(uptime_ms) - $1)) ms after the first"
	[ "$out" -ge 100000 ] || {
		[ $(($(uptime_ms) - $1)) -ge 10000 ] && [ $((out + gone)) -ge 100000 ] &&
			[ "$(stat host_pte_crowded_out)" -eq 0 ]
	}
}

# Room for every table: half of what each CPU may have, of each of two levels, is for tracking.
beside_tracked() {
	local start

	echo "$(($(awk '$1 == "MemTotal:" { print $2 }' /proc/meminfo) / 4))" >$debugfs/host/limit
	start=$(uptime_ms)
	take 50000 1
	hold 50000 2 && wait_until 300 exists /tmp/held.1 && all_tracked "$start" &&
		storm_served "100000 tables held, and tracked"
}

let_go() {
	stir
	[ "$(stat host_outstanding)" -lt 20000 ]
}

# The summary line of each CPU and level: so many are as old as they are, none older than it may be.
ages_add_up() {
	awk 'NR == 1 { if ($1 != "level" || NF != 10) exit 1; next }
	     $6 + $7 + $8 + $9 + $10 < $3 - 16 || $4 > $3 { exit 1 }
	     END { exit NR < 2 }' $debugfs/host/outstanding
}

# What was out when the limit was lowered is the worker's to let go.
crowded_out() {
	stir
	[ "$(stat host_outstanding)" -le $(($1 / 2)) ]
}

# Of a limit, a share is for each CPU and level; reading this takes processes, too.
limited() {
	local limit=$((2 * 2 * 32 * $(cpus))) worst=0 held left=20

	echo $limit >$debugfs/host/limit
	wait_until 60 crowded_out $limit || return
	while [ $left -gt 0 ]; do
		tables 500
		storms "$(cpus)" 20
		held=$(stat host_pages_held)
		[ "$held" -le "$worst" ] || worst=$held
		left=$((left - 1))
	done
	tap_note "limit $limit pages: $worst held at most"
	[ "$worst" -le $limit ] && [ "$(stat host_crowded_out)" -gt 0 ]
}

holds_nothing() {
	stir
	[ "$(stat host_pages_held)" -eq 0 ]
}

nothing_held() {
	echo 0 >$debugfs/host/limit && storms "$(cpus)" 50 && wait_until 60 holds_nothing
}

# Reading the numbers takes processes, whose tables are then kept.
shrunk() {
	drop_caches
	[ "$(stat host_pages_held)" -le $((16 * $(cpus))) ]
}

# The last tables of the storm may come back, after a grace period, when the shrinker was there
# already. The worker would keep more than that for much longer.
minimum_left() {
	local status

	storms "$(cpus)" 500
	tap_note "after a storm: $(stat host_pages_held) pages held"
	wait_until 5 shrunk
	status=$?
	tap_note "after drop_caches: $(stat host_pages_held) pages held"
	return $status
}

# Tables that have been out for a while are found, however few looks there may be.
few_looks() {
	local before served

	echo 4 >$debugfs/host/scan_limit
	taskset 1 tables 1000 1
	# A grace period, after which they are back.
	sleep 0.3
	before=$(stat host_pte_served)
	taskset 1 tables 1000
	served=$(($(stat host_pte_served) - before))
	echo 32 >$debugfs/host/scan_limit
	tap_note "scan limit 4: $served of 1000 tables found that were out for a second"
	[ $served -ge 300 ]
}

tap_plan 12

{ ptkit_load && attach; }
tap_result $? "attaches"
limit=$(cat $debugfs/host/limit)
storm_served "nothing held"
tap_result $? "a storm is served"
for n in 10 1000 100000; do
	beside $n
	tap_result $? "and beside a process of $n tables"
done
few_looks
tap_result $? "old tables are found with a scan limit of 4, too"
minimum_left
tap_result $? "after a storm of 500 processes and drop_caches at most the minimum is left"
limited
tap_result $? "no more is held than the limit says"
nothing_held
tap_result $? "with a limit of 0, nothing is"
detach && only_slabs_left
tap_result $? "detaches"

attach pmd=0 && beside_tracked && ages_add_up
tap_result $? "a storm is served beside 100000 tables that are all tracked"
wait_until 180 let_go && release && detach && only_slabs_left &&
	[ "$limit" -gt 0 ] && ptkit_unload
tap_result $? "which are let go, and no frozen page is left"

tap_done
