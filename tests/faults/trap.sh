# Stands on a lab host in front of a tool that ntactl's programs call ($name, really $real), and
# counts. At the call that is asked for it says which that is, and waits until it may go on.
d=/run/faults

begun() { # is a program past its guard, so that it writes into the configuration and the daemon?
  for step in /var/lib/ntactl/nta/*/step; do
    [ -e ${step%step}ends_at ] && read -r word <$step && [ "$word" = begun ] && return 0
  done 2>/dev/null
  return 1
}

counts() { # sets at. Does this call count?
  read -r at since <$d/armed || return 1
  [ "$since" != begun ] || begun
} 2>/dev/null

if [ -e $d/armed ] && counts; then
  # The two ends of a pipe count at once: empty means that another is just writing it.
  until read -r n <$d/count && [ "$n" ]; do :; done
  n=$((n + 1))
  echo $n >$d/count
  if [ "$n" -ge "$at" ] && /usr/bin/mkdir $d/struck 2>/dev/null; then
    printf '%s\n' "before command $n${since:+ since it had $since} ($name $*)" |
      /usr/bin/head -c 200 | /usr/bin/head -n 1 >$d/what.new
    /usr/bin/mv $d/what.new $d/what
    while [ -e $d/struck ] && [ ! -e $d/go ]; do /usr/bin/sleep 0.02; done
  fi
fi
case $name in
date) [ ! -e $d/clock ] || [ "$*" != +%s ] || {
  read -r offset <$d/clock
  echo $(($($real +%s) + offset))
  exit 0
} ;;
*-checkconf) [ ! -e $d/checker ] || [ "$1" = -o ] || [ "$1" = -px ] || {
  echo "the checker was made to fail"
  exit 1
} ;;
esac
exec $real "$@"
