#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# The kernel address window: what is mapped, refused, exhausted, walked and put back.
#
# PTKIT_SECONDS: how long threads map and unmap at random in each test (default 10)
# PTKIT_CHURN_SECONDS: how long in the first of these (default the same). With scripts/selftest:
# --append PTKIT_CHURN_SECONDS=60
# PTKIT_FLUSH: how the TLB has to be flushed (default: as this CPU can)

# shellcheck source=selftests/lib/tap.sh
. "${0%/*}/lib/tap.sh"
# shellcheck source=selftests/lib/window.sh
. "${0%/*}/lib/window.sh"

seconds=${PTKIT_SECONDS:-10}
churn_seconds=${PTKIT_CHURN_SECONDS:-$seconds}
cpus=$(getconf _NPROCESSORS_ONLN 2>/dev/null || grep -c ^processor /proc/cpuinfo)
flush=CR4.PGE
! grep -qw invpcid /proc/cpuinfo || flush=INVPCID
flush=${PTKIT_FLUSH:-$flush}
ptdump=
for file in $tap_debugfs/page_tables/kernel $tap_debugfs/kernel_page_tables; do
	[ ! -e "$file" ] || ptdump=$file
done

# Reads FILE again and again until the parent says stop.
read_in_a_loop() {
	while [ -e "$loop" ]; do
		cat "$@" >/dev/null || return
		loops=$((loops + 1))
		echo $loops >"$loop.count"
	done
}

# churn_beside FILE... - 4 threads map and unmap while the files are read.
churn_beside() {
	local loop=/tmp/churning loops=0 status

	echo 0 >$loop.count
	: >$loop
	read_in_a_loop "$@" &
	drive churn $((seconds * 1000)) 4
	status=$?
	rm -f $loop
	wait $! || status=1
	tap_note "read $(cat $loop.count) times, $(result maps) maps"
	[ "$(cat $loop.count)" -gt 0 ] && [ $status -eq 0 ]
}

# 4 threads map and unmap while /proc/kcore is read over the window's addresses: it finds a hole.
read_kcore() {
	local loop=/tmp/churning status address

	drive show || return
	address=$(result address)
	: >$loop
	kcore "$address" $(($(stat window_size_bytes) >> 20)) $loop >/tmp/kcore &
	drive churn $((seconds * 1000)) 4
	status=$?
	rm -f $loop
	wait $! && drive release || status=1
	tap_note "$(tr '\n' ' ' </tmp/kcore)"
	grep -q '^rounds [1-9]' /tmp/kcore && grep -qx 'nonzero 0' /tmp/kcore && [ $status -eq 0 ]
}

# Nothing but the mappings that the test module left is reported, and those are cleared.
nothing_left() {
	local log=/tmp/left mark="ptkit-test: mappings are left"

	echo "$mark" >/dev/kmsg
	drive hold 100 7 && drive_unload || return
	dmesg | sed "1,/$mark/d" | grep ' ptkit: ' >$log
	grep -q '700 pages were still mapped' $log && [ "$(wc -l <$log)" -eq 1 ] && return
	tap_note "$(cat $log)"
	return 1
}

# The kernel's own tables for the reserved addresses, a few per MiB, stay with the kernel.
uncounted() {
	local before after typed_before='' typed_after=''

	before=$(page_tables)
	[ ! -e /proc/kpageflags ] || typed_before=$(typed)
	drive_load window_mb=8 && drive queue 2000 && drive churn 1000 4 && drive_unload || return
	after=$(page_tables)
	[ ! -e /proc/kpageflags ] || typed_after=$(typed)
	tap_note "page tables before: $before, after: $after; typed so: ${typed_before:-?}, ${typed_after:-?}"
	[ "$after" -le $((before + 64)) ] && [ "${typed_after:-0}" -le $((${typed_before:-0} + 64)) ]
}

one_error() {
	[ "$(dmesg | grep -c 'ptkit: no window of')" -eq "$1" ]
}

