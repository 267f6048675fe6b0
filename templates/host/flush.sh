# shellcheck shell=sh disable=SC2034,SC2154
# Drops what the resolver has cached at a zone and below. No NTA comes or goes, so nothing is guarded.
# Set by the program: zone.

generation=0 # a flush that comes late undoes nothing: it is fenced off by nobody, and fences nobody off

half_done() { # RULE MESSAGE: from its first step on nobody knows what is gone
  trap '' TERM INT
  send 6 "$(receipt stuck "$1" "$2; part of it may be dropped")"
}

interrupted() {
  [ "$step" = flush ] || refuse interrupted "stopped by a signal at step $step"
  half_done interrupted 'stopped by a signal in the middle'
}

flush() {
  alone
  step=flush
  tools_there || refuse engine-missing "$why"
  engine_alive || refuse daemon-down "$why"
  engine_flush "$zone" || half_done flush-failed "$why"
  trap '' TERM INT
  send 0 "$(receipt flushed '' "$(engine_dropped)")"
}

flush
