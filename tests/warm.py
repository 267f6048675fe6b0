"""Commands of ntactl from a warm interpreter, for more than half of a short one is loading modules.

A server that has loaded everything forks for each: the same code with arguments, environment,
folder, streams and network of its own. What gets signals or a terminal has to start cold.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import pkgutil
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orchestrator

SERVER = multiprocessing.get_context("forkserver")
MODULES = [module.name for module in pkgutil.walk_packages(orchestrator.__path__, "orchestrator.")]
SERVER.set_forkserver_preload([name for name in MODULES if not name.endswith("__main__")])
NEW_NETWORK = 0x40000000  # CLONE_NEWNET, setns(2); `os.setns` comes with Python 3.12


@dataclass(frozen=True)
class _Start:
    """What a process of its own would begin with; `network` is a file of /proc."""

    module: str
    argv: Sequence[str]
    env: Mapping[str, str]
    folder: Path
    network: str | None
    out: Path
    err: Path


def command(
    module: str,
    argv: Sequence[str],
    env: Mapping[str, str],
    folder: Path,
    *,
    network: str | None = None,
    timeout: float = 120,
) -> subprocess.CompletedProcess[str]:
    """`python -m module ...` in a folder, without standard input; `network` is a file of /proc."""
    with tempfile.TemporaryDirectory(prefix="warm-") as name:
        out, err = Path(name, "out"), Path(name, "err")
        out.touch()
        err.touch()
        start = _Start(module, argv, dict(env), folder, network, out, err)
        process = SERVER.Process(target=_become, args=(start,))
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired([module, *argv], timeout, out.read_text())
        code = process.exitcode
        process.close()
        return subprocess.CompletedProcess([module, *argv], code, out.read_text(), err.read_text())


def _become(start: _Start) -> None:
    os.environ.clear()
    os.environ.update(start.env)
    os.chdir(start.folder)
    for path, number in ((Path(os.devnull), 0), (start.out, 1), (start.err, 2)):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), number)
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    if start.network is not None:
        _enter(Path(start.network))
    sys.argv = [start.module, *start.argv]
    runpy.run_module(start.module, run_name="__main__", alter_sys=True)


def _enter(network: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    with network.open() as file:
        if libc.setns(file.fileno(), NEW_NETWORK) != 0:
            raise OSError(ctypes.get_errno(), "setns")
