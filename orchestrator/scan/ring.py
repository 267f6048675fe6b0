"""Which of a zone's ring of denials was seen so far, and names whose place is elsewhere."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from orchestrator.scan.denial import Nsec, Nsec3, within

SPANS = 6  # of the ring that are looked at in all: of .de's, half were good in 2026
DRAWS = 32  # random names, to find some in spans not seen yet
HASHES = 5000  # of SHA-1 at most, spent on that: at 150 iterations all DRAWS, 2 ms
SPREAD = 3  # times the names that are wanted are drawn, to take those that are far apart

T = TypeVar("T")


@dataclass(slots=True)
class Seen:
    """The spans that answers have shown: where each begins, and where it ends."""

    proof: Nsec | Nsec3 | None = None
    spans: dict[Any, Any] = field(default_factory=dict)

    def add(self, proof: Nsec | Nsec3) -> None:
        """What one answer shows; all of a zone are of the same kind."""
        self.proof = self.proof or proof
        self.spans |= proof.places()

    def unseen(self, draw: Callable[[int], Iterator[bytes]]) -> list[bytes]:
        """As many names as spans are missing to SPANS, out of `draw`; none when none is found.

        They are far apart: two that turn out to be in the same span tell nothing new.
        """
        missing = SPANS - len(self.spans)
        if self.proof is None or missing <= 0:
            return []
        starts = sorted(self.spans)
        found: list[tuple[bool, Any, bytes]] = []
        for name in draw(min(DRAWS, HASHES // (1 + self.proof.iterations) + 1)):
            place = self.proof.place(name)
            before = starts[bisect_right(starts, place) - 1]  # of what is before all: the last
            if not within(place, before, self.spans[before]):
                found.append((place < starts[0], place, name))
                if len(found) == SPREAD * missing:
                    break
        found.sort()
        return [name for _, _, name in _spread(found, missing)]


def _spread(listed: Sequence[T], count: int) -> list[T]:
    """So many of a list, its first and last among them, and the others evenly between."""
    if count == 1 or len(listed) <= count:
        return list(listed[:count])
    return [listed[number * (len(listed) - 1) // (count - 1)] for number in range(count)]
