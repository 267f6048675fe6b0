"""No two entries of an inventory are the same resolver; one host may have several."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from orchestrator.fleet.inventory import EngineName, Host
from orchestrator.yamlfile import Place

# What one resolver beside others of its engine has of its own, unless it is just a configuration.
_OWN: dict[EngineName, tuple[str, ...]] = {
    "unbound": ("config", "dropin"),
    "bind": (),  # views of one daemon
}
# What an entry without an instance means all of.
_ALL: dict[EngineName, str] = {"bind": "views of named", "knot": "kresd of the host"}
_NAMED = re.compile(r"/recursor-[^/]+\.(?:conf|yml)$")  # --config-name of rec_control(1)


class Clash(NamedTuple):
    """What is wrong at `place` of an `entry`, by its number.

    With `first`, `what` is a value that entry has already; else a text, what is missing there.
    """

    entry: int
    place: Place
    what: str
    first: int | None = None


def clashes(hosts: Sequence[Host]) -> Iterator[Clash]:
    """What entries claim twice, or leave out that would tell one resolver from another."""
    seen: dict[object, int] = {}
    split = {(_endpoint(host), host.engine) for host in hosts if host.instance}
    for index, host in enumerate(hosts):
        for place, value, claim in _claims(host):
            first = seen.setdefault((place, claim), index)
            if first != index:
                yield Clash(index, place, value, first)
        if host.instance:
            yield from (Clash(index, *wanting) for wanting in _wanting(host))
        elif host.engine in _ALL and (_endpoint(host), host.engine) in split:
            what = f"is missing: it would be all {_ALL[host.engine]}, and other entries have some"
            yield Clash(index, ("instance",), what)


def _wanting(host: Host) -> Iterator[tuple[Place, str]]:
    """What an instance needs to be found beside others, and has not."""
    for path in _OWN.get(host.engine, ("config",)):
        if not getattr(host.paths, path):
            what = f"is missing: an instance of {host.engine} has one of its own"
            yield ("paths", path), what
    config = host.paths.config
    if host.engine == "pdns" and config and not _NAMED.search(config):
        yield ("paths", "config"), f"{config} is not /FOLDER/recursor-NAME.conf"


def _claims(host: Host) -> Iterator[tuple[Place, str, object]]:
    """Place, value, and what of it nobody else may have."""
    endpoint, dropin = _endpoint(host), host.paths.dropin
    yield ("name",), host.name, host.name.casefold()
    yield ("address",), str(host.address), (endpoint, host.instance)
    if dropin:
        yield ("paths", "dropin"), dropin, (endpoint, dropin)
    if host.instance and host.engine not in _ALL:
        yield ("paths", "config"), host.paths.config, (endpoint, host.paths.config)


def _endpoint(host: Host) -> tuple[object, int]:
    return host.address, host.ssh.port or 22
