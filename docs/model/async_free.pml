/* SPDX-License-Identifier: GPL-2.0 */
/*
 * async_free.c for spin: queue, flush, reuse. Three tables, linked one each at three places; two
 * CPUs that may remember, at any time, what a place points to, and use it until they are flushed; a
 * task that unlinks and queues a table, takes it back and queues it again, and another with two
 * tables, one after the other; the worker; and somebody else who flushes. Checked whenever a table is given to somebody
 * else: it is linked nowhere, and no CPU remembers it.
 *
 * Broken on purpose, one at a time, each of which has to give a counterexample:
 *	BROKEN_FLUSH		the worker does not flush
 *	BROKEN_FIRST		tables are freed, then flushed
 *	BROKEN_ORDER		the generation is read before the entry is cleared
 *	BROKEN_GENERATION	a flush that had begun before is enough
 *	BROKEN_TAKE_BACK	the worker frees tables that were taken back
 *	BROKEN_ONE_CPU		only the worker's CPU is flushed
 */
#define TABLES	3
#define CPUS	2
#ifndef ROUNDS
#define ROUNDS	2		/* of the worker */
#endif
#define DONE	4

mtype = { IDLE, QUEUED, TAKEN_BACK, FLUSHING };

/* What stands in struct ptkit_ptdesc, and on the queue. */
mtype state[TABLES] = IDLE;
byte generation[TABLES];
bool on_queue[TABLES];

byte started, finished;
bool flush_lock;

/* Not in the code: what each place points to, what CPUs remember. */
bool linked[TABLES] = true;
bool knows[CPUS * TABLES];
byte tasks_done;

#define AT(cpu, t)	((cpu) * TABLES + (t))

proctype cpu(byte me)
{
	do
	:: atomic { linked[0] && !knows[AT(me, 0)] -> knows[AT(me, 0)] = true }
	:: atomic { linked[1] && !knows[AT(me, 1)] -> knows[AT(me, 1)] = true }
	:: atomic { linked[2] && !knows[AT(me, 2)] -> knows[AT(me, 2)] = true }
	:: tasks_done == DONE -> break
	od
}

inline forget(c)
{
	atomic {
		knows[AT(c, 0)] = false;
		knows[AT(c, 1)] = false;
		knows[AT(c, 2)] = false
	}
}

/* ptkit_flush_after(@g) */
inline flush_after(g)
{
	atomic { !flush_lock -> flush_lock = true };
	if
#ifdef BROKEN_GENERATION
	:: finished >= g && started > 0
#else
	:: finished > g
#endif
	:: else ->
		started++;
		forget(0);
#ifndef BROKEN_ONE_CPU
		forget(1);
#endif
		finished = started
	fi;
	flush_lock = false
}

/* Unlinks a table and queues it; may want it back, and then frees it again. */
proctype task(byte t; bool fickle; byte last)
{
	byte g;

	do
	:: true ->
#ifdef BROKEN_ORDER
		g = started;
		linked[t] = false;
#else
		linked[t] = false;
		g = started;
#endif
		/* async_claim(), async_kick */
		if
		:: atomic { state[t] == TAKEN_BACK -> generation[t] = g; state[t] = QUEUED }
		:: atomic { state[t] == IDLE -> generation[t] = g; state[t] = QUEUED;
			    on_queue[t] = true }
		fi;
		if
		:: atomic { fickle && state[t] == QUEUED -> state[t] = TAKEN_BACK; fickle = false };
			/* His again, at the same place only. */
			linked[t] = true;
			g = 0
		:: t < last -> atomic { t++; g = 0 }
		:: t == last -> break
		fi
	od;
	tasks_done++
}

/* From here on the table is whoever's wants one: not linked where it was. */
inline reuse(t)
{
	assert(!linked[t] && !knows[AT(0, t)] && !knows[AT(1, t)])
}

proctype worker()
{
	byte t, latest, round;
	bool batch[TABLES], any;

	do
	:: round < ROUNDS ->
		any = false;
		latest = 0;
		t = 0;
		do
		:: t < TABLES ->
			atomic {
				if
				:: on_queue[t] && state[t] == QUEUED ->
					on_queue[t] = false;
					state[t] = FLUSHING;
					batch[t] = true
				:: on_queue[t] && state[t] == TAKEN_BACK ->
					on_queue[t] = false;
#ifdef BROKEN_TAKE_BACK
					state[t] = FLUSHING;
					batch[t] = true
#else
					state[t] = IDLE
#endif
				:: else
				fi;
				if
				:: batch[t] && (!any || generation[t] > latest) ->
					latest = generation[t];
					any = true
				:: else
				fi
			};
			t++
		:: else -> t = 0; break
		od;
#if !defined(BROKEN_FLUSH) && !defined(BROKEN_FIRST)
		if
		:: any -> flush_after(latest)
		:: else
		fi;
#endif
		t = 0;
		do
		:: t < TABLES ->
			if
			:: batch[t] -> atomic { reuse(t); state[t] = IDLE; batch[t] = false }
			:: else
			fi;
			t++
		:: else -> break
		od;
#ifdef BROKEN_FIRST
		if
		:: any -> flush_after(latest)
		:: else
		fi;
#endif
		latest = 0;
		any = false;
		round++
	:: round == ROUNDS -> break
	od;
	tasks_done++
}

/* The window, or somebody with tables of his own: flushes when he likes. */
proctype flusher()
{
	byte g;

	g = started;
	flush_after(g);
	tasks_done++
}

init {
	atomic {
		run cpu(0);
		run cpu(1);
		run task(0, true, 0);
		run task(1, false, 2);
		run worker();
		run flusher()
	}
}
