"""Knot Resolver 5: set_insecure in every instance, a file of Lua for every start, cache.clear.

`trust_anchors.set_insecure` replaces the list as a whole, knows no lifetime, and is one process's
own, while the cache is shared, lies on the disk and outlives a restart. Measured with 5.6.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from orchestrator.engines.base import Mode, Preview
from orchestrator.fleet.inventory import Host
from orchestrator.model import Statistics, Zone
from orchestrator.render import render

# One instance's socket; the others are asked alike.
_SOCAT = "socat - UNIX-CONNECT:/run/knot-resolver/control/1"
_CONFIG = "/etc/knot-resolver/kresd.conf"


class Knot:
    """CZ.NIC Knot Resolver 5, with kresd.conf and a control socket for each instance."""

    name = "knot"
    shell = ("host/lua.sh", "knot/engine.sh")
    cd_is_sure = True

    def dropin(self, host: Host) -> str:
        return host.paths.dropin

    def header(self) -> str:
        return render("knot/ntactl-nta.conf.j2").removesuffix("\n")

    def line(self, nta_id: str, zone: Zone) -> str:
        return render("knot/line.j2", id=nta_id, zone=zone).removesuffix("\n")

    def list_command(self) -> str:
        return "trust_anchors.insecure"

    def statistics(self, counted: Sequence[str]) -> Statistics:
        lines = [line.split(" ", 1) for line in counted]
        told = [json.loads(rest.strip("'")) for word, rest in lines if word == "stats"]
        started = [int(rest) for word, rest in lines if word == "start"]
        at = next(int(rest) for word, rest in lines if word == "at")
        return Statistics(
            since=datetime.fromtimestamp(min(started), UTC),
            at=datetime.fromtimestamp(at, UTC),
            answers=sum(stats["answer.total"] for stats in told),
            servfail=sum(stats["answer.servfail"] for stats in told),
            source="kresd's stats.list()",
        )

    def add_commands(self, host: Host, zone: Zone) -> tuple[str, ...]:  # noqa: ARG002
        add = (
            f"l = trust_anchors.insecure; table.insert(l, '{zone}'); trust_anchors.set_insecure(l)"
        )
        wanted = (add, f"cache.clear('{zone}')", "trust_anchors.insecure")
        return tuple(f'echo "{lua}" | {_SOCAT}' for lua in wanted)

    def renew_commands(self, host: Host, zone: Zone) -> tuple[str, ...]:  # noqa: ARG002
        return (
            f'echo "trust_anchors.insecure" | {_SOCAT}',
        )  # it knows no end: that is the guard's

    def preview(self, mode: Mode, zones: Sequence[Zone]) -> Preview:
        return _permanent(zones) if mode == "config" else _no_anchor(zones)


def _permanent(zones: Sequence[Zone]) -> Preview:
    return Preview(
        text=render("knot/config-mode.j2", path=_CONFIG, zones=zones),
        commands=(
            "systemctl restart 'kresd@*'",
            *(f"cache.clear('{zone}')" for zone in zones),
            "trust_anchors.insecure",
        ),
        dangers=(
            "it has no end: nothing takes it out when the zone is sound again",
            "set_insecure replaces what was set before it in the file",
            "kresd has no checker: with a mistake in the file no instance starts",
            "the cache outlives a restart: bogus answers stay until cache.clear",
        ),
    )


def _no_anchor(zones: Sequence[Zone]) -> Preview:
    return Preview(
        text=render("knot/override-mode.j2", zones=zones),
        commands=("trust_anchors.remove('.')", "cache.clear()", "trust_anchors.summary()"),
        dangers=(
            "no zone is validated any more: forged answers of every zone are passed on",
            "it has no end, and the next restart of an instance silently turns it on again there",
            "the whole cache is dropped",
        ),
    )
