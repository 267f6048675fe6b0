# shellcheck shell=sh disable=SC2034,SC2154
# What the resolver has counted by itself; changes nothing, not even its counters.

reading() {
  echo ntactl-begin-reading
  echo "now $(now) ${controller_now:-}"
  if [ "$(id -u)" != 0 ]; then
    echo "problem no-sudo $(id -un) is not root here: give the host 'sudo: true' in the inventory"
  elif engine_counters; then
    printf '%s\n' "$counted" | tell_fields counter
  else
    problem no-counters | tell_fields problem
  fi
  echo ntactl-end-reading
}

reading >&3
