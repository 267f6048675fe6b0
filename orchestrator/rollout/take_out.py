"""An NTA taken out: by a person, by the watcher, or because its end has come."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from orchestrator.fleet.inventory import Host
from orchestrator.incident.came_back import came_back
from orchestrator.incident.journal import Event, Kind
from orchestrator.incident.lifecycle import OnHost, Record, fold
from orchestrator.rollout.apply import Report, named
from orchestrator.rollout.asking import UNVERIFIED, not_validating
from orchestrator.rollout.means import Means
from orchestrator.rollout.plan import Plan
from orchestrator.rollout.send import Action, Job, Result, read, send
from orchestrator.rollout.transaction import NtaOrder
from orchestrator.rollout.waves import STAND_INS, one_per_site


def order(record: Record) -> NtaOrder:
    """The NTA as hosts are told of it, with the end that holds now."""
    return NtaOrder(id=record.id, zone=record.zone, ends_at=record.ends_at)


def again(means: Means, record: Record) -> Record:
    """The same NTA as the journal has it now."""
    return fold(means.journal.events(record.plan))[record.id]


def canaries(plan: Plan, names: Collection[str]) -> list[str]:
    """One of these hosts a site."""
    hosts = [planned.host for planned in plan.hosts if planned.host.name in names]
    return [host.name for host in one_per_site(hosts)]


def take_out(
    means: Means,
    plan: Plan,
    record: Record,
    names: Sequence[str],
    *,
    stage: str,
    why: str,
    once_more: bool = False,
) -> dict[str, Result]:
    """Revert one NTA on these hosts. `stage` is "canary", "rest" or "all"."""
    data = {"stage": stage, "hosts": list(names), "why": why}
    means.journal.append(event(means, record, Kind.REVERT_STARTED, data))
    return sent(means, plan, record, names, "revert", stoppable=True, once_more=once_more)


def everywhere(means: Means, plan: Plan, record: Record, why: str) -> Report:
    """Take one NTA out of every host that may hold it: a host per site first, then the rest.

    A canary that answers and does not end well stops it; one that cannot be reached is replaced.
    Validation has to be back on each: the controls are asked, not the zone, which may still be
    broken - that is the operator's decision.
    """
    results, complaints = _canaries_out(means, plan, record, why)
    stopped = bool(complaints) or any(not _fine(result) for result in results.values())
    if not stopped and not means.stopping():
        rest = [name for name in again(means, record).holding() if name not in results]
        results |= take_out(means, plan, record, rest, stage="all", why=why)
        complaints |= not_validating(means, plan, _reverted(means, plan, record, rest))
    trouble = _trouble(results, complaints)
    ended = finish(means, plan, record, why, trouble)
    if not ended and (stopped or means.stopping()):
        means.journal.append(event(means, record, Kind.REVERT_STOPPED, {"why": why}))
    return _report(means, plan, record, results, trouble, ended=ended)


def once_more(means: Means, plan: Plan, record: Record, why: str) -> Report:
    """Take an NTA that has ended out of the hosts on which it came back: a host per site first.

    Only ever because a person says so: what is there now may be another person's answer to the
    same outage. Hosts that cannot be asked are told; the journal has it that they are rid of it.
    """
    hosts = [planned.host for planned in plan.hosts]
    readings, faults = read(means.fleet, means.clock, hosts, deadline=plan.deadline)
    back = [name for name, reading in readings.items() if came_back(record, reading)]
    if not back:
        return nothing_to_do(record, faults)
    means.say(f"{record.id} ended, and came back on {named(back)}")
    results: dict[str, Result] = {}
    complaints: dict[str, str] = {}
    for wave in _canaries_and_rest(plan, back):
        if complaints or means.stopping() or not all(map(_fine, results.values())):
            break
        results |= take_out(means, plan, record, wave, stage="all", why=why, once_more=True)
        complaints |= not_validating(means, plan, _reverted(means, plan, record, wave))
    trouble = _trouble(results, complaints)
    left = dict.fromkeys(set(back) - set(results), ("not reverted", "", "it came back here"))
    ended = not left and finish(means, plan, record, why, trouble)
    if not ended:
        means.journal.append(event(means, record, Kind.REVERT_STOPPED, {"why": why}))
    told = _report(means, plan, record, results, trouble, ended=ended)
    return replace(told, hosts=left | told.hosts)


def _canaries_and_rest(plan: Plan, names: Sequence[str]) -> list[list[str]]:
    first = canaries(plan, names)
    rest = [name for name in names if name not in first]
    return [first, rest] if rest else [first]


def nothing_to_do(record: Record, unasked: Mapping[str, tuple[str, str]]) -> Report:
    """It has ended, and nothing else is known; `unasked` are hosts that gave no answer, and why."""
    why = f"{record.id} ended {record.ended_at:%Y-%m-%d %H:%M:%SZ} ({record.ended_why})"
    hosts = {n: ("not asked", rule, text) for n, (rule, text) in unasked.items()}
    return Report(record.plan, "ended-before", hosts, why)


def _trouble(results: Mapping[str, Result], complaints: Mapping[str, str]) -> dict[str, str]:
    """What is wrong on hosts that it is out of."""
    return {n: r.message for n, r in results.items() if _out(r) and r.rule} | dict(complaints)


def _canaries_out(
    means: Means, plan: Plan, record: Record, why: str
) -> tuple[dict[str, Result], dict[str, str]]:
    """One host a site; sites whose canary cannot be reached get another, a few times."""
    results: dict[str, Result] = {}
    complaints: dict[str, str] = {}
    for _ in range(1 + STAND_INS):
        proven = {plan.planned(name).host.site for name, r in results.items() if _out(r)}
        left = [name for name in again(means, record).holding() if name not in results]
        first = canaries(plan, [n for n in left if plan.planned(n).host.site not in proven])
        if not first or complaints or means.stopping():
            break
        results |= take_out(means, plan, record, first, stage="all", why=why)
        complaints |= not_validating(means, plan, _reverted(means, plan, record, first))
    return results, complaints


def _out(result: Result) -> bool:
    return result.outcome == "reverted"


def _fine(result: Result) -> bool:
    """Out, or never reached: that says nothing against going on elsewhere."""
    return result.outcome in {"reverted", "unreachable", "unknown", "stopped"}


def _reverted(means: Means, plan: Plan, record: Record, names: Sequence[str]) -> list[Host]:
    hosts = again(means, record).hosts
    return [plan.planned(n).host for n in names if hosts[n].state is OnHost.REVERTED]


def _report(
    means: Means,
    plan: Plan,
    record: Record,
    results: dict[str, Result],
    trouble: dict[str, str],
    *,
    ended: bool,
) -> Report:
    hosts = {name: (r.outcome, r.rule, r.message) for name, r in results.items()}
    for name, text in trouble.items():
        hosts[name] = ("reverted", results[name].rule or UNVERIFIED, text)
    for name in again(means, record).holding():
        hosts.setdefault(name, ("not reverted", "", "it may still hold the NTA"))
    if means.stopping() and not ended:
        return Report(plan.id, "stopped", hosts, f"go on: ntactl revert {record.id}")
    return Report(plan.id, "done" if ended and not trouble else "person-needed", hosts)


def finish(
    means: Means, plan: Plan, record: Record, why: str, trouble: Mapping[str, str] | None = None
) -> bool:
    """Write the end down if no host can hold the NTA any more. Gives whether it ended.

    `trouble` is what is wrong, by host name, though it is out.
    """
    record = again(means, record)
    if record.holding():
        return False
    means.journal.append(event(means, record, Kind.REVERT_ENDED, {"why": why}))
    kind = "person-needed" if trouble else "ended" if why == "expired" else "reverted"
    means.tell(plan.playbook.notify, kind, **about(record), why=why, hosts=dict(trouble or {}))
    return True


def sent(
    means: Means,
    plan: Plan,
    record: Record,
    names: Sequence[str],
    action: Action,
    *,
    stoppable: bool = False,
    once_more: bool = False,
) -> dict[str, Result]:
    """Take it out of these hosts ("revert"), or tell them the end that holds now ("renew")."""
    orders, hosts = (order(record),), [plan.planned(name).host for name in names]
    jobs = [Job(host, action, orders, once_more=once_more) for host in hosts]
    return send(means, plan.id, jobs, deadline=plan.deadline, stoppable=stoppable)


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
