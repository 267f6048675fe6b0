# shellcheck shell=sh disable=SC2034,SC2154
# What the instances of kresd have counted, by their module `stats`. Set above: the engine's part.

started() { # PID -> when it began, in seconds of the epoch
  ticks=$(process_start "$1") || return 1
  echo $(($(sed -n 's/^btime //p' /proc/stat) + ticks / 100))
}

engine_counters() { # sets counted: the time, and "stats JSON" and "start SECONDS" of each instance
  everyone 'tojson(stats.list())' || because "kresd's stats.list: $said" || return 1
  told=$(printf '%s' "$answers" | sed 's/^/stats /')
  everyone 'tostring(worker.pid)' || because "kresd's worker.pid: $said" || return 1
  counted="at $(now)$nl$told"
  for pid in $(printf '%s' "$answers" | tr -d "'"); do
    ! since=$(started "$pid") || counted="$counted${nl}start $since"
  done
}
