"""A fleet of sixty on one sshd, eight of which swallow or refuse: `make bench-scale`, made small.

Times are held against a clean run of the same minute, as the machine may be busy.
"""

import os
import threading
import time

import pytest
from harness import wait_until
from sshd import Sshd, dropping, free_port, open_files, silent

from orchestrator.fleet.inventory import Host
from orchestrator.fleet.outcome import Outcome
from orchestrator.fleet.run import Fleet

pytestmark = pytest.mark.usefixtures("tidy")
WORKERS = 4  # fewer than there are black holes


def run(fleet: Fleet, hosts: list[Host]) -> tuple[dict[str, Outcome], float, float]:
    """Outcomes by name, and when the last live host was done and the last of all."""
    began, live, outcomes = time.monotonic(), 0.0, {}
    for outcome in fleet.run([(host, "echo hi") for host in hosts], deadline=120):
        outcomes[outcome.host] = outcome
        if outcome.kind == "ok":
            live = time.monotonic() - began
    return outcomes, live, time.monotonic() - began


def test_black_holes_hold_up_nobody_are_named_and_leave_nothing(sshd: Sshd) -> None:
    live = [sshd.host(f"live{n}") for n in range(52)]
    threads, files = threading.active_count(), open_files()
    with Fleet(workers=WORKERS) as fleet:
        _, _, clean = run(fleet, live)
    patience = max(8, 3 * clean)
    with silent() as mute, dropping() as port, Fleet(WORKERS, connect_timeout=patience) as fleet:
        ports = [mute.getsockname()[1], port]
        holes = [sshd.host(f"hole{n}", port=ports[n % 2]) for n in range(5)]
        refusing = [sshd.host(f"refusing{n}", port=free_port()) for n in range(3)]
        outcomes, done, end = run(fleet, [*holes, *refusing, *live])
        kept = set(fleet._connections.kept.values())
        again, _, _ = run(fleet, live)
        assert set(fleet._connections.kept.values()) == kept
    assert {name for name, o in outcomes.items() if o.kind == "ok"} == {h.name for h in live}
    assert {o.kind for o in again.values()} == {"ok"}
    assert done < clean + patience * 2 / 3, f"held up: {clean=}, load {os.getloadavg()}"
    assert patience <= end < done + patience + 5, "one timeout for all of them"
    for number, host in enumerate(holes):
        why = "does not answer" if number % 2 else "sent no SSH banner"
        told = outcomes[host.name].error
        assert f"127.0.0.1 port {host.ssh.port}" in told
        assert why in told
    for host in refusing:
        assert f"127.0.0.1 port {host.ssh.port} refuses" in outcomes[host.name].error
    wait_until(lambda: threading.active_count() <= threads, 5, "threads to end")
    wait_until(lambda: open_files() <= files, 5, "descriptors to be closed")


def test_a_fleet_given_up_in_the_middle_leaves_nothing(sshd: Sshd) -> None:
    """The first outcome is taken, the others nobody waits for."""
    threads, files = threading.active_count(), open_files()
    with silent() as mute, Fleet(WORKERS, connect_timeout=30) as fleet:
        holes = [sshd.host(f"hole{n}", port=mute.getsockname()[1]) for n in range(5)]
        live = [sshd.host(f"live{n}") for n in range(20)]
        programs = [(host, "echo hi; sleep 1") for host in [*holes, *live]]
        assert next(fleet.run(programs, deadline=60)).kind == "ok"
    wait_until(lambda: threading.active_count() <= threads, 5, "threads to end")
    wait_until(lambda: open_files() <= files, 5, "descriptors to be closed")
