"""What resolvers have counted by themselves: read with suspicion, told as a hint."""

import json
from datetime import UTC, datetime

import pytest
from hands import a_host

from orchestrator.engines import engine
from orchestrator.fleet.outcome import Outcome
from orchestrator.fleet.probe import with_statistics
from orchestrator.model import ResolverView, State, Statistics, Verdict
from orchestrator.report.verdict import exit_code, text
from orchestrator.rollout.answer import parse_counts

# unbound-control 1.17.1, on the lab under de-2026: 36 questions failed, 24 of them by the cache.
UNBOUND = """\
total.num.queries=124
time.now=1795552902.853155
time.up=352.5
time.elapsed=302.853155
num.answer.rcode.NOERROR=70
num.answer.rcode.SERVFAIL=60
num.answer.rcode.NXDOMAIN=18
num.answer.bogus=36
statistics-cumulative=no
statistics-interval=0"""
CHANNEL = {
    "boot-time": "2026-11-24T20:35:50.338Z",
    "current-time": "2026-11-24T20:36:41.634Z",
    "rcodes": {"NOERROR": 1, "FORMERR": 0, "SERVFAIL": 18, "17": 0},
    "views": {
        "_default": {"resolver": {"stats": {"ValAttempt": 36, "ValFail": 30}}},
        "_bind": {"resolver": {"stats": {"BucketSize": 5}}},
    },
}
BOOT = "boot Tue, 24 Nov 2026 20:35:50 GMT"
DUMP = [
    BOOT,
    "dump +++ Statistics Dump +++ (1795552569)",
    "dump                    1 NOERROR",
    "dump                   18 SERVFAIL",
    "dump                   30 DNSSEC validation failed",
    "dump                    2 DNSSEC validation failed",
]


def unbound(changed: str = "", to: str = "") -> Statistics:
    return engine("unbound").statistics(UNBOUND.replace(changed, to).splitlines())


def at(hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 11, 24, hour, minute, second, tzinfo=UTC)


def test_unbound_counts_a_cached_failure_twice_and_its_queries_tell() -> None:
    told = unbound()
    assert (told.answers, told.servfail, told.bogus) == (124, 36, 36)


def test_questions_without_an_answer_are_no_failures() -> None:
    told = unbound("queries=124", "queries=999")
    assert (told.answers, told.servfail) == (148, 60)


@pytest.mark.parametrize(
    ("changed", "to", "seconds"),
    [
        ("", "", 302.853155),  # somebody asked for plain `stats`
        ("cumulative=no", "cumulative=yes", 352.5),
        ("interval=0", "interval=60", 60),  # it begins anew whenever it logs them
        ("interval=0", "interval=900", 302.853155),
    ],
)
def test_since_when_unbound_counts(changed: str, to: str, seconds: float) -> None:
    told = unbound(changed, to)
    assert told.since is not None
    assert told.at is not None
    assert (told.at - told.since).total_seconds() == pytest.approx(seconds, abs=1e-3)


def test_an_unbound_that_counts_no_rcodes() -> None:
    told = engine("unbound").statistics(["total.num.queries=4", "time.now=1.5"])
    assert told == Statistics(error="unbound counts no rcodes: extended-statistics is off")


def test_the_statistics_channel_of_bind() -> None:
    told = engine("bind").statistics([f"json {json.dumps(CHANNEL)}"])
    assert (told.answers, told.servfail, told.bogus, told.failed_validations) == (19, 18, None, 30)
    assert told.since is not None
    assert told.since.replace(microsecond=0) == at(20, 35, 50)


def test_a_dump_of_bind_is_as_old_as_it_is() -> None:
    told = engine("bind").statistics(DUMP)
    assert (told.answers, told.servfail, told.failed_validations) == (19, 18, 32)
    assert (told.since, told.at) == (at(20, 35, 50), at(20, 36, 9))


def test_powerdns_counts_since_it_began() -> None:
    lines = ["at 1795552569", "dnssec-result-bogus 3", "noerror-answers 10", "nxdomain-answers 2"]
    told = engine("pdns").statistics([*lines, "servfail-answers 4", "uptime 60"])
    assert (told.answers, told.servfail, told.bogus) == (16, 4, 3)
    assert (told.since, told.at) == (at(20, 35, 9), at(20, 36, 9))


