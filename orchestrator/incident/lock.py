"""One writer at a time on a state folder, across processes (the kernel lets go on kill -9)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from orchestrator.errors import Refused


@contextmanager
def only_one(
    folder: Path, doing: str, *, wait: float = 0, waiting: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Hold the state's lock while doing something. Raises Refused (rule "locked").

    Waits up to `wait` seconds for another holder, whose work `waiting` is told.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    note, lock = folder / "lock.owner", FileLock(folder / "lock")
    try:
        _acquire(lock, note, wait, waiting)
    except Timeout as error:
        raise Refused(
            "locked",
            f"{_holder(note)} is at work on this state",
            where=str(folder),
            next_step="ntactl status, and again when it is done",
        ) from error
    try:
        note.write_text(doing)
        yield
    finally:
        lock.release()


def _acquire(
    lock: FileLock, note: Path, wait: float, waiting: Callable[[str], None] | None
) -> None:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if not wait:
            raise
        if waiting:
            waiting(_holder(note))
        lock.acquire(timeout=wait)


def _holder(note: Path) -> str:
    return note.read_text() if note.exists() else "another ntactl"
