"""Hosts take turns: so many at a time, each with its own clock, and each fails alone."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field

from orchestrator.fleet.inventory import Host
from orchestrator.fleet.jumps import Jumps
from orchestrator.fleet.outcome import FailureError, Kind, Outcome


def never() -> bool:
    """Nobody asks to stop."""
    return False


@dataclass
class Turn:
    """A host's turn: it starts when a thread takes it up, and the clock runs from there.

    `sent` is true from the moment on in which the host may have the program. `wake` ends a wait
    that has no end of its own.
    """

    host: Host
    program: str
    seconds: float
    jumps: Jumps
    until: float = float("inf")
    sent: bool = False
    wake: Callable[[], None] | None = None

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
    turn.until = time.monotonic() + turn.seconds
    try:
        return work(turn)
    except FailureError as failure:
        return failure.outcome(turn.host.name)
    except Exception as error:  # noqa: BLE001 - what one host provokes must not stop the others
        kind: Kind = "lost" if turn.sent else "unreachable"
        text = f"unexpected {type(error).__name__}: {error}"
        return FailureError(kind, text).outcome(turn.host.name)


@dataclass
class Turns:
    """The turns of one run: `width` at a time, and none begins once `stopping()` is true."""

    pool: Executor
    width: int
    todo: deque[Turn]
    work: Callable[[Turn], Outcome]
    stopping: Callable[[], bool]
    begun: dict[Future[Outcome], Turn] = field(default_factory=dict)

    def outcomes(self) -> Iterator[Outcome]:
        """Begin turns as others end; give each host's outcome when it is there."""
        try:
            while self.todo or self.begun:
                yield from self._called_off()
                self._begin()
                done, _ = wait(self.begun, timeout=1.0, return_when=FIRST_COMPLETED)
                for future in done:
                    del self.begun[future]
                    self._begin()  # before the caller takes its time with this outcome
                    yield future.result()
                self._wake_overdue()
        finally:
            for future in self.begun:
                future.cancel()

    def _begin(self) -> None:
        free = self.width - sum(not future.done() for future in self.begun)
        while self.todo and free > 0 and not self.stopping():
            turn = self.todo.popleft()
            self.begun[self.pool.submit(take, turn, self.work)] = turn
            free -= 1

    def _called_off(self) -> Iterator[Outcome]:
        while self.todo and self.stopping():
            turn = self.todo.popleft()
            failure = FailureError("stopped", "not begun: stopped on request")
            yield failure.outcome(turn.host.name)

    def _wake_overdue(self) -> None:
        """Wake threads whose host is silent at a point where paramiko itself would not."""
        now = time.monotonic()
        for turn in self.begun.values():
            if now > turn.until + 1 and turn.wake is not None:
                turn.wake()
