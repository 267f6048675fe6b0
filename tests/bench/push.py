"""How fast a push is: our transaction, the bare exec, pyinfra and Ansible; `make bench-push`.

    push.py [--hosts 1000] [--slow-hosts 100] [--without-peers]

Every row is a process of its own, interpreter start included; CPU is the controller's, its
children's with it, sshd's not. sshd and the hosts' shells share this machine's cores, so wall
time is bound by them: on a real fleet the controller's CPU is what remains.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import push_peers
from push_hosts import Hosts, serve

HERE = Path(__file__).parent
MODES = ("nothing", "script", "bare-canned", "transaction-canned", "bare", "transaction")


@dataclass(frozen=True)
class Row:
    """One measurement: seconds, the controller's CPU seconds, and what the process printed."""

    name: str
    count: int
    wall: float
    cpu: float
    said: str

    def line(self, base: Row | None) -> str:
        of = f"{self.wall / base.wall:6.2f}x {self.cpu / base.cpu:6.2f}x" if base else ""
        each = self.cpu / self.count * 1000
        return f"{self.name:44} {self.count:5} {self.wall:8.2f} {self.cpu:8.2f} {each:8.2f} {of}"


def measured(name: str, count: int, command: list[str]) -> Row:
    """Run it as a process of its own; it has to work."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"{name} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    used = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Row(name, count, wall, used, done.stdout)


def ours(hosts: Hosts, mode: str, count: int) -> dict[str, Any]:
    """A row of push_ours.py."""
    hosts.reset(count)
    command = [sys.executable, HERE / "push_ours.py", mode, hosts.folder, hosts.port, count]
    said: dict[str, Any] = json.loads(measured(mode, count, list(map(str, command))).said)
    return said


def tell(mode: str, count: int, said: dict[str, Any]) -> None:
    cold, warm = (
        f"{once['wall']:7.2f} s {once['cpu'] / count * 1000:6.2f} ms/host"
        for once in (said["first"], said["second"])
    )
    ratio = said["second"]["wall"] / said["first"]["wall"]
    memory = f"{said['mb']:.0f} MB, {said['kept']} open"
    print(f"{mode:18} {count:5}   cold {cold}   warm {warm}   warm/cold {ratio:.2f}")
    print(f"{'':26} {memory}; load {os.getloadavg()[0]:.0f}", flush=True)


def main() -> None:
    asked = arguments()
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores; sshd and the hosts run here too")
    with serve(asked.hosts) as hosts:
        own(hosts, asked.hosts)
        if not asked.without_peers:
            peers(hosts, asked.slow_hosts)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--slow-hosts", type=int, default=100)
    parser.add_argument("--without-peers", action="store_true")
    return parser.parse_args()


def own(hosts: Hosts, count: int) -> None:
    """Ours: each mode cold and warm, and the whole transaction against the bare exec.

    "nothing" is SSH alone, "script" the steps that the peers do, "bare" the real program as one
    exec and "transaction" the same through journal and receipts. A "-canned" host gets the
    program, does none of it and answers as if it had: that is what a fleet costs the controller,
    as its hosts have processors of their own. The other two share this machine's with 32 hosts
    at work, some 200 processes each.
    """
    said = {}
    for mode in MODES:
        said[mode] = ours(hosts, mode, count)
        tell(mode, count, said[mode])
    for kind in ("-canned", ""):
        whole, one = (said[f"{name}{kind}"]["first"] for name in ("transaction", "bare"))
        ratio = whole["wall"] / one["wall"]
        print(f"whole transaction / same program as one bare exec{kind}: {ratio:.2f} (limit 1.25)")
    print()


def peers(hosts: Hosts, count: int) -> None:
    """The same steps by us and by others; ratios are theirs to ours."""
    titles = f"{'hosts':>5} {'wall s':>8} {'CPU s':>8} {'ms/host':>8}   x wall  x CPU"
    print(f"{'the same steps':44} {titles}")
    hosts.reset(count)
    command = [
        sys.executable,
        HERE / "push_ours.py",
        "script-once",
        hosts.folder,
        hosts.port,
        count,
    ]
    base = measured("ntactl's client, one script", count, list(map(str, command)))
    print(base.line(None), flush=True)
    with tempfile.TemporaryDirectory(prefix="ntactl-peers-") as name:
        for tool in push_peers.PACKAGES:
            folder = Path(name)
            push_peers.install(folder, tool)
            label = f"{tool} {push_peers.version(folder, tool)}"
            for how in ("script", "steps"):
                hosts.reset(count)
                line = getattr(push_peers, tool)(folder, hosts, count, how)
                said = {"script": "our one script", "steps": "idiomatic, step by step"}[how]
                print(measured(f"{label}, {said}", count, line).line(base), flush=True)


if __name__ == "__main__":
    main()
