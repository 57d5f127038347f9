# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2317 # functions called by wait_until
#
# Sourced by the tests that let ptkit_torture do something for PTKIT_SECONDS, after tap.sh and
# host.sh.

seconds=$PTKIT_SECONDS
torture=/sys/kernel/debug/ptkit/torture
hog=/tmp/hog

result() {
	cat "$torture/result"
}

# Reading it may fail when memory is short: that says nothing.
ended() {
	case $(result) in
	SUCCESS* | FAILURE*) ;;
	*) return 1 ;;
	esac
}

running() {
	! ended
}

# The longest that a run may take: under memory pressure everything waits.
patience() {
	echo $((seconds * 4 + 120))
}

end_line() {
	tap_note "$(dmesg | grep 'ptkit_torture: End of test' | tail -n 1)"
}

# torture PARAMETER=VALUE... - until it is over; succeeds on SUCCESS
torture() {
	load_module ptkit_torture "$@" || return
	wait_until "$(patience)" ended
	end_line
	[ "$(result)" = SUCCESS ]
}

# Until the run is over.
press_memory() {
	mkdir -p $hog && mount -t tmpfs -o size=80% hog $hog || return
	while running; do
		fill_memory
		echo 3 >/proc/sys/vm/drop_caches
		rm -f $hog/fill
		sleep 0.5
	done
	umount $hog
}

# 700 MiB, or until the run is over.
fill_memory() {
	local left=14

	while [ $left -gt 0 ] && running; do
		dd if=/dev/zero bs=1M count=50 2>/dev/null >>$hog/fill
		left=$((left - 1))
	done
}

# Caches are asked to give way, again and again, until the run is over.
shrink_caches() {
	while running; do
		echo 2 >/proc/sys/vm/drop_caches
		sleep 0.1
	done
}

# How many KiB are not free that were when $free was read.
missing() {
	drop_caches
	# shellcheck disable=SC2154 # the test's
	echo $((free - $(free_memory)))
}
