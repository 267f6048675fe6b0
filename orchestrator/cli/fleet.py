"""fleet: each host of an inventory, ready or not, read without changing anything."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

from orchestrator.cli import desk, options

if TYPE_CHECKING:
    from orchestrator.fleet.inventory import Host
    from orchestrator.model import HostReading


def register(app: typer.Typer) -> None:
    """Add this verb to the command line."""
    app.command()(fleet)


def fleet(inventory: options.Inventory = None, as_json: options.Json = False) -> None:
    """Each host: reachable, engine, version, NTAs now, and what stands in an NTA's way."""
    from orchestrator.fleet.ssh import Fleet
    from orchestrator.rollout.send import read

    hosts = desk.inventory_of(inventory).hosts
    with Fleet(workers=32) as connections:
        readings, faults = read(connections, desk.now, hosts, deadline=60)
    rows = [_row(host, readings.get(host.name), faults.get(host.name)) for host in hosts]
    if as_json:
        print(json.dumps({"schema": "ntactl/fleet/1", "hosts": rows}))
        return
    for row in rows:
        print(_line(row))
        for problem in row["problems"]:
            print(f"    {problem['rule']}: {problem['message']}")


def _row(host: Host, reading: HostReading | None, fault: tuple[str, str] | None) -> dict[str, Any]:
    problems = [fault] if fault else list(reading.problems) if reading else []
    return {
        "host": host.name,
        "address": str(host.address),
        "site": host.site,
        "engine": host.engine,
        "version": reading.version if reading else "",
        "reachable": reading is not None,
        "ready": not problems,
        "clock_offset": reading.clock_offset if reading else None,
        "ntas": [{"zone": r.zone, "id": r.id} for r in reading.running] if reading else [],
        "problems": [{"rule": rule, "message": message} for rule, message in problems],
    }


def _line(row: dict[str, Any]) -> str:
    ntas = ", ".join(n["zone"] + (f" ({n['id']})" if n["id"] else "") for n in row["ntas"])
    return (
        f"{row['host']:<16} {row['address']:<16} {row['engine']:<8} {row['version']:<10} "
        f"{'ready' if row['ready'] else 'not ready'}{f'  NTAs: {ntas}' if ntas else ''}"
    )
