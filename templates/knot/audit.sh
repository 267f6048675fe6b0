# shellcheck shell=sh disable=SC2034,SC2154
# What an audit asks of kresd: lines of its files, and what each instance `runs`.

engine_words='^([^-]|-[^-])*(set_insecure|trust_anchors[.]|ALLOW_LOCAL|nta[(]|policy[.](DENY|suffix|STUB|FORWARD)|serve_stale|modules[.]unload|modules *=|kind *= *.(control|webmgmt))|^[a-z0-9-]+:|^[^#]*(trust-anchors|enable|query-loopback) *:|^ *- '

engine_files() {
  file=$(main_file)
  printf '%s\n' "$file"
  [ ! -r "$file" ] || {
    uncommented <"$file" | dofiles
    sed -n "s/^ *script-file: *[\"']*\([^\"' ]*\).*/\1/p" "$file"
  }
}

told() { # WORD LUA: what each instance answers
  everyone "$2" && printf '%s' "$answers" | tr -d "'" | tell_fields "runs $1"
}

engine_facts() {
  configured | tr '\n' ' ' | grep -Eo "(nta[(]|set_insecure[[:space:](]*[{])[^)}]*" |
    grep -Eo "[\"'][^\"']+[\"']" | names | tell_fields 'said insecure'
  told modules 'table.concat(modules.list(), " ")'
  told local "tostring(option('ALLOW_LOCAL'))"
  each_summary | tell_fields tag
}

each_summary() { # -> "OWNER TAG"; of an instance without any, ". none"
  for socket in $(instances); do
    tell "$socket" 'trust_anchors.summary()' || continue
    found=$(printf '%s\n' "$said" | tr -d "'" |
      awk 'match($0, /KeyTag:[0-9]+/) { print $1, substr($0, RSTART + 7, RLENGTH - 7) }')
    printf '%s\n' "$found"
    lists "$found" . || echo '. none'
  done | sort -u
}
