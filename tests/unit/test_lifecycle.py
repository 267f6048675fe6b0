"""The journal folded: what stands now is a function of the events and the clock."""

from datetime import UTC, datetime, timedelta

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


def sent(host: str, seconds: float = 1) -> Event:
    return event(Kind.HOST_SENT, seconds, host, action="apply")


def done(host: str, outcome: str, seconds: float = 2) -> Event:
    return event(Kind.HOST_DONE, seconds, host, outcome=outcome, rule="", message="")


def failed(host: str, failure: str) -> Event:
    return event(Kind.HOST_FAILED, 2, host, failure=failure, message="")


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


def test_a_lost_connection_then_a_refusal_means_nothing_was_done() -> None:
    record = after(sent("h1"), failed("h1", "lost"), sent("h1", 3), done("h1", "refused", 4))
    assert record.hosts["h1"].state is OnHost.REFUSED


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
        event(Kind.CANARY_RETURNED, 60, why="w"),
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
