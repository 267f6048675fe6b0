"""Unbound: a drop-in that survives restarts, insecure_add for now, flush_zone to be felt.

Unbound's own manual (unbound-control(8), unbound.conf(5)) gives a runtime NTA no lifetime and
loses it on reload; both were measured with 1.17.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from shlex import quote

from orchestrator.engines.base import Mode, Preview, with_config
from orchestrator.engines.weak import (
    Dialect,
    Facts,
    Setting,
    Weakness,
    bre,
    files_of,
    is_no,
    is_yes,
    name_pattern,
    sed,
    shown,
    weak_settings,
)
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
    sound_since = "1.19.1"
    patched = ("1.17.1-2+deb12u2", "1.13.1-1+deb11u2")

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
        if zone == ".":
            return (checkconf, *_permissive_commands(control, "yes"))
        return (
            checkconf,
            f"{with_config('unbound-checkconf -o domain-insecure', host, '')} | grep {zone}",
            f"{control} insecure_add {zone}",
            f"{control} flush_zone {zone}",
            f"{control} list_insecure",
        )

    def renew_commands(self, host: Host, zone: Zone) -> tuple[str, ...]:
        return self.add_commands(host, zone)

    def remove_commands(self, host: Host, zone: Zone) -> tuple[str, ...]:
        control = with_config("unbound-control", host)
        if zone == ".":
            return _permissive_commands(control, "no")
        return f"{control} insecure_remove {zone}", f"{control} flush_zone {zone}"

    def unset_commands(self, host: Host, told: Facts, zone: Zone) -> tuple[str, ...]:
        cut = rf"s/domain-insecure:[[:space:]]*{bre(zone)}\([[:space:]]\|$\)//I"
        lines = told.having(rf"\bdomain-insecure:\s*{name_pattern(zone)}(\s|$)")
        return (*(sed(cut, file) for file in files_of(lines)), *self.remove_commands(host, zone))

    def anchor_commands(self, host: Host, told: Facts, zone: Zone) -> tuple[str, ...]:
        lines = told.having(rf"\btrust-anchor:\s*[\"']{name_pattern(zone)}\s")
        cut = rf's/trust-anchor:[[:space:]]*{bre(zone)}[[:space:]][^"]*"//I'
        edits = [sed(cut, file) for file in files_of(lines)]
        return (*edits, _dialect(host).reload(True)) if edits else ()

    def weaknesses(self, host: Host, told: Facts) -> Iterator[Weakness]:
        dialect = _dialect(host)
        yield from weak_settings(told, _SETTINGS, dialect)
        yield from _local_zones(told, dialect)
        yield from _no_such_option(told, dialect)
        yield from _control(host, told)

    def preview(self, mode: Mode, zones: Sequence[Zone]) -> Preview:
        return _permanent(zones) if mode == "config" else _permissive(zones)


def _permissive_commands(control: str, value: str) -> tuple[str, ...]:
    """The root's NTA: insecure_add of "." says ok and does nothing."""
    return (
        f"{control} set_option val-permissive-mode: {value}",
        f"{control} flush_zone .",
        f"{control} get_option val-permissive-mode",
    )


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


def _write(name: str, good: str, file: str) -> str:
    if name == "module-config":  # other modules stay
        return sed(rf"/^[^#]*{name}:/s/\<iterator\>/validator iterator/", file)
    value = r'\("[^"]*"\|[^[:space:]#]*\)'
    return sed(
        rf"/^[^#]*{name}:/s/\<{name}:[[:space:]]*{value}/{good and f'{name}: {good}'}/", file
    )


def _dialect(host: Host) -> Dialect:
    main = host.paths.config or "/etc/unbound/unbound.conf"
    control = with_config("unbound-control", host)
    checked = with_config("unbound-checkconf", host, "")

    def add(name: str, good: str) -> str:
        clause = "remote-control" if name.startswith("control") else "server"
        return f"printf '{clause}:\\n    {name}: {good}\\n' >> {quote(main)}"

    def reload(judged: bool) -> str:
        return f"{checked} && {control} {'reload' if judged else 'reload_keep_cache'}"

    return Dialect(r"\bNAME:", _write, add, reload)


