"""Whose fault is it: a resolver's clock, anchor, mode, NTA or middlebox is named, not the zone."""

from datetime import UTC, datetime

import pytest

from orchestrator.chain.local import faults, with_clocks
from orchestrator.chain.resolvers import with_resolvers
from orchestrator.model import (
    Cause,
    Extent,
    Finding,
    Remedy,
    ResolverView,
    Severity,
    State,
    Verdict,
)
from orchestrator.playbook import Controls
from orchestrator.report.verdict import exit_code

CONTROLS = Controls(healthy="org.", bogus="bogus.")
SOUND = Verdict(
    zone="de.",
    state=State.SECURE,
    at=datetime(2026, 5, 5, tzinfo=UTC),
    rounds=1,
    duration_ms=1,
    queries=1,
)
BAD = SOUND.model_copy(update={"state": State.BOGUS, "extent": Extent.WHOLE, "remedy": Remedy.NTA})


def view(
    name: str,
    rcode: str | None = "NOERROR",
    *,
    ad: bool = False,
    signed: bool = True,
    ede: tuple[int, ...] = (),
) -> ResolverView:
    return ResolverView(
        host="h", name=name, type="SOA", rcode=rcode, rcode_cd="NOERROR", ad=ad, signed=signed,
        ede=ede,
    )  # fmt: skip


def judged(
    zone: ResolverView, root: ResolverView, healthy: ResolverView, bogus: ResolverView,
    verdict: Verdict = SOUND,
) -> tuple[Verdict, list[tuple[Cause, str]]]:  # fmt: skip
    told = with_resolvers(
        verdict, [zone], faults(verdict, [zone], [root, healthy, bogus], CONTROLS)
    )
    return told, [(finding.cause, finding.severity) for finding in told.findings]


ROOT, ORG, BOGUS = view(".", ad=True), view("org.", ad=True), view("bogus.", "SERVFAIL")
FAILS = {"rcode": "SERVFAIL"}


def test_a_sound_resolver_has_no_fault() -> None:
    assert judged(view("de.", ad=True), ROOT, ORG, BOGUS)[1] == []


def test_only_the_zone_fails_so_its_caches_are_old() -> None:
    told, found = judged(view("de.", "SERVFAIL", ede=(7,)), ROOT, ORG, BOGUS)
    assert (told.remedy, found) == (Remedy.FLUSH, [(Cause.CACHE_MISMATCH, "error")])


@pytest.mark.parametrize(
    ("ede", "cause"),
    [((7,), Cause.CLOCK_SUSPECT), ((8,), Cause.CLOCK_SUSPECT),
     ((9,), Cause.TRUST_ANCHOR_MISMATCH), ((), Cause.TRUST_ANCHOR_MISMATCH)],
)  # fmt: skip
def test_all_zones_fail_so_it_is_the_clock_or_the_anchor(
    ede: tuple[int, ...], cause: Cause
) -> None:
    root = view(".", "SERVFAIL", ede=ede)
    told, found = judged(
        view("de.", "SERVFAIL", ede=ede), root, view("org.", "SERVFAIL", ede=ede), BOGUS
    )
    assert (told.remedy, found) == (Remedy.NONE, [(cause, "error")])
    assert exit_code(told) == 13
    assert "fault of its own" in told.remedy_reason


@pytest.mark.parametrize("ede", [(), (6,), (7,)])
def test_two_zones_fail_under_a_sound_root(ede: tuple[int, ...]) -> None:
    """Two old caches, or a clock and a root from before: caches first, the clock in doubt."""
    told, found = judged(
        view("de.", "SERVFAIL", ede=ede), ROOT, view("org.", "SERVFAIL", ede=(6,)), BOGUS
    )
    assert told.remedy is Remedy.FLUSH
    assert found == [(Cause.CACHE_MISMATCH, "error"), (Cause.CLOCK_SUSPECT, "warning")]


def test_a_zone_that_is_the_control_itself_speaks_once() -> None:
    org = SOUND.model_copy(update={"zone": "org."})
    old = view("org.", "SERVFAIL")
    told, found = judged(old, ROOT, old, BOGUS, org)
    assert (told.remedy, found) == (Remedy.FLUSH, [(Cause.CACHE_MISMATCH, "error")])


def finding(cause: Cause, severity: Severity = "error") -> Finding:
    return Finding(cause=cause, severity=severity, server="h", owner=".", detail="as told")


