# shellcheck shell=sh disable=SC2034,SC2154
# The way back, on the host before the step: an NTA's folder, its guard, and what wakes that.
# Set by the program: order(), settings, library, guard_text; by an order: zone, ends, cron_entry.

snapshot() { # ID: as it was before
  printf '%s\n' "$running" >"$base/nta/$1/snapshot/running" || return 1
  [ -z "$dropin" ] || [ ! -e "$dropin" ] || cp -p "$dropin" "$base/nta/$1/snapshot/"
}

write_guard() { # ID: a script that needs nothing but the host
  put "$base/nta/$1/guard" 600 "#!/bin/sh
# ntactl: lifts the NTA $1 at its end; run every minute.
id='$1' zone='$zone'
$settings
$library
$guard_text"
}

schedule_cron() { # ID: the cron entry, which must read back as written
  entry=$cron_folder/$called$1
  put "$entry" 644 "$cron_entry" || return 1
  [ "$(cat "$entry")" = "$cron_entry" ] || because "the guard's entry $entry does not read back"
}

service_text() { # ID
  cat <<UNIT
[Unit]
Description=ntactl $1: lifts the negative trust anchor for $zone at its end
StartLimitIntervalSec=0
[Service]
Type=oneshot
ExecStart=/bin/sh $base/nta/$1/guard
TimeoutStartSec=300
LogLevelMax=notice
UNIT
}

# Every minute, as cron does it, and the guard reads the clock and the end: so both may change.
# At once when it is started or booted; by the calendar, Persistent=; and where the clock was set
# back, so that the calendar waits, 65 s after the last run. No default dependencies: with
# OnCalendar= they wait for time-sync.target, which may never come while names do not resolve.
timer_text() { # ID
  cat <<UNIT
[Unit]
Description=ntactl $1: wakes the guard of $zone every minute, until the NTA is gone
DefaultDependencies=no
Requires=sysinit.target
After=sysinit.target
Conflicts=shutdown.target
Before=timers.target shutdown.target
[Timer]
OnActiveSec=0
OnCalendar=minutely
OnUnitInactiveSec=65
Persistent=true
AccuracySec=1
[Install]
WantedBy=timers.target
UNIT
}

write_units() { # ID: the timer, and the link by which every boot starts it
  wants=$unit_folder/timers.target.wants
  put "$unit_folder/$called$1.service" 644 "$(service_text "$1")" &&
    put "$unit_folder/$called$1.timer" 644 "$(timer_text "$1")" || return 1
  if ! (umask 022 && mkdir -p "$wants" && ln -sf "../$called$1.timer" "$wants") ||
    ! settle "$wants" "$unit_folder"; then
    because "cannot write in $wants"
  fi
}

schedule_timer() { # ID: written, started, and proven to wait
  write_units "$1" || return 1
  arm_rule=guard-scheduler
  bounded 30 systemctl daemon-reload && bounded 30 systemctl start "$called$1.timer" ||
    because "systemd does not start $called$1.timer, the guard" || return 1
  timer_waits "$1" || because "systemd does not keep $called$1.timer armed"
}

try_guard() { # ID: by systemd; a new one has nothing to do and ends at once, or its end is near
  [ "$scheduler" = systemd ] && [ "$ends" -gt "$(($(now) + 70))" ] || return 0
  bounded 30 systemctl start "$called$1.service" ||
    because "systemd cannot run the guard $base/nta/$1/guard"
}

schedule() { # ID: woken by what runs here, and only then no more by what woke it before
  arm_rule=disk-full
  [ -n "$scheduler" ] || find_scheduler
  if [ "$scheduler" = systemd ]; then
    # A guard from before there were timers would not disarm one.
    [ ! -e "$cron_folder/$called$1" ] || write_guard "$1" || return 1
    schedule_timer "$1" && rm -f "$cron_folder/$called$1"
  else
    schedule_cron "$1"
  fi
}

fill_folder() { # ID: all of it but ends_at, which makes it live
  nta=$base/nta/$1
  rm -rf "$nta" && mkdir "$nta" "$nta/snapshot" && snapshot "$1" &&
    engine_remember && write_guard "$1" &&
    echo "$zone" >"$nta/zone" &&
    echo armed >"$nta/step" && settle "$nta"/* "$nta/snapshot" "$nta" "$base"
}

arm() { # ID: the way back, before the step
  order "$1"
  arm_rule=disk-full
  touched="$1 $touched"
  unschedule "$1" || return 1
  fill_folder "$1" || because "cannot write in $base/nta/$1" || return 1
  put "$base/nta/$1/ends_at" 600 "$ends" && schedule "$1" && try_guard "$1"
}
