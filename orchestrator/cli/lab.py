"""`ntactl lab`: the lab by hand."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

app = typer.Typer(help="A miniature Internet with real daemons.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
ZonesArgument = Annotated[list[str], typer.Argument(metavar="ZONE...", help='Like "de.".')]


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
    ] = "unbound=2,bind=2,pdns=2,knot=2",
    root_size: Annotated[
        int, typer.Option(help="How many zones the root has, most by real names.", metavar="N")
    ] = 4,
    real_servers: Annotated[
        bool,
        typer.Option("--real-servers", help="The real root's count of servers, not two a TLD."),
    ] = False,
) -> None:
    """Bring the lab up; returns when every daemon answers."""
    from orchestrator.lab import lifecycle
    from orchestrator.lab.asked import Asked
    from orchestrator.lab.stock import cache_folder

    asked = Asked(resolvers, root_size, real_servers, str(cache_folder()))
    fresh = lifecycle.up(_folder(), asked, _progress())
    print("the lab is up" if fresh else "the lab was already up", file=sys.stderr)
    print("try: ntactl lab break de. --as de-2026; ntactl lab status", file=sys.stderr)


def _progress() -> Callable[[int, int], None]:
    """A bar on a terminal; elsewhere a line at the beginning and one at the end."""
    from rich.console import Console
    from rich.progress import Progress

    bar = Progress(console=Console(stderr=True), transient=True)
    task = bar.add_task("keys and zones, kept for the next lab", total=None)

    def show(done: int, of: int) -> None:
        if not sys.stderr.isatty():
            if done in (1, of):
                print(f"keys and zones, kept for the next lab: {done} of {of}", file=sys.stderr)
            return
        if done == 1:
            bar.start()
        bar.update(task, completed=done, total=of)
        if done == of:
            bar.stop()

    return show


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
    lines.append(f"root     {told['root_size']} zones")
    lines.append(f"control  {told['zones']['control']}")
    lines.append(f"bogus    {told['zones']['bogus']}")
    return "\n".join(lines)


@app.command(name="break")
def break_zone(
    zones: ZonesArgument,
    scenario: Annotated[str, typer.Option("--as", help="See `lab scenarios`.")],
    phase: Annotated[int, typer.Option(help="Of a scenario with phases.")] = 1,
    keep_caches: KeepCaches = False,
) -> None:
    """Break zones the way history did; returns when their servers serve it."""
    from orchestrator.lab import lifecycle

    lifecycle.break_zones(_folder(), zones, scenario, phase, keep_caches=keep_caches)
    print(f"{_named(zones)}: broken as {scenario}, phase {phase}", file=sys.stderr)


@app.command()
def heal(zones: ZonesArgument, keep_caches: KeepCaches = False) -> None:
    """Put zones right; returns when their servers serve it."""
    from orchestrator.lab import lifecycle

    lifecycle.heal_zones(_folder(), zones, keep_caches=keep_caches)
    print(f"{_named(zones)}: whole", file=sys.stderr)


def _named(zones: list[str]) -> str:
    return ", ".join(zones) if len(zones) <= 5 else f"{len(zones)} zones"


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
        print(f"{found.name:<16} {found.about} ({found.kind})")
        for number, phase in enumerate(found.phases, 1):
            print(f"{'':<19} phase {number}: {phase}")


@app.command(
    name="exec",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def run_inside(
    command: Annotated[list[str], typer.Argument(metavar="-- CMD", help="Program, arguments.")],
) -> None:
    """Run a command where the lab's addresses answer; keeps folder, PATH, streams, exit code."""
    from orchestrator.lab.enter import execute

    execute(_folder(), command)


if __name__ == "__main__":
    app(prog_name="ntactl lab")
