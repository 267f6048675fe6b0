# shellcheck shell=sh disable=SC2034,SC2154
# Takes NTAs out. From its first step on the guard would finish it, should this run die.

revert() {
  rescue=stuck
  begin
  trap '' TERM INT
  left=''
  step=revert
  for id in $ids; do
    [ -e "$base/nta/$id/ends_at" ] || continue
    put "$base/nta/$id/ends_at" 600 "$(now)"
    lift "$id" && end "$id" || left=$why
  done
  [ -z "$left" ] || stuck "$left"
  done_well reverted 'taken out, and read back'
}

revert
