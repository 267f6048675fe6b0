"""A zone that healed is watched for a while, in case it breaks again.

Then a plan is prepared and a person called; nothing is applied (RFC 7646 section 2.1).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from orchestrator.fleet.inventory import Inventory
from orchestrator.incident.journal import Kind
from orchestrator.incident.lifecycle import Record, fold
from orchestrator.model import Verdict
from orchestrator.rollout.plan import Plan, Request, calls_for_nta
from orchestrator.rollout.propose import propose
from orchestrator.rollout.take_out import about, event
from orchestrator.watch.cycle import Said, Watch
from orchestrator.watch.step import Act


def aftercare(watch: Watch, save: Callable[[Plan], Path]) -> list[Said]:
    """Look at zones that recovered within their playbook's aftercare; prepare, never apply."""
    records = fold(watch.means.journal.events())
    live = {record.zone for record in records.values() if record.live()}
    newest = {record.zone: record for record in records.values()}
    said = []
    for zone, record in newest.items():
        if zone not in live and _is_watched(watch, record):
            said += _look(watch, record, save)
    return said


def _is_watched(watch: Watch, record: Record) -> bool:
    if record.ended_at is None or record.ended_why != "recovered" or record.broke_again:
        return False
    return watch.means.clock() - record.ended_at < watch.plan(record.plan).playbook.aftercare


def _look(watch: Watch, record: Record, save: Callable[[Plan], Path]) -> list[Said]:
    old = watch.plan(record.plan)
    verdict = watch.check(old, record.zone, ())
    if not calls_for_nta(verdict):
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
