# shellcheck shell=sh disable=SC2034,SC2154
# What an audit asks of PowerDNS Recursor: lines of its files, and what it `runs` by.

options='dnssec signature-inception-skew extended-resolution-errors serve-stale-extensions'
engine_words='^[^#]*(dnssec|validation:|signature.inception.skew|extended.resolution.errors|serve.stale.extensions|lua.config.file|include_dir|addNTA|negative_trustanchors|addTA|addDS|clearTA|clearDS|readTrustAnchorsFromFile)'

engine_files() {
  settings_files
  file=$(lua_file)
  [ -r "$file" ] || return 0
  printf '%s\n' "$file"
  uncommented <"$file" | dofiles
}

engine_facts() {
  configured | tr '\n' ' ' | grep -Eo "addNTA[[:space:]]*[({]?[[:space:]]*[\"'][^\"']+" |
    sed "s/.*[\"']//" | names | tell_fields 'said insecure'
  for option in $options; do
    in_yaml=$(printf '%s\n' "$option" | sed 's/^dnssec$/validation/' | tr - _)
    setting "$option" "$in_yaml" | sed 's/^true$/yes/; s/^false$/no/' | tell_fields "said $option"
    control get-parameter "$option" &&
      printf '%s\n' "$said" | sed -n 's/^\([a-z-]*\)="\(.*\)"$/runs \1 \2/p'
  done
  control get-tas && printf '%s\n' "$said" | sed 1d |
    awk '/^[^ \t]/ { owner = $1; next } NF { print "tag", owner, $1 }'
}
