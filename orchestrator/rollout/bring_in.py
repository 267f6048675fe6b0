"""An approved NTA put on hosts that lost it, were not there, or failed on the way back."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.fleet.inventory import Host
from orchestrator.incident.lifecycle import Record
from orchestrator.model import HostReading
from orchestrator.rollout.asking import UNVERIFIED, not_fit, not_relieved
from orchestrator.rollout.means import Means
from orchestrator.rollout.plan import Plan, why_left_alone
from orchestrator.rollout.send import Job, read, send
from orchestrator.rollout.take_out import order, sent
from orchestrator.rollout.transaction import change

Left = dict[str, tuple[str, str]]


def bring_in(means: Means, plan: Plan, record: Record, names: Sequence[str]) -> Left:
    """Put it on hosts that lost it or were not there, within its approved end.

    The precondition is read afresh and resolvers are asked first, as in an apply; one that then
    does not verify is taken back. Gives (rule, message) of hosts that stay without.
    """
    readings, left = _fit(means, plan, record, names)
    complaints = not_fit(means, plan, _hosts(plan, readings))
    left |= {name: ("baseline", complaint) for name, complaint in complaints.items()}
    fit = {name: reading for name, reading in readings.items() if name not in complaints}
    left |= _put_on(means, plan, record, fit, stoppable=True)
    unverified = not_relieved(means, plan, [h for h in _hosts(plan, fit) if h.name not in left])
    sent(means, plan, record, list(unverified), "revert")
    return left | {name: (UNVERIFIED, why) for name, why in unverified.items()}


def give_back(means: Means, plan: Plan, record: Record, names: Sequence[str]) -> Left:
    """Put it back on hosts that had it a moment ago and do not do well without it.

    That they fail is why it comes back, so they are not asked first, and it stays on.
    """
    readings, left = _fit(means, plan, record, names)
    return left | _put_on(means, plan, record, readings, stoppable=False)


def _fit(
    means: Means, plan: Plan, record: Record, names: Sequence[str]
) -> tuple[dict[str, HostReading], Left]:
    """Readings of hosts that can take it, and why the others cannot."""
    hosts = [plan.planned(name).host for name in names]
    readings, left = read(means.fleet, means.clock, hosts, deadline=plan.deadline)
    for host in hosts:
        reason = why_left_alone(
            [order(record)], readings.get(host.name), left.get(host.name), adopt=plan.adopt
        )
        if reason is not None:
            left[host.name] = reason
    return {name: reading for name, reading in readings.items() if name not in left}, left


def _put_on(
    means: Means,
    plan: Plan,
    record: Record,
    readings: dict[str, HostReading],
    *,
    stoppable: bool,
) -> Left:
    orders = (order(record),)
    jobs = [
        Job(host, "apply", orders, change(host, readings[host.name], orders, adopt=plan.adopt))
        for host in _hosts(plan, readings)
    ]
    results = send(means, plan.id, jobs, deadline=plan.deadline, stoppable=stoppable)
    return {
        name: (result.rule or result.outcome, result.message)
        for name, result in results.items()
        if result.outcome != "applied"
    }


def _hosts(plan: Plan, names: dict[str, HostReading]) -> list[Host]:
    return [plan.planned(name).host for name in names]
