#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2119,SC2317 # functions called by wait_until
# The kernel's tables come from quicklists, on every CPU, and nobody notices.

# shellcheck source=selftests/lib/tap.sh
. "${0%/*}/lib/tap.sh"
# shellcheck source=selftests/lib/host.sh
. "${0%/*}/lib/host.sh"

# Processes that come and go; a list that serves less than so many of a thousand tables is broken.
warmup=600 measured=2000 permille=970

before=/tmp/before after=/tmp/after watched=/tmp/watched over=/tmp/over

# grew NAME - a statistic, from the one reading to the other.
grew() {
	awk -v name="$1" '$1 == name { sum = $2 - sum; found++ }
			  END { print sum + 0; exit found != 2 }' $before $after
}

# Lines "time allocs held" until the storm is over. All of one from one read.
watch_held() {
	while [ ! -e $over ]; do
		awk 'FNR == NR { now = $1; next }
		     $1 == "host_allocs" { allocs = $2 }
		     $1 == "host_pages_held" { print now, allocs, $2 }' \
			/proc/uptime "$debugfs/stats"
		sleep 0.1
	done >$watched
}

watched_storm() {
	{
		storms "$(cpus)" $warmup
		cat "$debugfs/stats" >$before
		storms "$(cpus)" $measured
		cat "$debugfs/stats" >$after
		touch $over
	} &
	watch_held
	wait
}

# The most that was held, and the tables of the busiest second, which lies between two readings that
# are a little further apart.
extremes() {
	awk '{ time[NR] = $1; allocs[NR] = $2; if ($3 > worst) worst = $3 }
	     END {
		for (i = 1; i < NR; i++) {
			for (j = i + 1; j < NR && time[j] < time[i + 1] + 1; j++)
				;
			if (allocs[j] - allocs[i] > busiest)
				busiest = allocs[j] - allocs[i]
		}
		print worst + 0, busiest + 0
	     }' $watched
}

# What design.md says: the limit, and four times the tables of the busiest second, and what looks
# leave on the lists.
held_is_bounded() {
	local worst busiest limit lists

	lists=$((2 * 16 * $(cpus))) limit=$(cat "$debugfs/host/limit")
	busiest=$(extremes) worst=${busiest% *} busiest=${busiest#* }
	tap_note "held on top of what the kernel uses: $worst pages at most;" \
		"$busiest tables in the busiest second; limit $limit pages"
	[ "$busiest" -gt 0 ] && [ "$worst" -le "$limit" ] &&
		[ "$worst" -le $((4 * busiest + lists)) ]
}

# served_enough LEVEL - of its tables, while the storm was measured.
served_enough() {
	local allocs served

	[ -e "$debugfs/host/$1" ] || return 4
	allocs=$(grew "host_$1_allocs") && served=$(grew "host_$1_served") || return
	tap_note "$served of $allocs $1 tables served from the quicklist"
	[ "$allocs" -ge $measured ] && [ $((served * 1000)) -ge $((allocs * permille)) ]
}

# Everything that the quicklist gave is known to be out. Both numbers from one read: to read again
# takes another process, and so other tables.
all_accounted() {
	awk '$1 == "quicklist_pte_in_use" { given = $2 }
	     $1 == "host_pte_outstanding" { out = $2 }
	     END { exit out == "" || given != out }' "$debugfs/stats"
}

tables_are_back() {
	[ "$(meminfo PageTables)" -le $(($1 + 64)) ]
}

tap_plan 10

# The kernel keeps its own tables for addresses that were ever mapped, the window's among them, and
# counts them from 6.16 on.
ptkit_load && ptkit_unload
storms "$(cpus)" 100
tables=$(meminfo PageTables)
ptkit_load && attach verify=1
tap_result $? "attaches"
watched_storm
served_enough pte
tap_result $? "97% of the PTE tables of a fork storm come from the quicklist"
served_enough pmd
tap_result $? "97% of its PMD tables come from theirs"
held_is_bounded
tap_result $? "pages held are bounded"
[ "$(stat host_returned)" -gt $measured ]
tap_result $? "tables come back"
# The kernel may leave entries in tables (mm.sh), but not in those of such processes.
[ "$(stat host_nonzero)" -eq 0 ]
tap_result $? "every one of them is zero"
wait_until 30 all_accounted
tap_result $? "what the quicklist gave is tracked"
wait_until 60 tables_are_back "$tables"
tap_result $? "PageTables is as before while attached"
detach
tap_result $? "detaches"
only_slabs_left && ptkit_unload
tap_result $? "no frozen page is left"

tap_done
