# shellcheck shell=sh disable=SC2034,SC2154
# What every ntactl program on a host stands on: tools, whole files, one lock.
# Set by the program's settings: base (ntactl's folder), cron_folder.

PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
umask 077
nl='
'
why=''
locked=''
lock_seconds=300 # for each NTA that it works on, and as much again

because() { # TEXT: remembers why something failed, and fails
  why=$1
  return 1
}

now() { date +%s; }

bounded() { # SECONDS COMMAND...: a daemon that hangs must not hang us
  if command -v timeout >/dev/null 2>&1; then
    timeout "$@"
  else
    shift
    "$@"
  fi
}

first_line() { # FILE -> its first line; nothing when there is none
  [ -r "$1" ] || return 1
  IFS= read -r first <"$1" || [ -n "$first" ] || return 1
  printf '%s\n' "$first"
}

settle() { # FILE...: on the disk, not only in memory (old sync(1) takes no names)
  sync "$@" 2>/dev/null || sync
}

put() { # FILE MODE TEXT: replaces FILE, whole or not at all
  if printf '%s\n' "$3" >"$1.new" && chmod "$2" "$1.new" && settle "$1.new" && mv -f "$1.new" "$1"; then
    settle "${1%/*}"
  else
    rm -f "$1.new"
    because "cannot write $1"
  fi
}

process_start() { # PID -> when it started, in clock ticks; fails when it is gone
  stat_line=''
  read -r stat_line 2>/dev/null <"/proc/$1/stat" || return 1
  # The name in brackets may hold blanks: count from its end (proc(5), fields 3 and 22).
  # shellcheck disable=SC2086
  set -- ${stat_line##*) }
  [ "$1" != Z ] && printf '%s\n' "${20}"
}

boot_id() { first_line /proc/sys/kernel/random/boot_id; }

owner_lives() { # "PID START BOOT": does the process that wrote it still run?
  # shellcheck disable=SC2086
  set -- $1
  [ "$#" = 3 ] && [ "$3" = "$(boot_id)" ] && [ "$(process_start "$1")" = "$2" ]
}

overdue() { # "PID START BOOT": alive, but for longer than its work takes where every call is slow
  # By the time since boot, which nobody sets; Linux shows ticks of 1/100 s everywhere (proc(5)).
  up=$(first_line /proc/uptime) || return 1
  # shellcheck disable=SC2086
  set -- $1
  at_work_on=$(sed -n 2p "$base/lock/owner" 2>/dev/null | wc -w)
  [ $((${up%%.*} - $2 / 100)) -gt $((lock_seconds * (at_work_on + 1))) ]
}

stale() { # "PID START BOOT": is the lock nobody's? One that was stopped or hangs is made an end of
  owner_lives "$1" || return 0
  ! overdue "$1" || kill -KILL "${1%% *}" 2>/dev/null
  return 1
}

break_lock() { # takes the lock of a dead owner away, unless it changed hands meanwhile
  if [ -n "$holder" ]; then
    mv "$base/lock/owner" "$base/lock/dead" 2>/dev/null || return 0
    if [ "$(first_line "$base/lock/dead")" != "$holder" ]; then
      mv "$base/lock/dead" "$base/lock/owner"
      return 0
    fi
  fi
  mv "$base/lock" "$base/lock.$$" 2>/dev/null && rm -rf "$base/lock.$$"
}

look_at_lock() { # 0 when it was stale and is broken; 2 when it cannot even be made
  holder=$(first_line "$base/lock/owner" 2>/dev/null)
  if [ ! -d "$base/lock" ]; then
    unmade=$((unmade + 1))
    [ "$unmade" -lt 3 ] || return 2
    return 0
  fi
  # Without an owner: just made, or its maker was killed right then. Three seconds tell.
  [ -n "$holder" ] && ownerless=0 || ownerless=$((ownerless + 1))
  [ "$ownerless" -le 3 ] || break_lock
  [ -z "$holder" ] || ! stale "$holder" || break_lock
  [ ! -d "$base/lock" ]
}

take_lock() { # SECONDS: waits that long, writes which NTAs it is for; 1: held, 2: it cannot be made
  patience=$1 unmade=0 ownerless=0
  until mkdir "$base/lock" 2>/dev/null; do
    look_at_lock
    case $? in
    0) continue ;;
    2) return 2 ;;
    esac
    [ "$patience" -gt 0 ] || return 1
    patience=$((patience - 1))
    sleep 1
  done
  locked=1
  printf '%s\n' "$$ $(process_start $$) $(boot_id)" "${ids-$id}" >"$base/lock/owner" && return 0
  unlock
  return 2
}

unlock() {
  [ -z "$locked" ] || rm -rf "$base/lock"
  locked=''
}
