"""One writer at a time on a state folder, across processes (the kernel lets go on kill -9)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from orchestrator.errors import Refused


@contextmanager
def only_one(folder: Path, doing: str, *, wait: float = 0) -> Iterator[None]:
    """Hold the state's lock while doing something. Raises Refused (rule "locked")."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    note = folder / "lock.owner"
    try:
        with FileLock(folder / "lock", timeout=wait):
            note.write_text(doing)
            yield
    except Timeout as error:
        holder = note.read_text() if note.exists() else "another ntactl"
        raise Refused(
            "locked",
            f"{holder} is at work on this state",
            where=str(folder),
            next_step="ntactl status, and again when it is done",
        ) from error
