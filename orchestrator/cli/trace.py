"""What went wrong in a way that nobody foresaw, kept for a developer; people get one line."""

from __future__ import annotations

import os
import traceback
from datetime import UTC, datetime
from pathlib import Path


def save(error: Exception) -> str:
    """Keep the trace; gives where, or why not."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ntactl"
    folder = Path(os.environ.get("NTACTL_STATE") or cache) / "traces"
    path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{os.getpid()}.txt"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except OSError as unsaved:
        return f"not saved, {unsaved}"
    return str(path)
