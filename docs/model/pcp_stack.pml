/* SPDX-License-Identifier: GPL-2.0 */
/*
 * pcp_stack.h for spin: two CPUs, three pages, two tasks that may be migrated between any two
 * steps, and a CPU that dies, is emptied, and comes back. Two tasks on one CPU are also a task and
 * an interrupt. Checked in every reachable state: a page is on one stack or in one pair of hands,
 * and the depth that the top says is the number of pages below.
 *
 * Broken on purpose, one at a time, each of which has to give a counterexample:
 *	BROKEN_TAG	a swap does not step the tag
 *	BROKEN_CPU_TAG	the CPUs' tags are not told apart
 *	BROKEN_ORDER	the tag is read after the top's link
 *	BROKEN_DEAD	a CPU's stack is emptied as if it were dead while it is not
 */
#ifndef OPS_0
#define OPS_0	2		/* of one task, and of the other */
#define OPS_1	3
#endif
#define TASKS	2
#define PAGES	3
#define NONE	0
#define LISTED	9		/* holder of a listed page; HOST, of one that was given away */
#define HOST	8

#ifdef BROKEN_CPU_TAG
#define STEP	1
#define FIRST_TAG(c)	0
#else
#define STEP	2
#define FIRST_TAG(c)	(c)
#endif

/* The pair of each CPU, and what stands in struct page. */
byte top[2], tag[2];
byte next[PAGES + 1], depth[PAGES + 1];

/* Not in the code: who has each page, where each task runs, which CPUs are there. */
byte holder[PAGES + 1];
byte cpu_of[TASKS];
bool online[2] = { true, true };
byte finished;

inline migrate()
{
	if
	:: online[1 - cpu_of[me]] -> cpu_of[me] = 1 - cpu_of[me]
	:: skip
	fi
}

inline step_tag(c)
{
#ifndef BROKEN_TAG
	tag[c] = tag[c] + STEP
#else
	skip
#endif
}

/* One instruction on the CPU where it runs. */
inline swap(new)
{
	if
	:: top[cpu_of[me]] == t && tag[cpu_of[me]] == g ->
		top[cpu_of[me]] = new;
		step_tag(cpu_of[me]);
		done = true
	:: else -> done = false
	fi
}

/* Between any two of these he may be on another CPU than before. */
inline pop()
{
	do
	:: skip;
#ifndef BROKEN_ORDER
	   atomic { migrate(); g = tag[cpu_of[me]] };
#endif
	   atomic { migrate(); t = top[cpu_of[me]] };
	   if
	   :: t == NONE -> break
	   :: else
	   fi;
	   n = next[t];
#ifdef BROKEN_ORDER
	   atomic { migrate(); g = tag[cpu_of[me]] };
#endif
	   atomic {
		migrate();
		swap(n);
		if
		:: done ->
			assert(holder[t] == LISTED);
			holder[t] = me;
			mine = t;
			break
		:: else
		fi
	   }
	od
}

inline push()
{
	do
	:: atomic { migrate(); g = tag[cpu_of[me]] };
	   atomic { migrate(); t = top[cpu_of[me]] };
	   next[mine] = t;
	   depth[mine] = depth[t] + 1;
	   atomic {
		migrate();
		swap(mine);
		if
		:: done ->
			assert(holder[mine] == me);
			holder[mine] = LISTED;
			mine = NONE;
			break
		:: else
		fi
	   }
	od
}

proctype task(byte me; byte ops)
{
	byte t, g, n, mine = NONE, other = NONE;
	bool done;

	do
	:: atomic { ops && mine == NONE -> ops-- };
	   pop();
	   t = 0; g = 0; n = 0
	:: atomic { ops && mine != NONE -> ops-- };
	   push();
	   t = 0; g = 0; n = 0
	:: atomic { ops && mine != NONE && other == NONE -> ops--; other = mine; mine = NONE };
	   pop();
	   t = 0; g = 0; n = 0
	:: atomic { ops && mine == NONE && other != NONE -> mine = other; other = NONE }
	:: ops == 0 -> break
	od;
	finished++
}

/* CPU 1 dies: whoever ran there runs elsewhere. What is on its stack goes to the host. */
proctype hotplug()
{
	byte p;

#ifndef BROKEN_DEAD
	atomic {
		online[1] = false;
		cpu_of[0] = 0;
		cpu_of[1] = 0
	}
#endif
	do
	:: top[1] != NONE ->
		p = top[1];
		top[1] = next[p];
		tag[1] = tag[1] + STEP;
		atomic {
			assert(holder[p] == LISTED);
			holder[p] = HOST
		}
	:: else -> break
	od;
	online[1] = true;
	/* The host's next users of the pages are tasks that push them, where they are. */
	do
	:: atomic {
		holder[1] == HOST -> holder[1] = LISTED; next[1] = top[1];
		depth[1] = depth[top[1]] + 1; top[1] = 1; tag[1] = tag[1] + STEP
	   }
	:: atomic {
		holder[3] == HOST -> holder[3] = LISTED; next[3] = top[1];
		depth[3] = depth[top[1]] + 1; top[1] = 3; tag[1] = tag[1] + STEP
	   }
	:: break
	od;
	finished++
}

/* In the end every page is in one place, and every stack's depth is its length. */
proctype judge()
{
	byte c, p, length, listed, i;

	finished == TASKS + 1;
	d_step {
		c = 0;
		do
		:: c < 2 ->
			p = top[c];
			length = 0;
			do
			:: p != NONE && length <= PAGES ->
				assert(holder[p] == LISTED);
				length++;
				p = next[p]
			:: else -> break
			od;
			assert(length <= PAGES && length == depth[top[c]]);
			listed = listed + length;
			c++
		:: else -> break
		od;
		i = 1;
		do
		:: i <= PAGES ->
			if
			:: holder[i] == LISTED -> listed--
			:: else
			fi;
			i++
		:: else -> break
		od;
		assert(listed == 0)
	}
}

init {
	atomic {
		tag[0] = FIRST_TAG(0);
		tag[1] = FIRST_TAG(1);
		top[0] = 1; next[1] = 2; depth[1] = 2; depth[2] = 1;
		top[1] = 3; depth[3] = 1;
		holder[1] = LISTED; holder[2] = LISTED; holder[3] = LISTED;
		cpu_of[1] = 1;
		run task(0, OPS_0);
		run task(1, OPS_1);
		run hotplug();
		run judge()
	}
}
