"""What a resolver must answer before, under and after an NTA."""

import pytest

from orchestrator.model import ResolverView
from orchestrator.playbook import Controls
from orchestrator.rollout.verify import (
    control_complaints,
    nta_complaints,
    upstream_complaints,
    validation_complaints,
)

CONTROLS = Controls(healthy="org.", bogus="bogus.")


def view(
    name: str, rcode: str | None, cd: str | None = "NOERROR", *, ad: bool = False
) -> ResolverView:
    return ResolverView(host="h", name=name, type="SOA", rcode=rcode, rcode_cd=cd, ad=ad)


GOOD = [view("org.", "NOERROR", ad=True), view("bogus.", "SERVFAIL")]


def test_controls_in_order() -> None:
    assert control_complaints(GOOD, CONTROLS) == []


@pytest.mark.parametrize(
    ("views", "word"),
    [
        ([view("org.", "NOERROR"), GOOD[1]], "without AD"),
        ([view("org.", "SERVFAIL"), GOOD[1]], "SERVFAIL"),
        ([GOOD[0], view("bogus.", "NOERROR")], "does not validate"),
        ([GOOD[0], view("bogus.", "SERVFAIL", "SERVFAIL")], "upstream"),
        ([GOOD[0], view("bogus.", None, None)], "no answer"),
        ([], "no answer"),
    ],
)
def test_controls_that_complain(views: list[ResolverView], word: str) -> None:
    assert any(word in complaint for complaint in control_complaints(views, CONTROLS))


def test_an_nta_at_work() -> None:
    views = [view("de.", "NOERROR"), view("nx.de.", "NXDOMAIN", "NXDOMAIN")]
    assert nta_complaints(views, "de.") == []


@pytest.mark.parametrize(
    "views",
    [
        [view("de.", "SERVFAIL")],
        [view("de.", "NOERROR", ad=True)],
        [view("de.", "NOERROR"), view("www.de.", "SERVFAIL")],
        [view("www.de.", "NOERROR")],
        [],
    ],
)
def test_an_nta_that_does_not_work(views: list[ResolverView]) -> None:
    assert nta_complaints(views, "de.") != []


def test_a_name_that_fails_with_cd_too_is_not_the_ntas_fault() -> None:
    views = [view("de.", "NOERROR"), view("www.de.", "SERVFAIL", "SERVFAIL")]
    assert nta_complaints(views, "de.") == []


def test_a_name_of_another_zone_says_nothing() -> None:
    assert nta_complaints([view("de.", "NOERROR"), view("xde.", "SERVFAIL")], "de.") == []


@pytest.mark.parametrize(
    ("cd", "helps"),
    [("NOERROR", True), ("NXDOMAIN", True), ("SERVFAIL", False), (None, False)],
)
def test_an_nta_helps_only_where_a_name_nobody_asked_before_resolves_with_cd(
    cd: str | None, helps: bool
) -> None:
    cached = view("de.", "NOERROR", "NOERROR")
    fresh = view("ntactl-0a1b2c3d.de.", "SERVFAIL", cd)
    assert (upstream_complaints([cached, fresh], "de.") == []) is helps


def test_validation_is_back_only_with_ad_where_the_zone_is_secure() -> None:
    assert validation_complaints([view("de.", "NOERROR", ad=True)], "de.", secure=True) == []
    assert validation_complaints([view("de.", "NOERROR")], "de.", secure=True) != []
    assert validation_complaints([view("de.", "NOERROR")], "de.", secure=False) == []
