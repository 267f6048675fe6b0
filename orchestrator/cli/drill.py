"""drill: the whole incident on the lab, as a person watches it."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from orchestrator.cli import options


def register(app: typer.Typer) -> None:
    """Add this verb to the command line."""
    app.command()(drill)


def drill(
    scenario: Annotated[
        str, typer.Argument(help="One of `ntactl lab scenarios`.", metavar="[SCENARIO]")
    ] = "de-2026",
    yes: options.Yes = False,
) -> None:
    """Rehearse the whole incident on a lab of real daemons."""
    from orchestrator.lab.drill import Drill, folder_of_drill, run

    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def head(text: str) -> None:
        typer.echo("\n" + (typer.style(text, bold=True, fg="cyan") if colour else text))

    run(Drill(folder_of_drill(), head, print), scenario, yes=yes)