# no_window MB REASON - the module loads, says why once, and everything else works.
no_window() {
	local before

	before=$(dmesg | grep -c 'ptkit: no window of')
	drive_load window_mb="$1" || return
	dmesg | grep 'ptkit: no window of' | tail -n 1 | grep -q "$2" &&
		one_error $((before + 1)) && ! drive basic >/dev/null && drive lookup &&
		drive queue 10 && drive_unload
}

# walk THREADS - that map and unmap meanwhile.
walk() {
	drive walk $((seconds * 1000)) "$1" || return
	tap_note "$(tr '\n' ' ' <$window_test/result)"
	[ "$(result walks)" -gt 1000 ] && [ "$(result cached)" -gt 1000 ] &&
		[ "$(result invalidations)" -gt 0 ]
}

balanced() {
	drive release || return
	echo 1 >$tap_debugfs/ptkit/async_free/flush
	[ "$(stat window_mapped_pages)" -eq 0 ] && [ "$(stat window_tables)" -eq 0 ] &&
		[ "$(stat async_free_queue_len)" -eq 0 ] && [ "$(stat quicklist_window_in_use)" -eq 0 ] &&
		[ "$(stat window_free_pages)" -eq $(($(stat window_size_bytes) / 4096)) ]
}

# counts - tables with a descriptor, and those that the kernel counts, while none comes or goes
counts() {
	local live='' counted

	until [ "$live" = "$(stat ptdesc_live)" ]; do
		live=$(stat ptdesc_live)
		counted=$(page_tables)
	done
	echo "$live $counted"
}

