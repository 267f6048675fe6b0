"""One cycle over every live NTA: read the hosts, look at the zone, decide, act."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from orchestrator.errors import NtactlError
from orchestrator.fleet.probe import Ask
from orchestrator.incident.journal import Kind
from orchestrator.incident.lifecycle import OnHost, Phase, Record, fold, phase
from orchestrator.model import HostReading, ResolverView, State, Verdict
from orchestrator.rollout.means import Means
from orchestrator.rollout.plan import Plan
from orchestrator.rollout.send import read
from orchestrator.rollout.take_out import (
    about,
    again,
    bring_in,
    canaries,
    event,
    finish,
    rearm,
    take_out,
)
from orchestrator.rollout.verify import (
    control_asks,
    control_complaints,
    validation_complaints,
    zone_asks,
)
from orchestrator.watch.step import Act, Decision, Seen, cleanness, step

SOON = (20, 5)  # minutes before the end at which people are told


@dataclass(frozen=True)
class Watch:
    """The means, and the two looks: at a zone (with names that failed), and into saved plans."""

    means: Means
    check: Callable[[Plan, str, tuple[str, ...]], Verdict]
    plan: Callable[[str], Plan]


@dataclass(frozen=True)
class Said:
    """One NTA's sentence of a cycle, and whether anything was or is to be changed."""

    id: str
    zone: str
    sentence: str
    act: Act


def cycle(watch: Watch) -> list[Said]:
    """Go once over every NTA that has not ended. One that fails does not stop the others."""
    records = fold(watch.means.journal.events()).values()
    return [_guarded(watch, record) for record in records if record.live()]


def _guarded(watch: Watch, record: Record) -> Said:
    try:
        return one(watch, record)
    except NtactlError as error:
        return Said(record.id, record.zone, f"this cycle failed: {error}", Act.WAIT)


def one(watch: Watch, record: Record) -> Said:
    """Look, decide, act, say. At its end nothing is looked at any more: it goes."""
    means, plan = watch.means, watch.plan(record.plan)
    if phase(record, means.clock()) is Phase.EXPIRED:
        seen = Seen()
    else:
        record, seen = _look(watch, plan, record)
        _warn(means, plan, record, seen)
    decision = step(record, seen, means.clock(), plan.playbook)
    if seen.rearm and decision.act in {Act.WAIT, Act.BRING_IN}:
        rearm(means, plan, record, seen.rearm)
    sentence = _act(means, plan, record, decision)
    return Said(record.id, record.zone, sentence, decision.act)


def _look(watch: Watch, plan: Plan, record: Record) -> tuple[Record, Seen]:
    verdict = watch.check(plan, record.zone, _names(plan, record))
    clean, why = cleanness(verdict)
    data = {"clean": clean, "state": verdict.state.value}
    watch.means.journal.append(event(watch.means, record, Kind.LOOKED, data))
    record = again(watch.means, record)
    return record, _see(watch.means, plan, record, verdict, clean=clean, why=why)


def _names(plan: Plan, record: Record) -> tuple[str, ...]:
    """Names that failed when the plan was made: they are asked in every look."""
    for verdict in plan.verdicts:
        if verdict.zone == record.zone:
            return verdict.bad_names
    return ()


