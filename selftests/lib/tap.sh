# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Sourced by the tests that run in a guest (or as root on a real machine): TAP output in the
# manner of the kernel's kselftests, and what most tests of ptkit need. A test is
#
#	. "${0%/*}/lib/tap.sh"
#	tap_plan 2
#	ptkit_load
#	tap_result $? "the module loads"
#	[ "$(stat quicklist_allocs)" -ge 0 ]
#	tap_result $? "allocations are counted"
#	tap_done

tap_modules=${PTKIT_MODULES:-/modules}
tap_debugfs=/sys/kernel/debug
tap_planned=0
tap_passed=0
tap_failed=0
tap_skipped=0

# Diagnosis goes where the results go, so that it stays beside the test that it is about.
tap_note() {
	printf '# %s\n' "$*"
}

tap_bail_out() {
	printf 'Bail out! %s\n' "$*"
	exit 1
}

# An empty log must not pass for a clean one: what the test judges by has to be readable.
tap_check_evidence() {
	local mark

	mark="ptkit-test: evidence $$ $(date +%s)"
	echo "$mark" >/dev/kmsg 2>/dev/null || tap_bail_out "cannot write to /dev/kmsg"
	dmesg | grep -qF "$mark" || tap_bail_out "dmesg does not show what was just logged"
	[ -n "$(ls $tap_debugfs 2>/dev/null)" ] || tap_bail_out "no debugfs on $tap_debugfs"
}

# tap_log - the kernel log since the test script began
tap_log() {
	dmesg | sed -n "/ptkit-test: evidence $$ /,\$p"
}

# tap_plan N - N tests will follow; the first thing that a test script says.
tap_plan() {
	echo "TAP version 13"
	tap_check_evidence
	tap_planned=$1
	echo "1..$1"
}

# tap_skip_all REASON - instead of tap_plan, when nothing here can be tested on this kernel.
tap_skip_all() {
	echo "TAP version 13"
	printf '1..0 # SKIP %s\n' "$*"
	exit 4
}

tap_number() {
	echo $((tap_passed + tap_failed + tap_skipped))
}

# tap_ok NAME
tap_ok() {
	tap_passed=$((tap_passed + 1))
	printf 'ok %d %s\n' "$(tap_number)" "$1"
}

# tap_fail NAME [WHY]
tap_fail() {
	tap_failed=$((tap_failed + 1))
	printf 'not ok %d %s\n' "$(tap_number)" "$1"
	[ -z "${2:-}" ] || tap_note "$2"
}

# tap_skip NAME REASON
tap_skip() {
	tap_skipped=$((tap_skipped + 1))
	printf 'ok %d %s # SKIP %s\n' "$(tap_number)" "$1" "$2"
}

# tap_result STATUS NAME - 0 is a pass, 4 a skip, as with kselftest's exit statuses.
tap_result() {
	case $1 in
	0) tap_ok "$2" ;;
	4) tap_skip "$2" "not supported here" ;;
	*) tap_fail "$2" "status $1" ;;
	esac
}

# The last thing that a test script does. Exits with 0, 1 (failed) or 4 (all skipped).
tap_done() {
	local ran

	ran=$(tap_number)
	echo "# Totals: pass:$tap_passed fail:$tap_failed xfail:0 xpass:0 skip:$tap_skipped error:0"
	if [ "$ran" -ne "$tap_planned" ]; then
		tap_note "$tap_planned tests planned but $ran ran"
		exit 1
	fi
	[ "$tap_failed" -eq 0 ] || exit 1
	[ "$tap_skipped" -ne "$ran" ] || exit 4
	exit 0
}

# expect_warning REGEX N - exactly N kernel reports (BUG, WARN, ...) that match the extended
# regular expression REGEX follow, because the test provokes them. Any other number fails the
# whole run, as does a report that nobody expected.
expect_warning() {
	echo "ptkit-test: expect $2 matching $1" >/dev/kmsg
}

# load_module NAME [PARAMETER=VALUE ...]
load_module() {
	local name=$1 message
	shift

	message=$(insmod "$tap_modules/$name.ko" "$@" 2>&1) && return
	tap_note "$message"
	return 1
}

unload_module() {
	local message

	message=$(rmmod "$1" 2>&1) && return
	tap_note "$message"
	return 1
}

ptkit_load() {
	load_module ptkit "$@"
}

ptkit_unload() {
	unload_module ptkit
}

# stat NAME - prints the value of ptkit's statistic NAME; fails when there is none.
stat() {
	awk -v name="$1" '$1 == name { print $2; found = 1 } END { exit !found }' \
		$tap_debugfs/ptkit/stats && return
	tap_note "no statistic $1" >&2
	return 1
}

# wait_until SECONDS COMMAND [ARG ...] - until COMMAND succeeds; fails when the time is up and it was
# tried twice for each second: a machine that stands still for a while is no reason.
wait_until() {
	local end=$(($(date +%s) + $1)) tries=$(($1 * 2))
	shift

	until "$@"; do
		tries=$((tries - 1))
		[ "$(date +%s)" -lt "$end" ] || [ $tries -gt 0 ] || return 1
		sleep 0.1
	done
}
