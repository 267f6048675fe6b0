"""The command line as a user of this machine types it, with nothing set and no network."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import warm

ROOT = Path(__file__).parents[1]


def ntactl(folder: Path, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run it in a folder that is its home too; it never ends in a traceback."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("NTACTL_", "XDG_"))}
    home = {"HOME": str(folder), "PYTHONPATH": str(ROOT)}
    done = warm.command("orchestrator", args, {**clean, **home, **env}, folder, timeout=60)
    assert "Traceback" not in done.stderr
    return done


def unanswered(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Nothing listens at the only root server there is."""
    (folder / "hints").write_text(". 9 IN NS a.root.\na.root. 9 IN A 127.0.0.1\n")
    quick = ("--root-hints", "hints", "--port", "1", "--rounds", "1", "--timeout", "0.05")
    return ntactl(folder, *args, *quick)
