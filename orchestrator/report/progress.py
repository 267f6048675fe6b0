"""How a change is going, folded from the journal's events as they are written down. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from orchestrator.incident.journal import Event, Kind
from orchestrator.rollout.apply import FEW

WIDTH = 79  # of a terminal of 80 columns, so that the cursor stays on the line
_GOOD = {"applied", "reverted", "renewed", "flushed"}
_VERBS = {
    "apply": "putting it on",
    "revert": "taking it out",
    "renew": "moving its end",
    "flush": "flushing",
}

Way = Literal["in flight", "done", "failed"]


@dataclass(frozen=True)
class Progress:
    """One wave under way: its hosts in the order they were sent, and how it went on each.

    `waves` are the plan's, where it has some.
    """

    waves: tuple[tuple[str, ...], ...] = ()
    action: str = ""
    since: datetime | None = None
    hosts: Mapping[str, Way] = field(default_factory=dict)

    def are(self, way: Way) -> list[str]:
        """Hosts that stand so."""
        return [name for name, how in self.hosts.items() if how == way]

    @property
    def title(self) -> str:
        """The wave's place in the plan, or what is done where there are no waves."""
        first = next(iter(self.hosts), "")
        for number, wave in enumerate(self.waves, 1):
            if self.action in {"apply", "flush"} and first in wave:
                return f"wave {number}/{len(self.waves)}"
        return _VERBS.get(self.action, self.action)


def after(progress: Progress, event: Event) -> Progress:
    """The progress once this event has happened."""
    match event.kind:
        case Kind.HOST_SENT:
            return _sent(progress, event)
        case Kind.HOST_DONE | Kind.HOST_FAILED if event.host in progress.hosts:
            way: Way = "done" if _outcome(event) in _GOOD else "failed"
            return replace(progress, hosts={**progress.hosts, event.host: way})
        case Kind.WAVE_VERIFIED:
            return replace(progress, hosts={})
    return progress


def _sent(progress: Progress, event: Event) -> Progress:
    """One more host of the wave, one that is sent it again, or the first of the next wave."""
    again = progress.hosts.get(event.host) == "failed"
    over = not again and "in flight" not in progress.hosts.values()
    if over or event.data["action"] != progress.action:
        hosts: dict[str, Way] = {event.host: "in flight"}
        return Progress(progress.waves, event.data["action"], event.at, hosts)
    return replace(progress, hosts={**progress.hosts, event.host: "in flight"})


def _outcome(event: Event) -> str:
    return str(event.data.get("outcome", event.data.get("failure", "")))


def news(progress: Progress, event: Event) -> list[str]:
    """What a person is told in lines that stay; `progress` is as of this event.

    Of a few hosts each is told, of many those that failed, and the wave when all have answered.
    """
    if event.kind is Kind.WAVE_VERIFIED:
        asked = len(event.data["hosts"]) + len(event.data["complaints"])
        return [f"verified: {len(event.data['hosts'])} of {asked}"] if asked else []
    if event.kind not in {Kind.HOST_DONE, Kind.HOST_FAILED} or event.host not in progress.hosts:
        return []
    many = len(progress.hosts) > FEW
    well = _outcome(event) in _GOOD and not event.data["rule"]
    lines = [] if many and well else [_host_line(event)]
    if many and "in flight" not in progress.hosts.values():
        lines.append(_summary(progress, event.at))
    return lines


def _host_line(event: Event) -> str:
    rule, message = event.data["rule"], event.data["message"]
    more = f" {message}" if message else ""
    return f"{event.host}: {_word(event)}{f' [{rule}]' if rule else ''}{more}"


def _word(event: Event) -> str:
    if event.kind is Kind.HOST_DONE:
        return _outcome(event)
    return {"stopped": "not begun"}.get(_outcome(event), "failed")


def line(progress: Progress, now: datetime, width: int = WIDTH) -> str:
    """The wave in one line of at most `width` columns; "" between waves."""
    if not progress.hosts:
        return ""
    text, left = _summary(progress, now), progress.are("in flight")
    return f"{text}{_slowest(left, width - len(text)) if left else '; asking them'}"[:width]


def _summary(progress: Progress, now: datetime) -> str:
    """How many, how fast, for how long."""
    done, failed, left = (len(progress.are(way)) for way in ("done", "failed", "in flight"))
    seconds = max(0.0, (now - (progress.since or now)).total_seconds())
    parts = [f"{done} done", f"{failed} failed", *([f"{left} left"] if left else [])]
    if done + failed and seconds >= 1:
        parts.append(f"{(done + failed) / seconds:.0f}/s")
    return f"{progress.title}: {', '.join(parts)}, {seconds:.0f} s"


def _slowest(left: Sequence[str], room: int) -> str:
    """Those that began first: hosts begin in the order in which they were sent."""
    text = f"; slow: {left[0]}"
    for name in left[1:]:
        if len(text) + 2 + len(name) > room:
            break
        text += f", {name}"
    return text


def json_line(event: Event) -> str:
    """The event as one line of JSON, schema "ntactl/event/1"."""
    told = {"schema": "ntactl/event/1", **event.model_dump(mode="json", exclude={"seq"})}
    return json.dumps(told, separators=(",", ":")) + "\n"
