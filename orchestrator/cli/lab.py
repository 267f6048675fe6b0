"""`ntactl lab`: the lab by hand."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

app = typer.Typer(help="A miniature Internet with real daemons.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
ZoneArgument = Annotated[str, typer.Argument(metavar="ZONE", help='Like "de.".')]


KeepCaches = Annotated[
    bool, typer.Option("--keep-caches", help="Leave what resolvers have cached, until its TTL.")
]


def _folder() -> Any:
    from orchestrator.lab.folder import Folder, lab_root

    return Folder(lab_root())


@app.command()
def up(
    resolvers: Annotated[
        str, typer.Option(help="How many hosts of which engine.", metavar="ENGINE=N,...")
    ] = "unbound=2,bind=2",
) -> None:
    """Bring the lab up; returns when every daemon answers."""
    from orchestrator.lab import lifecycle

    fresh = lifecycle.up(_folder(), resolvers)
    print("the lab is up" if fresh else "the lab was already up", file=sys.stderr)
    print("try: ntactl lab break de. --as de-2026; ntactl lab status", file=sys.stderr)


@app.command()
def down() -> None:
    """Take the lab down; returns when nothing of it is left."""
    from orchestrator.lab import lifecycle

    ran = lifecycle.down(_folder())
    print("the lab is down" if ran else "no lab was running", file=sys.stderr)


@app.command()
def status(as_json: Json = False) -> None:
    """What runs, and how each zone stands."""
    from orchestrator.lab import lifecycle

    told = lifecycle.status(_folder())
    print(json.dumps(told) if as_json else _status_text(told))


def _status_text(told: dict[str, Any]) -> str:
    lines = [f"folder   {told['folder']}"]
    lines += [
        f"host     {h['name']:<10} {h['address']:<14} {h['engine']:<8} {h['site']:<5}"
        f" {'up' if h['up'] else 'down'}"
        for h in told["hosts"]
    ]
    lines += [
        f"zone     {t['zone']:<10} {t['scenario']} phase {t['phase']},"
        f" {len(t['servers'])} addresses"
        for t in told["tlds"]
    ]
    lines.append(f"control  {told['zones']['control']}")
    lines.append(f"bogus    {told['zones']['bogus']}")
    return "\n".join(lines)


@app.command(name="break")
def break_zone(
    zone: ZoneArgument,
    scenario: Annotated[str, typer.Option("--as", help="See `lab scenarios`.")],
    phase: Annotated[int, typer.Option(help="Of a scenario with phases.")] = 1,
    keep_caches: KeepCaches = False,
) -> None:
    """Break a zone the way history did; returns when its servers serve it."""
    from orchestrator.lab.control import request
    from orchestrator.lab.lifecycle import forget

    request(_folder(), "break", zone=zone, phase=phase, **{"as": scenario})
    if not keep_caches:
        forget(_folder(), zone)
    print(f"{zone} is broken as {scenario}, phase {phase}", file=sys.stderr)


@app.command()
def heal(zone: ZoneArgument, keep_caches: KeepCaches = False) -> None:
    """Put a zone right; returns when its servers serve it."""
    from orchestrator.lab.control import request
    from orchestrator.lab.lifecycle import forget

    request(_folder(), "heal", zone=zone)
    if not keep_caches:
        forget(_folder(), zone)
    print(f"{zone} is whole", file=sys.stderr)


@app.command()
def host(
    name: Annotated[str, typer.Argument(help="A host of `lab status`.")],
    action: Annotated[str, typer.Argument(help="stop, start or reboot.")],
) -> None:
    """Pull a host's plug, or give it power again."""
    from orchestrator.errors import BadInput
    from orchestrator.lab.control import request

    if action not in ("stop", "start", "reboot"):
        raise BadInput(f"{action!r} is not stop, start or reboot")
    request(_folder(), "host", name=name, action=action)
    print(f"{name}: {action} done", file=sys.stderr)


@app.command()
def scenarios() -> None:
    """The ways to break, with their phases."""
    from orchestrator.lab.scenarios import SCENARIOS

    for found in SCENARIOS.values():
        print(f"{found.name:<9} {found.about}")
        for number, phase in enumerate(found.phases, 1):
            print(f"            phase {number}: {phase}")


@app.command(
    name="exec",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def execute(
    command: Annotated[list[str], typer.Argument(metavar="-- CMD", help="Program, arguments.")],
) -> None:
    """Run a command where the lab's addresses answer; keeps folder, PATH, streams, exit code."""
    from orchestrator.lab import lifecycle

    lifecycle.execute(_folder(), command)


if __name__ == "__main__":
    app(prog_name="ntactl lab")
