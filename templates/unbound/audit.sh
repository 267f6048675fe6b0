# shellcheck shell=sh disable=SC2034,SC2154
# What an audit asks of Unbound: `said` by the configuration on disk, `runs` in the daemon.

options='module-config val-permissive-mode val-override-date harden-dnssec-stripped ede
serve-expired do-not-query-localhost val-sig-skew-min val-sig-skew-max control-enable
control-interface'
engine_words='^[^#]*(module-config|val-permissive-mode|val-override|val-override-date|ede|serve-expired|harden-dnssec-stripped|do-not-query-localhost|val-sig-skew-(min|max)|control-(enable|interface|use-cert)|domain-insecure|local-zone|trust-anchor|trusted-keys-file):'

engine_files() { included 9 "${config:-/etc/unbound/unbound.conf}"; }

engine_includes() { # FILE -> the patterns that it includes
  sed -n 's/^[[:space:]]*include\(-toplevel\)\{0,1\}:[[:space:]]*"\{0,1\}\([^"#]*\).*/\2/p' "$1"
}

engine_facts() {
  for option in $options; do
    configured "$option" | tell_fields "said $option"
    ! control get_option "$option" || printf '%s\n' "$said" | tell_fields "runs $option"
  done
  configured domain-insecure | names | tell_fields 'said insecure'
  ! control list_local_zones || printf '%s\n' "$said" |
    awk '$1 ~ /^[^.]*[.]$/ { print "runs local-zone", tolower($1), $2 }'
  # RFC 5011: keys that are not trusted yet, or no longer, are listed as well.
  anchor_records | tr -d '"' | grep -Ei '[[:space:]](ds|dnskey)[[:space:]]' | grep -v -e '^;' -e 'state=[0145]' |
    sed 's/[[:space:]]*;.*//' | tell_fields key
}

control() { # COMMAND...: an audit is to see what runs where the configuration is broken, too
  ask "$config" "$@" && return 0
  case $said in
  *'read config file'*) ;;
  *) return 1 ;;
  esac
  said=$(by_its_lines | bounded 60 unbound-control -c /dev/stdin "$@" 2>&1)
}

by_its_lines() { # -> what the files say of the way to the daemon
  echo remote-control:
  engine_files | while IFS= read -r file; do
    grep -Eh '^[[:space:]]*(control-(enable|interface|port|use-cert|key-file|cert-file)|server-cert-file):' "$file"
  done
}
