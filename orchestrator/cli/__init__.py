"""The command line's root: the verbs of every family, the exit codes, and no traceback.

The verbs appear in the order of an incident: prove, plan, say yes, push, watch, take back.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Sequence
from functools import cache
from typing import Annotated

import typer
from typer._click.exceptions import ClickException  # typer's own copy of click, no public name
from typer.core import TyperGroup
from typer.main import get_command

from orchestrator import __version__
from orchestrator.cli import (
    audit,
    check,
    drill,
    fleet,
    flush,
    incident,
    lab,
    output,
    scan,
    schema,
    settings,
    trace,
    validate,
    watch,
)
from orchestrator.errors import NtactlError

INTERRUPTED = 130
READER_GONE = 141  # what a shell reports for a program that died of SIGPIPE

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Each option's default: NTACTL_OPTION in the environment, then ntactl.toml "
    "(in ., ~/.config/ntactl, /etc/ntactl). Exit codes: docs/reference/exit-codes.md.",
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"ntactl {__version__}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Prove a broken DNSSEC chain, relieve the fleet with a negative trust anchor, end it again.

    The way through an incident: check, plan, approve, apply (or mitigate, all in one sitting);
    status and watch while it stands; renew, hold, revert and rollback change its end. Where the
    zone is sound and only caches are not: flush. drill rehearses it on a lab of real daemons.
    """
    context.default_map = settings.from_file(context.command)


@cache
def command() -> TyperGroup:
    """Build the command with every family's verbs, its options' environment names set."""
    # In the order of an incident.
    for family in (check, scan, validate, incident, watch, flush, fleet, audit, schema, drill):
        family.register(app)
    app.add_typer(lab.app, name="lab")
    group = get_command(app)
    if not isinstance(group, TyperGroup):
        raise TypeError(f"typer made a {type(group).__name__} of the verbs")
    settings.name_variables(group)
    return group


def run(args: Sequence[str]) -> int:
    """Run one command line; give its exit code (docs/reference/exit-codes.md)."""
    output.take_over()
    try:
        code = _run(args)
        sys.stdout.flush()
    except BrokenPipeError as error:
        if not _reader_gone():
            return _unexpected(error)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE
    return code or int(output.failure() is not None)


def _run(args: Sequence[str]) -> int:
    try:
        with command().make_context("ntactl", list(args)) as context:
            context.command.invoke(context)
    except typer.Exit as end:
        return end.exit_code
    except ClickException as error:
        error.show()
        return error.exit_code
    except NtactlError as error:
        return _tell(str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return _tell("interrupted; `ntactl status` says where things stand", INTERRUPTED)
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 (a person never sees a traceback)
        return _unexpected(error)
    return 0


def _tell(text: str, code: int) -> int:
    print(text, file=sys.stderr)
    return code


def _reader_gone() -> bool:
    """Did the reader of stdout or stderr go away? Other pipes that break are errors."""
    poll = select.poll()
    for stream in (sys.stdout, sys.stderr):
        poll.register(stream.fileno(), 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def _unexpected(error: Exception) -> int:
    text = " ".join(str(error).split())[:300]
    print(f"unexpected {type(error).__name__}: {text}", file=sys.stderr)
    print(f"  trace: {trace.save(error)}", file=sys.stderr)
    print("  next:  `ntactl status` says where things stand", file=sys.stderr)
    return 1
