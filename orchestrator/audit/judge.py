"""What weakens validation on one host: what its engine finds, and what is alike on all. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from shlex import quote
from typing import NamedTuple

import dns.exception
import dns.rdata

from orchestrator.chain.verify import tag_of
from orchestrator.engines import engine
from orchestrator.engines.mend import named
from orchestrator.engines.weak import Facts, Severity, Weakness, shown
from orchestrator.errors import BadInput
from orchestrator.fleet.inventory import Host
from orchestrator.model import HeldNta, HostReading, RunningNta
from orchestrator.names import zone_name
from orchestrator.rollout.answer import Examined
from orchestrator.tlds import delegated

CLOCK = 5.0  # seconds: signatures are made for seconds, and TSIG and guards go by them too
LATE = 150  # seconds after its end by which a guard that works has lifted an NTA
_OLDEST_ROOT = "19036"  # the root's key of 2010, revoked in January 2019
_FIRST = {"broken-config", "obsolete-option"}  # nothing else can be mended before
_READINESS = {"guard-scheduler"}  # what `ntactl fleet` tells: no danger to validation


class Finding(NamedTuple):
    """A weakness and the host that has it. `on_controller`: it is mended from here."""

    host: Host
    weakness: Weakness
    on_controller: bool = False


def findings(host: Host, seen: Examined, root_tags: Collection[int]) -> list[Finding]:
    """Everything on one host, what is worst first. `root_tags`: of the root's keys that count."""
    broken = _broken(seen.reading)
    of_engine = [
        one
        for one in engine(host.engine).weaknesses(host, seen.facts)
        if not (broken and one.rule == "not-loaded")  # nothing can be
        and not (one.rule == engine(host.engine).off_rule and _overridden(seen.reading))
    ]
    found = [
        *of_engine,
        *_ntas(host, seen, {one.rule for one in of_engine}),
        *_anchors(host, seen, root_tags),
        *_problems(seen.reading, {one.rule for one in of_engine}),
        *_version(host, seen),
        *_clock(seen.reading),
        *_managed(host, seen.facts),
    ]
    order = ("error", "warning", "note")
    found.sort(key=lambda one: (order.index(one.severity), one.rule not in _FIRST))
    here = [Finding(host, one) for one in found]
    return [*_overdue(host, seen.reading), *here]


def _overridden(reading: HostReading) -> bool:
    """Is validation off by an override of ntactl's, which has an end and a guard?"""
    return any(running.zone == "." and running.id for running in reading.running)


def _overdue(host: Host, reading: HostReading) -> Iterator[Finding]:
    for held in reading.held:
        if held.state != "ended" and held.ends_at.timestamp() + LATE < reading.at.timestamp():
            yield Finding(host, _late(held), on_controller=True)


def _late(held: HeldNta) -> Weakness:
    says = f"the NTA for {held.zone} is past its end, and its guard has not lifted it"
    ended = "its end is damaged" if held.damaged else f"its end was {held.ends_at:%Y-%m-%d %H:%M}Z"
    return Weakness(
        "nta-overdue", "error", says, (f"{held.id}: {ended}",), (f"ntactl revert {quote(held.id)}",)
    )


def _ntas(host: Host, seen: Examined, explained: set[str]) -> Iterator[Weakness]:
    foreign = [running for running in seen.reading.running if running.id is None]
    if engine(host.engine).off_rule in explained:
        foreign = [running for running in foreign if running.zone != "."]
    for running in foreign:
        yield (
            _permanent(host, seen.facts, running) if running.permanent else _foreign(host, running)
        )
    known = {running.zone for running in seen.reading.running}
    known |= {held.zone for held in seen.reading.held if held.state != "ended"}
    for zone in dict.fromkeys(map(_zone, seen.facts.said.get("insecure", ()))):
        if zone and zone not in known:
            yield _permanent(host, seen.facts, RunningNta(zone=zone, permanent=True))


def _zone(told: str) -> str:
    """A name that a host told, canonical; "" for one that no command may carry."""
    try:
        return zone_name(told)
    except BadInput:
        return ""


def _foreign(host: Host, running: RunningNta) -> Weakness:
    ends = running.expires
    when = f"it ends {ends:%Y-%m-%d %H:%M}Z by itself" if ends else "it has no end"
    says = f"{running.zone} is under an NTA that ntactl did not set: no reason, no ticket"
    mend = engine(host.engine).remove_commands(host, running.zone)
    return Weakness("foreign-nta", "error", says, (when,), mend)


def _permanent(host: Host, told: Facts, running: RunningNta) -> Weakness:
    zone = running.zone
    insecure = r"domain-insecure|validate-except|addNTA|set_insecure|\bnta\("
    lines = [line for line in told.having(named(zone)) if re.search(insecure, line.text)]
    says = f"the configuration makes {zone} insecure: no end, no reason, no ticket"
    evidence = shown(lines) or (f"{engine(host.engine).list_command(host)} lists it as permanent",)
    mend = engine(host.engine).unset_commands(host, told, zone) if zone != "." else ()
    return Weakness("nta-without-end", "error", says, evidence, mend)


def _tags(told: Facts) -> set[tuple[str, str]]:
    """Trust anchors as (owner, key tag), whichever way they were told; nonsense is left out."""
    pairs = set(told.tags) | {pair for record in told.keys if (pair := _tag(record))}
    return {(zone, tag) for owner, tag in pairs if (zone := _zone(owner))}


