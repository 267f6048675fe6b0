# shellcheck shell=sh disable=SC2034,SC2154
# The guard: systemd or cron runs it every minute, it lifts its NTA at ends_at, and disarms only after it
# has read back that the NTA is gone. It needs no controller. Set above: id and the settings.

guard_log() { # the last run's words, where a full or read-only disk allows
  if (: >"$base/nta/$id/guard.log") 2>/dev/null; then
    exec >"$base/nta/$id/guard.log" 2>&1
  else
    exec >/dev/null 2>&1
  fi
}

remaining() { echo $(($(ends_of "$id") - $(now))); }

guard_lock() { # a full disk makes no lock; lifting late is worse than lifting unlocked
  take_lock 30
  [ $? != 1 ] || because "another ntactl program holds the lock"
}

lift_now() { # renewed, or ended by somebody else, while we slept? Then there is nothing to lift
  if ! is_on "$id"; then
    unschedule "$id"
  elif [ "$(remaining)" -gt 0 ]; then
    return 0
  elif was_theirs "$id" && ! was_done "$id"; then # a takeover that broke off
    give_back "$id"
  else
    lift "$id" && end "$id"
  fi
}

guard() {
  left=$(remaining)
  [ "$left" -le 60 ] || exit 0
  guard_log
  trap '' HUP PIPE
  trap 'unlock; exit 1' TERM INT
  [ "$left" -le 0 ] || sleep "$left"
  guard_lock && lift_now || echo "$(now) not lifted: $why; trying again in a minute"
  unlock
}

guard
