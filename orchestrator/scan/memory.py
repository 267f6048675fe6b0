"""What the last scan found, in a file: so that the next can say what is new and what healed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Self

from pydantic import ValidationError

from orchestrator.errors import BadFile
from orchestrator.given import given_bytes
from orchestrator.model import Cause, Extent, State, Time, Value, Verdict
from orchestrator.scan.scan import clean
from orchestrator.whole import write_whole

SCHEMA = "ntactl/scan-state/1"


class Standing(Value):
    """How one zone stood that was not clean, and since when."""

    state: State
    extent: Extent | None = None
    cause: Cause | None = None
    since: Time


class Memory(Value):
    """The zones that were not clean at `at`."""

    schema_: str = SCHEMA
    at: Time
    zones: dict[str, Standing]

    @classmethod
    def of(cls, verdicts: Iterable[Verdict], before: Self | None, at: Time) -> Self:
        """What is to be remembered of a scan; what was bad already keeps its time."""
        known = before.zones if before else {}
        zones = {
            verdict.zone: Standing(
                state=verdict.state,
                extent=verdict.extent,
                cause=verdict.findings[0].cause if verdict.findings else None,
                since=known[verdict.zone].since if verdict.zone in known else verdict.at,
            )
            for verdict in verdicts
            if not clean(verdict)
        }
        return cls(at=at, zones=zones)


def recall(path: Path) -> Memory | None:
    """What `remember` wrote; None when there is no file yet. Raises BadFile."""
    try:
        return Memory.model_validate_json(given_bytes(path))
    except BadFile as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        raise
    except ValidationError as error:
        raise BadFile("is no state of a scan", file=str(path)) from error


def remember(memory: Memory, path: Path) -> None:
    """Write it. Raises NtactlError."""
    write_whole(path, memory.model_dump_json(indent=1) + "\n")
