#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2119 # no arguments is what is meant
#
# The walk of page tables agrees with what the kernel says of them, by /proc/PID/status and, where
# there is one, by its own dump; and it does no harm where tables come and go.
#
# PTKIT_SECONDS: how long tables come and go (default 10)

# shellcheck source=selftests/lib/tap.sh
. "${0%/*}/lib/tap.sh"

seconds=${PTKIT_SECONDS:-10}
walk=$tap_debugfs/ptkit/walk
dump=$tap_debugfs/page_tables/kernel
held=''

# field LEVEL COLUMN - of the last walk
field() {
	awk -v level="$1" -v column="$2" '
		$1 == "level" { for (i = 1; i <= NF; i++) if ($i == column) at = i; next }
		$1 == level { print at ? $at : $2 }' "$walk"
}

walk_of() {
	echo "$1" >"$walk" && [ "$(field space)" = "$1" ]
}

# refuses VALUE TEXT - the write fails with TEXT, and what was read before still stands
refuses() {
	local before message

	before=$(cat "$walk")
	message=$(printf '%s' "$1" | dd of="$walk" bs=4096 2>&1) && return 1
	case $message in
	*"$2"*) ;;
	*)
		tap_note "'$1': $message"
		return 1
		;;
	esac
	[ "$(cat "$walk")" = "$before" ]
}

refuses_nonsense() {
	local word

	for word in ' ' x 0 -1 1x 0x10 1.5 '1 2' kernels KERNEL "$(printf '%0100d' 1)"; do
		refuses "$word" "" || return 1
	done
	refuses nonsense "Invalid argument" && refuses 4294967296 "out of range"
}

# hold COMMAND... - in the background until drop; returns when it says "ready"
hold() {
	rm -f /tmp/ready
	"$@" >/tmp/ready &
	held=$!
	wait_until 120 grep -q ready /tmp/ready
}

drop() {
	kill "$held" 2>/dev/null
	wait "$held" 2>/dev/null
	held=''
}

vm_pte() {
	awk '$1 == "VmPTE:" { print $2 }' "/proc/$1/status"
}

# The kernel counts tables of the levels PTE, PMD and PUD, and those that are kept for later. It is
# asked before and after the walk: what changed meanwhile is walked again.
agrees_with_status() {
	local before after

	after=$(vm_pte "$1")
	until [ "$after" = "${before:-}" ]; do
		before=$after
		walk_of "$1" || return
		after=$(vm_pte "$1")
	done
	set -- $(($(field pte tables) + $(field pmd tables) + $(field pud tables) + $(field deposited)))
	tap_note "VmPTE $after kB; $1 tables, $(field deposited) deposited"
	[ $(($1 * 4)) -eq "$after" ] && [ "$(field skipped)" -eq 0 ]
}

# fill RANGE - PTE tables of the last walk with so many entries in use
fill() {
	awk -v range="$1" '$1 == "fill" && $2 == range { print $3 }' "$walk"
}

# adds_up [1] - every entry of level PMD that points to a table points to one of its own; of the
# kernel's, with 1, several may point to the same (espfix, KASAN)
adds_up() {
	awk -v shared="${1:-0}" '
		$1 == "pte" { tables = $2; empty = $6 }
		$1 == "pmd" { below = $4 - $5 }
		$1 == "fill" { sum += $3; if ($2 == "0") none = $3 }
		END {
			exit !tables || sum != tables || none != empty ||
			     (shared ? below < tables : below != tables)
		}' "$walk" && return
	tap_note "$(tr '\n' ',' <"$walk")"
	return 1
}

# The kernel may link a table meanwhile.
kernel_adds_up() {
	local try

	for try in 1 2 3 4 5; do
		walk_of kernel && [ "$(field pgd tables)" -eq 1 ] || return
		tap_note "walk $try"
		! adds_up 1 || return 0
	done
	return 1
}

own_tables() {
	hold space sparse 1 600 && agrees_with_status "$held"
}

huge_tables() {
	echo 1 >/proc/sys/vm/compact_memory
	hold space huge 8 600 && agrees_with_status "$held" && [ "$(field pmd huge)" -ge 8 ] &&
		[ "$(field deposited)" -ge 8 ]
}

# 64 GiB of address space with a page in every 2 MiB.
large_space() {
	rm -f /tmp/ready
	tables 32768 600 /tmp/ready &
	held=$!
	wait_until 120 [ -e /tmp/ready ]
}

