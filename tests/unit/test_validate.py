"""Every scene gets the right verdict, and a bogus one its cause."""

from __future__ import annotations

import pytest
from scene_cases import Case, all_cases
from scripted import validated

from orchestrator.chain.vantage import Vantage
from orchestrator.model import Extent, State
from orchestrator.report.answer import text

CASES = all_cases()


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_the_scene_is_judged_right(case: Case) -> None:
    scene = case.scene
    vantage = Vantage(tuple(("a.root.", address) for address in scene.hints), scene.anchors)
    verdict = validated(scene, vantage)
    assert verdict.state == State(case.state), text(verdict)
    if case.state == "bogus":
        assert verdict.extent is (Extent.PARTIAL if case.partial else Extent.WHOLE)
        assert verdict.findings[0].severity == "error"
    else:
        errors = [finding for finding in verdict.findings if finding.severity == "error"]
        assert bool(errors) == (case.state == "indeterminate")
    if case.cause:
        assert verdict.findings[0].cause == case.cause
    assert max(len(line) for line in text(verdict).splitlines()) <= 80
