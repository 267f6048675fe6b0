"""A scan for a terminal: one line, then only what is not clean. No colour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta

from orchestrator.model import Cause, State, Verdict, rfc3339
from orchestrator.report.verdict import WIDTH, headline, span, wrapped
from orchestrator.scan.memory import Memory
from orchestrator.scan.scan import Cost, clean

_SILENT = (Cause.SERVER_UNREACHABLE, Cause.SERVER_LAME)
_SHOWN = 100  # lines of a kind; `--json` has all


def text(
    verdicts: Sequence[Verdict],
    before: Memory | None,
    margin: timedelta,
    cost: Cost,
    width: int = WIDTH,
) -> str:
    """The whole scan as text, ending in a newline; `before` is what the last one found."""
    bad = sorted((one for one in verdicts if not clean(one)), key=lambda one: one.zone)
    known = before.zones if before else {}
    here = {verdict.zone for verdict in verdicts}
    healed = sorted(here.intersection(known).difference(one.zone for one in bad))
    ending = f"signatures that end within {span(round(margin.total_seconds()))}"
    told: dict[str, Iterable[str]] = {
        "new" if before else "": (headline(v) for v in bad if v.zone not in known),
        "still": (_still(v, before) for v in bad if before and v.zone in known),
        "healed": (f"{zone} is clean again" for zone in healed),
        ending: _ending(verdicts, margin),
        "servers that do not answer, or not for the zone": _silent(verdicts),
    }
    lists = [_listed(title, lines, width) for title, lines in told.items()]
    parts = [wrapped(summary(verdicts, cost), "", width), *lists, _next(bad)]
    return "\n\n".join(part for part in parts if part) + "\n"


def summary(verdicts: Sequence[Verdict], cost: Cost) -> str:
    """The scan in one line."""
    counts = Counter(verdict.state for verdict in verdicts)
    states = ", ".join(f"{counts[state]} {state}" for state in State if counts[state])
    words = f"{len(verdicts)} zones in {cost.quick + cost.again:.1f} s: {states}"
    return f"{words} ({cost.doubted} looked at twice)" if cost.doubted else words


def _listed(title: str, lines: Iterable[str], width: int) -> str:
    told = [wrapped(line, width=width) for line in lines]
    if len(told) > _SHOWN:
        told[_SHOWN:] = [f"  and {len(told) - _SHOWN} more: see --json"]
    return "\n".join([f"{title}:"] * bool(title) + told) if told else ""


def _still(verdict: Verdict, before: Memory) -> str:
    return f"{headline(verdict)}; since {rfc3339(before.zones[verdict.zone].since)}"


def _ending(verdicts: Iterable[Verdict], margin: timedelta) -> list[str]:
    """Zones that are secure, and will not be for long if nobody signs them again."""
    soon = [
        (verdict.signature_margin, verdict.zone)
        for verdict in verdicts
        if verdict.state is State.SECURE
        and verdict.signature_margin is not None
        and verdict.signature_margin < margin.total_seconds()
    ]
    return [f"{zone} in {span(seconds)}" for seconds, zone in sorted(soon)]


def _silent(verdicts: Iterable[Verdict]) -> list[str]:
    """Silent servers of zones that have others, each once with how many zones it serves."""
    zones: dict[str, list[str]] = {}
    for verdict in verdicts:
        for finding in verdict.findings if clean(verdict) else ():
            if finding.cause in _SILENT and finding.severity == "warning" and finding.server:
                address = finding.server.rpartition("(")[2].rstrip(")")
                zones.setdefault(address, []).append(verdict.zone)
    return [f"{address}, of {_some(of)}" for address, of in sorted(zones.items())]


def _some(zones: Sequence[str]) -> str:
    return zones[0] if len(zones) == 1 else f"{zones[0]} and {len(zones) - 1} more"


def _next(bad: Sequence[Verdict]) -> str:
    if not bad:
        return ""
    return f"next: ntactl check {' '.join(verdict.zone for verdict in bad[:4])}"
