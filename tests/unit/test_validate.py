"""Every scene gets the right verdict, and a bogus one its cause."""

from __future__ import annotations

from dataclasses import replace

import pytest
from dns.rdatatype import RdataType
from scene_cases import Case, all_cases
from scene_edits import flipped, signatures, unsigned
from scene_world import anchor, scene
from scene_zones import Key
from scenes import Edit, Scene
from scripted import validated

from orchestrator.chain.vantage import Vantage
from orchestrator.model import Cause, Extent, Remedy, State, Validation
from orchestrator.report.answer import text

CASES = all_cases()


def judged(scene: Scene) -> Validation:
    vantage = Vantage(tuple(("a.root.", address) for address in scene.hints), scene.anchors)
    return validated(scene, vantage)


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_the_scene_is_judged_right(case: Case) -> None:
    verdict = judged(case.scene)
    assert verdict.state == State(case.state), text(verdict)
    if case.state == "bogus":
        assert verdict.extent is (Extent.PARTIAL if case.partial else Extent.WHOLE)
        assert verdict.findings[0].severity == "error"
    else:
        errors = [finding for finding in verdict.findings if finding.severity == "error"]
        assert bool(errors) == (case.state == "indeterminate")
    if case.cause:
        assert verdict.findings[0].cause == case.cause
    if "far" not in case.id:  # its name alone fills three lines
        assert max(len(line) for line in text(verdict).splitlines()) <= 80


@pytest.mark.parametrize("zone", [".", "example.com."])
def test_a_wrong_anchor_is_ours_and_calls_for_no_nta(zone: str) -> None:
    wrong = (anchor(zone, Key(zone, number=1).ds()),)
    verdict = judged(scene("www.example.com. A", anchors=wrong))
    assert (verdict.state, verdict.remedy) == (State.BOGUS, Remedy.NONE)
    assert verdict.findings[0].cause is Cause.TRUST_ANCHOR_MISMATCH


def test_an_anchor_that_was_revoked_since_is_ours_too() -> None:
    (case,) = (case for case in CASES if case.id == "key-revoked-nsec")
    anchored = replace(case.scene, anchors=(anchor("example.com."),))
    verdict = judged(anchored)
    assert (verdict.state, verdict.remedy) == (State.BOGUS, Remedy.NONE)
    assert verdict.findings[0].cause is Cause.TRUST_ANCHOR_MISMATCH


def test_a_stale_anchor_beside_one_that_fits_does_not_hide_the_zones_fault() -> None:
    """Some give anchors as DS and as DNSKEY; either may do."""
    key = Key("example.com.")
    both = (anchor("example.com.", Key("example.com.", number=1).ds()),)
    both += (anchor("example.com.", key.dnskey),)
    broken = Edit(signatures(flipped), "example.com.", "DNSKEY")
    verdict = judged(scene("www.example.com. A", "nsec", broken, anchors=both))
    assert (verdict.state, verdict.remedy) == (State.BOGUS, Remedy.NTA)
    assert verdict.findings[0].cause is Cause.RRSIG_INVALID


def test_what_is_bogus_from_the_root_on_calls_for_no_nta() -> None:
    verdict = judged(scene("www.example.com. A", "nsec", Edit(unsigned(), None, None)))
    assert (verdict.zone, verdict.state, verdict.remedy) == (".", State.BOGUS, Remedy.NONE)
    assert verdict.findings[0].cause is Cause.RRSIG_MISSING


def test_a_ds_that_does_not_validate_sends_to_the_child() -> None:
    verdict = judged(scene("www.example.com. A", "nsec", Edit(unsigned(RdataType.DS), None, None)))
    assert (verdict.state, verdict.remedy) == (State.BOGUS, Remedy.NTA)
    assert "`ntactl check com.`" in verdict.remedy_reason
