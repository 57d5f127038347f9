#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2119,SC2317 # functions called by wait_until
# The benchmarks run, say no to nonsense, and can be ended. What they measure is not judged.

# shellcheck source=selftests/lib/tap.sh
. "${0%/*}/lib/tap.sh"

bench=$tap_debugfs/ptkit/bench

# The shell's own complaint about a failed write is what tells the errno.
run() {
	message=$({ echo "$*" >$bench/run; } 2>&1)
}

refused() {
	local before

	before=$(stat bench_runs)
	if run "$@"; then
		tap_note "accepted: $*"
		return 1
	fi
	case $message in
	*"Invalid argument"*) [ "$(stat bench_runs)" -eq "$before" ] ;;
	*) tap_note "$*: $message"; return 1 ;;
	esac
}

nonsense_refused() {
	local args

	refused "" || return 1
	for args in nonsense quicklist "quicklist_pair cpus" "quicklist_pair cpus=" \
		"quicklist_pair cpus=0" "quicklist_pair cpus=x" "quicklist_pair cpus=-1" \
		"quicklist_pair cpus=1000" "quicklist_pair cpus=4294967297" \
		"quicklist_pair rounds=1" "quicklist_pair rounds=10001" "quicklist_pair rounds=2 rounds=3" \
		"quicklist_pair loops=0" "quicklist_pair size=64" "quicklist_pair n=1" \
		"quicklist_pair speed=1" "quicklist_pair rounds=3 nonsense" \
		"quicklist_pair cpus=$(($(nproc) + 1))" \
		"slab_bulk$(largest slab_bulk n) rounds=2 loops=100000" \
		"quicklist_pair $(printf '%0200d' 1)"; do
		refused "$args" || return 1
	done
}

names() {
	sed 's/ .*//' $bench/list
}

# limit NAME KEY END - " KEY=value" with the smallest (END 1) or the largest (2) value that benchmark
# NAME takes, from a word of its line in list such as cpus=1-4(1); nothing if it takes none.
limit() {
	awk -v name="$1" -v key="$2" -v end="$3" '
		$1 == name {
			for (i = 2; i <= NF; i++)
				if (index($i, key "=") == 1) {
					split(substr($i, length(key) + 2), n, /[-(]/)
					printf " %s=%d", key, n[end]
				}
		}' $bench/list
}

smallest() {
	limit "$1" "$2" 1
}

largest() {
	limit "$1" "$2" 2
}

# Every benchmark needs the CPUs that it needs.
can_run() {
	local least

	least=$(smallest "$1" cpus)
	[ "${least#*=}" -le "$(grep -c '^processor' /proc/cpuinfo)" ]
}

all_run() {
	local name expected=0

	for name in $(names); do
		if ! can_run "$name"; then
			tap_note "$name needs more CPUs"
			continue
		fi
		for args in "" "$(smallest "$name" size)$(smallest "$name" n)" \
			"$(largest "$name" size)$(smallest "$name" n)" \
			"$(smallest "$name" size)$(smallest "$name" n)$(largest "$name" cpus)"; do
			if ! run "$name$args rounds=2 loops=1"; then
				tap_note "$name$args: $message"
				return 1
			fi
			expected=$((expected + 3))
		done
	done
	# And as many rounds, and as often in each, as it thinks fit.
	run "quicklist_pair rounds=2" && run "  quicklist_pair  loops=1 " &&
		[ "$(grep -vc '^#' $bench/result)" -eq $((expected + 6 + 1)) ]
}

# Nine columns each; ratios in ptkit's rows and nowhere else.
result_parses() {
	awk -F '\t' '
		/^#/ { next }
		!header++ {
			if ($0 != "benchmark\tvariant\tcpus\tsize\tn\tns_min\tns_median\tratio_median\tratio_spread")
				bad = 1
			next
		}
		NF != 9 || $3 !~ /^[0-9]+$/ || $4 !~ /^[0-9]+$/ || $5 !~ /^[0-9]+$/ { bad = 1 }
		$6 !~ /^[0-9]+\.[0-9][0-9]$/ || $7 !~ /^[0-9]+\.[0-9][0-9]$/ { bad = 1 }
		$2 == "ptkit" && ($8 $9) !~ /^[0-9]+\.[0-9]+\.[0-9]+$/ { bad = 1 }
		$2 ~ /^(kernel|baseline)$/ && ($8 != "-" || $9 != "-") { bad = 1 }
		$2 !~ /^(ptkit|kernel|baseline)$/ { bad = 1 }
		END { exit bad || header < 2 }' $bench/result
}

# The same rows in the same order, each with its median, which is cut to one digit for people.
table_agrees() {
	grep -v '^#' $bench/result | awk -F '\t' -v table=$bench/table '
		NR == 1 { next }
		{
			what = sprintf("%-8s %s", $2, $1) ($4 ? "(" $4 ")" : "") ($5 ? " n=" $5 : "")
			cpus = $3 > 1 ? " cpus=" $3 : ""
			median = substr($7, 1, length($7) - 1)
			if ((getline row <table) < 1 || index(row, what " ") != 1 || !index(row, cpus " ") ||
			    !index(row, " -> " median " ns, spread ")) {
				print "# " $0 " is not: " row
				exit bad = 1
			}
			loops += index(row, " loops=1 ") > 0
		}
		END { exit bad || NR - 1 - loops != 3 || (getline row <table) > 0 }'
}

is_idle() {
	run "quicklist_pair rounds=2 loops=1"
}

has_run() {
	[ "$(stat bench_runs)" -gt "$1" ]
}

long_run() {
	echo "quicklist_pair rounds=10000" >$bench/run
}

second_is_busy() {
	local before

	before=$(stat bench_runs)
	long_run 2>/dev/null &
	wait_until 10 has_run "$before" || return 1
	! run "quicklist_pair rounds=2 loops=1" || return 1
	case $message in
	*busy*) return 0 ;;
	esac
	tap_note "$message"
	return 1
}

