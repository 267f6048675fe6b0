# shellcheck shell=sh disable=SC2034,SC2154
# One NTA's folder, its line in the drop-in, and how it is taken back.
# Set by the program's settings: base, cron_folder, unit_folder, config, dropin (empty: this engine
# has none) and header (its first lines); by its order or by the guard: zone.

systemd_here=/run/systemd/system # sd_booted(3)
any_id='[a-z0-9]+-[a-z0-9-]+' # as a pattern: the ids that plans give

lists() { # LINES ZONE: is there a line for that zone?
  case "$nl$1$nl" in
  *"$nl$2 "* | *"$nl$2$nl"*) return 0 ;;
  esac
  return 1
}

put_dropin() { # TEXT: replaces the drop-in; mode and owner stay, 0644 when new
  if [ -e "$dropin" ]; then
    cp -p "$dropin" "$dropin.new"
  else
    : >"$dropin.new" && chmod 644 "$dropin.new"
  fi || because "cannot write in ${dropin%/*}" || return 1
  if printf '%s\n' "$1" >"$dropin.new" && settle "$dropin.new" && mv -f "$dropin.new" "$dropin"; then
    settle "${dropin%/*}"
  else
    rm -f "$dropin.new"
    because "cannot write $dropin"
  fi
}

mark() { # ID, a pattern -> what tells its line, however somebody laid it out anew
  printf '%s\n' "#[[:space:]]*ntactl[[:space:]]+$1([^a-z0-9-]|\$)"
}

without() { # ID, a pattern; FILE -> its lines but those that carry the mark
  grep -Ev "$(mark "$1")" "$2"
}

drop_dropin() {
  if rm -f "$dropin"; then
    settle "${dropin%/*}"
  else
    because "cannot remove $dropin"
  fi
}

same_as_before() { # ID: did the drop-in hold just $rest before that NTA came?
  before=$base/nta/$1/snapshot/${dropin##*/}
  [ -e "$before" ] && [ "$(cat "$before")" = "$rest" ]
}

strike_out() { # ID: takes its line out of the drop-in; the last one takes along what ntactl made
  rm -f "$dropin.new"
  [ -e "$dropin" ] || return 0
  ! without "$any_id" "$dropin" | engine_sets "$zone" ||
    because "$dropin makes $zone insecure in a line without ntactl's mark: take it out by hand" ||
    return 1
  grep -Eq "$(mark "$1")" "$dropin"
  case $? in
  0) ;;
  1) return 0 ;;
  *) because "cannot read $dropin" || return 1 ;;
  esac
  rest=$(without "$1" "$dropin" && echo .) # the dot keeps empty lines at the end
  rest=${rest%"$nl."}
  if [ -n "$rest" ] && [ "$rest" != "$header" ] || same_as_before "$1"; then
    put_dropin "$rest"
  else
    drop_dropin
  fi
}

