"""Hosts take turns: how many at a time, who no longer begins, and how a turn fails alone."""

import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import pytest
from hands import a_host

from orchestrator.fleet.jumps import Jumps
from orchestrator.fleet.outcome import FailureError, Outcome
from orchestrator.fleet.peer import Peer
from orchestrator.fleet.turn import Turn, Turns, never, take

HOP = (Peer("root", "192.0.2.9", 22),)


def a_turn(name: str = "h1", seconds: float = 60) -> Turn:
    return Turn(a_host(name=name), "true", seconds, Jumps())


def fine(turn: Turn) -> Outcome:
    return Outcome(turn.host.name, 0, "", "", "ok")


@pytest.mark.parametrize(("sent", "kind"), [(False, "unreachable"), (True, "lost")])
def test_an_unexpected_error_is_this_hosts_alone_and_one_line(sent: bool, kind: str) -> None:
    def surprise(turn: Turn) -> Outcome:
        turn.sent = sent
        raise ZeroDivisionError("two\nlines")

    outcome = take(a_turn(), surprise)
    assert (outcome.host, outcome.kind, outcome.exit) == ("h1", kind, None)
    assert outcome.error == "unexpected ZeroDivisionError: two\\nlines"


@pytest.mark.parametrize(("sent", "kind"), [(False, "unreachable"), (True, "timeout")])
def test_time_that_runs_out_means_what_was_sent(sent: bool, kind: str) -> None:
    def slow(turn: Turn) -> Outcome:
        turn.sent = sent
        turn.until = time.monotonic()
        turn.left()
        return fine(turn)

    assert take(a_turn(), slow).kind == kind


def test_turns_begin_when_there_is_room() -> None:
    begun: list[str] = []

    def work(turn: Turn) -> Outcome:
        begun.append(turn.host.name)
        time.sleep(0.05)
        return fine(turn)

    with ThreadPoolExecutor(2) as pool:
        todo = deque(a_turn(f"h{n}") for n in range(10))
        outcomes = Turns(pool, 2, todo, work, never).outcomes()
        next(outcomes)
        time.sleep(0.3)
        assert len(begun) <= 4
        assert len(list(outcomes)) == 9
    assert sorted(begun) == [f"h{n}" for n in range(10)]


def test_what_ends_while_the_caller_takes_its_time_is_given_at_once() -> None:
    def work(turn: Turn) -> Outcome:
        time.sleep(0.02 * int(turn.host.name[1:]))
        return fine(turn)

    with ThreadPoolExecutor(8) as pool:
        todo = deque(a_turn(f"h{n}") for n in range(8))
        began = time.monotonic()
        for _ in Turns(pool, 8, todo, work, never).outcomes():
            time.sleep(0.03)
        assert time.monotonic() - began < 0.9


def test_who_was_not_begun_is_told_while_others_are_in_flight() -> None:
    asked, go_on = threading.Event(), threading.Event()

    def work(turn: Turn) -> Outcome:
        asked.set()
        go_on.wait(20)
        return fine(turn)

    with ThreadPoolExecutor(1) as pool:
        todo = deque(a_turn(f"h{n}") for n in range(3))
        outcomes = Turns(pool, 1, todo, work, asked.is_set).outcomes()
        assert [next(outcomes).kind for _ in range(2)] == ["stopped", "stopped"]
        go_on.set()
        assert [outcome.kind for outcome in outcomes] == ["ok"]


def test_a_jump_host_that_failed_is_not_tried_again_in_this_run() -> None:
    jumps, tries = Jumps(), []

    def connect() -> str:
        tries.append(1)
        raise FailureError("auth", "no key")

    for _ in range(3):
        with pytest.raises(FailureError, match="the jump host: no key") as caught:
            jumps.open(HOP, lambda: 20.0, connect)
        assert caught.value.kind == "auth"
    assert len(tries) == 1
    assert Jumps().open(HOP, lambda: 20.0, lambda: "open") == "open"


def test_a_thread_that_waits_for_a_jump_host_heeds_its_own_clock() -> None:
    jumps, inside, go_on = Jumps(), threading.Event(), threading.Event()

    def slow() -> str:
        inside.set()
        go_on.wait(20)
        return "open"

    thread = threading.Thread(target=lambda: jumps.open(HOP, lambda: 20.0, slow))
    thread.start()
    inside.wait(20)
    outcome = take(a_turn(seconds=0.1), lambda turn: jumps.open(HOP, turn.left, lambda: fine(turn)))
    assert (outcome.kind, "nothing was sent" in outcome.error) == ("unreachable", True)
    other = (Peer("root", "192.0.2.8", 22),)
    assert jumps.open(other, lambda: 20.0, lambda: "open") == "open"
    go_on.set()
    thread.join()
