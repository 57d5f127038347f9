# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Sourced after tap.sh by the tests that drive ptkit_window_test.ko.

# shellcheck disable=SC2154 # from tap.sh
window_test=$tap_debugfs/ptkit_window_test

# drive COMMAND [NUMBER ...] - runs a command of the test module; fails when that does.
drive() {
	echo "$*" 2>/dev/null >"$window_test/run" && return
	tap_note "$*: $(dmesg | grep ptkit_window_test: | tail -n 1)"
	return 1
}

# result NAME - of the last command.
result() {
	awk -v name="$1" '$1 == name { print $2; found = 1 } END { exit !found }' \
		"$window_test/result"
}

# drive_load [PARAMETER=VALUE ...] - both modules, with ptkit's parameters.
drive_load() {
	ptkit_load "$@" && load_module ptkit_window_test
}

drive_unload() {
	unload_module ptkit_window_test && ptkit_unload
}

# page_tables - the kernel's count, in pages, exact.
page_tables() {
	echo 1 >/proc/sys/vm/stat_refresh
	awk '$1 == "nr_page_table_pages" { print $2 }' /proc/vmstat
}
