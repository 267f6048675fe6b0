"""A plan carried out: waves, verification, and the way back when it does not hold.

Ends in "all on" (some hosts perhaps pending, within the budget) or "all as before", and says
which. Started again after a crash it goes on where the journal stops, in the same direction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from orchestrator.errors import Refused
from orchestrator.fleet.inventory import Host
from orchestrator.incident.journal import Event, Kind
from orchestrator.incident.lifecycle import (
    HOLDING,
    NOTHING_SENT,
    Accepted,
    OnHost,
    Record,
    fold,
)
from orchestrator.rollout.asking import UNVERIFIED, not_fit, not_relieved
from orchestrator.rollout.gate import counted, good_approvals
from orchestrator.rollout.means import Means
from orchestrator.rollout.plan import Plan, why_left_alone
from orchestrator.rollout.send import Job, Result, read, send
from orchestrator.rollout.transaction import NtaOrder
from orchestrator.rollout.waves import STAND_INS, stand_ins

STALE = "stale-generation"  # the rule of a host that has had newer orders
FEW = 10  # hosts that are told by name; more are counted

Ending = Literal[
    "done",
    "pending",
    "taken-back",
    "nothing-changed",
    "nothing-to-do",
    "person-needed",
    "stopped",
    "ended-before",
    "uncured",
]
EXIT_CODES: dict[Ending, int] = {
    "done": 0,
    "ended-before": 0,
    "nothing-to-do": 0,
    "pending": 7,
    "taken-back": 5,
    "nothing-changed": 1,
    "person-needed": 6,
    "stopped": 130,
    "uncured": 13,
}


@dataclass(frozen=True)
class Report:
    """How an apply ended, host by host: name -> (state, rule, message)."""

    plan: str
    ending: Ending
    hosts: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    why: str = ""
    accepted: tuple[Accepted, ...] = ()

    @property
    def exit_code(self) -> int:
        """The contract's exit code; 4 when rules are all that kept it from every host."""
        states = {state for state, _, _ in self.hosts.values()}
        refused = "refused" in states and states <= {"refused", "left-alone", "planned", "sound"}
        return 4 if self.ending == "nothing-changed" and refused else EXIT_CODES[self.ending]


def records_of(means: Means, plan: Plan) -> list[Record]:
    """The plan's NTAs as the journal has them now."""
    return [r for r in fold(means.journal.events(plan.id)).values() if r.plan == plan.id]


def carry_out(means: Means, plan: Plan, accepted: Sequence[Refused] = ()) -> Report:
    """Start the plan, or take it up again. The caller has passed the gate and holds the lock.

    `accepted` are the gate's refusals that this person accepts.
    """
    records = records_of(means, plan)
    if any(record.taking_back for record in records):
        return _take_back(means, plan, "taking back what an interrupted run had begun")
    means.journal.append(_started(means, plan, accepted))
    done: set[str] = set()
    for wave, canary in _waves(means, plan):
        if means.stopping():
            return stopped(means, plan)
        done |= set(wave)
        trouble = _wave(means, plan, wave, canary=canary)
        if report := _cut_short(means, plan, trouble, done):
            return report
    return ended(means, plan, "")


def _cut_short(means: Means, plan: Plan, trouble: str, done: set[str]) -> Report | None:
    """How it ends after a wave, with this trouble in it, that is to be the last; else None."""
    if overtaken := _overtaken(means, plan, done):
        return ended(means, plan, overtaken)
    if trouble:
        return _take_back(means, plan, trouble)
    if means.stopping():
        return stopped(means, plan)
    if breach := _budget_trouble(means, plan, done):
        return _on_breach(means, plan, breach)
    return None


def named(names: Sequence[str]) -> str:
    """Hosts by name, or how many where nobody would read the names."""
    return ", ".join(names) if len(names) <= FEW else f"{len(names)} hosts"


