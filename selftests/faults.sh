#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2119 # no arguments is what is meant
# Modules that start when an allocation fails: every one of those that their init functions make, one
# at a time. Not the loader's: the kernel warns about some of those. The kernel has to be able to make
# them fail.

# shellcheck source=selftests/lib/tap.sh
. "${0%/*}/lib/tap.sh"

knob() {
	[ ! -e "$tap_debugfs/$1" ] || echo "$2" >"$tap_debugfs/$1"
}

# below FUNCTION - only what it calls may fail.
below() {
	local start='' end=''

	eval "$(sort /proc/kallsyms | awk -v name="$1" '
		start && $1 != start { print "start=0x" start " end=0x" $1; exit }
		$3 == name { start = $1 }')"
	for kind in failslab fail_page_alloc; do
		knob $kind/stacktrace-depth 32
		knob $kind/require-end "$end"
		knob $kind/require-start "$start"
	done
}

# each_fails MODULE [MOST] - some failures end the loading, and at most MOST of them (0) are said to be
# of something else than memory.
each_fails() {
	nth "$tap_modules/$1.ko" >/tmp/nth
	status=$?
	tap_note "$(tr '\n' ' ' </tmp/nth)"
	[ $status -eq 0 ] && awk -v most="${2:-0}" '
		{ nr[$1] = $2 }
		END { exit !nr["refused"] || nr["blamed"] > most }' /tmp/nth
}

if [ ! -e /proc/self/fail-nth ] || [ ! -e $tap_debugfs/failslab/require-start ]; then
	tap_skip_all "no FAILSLAB with STACKTRACE_FILTER in this kernel"
fi
below do_init_module
knob fail_page_alloc/min-order 0
for kind in failslab fail_page_alloc; do
	knob $kind/ignore-gfp-wait N
	knob $kind/ignore-gfp-highmem N
	knob $kind/verbose 0
done

tap_plan 7

knob kmemleak clear
each_fails ptkit
tap_result $? "ptkit"
ptkit_load
each_fails ptkit_bench
tap_result $? "ptkit_bench"
each_fails ptkit_torture
tap_result $? "ptkit_torture"
each_fails ptkit_sample_iommu
tap_result $? "the sample driver"
if [ -e /sys/kernel/livepatch ]; then
	# ftrace and livepatch say EINVAL of some.
	each_fails ptkit_host 20
	tap_result $? "ptkit_host"
else
	tap_skip "ptkit_host" "no LIVEPATCH in this kernel"
fi
ptkit_unload && ! tap_log | grep -qE 'still in use|never destroyed'
tap_result $? "ptkit unloads, and nobody left anything with it"
if [ -e $tap_debugfs/kmemleak ]; then
	# What is found a second time is a leak.
	knob kmemleak scan
	sleep 5
	knob kmemleak scan
	[ -z "$(tee /tmp/leaks <$tap_debugfs/kmemleak)" ]
	tap_result $? "kmemleak finds nothing"
	head -n 40 /tmp/leaks | sed 's/^/# /'
else
	tap_skip "kmemleak finds nothing" "no DEBUG_KMEMLEAK in this kernel"
fi

tap_done
