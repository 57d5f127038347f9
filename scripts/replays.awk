# SPDX-License-Identifier: GPL-2.0
#
# A console log in which no line stands twice.
#
# A WARN takes an nbcon console (in 7.3 that of 8250) from whoever prints to it. What that one had
# begun, or ended, is then printed again, below a line that says so. Both that line and what had been
# printed of the next one become empty, so that each line keeps its number. Of a message of several
# lines that was interrupted behind the first, what had been printed stays.

function flush(	i)
{
	for (i = 1; i < nr; i++)
		print index(held[nr], held[i]) == 1 ? "" : held[i]
	if (nr)
		print held[nr]
	nr = 0
}

{ sub(/\r$/, "") }

/^\*\* replaying previous printk message \*\*$/ {
	held[++nr] = ""
	again = 1
	next
}

{
	if (!again)
		flush()
	again = 0
	held[++nr] = $0
}

END { flush() }
