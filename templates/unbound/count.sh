# shellcheck shell=sh disable=SC2034,SC2154
# What Unbound has counted since it began to: at its last start or reload, or when somebody asked it
# for plain `stats` (measured with 1.17). Set above: the engine's part.

engine_counters() { # sets counted to NAME=VALUE lines; noreset, as plain stats begins anew
  control stats_noreset || because "unbound-control stats_noreset: $said" || return 1
  counted=$(printf '%s\n' "$said" |
    grep -E '^(time[.]|total[.]num[.]queries=|num[.]answer[.](bogus|rcode[.][A-Z]+)=)')
  for option in statistics-cumulative statistics-interval; do
    ! control get_option "$option" || counted="$counted$nl$option=$said"
  done
}
