# shellcheck shell=sh disable=SC2034,SC2154
# What an audit asks of PowerDNS Recursor: lines of its files, and what it `runs` by.

options='dnssec signature-inception-skew extended-resolution-errors serve-stale-extensions'
engine_words='^[^#]*(dnssec|signature-inception-skew|extended-resolution-errors|serve-stale-extensions|lua-config-file|addNTA|addTA|addDS|clearTA|clearDS|readTrustAnchorsFromFile)'

engine_files() {
  place=$(folder)
  for each in "${config:-$place/recursor.conf}" "$place"/recursor.d/*.conf "$(lua_file)"; do
    [ ! -f "$each" ] || printf '%s\n' "$each"
  done
  file=$(lua_file)
  [ ! -r "$file" ] || uncommented <"$file" | dofiles
}

engine_facts() {
  place=$(folder)
  for option in $options; do
    cat "${config:-$place/recursor.conf}" "$place"/recursor.d/*.conf 2>/dev/null |
      sed -n "s/^[[:space:]]*${option}[[:space:]]*=[[:space:]]*//p" | tail -n 1 |
      tell_fields "said $option"
    control get-parameter "$option" &&
      printf '%s\n' "$said" | sed -n 's/^\([a-z-]*\)="\(.*\)"$/runs \1 \2/p'
  done
  control get-tas && printf '%s\n' "$said" | sed 1d |
    awk '/^[^ \t]/ { owner = $1; next } NF { print "tag", owner, $1 }'
}
