# SPDX-License-Identifier: GPL-2.0
#
# Counts the tests of one or more TAP documents, one after the other. Only unindented lines
# count: an indented document is a subtest, for which its parent's line answers. A document
# begins with a version line or a plan; the plan comes before the tests, as in the kernel's
# kselftests. Prints "planned=N passed=N failed=N skipped=N", and "tap=WORDS_JOINED" for the
# first thing wrong with the document itself (a plan that was not met, a missing plan).

function problem(text)
{
	if (wrong == "") {
		gsub(/ /, "_", text)
		wrong = text
	}
}

function begin_document()
{
	end_document()
	open = 1
	plan = -1
	ran = 0
}

function end_document()
{
	if (!open)
		return
	if (plan < 0)
		problem("TAP without a plan")
	else if (ran != plan)
		problem(plan " tests planned but " ran " ran")
	open = 0
}

function count_test(line)
{
	ran++
	if (line ~ /^(not )?ok [0-9]/ && $(line ~ /^not/ ? 3 : 2) + 0 != ran)
		problem("test " ran " has another number")
	if (line ~ /^not ok/)
		failed++
	else if (toupper(line) ~ /# *SKIP/)
		skipped++
	else
		passed++
}

{ sub(/\r$/, "") }

/^K?TAP version / { begin_document(); next }

/^1\.\.[0-9]+/ {
	if (!open || plan >= 0 || ran > 0)
		begin_document()
	plan = substr($1, 4) + 0
	planned += plan
	next
}

# Outside a document only a numbered result is one: "ok" is a common word.
/^(not )?ok [0-9]+/ && !open { begin_document() }
/^(not )?ok( |$)/ && open { count_test($0) }

/^Bail out!/ { problem("Bail out!") }

END {
	end_document()
	printf "planned=%d passed=%d failed=%d skipped=%d", planned, passed, failed, skipped
	printf "%s\n", wrong == "" ? "" : " tap=" wrong
}
