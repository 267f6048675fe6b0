# shellcheck shell=sh disable=SC2034,SC2154
# The read-only program: tells what the host holds, one fact a line between two marks.

tell_state() {
  problems | tell_fields problem
  command -v sha256sum >/dev/null 2>&1 || return 0
  if look; then
    echo "state_sha256 $state_sha256"
    printf '%s\n' "$running" | tell_fields running
    printf '%s\n' "$anchors" | tell_fields anchor
  fi
  [ -z "$dropin" ] || [ ! -e "$dropin" ] || echo "dropin $(base64 <"$dropin" | tr -d '\n')"
}

reading() {
  echo ntactl-begin-reading
  echo "now $(now) ${controller_now:-}"
  echo "timezone $(date +%z)"
  if [ "$(id -u)" = 0 ]; then
    find_scheduler
    echo "scheduler $scheduler"
    echo "version $(engine_version 2>/dev/null)"
    echo "generation $(first_line "$base/generation" 2>/dev/null || echo 0)"
    held | tell_fields held
    tell_state
    ! command -v tell_facts >/dev/null || tell_facts # of an audit
  else
    echo "problem no-sudo $(id -un) is not root here: give the host 'sudo: true' in the inventory"
  fi
  echo ntactl-end-reading
}

reading >&3
