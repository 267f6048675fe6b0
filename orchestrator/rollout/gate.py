"""May this plan be carried out now? Pure; every no has a rule's name."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from orchestrator.errors import NtactlError, Refused
from orchestrator.incident.journal import Event, Kind
from orchestrator.incident.lifecycle import Phase, Record, fold, phase
from orchestrator.model import State, Verdict
from orchestrator.playbook import Budget
from orchestrator.rollout import override
from orchestrator.rollout.plan import Approval, Plan, budget_sentence, calls_for_nta, digest_of


def check_digest(plan: Plan) -> None:
    """Was the file edited since it was made? Raises Refused."""
    if digest_of(plan) != plan.digest:
        raise Refused(
            "plan-digest",
            f"plan {plan.id} is not as it was made: its digest does not fit its content",
            next_step="make a new plan: ntactl plan ... --out FILE",
        )


def check_approvable(plan: Plan, now: datetime) -> None:
    """May somebody approve it? Raises Refused."""
    check_digest(plan)
    if now >= plan.expires_at:
        raise Refused(
            "plan-expired",
            f"plan {plan.id} was good until {plan.expires_at:%H:%M:%SZ}: hosts may have moved on",
            next_step="make a new plan: ntactl plan ... --out FILE",
        )


def check_startable(
    plan: Plan, records: Iterable[Record], now: datetime, accepting: Collection[str] = ()
) -> tuple[Refused, ...]:
    """May it be started (not: taken up again)? Gives the refusals that were accepted.

    Raises Refused, the rule named.
    """
    check_approvable(plan, now)
    accepted = check_worth_asking(plan, accepting)
    _check_approvals(plan)
    if plan.action == "apply":
        _check_zones_free(plan, records)
    else:
        check_renewable([r for r in records if r.id == plan.ntas[0].id], now)
    return accepted


def check_worth_asking(plan: Plan, accepting: Collection[str] = ()) -> tuple[Refused, ...]:
    """Is there anything to say yes to? Gives the refusals whose rules a person accepts.

    Raises Refused, the rule named.
    """
    if plan.mode != "nta" and not plan.overrides:
        raise Refused("preview-mode", f"--mode {plan.mode} is shown in a plan, never applied")
    refusals = _by_verdict(plan) if plan.action == "apply" else []
    _check_some_host(plan)
    refusals += _by_budget(plan)
    for refusal in refusals:
        if refusal.rule not in accepting:
            raise refusal
    return tuple(refusals)


def _by_verdict(plan: Plan) -> list[Refused]:
    """Refusals that who knows better may accept. Raises Refused for zones that are not bogus."""
    if plan.overrides:
        changed = [planned for planned in plan.hosts if planned.change is not None]
        failing = sum(planned.fails_all for planned in changed)
        return override.objections(plan.verdicts, failing, len(changed))
    refusals = []
    for verdict in plan.verdicts:
        if calls_for_nta(verdict):
            continue
        refusal = Refused(
            "verdict",
            f"{verdict.zone} is {verdict.state.value}, remedy {verdict.remedy.value}: "
            f"{verdict.remedy_reason or 'an NTA would not help'}",
            next_step=f"ntactl check {verdict.zone}{_accept('verdict', verdict)}",
        )
        if verdict.state is not State.BOGUS:
            raise refusal
        refusals.append(refusal)
    return refusals


def _accept(rule: str, verdict: Verdict | None = None) -> str:
    if verdict is not None and verdict.state is not State.BOGUS:
        return "; nobody can accept this: an NTA cures nothing but a bogus zone"
    return f"; or accept it: --accept {rule}"


def _check_zones_free(plan: Plan, records: Iterable[Record]) -> None:
    zones = {nta.zone for nta in plan.ntas}
    for record in records:
        if record.live() and record.zone in zones:
            raise Refused(
                "zone-has-nta",
                f"{record.zone} has {record.id} already, until {record.ends_at:%H:%M:%SZ}",
                next_step=f"ntactl renew {record.id} --for 2h, or ntactl revert {record.id}",
            )


def check_renewable(records: Sequence[Record], now: datetime) -> None:
    """Does the NTA still stand, so that it can have a new end? Raises Refused, NtactlError."""
    if not records:
        raise NtactlError("the NTA of this plan is not in this state", next_step="--state DIR")
    for record in records:
        if phase(record, now) in {Phase.ENDED, Phase.EXPIRED, Phase.REVERTING}:
            raise Refused(
                "nta-ended",
                f"{record.id} has ended or is being taken out",
                next_step=f"ntactl status; ntactl check {record.zone}",
            )


def _check_approvals(plan: Plan) -> None:
    wanted = plan.playbook.approvals
    required = 1 if plan.lab and wanted.exempt_labs else wanted.required
    if plan.overrides:
        required = max(override.PEOPLE, wanted.required)
    people = {approval.by for approval in good_approvals(plan)}
    if len(people) < required:
        raise Refused(
            "unapproved",
            f"plan {plan.id} has {len(people)} of {required} approvals that count",
            next_step="ntactl approve PLAN",
        )


def good_approvals(plan: Plan) -> list[Approval]:
    """The approvals that count: of this digest, and not the creator's where that is ruled out."""
    return [
        approval
        for approval in plan.approvals
        if approval.digest == plan.digest
        and (plan.playbook.approvals.creator_may_approve or approval.by != plan.created_by)
    ]


