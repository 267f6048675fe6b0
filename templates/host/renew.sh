# shellcheck shell=sh disable=SC2034,SC2154
# Gives NTAs a new end: the guard first, then the daemon's own backstop.

refuse_unheld() {
  for id in $ids; do
    order "$id"
    [ "$ends" -gt "$(now)" ] || refuse ended "the new end of $id has passed already"
    [ "$(state_of "$id")" = applied ] ||
      refuse not-held "$id does not stand on this host, so there is nothing to renew"
    rm -f "$base/nta/$id/old_end"
  done
}

new_end() { # ID: re-armed in one step; it is never without an end
  nta=$base/nta/$1
  cp "$nta/ends_at" "$nta/old_end" || {
    rm -f "$nta/old_end"
    because "cannot write in $nta"
    return 1
  }
  put "$nta/ends_at" 600 "$ends" && schedule "$1"
}

old_ends() { # what was approved before stands again
  for id in $ids; do
    nta=$base/nta/$id
    [ ! -e "$nta/old_end" ] || mv -f "$nta/old_end" "$nta/ends_at" || return 1
  done
}

left_standing() { # MESSAGE RULE
  stay 5 undone "$2" "$1; the old end stands"
}

not_renewed() { # MESSAGE
  trap '' TERM INT
  old_ends && left_standing "$1" ''
  stay 6 stuck '' "$1; and the old end could not be written back"
}

renew() {
  rescue=not_renewed
  begin
  trap '' TERM INT
  step='read'
  scheduler_runs || refuse guard-scheduler "$why"
  refuse_unheld
  accept || refuse disk-full "$why"
  step='arm'
  for id in $ids; do
    order "$id"
    new_end "$id" || not_renewed "$why"
  done
  put_on || not_renewed "$why"
  done_well renewed 'renewed, and read back'
}

renew