sources() { # ZONE -> files that make it insecure, as far as they lie beside the configuration
  places=${config%/*}
  [ -z "$instance" ] || places=$config # what lies there may be another resolver's
  # shellcheck disable=SC2086
  find -L ${places:-$engine_places} ${dropin:+"${dropin%/*}"} -type f 2>/dev/null | sort -u |
    while read -r file; do
      ! engine_sets "$1" <"$file" || echo "$file"
    done
}

strays() { # ID -> files where somebody put our line that are not the drop-in
  sources "$zone" | while read -r file; do
    ! grep -Eq "$(mark "$1")" "$file" || echo "$file"
  done
}

take_line() { # ID: no configuration of ours makes its zone insecure any more
  strike_out "$1" || return 1
  engine_keeps "$zone" || return 0
  stray=$(strays "$1")
  [ -z "$stray" ] || because "the line of $1 stands in $stray too: take it out there by hand"
}

running_now() { # sets $running, one "ZONE KIND [EXPIRY]" a line; fails when the daemon is mute
  running=$(engine_running) || because "$engine does not answer on its control channel"
}

lift_running() { # ZONE: takes it out of the daemon, flushes, and reads back that it is gone
  running_now || return 1
  if [ -z "$kept" ] && lists "$running" "$1 config"; then
    echo "$1 stays insecure: others configured that since, and it is not ours to remove"
    return 0
  fi
  engine_remove "$1" && engine_flush "$1" && running_now || return 1
  ! lists "$running" "$1" || because "$engine still lists the NTA for $1 after its removal"
}

lift() { # ID: takes the NTA back; the line in the drop-in goes even when the daemon is down
  kept=''
  [ -z "$dropin" ] || take_line "$1" || kept=$why
  # Before this step the zone was not in the daemon by our hand, whatever it lists.
  [ "$(first_line "$base/nta/$1/step")" = armed ] || lift_running "$zone" || return 1
  [ -z "$kept" ] || because "$kept"
}

was_theirs() { # ID: did the daemon have it before ntactl came, by others?
  lists "$(cat "$base/nta/$1/snapshot/running" 2>/dev/null)" "$zone"
}

give_back() { # ID: ours goes, and theirs stays in the daemon
  [ -z "$dropin" ] || take_line "$1" || return 1
  end "$1"
}

was_done() { # ID: was it ever put on whole, and said so?
  grep -q '"outcome":"\(applied\|renewed\)"' "$base/nta/$1/receipt.json" 2>/dev/null
}

unschedule_timer() { # ID: its timer, the service last: while one is left there is something to do
  unit=$unit_folder/$called$1
  [ -e "$unit.service" ] || [ -e "$unit.service.new" ] || return 0
  # A timer that cannot be stopped keeps its files: it goes on, and the guard tries again.
  if [ -d "$systemd_here" ] && [ -e "$unit.timer" ]; then
    bounded 30 systemctl stop "$called$1.timer" || return 1
  fi
  rm -f "$unit_folder/timers.target.wants/$called$1.timer" "$unit.timer" "$unit.timer.new" \
    "/var/lib/systemd/timers/stamp-$called$1.timer" "$unit.service.new" "$unit.service" || return 1
  rmdir "$unit_folder/timers.target.wants" 2>/dev/null
  settle "$unit_folder"
  [ -d "$systemd_here" ] || return 0
  bounded 30 systemctl daemon-reload
  bounded 30 systemctl reset-failed "$called$1.*" 2>/dev/null || true
}

unschedule() { # ID: what wakes its guard, and what is half written
  rm -f "$cron_folder/$called$1" "$cron_folder/$called$1.new" ||
    because "its guard $cron_folder/$called$1 could not be disarmed" || return 1
  unschedule_timer "$1" || because "its guard $unit_folder/$called$1.timer could not be disarmed"
}

mark_ended() { # ID: by a rename, which a full disk allows; or its ends_at was lost
  if [ -e "$base/nta/$1/ends_at" ]; then
    mv -f "$base/nta/$1/ends_at" "$base/nta/$1/ended"
  else
    [ -e "$base/nta/$1/ended" ] || put "$base/nta/$1/ended" 600 "$(now)"
  fi
}

end() { # ID: it is over; marked first, so that a guard left behind only cleans up
  mark_ended "$1" || because "the NTA is gone, but that cannot be noted in $base/nta/$1" || return 1
  unschedule "$1" || because "the NTA is gone, but $why" || return 1
  settle "$base/nta/$1" "$cron_folder"
}

is_on() { # ID: is it on, or half on, as the disk tells? A lost ends_at ends nothing
  [ -e "$base/nta/$1/ends_at" ] ||
    { [ ! -e "$base/nta/$1/ended" ] && [ "$(first_line "$base/nta/$1/step")" = begun ]; }
}

ends_of() { # ID -> when it ends or ended, in seconds of the epoch; 0 (long ago) when damaged
  ends_text=$(first_line "$base/nta/$1/ends_at" || first_line "$base/nta/$1/ended")
  case $ends_text in
  '' | *[!0-9]* | 0?* | ????????????*) echo 0 ;; # a shell cannot count with those either
  *) echo "$ends_text" ;;
  esac
}
