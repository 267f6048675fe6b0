"""fleet: each host of an inventory, ready or not, read without changing anything."""

from __future__ import annotations

import json
import re
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli import desk, options
from orchestrator.errors import BadInput

if TYPE_CHECKING:
    from orchestrator.fleet.inventory import Host
    from orchestrator.model import HostReading


class What(StrEnum):
    """What to print instead of the hosts' state."""

    SUDOERS = "sudoers"
    WRAPPER = "wrapper"


WhatArgument = Annotated[
    What | None,
    typer.Argument(
        help="sudoers: the fragment for /etc/sudoers.d, least privilege; "
        "wrapper: the program it allows. Both are printed, no host is asked."
    ),
]
User = Annotated[
    str | None, typer.Option("--user", help="Whom sudoers allows; default: the inventory's users.")
]


def register(app: typer.Typer) -> None:
    """Add this verb to the command line."""
    app.command()(fleet)


def fleet(
    what: WhatArgument = None,
    inventory: options.Inventory = None,
    user: User = None,
    as_json: options.Json = False,
) -> None:
    """Each host: reachable, engine, version, rights, guard, NTAs now, what is in an NTA's way."""
    hosts = desk.inventory_of(inventory).hosts
    if what is not None:
        print(_to_install(what, hosts, user), end="")
        return
    rows = _rows(hosts)
    if as_json:
        print(json.dumps({"schema": "ntactl/fleet/1", "hosts": rows}))
        return
    for row in rows:
        print(_line(row))
        for problem in row["problems"]:
            print(f"    {problem['rule']}: {problem['message']}")


def _to_install(what: What, hosts: tuple[Host, ...], user: str | None) -> str:
    """What an administrator installs on the hosts. Raises BadInput."""
    from orchestrator.fleet.inventory import USER_NAME
    from orchestrator.rollout.wrapper import sudoers, wrapper

    if what is What.WRAPPER:
        return wrapper(hosts)
    users = {user} if user else {host.ssh.user for host in hosts if host.ssh.user} - {"root"}
    if not users:
        raise BadInput("the inventory names no user but root", next_step="--user USER")
    if user and not re.fullmatch(USER_NAME, user):
        raise BadInput(f"{user!r} is no user's name")
    return sudoers(hosts, users)


def _rows(hosts: tuple[Host, ...]) -> list[dict[str, Any]]:
    from orchestrator.fleet.run import Fleet
    from orchestrator.rollout.rights import granted, needed
    from orchestrator.rollout.send import read

    with Fleet(workers=32) as connections:
        readings, faults = read(connections, desk.now, hosts, deadline=60)
        there = [host for host in hosts if _rule(faults, host) not in _AWAY]
        rights = granted(connections, there, deadline=20)
    return [
        _row(host, readings.get(host.name), faults.get(host.name))
        | {"rights": rights.get(host.name, []), "right_needed": needed(host)}
        for host in hosts
    ]


_AWAY = {"unreachable", "auth", "host-key"}


def _rule(faults: dict[str, tuple[str, str]], host: Host) -> str:
    return faults.get(host.name, ("", ""))[0]


def _row(host: Host, reading: HostReading | None, fault: tuple[str, str] | None) -> dict[str, Any]:
    problems = [fault] if fault else list(reading.problems) if reading else []
    return {
        "host": host.name,
        "address": str(host.address),
        "site": host.site,
        "engine": host.engine,
        "version": reading.version if reading else "",
        "guard": reading.scheduler if reading else "",
        "reachable": reading is not None,
        "ready": not problems,
        "clock_offset": reading.clock_offset if reading else None,
        "ntas": [{"zone": r.zone, "id": r.id} for r in reading.running] if reading else [],
        "problems": [{"rule": rule, "message": message} for rule, message in problems],
    }


def _line(row: dict[str, Any]) -> str:
    ntas = ", ".join(n["zone"] + (f" ({n['id']})" if n["id"] else "") for n in row["ntas"])
    ready = "ready" if row["ready"] else "not ready"
    return (
        f"{row['host']:<16} {row['address']:<16} {row['engine']:<8} {row['version']:<10} "
        f"{ready}  {_rights(row)}{_guard(row)}{f'  NTAs: {ntas}' if ntas else ''}"
    )


def _guard(row: dict[str, Any]) -> str:
    return f"  guard by {row['guard']}" if row["guard"] else ""


def _rights(row: dict[str, Any]) -> str:
    """The rights that the host grants; those beyond what is needed are in brackets."""
    needed, granted = row["right_needed"], row["rights"]
    more = ", ".join(right for right in granted if right != needed)
    right = needed if needed in granted else f"lacks {needed}"
    return f"{right} [{more}]" if more else right