def _over(most: int) -> Callable[[str], bool]:
    return lambda value: value.isdecimal() and int(value) > most


_SETTINGS = (
    Setting(
        "val-permissive-mode",
        is_yes,
        "validation-permissive",
        "error",
        "bogus answers of every zone are passed on",
        "no",
    ),
    Setting(
        "module-config",
        lambda value: "validator" not in value.split(),
        "validation-off",
        "error",
        "no answer is validated: the validator is not among the modules",
        "validator",
    ),
    Setting(
        "val-override-date",
        lambda value: value not in {"", "0"},
        "dates-ignored",
        "error",
        "signatures are judged for another time than now: expired ones are good",
    ),
    Setting(
        "harden-dnssec-stripped",
        is_no,
        "stripped-accepted",
        "error",
        "a zone whose signatures were taken away counts as insecure",
        "yes",
    ),
    Setting("val-sig-skew-min", _over(3600), "skew", "warning", "too much tolerance on times"),
    Setting("val-sig-skew-max", _over(86400), "skew", "warning", "too much tolerance on times"),
    Setting("ede", is_no, "ede-off", "note", "clients are not told why (RFC 8914)", "yes", False),
    Setting(
        "serve-expired",
        is_no,
        "serve-stale-off",
        "note",
        "nothing bridges an outage (RFC 8767)",
        "yes",
        False,
    ),
    Setting(
        "do-not-query-localhost",
        is_no,
        "queries-localhost",
        "warning",
        "referrals may lead to this host itself",
        "yes",
        False,
    ),
)
# list_local_zones also names zones that every resolver answers itself (RFC 6761, RFC 7686).
_OWN_ANSWERS = {"localhost.", "test.", "invalid.", "onion.", "local."}
_PASSING = {"transparent", "typetransparent", "inform", "nodefault"}


def _local_zones(told: Facts, dialect: Dialect) -> Iterator[Weakness]:
    for zone, kind in (value.split() for value in told.runs.get("local-zone", ())):
        if zone in _OWN_ANSWERS or kind in _PASSING:
            continue
        lines = told.having(rf"\blocal-zone:\s*{name_pattern(zone)}\s")
        cut = rf"s/local-zone:[[:space:]]*{bre(zone)}[[:space:]]*{kind}//I"
        yield Weakness(
            "zone-answered-locally",
            "error",
            f"every name under {zone} is answered here ({kind}), as if the zone were empty",
            shown(lines) or ("set in the daemon alone",),
            (*(sed(cut, file) for file in files_of(lines)), dialect.reload(False)),
        )


def _no_such_option(told: Facts, dialect: Dialect) -> Iterator[Weakness]:
    lines = told.having(r"\bval-override:")
    if lines:
        yield Weakness(
            "obsolete-option",
            "error",
            "there is no val-override: unbound does not start with it, and a SIGHUP kills it",
            shown(lines),
            (
                *(_write("val-override", "", file) for file in files_of(lines)),
                dialect.reload(False),
            ),
        )


def _control(host: Host, told: Facts) -> Iterator[Weakness]:
    hang_up = f"{with_config('unbound-checkconf', host, '')} && pkill -HUP -x unbound"
    if any(map(is_no, told.said.get("control-enable", ()))):
        lines = told.having(r"\bcontrol-enable:")
        write = [_write("control-enable", "yes", file) for file in files_of(lines)]
        yield Weakness(
            "control-off",
            "error",
            "unbound-control is off: no NTA can be set or taken out",
            shown(lines) or ("it is off by default",),
            (*(write or [_dialect(host).add("control-enable", "yes")]), hang_up),
        )
    lines = told.having(r"\bcontrol-use-cert:\s*[\"']?no")
    open_to = [one for one in told.said.get("control-interface", ()) if not _here(one)]
    if lines and open_to:
        yield Weakness(
            "control-open",
            "error",
            f"whoever reaches {', '.join(open_to)} can control unbound",
            shown(lines),
            (*(_write("control-use-cert", "yes", file) for file in files_of(lines)), hang_up),
        )


def _here(interface: str) -> bool:
    return interface.startswith(("/", "127.", "::1"))
