"""One cycle over every live NTA: look at the zone, read the hosts, decide, act, say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from orchestrator.errors import NtactlError
from orchestrator.incident.journal import Kind
from orchestrator.incident.lifecycle import Phase, Record, fold, phase
from orchestrator.model import HostReading, State, Verdict
from orchestrator.rollout.asking import not_recovered
from orchestrator.rollout.means import Means
from orchestrator.rollout.plan import Plan
from orchestrator.rollout.send import read
from orchestrator.rollout.take_out import again, event, sent
from orchestrator.watch.act import act, tell_once
from orchestrator.watch.step import Act, Decision, Seen, cleanness, step

SOON = (20, 5)  # minutes before the end at which people are told


@dataclass(frozen=True)
class Watch:
    """The means, and the two looks: at a zone (with names that failed), and into saved plans.

    `trace` keeps an error that nobody foresaw for a developer and gives where.
    """

    means: Means
    check: Callable[[Plan, str, tuple[str, ...]], Verdict]
    plan: Callable[[str], Plan]
    trace: Callable[[Exception], str]


@dataclass(frozen=True)
class Said:
    """One NTA's sentence of a cycle, what was done, and whether the cycle failed for it."""

    id: str
    zone: str
    sentence: str
    act: Act
    failed: bool = False


def cycle(watch: Watch) -> list[Said]:
    """Go once over every NTA that has not ended. One that fails does not stop the others."""
    records = [r for r in fold(watch.means.journal.events()).values() if r.live()]
    off = next((r for r in records if r.zone == "."), None)
    return [s for r in records for s in guarded(watch, r, lambda r: [one(watch, r, off)])]


def guarded(watch: Watch, record: Record, do: Callable[[Record], list[Said]]) -> list[Said]:
    """Do something for one NTA; what goes wrong is said, and the other NTAs have their turn."""
    try:
        return do(record)
    except NtactlError as error:
        return [_failed(record, str(error))]
    except Exception as error:  # noqa: BLE001 (a bug met at one zone must not strand the others)
        said = f"{type(error).__name__}: {error} (trace: {watch.trace(error)})"
        return [_failed(record, said)]


def _failed(record: Record, said: str) -> Said:
    return Said(record.id, record.zone, f"this cycle failed: {said}", Act.WAIT, failed=True)


def one(watch: Watch, record: Record, off: Record | None) -> Said:
    """Look, decide, act, say. At its end nothing is looked at any more: it goes.

    `off` is the override that stands: until it has ended no canary can show that it validates.
    """
    means, plan = watch.means, watch.plan(record.plan)
    if phase(record, means.clock()) is Phase.EXPIRED:
        seen = Seen()
    else:
        record, seen = _look(watch, plan, record)
        _warn(means, plan, record, seen)
    decision = step(record, seen, means.clock(), plan.playbook)
    if decision.act is Act.REVERT_CANARY and off is not None and off.id != record.id:
        decision = Decision(Act.WAIT, f"{seen.why}, but validation is off ({off.id}): it waits")
    if seen.rearm and decision.act in {Act.WAIT, Act.BRING_IN}:
        sent(means, plan, record, seen.rearm, "renew")
    sentence = act(means, plan, record, decision, seen)
    return Said(record.id, record.zone, sentence, decision.act)


def _look(watch: Watch, plan: Plan, record: Record) -> tuple[Record, Seen]:
    verdict = watch.check(plan, record.zone, known_bad(plan, record))
    clean, why = cleanness(verdict)
    data = {"clean": clean, "state": verdict.state.value}
    watch.means.journal.append(event(watch.means, record, Kind.LOOKED, data))
    record = again(watch.means, record)
    return record, _see(watch.means, plan, record, verdict, clean=clean, why=why)


def known_bad(plan: Plan, record: Record) -> tuple[str, ...]:
    """Names that failed when the plan was made: they are asked in every look."""
    for verdict in plan.verdicts:
        if verdict.zone == record.zone:
            return verdict.bad_names
    return ()


def _see(
    means: Means, plan: Plan, record: Record, verdict: Verdict, *, clean: bool, why: str
) -> Seen:
    hosts = [planned.host for planned in plan.hosts]
    readings, faults = read(means.fleet, means.clock, hosts, deadline=plan.deadline)
    holding = [readings[name] for name in record.holding() if name in readings]
    return Seen(
        clean=clean,
        why=why,
        secure=verdict.state is State.SECURE,
        lost=tuple(r.host for r in holding if not _has(r, record)),
        rearm=tuple(r.host for r in holding if _has(r, record) and _other_end(r, record)),
        silent=tuple(faults),
        canary_complaints=_canary_complaints(means, plan, record, verdict),
    )


def _has(reading: HostReading, record: Record) -> bool:
    """Running, and known on disk as ours, so that it survives a restart and has its guard."""
    runs = any(running.id == record.id for running in reading.running)
    return runs and any(h.id == record.id and h.state == "applied" for h in reading.held)


def _other_end(reading: HostReading, record: Record) -> bool:
    return any(
        held.id == record.id and abs(held.ends_at - record.ends_at) >= timedelta(seconds=1)
        for held in reading.held
    )


def _canary_complaints(
    means: Means, plan: Plan, record: Record, verdict: Verdict
) -> dict[str, str]:
    """Do the reverted canaries validate, and still resolve what failed under the outage?"""
    out = [plan.planned(name).host for name in record.canaries if name in record.reverted()]
    secure = verdict.state is State.SECURE
    return not_recovered(means, plan, out, record.zone, secure=secure)


def _warn(means: Means, plan: Plan, record: Record, seen: Seen) -> None:
    """20 and 5 minutes before the end, with the command to type; and of hosts gone silent."""
    left = record.ends_at - means.clock()
    due = [minutes for minutes in SOON if left <= timedelta(minutes=minutes)]
    if due:
        what, renew = f"ends-soon-{min(due)}", f"ntactl renew {record.id} --for 2h"
        tell_once(means, plan, record, what, "ends-soon", minutes=min(due), renew=renew)
    for name in set(seen.silent) & set(record.holding()):
        tell_once(means, plan, record, f"host-lost-{name}", "host-lost", host=name)
