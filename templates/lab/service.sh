#!/bin/sh
# Start, stop or look at one daemon of this lab host, in place of systemd:
#   /etc/lab/service resolver|cron|sshd start|stop|restart|status
#   /etc/lab/service resolver forget ZONE    drop what it has cached at and below ZONE
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH

engine=$(cat /etc/lab/engine)

pidfile() {
    case $1 in
    cron) echo /run/crond.pid ;;
    sshd) echo /run/sshd.pid ;;
    resolver) if [ "$engine" = unbound ]; then echo /run/unbound.pid; else echo /run/named/named.pid; fi ;;
    *) echo "usage: service resolver|cron|sshd start|stop|restart|status" >&2; exit 2 ;;
    esac
}

alive() {
    file=$(pidfile "$1")
    [ -s "$file" ] && kill -0 "$(cat "$file")" 2>/dev/null
}

start() {
    alive "$1" && return 0
    case $1 in
    cron) cron ;;
    sshd) /usr/sbin/sshd ;;
    resolver) if [ "$engine" = unbound ]; then unbound; else named -u bind; fi ;;
    esac
}

stop() {
    alive "$1" || return 0
    pid=$(cat "$(pidfile "$1")")
    kill "$pid"
    tries=0
    while kill -0 "$pid" 2>/dev/null; do
        tries=$((tries + 1))
        [ "$tries" -lt 100 ] || { kill -9 "$pid"; break; }
        sleep 0.1
    done
    rm -f "$(pidfile "$1")"
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
    if [ "$engine" = unbound ]; then
        unbound-control flush_requestlist # or what asks now joins a chase of the old servers
        unbound-control flush_zone "$1"
        unbound-control flush_infra all # which servers did not answer
    else
        settle
        rndc flushtree "$1"
    fi
}

pidfile "${1:-}" >/dev/null
case ${2:-} in
start) start "$1" ;;
stop) stop "$1" ;;
restart) stop "$1"; start "$1" ;;
forget) forget "${3:?a zone}" ;;
status) if alive "$1"; then echo running; else echo stopped; exit 3; fi ;;
*) pidfile "" ;;
esac
