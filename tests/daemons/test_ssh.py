"""The fleet's SSH against real sshd on loopback addresses, and against things that only look it."""

import os
import socket
import threading
import time
from pathlib import Path

import pytest
from harness import wait_until
from sshd import Sshd, dropping, free_port, one, silent

from orchestrator.fleet.outcome import Outcome
from orchestrator.fleet.run import Fleet

pytestmark = pytest.mark.usefixtures("tidy")


def test_a_program_runs_and_everything_it_says_comes_back(sshd: Sshd) -> None:
    big = "head -c 3000000 /dev/zero | tr '\\0' e >&2; head -c 4000000 /dev/zero; exit 7"
    outcome = one(sshd.host(), big)
    assert (outcome.kind, outcome.exit, outcome.error) == ("ok", 7, "")
    assert (len(outcome.stdout), len(outcome.stderr)) == (4_000_000, 3_000_000)
    assert one(sshd.host(), "kill -9 $$").exit is None
    assert abs(int(one(sshd.host(), "echo $controller_now").stdout) - time.time()) < 5


def test_sudo_is_asked_not_to_ask(sshd: Sshd) -> None:
    assert one(sshd.host(sudo=True), "echo $SUDO_USER").stdout == "root\n"


def test_connections_are_kept_and_a_dead_one_is_replaced(sshd: Sshd) -> None:
    with Fleet() as fleet:
        parents = set()
        for _ in range(2):
            (outcome,) = fleet.run([(sshd.host(), "echo $PPID")], deadline=20)
            parents.add(outcome.stdout)
        assert len(parents) == 1
        os.kill(int(parents.pop()), 9)
        time.sleep(0.2)
        (outcome,) = fleet.run([(sshd.host(), "echo hi")], deadline=20)
        assert (outcome.kind, outcome.stdout) == ("ok", "hi\n")


def test_warmed_connections_are_there_for_the_next_run(sshd: Sshd) -> None:
    hosts = [sshd.host(f"h{n}") for n in range(6)]
    lost = sshd.host("lost", port=free_port())
    with Fleet(workers=4, connect_timeout=5) as fleet:
        fleet.warm([*hosts, lost])
        wait_until(lambda: len(fleet._connections.kept) == 6, 10, "six connections", every=0.02)
        kept = set(fleet._connections.kept.values())
        kinds = [o.kind for o in fleet.run([(h, "echo hi") for h in [*hosts, lost]], deadline=20)]
        assert sorted(kinds) == ["ok"] * 6 + ["unreachable"]
        assert set(fleet._connections.kept.values()) == kept


def test_warming_ends_with_the_fleet_and_stands_in_nobodys_way(sshd: Sshd) -> None:
    with silent() as server, Fleet(workers=2, connect_timeout=30) as fleet:
        began = time.monotonic()
        mute = [sshd.host(f"m{n}", port=server.getsockname()[1]) for n in range(6)]
        fleet.warm([*mute, sshd.host("h1")])
        (outcome,) = fleet.run([(sshd.host("h2"), "echo hi")], deadline=20)
        assert outcome.kind == "ok"
        fleet.warm(mute)
    assert time.monotonic() - began < 10


def test_hosts_that_say_nothing_hold_up_nobody(sshd: Sshd) -> None:
    """More of them than threads, and first in the row."""
    with silent() as server, Fleet(workers=4, connect_timeout=8) as fleet:
        mute = [sshd.host(f"m{n}", port=server.getsockname()[1]) for n in range(20)]
        refusing = [sshd.host(f"r{n}", port=free_port()) for n in range(4)]
        live = [sshd.host(f"h{n}") for n in range(8)]
        began = time.monotonic()
        at: dict[str, float] = {}
        programs = [(host, "echo hi") for host in [*mute, *refusing, *live]]
        for outcome in fleet.run(programs, deadline=20):
            assert outcome.kind == ("ok" if outcome.host.startswith("h") else "unreachable")
            at[outcome.host] = time.monotonic() - began
    assert len(at) == 32
    assert max(seconds for host, seconds in at.items() if host.startswith("h")) < 8
    assert 8 <= max(at.values()) < 16


def test_whoever_has_not_answered_is_called_off(sshd: Sshd) -> None:
    asked = threading.Event()
    with silent() as server, Fleet(workers=4, connect_timeout=30) as fleet:
        mute = [sshd.host(f"m{n}", port=server.getsockname()[1]) for n in range(20)]
        programs = [(host, "echo hi") for host in [sshd.host(), *mute]]
        kinds = []
        for outcome in fleet.run(programs, deadline=60, stopping=asked.is_set):
            kinds.append(outcome.kind)
            asked.set()
    assert kinds == ["ok"] + ["stopped"] * 20


