"""The journal folded: what stands now is a function of the events and the clock."""

from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.incident.journal import Event, Kind
from orchestrator.incident.lifecycle import OnHost, Phase, Record, fold, phase

T0 = datetime(2026, 5, 5, 22, 0, tzinfo=UTC)
END = T0 + timedelta(hours=4)
NTA = "de-4f2a91c0"


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def event(kind: Kind, seconds: float = 0, host: str = "", **data: object) -> Event:
    return Event(at=at(seconds), kind=kind, plan="4f2a91c0", ntas=(NTA,), host=host, data=data)


def started() -> Event:
    return event(
        Kind.APPLY_STARTED,
        ntas=[{"id": NTA, "zone": "de.", "ends_at": END.isoformat()}],
        reason="r",
        ticket="",
        created_by="a",
        approved_by=["b"],
        hosts=["h1", "h2"],
    )


def after(*events: Event) -> Record:
    return fold([started(), *events])[NTA]


def sent(host: str, seconds: float = 1, action: str = "apply") -> Event:
    return event(Kind.HOST_SENT, seconds, host, action=action)


def done(host: str, outcome: str, seconds: float = 2, action: str = "apply") -> Event:
    data = {"action": action, "outcome": outcome, "rule": "", "message": ""}
    return event(Kind.HOST_DONE, seconds, host, **data)


def failed(host: str, failure: str, action: str = "apply") -> Event:
    return event(Kind.HOST_FAILED, 2, host, action=action, failure=failure, message="")


def test_sent_may_hold_it_until_a_receipt_says_otherwise() -> None:
    assert after(sent("h1")).holding() == ("h1",)
    assert after(sent("h1"), failed("h1", "lost")).holding() == ("h1",)
    assert after(sent("h1"), done("h1", "undone")).holding() == ()


def test_never_reached_is_as_it_was() -> None:
    assert after(sent("h1"), failed("h1", "unreachable")).hosts["h1"].state is OnHost.UNREACHABLE
    held = after(sent("h1"), done("h1", "applied"), sent("h1", 5), failed("h1", "unreachable"))
    assert held.hosts["h1"].state is OnHost.APPLIED


def test_a_refused_revert_leaves_the_host_holding() -> None:
    record = after(sent("h1"), done("h1", "applied"), sent("h1", 5), done("h1", "refused", 6))
    assert record.hosts["h1"].state is OnHost.APPLIED


@pytest.mark.parametrize(("action", "state"), [("apply", OnHost.REFUSED), ("revert", OnHost.STUCK)])
def test_an_apply_refuses_only_where_nothing_is_stuck_any_more(action: str, state: OnHost) -> None:
    stuck = (sent("h1"), done("h1", "stuck"))
    again = (sent("h1", 3, action), done("h1", "refused", 4, action))
    assert after(*stuck, *again).hosts["h1"].state is state
    lost = (sent("h1", 3, action), failed("h1", "lost"))
    assert after(*stuck, *lost, *again).holding() == ("h1",)


@pytest.mark.parametrize("first", ["lost", "timeout", "killed", "unreadable", "no answer at all"])
@pytest.mark.parametrize("second", ["unreachable", "stopped", "refused"])
def test_a_second_program_that_did_nothing_does_not_tell_what_the_first_did(
    first: str, second: str
) -> None:
    begun = [sent("h1")] if first == "no answer at all" else [sent("h1"), failed("h1", first)]
    end = done("h1", "refused", 4) if second == "refused" else failed("h1", second)
    assert after(*begun, sent("h1", 3), end).holding() == ("h1",)


@pytest.mark.parametrize("outcome", ["undone", "reverted"])
def test_a_receipt_tells(outcome: str) -> None:
    record = after(sent("h1"), failed("h1", "lost"), sent("h1", 3), done("h1", outcome, 4))
    assert record.holding() == ()


@pytest.mark.parametrize(
    "second", [failed("h1", "unreachable", "revert"), done("h1", "refused", 6, "revert")]
)
def test_a_second_revert_that_did_nothing_leaves_it_out(second: Event) -> None:
    on = (sent("h1"), done("h1", "applied"))
    out = (sent("h1", 3, "revert"), done("h1", "reverted", 4, "revert"))
    assert after(*on, *out, sent("h1", 5, "revert"), second).reverted() == ("h1",)


def test_taken_out_once_more_it_does_not_end_a_second_time() -> None:
    ends = [
        event(Kind.REVERT_ENDED, seconds, why=why) for seconds, why in ((5, "recovered"), (9, "x"))
    ]
    again = event(Kind.REVERT_STARTED, 8, stage="all", hosts=["h1"], why="x")
    record = after(ends[0], again, ends[1])
    assert (record.ended_at, record.ended_why, record.reverting) == (at(5), "recovered", False)


def test_a_host_that_was_not_begun_is_as_it_was() -> None:
    assert after(sent("h1"), failed("h1", "stopped")).hosts["h1"].state is OnHost.PLANNED


