"""Files of a lab host, as its daemons want them."""

from __future__ import annotations

import os
import pwd
from pathlib import Path


def put(path: Path, content: str, mode: int = 0o644) -> None:
    """Write a file, and make its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(mode)


def give(user: str, *paths: Path) -> None:
    """Files and folders become a user's and his group's; a folder is made where none is."""
    entry = pwd.getpwnam(user)
    for path in paths:
        if not path.exists():
            path.mkdir(parents=True)
        os.chown(path, entry.pw_uid, entry.pw_gid)