# Many tables, since those of the test's own processes come and go meanwhile.
accounted() {
	local before after live counted

	before=$(counts)
	drive queue 2000 || return
	after=$(counts)
	live=$((${after% *} - ${before% *})) counted=$((${after#* } - ${before#* }))
	tap_note "$live tables more, $counted counted more"
	[ $live -ge 1000 ] && [ $((counted - live)) -le 64 ] && [ $((live - counted)) -le 64 ]
}

# CPUs but the first come and go while threads map and unmap: until enough did.
hotplug() {
	local status=0 unplugged=0 left=6

	while [ $unplugged -le 1 ] && [ $status -eq 0 ] && [ $left -gt 0 ]; do
		drive churn $((seconds * 1000)) 4 &
		while kill -0 $! 2>/dev/null; do
			for cpu in /sys/devices/system/cpu/cpu[1-9]*; do
				echo 0 >"$cpu/online" && unplugged=$((unplugged + 1))
				echo 1 >"$cpu/online"
			done
		done
		wait $!
		status=$?
		left=$((left - 1))
	done
	tap_note "$(result maps) maps, $unplugged times a CPU less"
	[ $unplugged -gt 1 ] && drive exact && balanced && [ $status -eq 0 ]
}

# Memory gets so short that caches must give way, while threads map and unmap.
pressure() {
	local status

	mkdir -p /tmp/pressure && mount -t tmpfs -o size=90% none /tmp/pressure || return
	drive churn $((seconds * 1000)) 4 &
	while kill -0 $! 2>/dev/null; do
		dd if=/dev/zero of=/tmp/pressure/fill bs=1M count=400 2>/dev/null
		echo 3 >/proc/sys/vm/drop_caches
		rm -f /tmp/pressure/fill
	done
	wait $!
	status=$?
	umount /tmp/pressure
	# What waits on the lists now, too, if all of it was in use whenever caches were asked.
	echo 1 >$tap_debugfs/ptkit/async_free/flush
	echo 3 >/proc/sys/vm/drop_caches
	tap_note "$(stat quicklist_window_shrunk) tables shrunk, $(result maps) maps"
	[ $status -eq 0 ] && [ "$(stat quicklist_window_shrunk)" -gt 0 ] && balanced
}

# upper_tables MB - a window that spans regions of level PMD, whose tables are ptkit's as well.
upper_tables() {
	drive_load window_mb="$1" verify=1 || return
	tap_note "$(stat window_pmd_regions) tables of level PMD"
	[ "$(stat window_pmd_regions)" -ge 1 ] && drive exact_upper && drive basic && drive exact &&
		balanced && drive churn $((seconds * 1000)) 4 && balanced && walk 1 &&
		[ "$(result cached_upper)" -gt 1000 ] &&
		[ $(($(result reused) + $(result freed))) -eq 0 ] && balanced && drive_unload
}

ram_mb() {
	awk '$1 == "MemTotal:" { print int($2 / 1024) }' /proc/meminfo
}

reused() {
	local hits misses

	hits=$(stat quicklist_window_hits)
	misses=$(stat quicklist_window_misses)
	drive churn 2000 4 || return
	hits=$(($(stat quicklist_window_hits) - hits))
	misses=$(($(stat quicklist_window_misses) - misses))
	tap_note "$hits hits, $misses misses"
	[ $((hits * 100)) -ge $(((hits + misses) * 95)) ]
}

tap_plan 22

drive_load
tap_result $? "the module loads with a window"
drive basic
tap_result $? "pages are mapped where they are said to be, wrong requests are refused"
drive exact
tap_result $? "a table goes exactly when its last entry goes"
grep -q "flushes [1-9][0-9]* by $flush," $tap_debugfs/ptkit/summary
tap_result $? "the TLB is flushed by $flush"
drive lookup
tap_result $? "descriptors are found from tables, and from nothing else"
accounted
tap_result $? "tables are counted as page tables"
drive exhaust
tap_result $? "a full and a fragmented window give -ENOSPC, and are usable again"
balanced
tap_result $? "what was mapped is unmapped, what was queued is freed"
drive churn $((churn_seconds * 1000)) 4
tap_result $? "4 threads find what they wrote, through the window and in the page"
tap_note "$churn_seconds s, $(result maps) maps, $(result checks) checks"
reused
tap_result $? "19 of 20 tables come from the quicklist"
if [ -n "$ptdump" ]; then
	churn_beside "$ptdump"
	tap_result $? "page tables are dumped in a loop meanwhile"
else
	tap_skip "page tables are dumped in a loop meanwhile" "no PTDUMP_DEBUGFS in this kernel"
fi
if [ -e /proc/kcore ]; then
	read_kcore
	tap_result $? "/proc/kcore is read in a loop meanwhile, and passes over the window"
else
	tap_skip "/proc/kcore is read in a loop meanwhile, and passes over the window" \
		"no PROC_KCORE in this kernel"
fi
churn_beside $tap_debugfs/ptkit/summary $tap_debugfs/ptkit/stats \
	$tap_debugfs/ptkit/window/tables
tap_result $? "debugfs is read in a loop meanwhile"
walk 4 && [ "$(result reused)" -eq 0 ] && [ "$(result freed)" -eq 0 ]
tap_result $? "a secondary walker never sees a table that was reused or freed"
if [ "$cpus" -gt 1 ] && [ -e /sys/devices/system/cpu/cpu1/online ]; then
	hotplug
	tap_result $? "CPUs go and come back meanwhile"
else
	tap_skip "CPUs go and come back meanwhile" "one CPU"
fi
pressure
tap_result $? "memory gets short meanwhile"
nothing_left
tap_result $? "everything is put back at unload"
uncounted
tap_result $? "no page table stays counted, nor typed as one"
no_window 1 "smaller than what one table maps" &&
	no_window 1048576 "larger than RAM"
tap_result $? "a window too small or too large is refused with one error, the rest works"

# Every table goes to the host after its batch: whoever looks too late looks at a free page.
drive_load passthrough=1 verify=1 && churn_beside "${ptdump:-$tap_debugfs/ptkit/window/tables}" &&
	walk 4 && [ $(($(result reused) + $(result freed))) -eq 0 ] && balanced && drive_unload
tap_result $? "without caches, and with everything verified, it works the same"

# vmap() reserves at most as much as there is RAM.
if [ "$(ram_mb)" -gt 1200 ]; then
	upper_tables 1024
	tap_result $? "a window that spans a PMD table owns it"
else
	tap_skip "a window that spans a PMD table owns it" "less than 1200 MiB of RAM"
fi

drive_load unsafe_free_first=1 && walk 4 && [ $(($(result reused) + $(result freed))) -gt 0 ]
tap_result $? "freeing before the flush is seen by the secondary walker"
drive_unload
tap_done