def test_a_renewal_that_failed_leaves_the_nta_standing() -> None:
    on = (sent("h1"), done("h1", "applied"), sent("h1", 5, "renew"))
    record = after(*on, done("h1", "undone", 6, "renew"))
    assert record.hosts["h1"].state is OnHost.APPLIED


def test_a_host_that_does_not_verify_is_known_until_it_does() -> None:
    on = (sent("h1"), done("h1", "applied"))
    bad = event(Kind.WAVE_VERIFIED, 3, hosts=[], complaints={"h1": "SERVFAIL"})
    assert after(*on, bad).unverified() == {"h1": "SERVFAIL"}
    kept = after(*on, bad, sent("h1", 4, "revert"), failed("h1", "unreachable"))
    assert kept.unverified() == {"h1": "SERVFAIL"}
    good = event(Kind.WAVE_VERIFIED, 5, hosts=["h1"], complaints={})
    assert after(*on, bad, good).unverified() == {}


def test_phase_follows_the_clock_alone() -> None:
    record = after(event(Kind.APPLY_ENDED, 5, outcome="done"))
    assert phase(record, at(10)) is Phase.ACTIVE
    assert phase(record, END) is Phase.EXPIRED


def test_the_end_wins_over_a_hold() -> None:
    held = event(Kind.HELD, 6, until=END.isoformat(), reason="r")
    record = after(event(Kind.APPLY_ENDED, 5, outcome="done"), held)
    assert phase(record, at(10)) is Phase.HELD
    assert phase(record, END) is Phase.EXPIRED


def looked(seconds: float, *, clean: bool) -> Event:
    return event(Kind.LOOKED, seconds, clean=clean, state="secure" if clean else "bogus")


def test_a_clean_streak_starts_anew_after_a_bad_look() -> None:
    record = after(looked(10, clean=True), looked(20, clean=False), looked(30, clean=True))
    assert (record.clean_since, record.looks_clean) == (at(30), 1)


def test_a_clean_streak_starts_anew_after_a_gap_in_which_nobody_looked() -> None:
    record = after(looked(10, clean=True), looked(20, clean=True), looked(500, clean=True))
    assert (record.clean_since, record.looks_clean) == (at(500), 1)
    assert record.unwatched == timedelta(seconds=480)


def test_a_hold_wins_over_canaries_that_bake_and_over_an_interrupted_apply() -> None:
    hold = event(Kind.HELD, 60, until=END.isoformat(), reason="r")
    canary = event(Kind.REVERT_STARTED, 50, stage="canary", hosts=["h1"], why="w")
    done_ = event(Kind.APPLY_ENDED, 5, outcome="done")
    assert phase(after(done_, canary), at(70)) is Phase.BAKING
    assert phase(after(done_, canary, hold), at(70)) is Phase.HELD
    assert phase(after(canary), at(70)) is Phase.BAKING
    assert phase(after(hold), at(70)) is Phase.HELD


def test_a_revert_that_stopped_is_not_gone_on_with() -> None:
    record = after(
        event(Kind.APPLY_ENDED, 5, outcome="done"),
        event(Kind.REVERT_STARTED, 50, stage="all", hosts=["h1"], why="w"),
        event(Kind.REVERT_STOPPED, 51, why="w"),
    )
    assert phase(record, at(60)) is Phase.ACTIVE


def test_a_renewal_moves_the_end_and_warns_again() -> None:
    later = END + timedelta(hours=2)
    record = after(
        event(Kind.TOLD, 10, what="ends-soon-20"),
        event(Kind.RENEWED, 20, ends_at=later.isoformat(), renewal="x"),
    )
    assert (record.ends_at, record.told) == (later, frozenset())


def test_a_returned_canary_waits_for_its_nta_again() -> None:
    record = after(
        sent("h1"),
        done("h1", "applied"),
        event(Kind.APPLY_ENDED, 5, outcome="done"),
        event(Kind.REVERT_STARTED, 50, stage="canary", hosts=["h1"], why="w"),
        done("h1", "reverted", 51),
        event(Kind.CANARY_RETURNED, 60, why="w", hosts=["h1"]),
    )
    assert record.canaries == ()
    assert "h1" in record.pending()


def test_after_a_take_back_nothing_is_pending_and_it_has_ended() -> None:
    record = after(
        sent("h1"),
        done("h1", "applied"),
        event(Kind.TAKE_BACK_STARTED, 3, why="w"),
        done("h1", "reverted", 4),
        event(Kind.APPLY_ENDED, 5, outcome="taken-back"),
    )
    assert not record.live()
    assert record.pending() == ()


def test_what_was_accepted_stays_on_record_and_later_starts_add_to_it() -> None:
    told = {"rule": "budget", "by": "ann", "what": "w"}
    first = started().model_copy(update={"data": {**started().data, "accepted": [told]}})
    record = fold([first, started()])[NTA]
    assert [(a.rule, a.by) for a in record.accepted] == [("budget", "ann")]
    assert after().accepted == ()
