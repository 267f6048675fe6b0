# shellcheck shell=sh disable=SC2034,SC2154
# Takes NTAs out. From its first step on the guard would finish it, should this run die.
# Set by the program: once_more (yes: also those that ended and came back, by whatever hand), and
# keep_theirs (yes: of those taken over only ours goes).

left_standing() { # MESSAGE RULE
  stay 6 stuck "$2" "$1; it was not taken out"
}

came_back() { # ID: it ended here, and its zone is under an NTA again that a person wants out?
  [ "$once_more" = yes ] && [ -e "$base/nta/$1/ended" ] && ! held_now "$zone" || return 1
  # A mute daemon cannot be asked: then it is tried, and guarded.
  ! running_now || lists "$running" "$zone" || engine_keeps "$zone"
}

one_out() { # ID: out, and guarded until it is; over already: no guard stays behind
  order "$1"
  if is_on "$1"; then
    put "$base/nta/$1/ends_at" 600 "$(now)"
  elif came_back "$1"; then
    put "$base/nta/$1/ends_at" 600 "$(now)" && schedule "$1"
  else
    unschedule "$1"
    return
  fi
  if [ "${keep_theirs:-no}" = yes ] && was_theirs "$1"; then
    give_back "$1"
  else
    lift "$1" && end "$1"
  fi && taken="$taken $1"
}

take_out() { # sets taken, and left: why another could not be taken out
  taken='' left=''
  for id in $ids; do
    one_out "$id" || left=$why
  done
}

insecure_when() { # ZONE -> since or from when others make it insecure; nothing when they do not
  # named's list has one entry for a zone: taking ours out, it forgets theirs until it reloads.
  if lists "$running" "$1"; then
    echo "is insecure here"
  elif engine_keeps "$1"; then
    echo "becomes insecure here with the next reload"
  fi
}

by_others() { # -> zones that are insecure here all the same, and by which files
  for id in $ids; do
    order "$id"
    held_now "$zone" && continue
    since=$(insecure_when "$zone")
    [ -n "$since" ] || continue
    files=$(sources "$zone" | tr '\n' ' ')
    files=${files% }
    echo "; $zone $since by other hands than ntactl's: ${files:-its file was not found}"
  done
}

their_part() { # FILE -> the drop-in without NTAs; where there is none, as ntactl would begin it
  [ ! -e "$1" ] || { without "$any_id" "$1" && return; }
  printf '%s\n' "$header"
}

was_edited() { # ID: has anybody else written into the drop-in since its snapshot?
  before=$base/nta/$1/snapshot/${dropin##*/}
  [ -n "$dropin" ] && [ "$(their_part "$dropin")" != "$(their_part "$before")" ]
}

contents() { # FILE -> it, to the last byte; nothing when there is none
  cat "$1" 2>/dev/null
  echo .
}

as_before() { # ID: are drop-in and running NTAs those of its snapshot?
  before=$base/nta/$1/snapshot
  [ "$running" = "$(cat "$before/running")" ] &&
    [ "$(contents "$dropin")" = "$(contents "$before/${dropin##*/}")" ]
}

compared() { # -> how the host compares with the snapshots of what was taken out
  alike=$taken
  for id in $taken; do
    if was_edited "$id"; then
      echo "; others wrote into $dropin since, so only ntactl's line was struck from it"
      return
    fi
    as_before "$id" || alike=''
  done
  [ -z "$alike" ] || echo '; the host is as it was before, byte for byte'
}

revert() {
  begin
  trap '' TERM INT
  accept || true # a full disk must not keep an NTA
  step=revert
  take_out
  [ -z "$left" ] || stuck "$left"
  step=receipt
  look || true
  others=$(by_others)
  # It is gone, and its guard too: said so even when the receipt finds no room.
  finish 0 reverted "${others:+foreign-nta}" "taken out, and read back$(compared)$others"
}

revert
