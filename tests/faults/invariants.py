"""What must hold whatever struck: pure, what the hosts say in, sentences of what is wrong out."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Any

from faults.hosts import BY_HAND, Seen

ZONE = "de."
LATE = 75  # seconds; a guard is woken each minute and may be late by so much
HOLDS = {"applied"}
HOLDS_NOT = {
    "apply": {"reverted", "undone", "refused", "unreachable", "planned", "left-alone"},
    "revert": {"reverted"},
}
NOTHING_LEFT = {"apply": {1, 4, 5}, "revert": {0}}
CODES = {"apply": {0, 1, 4, 5, 6, 7}, "revert": {0, 4, 6}}

Hosts = Mapping[str, Seen]


def always(hosts: Hosts, before: Hosts, forgetful: Collection[str]) -> list[str]:
    """At any moment. `forgetful` hosts may have lost what was set by hand at run time."""
    wrong = []
    for name, seen in hosts.items():
        if seen.up and ZONE in seen.zones and not seen.armed:
            wrong.append(f"{name} has an NTA without an armed guard")
        if not seen.checks:
            wrong.append(f"{name}: the engine's checker fails")
        spare = {BY_HAND} if name in forgetful else set()
        lost = set(before[name].zones) - set(seen.zones) - spare
        if seen.up and lost:
            wrong.append(f"{name} lost an NTA of somebody else: {' '.join(sorted(lost))}")
        late = [n for n, ends in seen.ends.items() if ends and ends + LATE < time.time()]
        if late and ZONE in seen.zones:
            wrong.append(f"{name} holds {late[0]} past its end")
    return wrong


def as_before(hosts: Hosts, before: Hosts, forgetful: Collection[str]) -> list[str]:
    """Every file with its bytes, mode and owner, and every NTA."""
    wrong = []
    for name, seen in hosts.items():
        was = before[name]
        odd = sorted(p for p in {*was.files, *seen.files} if was.files.get(p) != seen.files.get(p))
        wrong += [f"{name}: {p}: {was.files.get(p)} -> {seen.files.get(p)}" for p in odd]
        spare = {BY_HAND} if name in forgetful else set()
        if set(seen.zones) - spare != set(was.zones) - spare:
            wrong.append(f"{name} has NTAs {seen.zones}, before {was.zones}")
        if seen.ends:
            wrong.append(f"{name} still has {' '.join(seen.ends)} on its disk")
    return wrong


def reported(
    verb: str,
    code: int,
    report: Mapping[str, Any],
    hosts: Hosts,
    *,
    nta: str,
    unsure: Collection[str],
) -> list[str]:
    """Do exit code and report say what the hosts say? The fault changed `unsure` hosts since."""
    if code not in CODES[verb]:
        return [f"{verb} ended with exit {code}"]
    held = {name for name, seen in hosts.items() if seen.holds(nta, ZONE)}
    states = {host["host"]: host["state"] for host in report.get("hosts", [])}
    wrong = [
        f"{verb} says {name} is {state}, and it does not hold the NTA"
        for name, state in states.items()
        if state in HOLDS and verb == "apply" and name not in {*held, *unsure}
    ]
    wrong += [
        f"{verb} says {name} is {state}, and it holds the NTA"
        for name, state in states.items()
        if state in HOLDS_NOT[verb] and name in held
    ]
    if code in NOTHING_LEFT[verb] and held:
        wrong.append(f"{verb} ended with exit {code}, and {' '.join(sorted(held))} hold the NTA")
    if code == 0 and verb == "apply" and set(hosts) - held - set(unsure):
        wrong.append(f"apply ended with exit 0, and not on {' '.join(sorted(set(hosts) - held))}")
    if code == 6 and report and not _named(report):
        wrong.append(f"{verb} ended with exit 6 and names no host")
    return wrong


def _named(report: Mapping[str, Any]) -> bool:
    fine = {("applied", ""), ("reverted", ""), ("planned", "")}
    return any((host["state"], host["rule"]) not in fine for host in report["hosts"])


def status_names(status: Mapping[str, Any], hosts: Hosts, nta: str) -> list[str]:
    """Is every host named that holds the NTA, or has something of it on its disk, and no other?"""
    said = {
        host["host"]: host["now"]
        for one in status["ntas"]
        if one["id"] == nta and one["state"] != "ended"
        for host in one["hosts"]
    }
    wrong = []
    for name, seen in hosts.items():
        holds, says = seen.holds(nta, ZONE), said.get(name, "nothing")
        if holds != (says == "holds it"):
            has = "holds it" if holds else "does not hold it"
            wrong.append(f"status says {says!r} of {name}, which {has}")
        elif nta in seen.ends and says in {"without it", "nothing"}:
            wrong.append(f"status says {says!r} of {name}, and something of it is there")
    foreign = {one["host"] for one in status["foreign"] if one["zone"] == ZONE}
    return wrong + [f"status calls the NTA on {name} foreign" for name in sorted(foreign)]


def answering(answers: Mapping[tuple[str, str], str], hosts: Hosts) -> list[str]:
    """What clients get: relief where an NTA is, whoever put it there, else validation."""
    wrong = []
    for (name, zone), answer in answers.items():
        good = {"org.": {"NOERROR AD"}, "bogus.": {"SERVFAIL"}}.get(zone)
        if good is None:
            good = {"NOERROR"} if ZONE in hosts[name].zones else {"SERVFAIL", "NOERROR AD"}
        if answer not in good:
            wrong.append(f"{name} answers {zone} with {answer}")
    return wrong
