"""A clock of ours that is wrong never makes a zone bogus, and an expired zone stays one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from dns.rdatatype import RdataType
from signed_world import (
    AT,
    DAY,
    DE_SERVERS,
    FRESH,
    KEYS,
    KID,
    KID_SERVERS,
    NOW,
    ROOT,
    ROOT_SERVERS,
    World,
    de_zone,
    dnskeys,
    finish,
    kid_data,
    recorded,
    root_zone,
    world,
)

from orchestrator.chain.judge import judge
from orchestrator.lab.signer import Window, signature
from orchestrator.model import Cause, Remedy, State, Verdict
from orchestrator.report.verdict import exit_code

WEEK = Window(NOW - 3600, NOW + 7 * DAY)
MONTH = Window(NOW - 15 * DAY, NOW + 15 * DAY)
OVER = Window(NOW - 9 * DAY, NOW - 7200)


def blames_the_clock(verdict: Verdict) -> bool:
    return (verdict.state, verdict.findings[0].cause, verdict.remedy, exit_code(verdict)) == (
        State.INDETERMINATE,
        Cause.CLOCK_SUSPECT,
        Remedy.ESCALATE,
        12,
    )


def daily(de: Window, root: Window = FRESH) -> World:
    """Root and de. signed for these windows."""
    return world().at(ROOT_SERVERS, root_zone(root)).at(DE_SERVERS, de_zone(de))


@pytest.mark.parametrize("case", ["healthy", "zm-2015-1", "fj-2022-1"])
def test_a_clock_days_behind(case: str) -> None:
    evidence = recorded(case)
    assert blames_the_clock(judge(evidence, evidence.at - timedelta(days=3)))


def test_a_ds_signed_for_later_is_our_clock() -> None:
    """The root's keys are in time, what it signed today is not yet."""
    long = signature(ROOT, dnskeys(ROOT, KEYS[ROOT].ksk, KEYS[ROOT].zsk), KEYS[ROOT].ksk, MONTH)
    root = [long if item.covers == RdataType.DNSKEY else item for item in root_zone()]
    evidence = world().at(ROOT_SERVERS, root).at(DE_SERVERS, de_zone(MONTH)).evidence()
    verdict = judge(evidence, AT - timedelta(days=1, minutes=5))
    assert blames_the_clock(verdict)
    assert "DS of de." in verdict.findings[0].detail


def test_a_clock_a_week_ahead_of_a_zone_signed_for_a_week() -> None:
    evidence = daily(WEEK).evidence()
    assert blames_the_clock(judge(evidence, AT + timedelta(days=8)))


def test_a_parent_and_a_zone_that_are_over_together() -> None:
    evidence = daily(WEEK, root=FRESH).at(KID_SERVERS, finish(KID, kid_data(), window=WEEK))
    assert blames_the_clock(judge(evidence.evidence("kid.de."), AT + timedelta(days=8)))


@pytest.mark.parametrize("skew", [0, 60])
def test_a_zone_that_is_over_alone_is_bogus(skew: int) -> None:
    """Two hours ago, and yesterday's signatures of the root say that our clock is about right."""
    verdict = judge(daily(OVER).evidence(), AT, skew)
    assert (verdict.state, verdict.findings[0].cause) == (State.BOGUS, Cause.RRSIG_EXPIRED)
    assert (verdict.remedy, exit_code(verdict)) == (Remedy.NTA, 10)


def test_a_zone_that_ended_before_a_signature_above_it_began_is_over_for_sure() -> None:
    old = Window(NOW - 60 * DAY, NOW - 30 * DAY)
    verdict = judge(daily(old, root=Window(NOW - 9 * DAY, NOW + DAY)).evidence(), AT)
    assert (verdict.state, verdict.remedy) == (State.BOGUS, Remedy.NTA)


def test_a_zone_signed_for_the_next_hours_may_be_our_slow_clock() -> None:
    """Registries sign all day; the root only once."""
    soon = Window(NOW + 2 * 3600, NOW + 7 * DAY)
    verdict = judge(daily(soon).evidence(), AT)
    assert (verdict.state, verdict.findings[0].cause) == (State.BOGUS, Cause.RRSIG_NOT_YET_VALID)
    assert (verdict.remedy, exit_code(verdict)) == (Remedy.ESCALATE, 12)
    assert "clock" in verdict.remedy_reason


def test_a_zone_signed_for_next_month_is_its_signers_fault() -> None:
    verdict = judge(daily(Window(NOW + 30 * DAY, NOW + 60 * DAY)).evidence(), AT)
    assert (verdict.state, verdict.remedy) == (State.BOGUS, Remedy.NTA)
