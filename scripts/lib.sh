# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by every host-side script of ptkit: messages, the cache, locks and the
# installation of what a step needs. The scripts run under bash with
# "set -euo pipefail"; what runs inside a guest is POSIX sh and does not use this file.

# shellcheck disable=SC2034 # for the scripts that source this
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

# Absolute, and without symbolic links: it is also bound into build roots.
cache=${PTKIT_CACHE:-${XDG_CACHE_HOME:-${HOME:?not set, and neither is PTKIT_CACHE}/.cache}/ptkit}
cache=$(realpath -m -- "$cache")

# Progress goes to stderr, so that a script's stdout stays usable as a result.
note() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die() {
	printf '%s: error: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# need PACKAGE:COMMAND ... - make each COMMAND (a name on PATH, or an absolute path that
# must exist) available, installing its Debian PACKAGE when this is a Debian machine and we are root.
need() {
	local pair missing=()

	for pair in "$@"; do
		case ${pair#*:} in
		/*) [ -e "${pair#*:}" ] || missing+=("${pair%%:*}") ;;
		*) command -v "${pair#*:}" >/dev/null || missing+=("${pair%%:*}") ;;
		esac
	done
	[ ${#missing[@]} -eq 0 ] && return 0

	if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
		die "missing: ${missing[*]} - install with: apt-get install ${missing[*]}"
	fi
	note "installing ${missing[*]}"
	locked apt apt_install "${missing[@]}"
}

apt_install() {
	# Something else on the machine may be installing as well: wait for it.
	local log install=(apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300)

	log=$(mktemp)
	if ! DEBIAN_FRONTEND=noninteractive "${install[@]}" "$@" </dev/null >"$log" 2>&1; then
		# A machine that never ran "apt-get update" knows no packages at all.
		if ! { apt-get update && DEBIAN_FRONTEND=noninteractive "${install[@]}" "$@"; } \
			</dev/null >"$log" 2>&1; then
			tail -n 5 "$log" >&2
			rm -f "$log"
			die "could not install: $*"
		fi
	fi
	rm -f "$log"
}

# locked NAME COMMAND [ARG ...] - run COMMAND in a subshell that holds the cache's lock NAME.
# Two runs at once take turns; the lock dies with its holder, so a killed run leaves no stale one.
locked() {
	local name=$1
	shift

	mkdir -p "$cache/lock" || die "cannot write to the cache $cache (set PTKIT_CACHE)"
	(
		if ! flock -n 9; then
			note "waiting for another run ($name)"
			flock 9
		fi
		"$@"
	) 9>"$cache/lock/$name"
}

# What scripts/vm calls a machine that died of a fault of QEMU's, not of its kernel's.
# shellcheck disable=SC2034 # for the scripts that source this
stale_code='QEMU ran an int3 that is not in memory'

# end_groups PID... - for a trap: end jobs, each of which "set -m" has given a process group, so that
# nothing of them is left, and exit. Without a group of their own they would not hear of a ctrl-C.
end_groups() {
	local pid

	trap '' INT TERM
	for pid; do
		kill -TERM -- "-$pid" 2>/dev/null || :
	done
	wait
	exit 130
}

# QEMU's accelerator on this machine. /dev/kvm may be there and openable on a host whose CPU cannot
# do it, and then hangs.
accelerator() {
	if grep -qE '^flags.* (vmx|svm)( |$)' /proc/cpuinfo && : 2>/dev/null 3<>/dev/kvm; then
		echo kvm
	else
		echo tcg,thread=multi
	fi
}

# cpu_for ACCELERATOR - the CPU that a guest sees. Emulation does each repetition of a string
# instruction by itself, and counts it as one. Without the fast ones, which go byte by byte, to clear a
# page takes 512 of them, not 4096.
cpu_for() {
	case $1 in
	kvm) echo max ;;
	*) echo max,-erms,-fsrm ;;
	esac
}
