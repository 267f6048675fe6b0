"""BIND 9: `rndc nta -force`, which named keeps over restarts by itself.

With -force, as named's own recheck drops the NTA of a zone that is still broken; the lifetime
(at most a week, rndc(8)) is a backstop behind the guard, as natural expiry flushes nothing.
Measured with 9.18.
"""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.engines.base import Mode, Preview, with_config
from orchestrator.fleet.inventory import Host
from orchestrator.model import Zone
from orchestrator.render import render

_OPTIONS = "/etc/bind/named.conf.options"


class Bind:
    """ISC BIND 9.18 and later."""

    name = "bind"

    def dropin(self, host: Host) -> str:  # noqa: ARG002 - named keeps its NTAs itself
        return ""

    def header(self) -> str:
        return ""

    def line(self, nta_id: str, zone: Zone) -> str:  # noqa: ARG002
        return ""

    def list_command(self) -> str:
        return "rndc nta -dump"

    def add_commands(self, host: Host, zone: Zone) -> tuple[str, ...]:
        return (
            with_config("named-checkconf", host, ""),
            f"rndc nta -force -lifetime $((ends_at - now + 300)) {zone}",
            f"rndc flushtree {zone}",
            "rndc nta -dump",
        )

    def renew_commands(self, host: Host, zone: Zone) -> tuple[str, ...]:
        return self.add_commands(host, zone)

    def preview(self, mode: Mode, zones: Sequence[Zone]) -> Preview:
        return _permanent(zones) if mode == "config" else _validation_off(zones)


def _permanent(zones: Sequence[Zone]) -> Preview:
    return Preview(
        text=render("bind/config-mode.j2", path=_OPTIONS, zones=zones),
        commands=("named-checkconf", "rndc reconfig", "rndc nta -dump"),
        dangers=(
            "it has no end: nothing takes it out when the zone is sound again",
            "validate-except may stand once only: a second statement breaks the configuration",
            "it belongs inside options { } or a view, where a file of ntactl's own cannot go",
            "rndc nta -remove undoes it until the next reconfig brings it back",
        ),
    )


def _validation_off(zones: Sequence[Zone]) -> Preview:
    return Preview(
        text=render("bind/override-mode.j2", zones=zones),
        commands=("rndc validation off", "rndc validation status"),
        dangers=(
            "no zone is validated any more: forged answers of every zone are passed on",
            "AD is gone from every answer, also of zones that are sound",
            "it has no end, and the next rndc reconfig silently turns validation on again",
        ),
    )
