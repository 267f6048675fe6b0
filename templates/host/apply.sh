# shellcheck shell=sh disable=SC2034,SC2154
# Puts NTAs on, all of $ids or none. Set by the program: expected (state_sha256 of the plan).

sort_out() { # sets fresh, half and applied from what earlier runs left
  fresh='' half='' applied=''
  for id in $ids; do
    case $(state_of "$id") in
    half) half="$half $id" ;;
    applied) applied="$applied $id" ;;
    *) fresh="$fresh $id" ;;
    esac
  done
}

clear_half() { # an attempt that died half-way is taken back before anything else
  [ -n "$half" ] || return 0
  step=clear
  # shellcheck disable=SC2086
  undo $half || stuck "an earlier attempt is half done and could not be taken back: $undo_why"
}

refuse_host() {
  step='read'
  first_problem=$(problems | head -n 1)
  [ -z "$first_problem" ] || refuse "${first_problem%% *}" "${first_problem#* }"
  look || refuse daemon-down "$why"
}

refuse_past() {
  for id in $ids; do
    order "$id"
    [ "$ends" -gt "$(now)" ] || refuse ended "the end of $id has passed: make a new plan"
  done
}

adopts() { # ZONE: is the order to take over an NTA of others? Not one that a file of theirs keeps
  [ "${adopt:-no}" = yes ] || return 1
  lists "$running" "$1 runtime" || { lists "$running" "$1 partial" && ! engine_keeps "$1"; }
}

refuse_zones() { # zones that are already under an NTA, or have an anchor that overrides one
  for id in $ids; do
    order "$id"
    ! held_now "$zone" ||
      refuse already-held "$zone is under another NTA of ntactl: renew or revert that one"
    ! lists "$running" "$zone" || adopts "$zone" ||
      refuse foreign-nta "$zone is under an NTA that ntactl did not add"
    [ "$zone" = . ] || ! lists "$anchors" "$zone" ||
      refuse explicit-anchor "$zone has a trust anchor of its own here, which overrides an NTA"
  done
  [ "$state_sha256" = "$expected" ] ||
    refuse drifted "NTAs, drop-in or anchors have changed since the plan: make a new one"
}

again() { # the same order a second time: whatever a reload or a kill left out is put on again
  rescue=not_again
  refuse_host
  accept || not_again "$why"
  step=again
  for id in $ids; do
    order "$id"
    if ! put "$base/nta/$id/ends_at" 600 "$ends" || ! schedule "$id"; then
      not_again "$why"
    fi
  done
  put_on || not_again "$why"
  done_well applied 'already, and read back'
}

left_standing() { # MESSAGE RULE
  stay 6 stuck "$2" "$1; what ntactl has on this host was not taken back"
}

not_again() { # MESSAGE
  left_standing "$1" ''
}

arm_all() {
  step='arm'
  for id in $ids; do
    arm "$id" && continue
    arm_why=$why
    # shellcheck disable=SC2086
    undo $touched || stuck "$arm_why; and its traces could not be removed: $undo_why"
    refuse "$arm_rule" "$arm_why"
  done
}

apply() {
  rescue=failed
  begin
  refuse_past
  sort_out
  # A receipt for one of a transaction means that all of it had been read back.
  [ -z "$applied" ] || [ -n "$fresh" ] || again
  clear_half
  ids="$fresh $half"
  refuse_host
  refuse_zones
  accept || refuse disk-full "$why"
  arm_all
  put_on || failed "$why"
  done_well applied 'and read back'
}

apply
