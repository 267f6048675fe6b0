# shellcheck shell=sh disable=SC2034,SC2154
# What apply, revert, renew and flush share: a safe start, the guard, the receipt, the way back.
# Set by the program: action, generation, ids, order().
# Each gives left_standing MESSAGE RULE: its answer where it changed nothing and something stands.

step=start
touched=''
running=''
state_sha256=''
ordered=$ids

json_text() { # TEXT -> fit for a JSON string
  printf '%s' "$1" | tr '\n\t\r' '   ' | tr -d '\000-\037\177-\377' | cut -c 1-600 |
    sed 's/[\\"]/\\&/g'
}

running_json() {
  printf '%s\n' "$running" | awk 'NF { gsub(/[^a-z0-9._-]/, "?", $1)
    printf "%s\"%s\"", comma, $1; comma = "," }'
}

receipt() { # OUTCOME RULE MESSAGE -> the receipt
  printf '{"action":"%s","outcome":"%s","rule":"%s","message":"%s","step":"%s"' \
    "$action" "$1" "$2" "$(json_text "$3")" "$step"
  printf ',"at":%s,"generation":%s,"running":[%s],"state_sha256":"%s"}\n' \
    "$(now)" "$generation" "$(running_json)" "$state_sha256"
}

record() { # RECEIPT: on the disk of every NTA it is about, before anybody hears of it
  for id in $ids; do
    [ ! -d "$base/nta/$id" ] || put "$base/nta/$id/receipt.json" 600 "$1" || return 1
  done
}

send() { # EXIT RECEIPT: the last thing done
  unlock
  printf '%s\n' ntactl-begin-receipt "$2" ntactl-end-receipt >&3
  exit "$1"
}

busy_with() { # -> the ids that another program which holds the lock is at work on
  [ -n "$locked" ] || sed -n 2p "$base/lock/owner" 2>/dev/null
}

stands() { # may anything of the order be on this host? What wakes its guard shows, also without root
  for id in $ordered; do
    for trace in "$base/nta/$id/ends_at" "$cron_folder/$called$id" "$unit_folder/$called$id.service"; do
      [ ! -e "$trace" ] || return 0
    done
    case " $(busy_with) " in
    *" $id "*) return 0 ;;
    esac
  done
  return 1
}

refuse() { # RULE MESSAGE: nothing was touched, and nothing of the order is on this host
  trap '' TERM INT
  ! stands || left_standing "$2" "$1"
  send 4 "$(receipt refused "$1" "$2")"
}

done_well() { # OUTCOME MESSAGE; $rescue is what this action does when even that fails
  step=receipt
  trap '' TERM INT
  look || "$rescue" "$why"
  answer=$(receipt "$1" '' "$2")
  record "$answer" || "$rescue" "$why"
  send 0 "$answer"
}

finish() { # EXIT OUTCOME RULE MESSAGE: told even when it cannot be recorded
  look || true
  answer=$(receipt "$2" "$3" "$4")
  record "$answer" || true
  send "$1" "$answer"
}

stay() { # EXIT OUTCOME RULE MESSAGE: what stood before stands on, so its receipt stays too
  trap '' TERM INT
  look || true
  send "$1" "$(receipt "$2" "$3" "$4")"
}

prospect() { # -> what becomes of $ids without a person, as disk and scheduler tell
  outlook='nothing of it stands any more'
  for id in $ids; do
    is_on "$id" || continue
    outlook='the guard goes on trying every minute'
    [ "$(ends_of "$id")" -le "$(now)" ] || outlook='the guard lifts it at its end'
    guarded "$id" || outlook='and no guard is at work here'
    [ "$outlook" = 'the guard goes on trying every minute' ] || break
  done
  echo "$outlook"
}

stuck() { # MESSAGE: the guard goes on alone, from now on
  for id in $ids; do
    ! is_on "$id" || put "$base/nta/$id/ends_at" 600 "$(now)"
  done
  finish 6 stuck '' "$1; $(prospect)"
}