def _see(
    means: Means, plan: Plan, record: Record, verdict: Verdict, *, clean: bool, why: str
) -> Seen:
    hosts = [planned.host for planned in plan.hosts]
    readings, faults = read(
        means.fleet, means.clock, hosts, deadline=plan.playbook.host_deadline.total_seconds()
    )
    holding = [readings[name] for name in record.holding() if name in readings]
    return Seen(
        clean=clean,
        why=why,
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
    if not record.canaries:
        return {}
    hosts = [plan.planned(name).host for name in record.canaries]
    names = _names(plan, record)[:4]
    asks: list[Ask] = [*control_asks(plan.playbook.controls)]
    asks += zone_asks(record.zone, names, f"ntactl-{secrets.token_hex(4)}")
    views = means.views(hosts, asks)
    secure = verdict.state is State.SECURE
    complaints = {}
    for host in hosts:
        mine = [view for view in views if view.host == host.name]
        found = _complaints(mine, plan, record.zone, secure=secure)
        if found:
            complaints[host.name] = "; ".join(found)
    return complaints


def _complaints(views: Iterable[ResolverView], plan: Plan, zone: str, *, secure: bool) -> list[str]:
    mine = list(views)
    return [
        *control_complaints(mine, plan.playbook.controls),
        *validation_complaints(mine, zone, secure=secure),
    ]


def _act(means: Means, plan: Plan, record: Record, decision: Decision) -> str:
    match decision.act:
        case Act.WAIT:
            return decision.sentence
        case Act.EXPIRE:
            return _all_out(means, plan, record, decision, "expired")
        case Act.TAKE_OUT:
            return _all_out(means, plan, record, decision, _why_out(record))
        case Act.REVERT_CANARY:
            return _canary_out(means, plan, record, decision)
        case Act.RETURN_CANARY:
            return _canary_back(means, plan, record, decision)
        case Act.BRING_IN:
            left = bring_in(means, plan, record, decision.hosts)
            _tell_brought(means, plan, record, decision, left)
            still = "; ".join(f"{n} stays without: {rule}" for n, (rule, _) in left.items())
            return f"{decision.sentence}{'; ' if still else ''}{still}"


def _tell_brought(
    means: Means,
    plan: Plan,
    record: Record,
    decision: Decision,
    left: dict[str, tuple[str, str]],
) -> None:
    brought = [name for name in decision.hosts if name not in left]
    if brought:
        means.tell(plan.playbook.notify, "reasserted", **about(record), hosts=brought)


def _why_out(record: Record) -> str:
    return "taken-back" if record.taking_back else "recovered" if record.canaries else "reverted"


def _all_out(means: Means, plan: Plan, record: Record, decision: Decision, why: str) -> str:
    take_out(means, plan, record, decision.hosts, stage="rest", why=why)
    if finish(means, plan, record, why):
        return f"{decision.sentence}; it is gone from every host"
    left = again(means, record).holding()
    return f"{decision.sentence}; not confirmed yet by {', '.join(left)}: their guards lift it"


def _canary_out(means: Means, plan: Plan, record: Record, decision: Decision) -> str:
    names = canaries(plan, record)
    results = take_out(means, plan, record, names, stage="canary", why=decision.sentence)
    failed = [n for n, r in results.items() if r.outcome != "reverted"]
    if failed:
        _put_back(means, plan, record, f"canary {', '.join(failed)} could not be reverted")
        return f"{decision.sentence}; but {', '.join(failed)} could not be reverted"
    return f"{decision.sentence}: {', '.join(names)}"


def _canary_back(means: Means, plan: Plan, record: Record, decision: Decision) -> str:
    left = _put_back(means, plan, record, decision.sentence)
    still = "; ".join(f"{name} stays without: {rule}" for name, (rule, _) in left.items())
    return f"{decision.sentence}{'; ' if still else ''}{still}"


def _put_back(means: Means, plan: Plan, record: Record, why: str) -> dict[str, tuple[str, str]]:
    """The canaries' NTA returns, within the approved end, and the operator is told."""
    record = again(means, record)
    means.journal.append(event(means, record, Kind.CANARY_RETURNED, {"why": why}))
    out = [n for n in record.canaries if record.hosts[n].state is OnHost.REVERTED]
    left = bring_in(means, plan, record, out)
    means.tell(plan.playbook.notify, "canary-failed", **about(record), why=why, hosts=out)
    return left


def _warn(means: Means, plan: Plan, record: Record, seen: Seen) -> None:
    """20 and 5 minutes before the end, with the command to type; and of hosts gone silent."""
    left = record.ends_at - means.clock()
    due = [minutes for minutes in SOON if left <= timedelta(minutes=minutes)]
    if due:
        what, renew = f"ends-soon-{min(due)}", f"ntactl renew {record.id} --for 2h"
        _tell_once(means, plan, record, what, "ends-soon", minutes=min(due), renew=renew)
    for name in set(seen.silent) & set(record.holding()):
        _tell_once(means, plan, record, f"host-lost-{name}", "host-lost", host=name)


def _tell_once(
    means: Means, plan: Plan, record: Record, what: str, kind: str, **more: object
) -> None:
    if what in record.told:
        return
    means.journal.append(event(means, record, Kind.TOLD, {"what": what}))
    means.tell(plan.playbook.notify, kind, **about(record), **more)
