# shellcheck shell=sh disable=SC2034,SC2154
# The wrapper's own part: reads orders in the one format there is, then does what a program does.
# Nothing of an order is ever run or evaluated. Set above: common, code_ACTION, guard_text,
# engine_code and the rest of particulars(). $1: the orders.

PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
nl='
'
form='now [0-9]{1,11}
kind [0-9a-f]{64}
action (read|count|audit|apply|revert|renew|flush)
generation [0-9]{1,16}
expected [0-9a-f]{64}
once_more (yes|no)
adopt (yes|no)
keep_theirs (yes|no)
zone ([a-z0-9_][a-z0-9_-]{0,62}[.])+
nta root-[a-z0-9-]{1,91} [.] [0-9]{1,11}
nta [a-z0-9][a-z0-9-]{0,95} ([a-z0-9_][a-z0-9_-]{0,62}[.])+ [0-9]{1,11}'

no_order() { # MESSAGE
  echo "ntactl-host: $1" >&2
  exit 2
}

not_ours() { # not for this kind of host, or of another version: told as every program tells it
  printf '%s\n' ntactl-begin-reading "problem no-sudo the ntactl-host on this host is of another \
version or inventory: install it anew (ntactl fleet wrapper)" ntactl-end-reading >&3
  exit 4
}

take_down() { # ORDERS: sets what they say
  controller_now='' kind='' action='' generation='' expected='' once_more=no adopt=no keep_theirs=no
  ids='' orders='' zone=''
  while read -r word first second third; do
    case $word in
    now) controller_now=$first ;;
    kind) kind=$first ;;
    action) action=$first ;;
    generation) generation=$first ;;
    expected) expected=$first ;;
    once_more) once_more=$first ;;
    adopt) adopt=$first ;;
    keep_theirs) keep_theirs=$first ;;
    zone) zone=$first ;;
    nta) ids="$ids${ids:+ }$first" orders="$orders$first $second $third$nl" ;;
    esac
  done <<ORDERS
$1
ORDERS
}

all_said() { # is everything said that the action needs?
  [ -n "$controller_now" ] && [ -n "$kind" ] || return 1
  case $action in
  read | count | audit) [ -z "$ids" ] ;;
  apply) [ -n "$ids" ] && [ -n "$generation" ] && [ -n "$expected" ] ;;
  revert | renew) [ -n "$ids" ] && [ -n "$generation" ] ;;
  flush) [ -n "$zone" ] && [ -z "$ids" ] ;;
  *) return 1 ;;
  esac
}

filled() { # FORM ID -> the text of an order's file, $zone put in too
  left=$1
  while :; do
    case $left in
    *@id@*) left=${left%%@id@*}$2${left#*@id@} ;;
    *@zone@*) left=${left%%@zone@*}$zone${left#*@zone@} ;;
    *) break ;;
    esac
  done
  printf '%s\n' "$left"
}

order() { # ID: sets what is known of one NTA
  while read -r ordered_id zone ends; do
    [ "$ordered_id" != "$1" ] || break
  done <<ORDERS
$orders
ORDERS
  [ -n "$ordered_id" ] || return 1
  case $zone in
  .) fragment=$(filled "$override_form" "$1") ;;
  *) fragment=$(filled "$fragment_form" "$1") ;;
  esac
  cron_entry=$(filled "$cron_form" "$1")
}

[ "$#" = 1 ] || no_order "one argument, the orders, and $# were given"
! printf '%s\n' "$1" | grep -Eqvx -e "$form" || no_order 'these are no orders'
take_down "$1"
all_said || no_order 'the orders are not complete'
particulars "$kind" || not_ours
library=$common$nl$engine_code
eval "$settings"
eval "$library"
case $action in
read) eval "$code_read" ;;
count) eval "$count_code$nl$code_count" ;;
audit) eval "$audit_code$nl$code_audit" ;;
apply) eval "$code_apply" ;;
revert) eval "$code_revert" ;;
renew) eval "$code_renew" ;;
flush) eval "$code_flush" ;;
esac
