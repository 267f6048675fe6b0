"""In which order hosts get a change: pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence

from orchestrator.fleet.inventory import Host

STAND_INS = 2  # how often canaries that fall out are replaced before the others go without


def split(hosts: Sequence[Host], spec: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Cut `hosts` into waves of names after a playbook's spec.

    "canary" is one host per engine and site (one labelled canary before others), "10%" a share
    of all hosts (rounded up), "5" a count, "rest" what is left. Hosts keep the inventory's
    order; empty waves are left out.
    """
    left = list(hosts)
    waves = []
    for step in spec:
        taken = _canary(left) if step == "canary" else left[: _size(step, len(hosts))]
        left = [host for host in left if host not in taken]
        if taken:
            waves.append(tuple(host.name for host in taken))
    if left:
        waves.append(tuple(host.name for host in left))
    return tuple(waves)


def _canary(hosts: Sequence[Host]) -> list[Host]:
    return _first_of_each(hosts, _kind)


def stand_ins(
    hosts: Sequence[Host], tried: Collection[str], on: Collection[str]
) -> tuple[str, ...]:
    """Other canaries, where none of an engine and site would take the change: one host for each.

    `hosts` can all take it as far as is known, `tried` had their turn, `on` have it.
    """
    proven = {_kind(host) for host in hosts if host.name in on}
    wanted = {_kind(host) for host in hosts if host.name in tried} - proven
    fresh = [host for host in hosts if host.name not in tried and _kind(host) in wanted]
    return tuple(host.name for host in _canary(fresh))


def _kind(host: Host) -> tuple[str, str]:
    return host.engine, host.site


def _first_of_each(hosts: Sequence[Host], kind: Callable[[Host], object]) -> list[Host]:
    """One host of each kind: one labelled canary, else the first; in the inventory's order."""
    first: dict[object, Host] = {}
    for host in sorted(hosts, key=lambda host: "canary" not in host.labels):
        first.setdefault(kind(host), host)
    chosen = {host.name for host in first.values()}
    return [host for host in hosts if host.name in chosen]


def _size(step: str, total: int) -> int:
    if step == "rest":
        return total
    if step.endswith("%"):
        return math.ceil(total * int(step[:-1]) / 100)
    return int(step)


def one_per_site(hosts: Sequence[Host]) -> list[Host]:
    """The hosts that go first on the way back: anycast shows each site another server."""
    return _first_of_each(hosts, lambda host: host.site)
