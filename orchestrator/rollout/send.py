"""One program a host, each step in the journal before it is taken.

A lost connection is never an unknown for long: the host finishes its transaction alone, and the
same program sent again completes it or gives the receipt that waits there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from orchestrator.fleet.inventory import Host
from orchestrator.fleet.outcome import Outcome
from orchestrator.incident.journal import Event, Kind
from orchestrator.incident.lifecycle import NOTHING_SENT
from orchestrator.model import HostReading, Receipt, Statistics
from orchestrator.rollout.answer import (
    Counts,
    Examined,
    parse_audit,
    parse_counts,
    parse_reading,
    parse_receipt,
    refusal,
)
from orchestrator.rollout.means import Means, Runner
from orchestrator.rollout.transaction import (
    Change,
    NtaOrder,
    apply_program,
    audit_program,
    count_program,
    flush_program,
    read_program,
    renew_program,
    revert_program,
)

Action = Literal["apply", "revert", "renew", "flush"]
Faults = dict[str, tuple[str, str]]  # (rule, message) by host name
TRIES = 2  # the second finds the receipt of a first whose connection was lost


@dataclass(frozen=True)
class Job:
    """What one host is to do: put `ntas` in (by `change`), take them out, or move their end.

    `once_more`: take them out also where they had ended and came back. `keep_theirs`: of those
    that were taken over only ntactl's part goes. A flush is of `zone` alone.
    """

    host: Host
    action: Action
    ntas: tuple[NtaOrder, ...] = ()
    change: Change | None = None
    once_more: bool = False
    keep_theirs: bool = False
    zone: str = ""


@dataclass(frozen=True)
class Result:
    """How it went. `failure` is "" when a receipt came, else why none did.

    Without a receipt the outcome is "unreachable", "stopped" (both: nothing was sent) or "unknown".
    """

    host: Host
    receipt: Receipt | None
    failure: str = ""
    message: str = ""

    @property
    def outcome(self) -> str:
        """The receipt's outcome, or what stands for one."""
        if self.receipt is not None:
            return self.receipt.outcome
        if self.failure not in NOTHING_SENT:
            return "unknown"
        return "stopped" if self.failure == "stopped" else "unreachable"

    @property
    def rule(self) -> str:
        """The rule a refusal names, or the kind of failure."""
        return self.receipt.rule if self.receipt is not None else self.failure


def send(
    means: Means, plan_id: str, jobs: Sequence[Job], *, deadline: float, stoppable: bool = False
) -> dict[str, Result]:
    """Carry the jobs out, and write down what came of each. Gives results by host name.

    When a person asks to stop, what is `stoppable` begins on no further host. All tries are one
    order, of one generation: what others did between them must not be undone by the second.
    """
    generation = _generation(means, plan_id)
    results: dict[str, Result] = {}
    left = list(jobs)
    stopping = means.stopping if stoppable else _never
    for _ in range(TRIES):
        if not left:
            break
        results |= _once(
            means, plan_id, left, generation=generation, deadline=deadline, stopping=stopping
        )
        left = [job for job in left if results[job.host.name].outcome == "unknown"]
    return results


def _never() -> bool:
    return False


def _once(
    means: Means,
    plan_id: str,
    jobs: Sequence[Job],
    *,
    generation: int,
    deadline: float,
    stopping: Callable[[], bool],
) -> dict[str, Result]:
    means.journal.append(*(_sent(means, plan_id, job, generation) for job in jobs))
    by_name = {job.host.name: job for job in jobs}
    programs = [(job.host, _program(job, generation)) for job in jobs]
    results = {}
    for outcome in means.fleet.run(programs, deadline=deadline, stopping=stopping):
        job = by_name[outcome.host]
        result = _result(job, outcome, means.clock())
        means.journal.append(_finished(means, plan_id, job, result))
        results[outcome.host] = result
    return results


def _generation(means: Means, plan_id: str) -> int:
    """Milliseconds of our clock, and above this plan's last: a step back must not outdate us.

    Hosts refuse what is over a minute ahead of their own clock, so a wild last one is forgotten.
    """
    now = int(means.clock().timestamp() * 1000)
    sent = (e for e in means.journal.events(plan_id) if e.kind is Kind.HOST_SENT)
    last = max((int(event.data["generation"]) for event in sent), default=0)
    return max(now, last + 1) if last < now + 60_000 else now


