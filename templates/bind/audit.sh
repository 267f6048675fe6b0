# shellcheck shell=sh disable=SC2034,SC2154
# What an audit asks of BIND: `said` by the configuration on disk, `runs` in named.

engine_words='^[^#]*(dnssec-validation|dnssec-accept-expired|dnssec-enable|dnssec-lookaside|validate-except|stale-answer-enable|disable-algorithms|disable-ds-digests|trust-anchors|managed-keys|trusted-keys|(static|initial)-(key|ds)|controls|inet |257 3 )'

engine_files() {
  for main in "$config" /etc/bind/named.conf /etc/named.conf; do
    [ ! -f "$main" ] || { included 9 "$main" && return; }
  done
}

engine_includes() { # FILE -> the patterns that it includes
  sed -n 's/^[[:space:]]*include[[:space:]]*"\([^"]*\)".*/\1/p' "$1"
}

engine_facts() {
  configuration | awk '
    $1 ~ /^(dnssec-validation|dnssec-accept-expired|stale-answer-enable)$/ {
      gsub(/[";]/, ""); print "said", $1, $2
    }
    $1 ~ /^(trusted-keys|managed-keys|trust-anchors|disable-algorithms|disable-ds-digests)$/ {
      gsub(/["{]/, ""); print "said", $1, $2
    }
    $1 == "controls" { print "said controls yes"; inside = 1; depth = 0 }
    inside && $1 == "inet" { print "said control", $1, $2 }
    inside { depth += gsub(/[{]/, "") - gsub(/[}]/, ""); if (depth <= 0) inside = 0 }'
  control validation status ${instance:+"$instance"} && printf '%s\n' "$said" | tell_fields 'runs validation'
  control status && printf '%s\n' "$said" | sed -n 's/^last configured: /runs configured /p'
  control secroots - ${instance:+"$instance"} && printf '%s\n' "$said" | sed -n 's,^\([^ ]*\)/[A-Z0-9]*/\([0-9]*\) ;.*,tag \1 \2,p'
}
