"""The zone or our resolvers: what the fleet's answers add to a verdict on a sound zone."""

from datetime import UTC, datetime

import pytest

from orchestrator.chain.resolvers import stale, with_resolvers, with_witnesses
from orchestrator.model import Cause, EngineView, Extent, Remedy, ResolverView, State, Verdict
from orchestrator.report.verdict import exit_code

SOUND = Verdict(
    zone="de.",
    state=State.SECURE,
    at=datetime(2026, 5, 5, tzinfo=UTC),
    rounds=1,
    duration_ms=1,
    queries=1,
)


def view(
    name: str, rcode: str | None, cd: str | None = "NOERROR", *, kind: str = "A", ad: bool = False
) -> ResolverView:
    return ResolverView(host="h", name=name, type=kind, rcode=rcode, rcode_cd=cd, ad=ad)


def own() -> ResolverView:
    return view("de.", "NOERROR", kind="SOA", ad=True)


def test_a_zone_and_resolvers_that_are_sound() -> None:
    told = with_resolvers(SOUND, [own(), view("www.heise.de.", "NOERROR")])
    assert (told.remedy, told.findings) == (Remedy.NONE, ())


@pytest.mark.parametrize(
    "failing", [view("de.", "SERVFAIL", kind="SOA"), view("www.heise.de.", "SERVFAIL")]
)
def test_stale_data_calls_for_a_flush(failing: ResolverView) -> None:
    told = with_resolvers(SOUND, [failing])
    assert (told.remedy, told.findings[0].cause) == (Remedy.FLUSH, Cause.CACHE_MISMATCH)
    assert stale(told) == [failing]


def test_a_flush_mends_neither_a_child_nor_another_fault() -> None:
    ds, child = view("denic.de.", "NOERROR", kind="DS"), view("www.denic.de.", "SERVFAIL")
    own_fault = view("www.heise.de.", "SERVFAIL", "SERVFAIL")
    old = view("de.", "SERVFAIL", kind="SOA").model_copy(update={"host": "i"})
    told = with_resolvers(SOUND, [ds, child, own_fault, old])
    assert stale(told) == [old]
    assert stale(with_resolvers(SOUND, [ds, child, own_fault])) == []


def test_a_resolver_whose_engine_rejects_the_zone_has_no_stale_data() -> None:
    """BIND gives up on the first signature that is out of its time (de. with old ones first)."""
    strict = EngineView(engine="bind", versions="9.18", state=State.BOGUS)
    lax = EngineView(engine="unbound", versions="1.17 and later", state=State.SECURE)
    sound = SOUND.model_copy(update={"engines": (lax, strict)})
    failing = [view("de.", "SERVFAIL", kind="SOA")]
    told = with_resolvers(sound, failing, engines={"h": "bind"})
    assert (told.remedy, told.findings[0].cause) == (Remedy.NONE, Cause.VALIDATION_LIMIT)
    assert (
        "bind 9.18 rejects it, wholly or in part, and a flush changes nothing" in told.remedy_reason
    )
    assert with_resolvers(sound, failing, engines={"h": "unbound"}).remedy is Remedy.FLUSH


def test_a_stale_ds_of_a_child_is_the_zones_own_data() -> None:
    views = [own(), view("www.denic.de.", "SERVFAIL"), view("denic.de.", "SERVFAIL", kind="DS")]
    assert with_resolvers(SOUND, views).remedy is Remedy.FLUSH


def test_a_child_with_a_broken_chain_of_its_own() -> None:
    views = [own(), view("www.denic.de.", "SERVFAIL"), view("denic.de.", "NOERROR", kind="DS")]
    told = with_resolvers(SOUND, views)
    assert (told.remedy, told.findings) == (Remedy.NONE, ())
    assert told.remedy_reason.endswith("ntactl check denic.de.")


def test_another_hosts_sound_ds_says_nothing() -> None:
    ds = view("denic.de.", "NOERROR", kind="DS").model_copy(update={"host": "other"})
    told = with_resolvers(SOUND, [own(), view("www.denic.de.", "SERVFAIL"), ds])
    assert told.remedy is Remedy.FLUSH


def test_a_resolver_that_reaches_nothing() -> None:
    told = with_resolvers(SOUND, [view("de.", "SERVFAIL", "SERVFAIL", kind="SOA")])
    assert (told.remedy, told.findings[0].cause) == (Remedy.NONE, Cause.SERVER_LAME)


def test_a_broken_zone_stays_the_zones_fault() -> None:
    broken = SOUND.model_copy(update={"state": State.BOGUS, "remedy": Remedy.NTA})
    told = with_resolvers(broken, [view("de.", "SERVFAIL", kind="SOA")])
    assert (told.remedy, told.findings) == (Remedy.NTA, ())


def test_a_name_that_is_not_there_is_an_answer_with_cd() -> None:
    told = with_resolvers(SOUND, [own(), view("no.de.", "SERVFAIL", "NXDOMAIN")])
    assert (told.remedy, told.findings[0].cause) == (Remedy.FLUSH, Cause.CACHE_MISMATCH)
    assert "NXDOMAIN with CD" in told.findings[0].detail