def _check_some_host(plan: Plan) -> None:
    left = plan.left_alone()
    if len(left) == len(plan.hosts):
        why = "; ".join(f"{p.host.name}: {p.rule} ({p.message})" for p in left)
        raise Refused("no-host-left", f"no host can take this plan: {why}")


def _by_budget(plan: Plan) -> list[Refused]:
    left = plan.left_alone()
    if counted(plan.playbook.budget, (p.rule for p in left)) <= plan.playbook.budget.failed_hosts:
        return []
    names = ", ".join(f"{p.host.name} ({p.rule})" for p in left)
    refusal = Refused(
        "budget",
        f"{len(left)} hosts are left alone before it starts: {names}. "
        f"{budget_sentence(plan.playbook)}",
        next_step="mend the hosts or raise budget.failed_hosts, then make a new plan"
        "; or go on without these: --accept budget",
    )
    return [refusal]


def counted(budget: Budget, rules: Iterable[str]) -> int:
    """How many failures the budget counts among these rules."""
    spare_unreachable = not budget.count_unreachable
    return sum(1 for rule in rules if not (spare_unreachable and rule == "unreachable"))


def was_started(plan: Plan, events: Iterable[Event]) -> bool:
    """Has this plan been begun, finished or not?"""
    return any(
        (event.kind is Kind.APPLY_STARTED and event.plan == plan.id)
        or (event.kind is Kind.RENEWED and event.data["renewal"] == plan.id)
        for event in events
    )


def check_unfinished(plan: Plan, events: Sequence[Event], now: datetime) -> None:
    """May a plan that was started go on by itself? Raises Refused where it had come to its end."""
    for record in _standing(plan, events, now):
        if record.outcome in {"done", "pending"}:
            raise _finished(plan, record.outcome, "ntactl status; ntactl apply PLAN --resume")


def check_resumable(plan: Plan, events: Sequence[Event], now: datetime) -> None:
    """May hosts that lack it be brought in, by approvals that count now? Raises Refused."""
    if not was_started(plan, events):
        raise Refused(
            "not-started",
            f"plan {plan.id} was never started from this state",
            next_step="ntactl apply PLAN, without --resume; or --state DIR",
        )
    _standing(plan, events, now)
    _check_approvals(plan)


def _standing(plan: Plan, events: Sequence[Event], now: datetime) -> list[Record]:
    """The plan's NTAs, none of which has ended or is on its way out. Raises Refused."""
    if plan.action == "renew":
        raise _finished(plan, "the renewal is in force, watch brings late hosts in line")
    records = [record for record in fold(events).values() if record.plan == plan.id]
    for record in records:
        if record.ended_at is not None:
            raise _finished(plan, record.ended_why)
        if record.reverting or record.canaries:
            raise Refused(
                "reverting",
                f"{record.id} is being taken out: an apply would put it back",
                next_step="ntactl status",
            )
        if now >= record.ends_at:
            raise Refused(
                "plan-ended",
                f"the NTAs of plan {plan.id} have reached their end",
                next_step="ntactl watch --once takes out what is left",
            )
    return records


def _finished(plan: Plan, how: str, next_step: str = "ntactl status") -> Refused:
    what = f"plan {plan.id} was carried out already ({how})"
    return Refused("plan-finished", what, next_step=next_step)
