"""Tell people: each event as one JSON object on the stdin of the playbook's command."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from datetime import datetime
from typing import IO, Any, Literal

from orchestrator.model import rfc3339
from orchestrator.playbook import Notify

SCHEMA = "ntactl/event/1"
Kind = Literal[
    "approved",  # a person said yes to a plan
    "applied",  # the NTA is on the fleet, `pending` names hosts that lack it
    "apply-failed",  # an apply failed before it changed anything
    "taken-back",  # an apply failed and undid itself
    "host-lost",  # a host could not be reached or has drifted
    "renewed",  # a new end was approved, `pending` names hosts that do not know it yet
    "reasserted",  # a reload had lost the NTA, it is on again
    "ends-soon",  # `minutes` to the end: 20, then 5; `renew` is the command to type
    "canary-failed",  # reverted, it did not validate: its NTA is back
    "reverted",  # the NTA is gone and validation is back
    "ended",  # ends_at came first
    "broke-again",  # bogus after a revert: a plan is ready, a person decides
    "person-needed",  # a host could not be taken back
]


def event(kind: Kind, *, at: datetime, id: str, zone: str, **more: Any) -> dict[str, Any]:  # noqa: A002 (the field's name)
    """Make one event; `more` are fields that JSON can hold."""
    return {"schema": SCHEMA, "kind": kind, "at": rfc3339(at), "id": id, "zone": zone, **more}


def tell(notify: Notify, event: Mapping[str, Any]) -> str:
    """Run the playbook's command with the event on stdin; give "" or why it failed.

    Never raises: a broken pager must not stop an apply or a revert. The command runs without a
    shell, in a session of its own, so that Ctrl-C does not reach it and a timeout ends its
    children too; what it prints goes nowhere, for stdout belongs to results.
    """
    if not notify.command:
        return ""
    try:
        with tempfile.TemporaryFile() as errors:
            why = _run(notify, json.dumps(event), errors)
            return why and f"notify command {notify.command[0]!r} {why}"
    except (OSError, ValueError, TypeError) as error:
        return f"notify command {notify.command[0]!r} could not be run: {error}"


def _run(notify: Notify, text: str, errors: IO[bytes]) -> str:
    process = subprocess.Popen(
        notify.command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=errors,
        start_new_session=True,
    )
    seconds = notify.timeout.total_seconds()
    try:
        process.communicate(text.encode() + b"\n", timeout=seconds)
    except subprocess.TimeoutExpired:
        return f"did not end within {seconds:g} s"
    finally:
        if process.returncode is None:
            _kill(process)
    if process.returncode == 0:
        return ""
    return f"ended with exit code {process.returncode}: {_last_line(errors)}"


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last_line(errors: IO[bytes]) -> str:
    errors.seek(max(0, errors.tell() - 2000))
    lines = errors.read().decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
