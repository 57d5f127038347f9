#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2119 # no arguments is what is meant
# Every file in debugfs can be read; every writable one takes what it should, and nothing else.

# shellcheck source=selftests/lib/tap.sh
. "${0%/*}/lib/tap.sh"
# shellcheck source=selftests/lib/host.sh
. "${0%/*}/lib/host.sh"

# accepts FILE VALUE - and shows it afterwards, if the file can be read
accepts() {
	echo "$2" >"$debugfs/$1" || return 1
	[ ! -r "$debugfs/$1" ] || [ "$(stat_mode "$1")" = 200 ] || [ "$(cat "$debugfs/$1")" = "$2" ]
}

stat_mode() {
	command stat -c %a "$debugfs/$1"
}

content() {
	[ "$(stat_mode "$1")" = 200 ] || cat "$debugfs/$1"
}

# refuses FILE VALUE ERROR - the write fails with that error's text and changes nothing
refuses() {
	local before message

	before=$(content "$1")
	message=$(printf '%s' "$2" | dd of="$debugfs/$1" bs=4096 2>&1) && {
		tap_note "$1 took '$2'"
		return 1
	}
	case $message in
	*"$3"*) ;;
	*)
		tap_note "$1, '$2': $message"
		return 1
		;;
	esac
	[ "$(content "$1")" = "$before" ]
}

refuses_nonsense() {
	local word

	for word in ' ' x -1 1x 0x10 1.5 '1 2' 18446744073709551616 \
		"$(printf '%0100d' 1)"; do
		refuses "$1" "$word" "" || return 1
	done
	refuses "$1" nonsense "Invalid argument"
}

readable_files() {
	find "$debugfs" -type f | while read -r file; do
		case $(command stat -c %a "$file") in
		400 | 600) echo "$file" ;;
		esac
	done
}

reads_all() {
	local file count=0

	for file in $(readable_files); do
		[ -n "$(cat "$file")" ] || {
			tap_note "$file is empty, or cannot be read"
			return 1
		}
		count=$((count + 1))
	done
	tap_note "$count files"
	[ $count -ge 10 ]
}

modes_are_private() {
	! find "$debugfs" -type f | while read -r file; do
		case $(command stat -c %a "$file") in
		400 | 200 | 600) ;;
		*) echo "$file" ;;
		esac
	done | grep .
}

is_name_value() {
	awk 'NF != 2 || $1 !~ /^[a-z][a-z0-9_]*$/ || $2 !~ /^[0-9]+$/ { print; bad = 1 }
	     END { exit bad || !NR }' "$debugfs/stats"
}

shows_no_address() {
	local file

	for file in $(readable_files); do
		grep -E 'ffff[0-9a-f]{8}' "$file" && return 1
	done
	return 0
}

tap_plan 17

ptkit_load && attach
tap_result $? "attaches"
storms "$(cpus)" 100

reads_all
tap_result $? "every readable file says something"
modes_are_private
tap_result $? "files are root's alone"
is_name_value
tap_result $? "stats is lines of a name and a number"
shows_no_address
tap_result $? "no file shows a kernel address"
awk '$1 == "bad" { exit $2 != 0 }' "$debugfs"/quicklist/pte/verify
tap_result $? "verify finds every listed page in its known state"

accepts quicklist/pte/limit 7 && accepts quicklist/pte/limit 0 && accepts quicklist/pte/limit auto
tap_result $? "limit takes a number and auto"
refuses_nonsense quicklist/pte/limit && refuses quicklist/pte/limit automatic "Invalid argument" &&
	refuses quicklist/pte/limit 999999999 "out of range"
tap_result $? "limit refuses nonsense and more than there is memory"
accepts quicklist/pte/trim 0 && [ "$(stat quicklist_pte_trimmed)" -gt 0 ]
tap_result $? "trim takes a number and trims"
refuses_nonsense quicklist/pte/trim && refuses quicklist/pte/trim 999999999 "out of range"
tap_result $? "trim refuses nonsense and more than there is memory"
accepts frozen/limit 0 && accepts frozen/limit 128
tap_result $? "the stash's limit takes a number"
refuses_nonsense frozen/limit && refuses frozen/limit 999999999 "out of range"
tap_result $? "the stash's limit refuses nonsense"
accepts frozen/drain 1 && refuses_nonsense frozen/drain && refuses frozen/drain 2 "out of range"
tap_result $? "drain takes 1 and nothing else"
accepts host/scan_limit 64 && refuses_nonsense host/scan_limit &&
	refuses host/scan_limit 5000 "out of range"
tap_result $? "scan_limit takes a number up to its bound"
accepts host/limit 1000 && refuses_nonsense host/limit &&
	refuses host/limit 999999999 "out of range"
tap_result $? "limit of pages held takes a number up to the size of memory"

storms "$(cpus)" 100
tap_result $? "processes come and go after all that"
detach && only_slabs_left && ptkit_unload
tap_result $? "every page is accounted for at unload"

tap_done
