"""What acting on a fleet needs, passed in as one value so that tests can pass their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from orchestrator.fleet.inventory import Host
from orchestrator.fleet.outcome import Outcome
from orchestrator.fleet.probe import Ask
from orchestrator.incident.journal import Event
from orchestrator.model import ResolverView


class Journal(Protocol):
    """Where events are written down, durably, before `append` returns."""

    def append(self, *events: Event) -> None: ...

    def events(self, plan: str | None = None) -> list[Event]: ...


class Runner(Protocol):
    """Runs one program a host over SSH, yields as hosts finish.

    Once `stopping()` is true no host begins; those that did not are "stopped". `warm` connects
    to hosts in the background until the next run.
    """

    def run(
        self,
        programs: Sequence[tuple[Host, str]],
        *,
        deadline: float,
        stopping: Callable[[], bool] = ...,
    ) -> Iterator[Outcome]: ...

    def warm(self, hosts: Sequence[Host]) -> None: ...


@dataclass(frozen=True)
class Means:
    """Journal, fleet, probes, clock, and two ways to speak.

    `views` asks every host every question; `tell(notify, kind, id=, zone=, ...)` hands an
    event to a playbook's notify command; `say` shows one line to the person watching; `pause`
    sleeps (seconds); `stopping` is true once a person asked to stop after the hosts in flight.
    """

    journal: Journal
    fleet: Runner
    views: Callable[[Iterable[Host], Sequence[Ask]], list[ResolverView]]
    clock: Callable[[], datetime]
    tell: Callable[..., None]
    say: Callable[[str], None]
    pause: Callable[[float], None]
    stopping: Callable[[], bool]
    by: str
