"""A plan proposed: read every host, ask every resolver, put it together. Changes nothing."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Literal

from orchestrator.engines import engine
from orchestrator.fleet.inventory import Host, Inventory
from orchestrator.fleet.probe import Ask
from orchestrator.model import HostReading, ResolverView, Verdict
from orchestrator.playbook import Playbook
from orchestrator.rollout.asking import asks, baseline
from orchestrator.rollout.means import Runner
from orchestrator.rollout.override import overrides
from orchestrator.rollout.plan import Mode, Plan, Preview, Request, make
from orchestrator.rollout.send import read
from orchestrator.rollout.verify import by_host, fails_all, validates_nothing


def propose(
    request: Request,
    *,
    inventory: Inventory,
    playbook: Playbook,
    verdicts: Sequence[Verdict],
    fleet: Runner,
    views: Callable[[Iterable[Host], Sequence[Ask]], list[ResolverView]],
    clock: Callable[[], datetime],
) -> Plan:
    """Make the plan for what was asked, from what the hosts hold and answer now.

    A host that did not answer, does not validate, or could not resolve the zone even with CD is
    in the plan with the rule by which it is left alone. Raises BadInput, Refused.
    """
    deadline = playbook.host_deadline.total_seconds()
    readings, faults = read(fleet, clock, inventory.hosts, deadline=deadline)
    fit = [host for host in inventory.hosts if host.name not in faults]
    bad_names = {verdict.zone: verdict.bad_names for verdict in verdicts}
    seen = by_host(views(fit, asks(request.zones, bad_names, playbook)))
    off = overrides(request.mode, request.zones)
    for host in fit:
        complaints = baseline(host, seen.get(host.name, []), request.zones, playbook)
        problems = readings[host.name].problems
        if complaints and not problems:
            faults[host.name] = ("baseline", "; ".join(complaints))
        elif off and _off_already(readings[host.name], seen.get(host.name, []), playbook):
            faults[host.name] = ("foreign-nta", "others have switched validation off here")
    return make(
        request,
        plan_id=secrets.token_hex(4),
        now=clock(),
        verdicts=verdicts,
        inventory=inventory,
        playbook=playbook,
        readings=readings,
        faults=faults,
        previews=[] if off else previews(request.mode, request.zones, inventory),
        failing=[h.name for h in fit if off and fails_all(seen.get(h.name, []), playbook.controls)],
    )


def _off_already(reading: HostReading, views: Sequence[ResolverView], playbook: Playbook) -> bool:
    """In a way that a host does not list, such as `rndc validation off`."""
    listed = any(running.zone == "." for running in reading.running)
    return not listed and validates_nothing(views, playbook.controls)


def previews(mode: Mode, zones: Sequence[str], inventory: Inventory) -> list[Preview]:
    """What the other modes would do, once for each engine of the fleet."""
    if mode == "nta":
        return []
    names = sorted({host.engine for host in inventory.hosts})
    return [_preview(name, mode, zones) for name in names]


def _preview(name: str, mode: Literal["config", "override"], zones: Sequence[str]) -> Preview:
    text, commands, dangers = engine(name).preview(mode, zones)
    return Preview(engine=name, text=text, commands=tuple(commands), dangers=tuple(dangers))
