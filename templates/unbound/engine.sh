# shellcheck shell=sh disable=SC2034,SC2154
# An NTA in Unbound: a drop-in keeps it over reloads and restarts, insecure_add sets it now, and
# only flush_zone makes either of them felt. The root's is val-permissive-mode, as insecure_add of
# "." says ok and does nothing (measured with 1.17). Set above: config.

engine_tools='unbound-control unbound-checkconf'
engine_places=/etc/unbound
engine_lines='^(#.*|server:|    (domain-insecure: "[a-z0-9._-]+"|val-permissive-mode: yes) # ntactl [a-z0-9-]+)$'

ask() { # CONFIG COMMAND...: exit 0 is not enough, it also says "error ..." with it
  file=$1
  shift
  said=$(bounded 60 unbound-control ${file:+-c "$file"} "$@" 2>&1 </dev/null) || return 1
  case $said in
  error*) return 1 ;;
  esac
}

control() { # COMMAND...: unbound-control itself needs a sound configuration; what we kept will do
  ask "$config" "$@" && return 0
  case $said in
  *'read config file'*) [ -s "$base/control.conf" ] && ask "$base/control.conf" "$@" ;;
  *) return 1 ;;
  esac
}

way_to_daemon() { # -> the part of the configuration that unbound-control needs
  echo 'remote-control:'
  for option in control-enable control-interface control-port control-use-cert \
    server-cert-file control-key-file control-cert-file; do
    configured "$option" | while read -r value; do
      [ -z "$value" ] || echo "$option: \"$value\""
    done
  done
}

engine_remember() { # in case somebody breaks the configuration meanwhile
  put "$base/control.conf" 600 "$(way_to_daemon)"
}

configured() { # OPTION -> its values in the configuration as it is on disk
  bounded 20 unbound-checkconf -o "$1" ${config:+"$config"} 2>/dev/null </dev/null
}

names() { # standard input -> names as ntactl writes them: lower case, final dot, no quotes
  tr 'A-Z"' 'a-z ' | awk 'NF { sub(/\.*$/, "", $1); print $1 "." }'
}

engine_version() {
  control status
  printf '%s\n' "$said" | sed -n 's/^version: //p'
}

engine_alive() { control status || because "unbound is not running: $said"; }

engine_checks() {
  said=$(bounded 20 unbound-checkconf ${config:+"$config"} 2>&1 </dev/null) ||
    because "unbound-checkconf fails: $said"
}

engine_running() {
  control list_insecure || return 1
  kept_names=$(configured domain-insecure | names)
  printf '%s\n' "$said" | names | sort -u | while read -r listed; do
    if lists "$kept_names" "$listed"; then
      echo "$listed config"
    else
      echo "$listed runtime"
    fi
  done
  control get_option val-permissive-mode || return 1
  [ "$said" != yes ] || permissive
}

permissive() { # -> the root's line, when that is how the daemon runs
  if engine_keeps .; then
    echo '. config'
  else
    echo '. runtime'
  fi
}

engine_keeps() { # ZONE: would the configuration alone make it insecure?
  case $1 in
  .) configured val-permissive-mode | grep -qx yes ;;
  *) lists "$(configured domain-insecure | names)" "$1" ;;
  esac
}

engine_sets() { # ZONE: does standard input, a piece of configuration, make it insecure?
  if [ "$1" = . ]; then
    grep -Eqi "^[^#]*val-permissive-mode:[[:space:]]*[\"']?yes"
    return
  fi
  name=$(printf '%s\n' "${1%.}" | sed 's/[.]/[.]/g')
  grep -Eqi "^[^#]*domain-insecure:[[:space:]]*[\"']?${name}[.]?[\"']?([[:space:]#]|\$)"
}

anchor_files() { # -> the files with positive anchors, as absolute names
  for option in auto-trust-anchor-file trust-anchor-file trusted-keys-file; do
    configured "$option"
  done | while read -r file; do
    case $file in
    /*) printf '%s\n' "$file" ;;
    ?*) printf '%s\n' "$(configured directory)/$file" ;;
    esac
  done
}

anchor_records() {
  configured trust-anchor
  anchor_files | while read -r file; do
    cat "$file" 2>/dev/null || cat "$(configured chroot)/$file" 2>/dev/null
  done
}

engine_anchors() { # -> zones with a positive trust anchor here
  anchor_records | tr -d '"' |
    awk 'tolower($0) ~ /[ \t](ds|dnskey)[ \t]/ && $1 !~ /^;/ { print $1 }
         $2 ~ /^(257|256|385)$/ && $3 == 3 { print $1 }' | names | sort -u
}

set_permissive() { # yes or no
  control set_option val-permissive-mode: "$1" || because "unbound-control set_option: $said"
}

engine_add() { # ZONE ENDS
  [ "$1" != . ] || { set_permissive yes; return; }
  control insecure_add "$1" || because "unbound-control insecure_add: $said"
}

engine_remove() { # ZONE
  [ "$1" != . ] || { set_permissive no; return; }
  control insecure_remove "$1" || because "unbound-control insecure_remove: $said"
}

engine_flush() { # ZONE: after an add and after a removal, else old answers and keys stay
  control flush_zone "$1" || because "unbound-control flush_zone: $said"
}

option() { # NAME VALUE: is that what the daemon goes by now?
  control get_option "$1" && [ "$said" = "$2" ]
}

engine_dropped() { # serve-expired keeps what is flushed as expired; by its first defaults it serves that
  printf '%s' "${said#ok removed }"
  ! option serve-expired yes || ! option serve-expired-ttl 0 || ! option serve-expired-client-timeout 0 ||
    printf '; serve-expired answers each such name once more from before'
}
