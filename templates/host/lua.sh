# shellcheck shell=sh disable=SC2034,SC2154
# Configuration that is a program in Lua (PowerDNS Recursor, Knot Resolver): what its text tells.
# The engine's own part gives configured and engine_sets.

# Too much is cut rather than too little: what is not seen here is taken out of the daemon at the end.
uncommented() { # standard input, Lua -> without comments; the "--" of xn--... begins none
  awk '/--\[=*\[/ { inside = 1 }
    !inside { sub(/(^|[^A-Za-z0-9])--.*/, ""); print }
    /\]=*\]/ { inside = 0 }'
}

lua_program() { # standard input -> what a start reads: this, and the files it names with dofile
  lua=$(uncommented)
  printf '%s\n' "$lua"
  printf '%s\n' "$lua" | dofiles | while read -r file; do
    uncommented <"$file"
  done
}

dofiles() { # standard input, Lua -> the files that it reads
  grep -Eo "dofile[^\"']*[\"'][^\"']+" | sed "s/.*[\"']//" | while read -r file; do
    [ ! -r "$file" ] || printf '%s\n' "$file"
  done
}

engine_keeps() { # ZONE: would the configuration alone make it insecure?
  configured | engine_sets "$1"
}

kinds() { # LUA: standard input, zones -> "ZONE config" where the Lua alone makes it insecure
  while read -r listed; do
    if printf '%s\n' "$1" | engine_sets "$listed"; then
      echo "$listed config"
    else
      echo "$listed runtime"
    fi
  done
}
