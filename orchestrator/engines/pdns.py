"""PowerDNS Recursor: rec_control for now, a file of Lua for every start, wipe-cache 'ZONE$'.

rec_control's add-nta has no lifetime, and `reload-lua-config` and restarts drop what it set; both
keep what the lua-config-file says with addNTA. Measured with 4.8.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from shlex import quote

from orchestrator.engines.base import Mode, Preview
from orchestrator.engines.mend import commands, edits, named, substituted
from orchestrator.engines.weak import (
    Dialect,
    Facts,
    Line,
    Setting,
    Weakness,
    is_no,
    shown,
    weak_settings,
)
from orchestrator.fleet.inventory import Host
from orchestrator.model import Statistics, Zone
from orchestrator.render import render

_LUA = "/etc/powerdns/recursor.lua"


class Pdns:
    """PowerDNS Recursor 4.8 and later, with recursor.conf."""

    name = "pdns"
    shell = ("host/lua.sh", "pdns/engine.sh")
    off_rule = ""
    sound_since = "4.8.6"
    patched = ()
    cd_is_sure = False  # 4.8 follows no delegation whose proof is bogus, with CD neither

    def dropin(self, host: Host) -> str:
        return host.paths.dropin

    def header(self) -> str:
        return render("pdns/ntactl-nta.lua.j2").removesuffix("\n")

    def line(self, nta_id: str, zone: Zone) -> str:
        return render("pdns/line.j2", id=nta_id, zone=zone).removesuffix("\n")

    def list_command(self, host: Host) -> str:
        return f"{_control('rec_control', host)} get-ntas"

    def statistics(self, counted: Sequence[str]) -> Statistics:
        """Of answers that the packet cache gave, `bogus` has none (PowerDNS' page on metrics)."""
        told = {name: int(value) for name, value in (line.split() for line in counted)}
        now = datetime.fromtimestamp(told["at"], UTC)
        rcodes = ("noerror-answers", "nxdomain-answers", "servfail-answers")
        return Statistics(
            since=now - timedelta(seconds=told["uptime"]),
            at=now,
            answers=sum(told[name] for name in rcodes),
            servfail=told["servfail-answers"],
            bogus=told["dnssec-result-bogus"],
            source="rec_control get-all",
        )

    def add_commands(self, host: Host, zone: Zone) -> tuple[str, ...]:
        name = _typed(zone)
        control = _control("rec_control", host)
        return (
            _control("pdns_recursor", host) + " --config=check",
            f"{control} add-nta {name} ntactl",
            f"{control} wipe-cache '{name}$'",
            f"{control} get-ntas",
        )

    def renew_commands(self, host: Host, zone: Zone) -> tuple[str, ...]:
        return self.add_commands(host, zone)

    def remove_commands(self, host: Host, zone: Zone) -> tuple[str, ...]:
        control, name = _control("rec_control", host), _typed(zone)
        return f"{control} clear-nta {name}", f"{control} wipe-cache '{name}$'"

    def unset_commands(self, host: Host, told: Facts, zone: Zone) -> tuple[str, ...]:
        return self._without(host, told, "addNTA", zone)

    def anchor_commands(self, host: Host, told: Facts, zone: Zone) -> tuple[str, ...]:
        if told.having(rf"\badd(?:TA|DS)\b.*{named(zone)}"):
            return self._without(host, told, "add(?:TA|DS)", zone)
        name, control = zone.removesuffix("."), _control("rec_control", host)
        return f"{control} clear-ta {name}", f"{control} wipe-cache '{name}$'"

    def _without(self, host: Host, told: Facts, call: str, zone: Zone) -> tuple[str, ...]:
        """Take calls of a function for a zone out of the Lua; () where a line has half of one."""
        pattern = rf"\b{call}\s*\(\s*{named(zone)}(?:\s*,\s*{_TEXT})*\s*\)"
        edited = self._edited(host, told.having(rf"\b{call}\b.*{named(zone)}"), pattern)
        wipe = f"{_control('rec_control', host)} wipe-cache '{_typed(zone)}$'"
        return (*edited, wipe) if edited else ()

    def _edited(self, host: Host, lines: Sequence[Line], pattern: str) -> tuple[str, ...]:
        """A reload refuses Lua with a mistake, and keeps what it has (4.8)."""
        reload = f"{_control('rec_control', host)} reload-lua-config"
        return commands(edits(lines, substituted(pattern, "", "--")), reload)

    def weaknesses(self, host: Host, told: Facts) -> Iterator[Weakness]:
        yield from weak_settings(told, _SETTINGS, _dialect(host))
        if lines := told.having(r"\bclear(?:TA|DS)\s*\("):
            says = "trust anchors are taken away: what hangs on them is not validated"
            edited = self._edited(host, lines, rf"\bclear(?:TA|DS)\s*\(\s*(?:{_TEXT})?\s*\)")
            mend = (*edited, f"{_control('rec_control', host)} wipe-cache '.$'") if edited else ()
            yield Weakness("anchor-removed", "error", says, shown(lines), mend)

    def preview(self, mode: Mode, zones: Sequence[Zone]) -> Preview:
        return _permanent(zones) if mode == "config" else _validation_off(zones)


def _typed(zone: Zone) -> str:
    """As rec_control takes it."""
    return zone.removesuffix(".") or "."


_TEXT = r"(?:\"[^\"]*\"|'[^']*')"


def _instance(host: Host) -> str:
    """NAME where the configuration is recursor-NAME.conf; "" for the only one."""
    found = re.search(r"/recursor-([^/]+)\.(?:conf|yml)$", host.paths.config)
    return found[1] if found else ""


def _control(command: str, host: Host) -> str:
    folder, name = host.paths.config.rpartition("/")[0], _instance(host)
    where = f" --config-dir={quote(folder)}" if folder else ""
    return command + where + (f" --config-name={quote(name)}" if name else "")


def _permanent(zones: Sequence[Zone]) -> Preview:
    return Preview(
        text=render("pdns/config-mode.j2", path=_LUA, zones=zones),
        commands=(
            "rec_control reload-lua-config",
            *(f"rec_control wipe-cache '{zone.removesuffix('.')}$'" for zone in zones),
            "rec_control get-ntas",
        ),
        dangers=(
            "it has no end: nothing takes it out when the zone is sound again",
            "reload-lua-config drops every NTA that rec_control set, of whomever",
            "--config=check does not read this file: a mistake shows at the next start",
            "answers that are cached as bogus stay until wipe-cache",
        ),
    )


def _validation_off(zones: Sequence[Zone]) -> Preview:
    return Preview(
        text=render("pdns/override-mode.j2", zones=zones),
        commands=("systemctl restart pdns-recursor", "rec_control get-parameter dnssec"),
        dangers=(
            "no zone is validated any more: forged answers of every zone are passed on",
            "it has no end, and it takes a restart to turn on and another to turn off",
            "the restart empties the cache",
        ),
    )


def _dialect(host: Host) -> Dialect:
    """Settings are lines NAME=VALUE, or YAML since release 5."""
    check = f"{_control('pdns_recursor', host)} --config=check"
    service = f"pdns-recursor{'@' * bool(_instance(host))}{_instance(host)}"

    def pattern(name: str) -> str:
        return rf"^\s*{name}\s*=|^\s*{_in_yaml(name)}\s*:"

    def write(name: str, good: str, lines: Sequence[Line]) -> tuple[str, ...]:
        def change(text: str) -> str:
            key, value = _in_yaml(name), _TRUE.get(good, good)
            text = re.sub(rf"^\s*{name}\s*=.*", f"{name}={good}", text)
            return re.sub(rf"^(\s*){key}\s*:.*", rf"\g<1>{key}: {value}", text)

        return commands(edits(lines, change), check)

    def reload(judged: bool) -> str:  # noqa: ARG001 (a restart empties the cache)
        return f"{check} && service {service} restart"

    return Dialect(pattern, write, reload, at_run_time=False)


_TRUE = {"yes": "true"}


def _in_yaml(name: str) -> str:
    return "validation" if name == "dnssec" else name.replace("-", "_")


def _long(value: str) -> bool:
    return value.isdecimal() and int(value) > 3600


_SETTINGS = (
    Setting(
        "dnssec",
        lambda value: value in {"off", "process-no-validate"},
        "validation-off",
        "error",
        "no answer is validated",
        "validate",
    ),
    Setting(
        "dnssec",
        lambda value: value in {"process", "log-fail"},
        "validation-on-demand",
        "error",
        "bogus answers are passed on to clients that do not ask for DNSSEC (AD or DO)",
        "validate",
    ),
    Setting(
        "signature-inception-skew", _long, "skew", "warning", "too much tolerance on times", "60"
    ),
    Setting(
        "extended-resolution-errors",
        is_no,
        "ede-off",
        "note",
        "clients are not told why (RFC 8914)",
        "yes",
    ),
    Setting(
        "serve-stale-extensions",
        lambda value: value == "0",
        "serve-stale-off",
        "note",
        "nothing bridges an outage (RFC 8767)",
        "1440",
    ),
)