def _tag(record: str) -> tuple[str, str] | None:
    match = re.fullmatch(r"(\S+)\s+.*?\b(DS|DNSKEY)\s+(.*)", record.strip(), re.IGNORECASE)
    if match is None:
        return None
    owner = match[1].lower()
    try:
        rdata = dns.rdata.from_text("IN", match[2].upper(), match[3]).to_wire() or b""
    except (dns.exception.DNSException, ValueError):
        return None
    tag = int.from_bytes(rdata[:2], "big") if match[2].upper() == "DS" else tag_of(rdata)
    return (owner if owner.endswith(".") else f"{owner}.", str(tag))


def _broken(reading: HostReading) -> bool:
    return any(rule == "broken-config" for rule, _ in reading.problems)


def _anchors(host: Host, seen: Examined, root_tags: Collection[int]) -> Iterator[Weakness]:
    told, tags = seen.facts, _tags(seen.facts)
    if not tags and _broken(seen.reading):
        return
    for zone in sorted({owner for owner, _ in tags} - {"."}):
        yield _own_anchor(host, told, zone, sorted(tag for owner, tag in tags if owner == zone))
    of_root = {tag for owner, tag in tags if owner == "."}
    if "none" not in of_root:  # else its engine's finding says so
        yield from _root_anchors(of_root, root_tags)


def _own_anchor(host: Host, told: Facts, zone: str, tags: list[str]) -> Weakness:
    """An error for a TLD; below one it may be what makes an internal zone secure at all."""
    says = f"{zone} has a trust anchor of its own: it breaks when {zone} changes its key"
    lines = [
        one
        for one in told.having(rf"{_ANCHOR}.*{re.escape(zone[:-1])}")
        if "insecure" not in one.text
    ]
    evidence = shown(lines) or (f"tags {', '.join(tags)}",)
    if not delegated(zone):
        return Weakness("own-anchor", "note", says, evidence)
    mend = engine(host.engine).anchor_commands(host, told, zone)
    return Weakness("own-anchor", "error", says, evidence, mend)


_ANCHOR = r"(?:anchor|add(?:TA|DS)|static-|initial-|-keys)"


def _root_anchors(have: set[str], root_tags: Collection[int]) -> Iterator[Weakness]:
    wanted = {str(tag) for tag in root_tags}
    evidence = (f"here {_listed(have)}; current are {_listed(wanted)}",)
    if not have & wanted:
        says = "no current trust anchor for the root: nothing is validated, or nothing resolves"
        yield Weakness("root-anchor", "error", says, evidence)
    elif wanted - have:
        says = "a trust anchor of the root is missing: all breaks when the root signs with that key"
        yield Weakness("root-anchor", "warning", says, evidence)
    if _OLDEST_ROOT in have:
        says = "the root's key of 2010 is still trusted; it was revoked in 2019"
        yield Weakness("root-anchor", "warning", says, evidence)


def _listed(tags: set[str]) -> str:
    return ", ".join(sorted(tags)) or "none"


def _problems(reading: HostReading, explained: set[str]) -> Iterator[Weakness]:
    """What stands in ntactl's way, where no finding of the engine's says why."""
    why = {"broken-config": "obsolete-option", "daemon-down": "control-off"}
    for rule, message in reading.problems:
        if rule in _READINESS or why.get(rule) in explained or rule == "host-clock":
            continue
        yield Weakness(rule, "error", message, ())


def _version(host: Host, seen: Examined) -> Iterator[Weakness]:
    """CVE-2023-50387 and CVE-2023-50868 (KeyTrap): one answer could stop a validator for hours."""
    the_engine, version = engine(host.engine), seen.reading.version
    if not version or _numbers(version) >= _numbers(the_engine.sound_since):
        return
    package = seen.facts.package.partition(":")[2] or seen.facts.package or version
    if any(_fixed(package, first) for first in the_engine.patched):
        return
    says = f"before {the_engine.sound_since} one answer can stop all validation (CVE-2023-50387)"
    if not seen.facts.package:
        says += ", unless its maker has patched it: no package tells"
    # Of a distribution that is not in the table nobody knows here what it has patched.
    severity: Severity = "warning" if seen.facts.package and _known(package) else "note"
    evidence = f"{host.engine} {version}" + (f", package {package}" if seen.facts.package else "")
    yield Weakness("old-version", severity, says, (evidence,))


def _known(package: str) -> bool:
    """Is it Debian's, by its version? Ubuntu's and Red Hat's say so."""
    return not re.search(r"ubuntu|\.el\d|\.fc\d|\.amzn", package)


def _fixed(package: str, first: str) -> bool:
    """Is it the same distribution's package as `first`, or a later one?"""
    return re.sub(r"\d+$", "", package) == re.sub(r"\d+$", "", first) and (
        _numbers(package) >= _numbers(first)
    )


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def _clock(reading: HostReading) -> Iterator[Weakness]:
    if abs(reading.clock_offset) > CLOCK:
        says = "its clock is wrong: signatures are judged for another time"
        evidence = (f"{reading.clock_offset:+.0f} s from the controller's",)
        yield Weakness("clock", "error", says, evidence)


def _managed(host: Host, told: Facts) -> Iterator[Weakness]:
    dropin = engine(host.engine).dropin(host)
    folder = dropin.rpartition("/")[0]
    beside = tuple(path for path in told.managers if folder and path.startswith(f"{folder}/"))
    if beside:
        says = f"configuration management writes here: it must leave {dropin} alone"
        yield Weakness("managed-folder", "note", says, beside)
