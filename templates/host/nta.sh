# shellcheck shell=sh disable=SC2034,SC2154
# One NTA's folder, its line in the drop-in, and how it is taken back.
# Set by the program's settings: base, cron_folder, dropin (empty: this engine has none).

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

strike_out() { # FILE: takes exactly the line in FILE out of the drop-in; the last one takes it along
  rm -f "$dropin.new"
  [ -e "$dropin" ] || return 0
  grep -qxFf "$1" "$dropin" || return 0
  rest=$(grep -vxFf "$1" "$dropin")
  if printf '%s\n' "$rest" | grep -Eqv '^(#.*|server:|)$'; then
    put_dropin "$rest"
  else
    rm -f "$dropin" || because "cannot remove $dropin"
    settle "${dropin%/*}"
  fi
}

running_now() { # sets $running, one "ZONE KIND [EXPIRY]" a line; fails when the daemon is mute
  running=$(engine_running) || because "$engine does not answer on its control channel"
}

lift_running() { # ZONE: takes it out of the daemon, flushes, and reads back that it is gone
  running_now || return 1
  # Others may have configured the same zone since: that one is not ours to remove.
  [ -n "$kept" ] || ! engine_keeps "$1" || return 0
  engine_remove "$1" && engine_flush "$1" && running_now || return 1
  ! lists "$running" "$1" || because "$engine still lists the NTA for $1 after its removal"
}

lift() { # ID: takes the NTA back; the line in the drop-in goes even when the daemon is down
  nta=$base/nta/$1 kept=''
  [ -z "$dropin" ] || strike_out "$nta/fragment" || kept=$why
  # Before this step the zone was not in the daemon by our hand, whatever it lists.
  [ "$(first_line "$nta/step")" = armed ] || lift_running "$(first_line "$nta/zone")" || return 1
  [ -z "$kept" ] || because "$kept"
}

unschedule() { # ID: its cron entry, and one half written
  rm -f "$cron_folder/ntactl-$1" "$cron_folder/ntactl-$1.new"
}

end() { # ID: it is over; marked first, so that a guard left behind only cleans up
  nta=$base/nta/$1
  if mv -f "$nta/ends_at" "$nta/ended" && unschedule "$1"; then
    settle "$nta" "$cron_folder"
  else
    because "the NTA is gone, but its guard $cron_folder/ntactl-$1 could not be disarmed"
  fi
}

ends_of() { # ID -> when it ends, as seconds of the epoch; 0 (long ago) when that is unreadable
  ends_text=$(first_line "$base/nta/$1/ends_at")
  case $ends_text in
  '' | *[!0-9]*) echo 0 ;;
  *) echo "$ends_text" ;;
  esac
}
