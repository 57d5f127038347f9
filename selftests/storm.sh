#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2119,SC2317 # functions called by wait_until
# The kernel's PTE tables come from a quicklist, on every CPU, and nobody notices.

# shellcheck source=selftests/lib/tap.sh
. "${0%/*}/lib/tap.sh"
# shellcheck source=selftests/lib/host.sh
. "${0%/*}/lib/host.sh"

# Processes that come and go; a list that serves less than so many of a thousand tables is broken.
warmup=600 measured=2000 permille=970

# Two seconds' demand, and a list's worth per CPU, at the very most.
held_is_bounded() {
	local held

	held=$(stat host_pages_held)
	tap_note "held on top of what the kernel uses: $held pages"
	[ "$held" -le $(($(stat host_allocs) / 2 + 64 * $(cpus))) ]
}

served_enough() {
	local allocs served

	allocs=$(stat host_allocs)
	served=$(stat host_served)
	storms "$(cpus)" $measured
	allocs=$(($(stat host_allocs) - allocs))
	served=$(($(stat host_served) - served))
	tap_note "$served of $allocs tables served from the quicklist"
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

tap_plan 9

# The kernel keeps its own tables for addresses that were ever mapped, the window's among them, and
# counts them from 6.16 on.
ptkit_load && ptkit_unload
storms "$(cpus)" 100
tables=$(meminfo PageTables)
ptkit_load && attach verify=1
tap_result $? "attaches"
storms "$(cpus)" $warmup
served_enough
tap_result $? "97% of the tables of a fork storm come from the quicklist"
held_is_bounded
tap_result $? "pages held are bounded"
[ "$(stat host_returned)" -gt $measured ]
tap_result $? "tables come back"
# The kernel may leave entries in tables (mm.sh), but not in those of such processes.
[ "$(stat host_nonzero)" -eq 0 ]
tap_result $? "every one of them is zero"
wait_until 5 all_accounted
tap_result $? "what the quicklist gave is tracked"
wait_until 30 tables_are_back "$tables"
tap_result $? "PageTables is as before while attached"
detach
tap_result $? "detaches"
only_slabs_left && ptkit_unload
tap_result $? "no frozen page is left"

tap_done
