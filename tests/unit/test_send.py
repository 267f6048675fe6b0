"""Orders sent to hosts: what a second try is."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from hands import a_host

from orchestrator.fleet.inventory import Host
from orchestrator.fleet.outcome import Outcome
from orchestrator.incident.journal import Event, Kind
from orchestrator.rollout.means import Means
from orchestrator.rollout.send import TRIES, Job, send
from orchestrator.rollout.transaction import NtaOrder

START = datetime(2026, 5, 5, tzinfo=UTC)


class Kept(list[Event]):
    """A journal in memory."""

    def append(self, *events: Event) -> None:  # type: ignore[override]
        self.extend(events)

    def events(self, plan: str | None = None) -> list[Event]:
        return [event for event in self if plan in {None, event.plan}]


class Loses:
    """A fleet of which every connection is lost after the program was sent."""

    def __init__(self) -> None:
        self.programs: list[str] = []

    def run(
        self,
        programs: Sequence[tuple[Host, str]],
        *,
        deadline: float,
        stopping: Callable[[], bool] = bool,
    ) -> Iterator[Outcome]:
        assert deadline > 0
        assert not stopping()
        for host, program in programs:
            self.programs.append(program)
            yield Outcome(host.name, None, "", "", "lost", "closed")

    def warm(self, hosts: Sequence[Host]) -> None: ...


def test_all_tries_are_one_order_that_newer_ones_outdate() -> None:
    """What another ntactl did between them must not be undone by the second (seed 125)."""
    journal, fleet, seconds = Kept(), Loses(), iter(range(1000))
    clock = lambda: START + timedelta(seconds=next(seconds))  # noqa: E731
    nothing = lambda *_args, **_more: None  # noqa: E731
    means = Means(
        journal, fleet, lambda *_: [], clock, nothing, nothing, time.sleep, bool, "tester"
    )
    order = NtaOrder(id="de-4f2a91c0", zone="de.", ends_at=START)
    job = Job(a_host(), "revert", (order,))
    results = send(means, "4f2a91c0", [job], deadline=1)
    assert results[job.host.name].outcome == "unknown"
    sent = [event.data["generation"] for event in journal if event.kind is Kind.HOST_SENT]
    assert len(sent) == len(fleet.programs) == TRIES > 1
    assert len(set(sent)) == 1
    told = {re.findall(r"generation='?(\d+)", program)[0] for program in fleet.programs}
    assert told == {str(sent[0])}
    send(means, "4f2a91c0", [job], deadline=1)
    assert journal.events()[-1].at > START
    again = [event.data["generation"] for event in journal if event.kind is Kind.HOST_SENT][-1]
    assert again > sent[0]
