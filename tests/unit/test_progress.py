"""How a rollout is told: folded from the journal's events, as lines and as JSON."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestrator.incident.journal import Event, Kind
from orchestrator.report.progress import WIDTH, Progress, after, json_line, line, news

T0 = datetime(2026, 5, 5, 22, 0, tzinfo=UTC)
CANARY = ("c1", "c2")
REST = tuple(f"resolver-{n:04}.example.net" for n in range(1000))


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def event(kind: Kind, host: str = "", seconds: float = 0, **data: Any) -> Event:
    return Event(at=at(seconds), kind=kind, plan="p", ntas=("de-p",), host=host, data=data)


def sent(names: Sequence[str], action: str = "apply", seconds: float = 0) -> list[Event]:
    return [event(Kind.HOST_SENT, name, seconds, action=action) for name in names]


def done(name: str, outcome: str = "applied", seconds: float = 1, rule: str = "") -> Event:
    how = {"outcome": outcome, "rule": rule, "message": "as the host says"}
    return event(Kind.HOST_DONE, name, seconds, action="apply", **how)


def failed(name: str, failure: str = "unreachable", seconds: float = 1) -> Event:
    how = {"failure": failure, "rule": failure, "message": "no route"}
    return event(Kind.HOST_FAILED, name, seconds, action="apply", **how)


def told(*events: Event) -> tuple[Progress, list[str]]:
    progress, lines = Progress((CANARY, REST)), []
    for one in events:
        progress = after(progress, one)
        lines += news(progress, one)
    return progress, lines


def test_a_few_hosts_are_told_one_by_one() -> None:
    _, lines = told(*sent(CANARY), done("c1"), failed("c2"))
    assert lines == ["c1: applied as the host says", "c2: failed [unreachable] no route"]


def test_of_a_thousand_those_that_fail_and_one_line_of_the_wave() -> None:
    bad = [failed(REST[5], seconds=2), done(REST[9], "refused", 3, "drifted")]
    good = [done(name, seconds=40) for name in REST if name not in {REST[5], REST[9]}]
    verified = event(Kind.WAVE_VERIFIED, hosts=list(REST[10:]), complaints={REST[0]: "no answer"})
    _, lines = told(*sent(REST), *bad, *good, verified)
    assert lines == [
        f"{REST[5]}: failed [unreachable] no route",
        f"{REST[9]}: refused [drifted] as the host says",
        "wave 2/2: 998 done, 2 failed, 25/s, 40 s",
        "verified: 990 of 991",
    ]


def test_what_is_out_but_not_well_is_told_among_many_too() -> None:
    _, lines = told(*sent(REST, "revert"), done(REST[0], "reverted", rule="foreign-nta"))
    assert lines == [f"{REST[0]}: reverted [foreign-nta] as the host says"]


def test_the_line_of_a_wave_under_way() -> None:
    progress, _ = told(*sent(REST), *(done(name) for name in REST[:300]), failed(REST[300]))
    text = line(progress, at(10))
    assert text == "wave 2/2: 300 done, 1 failed, 699 left, 30/s, 10 s; slow: resolver-0301.example"


@pytest.mark.parametrize("width", [WIDTH, 40, 12, 1])
@pytest.mark.parametrize("seconds", [0, 9, 99_999])
def test_it_never_leaves_its_columns(width: int, seconds: float) -> None:
    for names in (REST, CANARY, (REST[0] * 4,)):
        progress, _ = told(*sent(names), done(names[0]))
        assert len(line(progress, at(seconds), width)) <= width


def test_slow_hosts_are_those_that_began_first() -> None:
    names = [f"h{n}" for n in range(20)]
    progress, _ = told(*sent(names, "revert"), *(done(name, "reverted") for name in names[3:]))
    assert line(progress, at(2)) == (
        "taking it out: 17 done, 0 failed, 3 left, 8/s, 2 s; slow: h0, h1, h2"
    )


def test_between_waves_there_is_no_line() -> None:
    over = event(Kind.WAVE_VERIFIED, hosts=list(CANARY), complaints={})
    assert line(told()[0], at(1)) == ""
    assert line(told(*sent(CANARY), done("c1"), done("c2"), over)[0], at(1)) == ""
    asking, _ = told(*sent(CANARY), done("c1"), done("c2"))
    assert line(asking, at(2)) == "wave 1/2: 2 done, 0 failed, 1/s, 2 s; asking them"


def test_a_host_that_is_sent_it_again_stays_in_its_wave() -> None:
    lost = [*sent(CANARY), done("c1"), failed("c2", "lost")]
    again, _ = told(*lost, *sent(["c2"], seconds=3))
    assert again.hosts == {"c1": "done", "c2": "in flight"}
    assert again.since == at(0)


def test_the_next_wave_and_the_way_back_begin_anew() -> None:
    first = [*sent(CANARY), done("c1"), done("c2")]
    assert told(*first, *sent(REST, seconds=9))[0].hosts == dict.fromkeys(REST, "in flight")
    back, _ = told(*first, *sent(CANARY, "revert", 9))
    assert (back.title, back.since, back.are("in flight")) == ("taking it out", at(9), ["c1", "c2"])


def test_a_host_that_was_set_aside_is_none_of_the_wave() -> None:
    _, lines = told(done("c1", "refused", rule="baseline"))
    assert lines == []


def test_an_event_is_one_line_of_json() -> None:
    text = json_line(done("c1"))
    assert text.count("\n") == 1
    assert text.endswith("}\n")
    told_of = json.loads(text)
    assert told_of.pop("schema") == "ntactl/event/1"
    assert Event(**told_of) == done("c1")
