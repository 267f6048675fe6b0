"""Where the lab's addresses answer: its network, entered by the kernel's own means."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from orchestrator.errors import LabError
from orchestrator.lab.folder import Folder, require_running


def execute(folder: Folder, argv: list[str]) -> None:
    """Become `argv`, run where the lab's addresses answer. Only the network is the lab's."""
    program, environment = inside(folder, argv)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execvpe(program[0], program, environment)  # noqa: S606


def inside(folder: Folder, argv: list[str]) -> tuple[list[str], dict[str, str]]:
    """The command that runs `argv` in the lab, and its environment. Raises LabError."""
    inner = require_running(folder)
    need_root("exec")
    environment = {**os.environ, **folder.environment()}
    return ["nsenter", f"--net=/proc/{inner}/ns/net", "--", *_program(argv)], environment


def _program(argv: list[str]) -> list[str]:
    """`ntactl` works inside the lab also when it is not on PATH."""
    if argv[0] != "ntactl" or shutil.which("ntactl"):
        return argv
    beside = Path(sys.executable).with_name("ntactl")
    own = [str(beside)] if beside.exists() else [sys.executable, "-m", "orchestrator"]
    return [*own, *argv[1:]]


def need_root(verb: str) -> None:
    """Raises LabError."""
    if os.geteuid() != 0:
        raise LabError(
            "the lab needs root: it makes network namespaces and starts sshd and cron in them",
            next_step=f"sudo ntactl lab {verb}",
        )
