"""Names in parts of a zone's ring that were not seen yet."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from orchestrator.dns import wire
from orchestrator.dns.wire import NSEC
from orchestrator.scan.denial import Nsec, order
from orchestrator.scan.ring import DRAWS, SPANS, Seen
from orchestrator.scan.sound import Doubt, Rrset

ZONE = wire.to_name("de.")
TYPES = b"\x00\x01\x40"  # A


def ring(count: int) -> list[Nsec]:
    """The spans of a zone whose names are spread evenly, each as one answer shows it."""
    step = 26 * 26 // count
    places = range(0, step * count, step)
    owners = [wire.to_name(f"{chr(97 + n // 26)}{chr(97 + n % 26)}.de.") for n in places]
    pairs = [*pairwise([ZONE, *owners]), (owners[-1], ZONE)]
    return [Nsec(ZONE, [Rrset(a, NSEC, [b + TYPES], [])]) for a, b in pairs]


def covering(spans: list[Nsec], name: bytes) -> Nsec:
    """The span that an answer about `name` shows."""
    return [one for one in spans if order(next(iter(one.spans))) < order(name)][-1]


def drawer(seed: int) -> random.Random:
    return random.Random(seed)


def letters(rng: random.Random) -> bytes:
    return wire.to_name("".join(chr(97 + rng.randrange(26)) for _ in range(8)) + ".de.")


def endless(rng: random.Random) -> Callable[[int], Iterator[bytes]]:
    return lambda count: (letters(rng) for _ in range(count))


def never(_: int) -> Iterator[bytes]:
    pytest.fail("nothing is to be drawn")


@pytest.mark.parametrize("seed", range(20))
def test_one_round_shows_almost_all_that_is_missing(seed: int) -> None:
    """Of a small zone too, where names drawn blindly meet in one span as often as not."""
    spans, rng, seen = ring(9), drawer(seed), Seen()
    for one in rng.sample(spans, 3):
        seen.add(one)
    for name in seen.unseen(endless(rng)):
        seen.add(covering(spans, name))
    assert len(seen.spans) >= SPANS - 1


def test_every_name_is_in_a_span_not_seen_yet() -> None:
    spans, rng, seen = ring(9), drawer(1), Seen()
    for one in spans[2:6]:
        seen.add(one)
    names = seen.unseen(endless(rng))
    assert len(names) == SPANS - 4
    assert not {id(covering(spans, name)) for name in names} & {id(one) for one in spans[2:6]}


def test_a_ring_that_was_seen_whole_has_no_such_names() -> None:
    spans, rng, drawn, seen = ring(3), drawer(1), [], Seen()
    for one in spans:
        seen.add(one)

    def draw(count: int) -> Iterator[bytes]:
        for name in endless(rng)(count):
            drawn.append(name)
            yield name

    assert seen.unseen(draw) == []
    assert len(drawn) <= DRAWS


def test_enough_spans_need_no_more() -> None:
    seen = Seen()
    for one in ring(9)[:SPANS]:
        seen.add(one)
    assert seen.unseen(never) == []
    assert Seen().unseen(never) == []


def test_a_wildcard_that_is_an_empty_non_terminal_is_a_doubt() -> None:
    """RFC 4592 section 2.2.2: a name under it exists, so NXDOMAIN is wrong."""
    owner = wire.to_name("x.*.de.")
    spans = [Rrset(ZONE, NSEC, [owner + TYPES], []), Rrset(owner, NSEC, [ZONE + TYPES], [])]
    with pytest.raises(Doubt, match="empty non-terminal"):
        Nsec(ZONE, spans).nxdomain(wire.to_name("abc.de."))
