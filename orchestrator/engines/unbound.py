"""Unbound: a drop-in that survives restarts, insecure_add for now, flush_zone to be felt.

Unbound's own manual (unbound-control(8), unbound.conf(5)) gives a runtime NTA no lifetime and
loses it on reload; both were measured with 1.17.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from orchestrator.engines.base import Mode, Preview, with_config
from orchestrator.engines.mend import commands, edits, named, substituted
from orchestrator.engines.weak import (
    Dialect,
    Facts,
    Line,
    Setting,
    Weakness,
    is_no,
    is_yes,
    shown,
    weak_settings,
)
from orchestrator.fleet.inventory import Host
from orchestrator.model import Statistics, Zone
from orchestrator.render import render
from orchestrator.tlds import delegated

DROPIN = "/etc/unbound/unbound.conf.d/ntactl-nta.conf"
_PERMANENT = "/etc/unbound/unbound.conf.d/insecure.conf"


class Unbound:
    """NLnet Labs Unbound 1.17 and later."""

    name = "unbound"
    shell = ("unbound/engine.sh",)
    cd_is_sure = True
    off_rule = "validation-permissive"
    sound_since = "1.19.1"
    patched = ("1.17.1-2+deb12u2", "1.13.1-1+deb11u2")

    def dropin(self, host: Host) -> str:
        return host.paths.dropin or DROPIN

    def header(self) -> str:
        return render("unbound/ntactl-nta.conf.j2").removesuffix("\n")

    def line(self, nta_id: str, zone: Zone) -> str:
        return render("unbound/line.j2", id=nta_id, zone=zone).removesuffix("\n")

    def list_command(self, host: Host) -> str:
        return f"{with_config('unbound-control', host)} list_insecure"

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
        pattern = rf"\bdomain-insecure:\s*{named(zone)}"
        edited = _taken_out(host, told, pattern)
        return (*edited, *self.remove_commands(host, zone)) if edited else ()

    def anchor_commands(self, host: Host, told: Facts, zone: Zone) -> tuple[str, ...]:
        name = re.escape(zone.removesuffix("."))
        pattern = rf"\btrust-anchor:\s*(?:\"{name}\.?\s[^\"]*\"|'{name}\.?\s[^']*')"
        edited = _taken_out(host, told, pattern)
        return (*edited, _reload(host, judged=True)) if edited else ()

    def weaknesses(self, host: Host, told: Facts) -> Iterator[Weakness]:
        yield from weak_settings(told, _SETTINGS, _dialect(host))
        yield from _local_zones(host, told)
        yield from _no_such_option(host, told)
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


def _check(host: Host) -> str:
    return with_config("unbound-checkconf", host, "")


def _reload(host: Host, *, judged: bool) -> str:
    control = with_config("unbound-control", host)
    return f"{_check(host)} && {control} {'reload' if judged else 'reload_keep_cache'}"


def _taken_out(host: Host, told: Facts, pattern: str) -> tuple[str, ...]:
    """Commands that take every place of a pattern out; () where no line shows the whole of one."""
    return commands(edits(told.having(pattern), substituted(pattern, "", "#")), _check(host))


def _written(host: Host, name: str, good: str, lines: Sequence[Line]) -> tuple[str, ...]:
    if name == "module-config":  # other modules stay
        change = substituted(r"\biterator\b", "validator iterator", "#")
    else:
        value = r"(?:\"[^\"]*\"|'[^']*'|[^\s#]+)"
        new = f"{name}: {good}" if good else ""
        change = substituted(rf"(?<![\w-]){name}:\s*{value}", new, "#")
    return commands(edits(lines, change), _check(host))


def _dialect(host: Host) -> Dialect:
    def write(name: str, good: str, lines: Sequence[Line]) -> tuple[str, ...]:
        return _written(host, name, good, lines)

    def reload(judged: bool) -> str:
        return _reload(host, judged=judged)

    return Dialect(lambda name: rf"(?<![\w-]){name}:", write, reload)


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
_ANSWERING = {"static", "deny", "refuse", "redirect", "inform_deny", "inform_redirect"}


def _local_zones(host: Host, told: Facts) -> Iterator[Weakness]:
    for value in told.runs.get("local-zone", ()):
        zone, _, kind = value.partition(" ")
        if not (kind in _ANSWERING or kind.startswith("always_")) or kind == "always_transparent":
            continue
        if not delegated(zone):
            continue
        pattern = rf"\blocal-zone:\s*{named(zone)}\s+[\"']?{kind}[\"']?"
        lines = told.having(pattern)
        edited = _taken_out(host, told, pattern)
        mend = (*edited, _reload(host, judged=False)) if edited or not lines else ()
        says = f"every name under {zone} is answered here ({kind}), as if the zone were empty"
        evidence = shown(lines) or ("set in the daemon alone",)
        yield Weakness("zone-answered-locally", "error", says, evidence, mend)


def _no_such_option(host: Host, told: Facts) -> Iterator[Weakness]:
    lines = told.having(r"(?<![\w-])val-override:")
    if lines:
        says = "there is no val-override: unbound does not start with it, and a SIGHUP kills it"
        edited = _written(host, "val-override", "", lines)
        mend = (*edited, _reload(host, judged=False)) if edited else ()
        yield Weakness("obsolete-option", "error", says, shown(lines), mend)


def _control(host: Host, told: Facts) -> Iterator[Weakness]:
    hang_up = "pkill -HUP -x unbound"  # checked before: with a mistake it would die of it
    if any(map(is_no, told.said.get("control-enable", ()))):
        lines = told.having(r"(?<![\w-])control-enable:")
        edited = _written(host, "control-enable", "yes", lines)
        says = "unbound-control is off: no NTA can be set or taken out"
        evidence = shown(lines) or ("it is off by default",)
        mend = (*edited, hang_up) if edited else ()
        yield Weakness("control-off", "error", says, evidence, mend)
    lines = told.having(r"(?<![\w-])control-use-cert:\s*[\"']?no")
    open_to = [one for one in told.said.get("control-interface", ()) if not _here(one)]
    if lines and open_to:
        says = f"whoever reaches {', '.join(open_to)} can control unbound"
        edited = _written(host, "control-use-cert", "yes", lines)
        mend = (*edited, hang_up) if edited else ()
        yield Weakness("control-open", "error", says, shown(lines), mend)


def _here(interface: str) -> bool:
    return interface == "lo" or interface.startswith(("/", "127.", "::1"))
