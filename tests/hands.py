"""Host programs run by hand: composed as ntactl composes them, started in a lab host, no SSH."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from harness import Lab, Run, enter, fingerprints, run

from orchestrator.fleet.inventory import Host
from orchestrator.model import HostReading, Receipt
from orchestrator.rollout.transaction import (
    Change,
    NtaOrder,
    apply_program,
    change,
    parse_reading,
    parse_receipt,
    read_program,
    renew_program,
    revert_program,
)


def now() -> datetime:
    return datetime.now(UTC)


def generation() -> int:
    return time.time_ns() // 1_000_000


def nta(zone: str = "de.", seconds: float = 3600, tag: str = "4f2a91c0") -> NtaOrder:
    name = zone.rstrip(".").replace(".", "-")
    return NtaOrder(id=f"{name}-{tag}", zone=zone, ends_at=now() + timedelta(seconds=seconds))


def a_host(engine: str = "unbound", **more: object) -> Host:
    address = {"name": "h1", "address": "192.0.2.1", "dns": "192.0.2.1"}
    return Host.model_validate({**address, "engine": engine, **more})


@contextmanager
def left_as_found(lab: Lab, name: str) -> Iterator[Hands]:
    """One host, which a test must leave as it found it."""
    hands = Hands(lab, name)
    before, state = hands.files(), hands.read().state_sha256
    yield hands
    reading = hands.read()
    assert reading.problems == ()
    assert hands.files() == before
    assert reading.state_sha256 == state


class Hands:
    """The programs of one lab host, one method each; `shell` is what runs them."""

    def __init__(self, lab: Lab, name: str, shell: Sequence[str] = ("sh",)) -> None:
        self.lab, self.name, self.shell = lab, name, tuple(shell)
        status = lab.host(name)
        self.host = a_host(status["engine"], name=name, paths={"dropin": status["dropin"]})
        self.folders = [*map(Path, status["config"]), lab.etc(name) / "cron.d"]
        self.pid = str(lab.init_of(name))

    def argv(self, program: str, skew: float = 0) -> list[str]:
        clocked = f"controller_now={int(time.time() + skew)}\n{program}"
        return [*enter(self.pid), *self.shell, "-c", clocked]

    def run(self, program: str, skew: float = 0) -> Run:
        return run(self.argv(program, skew), self.lab.env)

    def sh(self, command: str) -> str:
        """A command on the host that has to work."""
        done = run([*enter(self.pid), "sh", "-c", command], self.lab.env)
        assert done.code == 0, f"{command}: {done.err}"
        return done.out

    def start(self, program: str) -> subprocess.Popen[bytes]:
        """A program in a process group of its own, so that it can be killed."""
        return subprocess.Popen(
            self.argv(program),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def read(self, skew: float = 0) -> HostReading:
        return parse_reading(self.host, self.run(read_program(self.host), skew).out, now())

    def change(self, *ntas: NtaOrder, adopt: bool = False) -> Change:
        return change(self.host, self.read(), ntas, adopt=adopt)

    def apply_program(self, wanted: Change, order: int | None = None) -> str:
        return apply_program(self.host, wanted, order or generation())

    def apply(
        self, *ntas: NtaOrder, wanted: Change | None = None, order: int | None = None
    ) -> Receipt:
        program = self.apply_program(wanted or self.change(*ntas), order)
        return self._receipt("apply", program)

    def give_back(self, *ntas: NtaOrder) -> Receipt:
        """Taken back: what others had set before stays."""
        program = revert_program(self.host, ntas, generation(), keep_theirs=True)
        return self._receipt("revert", program)

    def revert(self, *ntas: NtaOrder, order: int | None = None, once_more: bool = False) -> Receipt:
        return self._receipt("revert", self.revert_program(*ntas, order=order, once_more=once_more))

    def revert_program(
        self, *ntas: NtaOrder, order: int | None = None, once_more: bool = False
    ) -> str:
        return revert_program(self.host, ntas, order or generation(), once_more=once_more)

    def renew(self, *ntas: NtaOrder, order: int | None = None) -> Receipt:
        return self._receipt("renew", renew_program(self.host, ntas, order or generation()))

    def _receipt(self, action: str, program: str) -> Receipt:
        done = self.run(program)
        receipt = parse_receipt(self.host, action, done.out, now())
        assert receipt is not None, f"{self.name}: {done.code}\n{done.out}\n{done.err}"
        return receipt

    def files(self) -> dict[str, str]:
        """Configuration and cron entries of this host: content, mode, owner."""
        return fingerprints(self.folders)

    def zones(self) -> list[str]:
        """What the resolver itself lists, asked without ntactl."""
        return self.lab.ntas(self.name)

    def service(self, *argv: str) -> None:
        self.sh(f"/etc/lab/service {' '.join(argv)}")