def _waves(means: Means, plan: Plan) -> Iterator[tuple[tuple[str, ...], bool]]:
    """The plan's waves, and whether each is of canaries.

    Where every canary of an engine and site fell out untouched, others stand in for them.
    """
    hosts = [planned.host for planned in plan.hosts if planned.change is not None]
    canaries, tried = plan.canary_waves(), set[str]()
    for _ in range(1 + STAND_INS):
        for wave in canaries:
            yield wave, True
            tried |= set(wave)
        canaries = stand_ins(hosts, tried, _on(means, plan), plan.playbook.site_share)
    for wave in plan.waves[len(plan.canary_waves()) :]:
        if left := tuple(name for name in wave if name not in tried):
            yield left, False


def stopped(means: Means, plan: Plan, go_on: str = "ntactl apply PLAN") -> Report:
    """A person asked to stop: what is on stays on, and the journal leaves the plan unfinished."""
    back = "; ".join(f"ntactl revert {nta.id}" for nta in plan.ntas)
    return _report(means, plan, "stopped", f"go on: {go_on}; take back: {back}")


def _report(means: Means, plan: Plan, ending: Ending, why: str) -> Report:
    records = records_of(means, plan)
    accepted = tuple(dict.fromkeys(a for record in records for a in record.accepted))
    return Report(plan.id, ending, _hosts(plan, records), why, accepted)


def _on_breach(means: Means, plan: Plan, breach: str) -> Report:
    if plan.playbook.budget.on_breach == "take_back":
        return _take_back(means, plan, breach)
    return ended(means, plan, breach)  # "hold": what is on stays on, a person decides


def _wave(means: Means, plan: Plan, names: Sequence[str], *, canary: bool) -> str:
    """Bring one wave on. Gives "" or why all of it has to be taken back."""
    on, maybe = _on(means, plan), _maybe_on(means, plan)
    if not canary and not on:
        return "no canary could be reached or would take the change"
    means.say(f"{'canary' if canary else 'wave'}: {named(names)}")
    todo = [plan.planned(name).host for name in names if name not in on]
    bad = _unfit(means, plan, [host for host in todo if host.name not in maybe])
    jobs = [_apply_job(plan, host, orders_of(means, plan)) for host in todo if host.name not in bad]
    results = send(means, plan.id, jobs, deadline=plan.deadline, stoppable=True)
    _set_aside(means, plan, bad)
    if canary:  # while it is asked, the way to the others is opened
        means.fleet.warm([p.host for p in plan.hosts if p.change and p.host.name not in names])
    complaints = _verify(means, plan, names)
    if canary:
        return _outrun(plan, results) or _canary_trouble(results, complaints)
    _take_back_hosts(means, plan, list(complaints))
    return ""


def _overtaken(means: Means, plan: Plan, done: set[str]) -> str:
    """Who slept while another ntactl went on must not undo its work: not even by a take-back."""
    every = [record.hosts.items() for record in records_of(means, plan)]
    if not any(host.rule == STALE for hosts in every for name, host in hosts if name in done):
        return ""
    return "hosts have had newer orders, from another ntactl: this run touches nothing more"


def _on(means: Means, plan: Plan) -> set[str]:
    """Hosts that have all of the plan's NTAs."""
    records = records_of(means, plan)
    applied = [
        {name for name, host in record.hosts.items() if host.state is OnHost.APPLIED}
        for record in records
    ]
    return set.intersection(*applied) if applied else set()


def _maybe_on(means: Means, plan: Plan) -> set[str]:
    """Hosts of an interrupted run that may hold it: they are sent the program whatever they say."""
    return {name for record in records_of(means, plan) for name in record.holding()}


def _apply_job(plan: Plan, host: Host, orders: tuple[NtaOrder, ...]) -> Job:
    planned = plan.planned(host.name).change
    assert planned is not None
    return Job(host, "apply", orders, planned.model_copy(update={"ntas": orders}))


def orders_of(means: Means, plan: Plan) -> tuple[NtaOrder, ...]:
    """The plan's NTAs with the ends that hold now: a renewal may have moved them."""
    ends = {record.id: record.ends_at for record in records_of(means, plan)}
    return tuple(
        nta.model_copy(update={"ends_at": ends.get(nta.id, nta.ends_at)}) for nta in plan.ntas
    )


