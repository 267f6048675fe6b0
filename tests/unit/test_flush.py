"""A flush: whom it takes, how it goes over the waves, and where it stops."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from hands import a_host

from orchestrator.chain.resolvers import with_resolvers
from orchestrator.errors import Refused
from orchestrator.fleet.inventory import Host
from orchestrator.fleet.outcome import Outcome
from orchestrator.fleet.probe import Ask
from orchestrator.incident.journal import Event, Kind
from orchestrator.incident.lifecycle import fold
from orchestrator.model import Remedy, ResolverView, State, Verdict
from orchestrator.playbook import Budget, Controls, Playbook
from orchestrator.report.flush import price
from orchestrator.rollout.apply import Report
from orchestrator.rollout.flush import Flush, carry_out, check_zone, nothing_to_do, propose
from orchestrator.rollout.means import Means

NOW = datetime(2026, 5, 5, tzinfo=UTC)
BOOK = Playbook(
    name="x", controls=Controls(healthy="org.", bogus="bogus."), waves=("canary", "rest")
)
SOUND = Verdict(zone="nz.", state=State.SECURE, at=NOW, rounds=1, duration_ms=1, queries=1)
HOSTS = [
    a_host(name="u1"),
    a_host(name="u2"),
    a_host(name="u3"),
    a_host("bind", name="b1", site="west"),
]


def view(
    host: str, name: str, rcode: str | None = "NOERROR", cd: str | None = "NOERROR"
) -> ResolverView:
    kind = "SOA" if name.count(".") == 1 else "A"
    ad = rcode == "NOERROR" and kind == "SOA"
    error = "" if rcode else "timeout"
    return ResolverView(
        host=host, name=name, type=kind, rcode=rcode, rcode_cd=cd, ad=ad, error=error
    )


def judged(*failing: str, silent: str = "", ill: str = "") -> Verdict:
    views = [view(name, "nz.", "SERVFAIL" if name in failing else "NOERROR") for name in names()]
    views += [view(name, "www.x.nz.", "SERVFAIL") for name in failing]
    views = [view(v.host, v.name, None, None) if v.host == silent else v for v in views]
    views = [view(v.host, v.name, "SERVFAIL", "SERVFAIL") if v.host == ill else v for v in views]
    return with_resolvers(SOUND, views)


def names() -> list[str]:
    return [host.name for host in HOSTS]


@dataclass
class Fleet:
    """Resolvers that are cured by a flush, but for some, and hosts that answer, but for some."""

    uncured: Sequence[str] = ()
    away: Sequence[str] = ()
    no_upstream: Sequence[str] = ()
    flushed: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

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
            assert "zone=nz." in program
            if host.name in self.away:
                yield Outcome(host.name, None, "", "", "unreachable", "no route")
                continue
            self.flushed.append(host.name)
            receipt = json.dumps({"action": "flush", "outcome": "flushed", "message": "9 records"})
            out = f"ntactl-begin-receipt\n{receipt}\nntactl-end-receipt\n"
            yield Outcome(host.name, 0, out, "", "ok")

    def warm(self, hosts: Sequence[Host]) -> None: ...

    def views(self, hosts: Iterable[Host], asks: Sequence[Ask]) -> list[ResolverView]:
        return [self._view(host.name, ask.name) for host in hosts for ask in asks]

    def _view(self, host: str, name: str) -> ResolverView:
        if name == "bogus.":
            return view(host, name, "SERVFAIL")
        if host in self.no_upstream and name.startswith("ntactl-"):
            return view(host, name, "SERVFAIL", "SERVFAIL")
        bad = name.endswith("nz.") and (host not in self.flushed or host in self.uncured)
        return view(host, name, "SERVFAIL" if bad else "NOERROR")

    def carry_out(self, flush: Flush, *, stopping: Callable[[], bool] = bool) -> Report:
        nothing = lambda *_args, **_more: None  # noqa: E731
        now = lambda: NOW  # noqa: E731
        return carry_out(
            Means(
                Kept(self.events), self, self.views, now, nothing, nothing, nothing, stopping, "x"
            ),
            flush,
        )


@dataclass
class Kept:
    """A journal in memory."""

    kept: list[Event]

    def append(self, *events: Event) -> None:
        self.kept.extend(events)

    def events(self, plan: str | None = None) -> list[Event]:
        return [event for event in self.kept if plan in {None, event.plan}]


def made(*failing: str, book: Playbook = BOOK, **more: str) -> Flush:
    return propose("f1", judged(*failing, **more), HOSTS, book)


def states(report: Report) -> dict[str, str]:
    return {name: state for name, (state, _, _) in report.hosts.items()}


def test_only_hosts_that_hold_old_data_are_flushed() -> None:
    flush = made("u1", "b1")
    assert [host.name for host in flush.hosts] == ["u1", "b1"]
    assert (flush.names, flush.secure) == (("www.x.nz.",), True)
    assert {name: state for name, (state, _, _) in flush.left.items()} == {
        "u2": "sound",
        "u3": "sound",
    }


def test_the_price_is_said_with_who_is_left_alone() -> None:
    text = " ".join(price(made("u1", silent="u3"), 80).split())
    assert "flush nz. on 1 of 4 resolvers: u1" in text
    assert "drops every name at and below nz. from its cache" in text
    assert "left alone, for they answer well: u2, b1" in text
    assert "left alone: u3: no answer (timeout)" in text


@pytest.mark.parametrize(
    ("more", "ending", "code"),
    [
        ({}, "nothing-to-do", 0),
        ({"silent": "u2"}, "pending", 7),
        ({"ill": "u2"}, "uncured", 13),
    ],
)
def test_where_no_host_holds_old_data(more: dict[str, str], ending: str, code: int) -> None:
    report = nothing_to_do(made(**more))
    assert (report.ending, report.exit_code) == (ending, code)


@pytest.mark.parametrize(
    ("state", "remedy", "rule", "step"),
    [
        (State.BOGUS, Remedy.NTA, "zone-broken", "ntactl plan nz. "),
        (State.BOGUS, Remedy.ESCALATE, "zone-broken", "ntactl check nz. "),
        (State.INDETERMINATE, Remedy.ESCALATE, "zone-doubtful", "ntactl check nz. "),
        (State.SECURE, Remedy.ESCALATE, "zone-doubtful", "ntactl check nz. "),
    ],
)
def test_a_zone_that_is_not_sound_is_refused(
    state: State, remedy: Remedy, rule: str, step: str
) -> None:
    verdict = SOUND.model_copy(update={"state": state, "remedy": remedy})
    with pytest.raises(Refused) as refused:
        propose("f1", verdict, HOSTS, BOOK)
    assert (refused.value.rule, refused.value.next_step.startswith(step)) == (rule, True)


def test_the_root_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        check_zone(".")
    assert refused.value.rule == "root-zone"


def test_canaries_first_then_the_rest_and_no_nta_in_the_journal() -> None:
    fleet = Fleet()
    report = fleet.carry_out(made(*names()))
    assert (report.ending, report.exit_code, set(states(report).values())) == (
        "done",
        0,
        {"flushed"},
    )
    assert (set(fleet.flushed[:2]), len(fleet.flushed)) == ({"u1", "b1"}, 4)
    kinds = [event.kind for event in fleet.events]
    assert (kinds[0], kinds[-1]) == (Kind.FLUSH_STARTED, Kind.FLUSH_ENDED)
    assert fold(fleet.events) == {}


def test_a_canary_that_is_not_cured_stops_it() -> None:
    report = Fleet(uncured=["u1"]).carry_out(made(*names()))
    assert (report.ending, report.exit_code) == ("uncured", 13)
    assert report.hosts["u1"][:2] == ("flushed", "unverified")
    assert states(report)["u2"] == states(report)["u3"] == "planned"


def test_a_host_that_cannot_be_reached_is_named_within_the_budget() -> None:
    report = Fleet(away=["u2"]).carry_out(made(*names()))
    assert (report.ending, report.exit_code) == ("pending", 7)
    assert report.hosts["u2"] == ("unreachable", "unreachable", "no route")


def test_a_spent_budget_stops_it() -> None:
    book = BOOK.model_copy(update={"budget": Budget(failed_hosts=0)})
    fleet = Fleet(away=["b1"])
    report = fleet.carry_out(made(*names(), book=book))
    assert (report.ending, report.exit_code, fleet.flushed) == ("person-needed", 6, ["u1"])
    assert "b1 (unreachable)" in report.why


def test_no_canary_no_flush() -> None:
    report = Fleet(away=["u1", "b1"]).carry_out(made(*names()))
    assert (report.ending, report.exit_code) == ("nothing-changed", 1)
    assert "no canary" in report.why


def test_what_has_no_way_to_the_zone_keeps_what_it_has() -> None:
    fleet = Fleet(no_upstream=["u2"])
    report = fleet.carry_out(made(*names()))
    assert "u2" not in fleet.flushed
    assert (report.hosts["u2"][:2], report.exit_code) == (("left-alone", "baseline"), 13)


def test_who_is_asked_to_stop_stops_between_waves() -> None:
    fleet = Fleet()
    asked = lambda: len(fleet.flushed) >= 2  # noqa: E731
    fleet_run = fleet.carry_out(made(*names()), stopping=asked)
    assert (fleet_run.ending, fleet_run.exit_code) == ("stopped", 130)
    assert fleet_run.why == "go on: ntactl flush nz. -i INVENTORY"
    assert states(fleet_run)["u3"] == "planned"
