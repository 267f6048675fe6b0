"""Whatever servers send, `judge` gives a verdict."""

from __future__ import annotations

import struct
from functools import cache

import dns.name
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutations import CHANGES
from signed_world import recorded

from orchestrator.chain.evidence import Evidence, Sight
from orchestrator.chain.judge import judge
from orchestrator.model import State

NAMES = ("healthy", "de-2026-1", "de-2010-1", "bw-1", "al-2026-3")
SIGHTS = 60  # of one case: enough of every kind, and quick


@cache
def part(case: str) -> Evidence:
    """A tenth of a recorded case, every kind of question among it."""
    evidence = recorded(case)
    kinds: dict[tuple[str, str], list[Sight]] = {}
    for sight in evidence.sights:
        kinds.setdefault((sight.cut, sight.purpose), []).append(sight)
    most = SIGHTS // len(kinds)
    kept = tuple(sight for sights in kinds.values() for sight in sights[:most])
    return evidence.model_copy(update={"sights": kept})


@pytest.mark.fuzz
@given(
    case=st.sampled_from(NAMES),
    changes=st.lists(st.tuples(st.integers(0, SIGHTS - 1), CHANGES), min_size=1, max_size=12),
    everywhere=st.booleans(),
)
def test_changed_answers_never_raise_nor_unsign_a_zone(
    case: str, changes: list, everywhere: bool
) -> None:  # type: ignore[type-arg]
    evidence = part(case)
    sights = list(evidence.sights)
    for number, change in changes:
        for at in range(number, len(sights) if everywhere else number + 1):
            if at < len(sights) and (wire := sights[at].wire):
                sights[at] = sights[at].model_copy(update={"wire": change(wire)})
    changed = evidence.model_copy(update={"sights": tuple(sights)})
    state = judge(changed, evidence.at).state
    assert case == "al-2026-3" or state is not State.INSECURE


@pytest.mark.parametrize("opcode", [0, 5])
@pytest.mark.parametrize("rdclass", [1, 3, 254, 255])
def test_records_without_data_never_raise(opcode: int, rdclass: int) -> None:
    """An UPDATE gives records without data, of classes NONE and ANY, a meaning of their own."""
    evidence = part("healthy")
    sights = tuple(
        sight.model_copy(update={"wire": _bare(sight, opcode, rdclass)})
        for sight in evidence.sights
    )
    verdict = judge(evidence.model_copy(update={"sights": sights}), evidence.at)
    assert verdict.state in (State.INDETERMINATE, State.BOGUS)


def _bare(sight: Sight, opcode: int, rdclass: int) -> bytes:
    """A response that repeats the question in every section, with empty records of a class."""
    name = dns.name.from_text(sight.name).to_wire()
    rdtype = dns.rdatatype.from_text(sight.type)
    record = name + struct.pack("!HHIH", rdtype, rdclass, 0, 0)
    header = struct.pack("!HHHHHH", 1, 0x8400 | opcode << 11, 1, 1, 1, 1)
    return header + name + struct.pack("!HH", rdtype, 1) + 3 * record
