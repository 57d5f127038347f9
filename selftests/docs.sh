#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2119,SC2317 # no arguments is what is meant; called by wait_until
#
# docs/debugfs.md and docs/tracing.md tell of everything that there is, and of nothing else.

# shellcheck source=selftests/lib/tap.sh
. "${0%/*}/lib/tap.sh"
# shellcheck source=selftests/lib/host.sh
. "${0%/*}/lib/host.sh"

doc=/docs/debugfs.md

# table - the rows of the table of files: a pattern for the whole path, and one for the mode, in octal
table() {
	awk -F '|' '
		/^## / { exit }
		/^\| `/ {
			mode = $3
			gsub(/ /, "", mode)
			mode = mode == "r" ? 400 : mode == "w" ? 200 : mode == "rw" ? 600 : "?"
			nr = split($2, word, "`")
			for (i = 2; i <= nr; i += 2) {
				path = word[i]
				gsub(/<[a-z]+>/, "[^/]+", path)
				print "^" path "$", "^" mode "$"
			}
		}' $doc
}

# names - lines "PATTERN PATTERN" of what the sections on files called stats list: path and name
names() {
	awk -F '|' '
		/^## / {
			section = $0
			sub(/^## /, "", section)
			gsub(/\\/, "", section)
			if (section !~ /\/stats$/)
				section = ""
			gsub(/<[a-z]+>/, "[^/]+", section)
			files = split(section, file, ", ")
		}
		section != "" && /^\| `/ {
			gsub(/<[a-z]+>/, "[^/]+", $2)
			nr = split($2, word, "`")
			for (i = 2; i <= nr; i += 2)
				for (j = 1; j <= files; j++)
					print "^" file[j] "$", "^" word[i] "$"
		}' $doc
}

# differences - on stdin, what is ("is PATH X"); and the documentation ("doc PATTERN PATTERN").
# Prints what has no partner.
differences() {
	awk '
		# Most names stand there as they are; the others are patterns.
		$1 == "doc" && ($2 $3) !~ /[][*+]/ {
			gsub(/[\^$]/, "")
			plain[$2 " " $3] = 1
			next
		}
		$1 == "doc" { pattern[++docs] = $2; want[docs] = $3; next }
		($2 " " $3) in plain { seen[$2 " " $3] = 1; next }
		{
			found = 0
			for (i = 1; i <= docs; i++)
				if ($2 ~ pattern[i] && $3 ~ want[i])
					found = used[i] = 1
			if (!found)
				print "not documented: " $2 " " $3
		}
		END {
			for (name in plain)
				if (!(name in seen))
					print "not there: " name
			for (i = 1; i <= docs; i++)
				if (!used[i])
					print "not there: " pattern[i] " " want[i]
		}'
}

# none_differ - fails, and says which, if there is any line on stdin
none_differ() {
	local line status=0

	while read -r line; do
		tap_note "$line"
		status=1
	done
	return $status
}

files() {
	table | sed 's/^/doc /'
	find "$debugfs" -type f | while read -r file; do
		echo "is ${file#"$debugfs/"} $(command stat -c %a "$file")"
	done
}

statistics() {
	names | sed 's/^/doc /'
	find "$debugfs" -mindepth 2 -name stats | while read -r file; do
		awk -v path="${file#"$debugfs/"}" '{ print "is", path, $1 }' "$file"
	done
}

tracepoints() {
	sed -n 's/^| \(`ptkit_[^|]*\)|.*/\1/p' /docs/tracing.md | tr -cs 'a-z0-9_' '\n' |
		grep . | sed 's/.*/doc ^&$ event/'
	find /sys/kernel/tracing/events/ptkit/ -mindepth 1 -type d | sed 's|.*/|is |; s|$| event|'
}

torture_ended() {
	[ "$(cat "$debugfs/torture/result")" = SUCCESS ]
}

tap_plan 5

[ -s $doc ] && ptkit_load && attach && load_module ptkit_bench &&
	load_module ptkit_torture seed=1 threads=1 steps=20000 &&
	wait_until 60 torture_ended
tap_result $? "everything is loaded"
storms "$(cpus)" 20
files | differences | none_differ
tap_result $? "the files in debugfs and their modes are those that are documented"
statistics | differences | none_differ
tap_result $? "so are the names of statistics"
if [ -d /sys/kernel/tracing/events ]; then
	tracepoints | differences | none_differ
	tap_result $? "so are the tracepoints"
else
	tap_skip "so are the tracepoints" "no tracefs"
fi
detach && unload_module ptkit_bench && unload_module ptkit_torture && ptkit_unload
tap_result $? "unloads"

tap_done