alone() { # every change: as root, and no other at work on this host
  trap '' HUP PIPE
  trap interrupted TERM INT
  [ "$(id -u)" = 0 ] ||
    refuse no-sudo "$(id -un) is not root here: give the host 'sudo: true' in the inventory"
  step=lock
  if ! mkdir -p "$base/nta" || ! chmod 700 "$base"; then
    refuse disk-full "$base cannot be made"
  fi
  take_lock 5
  case $? in
  1) refuse host-locked "another ntactl program (process ${holder%% *}) is at work on this host" ;;
  2) # taking out goes on unlocked, as the guard does: staying is worse
    [ "$action" = revert ] || refuse disk-full "cannot write in $base: full, or read-only"
    ;;
  esac
  rm -rf "$base"/lock.*
}

begin() { # what is about NTAs: alone, and not older than what was done last
  alone
  step=generation
  fence
}

fence() { # a controller that was paused and wakes up late must not undo newer work
  ahead=$((generation / 1000 - $(now)))
  [ "$ahead" -le 60 ] ||
    refuse host-clock "this order is $ahead s ahead of the host's clock: set the one that is wrong, \
the host's or the controller's (the guard goes by the host's)"
  stored=$(first_line "$base/generation" 2>/dev/null)
  case $stored in
  '' | *[!0-9]*) stored=0 ;;
  esac
  [ "$generation" -ge "$stored" ] ||
    refuse stale-generation "generation $stored was here already, this is $generation: an older order"
}

accept() { # nothing refuses the order any more: from here on older ones are stale
  [ "$generation" = "$stored" ] || put "$base/generation" 600 "$generation"
}

mark_begun() { # from here on a later run must know that the daemon may have been changed
  for id in $ids; do
    put "$base/nta/$id/step" 600 begun || return 1
  done
}

write_lines() { # the drop-in with the lines of $ids
  [ -n "$dropin" ] || return 0
  content=$header
  [ ! -e "$dropin" ] || content=$(cat "$dropin") || because "cannot read $dropin" || return 1
  for id in $ids; do
    order "$id"
    lists "$content" "$fragment" || content=$content$nl$fragment
  done
  put_dropin "$content"
}

check_lines() { # the checker passes, and the drop-in is one that the engine reads
  engine_checks || return 1
  [ -n "$dropin" ] || return 0
  for id in $ids; do
    order "$id"
    engine_keeps "$zone" || because "$dropin is not among the files that $engine reads" || return 1
  done
}

each_zone() { # COMMAND: COMMAND ZONE ENDS for every order
  for id in $ids; do
    order "$id"
    "$1" "$zone" "$ends" || return 1
  done
}

listed() {
  lists "$running" "$1" || because "$engine does not list the NTA for $1" || return 1
  ! lists "$running" "$1 partial" || because "not every instance of $engine lists the NTA for $1"
}

held_now() { # ZONE: by an NTA of ntactl?
  held | grep -v ' ended$' | grep -qF " $1 "
}

put_on() { # $ids, all armed: written, checked, activated, flushed, read back
  step='write'
  mark_begun && write_lines || return 1
  step='check'
  check_lines || return 1
  step=activate
  each_zone engine_add || return 1
  step=flush
  each_zone engine_flush || return 1
  step=verify
  running_now && each_zone listed || return 1
  for id in $ids; do
    guarded "$id" || because "the guard of $id is gone" || return 1
  done
}

undo() { # ID...: takes each back and reads back that it is gone
  undone=0
  for id in "$@"; do
    order "$id"
    if ! is_on "$id"; then
      rm -rf "$base/nta/$id"
    elif was_theirs "$id"; then
      give_back "$id" || undone=1
    else
      lift "$id" && end "$id" || undone=1
    fi
    [ "$undone" = 0 ] || undo_why=$why
  done
  return "$undone"
}

failed() { # MESSAGE: takes back what this run began
  trap '' TERM INT
  # shellcheck disable=SC2086
  undo $touched || stuck "$1; and could not be taken back: $undo_why"
  ! stands || left_standing "$1; what this run began was taken back" ''
  finish 5 undone '' "$1; everything was taken back"
}

interrupted() {
  [ -n "$touched" ] || refuse interrupted "stopped by a signal at step $step"
  failed "stopped by a signal at step $step"
}
