"""The product that the bench runs: the checkout, or a copy from which one safeguard is cut out.

With a safeguard cut out the bench has to find violations; else it proves nothing.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from harness import ROOT

# What is cut -> (file, the text that goes, what stands there instead).
CUTS = {
    "guard": ("templates/host/guard.sh", 'lift "$id" && end "$id"', ":"),
    "fence": ("templates/host/change.sh", '[ "$generation" -ge "$stored" ] ||', "true ||"),
    "undo": (
        "templates/host/change.sh",
        'lift "$id" && end "$id" || undone=1',
        'end "$id" || undone=1',
    ),
}


def copy_without(piece: str, folder: Path) -> Path:
    """A copy of the product without that piece. Gives its folder."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("orchestrator", "templates", "playbooks"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    file, old, new = CUTS[piece]
    text = (folder / file).read_text()
    assert text.count(old) == 1, f"{piece}: {file} has changed, and {old!r} is to be cut out"
    (folder / file).write_text(text.replace(old, new))
    return folder
