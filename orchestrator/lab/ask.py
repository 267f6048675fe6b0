"""What the lab's resolvers answer to a client, told apart as a user would see it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from orchestrator.fleet.inventory import Host
from orchestrator.fleet.load import load_inventory
from orchestrator.fleet.probe import Ask, views
from orchestrator.model import ResolverView

_ACROSS = 4


def ask(hosts: Iterable[Host], names: Sequence[str]) -> list[ResolverView]:
    """Every host, every name (type A, SOA for a TLD)."""
    return views(hosts, [Ask(name=name, type="SOA" if _tld(name) else "A") for name in names])


def _tld(name: str) -> bool:
    return name.count(".") == 1


def table(seen: Sequence[ResolverView]) -> str:
    """Names down, hosts across, so many as a terminal takes: the rcode, and AD where it is set."""
    hosts = list(dict.fromkeys(view.host for view in seen))
    names = list(dict.fromkeys(view.name for view in seen))
    cells = {(view.name, view.host): _cell(view) for view in seen}
    parts = (hosts[start : start + _ACROSS] for start in range(0, len(hosts), _ACROSS))
    return "\n\n".join(_part(part, names, cells) for part in parts)


def _part(hosts: Sequence[str], names: Sequence[str], cells: Mapping[tuple[str, str], str]) -> str:
    width = max(len(name) for name in names)
    lines = ["  ".join([" " * width, *(f"{host:<12}" for host in hosts)]).rstrip()]
    for name in names:
        row = [f"{name:<{width}}", *(f"{cells[name, host]:<12}" for host in hosts)]
        lines.append("  ".join(row).rstrip())
    return "\n".join(lines)


def _cell(view: ResolverView) -> str:
    if view.rcode is None:
        return "no answer"
    return f"{view.rcode}{' AD' if view.ad else ''}"


def main() -> None:
    """Ask the names given of the fleet in NTACTL_INVENTORY; one JSON list of views."""
    fleet = load_inventory(Path(os.environ["NTACTL_INVENTORY"]))
    print(json.dumps([view.model_dump() for view in ask(fleet.hosts, sys.argv[1:])]))


if __name__ == "__main__":
    main()
