# SPDX-License-Identifier: GPL-2.0
#
# Finds what a kernel says when something is wrong with it: the reading of a console log on
# the host, and of dmesg in the guest.
#
# A report is one headline: the first line of a BUG, an Oops, a lockdep or sanitizer report,
# or, for a WARN, everything from "cut here" to its "Modules linked in". A test that provokes
# reports on purpose says so in the kernel log beforehand, with a line
#
#	ptkit-test: expect N matching REGEX
#
# and then exactly N reports must match. A panic is none of this: there is no run after it.
#
# -v count=1		print only the number of reports
# -v kernel=NAME	the kernel's name, for the allow list
# -v allow=FILE		the allow list
#
# Otherwise prints, tab-separated, one line each:
#	unexpected LINE HEADLINE
#	wrong LINE TEXT			an expectation that was not met or is useless
#	missing N			how many expected reports there were not, if any
#	reports N			how many reports there were altogether

BEGIN {
	FS = "\t"
	while (allow != "" && (getline line < allow) > 0)
		if (line !~ /^#/ && split(line, field, "\t") == 3 &&
		    kernel ~ "^(" field[1] ")$")
			allowed[++nr_allowed] = field[2]

	bad = "(^|[^A-Za-z_])BUG[: ]|WARNING:|Oops|kernel BUG at"
	bad = bad "|INFO: (possible|rcu|task|suspicious|trying)|inconsistent .*lock state"
	bad = bad "|possible (circular|recursive|irq lock)|suspicious RCU usage"
	bad = bad "|sleeping function called from invalid context|scheduling while atomic"
	bad = bad "|KASAN:|KCSAN:|UBSAN:|KFENCE:|KMSAN:|ODEBUG|refcount_t:"
	bad = bad "|rcu.*detected.*stall|rcu.*kthread.*starved|soft lockup|hard LOCKUP"
	bad = bad "|hung task|blocked for more than|workqueue lockup"
	bad = bad "|Bad page|page dumped because|: bad p[gu4m]*d |list_(add|del) corruption"
	bad = bad "|general protection|int3: 0|[Uu]nable to handle|segfault at|stack-protector"
	bad = bad "|suspected memory leaks|invalid opcode|double fault|------------\\[ cut here"
}

# The report is complete: is it allowed, or expected?
function finish(	i)
{
	if (headline == "")
		return
	reports++
	for (i = 1; i <= nr_allowed; i++)
		if (headline ~ allowed[i]) {
			headline = ""
			return
		}
	for (i = 1; i <= nr_expected; i++)
		if (headline ~ regex[i]) {
			seen[i]++
			headline = ""
			return
		}
	if (!count)
		printf "unexpected\t%d\t%s\n", headline_at, headline
	headline = ""
}

function start(text)
{
	finish()
	headline = text
	headline_at = NR
}

function expect(text,	n, r, i)
{
	n = text
	sub(/.*ptkit-test: expect /, "", n)
	r = n
	sub(/^[0-9]+ matching /, "", r)
	for (i = 1; i <= nr_expected && regex[i] != r; i++)
		;
	if ("any other report" ~ r) {
		wrong[++nr_wrong] = NR "\tan expectation that matches everything: " r
		return
	}
	if (i > nr_expected)
		regex[++nr_expected] = r
	expected_at[i] = NR
	wanted[i] += n + 0
}

{
	sub(/\r$/, "")
	text = $0
	sub(/^\[ *[0-9]+\.[0-9]+\](\[ *[TC][0-9]+\])? /, "", text)
}

text ~ /(^|: )ptkit-test: expect [0-9]+ matching ./ { finish(); expect(text); next }

# A WARN or BUG: its message may stand before or after the WARNING line.
in_cut && text ~ /^(Modules linked in|CPU: |Call Trace)|-----\[ (cut here|end trace)/ {
	in_cut = 0
	finish()
}
in_cut {
	headline = headline == "cut here" ? text : headline " | " text
	if (NR - headline_at >= 8)
		in_cut = 0
	next
}
text ~ /-----\[ cut here/ {
	start("cut here")
	in_cut = 1
	next
}

# dump_page() inside a bad page report is a part of it.
text ~ /page dumped because/ && NR - bad_page_at < 20 && bad_page_at { next }

# Memory that was asked to go offline stays, because of that page: an answer.
text ~ /page dumped because: unmovable page/ { next }

text ~ bad {
	start(text)
	finish()
	if (text ~ /BUG: Bad page/)
		bad_page_at = NR
}

END {
	finish()
	if (count) {
		print reports + 0
		exit
	}
	for (i = 1; i <= nr_wrong; i++)
		printf "wrong\t%s\n", wrong[i]
	for (i = 1; i <= nr_expected; i++) {
		if (seen[i] != wanted[i])
			printf "wrong\t%d\texpected %d report(s) matching \"%s\", saw %d\n", \
				expected_at[i], wanted[i], regex[i], seen[i]
		if (seen[i] < wanted[i])
			missing += wanted[i] - seen[i]
	}
	if (missing)
		printf "missing\t%d\n", missing
	printf "reports\t%d\n", reports
}