# interrupted_after SECONDS - a walk is killed then, and leaves the last result
interrupted_after() {
	local before

	walk_of kernel || return
	before=$(cat "$walk")
	sh -c "echo $held >$walk" 2>/dev/null &
	sleep "$1"
	kill -9 $!
	wait $! 2>/dev/null
	[ $? -eq 137 ] && [ "$(cat "$walk")" = "$before" ]
}

# Who comes too early finds none, who comes too late finds its result. A walk that takes no notice
# always leaves one.
interrupted() {
	local try

	for try in 1 2 3 4 5 6 7 8 9; do
		! interrupted_after 0.0$try || return 0
	done
	return 1
}

walk_while() {
	local count=0

	while kill -0 "$1" 2>/dev/null; do
		echo "$1" 2>/dev/null >"$walk" && count=$((count + 1))
	done
	wait "$1" || return
	tap_note "$count walks, the last with $(field retries) retries"
	[ $count -ge 20 ]
}

# Kernel mappings come and go: vmalloc's, modules', and forks make and free stacks.
kernel_while() {
	local count=0 end

	end=$(($(date +%s) + seconds))
	while [ "$(date +%s)" -lt $end ]; do
		load_module ptkit_bench && unload_module ptkit_bench || return
	done &
	while kill -0 $! 2>/dev/null; do
		walk_of kernel || return
		count=$((count + 1))
	done
	wait $! || return
	tap_note "$count walks"
	[ $count -ge 5 ]
}

# dumped LEVEL BYTES - the entries of LEVEL that the kernel's dump shows present
dumped() {
	awk -v level="$1" -v bytes="$2" '
		BEGIN { unit["K"] = 1024; unit["M"] = 1048576; unit["G"] = unit["M"] * 1024
			unit["T"] = unit["G"] * 1024 }
		$NF == level && / (RW|ro) / {
			letter = substr($2, length($2))
			sum += substr($2, 1, length($2) - 1) * unit[letter] / bytes
		}
		END { printf "%d\n", sum }' /tmp/dump
}

# The kernel uses memory meanwhile: they need agree only once.
agrees_with_dump() {
	local try

	for try in 1 2 3 4 5 6 7 8 9 10; do
		cat "$dump" >/tmp/dump && walk_of kernel || return
		set -- "$(field pte present) $(field pmd huge) $(field pud huge)" \
			"$(dumped pte 4096) $(dumped pmd 2097152) $(dumped pud 1073741824)"
		tap_note "try $try: walk $1, dump $2 (pte, huge pmd, huge pud)"
		[ "$1" != "$2" ] || return 0
	done
	return 1
}

tap_plan 13

ptkit_load && [ "$(field space)" = none ]
tap_result $? "nothing was walked at first"
kernel_adds_up
tap_result $? "the kernel's tables can be walked"
refuses_nonsense
tap_result $? "refuses what is neither a PID nor kernel"
sh -c 'exit' &
wait $!
refuses $! "No such process"
tap_result $? "refuses a process that is gone"
refuses 2 "No such process"
tap_result $? "refuses a thread of the kernel, which has no memory of its own"

own_tables && adds_up
tap_result $? "a small process: the kernel has the same number of tables"
drop
huge_tables && adds_up
tap_result $? "huge pages: so it does, with those kept for splitting"
drop
hold space sparse 200 600 && agrees_with_status "$held" && adds_up && [ "$(field pmd tables)" -ge 200 ]
tap_result $? "200 pages in 200 GiB: the same"
drop

large_space && agrees_with_status "$held" && adds_up && [ "$(fill 1-63)" -ge 32768 ]
tap_result $? "64 GiB with 32,768 tables: the same"
interrupted
tap_result $? "a walk of those ends at once when it is killed, and leaves the last result"
drop

space churn "$seconds" &
walk_while $!
tap_result $? "walks a process whose tables come and go"
kernel_while
tap_result $? "walks the kernel while modules come and go"

name="agrees with the kernel's own dump"
if [ ! -e "$dump" ]; then
	tap_skip "$name" "no CONFIG_PTDUMP_DEBUGFS"
elif grep -q 'KASAN shadow' "$dump"; then
	tap_skip "$name" "of KASAN's shadow it shows a part only"
else
	agrees_with_dump
	tap_result $? "$name"
fi
ptkit_unload
tap_done
