"""What the watcher does next, as a table of sentences."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestrator.incident.lifecycle import HostRecord, OnHost, Record
from orchestrator.model import Cause, Finding, ServerState, State, Verdict
from orchestrator.playbook import Controls, Playbook
from orchestrator.watch.step import Act, Seen, cleanness, step

NOW = datetime(2026, 5, 5, 23, 0, tzinfo=UTC)
PLAYBOOK = Playbook(
    name="t",
    controls=Controls(healthy="org.", bogus="bogus."),
    hold_down=timedelta(seconds=20),
    bake=timedelta(seconds=5),
)
ON = HostRecord(OnHost.APPLIED)
ACTIVE = Record(
    id="de-1",
    zone="de.",
    plan="1",
    starts_at=NOW - timedelta(hours=1),
    ends_at=NOW + timedelta(hours=3),
    hosts={"h1": ON, "h2": ON},
    outcome="done",
)
LONG_CLEAN = {"clean_since": NOW - timedelta(seconds=21), "looks_clean": 21}
CLEAN = Seen(clean=True, why="secure at 4 addresses")
DIRTY = Seen(clean=False, why="rrsig-invalid NSEC3")


OUT = HostRecord(OnHost.REVERTED)


def baking(seconds: float, **fields: Any) -> Record:
    since = NOW - timedelta(seconds=seconds)
    hosts = {"h1": OUT, "h2": ON}
    return replace(ACTIVE, canaries=("h1",), baking_since=since, hosts=hosts, **fields)


HELD = {"held_until": NOW + timedelta(minutes=1), "hold_reason": "r"}


CASES = [
    ("still broken", ACTIVE, DIRTY, Act.WAIT),
    ("clean, not long enough", replace(ACTIVE, clean_since=NOW, looks_clean=9), CLEAN, Act.WAIT),
    ("clean long enough", replace(ACTIVE, **LONG_CLEAN), CLEAN, Act.REVERT_CANARY),
    ("few looks", replace(ACTIVE, **LONG_CLEAN | {"looks_clean": 2}), CLEAN, Act.WAIT),
    (
        "held",
        replace(ACTIVE, held_until=NOW + timedelta(minutes=1), hold_reason="r", **LONG_CLEAN),
        CLEAN,
        Act.WAIT,
    ),
    (
        "a hold that is over",
        replace(ACTIVE, held_until=NOW - timedelta(minutes=1), **LONG_CLEAN),
        CLEAN,
        Act.REVERT_CANARY,
    ),
    ("its end wins", replace(ACTIVE, ends_at=NOW), CLEAN, Act.EXPIRE),
    (
        "its end wins over a hold",
        replace(ACTIVE, ends_at=NOW, held_until=NOW + timedelta(hours=1)),
        DIRTY,
        Act.EXPIRE,
    ),
    ("baking", baking(1), CLEAN, Act.WAIT),
    ("baked", baking(6), CLEAN, Act.TAKE_OUT),
    ("broke while baking", baking(1), DIRTY, Act.RETURN_CANARY),
    (
        "canary fails",
        baking(6),
        replace(CLEAN, canary_complaints={"h1": "de. SOA is SERVFAIL"}),
        Act.RETURN_CANARY,
    ),
    ("a hold stops the bake", baking(6, **HELD), CLEAN, Act.WAIT),
    ("under a hold a canary still gets it back", baking(1, **HELD), DIRTY, Act.RETURN_CANARY),
    ("it broke while the rest goes", baking(6, reverting=True), DIRTY, Act.RETURN_CANARY),
    ("the rest goes on", baking(6, reverting=True), CLEAN, Act.TAKE_OUT),
    ("a person's revert goes on", replace(ACTIVE, reverting=True), DIRTY, Act.TAKE_OUT),
    ("baking after an interrupted apply", baking(1, outcome=""), CLEAN, Act.WAIT),
    (
        "an interrupted apply is held",
        replace(ACTIVE, outcome="", **LONG_CLEAN, **HELD),
        CLEAN,
        Act.WAIT,
    ),
    (
        "nobody holds it",
        replace(ACTIVE, outcome="", hosts={"h1": HostRecord()}, **LONG_CLEAN),
        CLEAN,
        Act.TAKE_OUT,
    ),
    (
        "nobody who holds it answers",
        replace(ACTIVE, **LONG_CLEAN),
        replace(CLEAN, silent=("h1", "h2")),
        Act.WAIT,
    ),
    ("a reload lost it", ACTIVE, replace(DIRTY, lost=("h2",)), Act.BRING_IN),
    ("silent hosts are left", ACTIVE, replace(DIRTY, lost=("h2",), silent=("h2",)), Act.WAIT),
    (
        "a lost one is not put back when recovery makes it needless",
        replace(ACTIVE, **LONG_CLEAN),
        replace(CLEAN, lost=("h2",)),
        Act.REVERT_CANARY,
    ),
    (
        "a pending host came back",
        replace(ACTIVE, outcome="pending", hosts={"h1": ON, "h2": HostRecord(OnHost.UNREACHABLE)}),
        DIRTY,
        Act.BRING_IN,
    ),
    (
        "a person was asked for: nothing more is touched",
        replace(ACTIVE, outcome="person-needed", hosts={"h1": ON, "h2": HostRecord()}),
        DIRTY,
        Act.WAIT,
    ),
    ("take back was interrupted", replace(ACTIVE, taking_back=True), DIRTY, Act.TAKE_OUT),
    ("apply was interrupted", replace(ACTIVE, outcome=""), DIRTY, Act.WAIT),
]


@pytest.mark.parametrize(
    ("record", "seen", "act"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_step(record: Record, seen: Seen, act: Act) -> None:
    assert step(record, seen, NOW, PLAYBOOK).act is act


def test_canaries_are_chosen_among_hosts_that_answer() -> None:
    seen = replace(CLEAN, silent=("h1",))
    assert step(replace(ACTIVE, **LONG_CLEAN), seen, NOW, PLAYBOOK).hosts == ("h2",)


def test_a_streak_that_broke_off_says_why() -> None:
    record = replace(ACTIVE, clean_since=NOW, looks_clean=1, unwatched=timedelta(minutes=6))
    assert "nobody looked for 6m before" in step(record, CLEAN, NOW, PLAYBOOK).sentence


def verdict(state: State, *findings: Finding, servers: tuple[ServerState, ...] = ()) -> Verdict:
    return Verdict(
        zone="de.",
        state=state,
        findings=findings,
        servers=servers,
        at=NOW,
        rounds=1,
        duration_ms=1,
        queries=1,
    )


@pytest.mark.parametrize("state", [State.SECURE, State.INSECURE])
def test_clean_is_secure_or_provably_insecure(state: State) -> None:
    assert cleanness(verdict(state))[0]


@pytest.mark.parametrize("state", [State.BOGUS, State.INDETERMINATE])
def test_bogus_and_indeterminate_are_not_clean(state: State) -> None:
    assert not cleanness(verdict(state))[0]


def test_unreachable_is_not_clean() -> None:
    silent = Finding(cause=Cause.SERVER_UNREACHABLE, severity="warning", server="a.nic.de.")
    assert not cleanness(verdict(State.SECURE, silent))[0]


def test_one_odd_server_is_not_clean() -> None:
    odd = ServerState(name="z.nic.de.", address="10.0.0.1", state=State.BOGUS)
    assert not cleanness(verdict(State.SECURE, servers=(odd,)))[0]
