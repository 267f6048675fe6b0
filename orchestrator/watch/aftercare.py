"""A zone that healed is watched for a while, in case it breaks again.

Then a plan is prepared and a person called; nothing is applied (RFC 7646 section 2.1).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from orchestrator.fleet.inventory import Inventory
from orchestrator.incident.journal import Kind
from orchestrator.incident.lifecycle import Record, fold
from orchestrator.model import State, Verdict
from orchestrator.rollout.plan import Plan, Request, calls_for_nta
from orchestrator.rollout.propose import propose
from orchestrator.rollout.take_out import about, event
from orchestrator.watch.cycle import Said, Watch, guarded, known_bad
from orchestrator.watch.step import Act


def aftercare(watch: Watch, save: Callable[[Plan], Path]) -> list[Said]:
    """Look at zones that recovered within their playbook's aftercare; prepare, never apply."""
    records = fold(watch.means.journal.events())
    live = {record.zone for record in records.values() if record.live()}
    newest = {record.zone: record for record in records.values()}
    said = []
    for zone, record in newest.items():
        if zone not in live and _recovered(record):
            said += guarded(watch, record, lambda record: _after(watch, record, save))
    return said


def _recovered(record: Record) -> bool:
    return record.ended_why == "recovered" and not record.broke_again


def _after(watch: Watch, record: Record, save: Callable[[Plan], Path]) -> list[Said]:
    old = watch.plan(record.plan)
    assert record.ended_at is not None
    if watch.means.clock() - record.ended_at >= old.playbook.aftercare:
        return []
    verdict = watch.check(old, record.zone, known_bad(old, record))
    if not (verdict.state is State.BOGUS if old.overrides else calls_for_nta(verdict)):
        return []
    path = save(_prepare(watch, record, old, verdict))
    means = watch.means
    means.journal.append(event(means, record, Kind.BROKE_AGAIN, {"plan_file": str(path)}))
    next_step = f"ntactl show {path}; ntactl approve {path}; ntactl apply {path}"
    means.tell(
        old.playbook.notify, "broke-again", **about(record), plan_file=str(path), next=next_step
    )
    sentence = f"broke again: plan {path} is prepared and waits for a person"
    return [Said(record.id, record.zone, sentence, Act.WAIT)]


def _prepare(watch: Watch, record: Record, old: Plan, verdict: Verdict) -> Plan:
    request = Request(
        zones=(record.zone,),
        reason=f"broke again after {record.id} ended: {record.reason}",
        ticket=record.ticket,
        lifetime=old.lifetime,
        mode=old.mode,
        created_by=watch.means.by,
    )
    hosts = tuple(planned.host for planned in old.hosts)
    return propose(
        request,
        inventory=Inventory(lab=old.lab, hosts=hosts),
        playbook=old.playbook,
        verdicts=[verdict],
        fleet=watch.means.fleet,
        views=watch.means.views,
        clock=watch.means.clock,
    )
