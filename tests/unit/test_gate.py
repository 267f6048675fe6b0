"""May this plan be carried out now? Every no has its rule's name."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest

from orchestrator.errors import BadInput, NtactlError, Refused
from orchestrator.fleet.inventory import Host, Inventory
from orchestrator.incident.journal import Event, Kind
from orchestrator.incident.lifecycle import fold
from orchestrator.model import HostReading, Remedy, RunningNta, State, Verdict
from orchestrator.playbook import Approvals, Budget, Controls, Playbook
from orchestrator.rollout import gate
from orchestrator.rollout.accept import ACCEPTABLE
from orchestrator.rollout.plan import Approval, Plan, Request, check_request, make, sealed

KEPT = sorted((Path(__file__).parents[1] / "cases/plans").glob("*.json"))
NOW = datetime(2026, 5, 5, 22, 0, tzinfo=UTC)
PLAYBOOK = Playbook(name="t", controls=Controls(healthy="org.", bogus="bogus."))


def host(name: str) -> Host:
    address = ip_address(f"192.0.2.{name[1:]}")
    return Host(name=name, address=address, dns=address, engine="bind")


HOSTS = (host("h1"), host("h2"), host("h3"))


def reading(name: str, **fields: object) -> HostReading:
    return HostReading(host=name, at=NOW, engine="bind", state_sha256="0" * 64, **fields)


def verdict(state: State = State.BOGUS, remedy: Remedy = Remedy.NTA) -> Verdict:
    return Verdict(
        zone="de.", state=state, remedy=remedy, at=NOW, rounds=3, duration_ms=9, queries=99
    )


def request(**fields: object) -> Request:
    said = {
        "zones": ("de.",),
        "reason": "broken",
        "lifetime": timedelta(hours=4),
        "created_by": "a",
    }
    return Request(**{**said, **fields})


def plan(
    playbook: Playbook = PLAYBOOK,
    faults: dict[str, tuple[str, str]] | None = None,
    readings: dict[str, HostReading] | None = None,
    seen: Verdict | None = None,
    **asked: object,
) -> Plan:
    return make(
        request(**asked),
        plan_id="4f2a91c0",
        now=NOW,
        verdicts=[seen or verdict()],
        inventory=Inventory(hosts=HOSTS),
        playbook=playbook,
        readings=readings or {h.name: reading(h.name) for h in HOSTS},
        faults=faults or {},
    )


def approved(made: Plan, *people: str) -> Plan:
    approvals = tuple(Approval(by=by, at=NOW, digest=made.digest) for by in people)
    return made.model_copy(update={"approvals": approvals})


def rule_of(
    made: Plan,
    now: datetime = NOW,
    records: tuple[object, ...] = (),
    accepting: tuple[str, ...] = (),
) -> str:
    with pytest.raises(Refused) as refusal:
        gate.check_startable(made, records, now, accepting)
    return refusal.value.rule


def test_an_approved_plan_may_start() -> None:
    gate.check_startable(approved(plan(), "b"), (), NOW)


def test_a_plan_survives_its_file() -> None:
    made = approved(plan(), "b")
    assert Plan.model_validate_json(made.to_json()) == made
    gate.check_digest(Plan.model_validate_json(made.to_json()))


def test_unapproved() -> None:
    assert rule_of(plan()) == "unapproved"


def test_one_person_twice_is_one_person() -> None:
    two = PLAYBOOK.model_copy(update={"approvals": Approvals(required=2)})
    assert rule_of(approved(plan(two), "b", "b")) == "unapproved"
    gate.check_startable(approved(plan(two), "b", "c"), (), NOW)


def test_the_creator_may_be_ruled_out() -> None:
    strict = PLAYBOOK.model_copy(update={"approvals": Approvals(creator_may_approve=False)})
    assert rule_of(approved(plan(strict), "a")) == "unapproved"


def test_an_approval_is_of_one_digest() -> None:
    made = plan()
    old = Approval(by="b", at=NOW, digest="0" * 64)
    assert rule_of(made.model_copy(update={"approvals": (old,)})) == "unapproved"


def test_edited_by_hand() -> None:
    edited = approved(plan(), "b").model_copy(update={"reason": "something else"})
    assert rule_of(edited) == "plan-digest"


def test_stale() -> None:
    assert rule_of(approved(plan(), "b"), NOW + timedelta(minutes=15)) == "plan-expired"


@pytest.mark.parametrize(
    ("state", "remedy"),
    [
        (State.SECURE, Remedy.NONE),
        (State.INSECURE, Remedy.NONE),
        (State.INDETERMINATE, Remedy.ESCALATE),
        (State.BOGUS, Remedy.ESCALATE),
        (State.BOGUS, Remedy.NTA_CHILD),
        (State.SECURE, Remedy.FLUSH),
    ],
)
def test_a_verdict_that_calls_for_no_nta(state: State, remedy: Remedy) -> None:
    assert rule_of(approved(plan(seen=verdict(state, remedy)), "b")) == "verdict"


@pytest.mark.parametrize("remedy", [Remedy.ESCALATE, Remedy.NTA_CHILD])
def test_a_verdict_on_a_bogus_zone_can_be_accepted(remedy: Remedy) -> None:
    made = approved(plan(seen=verdict(State.BOGUS, remedy)), "b")
    assert any("--accept verdict" in warning for warning in made.warnings)
    (accepted,) = gate.check_startable(made, (), NOW, ["verdict"])
    assert accepted.rule == "verdict"
    assert rule_of(made, accepting=("budget",)) == "verdict"


@pytest.mark.parametrize("state", [State.SECURE, State.INSECURE, State.INDETERMINATE])
def test_nobody_can_accept_an_nta_on_what_is_not_bogus(state: State) -> None:
    made = approved(plan(seen=verdict(state, Remedy.ESCALATE)), "b")
    assert not any("--accept" in warning for warning in made.warnings)
    assert rule_of(made, accepting=("verdict",)) == "verdict"


def test_preview_modes_are_never_applied() -> None:
    assert rule_of(approved(plan(mode="override"), "b")) == "preview-mode"


def test_no_host_left() -> None:
    down = {h.name: ("unreachable", "no answer") for h in HOSTS}
    assert rule_of(approved(plan(faults=down), "b")) == "no-host-left"


def test_budget_is_an_absolute_number() -> None:
    tight = PLAYBOOK.model_copy(update={"budget": Budget(failed_hosts=1)})
    two = {"h1": ("unreachable", ""), "h2": ("broken-config", "")}
    assert rule_of(approved(plan(tight, faults=two), "b")) == "budget"
    gate.check_startable(approved(plan(tight, faults={"h1": ("unreachable", "")}), "b"), (), NOW)


def test_hosts_left_alone_can_be_accepted_but_not_an_empty_fleet() -> None:
    none = PLAYBOOK.model_copy(update={"budget": Budget(failed_hosts=0)})
    made = approved(plan(none, faults={"h1": ("unreachable", "")}), "b")
    (accepted,) = gate.check_startable(made, (), NOW, ["budget"])
    assert (accepted.rule, "h1 (unreachable)" in accepted.what) == ("budget", True)
    down = {h.name: ("unreachable", "no answer") for h in HOSTS}
    every = approved(plan(none, faults=down), "b")
    assert rule_of(every, accepting=tuple(ACCEPTABLE)) == "no-host-left"


def test_unreachable_hosts_may_be_spared_by_the_budget() -> None:
    spare = Budget(failed_hosts=0, count_unreachable=False)
    lenient = PLAYBOOK.model_copy(update={"budget": spare})
    gate.check_startable(approved(plan(lenient, faults={"h1": ("unreachable", "")}), "b"), (), NOW)
    assert rule_of(approved(plan(lenient, faults={"h1": ("no-sudo", "")}), "b")) == "budget"


def test_a_foreign_nta_leaves_the_host_alone() -> None:
    readings = {h.name: reading(h.name) for h in HOSTS}
    readings["h2"] = reading("h2", running=(RunningNta(zone="de."),))
    made = plan(readings=readings)
    assert [(p.host.name, p.rule) for p in made.left_alone()] == [("h2", "foreign-nta")]
    assert made.waves == (("h1",), ("h3",))


def test_an_explicit_anchor_leaves_the_host_alone() -> None:
    readings = {h.name: reading(h.name) for h in HOSTS} | {"h1": reading("h1", anchors=("de.",))}
    assert plan(readings=readings).planned("h1").rule == "explicit-anchor"


def started(made: Plan) -> Event:
    ntas = [{"id": n.id, "zone": n.zone, "ends_at": n.ends_at.isoformat()} for n in made.ntas]
    data = {"ntas": ntas, "reason": "r", "ticket": "", "created_by": "a", "approved_by": ["b"]}
    data["hosts"] = [h.name for h in HOSTS]
    ids = tuple(n.id for n in made.ntas)
    return Event(at=NOW, kind=Kind.APPLY_STARTED, plan=made.id, ntas=ids, data=data)


def ended(made: Plan, outcome: str) -> Event:
    ids = tuple(n.id for n in made.ntas)
    return Event(at=NOW, kind=Kind.APPLY_ENDED, plan=made.id, ntas=ids, data={"outcome": outcome})


def test_a_zone_that_has_an_nta_gets_no_second() -> None:
    made = approved(plan(), "b")
    records = tuple(fold([started(made), ended(made, "done")]).values())
    assert rule_of(made, records=records) == "zone-has-nta"


@pytest.mark.parametrize("outcome", ["done", "pending", "taken-back", "nothing-changed"])
def test_a_plan_is_carried_out_once(outcome: str) -> None:
    made = approved(plan(), "b")
    with pytest.raises(Refused) as refusal:
        gate.check_unfinished(made, [started(made), ended(made, outcome)], NOW)
    assert refusal.value.rule == "plan-finished"


@pytest.mark.parametrize("outcome", ["done", "pending", "person-needed"])
def test_on_a_persons_word_a_plan_that_stands_is_taken_up_again(outcome: str) -> None:
    made = approved(plan(), "b")
    events = [started(made), ended(made, outcome)]
    gate.check_resumable(made, events, NOW + timedelta(hours=1))
    assert resume_rule(made, events, made.ntas[0].ends_at) == "plan-ended"
    assert resume_rule(plan(), events) == "unapproved"


@pytest.mark.parametrize(
    ("outcome", "rule"), [("taken-back", "plan-finished"), ("nothing-changed", "plan-finished")]
)
def test_what_has_ended_is_not_resumed(outcome: str, rule: str) -> None:
    made = approved(plan(), "b")
    assert resume_rule(made, [started(made), ended(made, outcome)]) == rule


def test_what_was_never_started_is_not_resumed() -> None:
    assert resume_rule(approved(plan(), "b"), []) == "not-started"


def resume_rule(made: Plan, events: list[Event], now: datetime = NOW) -> str:
    with pytest.raises(Refused) as refusal:
        gate.check_resumable(made, events, now)
    return refusal.value.rule


def test_an_unfinished_plan_goes_on_though_it_is_stale_by_now() -> None:
    made = approved(plan(), "b")
    gate.check_unfinished(made, [started(made)], NOW + timedelta(hours=1))


@pytest.mark.parametrize("stage", ["canary", "rest"])
def test_a_plan_is_not_taken_up_while_its_nta_is_taken_out(stage: str) -> None:
    made = approved(plan(), "b")
    data = {"stage": stage, "hosts": ["h1"], "why": "w"}
    ids = tuple(n.id for n in made.ntas)
    going = Event(at=NOW, kind=Kind.REVERT_STARTED, plan=made.id, ntas=ids, data=data)
    with pytest.raises(Refused) as refusal:
        gate.check_unfinished(made, [started(made), ended(made, "pending"), going], NOW)
    assert refusal.value.rule == "reverting"


def test_a_renewal_needs_an_nta_that_stands() -> None:
    made = plan()
    (record,) = fold([started(made), ended(made, "done")]).values()
    gate.check_renewable([record], NOW)
    for gone, now in ((record, record.ends_at), (replace(record, ended_at=NOW), NOW)):
        with pytest.raises(Refused) as refusal:
            gate.check_renewable([gone], now)
        assert refusal.value.rule == "nta-ended"
    with pytest.raises(NtactlError, match="not in this state"):
        gate.check_renewable([], NOW)


@pytest.mark.parametrize(
    ("asked", "rule"),
    [
        ({"zones": (".",)}, "root-zone"),
        ({"zones": ("bogus.",)}, "broken-on-purpose"),
        ({"zones": ("dnssec-failed.org.",)}, "broken-on-purpose"),
        ({"zones": ("org.",)}, "control-under-nta"),
        ({"lifetime": timedelta(days=8)}, "lifetime"),
    ],
)
def test_requests_refused_by_rule(asked: dict[str, object], rule: str) -> None:
    with pytest.raises(Refused) as refusal:
        check_request(request(**asked), PLAYBOOK)
    assert refusal.value.rule == rule


@pytest.mark.parametrize("asked", [{"lifetime": timedelta(0)}, {"reason": " "}, {"zones": ()}])
def test_requests_that_are_no_requests(asked: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        check_request(request(**asked), PLAYBOOK)


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_plans_of_older_releases_are_as_they_were_made(path: Path) -> None:
    gate.check_digest(Plan.model_validate_json(path.read_text()))


def test_the_digest_covers_hosts_and_policy() -> None:
    made = plan()
    longer = made.playbook.model_copy(update={"hold_down": timedelta(0)})
    assert sealed(made.model_copy(update={"playbook": longer})).digest != made.digest
