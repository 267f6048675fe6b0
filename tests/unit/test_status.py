"""What `status` says of hosts, from the journal and what the hosts themselves say."""

from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.incident.came_back import may_come_back
from orchestrator.incident.lifecycle import HostRecord, OnHost, Record
from orchestrator.model import HeldNta, HostReading, RunningNta
from orchestrator.report.status import foreign_on, hosts_of, text_of

NOW = datetime(2026, 5, 5, 22, tzinfo=UTC)


def record(tag: str = "1", *, ended: bool = True, **hosts: OnHost) -> Record:
    starts = NOW - timedelta(hours=3) + timedelta(minutes=int(tag))
    return Record(
        id=f"de-{tag}",
        zone="de.",
        plan=tag,
        starts_at=starts,
        ends_at=NOW + timedelta(hours=1),
        ended_at=NOW - timedelta(hours=1) if ended else None,
        ended_why="revert" if ended else "",
        hosts={name: HostRecord(state) for name, state in hosts.items()},
    )


def reading(name: str, nta: str | None, *zones: str, ends: datetime = NOW) -> HostReading:
    held = (HeldNta(id=nta, zone="de.", ends_at=ends, state="applied"),) if nta else ()
    running = tuple(RunningNta(zone=zone, id=nta) for zone in zones)
    return HostReading(host=name, at=NOW, engine="bind", held=held, running=running)


def readings(*each: HostReading) -> dict[str, HostReading]:
    return {one.host: one for one in each}


def test_what_runs_again_where_it_was_taken_out_came_back() -> None:
    ended = record(a=OnHost.REVERTED, b=OnHost.REVERTED, c=OnHost.REFUSED)
    seen = readings(reading("a", None, "de.", "fj."), reading("b", None), reading("c", None, "de."))
    hosts = hosts_of([ended], seen)
    assert [(host.host, host.now) for host in hosts["de-1"]] == [("a", "came back")]
    assert foreign_on([ended], seen) == {"a": ["fj."], "c": ["de."]}
    said = text_of([ended], hosts, {}, NOW)
    assert "de-1  de.  ended (revert), and came back\n    a: came back (journal: reverted)" in said
    assert "ntactl revert de-1" in said


def test_a_live_one_accounts_for_what_runs() -> None:
    old, live = record("1", a=OnHost.REVERTED), record("2", ended=False, a=OnHost.APPLIED)
    seen = readings(reading("a", "de-2", "de."))
    assert [host.now for host in hosts_of([old, live], seen)["de-2"]] == ["holds it"]
    assert hosts_of([old, live], seen).keys() == {"de-2"}


def test_of_several_that_ended_the_newest_on_that_host_is_named() -> None:
    old = record("1", a=OnHost.REVERTED, b=OnHost.REVERTED)
    new = record("2", a=OnHost.REVERTED, b=OnHost.PLANNED)
    hosts = hosts_of([old, new], readings(reading("a", None, "de."), reading("b", None, "de.")))
    assert {nta: [h.host for h in each] for nta, each in hosts.items()} == {
        "de-1": ["b"],
        "de-2": ["a"],
    }


@pytest.mark.parametrize("damaged", [True, False])
def test_a_damaged_end_is_named(damaged: bool) -> None:
    live = record(ended=False, a=OnHost.APPLIED)
    ends = datetime.fromtimestamp(0, UTC) if damaged else NOW
    (host,) = hosts_of([live], readings(reading("a", "de-1", "de.", ends=ends)))["de-1"]
    assert host.now == "holds it"
    assert ("its end there is damaged" in host.drift) is damaged


def test_only_what_was_on_lately_may_come_back() -> None:
    week = timedelta(days=7)
    ended = record(a=OnHost.REVERTED)
    assert may_come_back(ended, NOW)
    assert not may_come_back(ended, NOW + week)
    assert not may_come_back(record(a=OnHost.REFUSED), NOW)
    assert may_come_back(record(ended=False, a=OnHost.PLANNED), NOW + week)
