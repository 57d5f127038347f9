#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2119 # no arguments is what is meant
# Every tracepoint is passed, with a name and a number, and docs/tracing.md knows it.

# shellcheck source=selftests/lib/tap.sh
. "${0%/*}/lib/tap.sh"
# shellcheck source=selftests/lib/host.sh
. "${0%/*}/lib/host.sh"
# shellcheck source=selftests/lib/window.sh
. "${0%/*}/lib/window.sh"

tracing=/sys/kernel/tracing
[ -e $tracing/events ] || tap_skip_all "no tracefs"

seen() {
	grep -q ": $1: name=[a-z0-9_-]* .*nr=[0-9]" /tmp/trace && return
	tap_note "$1 was not passed"
	return 1
}

# Tables that stay out for ten seconds are let go when somebody looks for others; what came back and
# is not needed any more is reclaimed.
provoke() {
	attach || return
	# Not a child: storms waits for all of them. Nor does it hold the test's output open.
	(tables 60 600 >/dev/null 2>&1 &)
	storms "$(cpus)" 300
	echo 0 >"$debugfs/quicklist/pte/trim"
	echo 1 >"$debugfs/frozen/drain"
	drive churn 1000 2 || return
	load_module ptkit_bench && echo slab_bulk rounds=3 loops=1000 >"$debugfs/bench/run" &&
		unload_module ptkit_bench || return
	# Ten seconds old by now, and looked at by the shrinker; so is what others gave back.
	sleep 10
	drop_caches
	tables 500
	drop_caches
	killall tables
	unload_module ptkit_window_test && detach
}

events="ptkit_quicklist_miss ptkit_quicklist_give_back ptkit_frozen_refill ptkit_frozen_give_back
ptkit_slab_refill ptkit_slab_deactivate ptkit_async_batch ptkit_window_link ptkit_window_unlink
ptkit_host_let_go ptkit_host_reclaim"

tap_plan 14

ptkit_load && load_module ptkit_window_test
tap_result $? "loads"
# shellcheck disable=SC2086 # words
[ "$(find $tracing/events/ptkit/ -name enable | wc -l)" -eq "$(set -- $events && echo $(($# + 1)))" ]
tap_result $? "there are as many tracepoints as this test knows"
echo 16384 >$tracing/buffer_size_kb
echo 1 >$tracing/events/ptkit/enable && provoke
tap_result $? "everything happens that there is a tracepoint for"
cat $tracing/trace >/tmp/trace
echo 0 >$tracing/events/ptkit/enable
for event in $events; do
	seen "$event"
	tap_result $? "$event"
done
echo 1 >$tracing/buffer_size_kb
ptkit_unload
tap_done