def _program(job: Job, generation: int) -> str:
    match job.action:
        case "apply":
            assert job.change is not None
            return apply_program(job.host, job.change, generation)
        case "revert":
            how = {"once_more": job.once_more, "keep_theirs": job.keep_theirs}
            return revert_program(job.host, job.ntas, generation, **how)
        case "renew":
            return renew_program(job.host, job.ntas, generation)
        case "flush":
            return flush_program(job.host, job.zone)


def _result(job: Job, outcome: Outcome, now: datetime) -> Result:
    if outcome.kind != "ok":
        return Result(job.host, None, outcome.kind, outcome.error)
    receipt = parse_receipt(job.host, job.action, outcome.stdout, now)
    if receipt is None:
        rule, message = refusal(outcome)
        return Result(job.host, None, rule, message)
    return Result(job.host, receipt, message=receipt.message)


def _sent(means: Means, plan_id: str, job: Job, generation: int) -> Event:
    return _event(means, plan_id, job, Kind.HOST_SENT, {"generation": generation})


def _finished(means: Means, plan_id: str, job: Job, result: Result) -> Event:
    if result.receipt is None:
        data = {"failure": result.failure, "rule": result.failure, "message": result.message}
        return _event(means, plan_id, job, Kind.HOST_FAILED, data)
    receipt = result.receipt
    data = {"outcome": receipt.outcome, "rule": receipt.rule, "message": receipt.message}
    return _event(means, plan_id, job, Kind.HOST_DONE, data)


def _event(means: Means, plan_id: str, job: Job, kind: Kind, data: dict[str, Any]) -> Event:
    return Event(
        at=means.clock(),
        kind=kind,
        plan=plan_id,
        ntas=tuple(nta.id for nta in job.ntas),
        host=job.host.name,
        by=means.by,
        data={"action": job.action, **data},
    )


def read(
    fleet: Runner, clock: Callable[[], datetime], hosts: Iterable[Host], *, deadline: float
) -> tuple[dict[str, HostReading], Faults]:
    """Read hosts, changing nothing: readings by name, and (rule, message) of those without."""
    readings: dict[str, HostReading] = {}
    faults: Faults = {}
    for host, outcome in _answers(fleet, hosts, read_program, faults, deadline=deadline):
        reading = parse_reading(host, outcome.stdout, clock())
        if reading.problems and not reading.state_sha256:
            faults[host.name] = refusal(outcome)
        else:
            readings[host.name] = reading
    return readings, faults


def examine(
    fleet: Runner, clock: Callable[[], datetime], hosts: Iterable[Host], *, deadline: float
) -> tuple[dict[str, Examined], Faults]:
    """Read hosts with what weakens validation there, changing nothing; and faults as `read`."""
    examined: dict[str, Examined] = {}
    faults: Faults = {}
    for host, outcome in _answers(fleet, hosts, audit_program, faults, deadline=deadline):
        found = parse_audit(host, outcome.stdout, clock())
        if found.facts.files:
            examined[host.name] = found
        else:
            faults[host.name] = refusal(outcome)
    return examined, faults


def _answers(
    fleet: Runner,
    hosts: Iterable[Host],
    program: Callable[[Host], str],
    faults: Faults,
    *,
    deadline: float,
) -> Iterator[tuple[Host, Outcome]]:
    """Run a program that only reads; hosts on which it cannot run are added to `faults`."""
    by_name = {host.name: host for host in hosts}
    programs = [(host, program(host)) for host in by_name.values()]
    for outcome in fleet.run(programs, deadline=deadline):
        if outcome.kind == "ok":
            yield by_name[outcome.host], outcome
        else:
            faults[outcome.host] = (_fault_rule(outcome.kind), outcome.error)


def count(fleet: Runner, hosts: Iterable[Host], *, deadline: float) -> dict[str, Counts]:
    """What the resolver of each host has counted, changing nothing there."""
    by_name = {host.name: host for host in hosts}
    programs = [(host, count_program(host)) for host in by_name.values()]
    outcomes = fleet.run(programs, deadline=deadline)
    return {outcome.host: _counts(by_name[outcome.host], outcome) for outcome in outcomes}


def _counts(host: Host, outcome: Outcome) -> Counts:
    if outcome.kind != "ok":
        return Counts(Statistics(error=outcome.error))
    return parse_counts(host, outcome)


def _fault_rule(kind: str) -> str:
    return kind if kind in {"auth", "host-key"} else "unreachable"
