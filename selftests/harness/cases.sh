# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by the tests that run on the host: cases, each a function that succeeds, fails (and says
# in $why, at best), or returns 4 to be skipped; as TAP. $tmp is a directory for them, $tmp/errors
# what is shown of one that failed.

failed=0 number=0 why=''
tmp=$(mktemp -d)
trap 'rm -rf --one-file-system -- "$tmp"' EXIT

start_cases() {
	touch "$tmp/errors"
	echo "TAP version 13"
	echo "1..$1"
}

# check NAME WANTED GOT
check() {
	[ "$2" = "$3" ] && return
	why="$1: \"$3\", not \"$2\""
	return 1
}

# run_case "FUNCTION NAME OF THE TEST"
run_case() {
	local name="${kernel:+$kernel: }${1#* }" status=0

	number=$((number + 1))
	why=''
	"${1%% *}" || status=$?
	case $status in
	0) echo "ok $number $name" ;;
	4) echo "ok $number $name # SKIP $why" ;;
	*)
		echo "not ok $number $name"
		echo "# $why"
		tail -n 60 "$tmp/errors" | sed 's/^/#   /'
		failed=$((failed + 1))
		;;
	esac
}
