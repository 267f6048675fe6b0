"""The jump hosts of one run: each is connected to once, and one that fails is not tried again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from orchestrator.fleet.outcome import FailureError
from orchestrator.fleet.peer import Route

T = TypeVar("T")


@dataclass
class _Door:
    lock: threading.Lock = field(default_factory=threading.Lock)
    failure: FailureError | None = None


class Jumps:
    """A door for each jump host, so that a dead one holds up only the hosts behind it."""

    def __init__(self) -> None:
        self._doors: dict[Route, _Door] = {}
        self._lock = threading.Lock()

    def open(self, way: Route, left: Callable[[], float], connect: Callable[[], T]) -> T:
        """What `connect` gives for the end of `way`, a jump host; one thread at a time calls it.

        Raises FailureError: `connect`'s own, to everybody who comes later in this run too, or
        that of `left` (seconds left) when there are none.
        """
        with self._lock:
            door = self._doors.setdefault(way, _Door())
        while not door.lock.acquire(timeout=left()):
            pass  # left() raises
        try:
            return _through(door, connect)
        finally:
            door.lock.release()


def _through(door: _Door, connect: Callable[[], T]) -> T:
    if door.failure is None:
        try:
            return connect()
        except FailureError as failure:
            door.failure = failure
    raise FailureError(door.failure.kind, f"the jump host: {door.failure}")
