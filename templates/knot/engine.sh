# shellcheck shell=sh disable=SC2034,SC2154
# An NTA in Knot Resolver: trust_anchors.set_insecure replaces the whole list, in each instance by
# itself, and only cache.clear makes it felt; a file of Lua that the configuration reads keeps it over
# restarts. It takes none for the root: there the trust anchors go, and are kept for the way back.
# The control sockets give no codes, only text (5.6, 6.5). Set above: config, instance (or empty).

engine_tools='kresd perl'
engine_places=/etc/knot-resolver
engine_lines='^(--.*|local function nta[(]zone[)] .*|(nta|trust_anchors[.]remove)[(]"[a-z0-9._-]+"[)] -- # ntactl [a-z0-9-]+)$'
sockets=/run/knot-resolver/control

# One request in the binary form: a length of 4 bytes stands before the answer.
# shellcheck disable=SC2016
talk='use strict; use Errno; use IO::Socket::UNIX; alarm 20; $| = 1;
my $to = IO::Socket::UNIX->new(Peer => $ARGV[0]);
unless ($to) { print "$ARGV[0]: $!\n"; exit($!{ECONNREFUSED} ? 3 : 1) }
sub get { my ($left, $got) = (@_, "");
  while ($left) { my $n = sysread $to, my $part, $left or die "$ARGV[0]: closed\n";
    $got .= $part; $left -= $n } $got }
syswrite $to, "__binary\n"; get(2); syswrite $to, "$ARGV[1]\n"; print get(unpack "N", get(4));'

instances() { # -> the control socket of each, or of the one that the inventory names
  for each in "$sockets"/${instance:-*}; do
    [ ! -S "$each" ] || printf '%s\n' "$each"
  done
}

tell() { # SOCKET LUA: one instance; sets said; 3: none listens there
  said=$(perl -e "$talk" "$1" "$2" 2>&1 </dev/null) || return
  case $said in
  '' | nil | "'"* | '{'*) ;; # nothing, a text or a table; all else is Lua's complaint
  *) return 1 ;;
  esac
}

# An instance that was killed leaves its socket behind. It holds nothing, and stands in nobody's way.
everyone() { # LUA: every instance that runs, whatever another says; sets count, and answers
  answers='' count=0 complaint=''
  for socket in $(instances); do
    tell "$socket" "$1"
    case $? in
    0) answers=$answers$said$nl count=$((count + 1)) ;;
    3) ;;
    *) complaint="$complaint $socket: ${said:-no answer}" ;;
    esac
  done
  said=${complaint# }
  [ -z "$said" ] || return 1
  [ "$count" -gt 0 ] || { said="no instance listens in $sockets" && return 1; }
}

engine_remember() { # its sockets have fixed names; an override takes the root's anchors away
  [ "$zone" = . ] || return 0
  everyone "trust_anchors.summary()" || because "kresd does not tell its trust anchors: $said" || return 1
  kept_anchors=$(root_records)
  [ -n "$kept_anchors" ] || because "kresd tells no trust anchors of the root to keep" || return 1
  put "$base/nta/$id/snapshot/anchors" 600 "$kept_anchors"
}

root_records() { # -> the root's anchors as kresd tells them, each once
  echo "$answers" | tr -d "'" | grep -E "^[.][[:blank:]].*[[:blank:]](DS|DNSKEY)[[:blank:]]" | sort -u
}

names() { # standard input, lists as tojson gives them -> names as ntactl writes them
  tr 'A-Z[]{}",'"'" 'a-z       ' | tr ' ' '\n' | awk 'NF { sub(/\.*$/, "", $1); print $1 "." }'
}

engine_version() {
  everyone 'package_version()'
  printf '%s' "$answers" | tr -d "'" | sed -n 1p
}

engine_alive() { everyone worker.id || because "kresd does not answer on its control socket: $said"; }

six() { # since release 6 a manager reads YAML, and starts each kresd on Lua that it makes of that
  command -v kresctl >/dev/null 2>&1
}

main_file() { # -> the configuration
  main=kresd.conf
  ! six || main=config.yaml
  echo "${config:-$engine_places/$main}"
}

engine_checks() { # kresd has none, its manager has; what is written is of a fixed form, and read back
  ! six || said=$(cd / && bounded 60 kresctl validate "$(main_file)" 2>&1) || because "kresctl validate: $said"
}

