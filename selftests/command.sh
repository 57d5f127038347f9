#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2119,SC2317 # functions called by wait_until
# The command for users, scripts/ptkit, which is /usr/bin/ptkit here.

# shellcheck source=selftests/lib/tap.sh
. "${0%/*}/lib/tap.sh"
# shellcheck source=selftests/lib/host.sh
. "${0%/*}/lib/host.sh"

export PTKIT_MODULES="$tap_modules"
out=/tmp/command.out err=/tmp/command.err
escape=$(printf '\033')

# says STATUS [ARG ...] - ptkit with these arguments ends with STATUS; its words are in out and err
says() {
	local wanted=$1 status=0
	shift

	ptkit "$@" </dev/null >$out 2>$err || status=$?
	! grep -q "$escape" $out || {
		tap_note "ptkit $*: not a terminal, but escapes"
		return 1
	}
	[ $status -eq "$wanted" ] && return
	tap_note "ptkit $*: status $status: $(head -n 3 $err)"
	return 1
}

commands="status top attach detach trim limit walk bench doctor"

every_command_has_help() {
	local command

	for command in $commands; do
		says 0 "$command" --help && grep -q "^usage: ptkit $command" $out &&
			says 0 --help && grep -q "^  $command" $out || return
	done
}

refuses_wrong_use() {
	local words

	for words in "nonsense" "--nonsense" "walk" "walk x" "walk 1 2" "attach pud" "attach pte pmd" \
		"trim x" "limit a b c" "limit pte x" "top -x" "top -d 0" "detach now" "status now"; do
		# shellcheck disable=SC2086 # words
		says 2 $words && [ ! -s $out ] && grep -q '^usage: ' $err || return
	done
}

# As somebody who is not root, with the same modules and files.
not_root() {
	local status=0

	echo 'nobody:x:99:99::/:/bin/sh' >>/etc/passwd
	su nobody -c 'ptkit status' >$out 2>$err || status=$?
	[ $status -eq 3 ] && grep -q 'only root' $err
}

no_debugfs() {
	umount $tap_debugfs && says 4 status && grep -q 'mount -t debugfs' $err
	set -- $?
	mount -t debugfs debug $tap_debugfs && return "$1"
}

rates_change() {
	storms "$(cpus)" 400 &
	says 0 top -d 3 -n 2
	set -- $?
	wait
	[ "$1" -eq 0 ] && [ "$(grep -c ^SOURCE $out)" -eq 2 ] &&
		awk '$1 == "quicklist_pte" && $2 > 0 { found = 1 } END { exit !found }' $out
}

# Lists are empty at times: what was found for a process may be just what it needs.
trims() {
	tables 100 && says 0 trim && grep -q '^[1-9][0-9]* pages went back' "$out" &&
		[ "$(stat quicklist_pte_trimmed)" -gt 0 ]
}

limits() {
	says 0 limit pte 77 && says 0 limit pte && [ "$(cat $out)" = 77 ] &&
		says 0 limit && grep -q '^pte  *77$' $out && grep -q '^frozen ' $out &&
		says 0 limit pte auto && says 1 limit nolist && says 1 limit frozen auto &&
		says 1 limit pte 999999999 && grep -q 'out of range' $err
}

walks() {
	says 0 walk $$ && grep -q "^process $$ (" $out && grep -q '^pte ' $out &&
		says 0 walk kernel && grep -q '^the kernel' $out && grep -q 'in all' $out &&
		says 1 walk 99999 && grep -q 'no process' $err
}

benches() {
	says 0 bench && grep -q '^quicklist' $out &&
		says 0 bench quicklist_pair rounds=3 loops=1000 && grep -q quicklist_pair $out &&
		says 1 bench nonsense
}

tap_plan 15

says 0 --help && says 0 help && [ -s $out ]
tap_result $? "has help"
every_command_has_help
tap_result $? "every command has help, and is listed there"
refuses_wrong_use
tap_result $? "wrong use is refused, with the usage"
not_root
tap_result $? "says so when it is not root"
no_debugfs
tap_result $? "says so when there is no debugfs"
says 5 status && grep -q 'not loaded' $err && says 5 trim && says 5 walk 1 && says 5 detach
tap_result $? "says so when ptkit is not loaded"
says 0 doctor && grep -q '^ok .*cmpxchg16b' $out && ! grep -q MISSING $out
tap_result $? "doctor finds nothing missing"

says 0 attach pte && grep -q '^attached: yes: pte$' $out && [ -d $livepatch ] &&
	says 0 attach && grep -q already $out
tap_result $? "attaches, once"
storms "$(cpus)" 200
says 0 status && grep -q '^attached  *yes' $out && grep -q '^quicklist pte' $out &&
	[ "$(wc -l <$out)" -le 40 ]
tap_result $? "status is one screen"
rates_change
tap_result $? "top shows rates, as plain text"
wait_until 60 trims
tap_result $? "trims"
limits
tap_result $? "shows and sets limits"
walks
tap_result $? "walks"
benches
tap_result $? "runs a benchmark"
says 0 detach --unload && [ ! -d /sys/module/ptkit ] && [ ! -d /sys/module/ptkit_host ]
tap_result $? "detaches and unloads"

tap_done