@pytest.mark.parametrize(
    ("told", "offset", "then"),
    [
        (finding(Cause.TRUST_ANCHOR_MISMATCH), 0.0, (Cause.TRUST_ANCHOR_MISMATCH, "error")),
        (finding(Cause.TRUST_ANCHOR_MISMATCH), 61.0, (Cause.TRUST_ANCHOR_MISMATCH, "error")),
        (finding(Cause.TRUST_ANCHOR_MISMATCH), -7200.0, (Cause.CLOCK_SUSPECT, "error")),
        (finding(Cause.CLOCK_SUSPECT), 90.0, (Cause.CLOCK_SUSPECT, "error")),
        (finding(Cause.CLOCK_SUSPECT), 0.0, (Cause.CACHE_MISMATCH, "error")),
        (finding(Cause.CLOCK_SUSPECT, "warning"), 7200.0, (Cause.CLOCK_SUSPECT, "error")),
        (finding(Cause.CLOCK_SUSPECT, "warning"), 0.5, None),
        (finding(Cause.NOT_VALIDATING), 7200.0, (Cause.NOT_VALIDATING, "error")),
    ],
)
def test_what_a_host_s_own_clock_makes_of_it(
    told: Finding, offset: float, then: tuple[Cause, str] | None
) -> None:
    found = [(one.cause, one.severity) for one in with_clocks([told], {"h": offset})]
    assert found == ([then] if then else [])
    assert with_clocks([told], {}) == (told,)


def test_a_broken_anchor_while_the_zone_is_in_the_cache() -> None:
    told, found = judged(view("de.", ad=True), view(".", "SERVFAIL", ede=(9,)), ORG, BOGUS)
    assert found == [(Cause.TRUST_ANCHOR_MISMATCH, "error")]
    assert exit_code(told) == 13


def test_a_control_that_fails_alone_says_nothing_about_the_resolver() -> None:
    assert judged(view("de.", ad=True), ROOT, view("org.", "SERVFAIL"), BOGUS)[1] == []


@pytest.mark.parametrize(("ad", "word"), [(True, "permissive"), (False, "validation is off")])
def test_what_is_bogus_on_purpose_goes_through(ad: bool, word: str) -> None:
    told, found = judged(view("de.", ad=ad), view(".", ad=ad), view("org.", ad=ad), view("bogus."))
    assert found == [(Cause.NOT_VALIDATING, "error")]
    assert word in told.findings[0].detail
    assert exit_code(told) == 13


def test_an_nta_is_named_and_no_fault() -> None:
    told, found = judged(view("de."), ROOT, ORG, BOGUS)
    assert found == [(Cause.NTA_PRESENT, "info")]
    assert "an NTA stands" in told.findings[0].detail
    assert exit_code(told) == 0


def test_one_that_says_so_itself_is_believed_whatever_the_zone_is() -> None:
    """EDE 33, as BIND 9.20.30 gives it."""
    unsigned = SOUND.model_copy(update={"state": State.INSECURE})
    for verdict in (SOUND, unsigned):
        told, found = judged(view("de.", ede=(33,)), ROOT, ORG, BOGUS, verdict)
        assert found == [(Cause.NTA_PRESENT, "info")]
        assert "says itself (EDE 33)" in told.findings[0].detail
        assert exit_code(told) == exit_code(verdict)


def test_an_nta_over_the_controls_is_no_missing_validation() -> None:
    told, found = judged(view("de.", ad=True), ROOT, view("org."), view("bogus."))
    assert found == [(Cause.NTA_PRESENT, "warning")]
    assert exit_code(told) == 0


@pytest.mark.parametrize(
    "bogus", [view("bogus.", "SERVFAIL").model_copy(update={"rcode_cd": "SERVFAIL"}), BOGUS]
)
def test_who_validates_nothing_is_not_said_to_validate_else(bogus: ResolverView) -> None:
    told, _ = judged(view("de."), view("."), view("org."), bogus)
    assert "or it does not validate" in told.findings[0].detail


def test_a_control_that_cannot_be_asked_leaves_it_open() -> None:
    told, found = judged(view("de."), ROOT, ORG, view("bogus.", None))
    assert found == [(Cause.NTA_PRESENT, "info")]
    assert "or it does not validate" in told.findings[0].detail


def test_signatures_that_get_lost_on_the_way() -> None:
    told, found = judged(
        view("de.", "SERVFAIL", signed=False), view(".", "SERVFAIL", signed=False),
        view("org.", "SERVFAIL", signed=False), BOGUS,
    )  # fmt: skip
    assert found == [(Cause.RRSIG_MISSING, "error")]
    assert "middlebox" in told.findings[0].detail
    assert told.remedy is Remedy.NONE


def test_one_zone_without_signatures_is_no_middlebox() -> None:
    unheard = view(".", None).model_copy(update={"rcode_cd": None})
    _, found = judged(view("de.", ad=True), unheard, view("org.", signed=False), BOGUS)
    assert found == []


def test_an_old_unsigned_copy_in_the_cache_is_no_middlebox() -> None:
    told, found = judged(view("de.", "SERVFAIL", signed=False), ROOT, ORG, BOGUS)
    assert (told.remedy, found) == (Remedy.FLUSH, [(Cause.CACHE_MISMATCH, "error")])


def test_beside_a_bogus_zone_it_is_a_warning() -> None:
    told, found = judged(view("de."), view("."), view("org."), view("bogus."), BAD)
    assert (told.remedy, found) == (Remedy.NTA, [(Cause.NOT_VALIDATING, "warning")])


def test_an_insecure_zone_never_has_ad() -> None:
    insecure = SOUND.model_copy(update={"state": State.INSECURE})
    assert judged(view("de."), ROOT, ORG, BOGUS, insecure)[1] == []
