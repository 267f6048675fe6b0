"""The zone or our resolvers: what the fleet's answers add to a verdict on a sound zone."""

from datetime import UTC, datetime

import pytest

from orchestrator.chain.resolvers import with_resolvers
from orchestrator.model import Cause, Remedy, ResolverView, State, Verdict

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
