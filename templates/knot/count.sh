# shellcheck shell=sh disable=SC2034,SC2154
# What the instances of kresd have counted, by their module `stats`. Set above: the engine's part.

engine_counters() { # sets counted: the time, and "stats JSON" and
  # "start SECONDS" of each instance
  everyone 'tojson(stats.list())' || because "kresd's stats.list: $said" || return 1
  told=$(printf '%s' "$answers" | sed 's/^/stats /')
  everyone worker.pid || because "kresd's worker.pid: $said" || return 1
  boot=$(sed -n 's/^btime //p' /proc/stat)
  counted="at $(now)$nl$told$nl$(for pid in $(printf '%s' "$answers" | tr -d "'"); do
    echo "start $((boot + $(process_start "$pid") / 100))"
  done)"
}
