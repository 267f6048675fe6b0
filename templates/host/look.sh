# shellcheck shell=sh disable=SC2034,SC2154
# What a host holds now, and why ntactl would leave it alone. Writes nothing.
# Set by the program: engine, dropin, controller_now (seconds of the epoch).

unset anchors # the environment is not to be believed

tools_there() {
  for tool in $engine_tools base64 sha256sum grep awk; do
    command -v "$tool" >/dev/null 2>&1 || because "there is no $tool on this host" || return 1
  done
}

dropin_fits() { # a place where ours may stand: nothing there, or ours to the last line
  [ -n "$dropin" ] || return 0
  [ -d "${dropin%/*}" ] || because "there is no folder ${dropin%/*}" || return 1
  [ -e "$dropin" ] || [ -L "$dropin" ] || return 0
  case $(first_line "$dropin") in
  '# ntactl owns this file'* | '-- ntactl owns this file'*) ;;
  *) because "$dropin is there and ntactl did not write it" || return 1 ;;
  esac
  if [ -L "$dropin" ] || [ -n "$(tail -c 1 "$dropin")" ] ||
    grep -Eqv "$engine_lines" "$dropin"; then
    because "$dropin is ntactl's, but somebody else wrote into it"
  fi
}

clock_fits() {
  [ -n "${controller_now:-}" ] || because "the program carries no controller time" || return 1
  offset=$(($(now) - controller_now))
  [ "${offset#-}" -le 60 ] ||
    because "its clock is $offset s from the controller's, and the guard goes by it"
}

tell_fields() { # WORD: standard input, each line behind WORD
  while IFS= read -r line; do
    [ -z "$line" ] || printf '%s %s\n' "$1" "$line"
  done
}

problem() { echo "$1 $(printf '%s' "$why" | tr '\n' ' ')"; }

problems() { # -> "RULE TEXT", one a line: why a change would be refused here
  tools_there || { problem engine-missing && return; }
  dropin_fits || problem foreign-dropin
  clock_fits || problem host-clock
  scheduler_runs || problem guard-scheduler
  engine_checks || problem broken-config
  engine_alive || problem daemon-down
}

state_text() { # times left out: they move by themselves
  echo running
  printf '%s\n' "$running" | cut -d ' ' -f 1,2 | sort -u
  echo dropin
  [ -z "$dropin" ] || [ ! -e "$dropin" ] || cat "$dropin"
  echo anchors
  printf '%s\n' "$anchors"
}

look() { # sets running, anchors and state_sha256; fails when the daemon is mute
  running_now || return 1
  anchors=${anchors-$(engine_anchors)}
  state_sha256=$(state_text | sha256sum | cut -c 1-64)
}

outcome_of() { # ID -> the outcome in its receipt
  sed -n 's/.*"outcome":"\([a-z]*\)".*/\1/p' "$base/nta/$1/receipt.json" 2>/dev/null
}

state_of() { # ID -> none, half (begun, no end known), applied or ended
  if is_on "$1"; then
    case $(outcome_of "$1") in
    applied | renewed) echo applied ;;
    *) echo half ;;
    esac
  elif [ -e "$base/nta/$1/ended" ] && [ "$(outcome_of "$1")" != undone ]; then
    echo ended
  else
    echo none
  fi
}

held() { # -> "ID ZONE ENDS STATE", one a line
  for file in "$base"/nta/*/zone; do
    [ -e "$file" ] || continue
    id=${file%/zone}
    id=${id##*/}
    state=$(state_of "$id")
    [ "$state" != none ] || continue
    echo "$id $(first_line "$file") $(ends_of "$id") $state"
  done
}
