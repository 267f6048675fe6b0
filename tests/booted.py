"""systemd as PID 1 of a lab host's own process namespace, beside the daemons of the lab.

It boots a minimal set of units, reads /etc/systemd/system as every systemd, and dies without a
chance to tidy up when the plug is pulled. /etc, /var and /run are the host's.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from hands import Hands
from harness import Lab, enter, wait_until

TARGETS = ("sysinit", "basic", "timers", "shutdown", "umount", "final", "exit", "rescue")
UNITS = "/etc/lab/units"
BARE = "[Unit]\nDefaultDependencies=no\n"
WANTED = "Requires=basic.target timers.target\nAfter=basic.target timers.target\n"
# A control group of its own, else it would take the machine's for its own.
START = """\
echo $$ >{group}/cgroup.procs
exec unshare --mount --pid --cgroup --fork --kill-child --mount-proc sh -c '
mount -t cgroup2 cgroup2 /sys/fs/cgroup
exec env -i container=lxc PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
  SYSTEMD_UNIT_PATH=/etc/systemd/system:{units} \\
  /lib/systemd/systemd --system --unit=lab.target --log-target=console --show-status=0'
"""


class Booted(Hands):
    """A lab host as systemd's processes see it."""

    def __init__(self, lab: Lab, name: str, shell: Sequence[str] = ("sh",)) -> None:
        super().__init__(lab, name, shell)
        self.outside = self.pid
        self.group = _cgroups() / f"ntactl-{os.getpid()}-{name}"
        etc = lab.etc(name)
        for target in TARGETS:
            _write(etc / f"lab/units/{target}.target", BARE)
        _write(etc / "lab/units/lab.target", BARE + WANTED)
        _write(etc / "machine-id", f"{1:032x}\n")
        (etc / "systemd/system").mkdir(parents=True)
        self.folders += [etc / "systemd"]

    def boot(self) -> None:
        shutil.rmtree(self.lab.folder / "hosts" / self.name / "run/systemd", ignore_errors=True)
        self.group.mkdir(exist_ok=True)
        start = START.format(group=self.group, units=UNITS)
        with (self.lab.folder / "hosts" / self.name / "systemd.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*enter(self.outside), "sh", "-c", start],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_until(self._is_up, 20, "systemd to boot", every=0.05)

    def _is_up(self) -> bool:
        """Its timers wait; then `pid` is systemd as seen from outside."""
        assert self.process.poll() is None, "systemd did not start: see systemd.log of the host"
        self.pid = next(filter(_is_systemd, _below(str(self.process.pid))), "")
        if not self.pid:
            return False
        with suppress(AssertionError):
            return self.sh("systemctl is-active timers.target") == "active\n"
        return False

    def pull_the_plug(self) -> None:
        """Every process of the namespace is gone at once."""
        os.kill(int(self.pid), signal.SIGKILL)
        self.process.wait()
        wait_until(self._group_is_gone, 10, "the control group to be empty", every=0.05)

    def _group_is_gone(self) -> bool:
        with suppress(OSError):
            for folder, _, _ in os.walk(self.group, topdown=False):
                Path(folder).rmdir()
        return not self.group.exists()

    def timer(self, nta_id: str, fact: str) -> str:
        """What systemd says of an NTA's timer."""
        return self.sh(f"systemctl show --value -p {fact} ntactl-{nta_id}.timer").strip()


@contextmanager
def booted(lab: Lab, name: str) -> Iterator[Booted]:
    """A lab host under systemd; the plug is pulled at the end."""
    host = Booted(lab, name)
    host.boot()
    try:
        yield host
    finally:
        host.pull_the_plug()


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def _cgroups() -> Path:
    """Where this machine has control groups of version 2."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return Path(next(place for _, place, kind, *_ in mounts if kind == "cgroup2"))


def _below(pid: str) -> Iterator[str]:
    with suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            yield child
            yield from _below(child)


def _is_systemd(pid: str) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text() == "systemd\n"
    return False
