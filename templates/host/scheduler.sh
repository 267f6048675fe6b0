# shellcheck shell=sh disable=SC2034,SC2154
# What wakes guards on this host: systemd where it runs and answers, cron elsewhere. Writes nothing.
# Set by the program's settings: base, cron_folder, unit_folder.

is_cron() { # PID: a living cron that reads cron_folder? (busybox crond does not read it)
  case $(first_line "/proc/$1/comm" 2>/dev/null) in
  cron | crond) ;;
  *) return 1 ;;
  esac
  case $(readlink "/proc/$1/exe") in
  */busybox*) return 1 ;;
  esac
  process_start "$1" >/dev/null
}

is_stopped() { # PID
  read -r stat_line 2>/dev/null <"/proc/$1/stat" || return 0
  case ${stat_line##*) } in
  [TtXxZ]*) return 0 ;;
  esac
  return 1
}

cron_processes() { # -> PIDs; from its own pid file, else every process of our pid namespace
  for file in /run/crond.pid /run/cron.pid /var/run/crond.pid /var/run/cron.pid; do
    pid=$(first_line "$file" 2>/dev/null) && is_cron "$pid" && echo "$pid" && return 0
  done
  here=$(readlink /proc/self/ns/pid)
  for process in /proc/[0-9]*; do
    pid=${process#/proc/}
    is_cron "$pid" && [ "$(readlink "$process/ns/pid")" = "$here" ] && echo "$pid"
  done
}

cron_wakes() { # proven by a process, not by a package
  [ -d "$cron_folder" ] || because "there is no $cron_folder" || return 1
  crons=$(cron_processes)
  for pid in $crons; do
    is_stopped "$pid" || return 0
  done
  because "neither systemd nor a cron that would wake the guard runs here${crons:+ (process $pid is stopped)}"
}

scheduler='' # systemd or cron, once it is found

find_scheduler() { # sets scheduler, and timers: what systemd says of its timers as a whole
  scheduler=cron timers=''
  [ -d "$systemd_here" ] || return 0
  timers=$(bounded 10 systemctl is-active timers.target 2>/dev/null)
  case $timers in
  '' | unknown) ;;
  *) scheduler=systemd ;;
  esac
}

systemd_wakes() {
  [ "$timers" = active ] ||
    because "timers.target of systemd is $timers here, so nothing would wake the guard" || return 1
  [ -w "$unit_folder" ] || # root too cannot write to a read-only disk
    because "systemd runs here, and no timer can be written in $unit_folder"
}

scheduler_runs() { # the guard would be woken
  [ -n "$scheduler" ] || find_scheduler
  if [ "$scheduler" = systemd ]; then systemd_wakes; else cron_wakes; fi
}

tells() { # LINE: is it one of those that systemctl told?
  case "$nl$told$nl" in
  *"$nl$1$nl"*) ;;
  *) return 1 ;;
  esac
}

timer_waits() { # ID: does systemd have that timer, from our file, for every boot, and is it due?
  told=$(bounded 10 systemctl show -p ActiveState -p SubState -p UnitFileState -p FragmentPath \
    "$called$1.timer" 2>/dev/null)
  tells ActiveState=active && ! tells SubState=elapsed && tells UnitFileState=enabled &&
    tells "FragmentPath=$unit_folder/$called$1.timer"
}

guarded() { # ID: armed, and by something that runs?
  [ -s "$base/nta/$1/guard" ] && [ -s "$base/nta/$1/ends_at" ] || return 1
  if [ -e "$unit_folder/$called$1.timer" ] && timer_waits "$1"; then return 0; fi
  [ -s "$cron_folder/$called$1" ] && cron_wakes
}
