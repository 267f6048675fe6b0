"""Recorded outages judged again: tests/cases/chain/NAME/{evidence.json.gz, expect.json}.

expect.json: `state`, `extent` (those that are right), `remedy`, `exit`, `main` (the cause of
findings[0], null for none), `must` and `must_not`: each a part of a finding, `detail` by its start.
"""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import dns.rdatatype
import pytest

from orchestrator.chain.evidence import Evidence, load
from orchestrator.chain.judge import judge
from orchestrator.model import Remedy, State, Verdict
from orchestrator.report.verdict import WIDTH, exit_code, text

CASES = sorted((Path(__file__).parents[1] / "cases" / "chain").iterdir())


def evidence_of(name: str) -> Evidence:
    return load(CASES[0].parent / name / "evidence.json.gz")


def judged(case: Path) -> Verdict:
    evidence = load(case / "evidence.json.gz")
    return judge(evidence, evidence.at)


def fits(finding: dict[str, Any], part: dict[str, Any]) -> bool:
    rest = {key: value for key, value in part.items() if key != "detail"}
    starts = finding["detail"].startswith(part.get("detail", ""))
    return starts and all(finding[key] == value for key, value in rest.items())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_recorded_outage_gets_its_verdict_again(case: Path) -> None:
    expect = json.loads((case / "expect.json").read_text())
    verdict = judged(case)
    findings = [finding.model_dump(mode="json") for finding in verdict.findings]
    assert verdict.state == expect["state"]
    assert verdict.extent in expect["extent"]
    assert verdict.remedy == expect["remedy"]
    assert exit_code(verdict) == expect["exit"]
    assert (findings[0]["cause"] if findings else None) == expect["main"]
    for part in expect["must"]:
        assert any(fits(finding, part) for finding in findings), (part, findings)
    for part in expect["must_not"]:
        assert not any(fits(finding, part) for finding in findings), (part, findings)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_findings_name_real_rrsets_and_fit_a_terminal(case: Path) -> None:
    verdict = judged(case)
    for finding in verdict.findings:
        assert finding.rrset is None or dns.rdatatype.from_text(finding.rrset)
    assert max(map(len, text(verdict).splitlines())) <= WIDTH


def test_judging_is_pure() -> None:
    for case in CASES:
        assert judged(case) == judged(case)


def test_a_whole_zone_far_in_the_future_blames_the_clock_and_offers_no_nta() -> None:
    evidence = evidence_of("healthy")
    verdict = judge(evidence, evidence.at + timedelta(days=400))
    assert verdict.state is State.INDETERMINATE
    assert verdict.findings[0].cause == "clock-suspect"
    assert verdict.remedy is Remedy.ESCALATE
    assert exit_code(verdict) == 12


def test_an_anchor_that_fits_nothing_is_told_beside_a_matrix_without_faults() -> None:
    evidence = evidence_of("healthy")
    foreign = (". IN DS 1 13 2 " + "00" * 32,)
    verdict = judge(evidence.model_copy(update={"anchors": foreign}), evidence.at)
    assert verdict.findings[0].cause == "trust-anchor-mismatch"
    assert verdict.state is State.INDETERMINATE
    assert "the chain above the zone is broken" in text(verdict)


def test_skew_forgives_as_many_seconds_and_no_more() -> None:
    evidence = evidence_of("healthy")
    late = evidence.at + timedelta(days=14, minutes=10)
    assert judge(evidence, late, skew=86400).state is State.SECURE
    assert judge(evidence, late, skew=1).state is not State.SECURE


def test_one_silent_server_is_a_finding_and_all_silent_are_indeterminate() -> None:
    evidence = evidence_of("healthy")
    last = evidence.cuts[-1].servers[-1]
    one = judge(_without(evidence, {last.address}), evidence.at)
    assert (one.state, one.remedy, exit_code(one)) == (State.SECURE, Remedy.NONE, 0)
    assert [(f.cause, f.server) for f in one.findings] == [("server-unreachable", str(last))]
    everyone = {server.address for server in evidence.cuts[-1].servers}
    dead = judge(_without(evidence, everyone), evidence.at)
    assert (dead.state, dead.remedy) == (State.INDETERMINATE, Remedy.ESCALATE)
    assert exit_code(dead) == 12
    assert {server.state for server in dead.servers} == {State.INDETERMINATE}


def test_a_dead_server_hides_no_outage() -> None:
    evidence = evidence_of("fj-2022-1")
    first = evidence.cuts[-1].servers[0]
    verdict = judge(_without(evidence, {first.address}), evidence.at)
    assert (verdict.state, verdict.remedy) == (State.BOGUS, Remedy.NTA)
    assert verdict.findings[0].cause == "ds-no-matching-dnskey"


def _without(evidence: Evidence, addresses: set[str]) -> Evidence:
    """The same looks, with timeouts in place of what these addresses of the zone answered."""
    sights = tuple(
        sight.model_copy(update={"wire": None, "error": "timeout"})
        if sight.cut == evidence.zone and sight.server.address in addresses
        else sight
        for sight in evidence.sights
    )
    return evidence.model_copy(update={"sights": sights})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_flipped_bit_never_makes_a_zone_better(case: Path) -> None:
    """Flip one bit in every answer: nothing may raise, and a bogus zone stays no better."""
    evidence = load(case / "evidence.json.gz")
    before = judge(evidence, evidence.at).state
    for shift in (0, 77):
        flipped = evidence.model_copy(
            update={
                "sights": tuple(
                    _flipped(sight, n + shift) for n, sight in enumerate(evidence.sights)
                )
            }
        )
        after = judge(flipped, evidence.at).state
        assert before is State.SECURE or after is not State.SECURE


def _flipped(sight: Any, number: int) -> Any:
    if not sight.wire:
        return sight
    wire = bytearray(sight.wire)
    wire[12 + number * 7919 % (len(wire) - 12)] ^= 1 << number % 8
    return sight.model_copy(update={"wire": bytes(wire)})
