"""How fast one address is asked, and when it is given up: one rate and one breaker an address.

An address shared by a thousand zones is learned about once. It starts with a few questions in
flight and earns more by answering. Silence of one that has spoken is taken for a limit of its own
(response rate limiting, a slow machine): it is slowed down to the pace at which it answered.
Silence from the start is tried once more, with one question alone, and then the address is dead.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from orchestrator.dns.exchange import Failure

FIRST, MOST = 4, 24  # questions in flight: before the first answer, and at most
TRIES = 8  # of one question, at an address that does answer others
TRIALS = 4  # questions sent alone to an address that spoke before and no longer does
MARGIN = 1.3  # times the gap it kept up with: below its limit, not at it
LONGEST = 1.0  # seconds between two questions at the slowest
SHORTEST = 0.002  # seconds; a shorter gap is none
EASE = 0.95  # each answer shortens the gap


@dataclass(slots=True, eq=False)
class Query:
    """One question for one address, and in the end its reply: `wire`, or `error`.

    `name` is on the wire, in lower case. `tcp` wants no UDP first, or tells that UDP did not carry
    the answer. `owner` is the asker's own.
    """

    address: str
    name: bytes
    rdtype: int
    tcp: bool = False
    owner: object = None
    wire: bytes | None = None
    error: Failure = ""
    packet: bytes = b""
    sent: float = 0.0
    tries: int = 0
    flying: bool = False
    done: bool = False


@dataclass(slots=True, eq=False)
class Lane:
    """The questions for one address. Times are seconds of one monotonic clock.

    `gap` is its pace: seconds between two questions, 0 while only the number in flight is limited.
    What it does is counted from `since`; `trying`: one question alone finds out whether it lives.
    """

    address: str
    waiting: deque[Query] = field(default_factory=deque)
    flying: int = 0
    room: int = FIRST
    gap: float = 0.0
    next: float = 0.0
    heard: float = -1.0
    since: float = -1.0
    answered: int = 0
    trying: bool = False
    trials: int = 0
    failure: Failure = ""
    listed: bool = False

    def free(self) -> bool:
        """Is there a question, and room for it in flight?"""
        most = 1 if self.trying else self.room
        return bool(self.waiting) and self.flying < most

    def take(self, now: float) -> Query:
        """The next question, on its way from now."""
        query = self.waiting.popleft()
        query.sent, query.flying = now, True
        query.tries += 1
        self.flying += 1
        self.next = now + self.gap
        if self.since < 0:
            self.since = now
        return query

    def answer(self, query: Query, now: float) -> None:
        """One came back, perhaps late."""
        self._land(query)
        self.answered += 1
        self.heard = now
        self.trying, self.trials = False, 0
        if self.gap:
            self.gap = self.gap * EASE if self.gap > SHORTEST else 0.0
        elif self.room < MOST:
            self.room += 1

    def miss(self, query: Query, now: float) -> bool:
        """One did not; gives whether it waits for another try."""
        self._land(query)
        if query.sent >= self.since:  # else it went before what has been concluded already
            self._conclude(query, now)
        again = not self.failure and query.tries < TRIES
        if again:
            self.waiting.append(query)
        return again

    def _land(self, query: Query) -> None:
        self.flying -= query.flying
        query.flying = False

    def _conclude(self, query: Query, now: float) -> None:
        if self.trying:
            self.trials += 1
            if self.trials >= (TRIALS if self.heard >= 0 else 1):
                self.failure = "timeout"
        elif self.heard >= query.sent:
            self._slow_down(now)
        else:
            self.trying = True
            if self.heard >= 0:
                self._slow_down(now)
        self.since, self.answered = now, 0

    def _slow_down(self, now: float) -> None:
        """To the pace at which it answered since the last time."""
        pace = max(1, self.answered) / max(now - self.since, 0.001)
        self.gap = min(LONGEST, max(self.gap, MARGIN / pace))
        self.room = FIRST