def _unfit(means: Means, plan: Plan, hosts: Sequence[Host]) -> dict[str, tuple[str, str]]:
    """Hosts that must not be touched, as (rule, message): not validating, or without an upstream.

    Where such a host itself says more, such as that its daemon is down, that is the reason given.
    """
    complaints = not_fit(means, plan, hosts)
    doubtful = [host for host in hosts if host.name in complaints]
    readings, faults = read(means.fleet, means.clock, doubtful, deadline=plan.deadline)
    return {
        host.name: why_left_alone(
            plan.ntas, readings.get(host.name), faults.get(host.name), adopt=plan.adopt
        )
        or ("baseline", complaints[host.name])
        for host in doubtful
    }


def _set_aside(means: Means, plan: Plan, unfit: dict[str, tuple[str, str]]) -> None:
    for name, (rule, message) in unfit.items():
        means.say(f"{name}: left alone [{rule}] {message}")
        data = {"action": "apply", "rule": rule, "message": message}
        if rule in NOTHING_SENT:
            failed = {**data, "failure": rule}
            means.journal.append(_event(means, plan, Kind.HOST_FAILED, failed, host=name))
        else:
            refused = {**data, "outcome": "refused"}
            means.journal.append(_event(means, plan, Kind.HOST_DONE, refused, host=name))


def _verify(means: Means, plan: Plan, names: Sequence[str]) -> dict[str, str]:
    """Ask the wave's resolvers themselves; complaints by host name."""
    on = _on(means, plan)
    hosts = [plan.planned(name).host for name in names if name in on]
    complaints = not_relieved(means, plan, hosts)
    verified = [host.name for host in hosts if host.name not in complaints]
    means.journal.append(
        _event(means, plan, Kind.WAVE_VERIFIED, {"hosts": verified, "complaints": complaints})
    )
    for name, complaint in complaints.items():
        means.say(f"{name}: does not verify: {complaint}")
    return complaints


def _outrun(plan: Plan, results: dict[str, Result]) -> str:
    """Of two operators at once, one goes on: who got the plan's first canary. The other gives way.

    So they never end with half of the fleet each; a plan's first host is the same for both.
    """
    first = plan.waves[0][0]
    if first not in results or results[first].rule != "already-held":
        return ""
    return f"another ntactl came first on {first}: {results[first].message}"


def _canary_trouble(results: dict[str, Result], complaints: dict[str, str]) -> str:
    failed = [n for n, r in results.items() if r.outcome in {"undone", "stuck"}]
    if failed:
        return f"the canary failed: {', '.join(f'{n}: {results[n].message}' for n in failed)}"
    if complaints:
        return "the canary does not verify: " + "; ".join(
            f"{n}: {c}" for n, c in complaints.items()
        )
    return ""


def _budget_trouble(means: Means, plan: Plan, done: set[str]) -> str:
    """Is the budget spent by these hosts? Later ones may be an interrupted run's loose ends."""
    failures = _failures(means, plan, done)
    if counted(plan.playbook.budget, failures.values()) <= plan.playbook.budget.failed_hosts:
        return ""
    names = ", ".join(f"{name} ({rule})" for name, rule in failures.items())
    return f"the failure budget of {plan.playbook.budget.failed_hosts} is spent: {names}"


def _failures(means: Means, plan: Plan, done: set[str]) -> dict[str, str]:
    """Hosts that count against the budget so far, with the rule."""
    records = records_of(means, plan)
    accepted = any(a.rule == "budget" for record in records for a in record.accepted)
    left = () if accepted else plan.left_alone()
    failures = {planned.host.name: planned.rule for planned in left}
    for record in records:
        for name in done & set(record.hosts):
            host = record.hosts[name]
            if host.state is not OnHost.APPLIED:
                failures[name] = host.rule or host.state.value
        failures |= dict.fromkeys(record.unverified(), UNVERIFIED)
    return failures


def _take_back(means: Means, plan: Plan, why: str) -> Report:
    means.say(f"taking back: {why}")
    means.journal.append(_event(means, plan, Kind.TAKE_BACK_STARTED, {"why": why}))
    holding = {n for record in records_of(means, plan) for n in record.holding()}
    _take_back_hosts(means, plan, sorted(holding))
    return ended(means, plan, why)