def test_all_instances_of_kresd_count() -> None:
    five = {"answer.total": 13, "answer.servfail": 2, "answer.ad": 8}
    six = {"answer": {"total": 13, "servfail": 2, "ad": 8}, "query": {"edns": 6}}
    lines = [f"stats '{json.dumps(counts)}'" for counts in (five, six)]
    told = engine("knot").statistics(["at 1795552569", *lines, "start 1795552560", "start 5"])
    assert (told.answers, told.servfail, told.bogus) == (26, 4, None)
    assert (told.since, told.at) == (datetime.fromtimestamp(5, UTC), at(20, 36, 9))


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([BOOT], "named.stats holds no statistics"),
        ([BOOT, "dump +++ Statistics Dump +++ (1795550000)"], "older than named's last start"),
    ],
)
def test_a_dump_that_says_nothing_of_this_named(lines: list[str], why: str) -> None:
    told = engine("bind").statistics(lines)
    assert why in told.error
    assert told.answers is None


# What comes back over SSH.


def ran(*facts: str, code: int = 0, err: str = "") -> Outcome:
    block = "\n".join(["ntactl-begin-reading", "now 1000 990", *facts, "ntactl-end-reading"])
    return Outcome("h1", code, f"Welcome!\n{block}\n", err, "ok")


def test_counters_and_clock_come_in_one_answer() -> None:
    counts = parse_counts(a_host(), ran(*(f"counter {line}" for line in UNBOUND.splitlines())))
    assert (counts.statistics, counts.clock_offset) == (unbound(), 10.0)


def test_a_host_that_cannot_tell_says_why_and_what_time_it_is() -> None:
    counts = parse_counts(a_host("bind"), ran("problem no-counters named has no such thing"))
    assert counts.statistics == Statistics(error="named has no such thing")
    assert counts.clock_offset == 10.0


@pytest.mark.parametrize(
    "lie",
    [
        "", "{", "[]", '{"rcodes": []}', "[" * 100_000, "null", '{"rcodes": {"SERVFAIL": "x"}}',
        json.dumps(CHANNEL | {"rcodes": {"SERVFAIL": float("inf")}}),
        json.dumps(CHANNEL | {"boot-time": "yesterday"}),
        json.dumps(CHANNEL | {"views": 3}),
    ],
)  # fmt: skip
def test_lies_end_in_words(lie: str) -> None:
    for facts in ([f"counter json {lie}"], ["counter boot now"], [f"counter {lie}"], []):
        for name in ("bind", "unbound"):
            told = parse_counts(a_host(name), ran(*facts)).statistics
            assert told.error
            assert told.answers is None


def test_a_sudo_that_refuses_is_told() -> None:
    refused = Outcome("h1", 1, "", "sudo: a password is required\n", "ok")
    assert "sudo refused" in parse_counts(a_host(), refused).statistics.error


# How it is told.

SOUND = Verdict(
    zone="de.", state=State.SECURE, at=at(21), rounds=1, duration_ms=1, queries=1
)  # fmt: skip
VIEWS = [
    ResolverView(host=host, name="de.", type="SOA", rcode="NOERROR", rcode_cd="NOERROR", ad=True)
    for host in ("h1", "h2", "h3")
]


def with_counts(**counted: Statistics) -> Verdict:
    return SOUND.model_copy(update={"resolvers": tuple(with_statistics(VIEWS, counted))})


def counts(servfail: int, answers: int = 35_000) -> Statistics:
    return Statistics(since=at(20), at=at(21), answers=answers, servfail=servfail, bogus=3977)


def test_a_share_that_says_something_is_told_the_worst_first() -> None:
    told = with_counts(h1=counts(4210), h2=counts(9000), h3=Statistics(error="no way in"))
    lines = " ".join(text(told).split())
    assert "h1: 12% SERVFAIL since 2026-11-24T20:00:00Z at the earliest: 4,210 of 35,000" in lines
    assert lines.index("h2: 26%") < lines.index("h1: 12%")
    assert "answers, 3,977 bogus" in lines
    assert "not told by h3: no way in" in lines


@pytest.mark.parametrize(
    "one", [counts(1000), counts(9, 10), Statistics(error="no way in")], ids=str
)
def test_what_says_nothing_is_in_the_json_alone(one: Statistics) -> None:
    told = with_counts(h1=one)
    assert "counted" not in text(told)
    assert told.model_dump(mode="json")["resolvers"][0]["statistics"]["error"] == one.error
    assert told.model_dump(mode="json")["resolvers"][1]["statistics"] is None


def test_it_is_never_part_of_the_exit_code() -> None:
    assert exit_code(with_counts(h1=counts(35_000))) == 0


def test_bind_counts_validations_and_a_dump_has_its_age() -> None:
    one = engine("bind").statistics([*DUMP[:3], "dump 180 SERVFAIL", *DUMP[4:]])
    lines = " ".join(text(with_counts(h1=one)).split())
    assert "until 2026-11-24T20:36:09Z: 180 of 181 answers; 32 validations failed" in lines
