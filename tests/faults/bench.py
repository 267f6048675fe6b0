"""The bench: one lab with broken de., its hosts in hand, a wire to each, and the product to run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from harness import ROOT, Lab, Run, a_lab, run

from faults.hosts import BenchHost, Seen
from faults.inside import Inside
from faults.product import copy_without
from faults.wire import Wire
from orchestrator.lab.folder import Folder, require_running

ZONE = "de."
HOSTS = ("unbound1", "unbound2", "bind1", "bind2")
CHILD = str(Path(__file__).with_name("child.py"))
PREPARE = str(Path(__file__).with_name("prepare.py"))
BUDGETS = (1, 1, 4)  # how many hosts may fail; drawn, so most often one
CALM = 3  # looks in a row
PATIENCE = 120  # seconds for one command; nothing may hang


@dataclass(frozen=True)
class Bench:
    """What every round is played on."""

    lab: Lab
    product: Path
    hosts: dict[str, BenchHost]
    wire: Wire
    inside: Inside
    network: str

    @property
    def rounds(self) -> Path:
        """Where each round has its folder."""
        return self.lab.folder / "rounds"

    def without(self, piece: str) -> Bench:
        """The same bench with a product from which that safeguard is cut out."""
        return replace(self, product=copy_without(piece, self.lab.folder / f"without-{piece}"))

    def env(self, state: Path) -> dict[str, str]:
        return {
            **os.environ,
            **Folder(self.lab.folder).environment(),
            "NTACTL_INVENTORY": str(self.lab.folder / "relayed.yaml"),
            "NTACTL_STATE": str(state),
            "PYTHONPATH": str(self.product),
            "PYTHONDONTWRITEBYTECODE": "",
        }

    def argv(self, *argv: str) -> list[str]:
        return ["nsenter", f"--net={self.network}", sys.executable, "-P", *argv]

    def ntactl(self, state: Path, *argv: str) -> Run:
        """The real command line, to its end."""
        command = self.argv("-m", "orchestrator", *argv)
        return run(command, self.env(state), timeout=PATIENCE)

    def start(self, state: Path, folder: Path, step: str, *argv: str) -> Child:
        """The real command line as a process that is held at a journal step ("0": at none)."""
        with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
            process = subprocess.Popen(
                self.argv(CHILD, str(folder), step, *argv),
                env=self.env(state),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
        return Child(process, folder)

    def plan(
        self, state: Path, file: Path, lifetime: str, *, budget: int, applied: bool = False
    ) -> Any:
        """An approved plan, and where asked carried out. Gives its content."""
        how_far = "applied" if applied else "plan"
        command = self.argv(PREPARE, str(file), lifetime, how_far)
        policy = {"NTACTL_PLAYBOOK": str(self.lab.folder / f"budget-{budget}.yaml")}
        done = run(command, self.env(state) | policy, timeout=PATIENCE)
        assert done.code == 0, f"no plan to begin with: {done.out}\n{done.err}"
        return json.loads(file.read_text())

    def quiet(self, patience: float = 40) -> None:
        """Wait until no program is at work on any host: they finish alone."""
        until, calm = time.monotonic() + patience, 0
        while calm < CALM and time.monotonic() < until:
            calm = 0 if any(host.busy() for host in self.hosts.values()) else calm + 1
            time.sleep(0.1)

    def make_ready(self, struck: str) -> None:
        """Every host for a round in which that one is struck."""
        with ThreadPoolExecutor(8) as pool:
            ready = [pool.submit(h.make_ready, trapped=n == struck) for n, h in self.hosts.items()]
        for each in ready:
            each.result()

    def look(self) -> dict[str, Seen]:
        """Every host, asked directly."""
        with ThreadPoolExecutor(8) as pool:
            return dict(zip(self.hosts, pool.map(BenchHost.look, self.hosts.values()), strict=True))

    def answers(self, *zones: str) -> dict[tuple[str, str], str]:
        """(host, zone) -> what a client gets for the zone's SOA."""
        names = {host.address: name for name, host in self.hosts.items()}
        asked = [(address, zone) for address in names for zone in zones]
        said = self.inside.answers(asked)
        return {(names[address], zone): answer for (address, zone), answer in said.items()}

    def everywhere(self, command: str) -> None:
        """A shell command on every host, whether it works or not."""
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda host: host.sh(command, check=False), self.hosts.values()))


@dataclass(frozen=True)
class Child:
    """A command of the product that runs."""

    process: subprocess.Popen[bytes]
    folder: Path

    def ended(self) -> bool:
        return self.process.poll() is not None

    def end(self) -> Run:
        """How it ended. Raises TimeoutExpired."""
        code = self.process.wait(PATIENCE)
        out, err = ((self.folder / name).read_text() for name in ("out", "err"))
        return Run(code, out, err)


@contextmanager
def a_bench(folder: Path, resolvers: str = "unbound=2,bind=2") -> Iterator[Bench]:
    """A bench that leaves nothing behind."""
    with a_lab(folder, resolvers) as lab:
        lab.lab("break", ZONE, "--as", "de-2026")
        network = f"/proc/{require_running(Folder(lab.folder))}/ns/net"
        hosts = {name: BenchHost(lab, name) for name in lab.hosts()}
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(BenchHost.set_up, hosts.values()))
        wire = Wire(network, {name: host.address for name, host in hosts.items()})
        inside = Inside(network)
        _relayed(lab, wire)
        bench = Bench(lab, ROOT, hosts, wire, inside, network)
        shutil.rmtree(bench.rounds, ignore_errors=True)
        bench.rounds.mkdir()
        try:
            yield bench
        finally:
            wire.close()
            inside.close()


def _relayed(lab: Lab, wire: Wire) -> None:
    """An inventory whose hosts are reached over the wire, and a policy that loses no time."""
    content: Any = yaml.safe_load((lab.folder / "inventory.yaml").read_text())
    keys = dict(
        line.split(maxsplit=1) for line in (lab.folder / "known_hosts").read_text().splitlines()
    )
    known = ""
    for host in content["hosts"]:
        port, address = wire.ports[host["name"]], host["address"]
        ssh = {**content["defaults"]["ssh"], "port": port}
        ssh["known_hosts"] = str(lab.folder / "relayed_hosts")
        host |= {"address": "127.0.0.1", "dns": address, "ssh": ssh}
        known += f"[127.0.0.1]:{port} {keys[address]}\n"
    (lab.folder / "relayed_hosts").write_text(known)
    (lab.folder / "relayed.yaml").write_text(yaml.safe_dump(content))
    policy: Any = yaml.safe_load((lab.folder / "playbook.yaml").read_text())
    policy["host_deadline"] = "20s"
    for budget in set(BUDGETS):
        policy["budget"]["failed_hosts"] = budget
        (lab.folder / f"budget-{budget}.yaml").write_text(yaml.safe_dump(policy))


def report_of(done: Run) -> dict[str, Any]:
    """The JSON that a command printed; {} when it printed none."""
    try:
        said: dict[str, Any] = json.loads(done.out)
    except ValueError:
        return {}
    return said