# The run that second_is_busy left is still on.
ends_when_killed() {
	local failed

	failed=$(stat bench_failed)
	kill -KILL $! && wait_until 5 is_idle && [ "$(stat bench_failed)" -eq $((failed + 1)) ]
}

# Threads that wait for each other, and hold each other's objects.
crowd_ends_when_killed() {
	local name before failed

	for name in slab_remote_free slab_remote_free slab_remote_free slab_producer_consumer \
		async_enqueue; do
		before=$(stat bench_runs)
		failed=$(stat bench_failed)
		echo "$name cpus=2 rounds=10000" >$bench/run 2>/dev/null &
		wait_until 10 has_run "$before" && sleep 0.5
		kill -KILL $! && wait_until 5 is_idle || return 1
		[ "$(stat bench_failed)" -eq $((failed + 1)) ] && nothing_left || return 1
	done
}

# As many as there may be, and not one more: it says so, and keeps those that there are.
results_bounded() {
	local left=1000

	while [ $left -gt 0 ] && is_idle; do
		left=$((left - 1))
	done
	case $message in
	*"No space left"*) ;;
	*) tap_note "$message"; return 1 ;;
	esac
	[ "$(stat bench_results)" -eq 512 ] &&
		[ "$(grep -vc '^#' $bench/result)" -eq $((512 * 3 + 1)) ]
}

cleared() {
	echo 0 >$bench/result && [ "$(grep -vc '^#' $bench/result)" -eq 1 ] &&
		[ "$(stat bench_results)" -eq 0 ] && is_idle
}

nothing_left() {
	[ ! -d $tap_debugfs/ptkit/quicklist/bench ] && [ ! -d $tap_debugfs/ptkit/slab/bench ]
}

tap_plan 12
ptkit_load && load_module ptkit_bench
tap_result $? "loads"
nonsense_refused
tap_result $? "unknown names and bad numbers are refused, and nothing runs"
all_run
tap_result $? "every benchmark runs"
result_parses
tap_result $? "results are tab separated values"
table_agrees
tap_result $? "the table for people has the same ones"
second_is_busy
tap_result $? "a second run at once is refused"
ends_when_killed
tap_result $? "a run ends when who started it is killed"
if [ "$(nproc)" -gt 1 ]; then
	crowd_ends_when_killed
	tap_result $? "so does a run of several threads, and nothing is left"
else
	tap_skip "so does a run of several threads, and nothing is left" "one CPU"
fi
results_bounded
tap_result $? "there is an end to how many results are kept"
cleared
tap_result $? "results can be cleared"
nothing_left
tap_result $? "nothing is left behind"
unload_module ptkit_bench && ptkit_unload
tap_result $? "unloads"
tap_done
