# shellcheck shell=sh disable=SC2034,SC2154
# An NTA in BIND: rndc sets it, and named keeps it over reloads and restarts by itself. With
# -force, as named's own recheck drops NTAs of zones that are still broken; its natural expiry
# flushes nothing, so the lifetime is a backstop behind the guard. The root's is one like others, but
# for flushtree, which drops nothing at "." (9.18); 9.20 dies of one, so there it is rndc validation off.
# Each view has a list and a cache of its own; rndc means all of them where it is told none. Set above:
# config, instance (a view, or empty).

engine_tools='rndc named-checkconf'
engine_places='/etc/bind /etc/named.conf /etc/named'

control() { # COMMAND...
  said=$(bounded 60 rndc "$@" 2>&1 </dev/null)
}

engine_remember() { :; } # rndc has a file of its own

names() { # standard input -> names as ntactl writes them: lower case, final dot, no quotes
  tr 'A-Z"' 'a-z ' | awk 'NF { sub(/\.*$/, "", $1); print $1 "." }'
}

engine_version() {
  control status
  printf '%s\n' "$said" | sed -n 's/^version: BIND \([^ ]*\).*/\1/p'
}

whole() { # -> the configuration, as it is on disk
  bounded 20 named-checkconf -px ${config:+"$config"} 2>/dev/null </dev/null
}

of_views() { # -> "other VIEW", of another class than IN; "no VIEW" or "yes VIEW", or "*": validates it?
  whole | awk '
    /^view / { view = $2; gsub(/"/, "", view); if ($3 != "{" && tolower($3) != "in") print "other", view }
    /^options / { view = "*" }
    /^\tdnssec-validation / { print $2 == "no;" ? "no" : "yes", view }'
}

views() { # -> the name of each that can have one: rndc nta leaves out those of another class
  control validation status || return 1
  others=$(of_views | sed -n 's/^other //p')
  printf '%s\n' "$said" | sed -n 's/.* (view \(.*\))$/\1/p' | grep -vxF "${others:-/}"
}

engine_alive() {
  control status || because "named does not answer rndc: $said" || return 1
  [ -z "$instance" ] || lists "$(views)" "$instance" || because "named has no view $instance"
}

engine_checks() {
  said=$(bounded 20 named-checkconf ${config:+"$config"} 2>&1 </dev/null) ||
    because "named-checkconf fails: $said"
}

engine_running() { # "de/_default: expiry DATE"; the dump lists expired ones too, they are gone
  control nta -dump || return 1
  dumped=$(printf '%s\n' "$said" | sed -n \
    -e 's#^\([^ ]*\)/\([^/ ]*\): expiry \(.*\)$#\1 \2 runtime \3#p' \
    -e 's#^\([^ ]*\)/\([^/ ]*\): permanent.*$#\1 \2 config#p')
  if [ -n "$dumped" ]; then
    wanted=${instance:-$(views)}
    [ -n "$wanted" ] || return 1
    printf '%s\n' "$wanted" "" "$dumped" | in_views
  fi
  ! by_switch || switched_off
}

told_version() {
  : "${named_version:=$(engine_version)}"
  [ -n "$named_version" ] || because "named does not tell its version"
}

by_switch() { # named drops the subtree of each NTA, and an assertion ends it at the root (9.20.30)
  told_version
  case $named_version in
  '' | 9.[0-9].* | 9.1[0-8].*) return 1 ;;
  esac
}

switches() { # -> "VIEW off" or "VIEW on" for each that is meant; "VIEW never": so says its configuration
  wanted=${instance:-$(views)} && control validation status || return 1
  settings=$(of_views)
  printf '%s\n' "$wanted" | while read -r view; do
    if lists "$settings" "no $view" || { lists "$settings" 'no *' && ! lists "$settings" "yes $view"; }; then
      echo "$view never"
    elif lists "$said" "DNSSEC validation is disabled (view $view)"; then
      echo "$view off"
    else
      echo "$view on"
    fi
  done
}

switched_off() { # -> the root's line, where validation is off in every view that is meant, or in some
  states=$(switches) || return 1
  printf '%s\n' "$states" | awk '{ has[$2]++ }
    END {
      if (has["off"]) print ".", has["on"] ? "partial" : "runtime"
      else if (has["never"] && !has["on"]) print ". config"
    }'
}

in_views() { # standard input, views, then "ZONE VIEW KIND" lines -> "partial" what not all of them have
  awk '!NF { listed = 1; next }
    !listed { views[$0] = ++count; next }
    $2 in views {
      $1 = tolower($1); sub(/\.*$/, "", $1); zone = $1 "."
      if (!seen[zone, $2]++) has[zone]++
      $1 = $2 = ""; sub(/^ */, ""); kinds[zone] = kinds[zone] zone " " $0 "\n"
    }
    END { for (zone in has) printf "%s", has[zone] < count ? zone " partial\n" : kinds[zone] }' | sort -u
}

configuration() { # -> the same but for views that are not meant
  whole | awk -v name="\"$instance\"" '
    /^view / { other = name != "\"\"" && $2 != name }
    !other
    /^};/ { other = 0 }'
}

engine_keeps() { # ZONE: would the configuration alone make it insecure?
  configuration | engine_sets "$1"
}

engine_sets() { # ZONE: does standard input, a piece of configuration, make it insecure?
  name=$(printf '%s\n' "${1%.}" | sed 's/[.]/[.]/g; s/^$/[.]/')
  sed 's,//.*,,; s,#.*,,' | tr '\n\t' '  ' |
    grep -Eqi "validate-except *[{]([^}]*[ ;])?\"?${name}[.]?\"? *;"
}

engine_anchors() { # -> zones with a positive trust anchor here
  configuration | awk '
    /^[ \t]*(trust-anchors|managed-keys|trusted-keys)[ \t]*[{]/ { inside = 1; next }
    /^[ \t]*};/ { inside = 0 }
    inside { print $1 }' | names | sort -u
}

switch() { # on or off: each view that validates by its configuration
  states=$(switches) || because "named does not tell where it validates" || return 1
  for view in $(printf '%s\n' "$states" | sed -n 's/ o[nf]*$//p'); do
    control validation "$1" "$view" || because "rndc validation $1: $said" || return 1
  done
}

engine_add() { # ZONE ENDS: named takes at most a week
  [ "$1" != . ] || told_version || return 1
  if [ "$1" = . ] && by_switch; then
    switch off
    return
  fi
  lifetime=$(($2 - $(now) + 300))
  [ "$lifetime" -le 604800 ] || lifetime=604800
  control nta -force -lifetime "$lifetime" "$1" ${instance:+"$instance"} || because "rndc nta: $said"
}

engine_remove() { # ZONE
  [ "$1" != . ] || told_version || return 1
  if [ "$1" = . ] && by_switch; then
    switch on
    return
  fi
  control nta -remove "$1" ${instance:+"$instance"} || because "rndc nta -remove: $said"
}

engine_flush() { # ZONE
  [ "$1" != . ] || { control flush ${instance:+"$instance"} || because "rndc flush: $said"; return; }
  control flushtree "$1" ${instance:+"$instance"} || because "rndc flushtree: $said"
}

engine_dropped() { echo 'all of it; rndc does not count'; }
