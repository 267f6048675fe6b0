#!/bin/sh
# Start, stop or look at one daemon of this lab host, in place of systemd:
#   /etc/lab/service resolver|cron|sshd start|stop|restart|status
#   /etc/lab/service resolver forget ZONE    drop what it has cached at and below ZONE
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH

engine=$(cat /etc/lab/engine)
instances='1 2' # of kresd: Debian's kresd@1.service and kresd@2.service share a cache
daemons=$instances
if [ -x /usr/bin/knot-resolver ]; then # the manager of release 6 starts two workers itself
    instances='0 1' daemons=manager
fi

pidfiles() {
    case $1:$engine in
    cron:*) echo /run/crond.pid ;;
    sshd:*) echo /run/sshd.pid ;;
    resolver:unbound) echo /run/unbound.pid ;;
    resolver:bind) echo /run/named/named.pid ;;
    resolver:pdns) echo /run/pdns-recursor/pdns_recursor.pid ;;
    resolver:knot) for i in $daemons; do echo "/run/knot-resolver/$i.pid"; done ;;
    *) echo "usage: service resolver|cron|sshd start|stop|restart|status" >&2; exit 2 ;;
    esac
}

running() { # FILE
    [ -s "$1" ] && kill -0 "$(cat "$1")" 2>/dev/null
}

alive() { # do all of them run?
    for file in $(pidfiles "$1"); do
        running "$file" || return 1
    done
}

knot_daemon() { # N|manager: what Debian's kresd@.service or knot-resolver.service does
    running "/run/knot-resolver/$1.pid" && return 0
    rm -f "/run/knot-resolver/control/$1"
    cd /var/lib/knot-resolver
    if [ "$1" = manager ]; then
        set -- "$1" knot-resolver
    else
        set -- "$1" kresd -n -c /usr/lib/*/knot-resolver/distro-preconfig.lua \
            -c /etc/knot-resolver/kresd.conf
    fi
    file=/run/knot-resolver/$1.pid SYSTEMD_INSTANCE=$1
    shift
    export SYSTEMD_INSTANCE
    setpriv --reuid knot-resolver --regid knot-resolver --clear-groups \
        --inh-caps -all,+net_bind_service,+setpcap --ambient-caps -all,+net_bind_service,+setpcap \
        setsid "$@" </dev/null >>/var/log/knot-resolver/kresd.log 2>&1 &
    echo $! >"$file"
}

listening() { # waits until each instance has its control socket
    tries=0
    for i in $instances; do
        until [ -S "/run/knot-resolver/control/$i" ] || [ "$tries" -ge 100 ]; do
            tries=$((tries + 1))
            sleep 0.1
        done
    done
}

start_resolver() {
    case $engine in
    unbound) unbound ;;
    bind) named -u bind ;;
    pdns)
        pdns_recursor --daemon=yes --setuid=pdns --setgid=pdns --socket-dir=/run/pdns-recursor \
            >>/var/log/powerdns/recursor.log 2>&1
        ;;
    knot)
        for i in $daemons; do
            knot_daemon "$i"
        done
        listening
        ;;
    esac
}

start() {
    alive "$1" && return 0
    case $1 in
    cron) cron ;;
    sshd) /usr/sbin/sshd ;;
    resolver) start_resolver ;;
    esac
}

stop_one() { # FILE
    running "$1" || return 0
    pid=$(cat "$1")
    kill "$pid"
    tries=0
    while kill -0 "$pid" 2>/dev/null; do
        tries=$((tries + 1))
        [ "$tries" -lt 100 ] || { kill -9 "$pid"; break; }
        sleep 0.1
    done
    rm -f "$1"
}

stop() {
    for file in $(pidfiles "$1"); do
        stop_one "$file"
    done
    [ "$1:$engine" != resolver:knot ] || rm -f /run/knot-resolver/control/*
}

# BIND chases a zone without keys for some 10 s, and what asks again joins that old chase.
settle() {
    tries=0
    while [ "$tries" -lt 50 ] && ! rndc status | grep -q '^recursive clients: 0/'; do
        tries=$((tries + 1))
        sleep 0.3
    done
}

forget() {
    case $engine in
    unbound)
        unbound-control flush_requestlist # or what asks now joins a chase of the old servers
        unbound-control flush_zone "$1"
        unbound-control flush_infra all # which servers did not answer
        ;;
    bind)
        settle
        rndc flushtree "$1"
        ;;
    pdns) rec_control wipe-cache "${1%.}$" ;;
    knot) rm -rf /var/cache/knot-resolver/*.mdb && stop resolver && start resolver ;;
    esac
}

pidfiles "${1:-}" >/dev/null
case ${2:-} in
start) start "$1" ;;
stop) stop "$1" ;;
restart) stop "$1"; start "$1" ;;
forget) forget "${3:?a zone}" ;;
status) if alive "$1"; then echo running; else echo stopped; exit 3; fi ;;
*) pidfiles "" ;;
esac
