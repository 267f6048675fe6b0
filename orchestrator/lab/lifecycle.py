"""Brings a lab up and takes it down, from outside its namespaces."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

import orchestrator
from orchestrator.errors import LabError
from orchestrator.lab import world
from orchestrator.lab.asked import Asked
from orchestrator.lab.control import request
from orchestrator.lab.engines import ENGINES
from orchestrator.lab.enter import need_root
from orchestrator.lab.folder import Folder, Running, command, require_running, running_lab
from orchestrator.lab.hosts import plan_hosts
from orchestrator.lab.scenarios import scenario
from orchestrator.lab.stock import Progress

PATIENCE = 60.0
POLL = 0.05
AT_ONCE = 50
PROGRAMS = ("unshare", "nsenter", "ip", "nsd", "sshd", "ssh-keygen", "cron")


def up(folder: Folder, asked: Asked, progress: Progress = lambda _done, _all: None) -> bool:
    """Bring the lab up; False when it already is. Raises BadInput or LabError.

    `progress` hears how many TLDs of a large root are made, which is done once.
    """
    hosts, fillers = plan_hosts(asked.resolvers), asked.fillers()
    need_root("up")
    _check_machine({host.engine for host in hosts})
    folder.root.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.root / "lock"):
        if running_lab(folder):
            _check_same(folder, asked)
            return False
        folder.clear()
        if fillers:
            asked.stock().fill(fillers, progress)
        asked.write(folder)
        _start(folder)
        return True


def _check_same(folder: Folder, asked: Asked) -> None:
    """The lab that runs answers, and is the one asked for. Raises LabError."""
    request(folder, "status")
    runs = Asked.read(folder)
    if not runs.same(asked):
        raise LabError(
            f"a lab with {runs} runs already, not {asked}",
            where=str(folder.root),
            next_step="ntactl lab down",
        )


def _check_machine(engines: set[str]) -> None:
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    needed = (*PROGRAMS, *(ENGINES[engine].program for engine in sorted(engines)))
    missing = [name for name in needed if shutil.which(name, path=path) is None]
    if missing:
        raise LabError(f"missing programs: {', '.join(missing)}", next_step="make setup")


def _start(folder: Folder) -> None:
    with folder.log.open("wb") as log:
        outer = subprocess.Popen(
            ["unshare", "-nmp", "--fork", "--kill-child", "--mount-proc", *command(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
            env=_environment(),
        )
    try:
        _wait_until_up(folder, outer)
    except BaseException:
        stop(folder)
        raise


def _environment() -> dict[str, str]:
    """The lab finds this package wherever it was started from, and the daemons in sbin."""
    package = str(Path(orchestrator.__file__).parents[1])
    path = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"
    return {"PATH": path, "PYTHONPATH": package, "PYTHONUNBUFFERED": "1", "LANG": "C.UTF-8"}


def _wait_until_up(folder: Folder, outer: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE
    while not (folder.root / "control").exists():
        if outer.poll() is not None or time.monotonic() > until:
            raise LabError(
                "the lab did not come up: " + _last_words(folder),
                where=str(folder.root),
                state="nothing of it is left running",
                next_step=f"read {folder.log}",
            )
        time.sleep(POLL)
    request(folder, "status")


def _last_words(folder: Folder) -> str:
    lines = folder.log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def down(folder: Folder) -> bool:
    """Take the lab down; False when none ran. Returns when nothing of it is left."""
    if not folder.root.exists():
        return False
    need_root("down")
    with FileLock(folder.root / "lock"):
        ran = stop(folder)
        folder.clear()
    return ran


@contextmanager
def leash(folder: Folder) -> Iterator[None]:
    """Take the lab down when the block ends, or this process does: also by kill -9.

    A helper in a session of its own waits for the end of a pipe that only we hold open.
    """
    down = [sys.executable, "-m", "orchestrator", "lab", "down"]
    helper = subprocess.Popen(
        ["sh", "-c", 'cat; exec "$@"', "leash", *down],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
        env={**_environment(), "NTACTL_LAB": str(folder.root)},
    )
    try:
        yield
    finally:
        helper.communicate()


def stop(folder: Folder) -> bool:
    """Kill the lab's PID 1; the kernel ends every process, mount and address with it."""
    running = running_lab(folder)
    if running is None:
        return False
    until = time.monotonic() + PATIENCE
    while left := running_lab(folder):
        _kill(left)
        if time.monotonic() > until:
            raise LabError(
                f"processes {left.outer} and {left.inner} do not end",
                where=str(folder.root),
                next_step="ntactl lab down",
            )
        time.sleep(POLL)
    return True


def _kill(running: Running) -> None:
    for pid in (running.inner, running.outer):
        if pid is not None:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, os.WNOHANG)  # ours when `up` ran in this very process
            except (ProcessLookupError, ChildProcessError):
                pass


def status(folder: Folder) -> dict[str, Any]:
    """What runs, as `lab status --json` prints it."""
    told = request(folder, "status")
    for host in told["hosts"]:
        host["root"] = str(folder.hosts / host["name"])
        engine = ENGINES[host["engine"]]
        host["config"] = [host["root"] + engine.folder]
        host["dropin"] = engine.dropin
    names = list(world.DE.children)
    return {
        "schema": "ntactl/lab-status/1",
        "folder": str(folder.root),
        "hosts": told["hosts"],
        "root_size": told["root_size"],
        "zones": {"control": world.CONTROL, "bogus": world.BOGUS, "names": names},
        "names": names,
        "tlds": told["tlds"],
        "environment": folder.environment(),
    }


def break_zones(
    folder: Folder, zones: Sequence[str], name: str, phase: int, *, keep_caches: bool
) -> None:
    """Let TLDs break; returns when their servers serve it. Raises BadInput or LabError."""
    found = scenario(name, phase)
    if found.before:
        _request(folder, "prepare", zones, phase=phase, **{"as": name})
        forget(folder, zones)
        _request(folder, "prime", zones, types=found.before.asked)
    _request(folder, "break", zones, phase=phase, **{"as": name})
    if not (found.before or keep_caches):
        forget(folder, zones)


def heal_zones(folder: Folder, zones: Sequence[str], *, keep_caches: bool) -> None:
    """Put TLDs right; returns when their servers serve it. Raises BadInput or LabError."""
    _request(folder, "heal", zones)
    if not keep_caches:
        forget(folder, zones)


def _request(folder: Folder, do: str, zones: Sequence[str], **values: Any) -> None:
    """Some zones at a time, so that each request is answered in good time."""
    for start in range(0, len(zones), AT_ONCE):
        request(folder, do, zones=list(zones[start : start + AT_ONCE]), **values)


def forget(folder: Folder, zones: Sequence[str]) -> None:
    """Drop what the resolvers have cached under zones, as if their TTLs had run out.

    A host that is down or cannot be logged in to keeps its cache, as a real one would.
    """
    inner = require_running(folder)
    enter = ["nsenter", f"--net=/proc/{inner}/ns/net", "--", "ssh", "-F", str(folder.ssh_config)]
    command = "; ".join(f"/etc/lab/service resolver forget {zone}" for zone in zones)
    going = [
        subprocess.Popen(
            [*enter, "-o", "ConnectTimeout=3", host["name"], command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for host in request(folder, "status")["hosts"]
        if host["up"]
    ]
    for process in going:
        process.wait()
