"""Unbound: a drop-in that survives restarts, insecure_add for now, flush_zone to be felt.

Unbound's own manual (unbound-control(8), unbound.conf(5)) gives a runtime NTA no lifetime and
loses it on reload; both were measured with 1.17.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from orchestrator.engines.base import Mode, Preview, with_config
from orchestrator.fleet.inventory import Host
from orchestrator.model import Statistics, Zone
from orchestrator.render import render

DROPIN = "/etc/unbound/unbound.conf.d/ntactl-nta.conf"
_PERMANENT = "/etc/unbound/unbound.conf.d/insecure.conf"


class Unbound:
    """NLnet Labs Unbound 1.17 and later."""

    name = "unbound"
    shell = ("unbound/engine.sh",)
    cd_is_sure = True

    def dropin(self, host: Host) -> str:
        return host.paths.dropin or DROPIN

    def header(self) -> str:
        return render("unbound/ntactl-nta.conf.j2").removesuffix("\n")

    def line(self, nta_id: str, zone: Zone) -> str:
        return render("unbound/line.j2", id=nta_id, zone=zone).removesuffix("\n")

    def list_command(self) -> str:
        return "unbound-control list_insecure"

    def statistics(self, counted: Sequence[str]) -> Statistics:
        return _statistics(dict(line.split("=", 1) for line in counted))

    def add_commands(self, host: Host, zone: Zone) -> tuple[str, ...]:
        checkconf = with_config("unbound-checkconf", host, "")
        control = with_config("unbound-control", host)
        return (
            checkconf,
            f"{with_config('unbound-checkconf -o domain-insecure', host, '')} | grep {zone}",
            f"{control} insecure_add {zone}",
            f"{control} flush_zone {zone}",
            f"{control} list_insecure",
        )

    def renew_commands(self, host: Host, zone: Zone) -> tuple[str, ...]:
        return self.add_commands(host, zone)

    def preview(self, mode: Mode, zones: Sequence[Zone]) -> Preview:
        return _permanent(zones) if mode == "config" else _permissive(zones)


_RCODE, _SERVFAIL = "num.answer.rcode.", "num.answer.rcode.SERVFAIL"


def _statistics(told: Mapping[str, str]) -> Statistics:
    """A bogus answer from the cache counts twice as SERVFAIL (1.17.1): queries tell how many."""
    if _SERVFAIL not in told:
        return Statistics(error="unbound counts no rcodes: extended-statistics is off")
    rcodes = [int(told[name]) for name in told if name.startswith(_RCODE) and name != _SERVFAIL]
    left = max(0, int(told["total.num.queries"]) - sum(rcodes))
    servfail = min(int(told[_SERVFAIL]), left)
    now = float(told["time.now"])
    return Statistics(
        since=datetime.fromtimestamp(now - _counting(told), UTC),
        at=datetime.fromtimestamp(now, UTC),
        answers=sum(rcodes) + servfail,
        servfail=servfail,
        bogus=int(told["num.answer.bogus"]),
        source="unbound-control stats_noreset",
    )


def _counting(told: Mapping[str, str]) -> float:
    """Seconds since counting began, at most: a reload begins anew and does not show (1.17.1)."""
    if told.get("statistics-cumulative") == "yes":
        return float(told["time.up"])
    interval = float(told.get("statistics-interval", "0"))
    elapsed = float(told["time.elapsed"])
    return min(elapsed, interval) if interval else elapsed


def _permanent(zones: Sequence[Zone]) -> Preview:
    return Preview(
        text=render("unbound/config-mode.j2", path=_PERMANENT, zones=zones),
        commands=(
            "unbound-checkconf",
            "unbound-control reload_keep_cache",
            *(f"unbound-control flush_zone {zone}" for zone in zones),
            "unbound-control status",
        ),
        dangers=(
            "it has no end: nothing takes it out when the zone is sound again",
            "every reload drops NTAs that others added at run time",
            "SIGHUP with a mistake in any file kills unbound; only unbound-control reload refuses",
            "answers that are cached as bogus stay until flush_zone",
        ),
    )


def _permissive(zones: Sequence[Zone]) -> Preview:
    return Preview(
        text=render("unbound/override-mode.j2", zones=zones),
        commands=(
            "unbound-control set_option val-permissive-mode: yes",
            "unbound-control flush_bogus",
            *(f"unbound-control flush_zone {zone}" for zone in zones),
            "unbound-control get_option val-permissive-mode",
        ),
        dangers=(
            "bogus answers of every zone are passed on, forged ones too",
            "it has no end, and the next reload or restart silently turns it off",
            "after turning it off, bad data stays cached and is served until flushed",
        ),
    )
