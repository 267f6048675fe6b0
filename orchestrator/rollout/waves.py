"""In which order hosts get a change: pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from orchestrator.fleet.inventory import Host

STAND_INS = 2  # how often canaries that fall out are replaced before the others go without


def split(hosts: Sequence[Host], spec: Sequence[str], share: str) -> tuple[tuple[str, ...], ...]:
    """Cut `hosts` into waves of names after a playbook's spec.

    "canary" is one host per engine and site (one labelled canary before others), "10%" a share
    of all hosts (rounded up), "5" a count, "rest" what is left. No wave has more than `share` of
    a site ("50%", rounded down, but one host at least): canaries and the rest take as many waves
    as that needs, a step between them takes fewer hosts. Hosts keep the inventory's order; empty
    waves are left out.
    """
    left, most = list(hosts), _most(hosts, share)
    waves = []
    for step in (*spec, "rest"):
        for wave in _steps(step, left, most, len(hosts)):
            taken = {host.name for host in wave}
            left = [host for host in left if host.name not in taken]
            waves.append(tuple(host.name for host in wave))
    return tuple(waves)


def _steps(
    step: str, left: Sequence[Host], most: Mapping[str, int], total: int
) -> Iterator[list[Host]]:
    """One step of the spec as waves, none empty."""
    if step == "canary":
        yield from _shares(_canary(left), most)
    elif step == "rest":
        yield from _shares(left, most)
    elif wave := _within(left, most)[: _size(step, total)]:
        yield wave


def _most(hosts: Sequence[Host], share: str) -> dict[str, int]:
    """How many hosts of each site one wave may take."""
    sites = Counter(host.site for host in hosts)
    return {site: max(1, count * int(share[:-1]) // 100) for site, count in sites.items()}


def _shares(hosts: Sequence[Host], most: Mapping[str, int]) -> Iterator[list[Host]]:
    """All of the hosts, in waves."""
    left = list(hosts)
    while left:
        wave = _within(left, most)
        yield wave
        taken = {host.name for host in wave}
        left = [host for host in left if host.name not in taken]


def _within(hosts: Sequence[Host], most: Mapping[str, int]) -> list[Host]:
    """The first hosts of each site, as many as it may spare at once."""
    spared: Counter[str] = Counter()
    wave = []
    for host in hosts:
        if spared[host.site] < most[host.site]:
            spared[host.site] += 1
            wave.append(host)
    return wave


def canary_waves(
    hosts: Sequence[Host], waves: Sequence[tuple[str, ...]]
) -> tuple[tuple[str, ...], ...]:
    """The waves at the start that each bring the first hosts of an engine and site."""
    kinds = {host.name: _kind(host) for host in hosts}
    seen: set[tuple[str, str]] = set()
    for number, wave in enumerate(waves):
        if seen >= (here := {kinds[name] for name in wave}):
            return tuple(waves[:number])
        seen |= here
    return tuple(waves)


def _canary(hosts: Sequence[Host]) -> list[Host]:
    return _first_of_each(hosts, _kind)


def stand_ins(
    hosts: Sequence[Host], tried: Collection[str], on: Collection[str], share: str
) -> tuple[tuple[str, ...], ...]:
    """Other canaries, where none of an engine and site would take the change: one host for each.

    `hosts` can all take it as far as is known, `tried` had their turn, `on` have it. In waves of
    at most that share of a site.
    """
    proven = {_kind(host) for host in hosts if host.name in on}
    wanted = {_kind(host) for host in hosts if host.name in tried} - proven
    fresh = [host for host in hosts if host.name not in tried and _kind(host) in wanted]
    waves = _shares(_canary(fresh), _most(hosts, share))
    return tuple(tuple(host.name for host in wave) for wave in waves)


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
    if step.endswith("%"):
        return math.ceil(total * int(step[:-1]) / 100)
    return int(step)


def one_per_site(hosts: Sequence[Host]) -> list[Host]:
    """The hosts that go first on the way back: anycast shows each site another server."""
    return _first_of_each(hosts, lambda host: host.site)
