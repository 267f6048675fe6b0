"""Knot Resolver 5 and 6: set_insecure in every instance, a file of Lua, cache.clear.

`trust_anchors.set_insecure` replaces the list as a whole, knows no lifetime, and is one process's
own, while the cache is shared, lies on the disk and outlives a restart. Measured with 5.6 and 6.5,
whose manager makes each instance's Lua of YAML.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from shlex import join, quote
from typing import Any

from orchestrator.engines import knot_yaml
from orchestrator.engines.base import Mode, Preview
from orchestrator.engines.mend import commands, edits, substituted
from orchestrator.engines.weak import Facts, Weakness, shown
from orchestrator.fleet.inventory import Host
from orchestrator.model import Statistics, Zone
from orchestrator.render import render
from orchestrator.tlds import delegated

_SOCKETS = "/run/knot-resolver/control"
_CONFIG = "/etc/knot-resolver/kresd.conf"


class Knot:
    """CZ.NIC Knot Resolver, with kresd.conf or YAML and a control socket for each instance."""

    name = "knot"
    shell = ("host/lua.sh", "knot/engine.sh")
    cd_is_sure = True
    off_rule = "validation-off"
    sound_since = "5.7.1"
    patched = ("5.6.0-1+deb12u1",)

    def dropin(self, host: Host) -> str:
        return host.paths.dropin

    def header(self) -> str:
        return render("knot/ntactl-nta.conf.j2").removesuffix("\n")

    def line(self, nta_id: str, zone: Zone) -> str:
        return render("knot/line.j2", id=nta_id, zone=zone).removesuffix("\n")

    def list_command(self, host: Host) -> str:  # noqa: ARG002
        return "trust_anchors.insecure"

    def statistics(self, counted: Sequence[str]) -> Statistics:
        lines = [line.split(" ", 1) for line in counted]
        told = [json.loads(rest.strip("'")) for word, rest in lines if word == "stats"]
        started = [int(rest) for word, rest in lines if word == "start"]
        at = next(int(rest) for word, rest in lines if word == "at")
        return Statistics(
            since=datetime.fromtimestamp(min(started), UTC),
            at=datetime.fromtimestamp(at, UTC),
            answers=sum(_answers(stats, "total") for stats in told),
            servfail=sum(_answers(stats, "servfail") for stats in told),
            source="kresd's stats.list()",
        )

    def add_commands(self, host: Host, zone: Zone) -> tuple[str, ...]:
        if zone == ".":
            off = ("trust_anchors.remove('.')", "cache.clear()", "trust_anchors.summary()")
            return tuple(_socat(host, lua) for lua in off)
        add = (
            f"l = trust_anchors.insecure; table.insert(l, '{zone}'); trust_anchors.set_insecure(l)"
        )
        wanted = (add, f"cache.clear('{zone}')", "trust_anchors.insecure")
        return tuple(_socat(host, lua) for lua in wanted)

    def renew_commands(self, host: Host, zone: Zone) -> tuple[str, ...]:  # noqa: ARG002
        return (_socat(host, "trust_anchors.insecure"),)  # it knows no end: that is the guard's

    def remove_commands(self, host: Host, zone: Zone) -> tuple[str, ...]:
        others = (
            "local l = {} for _, n in ipairs(trust_anchors.insecure) do "
            f'if (n .. "."):lower():gsub("[.]+$", ".") ~= "{zone}" then table.insert(l, n) end end'
        )
        take = f"(function() {others} trust_anchors.set_insecure(l) end)()"
        return (everywhere(host, take, f'cache.clear("{zone}")'),)

    def unset_commands(self, host: Host, told: Facts, zone: Zone) -> tuple[str, ...]:
        lines = told.having(rf"(?:\bnta\s*\(|set_insecure).*{_quoted(zone)}")
        item = rf"(?<=[{{,])\s*{_quoted(zone)}\s*(?:,|(?=\}}))"
        one = rf"{item}|\bnta\s*\(\s*{_quoted(zone)}\s*\)"
        edited = commands(edits(lines, substituted(one, "", "--")))
        edited = (*edited, *knot_yaml.unlisted(told, zone))
        anew = (*knot_yaml.loaded(told), *self.remove_commands(host, zone))
        return (*edited, *anew) if edited else ()

    def anchor_commands(self, host: Host, told: Facts, zone: Zone) -> tuple[str, ...]:
        name = re.escape(zone.removesuffix("."))
        call = rf"trust_anchors\.add\s*\(\s*(?:'{name}\.?\s[^']*'|\"{name}\.?\s[^\"]*\")\s*\)"
        edited = commands(edits(told.having(call), substituted(call, "", "--")))
        edited = (*edited, *knot_yaml.unanchored(told, zone))
        forget = (f'trust_anchors.remove("{zone}")', f'cache.clear("{zone}")')
        return (*edited, *knot_yaml.loaded(told), everywhere(host, *forget)) if edited else ()

    def weaknesses(self, host: Host, told: Facts) -> Iterator[Weakness]:
        yield from _no_root(host, told)
        yield from _no_validator(host, told)
        yield from _local(host, told)
        yield from _denied(told)
        yield from _no_stale(told)

    def preview(self, mode: Mode, zones: Sequence[Zone]) -> Preview:
        return _permanent(zones) if mode == "config" else _no_anchor(zones)


def _permanent(zones: Sequence[Zone]) -> Preview:
    return Preview(
        text=render("knot/config-mode.j2", path=_CONFIG, zones=zones),
        commands=(
            "systemctl restart 'kresd@*'  # release 6: negative-trust-anchors, kresctl reload",
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


# kresd's control sockets want a program that can talk to one; one that is left behind has nobody.
_PERL = (
    "my ($at, @lua) = @ARGV; my $to = IO::Socket::UNIX->new(Peer => $at); "
    'exit !$!{ECONNREFUSED} unless $to; syswrite $to, "__binary\\n"; sysread $to, my $first, 2; '
    'for (@lua) { syswrite $to, "$_\\n"; sysread $to, my $size, 4; '
    'my $left = unpack "N", $size or next; sysread $to, my $said, $left; '
    "die $said unless $said =~ /^(true|false|nil|[0-9]+)?\\s*$|^[{\\x27]/ }"
)


def _socat(host: Host, lua: str) -> str:
    """For one instance's socket (release 6 begins with 0); the others are asked alike."""
    return f'echo "{lua}" | socat - UNIX-CONNECT:{_SOCKETS}/{host.instance or 1}'


