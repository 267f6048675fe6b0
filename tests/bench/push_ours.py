"""One row of the push bench, as a process of its own: ntactl's client, or the whole transaction.

push_ours.py MODE FOLDER PORT COUNT prints what happened as one line of JSON.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from push_hosts import Hosts
from push_steps import steps

from orchestrator.fleet.inventory import Host
from orchestrator.fleet.outcome import Outcome
from orchestrator.fleet.run import Fleet

if TYPE_CHECKING:  # a row of SSH alone must not pay for these
    from orchestrator.rollout.send import Job
    from orchestrator.rollout.transaction import NtaOrder

PLAN = "0badcafe"
TIMEOUT = 10  # seconds until a host that says nothing is given up
RECEIPT = """\
ntactl-begin-receipt
{"action":"apply","outcome":"applied","rule":"","message":"and read back","step":"receipt",\
"at":1795523761,"generation":1795523760956,"running":["de."],"state_sha256":"0"}
ntactl-end-receipt"""


@dataclass(frozen=True)
class There:
    """A fleet whose programs are fitted to the bench's folders.

    `canned`: a host gets the program and does none of it, but answers as if it had.
    """

    fleet: Fleet
    hosts: Hosts
    canned: bool = False

    def run(
        self, programs: Sequence[tuple[Host, str]], *, deadline: float, **how: Callable[[], bool]
    ) -> Iterator[Outcome]:
        local = [(host, self.fitted(host, program)) for host, program in programs]
        return self.fleet.run(local, deadline=deadline, **how)

    def fitted(self, host: Host, program: str) -> str:
        if self.canned:
            return f"echo '{RECEIPT}'; exit\n{program}"
        return self.hosts.localised(host, program)


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def timed(work: Callable[[], object]) -> dict[str, float]:
    wall, own = time.perf_counter(), cpu()
    work()
    return {"wall": time.perf_counter() - wall, "cpu": cpu() - own}


def orders() -> tuple[NtaOrder, ...]:
    from orchestrator.cli import desk
    from orchestrator.rollout.transaction import NtaOrder

    end = desk.now().replace(microsecond=0, year=desk.now().year + 1)
    return (NtaOrder(id="de-4f2a91c0", zone="de.", ends_at=end),)


def jobs(there: There, hosts: list[Host]) -> list[Job]:
    """Every host as planned from what the first one holds: they all are alike."""
    from orchestrator.cli import desk
    from orchestrator.rollout.send import Job, read
    from orchestrator.rollout.transaction import change

    readings, faults = read(replace(there, canned=False), desk.now, hosts[:1], deadline=60)
    assert readings, faults
    reading = readings[hosts[0].name]
    return [Job(host, "apply", orders(), change(host, reading, orders())) for host in hosts]


def transaction(there: There, hosts: list[Host]) -> Callable[[], None]:
    """`send` as apply uses it: journal before and after, programs made, receipts read."""
    from orchestrator.cli import desk
    from orchestrator.incident.store import Store
    from orchestrator.rollout.means import Means
    from orchestrator.rollout.send import send

    todo = jobs(there, hosts)

    def work() -> None:
        with tempfile.TemporaryDirectory() as state:
            store = Store(Path(state))
            means = Means(
                journal=store,
                fleet=there,
                views=_nothing,
                clock=desk.now,
                tell=_nothing,
                say=_nothing,
                pause=_nothing,
                stopping=lambda: False,
                by="bench",
            )
            results = send(means, PLAN, todo, deadline=300)
            store.close()
        bad = {name: r for name, r in results.items() if r.outcome != "applied"}
        assert not bad, list(bad.values())[:3]

    return work


def _nothing(*_args: object, **_more: object) -> None:
    """Nobody watches."""


def bare(there: There, hosts: list[Host]) -> Callable[[], None]:
    """The same program as one exec a host, and nothing else."""
    from orchestrator.rollout.transaction import apply_program

    programs = [
        (job.host, there.fitted(job.host, apply_program(job.host, job.change, now_ms())))
        for job in jobs(there, hosts)
        if job.change
    ]
    return lambda: check(there.fleet.run(programs, deadline=300), '"applied"')


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def script(there: There, hosts: list[Host]) -> Callable[[], None]:
    """The steps that the peers do, as one script."""
    programs = [(host, steps(there.hosts, host)) for host in hosts]
    return lambda: check(there.fleet.run(programs, deadline=300), "de.\n")


def nothing(there: There, hosts: list[Host]) -> Callable[[], None]:
    """A program that does nothing: SSH alone."""
    return lambda: check(there.fleet.run([(host, "echo hi") for host in hosts], deadline=300), "hi")


def check(outcomes: Iterator[Outcome], wanted: str) -> None:
    bad = [o for o in outcomes if o.kind != "ok" or wanted not in o.stdout]
    assert not bad, bad[:3]


MODES = {"transaction": transaction, "bare": bare, "script": script, "nothing": nothing}


def twice(mode: str, hosts: Hosts, count: int) -> dict[str, object]:
    """Cold, then once more over the same connections."""
    fleet_hosts = [hosts.host(number) for number in range(count)]
    before = threading.active_count(), open_files()
    with Fleet(workers=32) as fleet:
        there = There(fleet, hosts, canned=mode.endswith("-canned"))
        work = MODES[mode.removesuffix("-canned")](there, fleet_hosts)
        first = timed(work)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        kept = len(fleet._connections.kept)
        hosts.reset(count)
        second = timed(work)
    left = threading.active_count() - before[0], open_files() - before[1]
    return {"first": first, "second": second, "mb": memory, "kept": kept, "left": left}


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - the count is all


def black_holes(hosts: Hosts, count: int, silent: int, refusing: int) -> dict[str, object]:
    """How long the live hosts take, and all, with hosts that swallow and hosts that refuse.

    `named` counts those of which is told where they are and why they were not reached.
    """
    ports = [*hosts_ports(hosts)]
    fleet_hosts = [hosts.host(n) for n in range(count)]
    for at in range(silent):
        fleet_hosts[at] = hosts.host(at, port=ports[at % 2])
    for at in range(silent, silent + refusing):
        fleet_hosts[at] = hosts.host(at, port=1)
    addresses = {host.name: f"{host.address} port" for host in fleet_hosts}
    began, live, named = time.perf_counter(), 0.0, 0
    with Fleet(workers=32, connect_timeout=TIMEOUT) as fleet:
        for outcome in fleet.run([(host, "echo hi") for host in fleet_hosts], deadline=60):
            if outcome.kind == "ok":
                live = time.perf_counter() - began
            named += outcome.kind == "unreachable" and addresses[outcome.host] in outcome.error
    return {"live": live, "all": time.perf_counter() - began, "named": named}


def hosts_ports(hosts: Hosts) -> Iterator[int]:
    """Two ports where nobody speaks: push_scale.py serves one, the other drops (see there)."""
    return iter(json.loads((hosts.folder / "silent").read_text()))


def main() -> None:
    mode, folder, port, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    hosts = Hosts(folder, port)
    if mode == "script-once":
        with Fleet(workers=32) as fleet:
            script(There(fleet, hosts), [hosts.host(number) for number in range(count)])()
    elif mode == "black-holes":
        print(json.dumps(black_holes(hosts, count, count // 20, count // 50)))
    else:
        print(json.dumps(twice(mode, hosts, count)))


if __name__ == "__main__":
    main()
