"""BIND 9: `rndc nta -force`, which named keeps over restarts by itself.

With -force, as named's own recheck drops the NTA of a zone that is still broken; the lifetime
(at most a week, rndc(8)) is a backstop behind the guard, as natural expiry flushes nothing.
Measured with 9.18.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from orchestrator.engines.base import Mode, Preview, with_config
from orchestrator.fleet.inventory import Host
from orchestrator.model import Statistics, Zone
from orchestrator.render import render

_OPTIONS = "/etc/bind/named.conf.options"


class Bind:
    """ISC BIND 9.18 and later."""

    name = "bind"
    shell = ("bind/engine.sh",)
    cd_is_sure = True

    def dropin(self, host: Host) -> str:  # noqa: ARG002 - named keeps its NTAs itself
        return ""

    def header(self) -> str:
        return ""

    def line(self, nta_id: str, zone: Zone) -> str:  # noqa: ARG002
        return ""

    def list_command(self) -> str:
        return "rndc nta -dump"

    def statistics(self, counted: Sequence[str]) -> Statistics:
        lines = [line.split(" ", 1) for line in counted]
        text = next((rest for word, rest in lines if word == "json"), None)
        if text is not None:
            return _of_channel(json.loads(text))
        boot = next(rest for word, rest in lines if word == "boot")
        dump = [rest.split(maxsplit=1) for word, rest in lines if word == "dump"]
        return _of_dump(datetime.strptime(boot, _BOOT).replace(tzinfo=UTC), dump)

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


_BOOT = "%a, %d %b %Y %H:%M:%S GMT"


def _of_channel(told: Mapping[str, Any]) -> Statistics:
    """The JSON of /json/v1/server; its "rcodes" are those of answers sent."""
    views = (view["resolver"]["stats"] for view in told["views"].values())
    return Statistics(
        since=told["boot-time"],
        at=told["current-time"],
        answers=sum(told["rcodes"].values()),
        servfail=told["rcodes"]["SERVFAIL"],
        failed_validations=sum(stats.get("ValFail", 0) for stats in views),
        source="named's statistics channel",
    )


def _of_dump(boot: datetime, dump: Sequence[Sequence[str]]) -> Statistics:
    """The last that somebody had `rndc stats` write, as (COUNT, WHAT) after its first line."""
    if not dump:
        return Statistics(error="named.stats holds no statistics")
    at = datetime.fromtimestamp(int(dump[0][1].rpartition("(")[2].rstrip(")")), UTC)
    if at < boot:
        return Statistics(error="named.stats is older than named's last start")
    failed = "DNSSEC validation failed"
    rcodes = {what: int(count) for count, what in dump[1:] if what != failed}
    return Statistics(
        since=boot,
        at=at,
        answers=sum(rcodes.values()),
        servfail=rcodes.get("SERVFAIL", 0),
        failed_validations=sum(int(count) for count, what in dump[1:] if what == failed),
        source="named.stats",
    )


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
