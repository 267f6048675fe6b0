"""Files that a person names, read with an end in sight: a device, a log or a disk image is none."""

from __future__ import annotations

import os
import select
import stat
from pathlib import Path

from orchestrator.errors import BadFile

MOST = 64 << 20  # bytes: a plan for 10,000 hosts is half of it
PATIENCE = 60.0  # seconds that the writer of a pipe may take to begin
STDIN = (Path("-"), Path("/dev/stdin"))
_PIPED: dict[Path, bytes] = {}  # what came through a pipe does not come again: zones share names


def given_text(path: Path, most: int = MOST, patience: float = PATIENCE) -> str:
    """The file as text in UTF-8. Raises BadFile."""
    try:
        return given_bytes(path, most, patience).decode()
    except UnicodeDecodeError as error:
        raise BadFile("is not text in UTF-8", file=str(path)) from error


def given_bytes(path: Path, most: int = MOST, patience: float = PATIENCE) -> bytes:
    """All of a file, of a pipe, or of stdin ("-"). Raises BadFile.

    Refuses what is longer than `most` bytes, and what is neither (a device).
    """
    if path in _PIPED:
        return _PIPED[path]
    try:
        descriptor = _opened(path)
        with open(descriptor, "rb", closefd=descriptor != 0) as file:
            _check(path, descriptor, patience)
            data = file.read(most + 1)
    except OSError as error:
        raise BadFile(f"cannot be read: {error.strerror or error}", file=str(path)) from error
    if len(data) > most:
        raise BadFile(f"is longer than {most >> 20} MiB, and not read", file=str(path))
    if path in STDIN or path.is_fifo():
        _PIPED[path] = data
    return data


def _opened(path: Path) -> int:
    # Not blocking: a FIFO that nobody writes to would hold up the open itself.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    return 0 if path in STDIN else os.open(path, flags)


def _check(path: Path, descriptor: int, patience: float) -> None:
    """Is it a file or a pipe, with something to read? Raises BadFile."""
    if descriptor == 0:
        return
    found = os.fstat(descriptor)
    if stat.S_ISFIFO(found.st_mode):
        if not _ready(descriptor, patience):
            raise BadFile(f"is a pipe that nobody wrote to for {patience:g} s", file=str(path))
    elif not stat.S_ISREG(found.st_mode) and not _empty_by_nature(found):
        raise BadFile("is a device, not a file", file=str(path))
    os.set_blocking(descriptor, True)


def _ready(descriptor: int, patience: float) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(patience * 1000))


def _empty_by_nature(found: os.stat_result) -> bool:
    return os.path.samestat(found, Path(os.devnull).stat())