def everywhere(host: Host, *lua: str) -> str:
    """A command that tells every instance of the entry, and fails where one complains."""
    talk = f"perl -MErrno -MIO::Socket::UNIX -e {quote(_PERL)} $s {join(lua)}"
    which = f"{_SOCKETS}/{host.instance or '*'}"
    return f"( for s in {which}; do {talk} || exit 1; done )"


def _answers(stats: dict[str, Any], name: str) -> int:
    """Counters of stats.list(), flat in release 5 and in groups in release 6."""
    return int(stats["answer"][name] if "answer" in stats else stats[f"answer.{name}"])


def _anew(host: Host, told: Facts, *lua: str) -> tuple[str, ...]:
    """The same in the instances, by Lua in release 5; and what was cached meanwhile goes."""
    loaded = knot_yaml.loaded(told)
    return (*loaded, everywhere(host, *(() if loaded else lua), "cache.clear()"))


def _quoted(zone: Zone) -> str:
    name = re.escape(zone.removesuffix("."))
    return rf"(?:'{name}\.?'|\"{name}\.?\")"


def _no_root(host: Host, told: Facts) -> Iterator[Weakness]:
    if (".", "none") not in told.tags:
        return
    lines = told.having(r"trust_anchors\.(?:remove|add|add_file)\b")
    last = max((n for n, line in enumerate(lines) if "remove" not in line.text), default=-1)
    removed = lines[last + 1 :]
    files = [re.search(r"add_file\s*\(?\s*[\"']([^\"']+)", line.text) for line in lines]
    key = next((found[1] for found in reversed(files) if found), "/usr/share/dns/root.key")
    call = r"trust_anchors\.remove\s*\(?\s*[\"']\.[\"']\s*\)?"
    edited = commands(edits(removed, substituted(call, "", "--")))
    off = knot_yaml.switched_off(told)
    says = "an instance has no trust anchor for the root: nothing is validated there"
    evidence = shown([*removed, *off]) or ("taken out of the running daemon alone",)
    anew = _anew(host, told, f'trust_anchors.add_file("{key}", true)')
    edited = (*edited, *knot_yaml.switched_on(told))
    fits = re.fullmatch(r"[\w./-]+", key) and (edited or not (removed or off))
    yield Weakness("validation-off", "error", says, evidence, (*edited, *anew) if fits else ())


def _no_validator(host: Host, told: Facts) -> Iterator[Weakness]:
    modules = told.runs.get("modules", ())
    if all("validate" in listed.split() for listed in modules):
        return
    lines = told.having(r"modules\.unload\b.*validate")
    call = r"modules\.unload\s*\(?\s*[\"']validate[\"']\s*\)?"
    edited = commands(edits(lines, substituted(call, "", "--")))
    says = "an instance runs without the module `validate`: nothing is validated there"
    mend = (*edited, *_anew(host, told, 'modules.load("validate")')) if edited or not lines else ()
    yield Weakness("validation-off", "error", says, shown(lines), mend)


def _no_stale(told: Facts) -> Iterator[Weakness]:
    """Where it goes in a program, or in YAML, is for a person to say."""
    modules = told.runs.get("modules", ())
    if modules and not all("serve_stale" in listed.split() for listed in modules):
        says = "nothing bridges an outage (RFC 8767)"
        yield Weakness("serve-stale-off", "note", says, ("no module serve_stale",))


def _local(host: Host, told: Facts) -> Iterator[Weakness]:
    lines = told.having(r"ALLOW_LOCAL[\"']?\s*,\s*true")
    yaml = knot_yaml.loopback(told)
    if lines or yaml or "true" in told.runs.get("local", ()):
        says = "referrals may lead to this host itself"
        edited = commands(
            edits(lines, substituted(r"(ALLOW_LOCAL[\"']\s*,\s*)true", r"\1false", "--"))
        )
        edited = (*edited, *knot_yaml.no_loopback(told))
        evidence = shown([*lines, *yaml]) or ("set in the running daemon alone",)
        off = knot_yaml.loaded(told) or (everywhere(host, 'option("ALLOW_LOCAL", false)'),)
        mend = (*edited, *off) if edited or not (lines or yaml) else ()
        yield Weakness("queries-localhost", "warning", says, evidence, mend)


def _denied(told: Facts) -> Iterator[Weakness]:
    """Only a person can tell how a rule is taken out of a program; and kresd has no checker."""
    for line in told.having(r"policy\.suffix\s*\(\s*policy\.DENY"):
        names = re.findall(r"[\"']([a-z0-9.-]+)[\"']", line.text, re.IGNORECASE)
        zones = [name for name in names if delegated(f"{name.lower().rstrip('.')}.")]
        if zones:
            says = f"every name under {' '.join(zones)} is denied here"
            yield Weakness("zone-answered-locally", "error", says, (str(line),))
