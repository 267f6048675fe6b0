"""What the resolvers of a plan answer now, and what is wrong with that: complaints by host name."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from functools import partial

from orchestrator.engines import engine
from orchestrator.fleet.inventory import Host
from orchestrator.fleet.probe import Ask, control_asks
from orchestrator.model import ResolverView
from orchestrator.playbook import Playbook
from orchestrator.rollout.means import Means
from orchestrator.rollout.plan import Plan
from orchestrator.rollout.verify import (
    back_complaints,
    by_host,
    control_complaints,
    nta_complaints,
    off_complaints,
    unhelped_complaints,
    upstream_complaints,
    validation_complaints,
    zone_asks,
)

TRIES = 4  # a resolver that was just flushed may need a moment for its first answers
UNVERIFIED = "unverified"  # the rule of hosts that do not answer as they should now
BAD_NAMES = 4  # names known to have failed that each resolver is asked for

Complaints = dict[str, str]
Judge = Callable[[Host, Sequence[ResolverView]], list[str]]
Asks = Callable[[], list[Ask]]


def asks(
    zones: Sequence[str], bad_names: dict[str, tuple[str, ...]], playbook: Playbook
) -> list[Ask]:
    """Controls, and under each zone names that failed and one that nobody asked before."""
    asked = list(control_asks(playbook.controls))
    for zone in zones:
        asked += zone_asks(zone, bad_names.get(zone, ())[:BAD_NAMES], secrets.token_hex(4))
    return asked


def baseline(
    host: Host, views: Sequence[ResolverView], zones: Sequence[str], playbook: Playbook
) -> list[str]:
    """Why a resolver must not be touched: it does not validate now, or has no upstream."""
    if "." in zones:
        return unhelped_complaints(views, playbook.controls)
    complaints, sure = control_complaints(views, playbook.controls), engine(host.engine).cd_is_sure
    for zone in zones:
        complaints += upstream_complaints(views, zone, cd_is_sure=sure)
    return complaints


def not_fit(means: Means, plan: Plan, hosts: Sequence[Host]) -> Complaints:
    """Hosts that must not be touched now."""
    zones = [nta.zone for nta in plan.ntas]
    return _judged(
        means, _of(plan), hosts, lambda host, views: baseline(host, views, zones, plan.playbook)
    )


def not_relieved(means: Means, plan: Plan, hosts: Sequence[Host]) -> Complaints:
    """Hosts that should have the plan's NTAs, and do not answer like it."""

    def judge(_: Host, views: Sequence[ResolverView]) -> list[str]:
        if plan.overrides:
            return off_complaints(views, plan.playbook.controls)
        relief = [c for nta in plan.ntas for c in nta_complaints(views, nta.zone)]
        return control_complaints(views, plan.playbook.controls) + relief

    return _patiently(means, _of(plan), hosts, judge)


def not_validating(means: Means, plan: Plan, hosts: Sequence[Host]) -> Complaints:
    """Hosts that fail the controls; the zone, which may still be broken, is not asked about."""
    controls = plan.playbook.controls
    judge = back_complaints if plan.overrides else control_complaints
    return _patiently(means, _of(plan), hosts, lambda _, views: judge(views, controls))


def not_recovered(
    means: Means, plan: Plan, hosts: Sequence[Host], zone: str, *, secure: bool
) -> Complaints:
    """Hosts without the NTA that do not validate again, or do not resolve what had failed."""
    return _patiently(means, _of(plan), hosts, _sound(zone, plan.playbook, secure=secure))


def no_way(means: Means, zone: str, playbook: Playbook, hosts: Sequence[Host]) -> Complaints:
    """Hosts that a flush would not help, and would take from what they still answer."""
    ask = partial(asks, [zone], {}, playbook)
    return _judged(means, ask, hosts, lambda host, views: baseline(host, views, [zone], playbook))


def not_cured(
    means: Means,
    zone: str,
    names: Sequence[str],
    playbook: Playbook,
    hosts: Sequence[Host],
    *,
    secure: bool,
) -> Complaints:
    """Flushed hosts that do not validate the zone, or do not resolve these names, which failed."""
    ask = partial(asks, [zone], {zone: tuple(names)}, playbook)
    return _patiently(means, ask, hosts, _sound(zone, playbook, secure=secure))


def _sound(zone: str, playbook: Playbook, *, secure: bool) -> Judge:
    def judge(_: Host, views: Sequence[ResolverView]) -> list[str]:
        back = validation_complaints(views, zone, secure=secure)
        return control_complaints(views, playbook.controls) + back

    return judge


def _of(plan: Plan) -> Asks:
    """What is asked about a plan's zones, made anew each time for the sake of the fresh names."""
    bad_names = {verdict.zone: verdict.bad_names for verdict in plan.verdicts}
    return partial(asks, [nta.zone for nta in plan.ntas], bad_names, plan.playbook)


def _patiently(means: Means, ask: Asks, hosts: Sequence[Host], judge: Judge) -> Complaints:
    """Ask until nobody complains, a few times."""
    waiting, complaints = list(hosts), dict[str, str]()
    for attempt in range(TRIES):
        if not waiting:
            break
        if attempt:
            means.pause(1.0)
        complaints = _judged(means, ask, waiting, judge)
        waiting = [host for host in waiting if host.name in complaints]
    return complaints


def _judged(means: Means, ask: Asks, hosts: Sequence[Host], judge: Judge) -> Complaints:
    views = by_host(means.views(hosts, ask())) if hosts else {}
    found = {host.name: judge(host, views.get(host.name, [])) for host in hosts}
    return {name: "; ".join(complaints) for name, complaints in found.items() if complaints}
