"""Where validators differ, the verdict says what each engine of the fleet makes of it."""

from signed_world import recorded

from orchestrator.chain.judge import judge, with_engines
from orchestrator.chain.policy import Policy
from orchestrator.model import Cause, Extent, State, Verdict
from orchestrator.report.verdict import text


def seen(case: str, *engines: str) -> Verdict:
    evidence = recorded(case)
    return with_engines(judge(evidence, evidence.at), evidence, evidence.at, engines)


def test_unbound_tolerates_what_ended_within_a_tenth_of_its_life() -> None:
    told = seen("e164-2017-2", "unbound", "bind")
    assert told.state is State.BOGUS
    assert [(view.engine, view.state) for view in told.engines] == [
        ("unbound", State.SECURE), ("bind", State.BOGUS), ("bind", State.BOGUS),
    ]  # fmt: skip
    assert "  unbound 1.17 and later: secure\n" in text(told)
    assert "  bind 9.18: bogus (whole): rrsig-expired\n" in text(told)


def test_bind_gives_up_on_what_the_second_key_of_a_tag_has_signed() -> None:
    told = seen("tag-collision-2", "unbound", "bind")
    assert (told.state, told.extent) == (State.SECURE, None)
    assert [(view.state, view.extent, view.cause) for view in told.engines] == [
        (State.SECURE, None, None),
        (State.BOGUS, Extent.PARTIAL, Cause.VALIDATION_LIMIT),
        (State.BOGUS, Extent.PARTIAL, Cause.VALIDATION_LIMIT),
    ]
    assert "  bind 9.18: bogus (partial): validation-limit\n" in text(told)


def test_they_agree_on_most_zones_and_nothing_is_said() -> None:
    told = seen("healthy", "unbound", "bind")
    assert {view.state for view in told.engines} == {State.SECURE}
    assert "validators differ" not in text(told)


def test_only_engines_of_the_fleet_are_told() -> None:
    assert {view.engine for view in seen("healthy", "bind").engines} == {"bind"}
    assert seen("healthy").engines == ()


def test_the_tolerance_is_an_hour_at_least_and_a_day_at_most() -> None:
    unbound = Policy(skew_share=0.1)
    assert [unbound.tolerance(hours * 3600) / 3600 for hours in (1, 50, 9999)] == [1, 5, 24]
    assert Policy().tolerance(10**6) == 0
