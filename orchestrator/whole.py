"""A text file written whole or not at all, so that nobody ever reads half of it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from orchestrator.errors import NtactlError


def write_whole(path: Path, text: str) -> None:
    """Write it beside, then put it in place. Raises NtactlError."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):  # there may be no such folder
            beside.unlink()
        what = f"cannot be written: {error.strerror or error}"
        raise NtactlError(what, where=str(path)) from error
