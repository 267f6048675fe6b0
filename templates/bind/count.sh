# shellcheck shell=sh disable=SC2034,SC2154
# What named has counted: by its statistics channel, else what somebody had it dump before. `rndc
# stats` is not asked for, as it writes a file. Set above: the engine's part, config.

channel() { # standard input, a configuration -> URL of a statistics channel, seen from here
  awk '
    /^[ \t]*statistics-channels/ { inside = 1 }
    inside && $1 == "inet" {
      host = $2; port = 80
      for (i = 3; i < NF; i++) if ($i == "port") port = $(i + 1)
      if (host == "*" || host == "0.0.0.0" || host == "::") host = "127.0.0.1"
      if (host ~ /:/) host = "[" host "]"
      print "http://" host ":" port "/json/v1/server"
      exit
    }'
}

fetch() { # URL, by what there is
  unset http_proxy all_proxy ALL_PROXY
  if command -v curl >/dev/null 2>&1; then
    bounded 10 curl -qsf "$1"
  else
    bounded 10 wget -qO - "$1"
  fi
}

option_value() { # NAME: standard input, a configuration -> its value, unquoted
  sed -n "s/^[[:space:]]*$1 \"\(.*\)\";\$/\1/p" | sed -n 1p
}

dump_file() { # CONFIGURATION -> where `rndc stats` writes
  file=$(printf '%s\n' "$1" | option_value statistics-file)
  case ${file:=named.stats} in
  /*) printf '%s\n' "$file" ;;
  *) printf '%s\n' "$(printf '%s\n' "$1" | option_value directory)/$file" ;;
  esac
}

last_dump() { # FILE -> what counts of the last dump in it
  tail -c 1000000 "$1" | awk '
    /^[+][+][+] Statistics Dump/ { kept = "" }
    /^[+][+] / { rcodes = /Outgoing Rcodes/ }
    /^[+][+][+] / || /DNSSEC validation failed/ || rcodes && $1 ~ /^[0-9]+$/ {
      kept = kept "dump " $0 "\n"
    }
    END { printf "%s", kept }'
}

engine_counters() { # sets counted: "json TEXT", else "boot TIME" and "dump LINE" lines
  text=$(configuration)
  url=$(printf '%s\n' "$text" | channel)
  if [ -n "$url" ]; then
    counted=$(fetch "$url" | tr -d '\n')
    [ -n "$counted" ] || because "named's statistics channel $url does not answer" || return 1
    counted="json $counted"
    return 0
  fi
  file=$(dump_file "$text")
  [ -f "$file" ] || because "named has no statistics-channels, and there is no $file" || return 1
  control status || because "named does not answer rndc: $said" || return 1
  counted="$(printf '%s\n' "$said" | sed -n 's/^boot time: /boot /p')$nl$(last_dump "$file")"
}
