"""The lab's folder: where everything lies, and whether a lab runs in it.

`$NTACTL_LAB`, else `$XDG_CACHE_HOME/ntactl/lab`, else `~/.cache/ntactl/lab`. Several labs run
side by side, each with its own folder and its own network namespace, with the same addresses.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import LabError

MODULE = "orchestrator.lab.init"


def lab_root() -> Path:
    """The folder of the lab that the environment names."""
    named = os.environ.get("NTACTL_LAB")
    if named:
        return Path(named).resolve()
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache).resolve() / "ntactl" / "lab"


@dataclass(frozen=True, slots=True)
class Folder:
    """The names of everything in one lab's folder."""

    root: Path

    @property
    def hosts(self) -> Path:
        return self.root / "hosts"

    @property
    def servers(self) -> Path:
        return self.root / "servers"

    @property
    def state(self) -> Path:
        return self.root / "state"

    @property
    def log(self) -> Path:
        return self.root / "lab.log"

    @property
    def plan(self) -> Path:
        return self.root / "plan.json"

    @property
    def inventory(self) -> Path:
        return self.root / "inventory.yaml"

    @property
    def playbook(self) -> Path:
        return self.root / "playbook.yaml"

    @property
    def hints(self) -> Path:
        return self.root / "root.hints"

    @property
    def anchor(self) -> Path:
        return self.root / "trust-anchor"

    @property
    def names(self) -> Path:
        return self.root / "names"

    @property
    def known_hosts(self) -> Path:
        return self.root / "known_hosts"

    @property
    def ssh_config(self) -> Path:
        return self.root / "ssh_config"

    @property
    def key(self) -> Path:
        return self.root / "id_ed25519"

    @property
    def approver(self) -> Path:
        """The key that signs approvals on the lab."""
        return self.root / "approver"

    @property
    def allowed_signers(self) -> Path:
        return self.root / "allowed_signers"

    def environment(self) -> dict[str, str]:
        """What a command inside the lab finds in its environment."""
        return {
            "NTACTL_LAB": str(self.root),
            "NTACTL_INVENTORY": str(self.inventory),
            "NTACTL_PLAYBOOK": str(self.playbook),
            "NTACTL_ROOT_HINTS": str(self.hints),
            "NTACTL_TRUST_ANCHOR": str(self.anchor),
            "NTACTL_STATE": str(self.state),
            "NTACTL_NAMES": str(self.names),
            "NTACTL_KEY": str(self.approver),
            "NTACTL_ALLOWED_SIGNERS": str(self.allowed_signers),
        }

    def clear(self) -> None:
        """Remove what a lab makes, and nothing else: the folder may have been chosen badly."""
        for folder in (self.hosts, self.servers, self.state):
            shutil.rmtree(folder, ignore_errors=True)
        files = (self.plan, self.inventory, self.playbook, self.hints, self.anchor)
        keys = (self.names, self.known_hosts, self.ssh_config, self.key, self.approver)
        public = (self.key.with_suffix(".pub"), self.approver.with_suffix(".pub"))
        sockets = (self.root / "control", self.root / "control.new")
        for path in (*files, *keys, *public, self.allowed_signers, *sockets):
            path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Running:
    """A lab's processes: the outer unshare and PID 1 of its namespace, seen from outside."""

    outer: int | None
    inner: int | None


def command(folder: Folder) -> list[str]:
    """How the inside of a lab is started. `running_lab` knows a lab by this command line."""
    return [sys.executable, "-m", MODULE, str(folder.root)]


def running_lab(folder: Folder) -> Running | None:
    """The lab that runs in this folder; None when none does.

    The process table is the record: no file can be stale after kill -9 or a reboot.
    """
    tail = command(folder)[1:]
    found = [pid for pid, argv in _processes() if argv[-len(tail) :] == tail]
    inner = [pid for pid in found if _is_init(pid)]
    outer = [pid for pid in found if _name(pid) == "unshare"]
    if not found:
        return None
    return Running(next(iter(outer), None), next(iter(inner), None))


def require_running(folder: Folder) -> int:
    """PID 1 of the running lab, seen from outside. Raises LabError."""
    running = running_lab(folder)
    if running is None or running.inner is None:
        raise LabError("no lab is running", where=str(folder.root), next_step="ntactl lab up")
    return running.inner


def _processes() -> Iterator[tuple[int, list[str]]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            yield int(entry.name), _read(entry / "cmdline").rstrip("\0").split("\0")


def _name(pid: int) -> str:
    return _read(Path(f"/proc/{pid}/comm")).strip()


def _is_init(pid: int) -> bool:
    """Whether a process is PID 1 of its own PID namespace (proc(5), NSpid)."""
    status = _read(Path(f"/proc/{pid}/status"))
    return any(line.split()[-1] == "1" for line in status.splitlines() if line[:6] == "NSpid:")


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="surrogateescape")  # others' words may be any bytes
    except OSError:
        return ""
