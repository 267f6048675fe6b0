"""Whatever servers send, `validate` ends, with a verdict, and never calls a bogus scene secure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutations import CHANGES
from scene_cases import Case, all_cases
from scripted import validated

from orchestrator.chain.vantage import Vantage
from orchestrator.model import State
from orchestrator.report.answer import text

# What makes these bogus is a record, or a signature, too many: without it the rest is a proof. And
# where one of two servers is bad, no answer from it at all leaves the good one.
TOO_MANY = ("nodata-wildcard-encloser", "nodata-soa-", "nx-soa-", "dnskey-added", "record-added")
CASES = all_cases()
MOST = 400  # questions of one answer; a sound scene takes about ten


@pytest.mark.fuzz
@given(
    case=st.sampled_from(CASES),
    changes=st.dictionaries(st.integers(0, 12), CHANGES, min_size=1, max_size=4),
    ever=st.booleans(),
)
def test_changed_answers_never_make_a_bogus_scene_secure(
    case: Case, changes: dict, ever: bool
) -> None:  # type: ignore[type-arg]
    """`ever`: the change comes again in every later answer."""
    asked = 0

    def change(wire: bytes) -> bytes:
        nonlocal asked
        asked += 1
        assert asked < MOST
        for number, one in changes.items():
            if asked - 1 == number or (ever and asked > number):
                wire = one(wire)[:65535]
        return wire

    vantage = Vantage(tuple(("a.root.", a) for a in case.scene.hints), case.scene.anchors)
    verdict = validated(case.scene, vantage, change=change)
    curable = case.partial or case.id.startswith(TOO_MANY)
    assert case.state != "bogus" or curable or verdict.state is not State.SECURE, text(verdict)
    assert text(verdict)