def _take_back_hosts(means: Means, plan: Plan, names: Sequence[str]) -> None:
    keep = plan.adopt
    jobs = [Job(plan.planned(n).host, "revert", plan.ntas, keep_theirs=keep) for n in names]
    send(means, plan.id, jobs, deadline=plan.deadline)


def ended(means: Means, plan: Plan, why: str) -> Report:
    """Write down how it ended, and tell people."""
    ending = _ending(records_of(means, plan), held=bool(why))
    data = {"outcome": ending, "why": why}
    means.journal.append(_event(means, plan, Kind.APPLY_ENDED, data))
    report = _report(means, plan, ending, why)
    _tell(means, plan, report)
    return report


def _tell(means: Means, plan: Plan, report: Report) -> None:
    lost = [n for n, host in report.hosts.items() if host[0] in _LOST or host[1] in _LOST]
    pending = [n for n, (state, _, _) in report.hosts.items() if state != OnHost.APPLIED]
    for nta in plan.ntas:
        about = {"id": nta.id, "zone": nta.zone, "plan": plan.id, "reason": plan.reason}
        means.tell(
            plan.playbook.notify, _TOLD[report.ending], **about, why=report.why, pending=pending
        )
        for name in lost:
            means.tell(
                plan.playbook.notify, "host-lost", **about, host=name, why=report.hosts[name][2]
            )


_LOST = {OnHost.UNREACHABLE, OnHost.SENT}
_TOLD: dict[str, str] = {
    "done": "applied",
    "pending": "applied",
    "taken-back": "taken-back",
    "nothing-changed": "apply-failed",
    "person-needed": "person-needed",
    "stopped": "person-needed",
}


def _ending(records: Sequence[Record], *, held: bool) -> Ending:
    states = {host.state for record in records for host in record.hosts.values()}
    if any(record.taking_back for record in records):
        return "person-needed" if states & HOLDING else _gone(states)
    if OnHost.APPLIED not in states and not states & HOLDING:
        return _gone(states)
    if held or OnHost.STUCK in states or any(record.unverified() for record in records):
        return "person-needed"
    return "done" if states == {OnHost.APPLIED} else "pending"


def _gone(states: set[OnHost]) -> Ending:
    touched = {OnHost.REVERTED, OnHost.UNDONE}
    return "taken-back" if states & touched else "nothing-changed"


def _hosts(plan: Plan, records: Sequence[Record]) -> dict[str, tuple[str, str, str]]:
    """State, rule and message of each host; the worst of its NTAs."""
    hosts = {p.host.name: ("left-alone", p.rule, p.message) for p in plan.left_alone()}
    every = [(name, host) for record in records for name, host in record.hosts.items()]
    for name, host in sorted(every, key=lambda pair: list(OnHost).index(pair[1].state)):
        if host.complaint:
            hosts[name] = (host.state.value, UNVERIFIED, host.complaint)
        elif host.state is not OnHost.PLANNED or name not in hosts:
            hosts[name] = (host.state.value, host.rule, host.message)
    return hosts


def _started(means: Means, plan: Plan, accepted: Sequence[Refused]) -> Event:
    data = {
        "ntas": [{"id": n.id, "zone": n.zone, "ends_at": n.ends_at.isoformat()} for n in plan.ntas],
        "reason": plan.reason,
        "ticket": plan.ticket,
        "created_by": plan.created_by,
        "approved_by": [approval.by for approval in good_approvals(plan)],
        "accepted": [{"rule": r.rule, "by": means.by, "what": r.what} for r in accepted],
        "hosts": [planned.host.name for planned in plan.hosts],
    }
    return _event(means, plan, Kind.APPLY_STARTED, data)


def _event(means: Means, plan: Plan, kind: Kind, data: dict[str, Any], *, host: str = "") -> Event:
    return Event(
        at=means.clock(),
        kind=kind,
        plan=plan.id,
        ntas=tuple(nta.id for nta in plan.ntas),
        host=host,
        by=means.by,
        data=data,
    )