configured() {
  tool="cat"
  ! six || tool="bounded 60 kresctl convert"
  { cd / && $tool "$(main_file)" 2>/dev/null; } | lua_program # kresctl fails where its folder is gone
}

each_list() { # -> the zones of each instance, each zone once an instance
  printf '%s' "$answers" | while IFS= read -r list; do
    printf '%s\n' "$list" | names | sort -u
  done
}

engine_running() { # "partial": some instances have it, and some do not
  everyone "tojson((function() $(others .) if not trust_anchors.keysets[\"\\0\"] then table.insert(l, \".\") end return l end)())" || return 1
  kept_lua=$(configured)
  counts=$(each_list | sort | uniq -c)
  printf '%s\n' "$counts" | awk -v all="$count" 'NF && $1 >= all { print $2 }' | kinds "$kept_lua"
  printf '%s\n' "$counts" | awk -v all="$count" 'NF && $1 < all { print $2, "partial" }'
}

engine_sets() { # ZONE: does standard input, a piece of configuration, make it insecure?
  if [ "$1" = . ]; then # unless it adds others further down
    uncommented | tr "\n" " " | sed "s/.*trust_anchors[.]add//" |
      grep -Eq "trust_anchors[.]remove[[:space:]]*[(]?[[:space:]]*[\"'][.][\"']"
    return
  fi
  name=$(printf '%s\n' "${1%.}" | sed 's/[.]/[.]/g')
  uncommented | tr '\n' ' ' |
    grep -Eqi "(nta[(]|set_insecure[[:space:]]*[(]?[[:space:]]*[{][^}]*)[\"']${name}[.]?[\"']"
}

engine_anchors() { # -> zones with a positive trust anchor here; the root's are said "."
  everyone 'trust_anchors.summary()' || return 0
  printf '%s\n' "$answers" | awk '/[ \t](DS|DNSKEY)[ \t]/ { print $1 }' | tr -d "'" | names | sort -u
}

others() { # ZONE -> Lua: the list without that zone, however it is written there, called l
  printf '%s' "local l = {} for _, n in ipairs(trust_anchors.insecure) do " \
    "if (n .. '.'):lower():gsub('[.]+\$', '.') ~= '$1' then table.insert(l, n) end end"
}

without_anchors() {
  everyone "(function() trust_anchors.remove(\".\") end)()" || because "kresd's trust_anchors.remove: $said"
}

anchors_back() { # the root's, as they were, in each instance that has none; a second add drops the first
  kept_anchors=$(sed "s/\$/\\\\n/" "$base/nta/$id/snapshot/anchors" 2>/dev/null | tr -d "\n")
  [ -n "$kept_anchors" ] || because "the root's trust anchors were not kept: restart kresd" || return 1
  everyone "(function() if not trust_anchors.keysets[\"\\0\"] then trust_anchors.add(\"$kept_anchors\") end end)()" || because "kresd's trust_anchors.add: $said"
}

engine_add() { # ZONE ENDS: read, changed and written in one go, then read back
  [ "$1" != . ] || { without_anchors; return; }
  everyone "(function() $(others "$1") table.insert(l, '$1') trust_anchors.set_insecure(l) end)()" || because "kresd's set_insecure: $said"
}

engine_remove() { # ZONE
  [ "$1" != . ] || { anchors_back; return; }
  everyone "(function() $(others "$1") trust_anchors.set_insecure(l) end)()" || because "kresd's set_insecure: $said"
}

engine_flush() { # ZONE: at once, not in the background; instances share a cache, but need not
  rounds=0 cleared=''
  while :; do
    everyone "cache.clear('$1', false, nil, 10000)" || because "kresd's cache.clear: $said" || return 1
    rounds=$((rounds + 1)) cleared=$cleared$answers
    case $answers in
    *chunk_limit*) [ "$rounds" -lt 100 ] || because "kresd's cache.clear finds no end" || return 1 ;;
    *) return 0 ;;
    esac
  done
}

engine_dropped() { # what the first instance cleared of a shared cache, the next does not find
  printf '%s' "$cleared" | tr -d "[]',=" | awk '$1 == "count" { n += $2 } END { print n + 0, "records" }'
}