def test_many_hosts_give_results_as_they_finish(sshd: Sshd) -> None:
    hosts = [sshd.host(f"h{n}") for n in range(20)]
    programs = [(host, f"sleep {1 if n == 0 else 0}; echo {n}") for n, host in enumerate(hosts)]
    with Fleet(workers=8) as fleet:
        finished = [outcome.host for outcome in fleet.run(programs, deadline=20)]
    assert sorted(finished) == sorted(host.name for host in hosts)
    assert finished[0] != "h0"


def test_an_abandoned_run_leaves_nothing(sshd: Sshd) -> None:
    with Fleet() as fleet:
        results = fleet.run(
            [(sshd.host(f"h{n}"), f"sleep {n * 30}") for n in range(3)], deadline=99
        )
        assert next(results).host == "h0"


def test_once_asked_to_stop_no_host_begins(sshd: Sshd, tmp_path: Path) -> None:
    begun, asked = tmp_path / "begun", []
    program = f"echo >> {begun}; sleep 0.3"
    with Fleet(workers=2) as fleet:
        outcomes = []
        programs = [(sshd.host(f"h{n}"), program) for n in range(12)]
        for outcome in fleet.run(programs, deadline=20, stopping=lambda: bool(asked)):
            asked.append(outcome.host)
            outcomes.append(outcome)
    stopped = [outcome for outcome in outcomes if outcome.kind == "stopped"]
    assert len(outcomes) == 12
    assert len(stopped) >= 12 - 4  # two at a time; two more may begin before the first is heard of
    assert len(begun.read_text().splitlines()) == 12 - len(stopped)
    assert {outcome.error for outcome in stopped} == {"not begun: stopped on request"}


def test_what_one_host_provokes_stops_no_other(sshd: Sshd) -> None:
    """A host that no inventory gives: its jump host would have been refused there."""
    good = sshd.host("good")
    odd = good.model_copy(
        update={"name": "odd", "ssh": good.ssh.model_copy(update={"jump": "root@127.0.0.1:99999"})}
    )
    with Fleet(workers=1) as fleet:
        outcomes = list(fleet.run([(odd, "echo hi"), (good, "echo hi")], deadline=20))
    assert [(o.host, o.kind) for o in outcomes] == [("odd", "unreachable"), ("good", "ok")]
    assert "unexpected ValueError" in outcomes[0].error


def test_a_host_that_is_too_slow(sshd: Sshd) -> None:
    started = time.monotonic()
    outcome = one(sshd.host(), "sleep 30", deadline=1.5)
    assert outcome.kind == "timeout"
    assert "receipt waits there" in outcome.error
    assert time.monotonic() - started < 5


def test_a_connection_lost_on_the_way_is_not_a_failure(sshd: Sshd) -> None:
    outcome = one(sshd.host(), "kill -9 $PPID; sleep 1")
    assert (outcome.kind, outcome.exit) == ("lost", None)
    assert "the host finishes alone" in outcome.error


def test_a_host_that_says_too_much(sshd: Sshd) -> None:
    assert one(sshd.host(), "cat /dev/zero").kind == "lost"


def test_nothing_listens(sshd: Sshd) -> None:
    outcome = one(sshd.host(port=free_port()))
    assert outcome.kind == "unreachable"
    assert "no sshd listens there" in outcome.error


@pytest.mark.parametrize("says", [b"", b"220 mail ready\r\n"])
def test_something_that_is_no_sshd(sshd: Sshd, says: bytes) -> None:
    outcome = one_that_hears(sshd, says)
    assert outcome.kind == "unreachable"
    assert "banner" in outcome.error


def test_a_banner_does_not_reach_the_terminal_as_it_is(sshd: Sshd) -> None:
    outcome = one_that_hears(sshd, b"SSH-\x1b[2J9-x\r\n")
    assert outcome.kind == "unreachable"
    assert r"(\x1b[2J9 instead of 2.0)" in outcome.error


def one_that_hears(sshd: Sshd, says: bytes) -> Outcome:
    """What comes of a host that says this and then nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = int(server.getsockname()[1])
        taken: list[socket.socket] = []

        def accept() -> None:
            connection, _ = server.accept()
            connection.sendall(says)
            taken.append(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        started = time.monotonic()
        outcome = one(sshd.host(port=port), connect_timeout=1)
        assert time.monotonic() - started < 6
        thread.join()
        taken[0].close()
    return outcome


def test_a_full_backlog_times_out(sshd: Sshd) -> None:
    with dropping() as port:
        outcome = one(sshd.host(port=port), connect_timeout=1)
    assert outcome.kind == "unreachable"
    assert "does not answer" in outcome.error
