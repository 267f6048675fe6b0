# shellcheck shell=sh disable=SC2034,SC2154
# What the recursor has counted since it started. Set above: the engine's part.

engine_counters() { # sets counted to NAME VALUE lines
  control get-all || because "rec_control get-all: $said" || return 1
  counted="at $(now)$nl$(printf '%s\n' "$said" | tr '\t' ' ' |
    grep -E '^(uptime|(noerror|nxdomain|servfail)-answers|dnssec-result-bogus) ')"
}
