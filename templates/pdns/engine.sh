# shellcheck shell=sh disable=SC2034,SC2154
# An NTA in PowerDNS Recursor: rec_control sets it and wipes what it touches; a file of Lua that the
# lua-config-file reads keeps it over restarts and reload-lua-config, which drops the others.
# rec_control's exit code is 0 for most mistakes, so all is read back (4.8). Set above: config.

engine_tools='rec_control pdns_recursor'
engine_places='/etc/powerdns /etc/pdns-recursor'
engine_lines='^(--.*|addNTA[(]"[a-z0-9._-]+", "ntactl [a-z0-9-]+"[)] -- # ntactl [a-z0-9-]+)$'

folder() { # -> where recursor.conf is
  for place in ${config:+"${config%/*}"} $engine_places; do
    [ ! -d "$place" ] || { printf '%s\n' "$place" && return; }
  done
}

instance() { # -> NAME where the configuration is recursor-NAME.conf, or .yml
  printf '%s\n' "$config" | sed -n 's,.*/recursor-\(.*\)[.]\(conf\|yml\)$,\1,p'
}

which_one() { # PROGRAM ARGUMENT...: runs it for this recursor
  program=$1
  shift
  name=$(instance)
  set -- --config-dir="$(folder)" ${name:+--config-name="$name"} "$@"
  said=$(bounded 60 "$program" "$@" 2>&1 </dev/null)
}

control() { # COMMAND...
  which_one rec_control "$@"
}

engine_remember() { :; } # where its socket is, rec_control reads from settings that seldom break

names() { # standard input -> names as ntactl writes them: lower case, final dot
  tr 'A-Z"' 'a-z ' | awk 'NF { sub(/\.*$/, "", $1); print $1 "." }'
}

engine_version() {
  control version
  printf '%s\n' "$said" | sed -n '/^[0-9]/p'
}

engine_alive() { control ping || because "pdns_recursor does not answer rec_control: $said"; }

engine_checks() {
  which_one pdns_recursor --config=check || because "pdns_recursor --config=check fails: $said"
}

include_folder() { # FILE... -> the folder that the last one to say so includes
  sed -n 's/^[[:space:]]*include[-_]dir[=:[:space:]]*//p' "$@" 2>/dev/null | tr -d "\"'" | sed -n '$p'
}

settings_files() { # -> the files of its settings; what is said last counts
  place=$(folder)
  if [ -n "$(instance)" ]; then # recursor.yml and recursor.d are the other one's
    set -- "$config" && place=$(include_folder "$config")
  else
    set -- "${config:-$place/recursor.conf}" "$place/recursor.yml" && place=$place/recursor.d
  fi
  for each in "$@" ${place:+"$place"/*.conf "$place"/*.yml}; do
    [ ! -f "$each" ] || printf '%s\n' "$each"
  done
}

setting() { # NAME NAME-IN-YAML -> its value in these files, which are YAML since release 5
  settings_files | while IFS= read -r each; do
    sed -n -e "s/^[[:space:]]*$1[[:space:]]*=[[:space:]]*//p" \
      -e "s/^[[:space:]]*$2:[[:space:]]*//p" "$each"
  done | tr -d "\"'" | sed -n '$p'
}

lua_file() { setting lua-config-file lua_config_file; }

configured() { # the Lua, and what YAML says to the same end (release 5.1 and later), in its words
  { lua_program <"$(lua_file)"; } 2>/dev/null
  settings_files | while IFS= read -r each; do
    awk '/^ *(#|$)/ { next }
      { match($0, /^ */) }
      inside && RLENGTH <= depth && !/^ *-/ { inside = 0 }
      inside && sub(/^[- ]*name: */, "") { gsub(/["\047]/, ""); print "addNTA(\"" $1 "\")" }
      /negative_trustanchors:/ { inside = 1; depth = RLENGTH }' "$each"
  done
}

engine_running() {
  control get-ntas || return 1
  case $said in
  'Configured Negative Trust Anchors:'*) ;;
  *) return 1 ;;
  esac
  kept_lua=$(configured)
  printf '%s\n' "$said" | sed 1d | names | sort -u | kinds "$kept_lua"
}

engine_sets() { # ZONE: does standard input, a piece of configuration, make it insecure?
  name=$(printf '%s\n' "${1%.}" | sed 's/[.]/[.]/g')
  uncommented | tr '\n' ' ' |
    grep -Eqi "addNTA[[:space:]]*[({]?[[:space:]]*[\"']${name}[.]?[\"']"
}

engine_anchors() { # -> zones with a positive trust anchor here
  control get-tas || return 0
  printf '%s\n' "$said" | sed '1d; /^[[:space:]]/d' | names | sort -u
}

typed() { # ZONE -> as rec_control takes it: without the dot at its end, but for the root
  printf '%s\n' "${1%.}" | sed 's/^$/./'
}

engine_add() { # ZONE ENDS
  control add-nta "$(typed "$1")" "ntactl $id" || because "rec_control add-nta: $said" || return 1
  case $said in
  Added*) ;;
  *) because "rec_control add-nta: $said" ;;
  esac
}

engine_remove() { # ZONE: never without a name
  control clear-nta "$(typed "$1")" || because "rec_control clear-nta: $said"
}

engine_flush() { # ZONE: the subtree, which is what the dollar says
  control wipe-cache "$(typed "$1")\$" || because "rec_control wipe-cache: $said" || return 1
  case $said in
  wiped*) ;;
  *) because "rec_control wipe-cache: $said" ;;
  esac
}

engine_dropped() { printf '%s\n' "${said#wiped }"; }
