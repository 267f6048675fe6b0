"""A file written whole or not at all, so that nobody ever reads half of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EISDIR
from pathlib import Path

from orchestrator.errors import BadInput, NtactlError


def write_whole(path: Path, data: str | bytes) -> None:
    """Write it beside, then put it in place; a device or a pipe directly. Raises NtactlError."""
    raw = data.encode() if isinstance(data, str) else data
    try:
        if _is_no_file(path):
            path.write_bytes(raw)  # whatever is put in its place would not be /dev/null any more
        else:
            with _beside(path) as beside:
                beside.write_bytes(raw)
                beside.replace(path)
    except OSError as error:
        what = f"cannot be written: {error.strerror or error}"
        raise NtactlError(what, where=str(path)) from error


def check_writable(path: Path, option: str) -> None:
    """Could it be written, before what takes its time? Leaves nothing behind. Raises BadInput."""
    try:
        if path.is_dir():
            raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
        if not _is_no_file(path):
            with _beside(path) as beside:
                beside.touch()
    except OSError as error:
        what = f"cannot be written: {error.strerror or error}"
        raise BadInput(
            what, where=str(path), next_step=f"{option} FILE, in a folder of yours"
        ) from error


def _is_no_file(path: Path) -> bool:
    return path.exists() and not path.is_file()


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A place in the same folder, empty again afterwards."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield beside
    finally:
        with suppress(OSError):  # there may be no such folder, or it is in its place by now
            beside.unlink()
