"""Exit codes of an apply, and how it is told."""

from datetime import UTC, datetime

import pytest

from orchestrator.incident.lifecycle import Accepted, HostRecord, OnHost, Record
from orchestrator.model import HeldNta, HostReading
from orchestrator.report.apply import json_of, text_of
from orchestrator.report.status import host_status
from orchestrator.rollout.apply import Ending, Report


def report(ending: Ending, *states: str) -> Report:
    return Report("p1", ending, {f"h{n}": (state, "", "") for n, state in enumerate(states)})


@pytest.mark.parametrize(
    ("ending", "states", "code"),
    [
        ("done", ("applied", "applied"), 0),
        ("pending", ("applied", "unreachable"), 7),
        ("taken-back", ("reverted", "undone"), 5),
        ("person-needed", ("stuck",), 6),
        ("stopped", ("applied", "planned"), 130),
        ("nothing-changed", ("unreachable",), 1),
        ("nothing-changed", ("refused", "unreachable"), 1),
        ("nothing-changed", ("refused", "left-alone", "planned"), 4),
        ("nothing-changed", ("refused", "sound"), 4),
        ("nothing-to-do", ("sound", "sound"), 0),
        ("uncured", ("flushed", "sound"), 13),
    ],
)
def test_exit_codes(ending: Ending, states: tuple[str, ...], code: int) -> None:
    made = report(ending, *states)
    assert made.exit_code == code
    assert json_of(made)["exit_code"] == code


def test_which_of_the_two_it_is_stands_in_the_text() -> None:
    assert "all on" in text_of(report("done", "applied"))
    assert "all as before" in text_of(report("taken-back", "reverted"))
    assert "all as before" in text_of(report("nothing-changed", "refused"))


def test_a_revert_is_told_in_its_own_words() -> None:
    assert "is out" in text_of(report("done", "reverted"), "revert")


def test_a_flush_is_told_in_its_own_words() -> None:
    assert "flushed, and every host" in text_of(report("done", "flushed"), "flush")
    again = text_of(report("pending", "flushed", "unreachable"), "flush")
    assert "next: the same command again" in again
    assert "watch" not in again


def test_of_a_thousand_hosts_those_that_are_not_well_are_named() -> None:
    hosts = {f"h{n}": ("applied", "", "and read back") for n in range(998)}
    hosts |= {
        "x1": ("unreachable", "unreachable", "no answer"),
        "x2": ("reverted", "unverified", ""),
    }
    text = text_of(Report("p1", "pending", hosts))
    assert text.splitlines()[:3] == [
        "  998 hosts  applied",
        "  x1  unreachable [unreachable]  no answer",
        "  x2  reverted [unverified]",
    ]
    assert "ntactl apply PLAN --resume" in text
    assert len(json_of(Report("p1", "pending", hosts))["hosts"]) == 1000


def test_who_accepted_what_is_told() -> None:
    accepted = Accepted("budget", "ann", "refused by rule 'budget': 3 hosts are left alone")
    made = Report("p1", "pending", {}, accepted=(accepted,))
    assert "ann accepted: refused by rule 'budget'" in text_of(made)
    assert json_of(made)["accepted"] == [
        {"rule": "budget", "by": "ann", "what": "refused by rule 'budget': 3 hosts are left alone"}
    ]


@pytest.mark.parametrize(
    ("stored", "now"), [("armed", "half of it"), ("applied", "lost it"), ("ended", "without it")]
)
def test_status_names_what_stands_on_a_host_whose_daemon_lists_nothing(
    stored: str, now: str
) -> None:
    at = datetime(2026, 5, 5, 22, tzinfo=UTC)
    held = HeldNta(id="de-1", zone="de.", ends_at=at, state=stored)
    reading = HostReading(host="h1", at=at, engine="unbound", held=(held,))
    record = Record("de-1", "de.", "1", at, at, hosts={"h1": HostRecord(OnHost.STUCK)})
    assert host_status(record, "h1", reading).now == now
