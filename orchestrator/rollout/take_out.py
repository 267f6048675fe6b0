"""An NTA taken out: by a person, by the watcher, or put back on a host that lost it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orchestrator.incident.journal import Event, Kind
from orchestrator.incident.lifecycle import Record, fold
from orchestrator.model import HostReading
from orchestrator.rollout.apply import Report, verify_hosts
from orchestrator.rollout.means import Means
from orchestrator.rollout.plan import Plan, why_left_alone
from orchestrator.rollout.send import Job, Result, read, send
from orchestrator.rollout.transaction import NtaOrder, change
from orchestrator.rollout.verify import by_host, control_asks, control_complaints
from orchestrator.rollout.waves import one_per_site


def order(record: Record) -> NtaOrder:
    """The NTA as hosts are told of it, with the end that holds now."""
    return NtaOrder(id=record.id, zone=record.zone, ends_at=record.ends_at)


def again(means: Means, record: Record) -> Record:
    """The same NTA as the journal has it now."""
    return fold(means.journal.events(record.plan))[record.id]


def canaries(plan: Plan, record: Record) -> list[str]:
    """One holding host a site."""
    hosts = [plan.planned(name).host for name in record.holding()]
    return [host.name for host in one_per_site(hosts)]


def take_out(
    means: Means, plan: Plan, record: Record, names: Sequence[str], *, stage: str, why: str
) -> dict[str, Result]:
    """Revert one NTA on these hosts. `stage` is "canary", "rest" or "all"."""
    data = {"stage": stage, "hosts": list(names), "why": why}
    means.journal.append(event(means, record, Kind.REVERT_STARTED, data))
    return _send(means, plan, record, names, "revert")


def everywhere(means: Means, plan: Plan, record: Record, why: str) -> Report:
    """Take one NTA out of every host that may hold it: a host per site first, then the rest.

    A canary that cannot be reverted stops it. Validation has to be back on each: the controls are
    asked, not the zone, which may still be broken - that is the operator's decision.
    """
    first = canaries(plan, record)
    results = take_out(means, plan, record, first, stage="all", why=why)
    complaints = control_check(means, plan, first)
    went_well = all(result.outcome == "reverted" for result in results.values())
    if went_well and not complaints and not means.stopping():
        rest = [name for name in again(means, record).holding() if name not in first]
        results |= take_out(means, plan, record, rest, stage="all", why=why)
        complaints |= control_check(means, plan, rest)
    ended = finish(means, plan, record, why)
    hosts = {name: (r.outcome, r.rule, r.message) for name, r in results.items()}
    hosts |= {name: ("reverted", "unverified", text) for name, text in complaints.items()}
    for name in again(means, record).holding():
        hosts.setdefault(name, ("not reverted", "", "it may still hold the NTA"))
    if means.stopping() and not ended:
        return Report(plan.id, "stopped", hosts, f"go on: ntactl revert {record.id}")
    return Report(plan.id, "done" if ended and not complaints else "person-needed", hosts)


def control_check(means: Means, plan: Plan, names: Sequence[str]) -> dict[str, str]:
    """Does each of these validate? What is wrong, by host."""
    hosts = [plan.planned(name).host for name in names]
    views = by_host(means.views(hosts, control_asks(plan.playbook.controls))) if hosts else {}
    found = {
        name: control_complaints(views.get(name, []), plan.playbook.controls) for name in names
    }
    return {name: "; ".join(complaints) for name, complaints in found.items() if complaints}


def finish(means: Means, plan: Plan, record: Record, why: str) -> bool:
    """Write the end down if no host can hold the NTA any more. Gives whether it ended."""
    record = again(means, record)
    if record.holding():
        return False
    means.journal.append(event(means, record, Kind.REVERT_ENDED, {"why": why}))
    kind = "ended" if why == "expired" else "reverted"
    means.tell(plan.playbook.notify, kind, **about(record), why=why)
    return True


def rearm(means: Means, plan: Plan, record: Record, names: Sequence[str]) -> dict[str, Result]:
    """Tell hosts the end that holds now; each arms its guard for it first."""
    return _send(means, plan, record, names, "renew")


def bring_in(
    means: Means, plan: Plan, record: Record, names: Sequence[str]
) -> dict[str, tuple[str, str]]:
    """Put an approved NTA on hosts that lost it or were not there, within its approved end.

    The precondition is read afresh. Gives (rule, message) of hosts that stay without.
    """
    hosts = [plan.planned(name).host for name in names]
    readings, faults = read(means.fleet, means.clock, hosts, deadline=_deadline(plan))
    jobs, left = [], dict(faults)
    for host in hosts:
        reason = why_left_alone([order(record)], readings.get(host.name), faults.get(host.name))
        if reason is None:
            jobs.append(_job_in(record, readings[host.name], plan, host.name))
        else:
            left[host.name] = reason
    results = send(means, plan.id, jobs, deadline=_deadline(plan))
    for name, result in results.items():
        if result.outcome != "applied":
            left[name] = (result.rule or result.outcome, result.message)
    on = [result.host for result in results.values() if result.outcome == "applied"]
    complaints = verify_hosts(means, plan, on) if on else {}
    return left | {name: ("unverified", complaint) for name, complaint in complaints.items()}


def _job_in(record: Record, reading: HostReading, plan: Plan, name: str) -> Job:
    host = plan.planned(name).host
    orders = (order(record),)
    return Job(host, "apply", orders, change(host, reading, orders))


def _send(
    means: Means, plan: Plan, record: Record, names: Sequence[str], action: Any
) -> dict[str, Result]:
    jobs = [Job(plan.planned(name).host, action, (order(record),)) for name in names]
    return send(means, plan.id, jobs, deadline=_deadline(plan))


def _deadline(plan: Plan) -> float:
    return plan.playbook.host_deadline.total_seconds()


def about(record: Record) -> dict[str, Any]:
    """What every event told to people says of an NTA."""
    return {
        "plan": record.plan,
        "id": record.id,
        "zone": record.zone,
        "reason": record.reason,
        "ends_at": record.ends_at.isoformat(),
    }


def event(means: Means, record: Record, kind: Kind, data: dict[str, Any]) -> Event:
    """One journal line about this NTA."""
    return Event(
        at=means.clock(), kind=kind, plan=record.plan, ntas=(record.id,), by=means.by, data=data
    )
