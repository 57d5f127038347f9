/* SPDX-License-Identifier: GPL-2.0 */
/* What differs between kernels' timers; only tests need it. */
#ifndef _PTKIT_COMPAT_TIMER_H
#define _PTKIT_COMPAT_TIMER_H

#include <linux/hrtimer.h>
#include <linux/timer.h>

#include "config.h"

/* Callback and timer are set up together from 6.13 on. */
static inline void ptkit_hrtimer_setup(struct hrtimer *timer,
				       enum hrtimer_restart (*fn)(struct hrtimer *timer),
				       enum hrtimer_mode mode)
{
#ifdef HAVE_HRTIMER_SETUP
	hrtimer_setup(timer, fn, CLOCK_MONOTONIC, mode);
#else
	hrtimer_init(timer, CLOCK_MONOTONIC, mode);
	timer->function = fn;
#endif
}

/* Renamed in 6.2, and gone under its old name in 6.15. */
static inline void ptkit_timer_delete_sync(struct timer_list *timer)
{
#ifdef HAVE_TIMER_DELETE_SYNC
	timer_delete_sync(timer);
#else
	del_timer_sync(timer);
#endif
}

#endif /* _PTKIT_COMPAT_TIMER_H */
