"""What the last scan found, in a file: so that the next can say what is new and what healed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from pydantic import ValidationError

from orchestrator.errors import BadFile, NtactlError
from orchestrator.model import Cause, Extent, State, Time, Value, Verdict
from orchestrator.scan.scan import clean

SCHEMA = "ntactl/scan-state/1"


class Standing(Value):
    """How one zone stood that was not clean, and since when."""

    state: State
    extent: Extent | None = None
    cause: Cause | None = None
    since: Time


class Memory(Value):
    """The zones that were not clean at `at`, and how many were looked at."""

    schema_: str = SCHEMA
    at: Time
    looked_at: int
    zones: dict[str, Standing]

    @classmethod
    def of(cls, verdicts: Iterable[Verdict], before: Self | None, at: Time) -> Self:
        """What is to be remembered of a scan; what was bad already keeps its time."""
        listed = list(verdicts)
        known = before.zones if before else {}
        zones = {
            verdict.zone: Standing(
                state=verdict.state,
                extent=verdict.extent,
                cause=verdict.findings[0].cause if verdict.findings else None,
                since=known[verdict.zone].since if verdict.zone in known else verdict.at,
            )
            for verdict in listed
            if not clean(verdict)
        }
        return cls(at=at, looked_at=len(listed), zones=zones)


def recall(path: Path) -> Memory | None:
    """What `remember` wrote; None when there is no file yet. Raises BadFile."""
    try:
        return Memory.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadFile(error.strerror or str(error), file=str(path)) from error
    except ValidationError as error:
        raise BadFile("is no state of a scan", file=str(path)) from error


def remember(memory: Memory, path: Path) -> None:
    """Write it, whole or not at all. Raises NtactlError."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.write_text(memory.model_dump_json(indent=1) + "\n")
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        what = f"the state of the scan cannot be kept: {error.strerror or error}"
        raise NtactlError(what, where=str(path)) from error
