#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2119 # no arguments is what is meant
# What processes can do to their page tables stays right while attached, with data checked.

# shellcheck source=selftests/lib/tap.sh
. "${0%/*}/lib/tap.sh"
# shellcheck source=selftests/lib/host.sh
. "${0%/*}/lib/host.sh"

cases="thp collapse dontneed mremap fork exec hugetlb userfaultfd"
# After these the kernel may give back tables with entries in use.
leavers="filecollapse ldt poison"

# Of what comes back nothing may be left when it is handed out again.
leaves() {
	local before status

	before=$(stat host_nonzero)
	mmtest "$1"
	status=$?
	before=$(($(stat host_nonzero) - before))
	tap_note "$1: $before tables came back with entries in use"
	# With page-table isolation every kernel leaves some: were there none, nothing was tested.
	[ "$1" != ldt ] || [ $status -ne 0 ] || [ $before -gt 0 ] || status=1
	return $status
}

# In a memory cgroup of 8 MiB processes are killed that use more.
oom() {
	pen small memory.max 8M || return 4
	mmtest oom $cgroup/small/cgroup.procs
}

# The kernel's own PMD tables are not ptkit's.
kernel_maps() {
	local before

	before=$(stat host_kernel)
	load_module ptkit_host_vmap && rmmod ptkit_host_vmap && [ "$(stat host_kernel)" -gt "$before" ]
}

# All of them at once, and twice each. Every one has to be right again, if it was before.
together() {
	local name pids='' bad=0 pid status

	for name in $cases $cases; do
		[ "$name" = hugetlb ] || {
			mmtest "$name" &
			pids="$pids $!"
		}
	done
	for pid in $pids; do
		wait "$pid"
		status=$?
		[ $status -eq 0 ] || [ $status -eq 4 ] || bad=1
	done
	return $bad
}

# only LEVEL OTHER - attached alone: tables of LEVEL come from its list, and no others do.
only() {
	attach "$2=0" verify=1 && mmtest fork && storms "$(cpus)" 50 &&
		[ "$(stat "host_$1_served")" -gt 0 ] && [ ! -e "$debugfs/host/$2" ] &&
		[ ! -e "$debugfs/quicklist/$2" ] && [ "$(stat host_nonzero)" -eq 0 ] && detach
}

none() {
	! load_module ptkit_host pte=0 pmd=0 >/dev/null &&
		dmesg | grep -q 'ptkit_host: cannot attach: neither'
}

# Nothing that was done so far leaves entries behind.
all_zero() {
	tap_note "tables: $(stat host_pte_allocs) PTE, $(stat host_pmd_allocs) PMD," \
		"$(stat host_kernel) of the kernel's own, $(stat host_returned) came back"
	[ "$(stat host_nonzero)" -eq 0 ] && [ "$(stat host_pmd_served)" -gt 0 ] &&
		[ "$(stat host_pte_served)" -gt 0 ]
}

# shellcheck disable=SC2086 # a list of words
set -- $cases
tap_plan $(($# + 14))

echo 64 >/proc/sys/vm/nr_hugepages
{ ptkit_load && attach; }
tap_result $? "attaches"
for name; do
	mmtest "$name"
	tap_result $? "$name"
done
oom
tap_result $? "oom"
kernel_maps
tap_result $? "the kernel's own tables are made as ever"
all_zero
tap_result $? "every table came back zero, at both levels"
for name in $leavers; do
	leaves "$name"
	tap_result $? "$name"
done
detach && only_slabs_left
tap_result $? "detaches"

attach verify=1 && together
tap_result $? "all of them at once, with verify"
all_zero
tap_result $? "every table came back zero after that"
echo 0 >/proc/sys/vm/nr_hugepages
detach && only_slabs_left
tap_result $? "detaches after that"

none
tap_result $? "refuses to attach nothing"
only pmd pte
tap_result $? "attaches PMD tables alone"
only pte pmd && only_slabs_left && ptkit_unload
tap_result $? "attaches PTE tables alone, and no frozen page is left"

tap_done
