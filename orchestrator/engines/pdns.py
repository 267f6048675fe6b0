"""PowerDNS Recursor: rec_control for now, a file of Lua for every start, wipe-cache 'ZONE$'.

rec_control's add-nta has no lifetime, and `reload-lua-config` and restarts drop what it set; both
keep what the lua-config-file says with addNTA. Measured with 4.8.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from orchestrator.engines.base import Mode, Preview
from orchestrator.engines.weak import (
    Dialect,
    Facts,
    Setting,
    Weakness,
    bre,
    files_of,
    is_no,
    name_pattern,
    sed,
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
    sound_since = "4.8.6"
    patched = ()
    cd_is_sure = False  # 4.8 follows no delegation whose proof is bogus, with CD neither

    def dropin(self, host: Host) -> str:
        return host.paths.dropin

    def header(self) -> str:
        return render("pdns/ntactl-nta.lua.j2").removesuffix("\n")

    def line(self, nta_id: str, zone: Zone) -> str:
        return render("pdns/line.j2", id=nta_id, zone=zone).removesuffix("\n")

    def list_command(self) -> str:
        return "rec_control get-ntas"

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
        return self._without(host, told, "add(TA|DS)", zone)

    def _without(self, host: Host, told: Facts, call: str, zone: Zone) -> tuple[str, ...]:
        """Take calls of a function for a zone out of the Lua; what rec_control set goes, too."""
        lines = told.having(rf"\b{call}\s*[({{]?\s*{name_pattern(zone)}")
        name = call.replace("(", r"\(").replace("|", r"\|").replace(")", r"\)")
        quoted = bre(zone).replace('"', "[\"']")
        cut = rf"s/\<{name}[[:space:]]*[({{]\{{0,1\}}[[:space:]]*{quoted}[^)}}]*[)}}]\{{0,1\}}//I"
        control = _control("rec_control", host)
        wipe = f"{control} wipe-cache '{_typed(zone)}$'"
        return (*(sed(cut, each) for each in files_of(lines)), f"{control} reload-lua-config", wipe)

    def weaknesses(self, host: Host, told: Facts) -> Iterator[Weakness]:
        yield from weak_settings(told, _SETTINGS, _dialect(host))
        if lines := told.having(r"\bclear(TA|DS)\s*\("):
            cut = r"s/\<clear\(TA\|DS\)[[:space:]]*([^)]*)//"
            edits = (sed(cut, file) for file in files_of(lines))
            control = _control("rec_control", host)
            says = "trust anchors are taken away: what hangs on them is not validated"
            mend = (*edits, f"{control} reload-lua-config", f"{control} wipe-cache '.$'")
            yield Weakness("anchor-removed", "error", says, shown(lines), mend)

    def preview(self, mode: Mode, zones: Sequence[Zone]) -> Preview:
        return _permanent(zones) if mode == "config" else _validation_off(zones)


def _typed(zone: Zone) -> str:
    """As rec_control takes it."""
    return zone.removesuffix(".") or "."


def _control(command: str, host: Host) -> str:
    folder = host.paths.config.rpartition("/")[0]
    return f"{command} --config-dir={folder}" if folder else command


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
    main = host.paths.config or "/etc/powerdns/recursor.conf"

    def write(name: str, good: str, file: str) -> str:
        return sed(rf"s/^[[:space:]]*{name}[[:space:]]*=.*/{name}={good}/", file)

    def add(name: str, good: str) -> str:
        return f"echo {name}={good} >> {main}"

    def reload(judged: bool) -> str:  # noqa: ARG001 (a restart empties the cache)
        return "service pdns-recursor restart"

    return Dialect(r"^\s*NAME\s*=", write, add, reload, at_run_time=False)


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
