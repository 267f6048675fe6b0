"""Hosts take turns: so many at a time, each with its own clock, and each fails alone."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future
from contextlib import suppress
from dataclasses import dataclass, field

from orchestrator.fleet.inventory import Host
from orchestrator.fleet.jumps import Jumps
from orchestrator.fleet.outcome import FailureError, Kind, Outcome
from orchestrator.fleet.peer import Peer, Route
from orchestrator.fleet.reach import YOUNG, Reach, Socket


def never() -> bool:
    """Nobody asks to stop."""
    return False


@dataclass
class Turn:
    """A host's turn: the clock runs from the moment we set out for the host.

    `sock` is a connection that has answered. `sent` is true from the moment on in which the host
    may have the program. `wake` ends a wait that has no end of its own.
    """

    host: Host
    program: str
    seconds: float
    jumps: Jumps
    route: Route = ()
    until: float = float("inf")
    sock: Socket | None = None
    sent: bool = False
    wake: Callable[[], None] | None = None

    def start(self) -> None:
        """Let the clock run, unless it does."""
        self.until = min(self.until, time.monotonic() + self.seconds)

    def put_down(self) -> None:
        """Close the connection that nobody took up."""
        if self.sock is not None:
            self.sock.close()

    def left(self) -> float:
        """Seconds left. Raises FailureError when there are none."""
        seconds = self.until - time.monotonic()
        if seconds > 0:
            return seconds
        if not self.sent:
            text = f"no session within {self.seconds:g} s; nothing was sent"
            raise FailureError("unreachable", text)
        text = f"no end within {self.seconds:g} s; the host goes on alone, its receipt waits there"
        raise FailureError("timeout", text)


def take(turn: Turn, work: Callable[[Turn], Outcome]) -> Outcome:
    """Do one turn's work; whatever goes wrong is an outcome of this host, not an error."""
    turn.start()
    try:
        return work(turn)
    except FailureError as failure:
        return failure.outcome(turn.host.name)
    except Exception as error:  # noqa: BLE001 - what one host provokes must not stop the others
        kind: Kind = "lost" if turn.sent else "unreachable"
        text = f"unexpected {type(error).__name__}: {error}"
        return FailureError(kind, text).outcome(turn.host.name)
    finally:
        turn.put_down()


def nowhere(_turn: Turn) -> None:
    """No connection has to be opened before a thread takes the turn up."""


@dataclass
class Turns:
    """The turns of one run: `width` at a time, and none begins once `stopping()` is true.

    `first` names the peer that must have answered within `patience` seconds before a thread is
    spent on the turn.
    """

    pool: Executor
    width: int
    todo: deque[Turn]
    work: Callable[[Turn], Outcome]
    stopping: Callable[[], bool]
    first: Callable[[Turn], Peer | None] = nowhere
    patience: float = 10.0
    begun: dict[Future[Outcome], Turn] = field(default_factory=dict)
    finished: deque[Future[Outcome]] = field(default_factory=deque)  # of those, not yet told
    reach: Reach[Turn] = field(init=False)

    def outcomes(self) -> Iterator[Outcome]:
        """Begin turns as others end; give each host's outcome when it is there."""
        self.reach = Reach()
        try:
            while self.todo or self.begun or self.reach.busy:
                yield from self._called_off()
                self._begin()
                self.reach.wait(self._pause())
                yield from self._ended()
                self._wake_overdue()
        finally:
            for future, turn in self.begun.items():
                if future.cancel():
                    turn.put_down()
            self.reach.close()

    def _pause(self) -> float:
        """Seconds to wait; none when an outcome is there, whose ring was heard before."""
        if self.reach.failed or self.finished:
            return 0
        return YOUNG if self.reach.waiting else 1.0

    def to_the_end(self) -> None:
        """Take all turns for what they leave behind; nobody hears how they went."""
        with suppress(CancelledError, RuntimeError):  # the pool may close meanwhile
            for _ in self.outcomes():
                pass

    def _ended(self) -> Iterator[Outcome]:
        while self.finished:
            future = self.finished.popleft()
            del self.begun[future]
            self._begin()  # before the caller takes its time with this outcome
            yield future.result()
        while self.reach.failed:
            turn, failure = self.reach.failed.popleft()
            self._begin()
            yield failure.outcome(turn.host.name)

    def _begin(self) -> None:
        self.reach.wait(0)
        if self.stopping():
            return
        free = self.width - len(self.begun) + len(self.finished)
        while self.reach.answered and free > 0:
            turn, sock = self.reach.answered.popleft()
            turn.sock = sock
            self._submit(turn)
            free -= 1
        free -= self.reach.young()
        while self.todo and free > 0:
            self._set_out(self.todo.popleft())
            free -= 1

    def _set_out(self, turn: Turn) -> None:
        turn.start()
        peer = self.first(turn)
        if peer is None:
            self._submit(turn)
        else:
            self.reach.begin(turn, peer, min(self.patience, turn.seconds))

    def _submit(self, turn: Turn) -> None:
        future = self.pool.submit(take, turn, self.work)
        self.begun[future] = turn
        future.add_done_callback(self._finish)

    def _finish(self, future: Future[Outcome]) -> None:
        self.finished.append(future)
        self.reach.ring()

    def _called_off(self) -> Iterator[Outcome]:
        if not self.stopping():
            return
        turns = [*self.reach.call_off(), *self.todo]
        self.todo.clear()
        for turn in turns:
            failure = FailureError("stopped", "not begun: stopped on request")
            yield failure.outcome(turn.host.name)

    def _wake_overdue(self) -> None:
        """Wake threads whose host is silent at a point where paramiko itself would not."""
        now = time.monotonic()
        for turn in self.begun.values():
            if now > turn.until + 1 and turn.wake is not None:
                turn.wake()
