"""Validation off: what the plan, the gate, the probes and the reports make of it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hands import a_host

from orchestrator import cli
from orchestrator.errors import BadInput, Refused
from orchestrator.fleet.inventory import Inventory
from orchestrator.incident.lifecycle import HostRecord, OnHost, Record
from orchestrator.model import HostReading, Remedy, ResolverView, State, Verdict
from orchestrator.playbook import Approvals, Controls, Playbook
from orchestrator.report.plan import text_of as plan_text
from orchestrator.report.status import json_of
from orchestrator.report.status import text_of as status_text
from orchestrator.rollout import gate, verify
from orchestrator.rollout.override import check_confirmed, sentence
from orchestrator.rollout.plan import Approval, Plan, Request, check_request, make, usual_lifetime
from orchestrator.rollout.renew import make_renewal

NOW = datetime(2026, 5, 5, 22, 0, tzinfo=UTC)
CONTROLS = Controls(healthy="org.", bogus="bogus.")
LAX = Playbook(name="t", controls=CONTROLS, approvals=Approvals(required=1, exempt_labs=True))
HOSTS = tuple(a_host(name, name=name) for name in ("unbound", "bind", "pdns", "knot"))


def request(**fields: object) -> Request:
    said = {"zones": (".",), "mode": "override", "reason": "x", "created_by": "a"}
    return Request.model_validate({**said, "lifetime": timedelta(hours=2), **fields})


def plan(state: State = State.BOGUS, failing: Sequence[str] = (), **asked: object) -> Plan:
    seen = Verdict(
        zone=".", state=state, remedy=Remedy.NONE, at=NOW, rounds=1, duration_ms=1, queries=1
    )
    return make(
        request(**asked),
        plan_id="4f2a91c0",
        now=NOW,
        verdicts=[seen],
        inventory=Inventory(lab=True, hosts=HOSTS),
        playbook=LAX,
        readings={
            host.name: HostReading(
                host=host.name, at=NOW, engine=host.engine, state_sha256="0" * 64, anchors=(".",)
            )
            for host in HOSTS
        },
        faults={},
        failing=failing,
    )


def approved(made: Plan, *people: str) -> Plan:
    approvals = tuple(Approval(by=by, at=NOW, digest=made.digest) for by in people)
    return made.model_copy(update={"approvals": approvals})


def rule_of(made: Plan) -> str:
    with pytest.raises(Refused) as refusal:
        gate.check_startable(made, (), NOW)
    return refusal.value.rule


def test_it_is_an_nta_for_the_root_whose_own_anchor_does_not_matter() -> None:
    made = plan()
    assert [(nta.id, nta.zone) for nta in made.ntas] == [("root-4f2a91c0", ".")]
    assert made.left_alone() == ()
    told = plan_text(made)
    for word in (
        "VALIDATION IS OFF",
        "+    val-permissive-mode: yes # ntactl root-4f2a91c0",
        "$ unbound-control set_option val-permissive-mode: yes",
        "$ rndc flush\n",
        "$ rec_control wipe-cache '.$'",
        "trust_anchors.remove('.')",
        "-validation on\n  +validation off",
    ):
        assert word in told


def test_two_people_whatever_playbook_and_lab_say() -> None:
    made = plan()
    assert rule_of(approved(made, "b")) == "unapproved"
    assert rule_of(approved(made, "b", "b")) == "unapproved"
    assert gate.check_startable(approved(made, "b", "c"), (), NOW) == ()


@pytest.mark.parametrize("state", [State.BOGUS, State.INDETERMINATE])
def test_a_root_that_is_not_sound_calls_for_it(state: State) -> None:
    assert gate.check_worth_asking(plan(state)) == ()


@pytest.mark.parametrize("state", [State.SECURE, State.INSECURE])
def test_while_the_root_is_sound_a_person_has_to_know_better(state: State) -> None:
    some = plan(state, failing=["unbound", "bind", "pdns"])
    assert rule_of(approved(some, "b", "c")) == "verdict"
    assert [one.rule for one in gate.check_worth_asking(some, ["verdict"])] == ["verdict"]


def test_where_every_resolver_fails_what_is_sound_their_anchor_is_the_fault() -> None:
    made = plan(State.SECURE, failing=[host.name for host in HOSTS])
    assert gate.check_worth_asking(made) == ()
    assert plan_text(made).count("fails names that are sound") == len(HOSTS) + 1  # and the warning


def test_two_hours_at_most() -> None:
    long = timedelta(hours=2, seconds=1)
    with pytest.raises(Refused) as refusal:
        check_request(request(lifetime=long), LAX)
    assert refusal.value.rule == "lifetime"
    day = LAX.model_copy(update={"lifetime": timedelta(days=1)})
    assert usual_lifetime("override", ["."], day) == timedelta(hours=2)
    assert usual_lifetime("nta", ["de."], day) == timedelta(days=1)
    short = LAX.model_copy(update={"lifetime": timedelta(minutes=5)})
    assert usual_lifetime("override", ["."], short) == timedelta(minutes=5)


def test_it_is_a_plan_of_its_own_and_asked_for_by_name() -> None:
    with pytest.raises(BadInput):
        check_request(request(zones=(".", "de.")), LAX)
    with pytest.raises(BadInput):
        check_request(request(adopt=True), LAX)
    for mode in ("nta", "config"):
        with pytest.raises(Refused) as refusal:
            check_request(request(mode=mode), LAX)
        assert (refusal.value.rule, "--mode override" in refusal.value.next_step) == (
            "root-zone",
            True,
        )


def test_for_another_zone_it_is_a_preview() -> None:
    made = plan(zones=("de.",))
    assert not made.overrides
    assert any("ntactl plan . --mode override" in warning for warning in made.warnings)
    assert rule_of(approved(made, "b", "c")) == "preview-mode"


@pytest.mark.parametrize("typed", ["", "yes", "validation off on 3 hosts", "Validation off"])
def test_its_sentence_is_typed_as_it_is(typed: str) -> None:
    with pytest.raises(Refused) as refusal:
        check_confirmed(typed, 4)
    assert refusal.value.rule == "override-unconfirmed"
    assert "validation off on 4 hosts" in refusal.value.next_step


def test_the_sentence() -> None:
    check_confirmed(" validation off  on 4 hosts\n", 4)
    assert sentence(1) == "validation off on 1 host"


def test_no_setting_holds_it(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv("NTACTL_CONFIRM", sentence(4))
    assert cli.run(["apply", "x.json"]) == 2
    assert "--confirm is typed" in capsys.readouterr().err


def record() -> Record:
    return Record(
        id="root-4f2a91c0",
        zone=".",
        plan="4f2a91c0",
        starts_at=NOW,
        ends_at=NOW + timedelta(hours=1),
        outcome="done",
        hosts={host.name: HostRecord(OnHost.APPLIED) for host in HOSTS},
    )


def renewal(lifetime: timedelta) -> Plan:
    return make_renewal(
        record(),
        plan(),
        plan_id="5e2a91c0",
        now=NOW,
        lifetime=lifetime,
        reason="y",
        by="a",
        verdicts=[],
    )


def test_a_renewal_is_short_too_and_takes_two() -> None:
    with pytest.raises(Refused) as refusal:
        renewal(timedelta(hours=3))
    assert refusal.value.rule == "lifetime"
    made = renewal(timedelta(hours=2))
    with pytest.raises(Refused) as refusal:
        gate.check_startable(approved(made, "b"), [record()], NOW)
    assert refusal.value.rule == "unapproved"
    gate.check_startable(approved(made, "b", "c"), [record()], NOW)


def test_status_says_it_and_shows_it() -> None:
    told = status_text([record()], {}, {}, NOW, alarm=lambda line: f"<{line}>")
    assert told.startswith("<root-4f2a91c0  .  active, 1 h 00 min left")
    assert "\n<  VALIDATION IS OFF" in told
    assert "  VALIDATION IS OFF" in status_text([record()], {}, {}, NOW)
    assert json_of([record()], {}, {}, NOW)["ntas"][0]["zone"] == "."


def view(
    name: str, rcode: str | None, cd: str | None = "NOERROR", ad: bool = False
) -> ResolverView:
    return ResolverView(host="h", name=name, type="SOA", rcode=rcode, rcode_cd=cd, ad=ad)


OFF = [view("org.", "NOERROR"), view("bogus.", "NOERROR")]
ON = [view("org.", "NOERROR", ad=True), view("bogus.", "SERVFAIL"), view(".", "NOERROR", ad=True)]
ALL_FAIL = [view("org.", "SERVFAIL"), view("bogus.", "SERVFAIL")]


def test_off_means_that_what_is_bogus_resolves() -> None:
    assert verify.off_complaints(OFF, CONTROLS) == []
    assert verify.off_complaints(ON, CONTROLS) == ["with validation off bogus. is SERVFAIL"]
    assert len(verify.off_complaints([], CONTROLS)) == 2


def test_before_it_names_resolve_with_cd() -> None:
    assert verify.unhelped_complaints(ALL_FAIL, CONTROLS) == []
    assert verify.unhelped_complaints([view("org.", "SERVFAIL", "SERVFAIL")], CONTROLS) != []


def test_who_is_at_fault_and_who_is_off_already() -> None:
    assert [verify.fails_all(seen, CONTROLS) for seen in (ALL_FAIL, ON, OFF)] == [
        True,
        False,
        False,
    ]
    assert [verify.validates_nothing(s, CONTROLS) for s in (ALL_FAIL, ON, OFF)] == [
        False,
        False,
        True,
    ]


def test_afterwards_it_validates_though_the_root_may_still_be_broken() -> None:
    assert verify.back_complaints(ON, CONTROLS) == []
    assert verify.back_complaints(ALL_FAIL, CONTROLS) == []
    assert verify.back_complaints(OFF, CONTROLS) != []
    assert verify.validation_complaints(ON, ".", secure=True) == []
    assert verify.validation_complaints([view(".", "NOERROR")], ".", secure=True) != []


def test_a_name_that_nobody_asked_for_lies_right_under_the_root() -> None:
    assert [ask.name for ask in verify.zone_asks(".", [], "aa")] == [".", "ntactl-aa."]
