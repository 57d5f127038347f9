#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2119,SC2317 # functions called by wait_until
# Whatever is written to the files of debugfs, and however they are read: nothing breaks, a write
# that fails changes nothing, and memory does not go.
#
# PTKIT_STEPS: how many (default 20000); PTKIT_SEED: of the random numbers

# shellcheck source=selftests/lib/tap.sh
. "${0%/*}/lib/tap.sh"
# shellcheck source=selftests/lib/host.sh
. "${0%/*}/lib/host.sh"

steps=${PTKIT_STEPS:-20000}
seed=${PTKIT_SEED:-$(date +%s)}

free_is_back() {
	drop_caches
	[ $((free - $(free_memory))) -lt 8192 ]
}

# What somebody wrote may have made lists keep nothing, or all.
settle() {
	echo auto >"$debugfs/quicklist/pte/limit" && echo 128 >"$debugfs/frozen/limit" &&
		echo 4096 >"$debugfs/async_free/limit"
}

balanced() {
	awk '{ v[$1] = $2 }
	     END { exit v["frozen_host_alloc_pages"] + v["frozen_frozen_pages"] != \
			v["frozen_host_free_pages"] + v["frozen_thawed_pages"] + \
			v["frozen_live_pages"] + v["frozen_stashed"] }' "$debugfs/stats"
}

tap_plan 7

ptkit_load && load_module ptkit_bench && attach
tap_result $? "everything loads"
cat "$debugfs/summary" >/dev/null
drop_caches
free=$(free_memory)
tap_note "seed $seed"
fuzz "$debugfs" "$steps" "$seed"
tap_result $? "$steps random writes and reads"
settle && storms "$(cpus)" 100
tap_result $? "processes come and go afterwards"
wait_until 10 balanced
tap_result $? "the numbers add up"
wait_until 20 free_is_back
tap_result $? "free memory is back within 8 MiB"
[ "$(stat frozen_misuse)" -eq 0 ] && [ "$(stat quicklist_pte_misuse)" -eq 0 ]
tap_result $? "nothing was misused"
detach && unload_module ptkit_bench && ptkit_unload
tap_result $? "everything unloads"

tap_done