def test_no_answer_but_with_cd_is_told_and_no_reason_to_flush() -> None:
    told = with_resolvers(SOUND, [own(), view("www.heise.de.", None)])
    main = told.findings[0]
    assert (told.remedy, main.cause, main.severity) == (
        Remedy.NONE,
        Cause.SERVER_UNREACHABLE,
        "error",
    )
    assert "NOERROR with CD" in main.detail
    assert exit_code(told) == 13


@pytest.mark.parametrize("pair", [("SERVFAIL", None), (None, "SERVFAIL"), ("SERVFAIL", "SERVFAIL")])
def test_a_resolver_that_fails_either_way(pair: tuple[str | None, str | None]) -> None:
    told = with_resolvers(SOUND, [own(), view("www.heise.de.", *pair)])
    assert (told.remedy, told.findings[0].cause) == (Remedy.NONE, Cause.SERVER_LAME)


# A zone that is bogus from here.

BAD = SOUND.model_copy(
    update={
        "state": State.BOGUS,
        "extent": Extent.WHOLE,
        "remedy": Remedy.NTA,
        "bad_names": ("a.de.", "b.de."),
    }
)


def bad_view(name: str, rcode: str | None, *, ad: bool = False, host: str = "h") -> ResolverView:
    return view(name, rcode, ad=ad).model_copy(update={"host": host})


def test_resolvers_that_validate_what_fails_from_here() -> None:
    views = [own(), bad_view("a.de.", "NOERROR", ad=True), bad_view("b.de.", "NXDOMAIN", ad=True)]
    told = with_resolvers(BAD, views)
    assert (told.state, told.remedy, exit_code(told)) == (State.BOGUS, Remedy.ESCALATE, 12)
    assert "the path from here" in told.remedy_reason
    assert [(f.cause, f.severity, f.server) for f in told.findings] == [
        (Cause.CACHE_MISMATCH, "warning", "h")
    ]


@pytest.mark.parametrize(
    "other",
    [
        bad_view("b.de.", "SERVFAIL"),
        bad_view("b.de.", "NOERROR"),
        bad_view("b.de.", "SERVFAIL", host="other"),
        view("de.", "SERVFAIL", kind="SOA"),
        bad_view("b.de.", None),
    ],
    ids=["fails", "without AD", "another host fails", "the zone fails", "no answer"],
)
def test_one_resolver_that_does_not_validate_it_confirms_the_outage(other: ResolverView) -> None:
    told = with_resolvers(BAD, [own(), bad_view("a.de.", "NOERROR", ad=True), other])
    assert told.remedy is Remedy.NTA
    assert [finding.severity for finding in told.findings] == ["warning"]


def test_an_nta_on_the_resolvers_shows_by_the_missing_ad() -> None:
    told = with_resolvers(BAD, [view("de.", "NOERROR", kind="SOA"), bad_view("a.de.", "NOERROR")])
    assert (told.remedy, told.findings) == (Remedy.NTA, ())


def test_a_cached_soa_says_nothing() -> None:
    told = with_resolvers(BAD, [own()])
    assert (told.remedy, told.findings) == (Remedy.NTA, ())


# Witnesses: resolvers that are not ours.

BROKEN = SOUND.model_copy(
    update={
        "state": State.BOGUS,
        "remedy": Remedy.NTA,
        "remedy_reason": "r",
        "bad_names": ("www.heise.de.",),
    }
)


def test_witnesses_that_fail_alike_are_counted() -> None:
    views = [own(), view("www.heise.de.", "SERVFAIL")]
    told = with_witnesses(BROKEN, views)
    assert (told.state, told.remedy, told.witnesses) == (State.BOGUS, Remedy.NTA, tuple(views))
    assert told.remedy_reason == "r; 1 of 1 witnesses fail alike"


def test_witnesses_that_all_validate_make_the_path_from_here_suspect() -> None:
    told = with_witnesses(BROKEN, [own(), view("www.heise.de.", "NOERROR", ad=True)])
    assert told.remedy is Remedy.ESCALATE
    assert told.findings[0].cause is Cause.CACHE_MISMATCH


def test_a_witness_that_fails_where_the_zone_is_sound_is_a_warning() -> None:
    told = with_witnesses(SOUND, [view("www.heise.de.", "SERVFAIL")])
    assert (told.remedy, told.findings[0].severity) == (Remedy.NONE, "warning")


def test_a_witness_that_says_an_nta_stands_is_named() -> None:
    """EDE 33 tells of hosts that nobody can log in to."""
    views = [own(), view("www.heise.de.", "NOERROR").model_copy(update={"ede": (33,)})]
    for verdict in (SOUND, BROKEN):
        told = with_witnesses(verdict, views)
        causes = [(one.cause, one.severity, one.ede) for one in told.findings]
        assert (Cause.NTA_PRESENT, "info", 33) in causes
