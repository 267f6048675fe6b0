"""A new end for an NTA that stands, planned and approved like the NTA itself.

The new end is written down before any host hears of it: if this machine dies in between, hosts
still end at the old one, and the watcher brings them in line within the approved end.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from orchestrator.incident.journal import Kind
from orchestrator.incident.lifecycle import Record, fold
from orchestrator.model import Verdict
from orchestrator.rollout.apply import Report
from orchestrator.rollout.gate import check_renewable, good_approvals
from orchestrator.rollout.means import Means
from orchestrator.rollout.plan import Plan, PlannedHost, check_lifetime, sealed
from orchestrator.rollout.send import Job, send
from orchestrator.rollout.take_out import event, order
from orchestrator.rollout.transaction import Change, NtaOrder, renew_commands


def make_renewal(
    record: Record,
    old: Plan,
    *,
    plan_id: str,
    now: datetime,
    lifetime: timedelta,
    reason: str,
    by: str,
    verdicts: Sequence[Verdict],
) -> Plan:
    """The plan that moves the end to `now + lifetime`. Pure. Raises BadInput, Refused."""
    check_lifetime(lifetime, off=old.overrides)
    check_renewable([record], now)
    now = now.replace(microsecond=0)
    nta = order(record).model_copy(update={"ends_at": now + lifetime})
    hosts = tuple(
        PlannedHost(host=planned.host, change=_rearming(planned, nta), version=planned.version)
        for planned in old.hosts
        if planned.host.name in record.holding()
    )
    return sealed(
        old.model_copy(
            update={
                "id": plan_id,
                "action": "renew",
                "created_at": now,
                "created_by": by,
                "expires_at": now + old.playbook.plan_expires,
                "reason": reason,
                "lifetime": lifetime,
                "ntas": (nta,),
                "verdicts": tuple(verdicts),
                "hosts": hosts,
                "waves": (tuple(planned.host.name for planned in hosts),),
                "warnings": (),
                "previews": (),
                "approvals": (),
            }
        )
    )


def _rearming(planned: PlannedHost, nta: NtaOrder) -> Change:
    return Change(
        host=planned.host.name,
        expected_state="",
        ntas=(nta,),
        path="",
        before=None,
        after=None,
        diff="",
        commands=renew_commands(planned.host, nta),
    )


def carry_out_renewal(means: Means, plan: Plan) -> Report:
    """Write the new end down, then re-arm every guard. Hosts that miss it are brought in later."""
    (nta,) = plan.ntas
    record = next(r for r in fold(means.journal.events()).values() if r.id == nta.id)
    data = {
        "ends_at": nta.ends_at.isoformat(),
        "renewal": plan.id,
        "reason": plan.reason,
        "approved_by": [approval.by for approval in good_approvals(plan)],
    }
    means.journal.append(event(means, record, Kind.RENEWED, data))
    names = set(record.holding())
    jobs = [Job(p.host, "renew", plan.ntas) for p in plan.hosts if p.host.name in names]
    results = send(means, record.plan, jobs, deadline=plan.deadline)
    hosts = {
        name: ("renewed" if r.outcome == "renewed" else r.outcome, r.rule, r.message)
        for name, r in results.items()
    }
    late = [name for name, (state, _, _) in hosts.items() if state != "renewed"]
    ends = nta.ends_at.isoformat()
    means.tell(
        plan.playbook.notify, "renewed", id=nta.id, zone=nta.zone, ends_at=ends, pending=late
    )
    stuck = any(result.outcome == "stuck" for result in results.values())
    return Report(plan.id, "person-needed" if stuck else "pending" if late else "done", hosts)
