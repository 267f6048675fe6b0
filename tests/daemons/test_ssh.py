"""The fleet's SSH against real sshd on loopback addresses, and against things that only look it."""

import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hands import a_host
from harness import wait_until

from orchestrator.fleet.inventory import Host
from orchestrator.fleet.ssh import Fleet, Outcome

CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
{keys}
PidFile {folder}/pid
AuthorizedKeysFile {folder}/authorized
AuthenticationMethods publickey
UsePAM no
StrictModes no
MaxStartups 100
"""
# sshd wants /run/sshd; in a mount namespace of its own it gets one that leaves no trace.
START = "mount -t tmpfs run /run && mkdir /run/sshd && exec /usr/sbin/sshd -D -e -f {config}"


@dataclass(frozen=True)
class Sshd:
    folder: Path
    port: int

    def host(self, name: str = "h1", **more: object) -> Host:
        ssh = {"port": self.port, "key": self.folder / "user", "known_hosts": self.folder / "known"}
        engine = more.pop("engine", "unbound")
        sudo = more.pop("sudo", False)
        address = {"name": name, "address": "127.0.0.1", "dns": "127.0.0.1"}
        return a_host(str(engine), **address, sudo=sudo, ssh={**ssh, **more})

    def public(self, name: str) -> str:
        return (self.folder / f"{name}.pub").read_text().rpartition(" ")[0]


def make_key(path: Path, kind: str = "ed25519", *more: str) -> None:
    command = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "test", "-f", str(path), *more]
    subprocess.run(command, check=True)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def serve(folder: Path, *, known: str = "ed25519", kinds: int = 1) -> Iterator[Sshd]:
    """An sshd that shows `kinds` host keys; clients know one of them."""
    sshd = Sshd(folder, free_port())
    make_key(folder / "user")
    shown = ("ed25519", "ecdsa")[:kinds]
    for kind in shown:
        make_key(folder / f"host_{kind}", kind)
    (folder / "authorized").write_text(sshd.public("user"))
    (folder / "known").write_text(f"[127.0.0.1]:{sshd.port} {sshd.public(f'host_{known}')}\n")
    config = folder / "config"
    keys = "\n".join(f"HostKey {folder}/host_{kind}" for kind in shown)
    config.write_text(CONFIG.format(port=sshd.port, folder=folder, keys=keys))
    process = subprocess.Popen(
        ["unshare", "-m", "--kill-child", "--fork", "sh", "-c", START.format(config=config)],
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: answers(sshd.port), 10, "sshd", every=0.05)
        yield sshd
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    yield from serve(tmp_path_factory.mktemp("sshd"))


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No agent and no keys of whoever runs the tests; no thread or descriptor left behind."""
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    threads, files = threading.active_count(), open_files()
    yield
    wait_until(lambda: threading.active_count() <= threads, 5, "threads to end")
    wait_until(lambda: open_files() <= files, 5, "descriptors to be closed")


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - the count is all


def one(host: Host, program: str = "echo hi", *, deadline: float = 20, **how: float) -> Outcome:
    with Fleet(**how) as fleet:  # type: ignore[arg-type]
        (outcome,) = fleet.run([(host, program)], deadline=deadline)
    return outcome


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
    assert outcome.kind == "unreachable"
    assert "banner" in outcome.error


def test_a_full_backlog_times_out(sshd: Sshd) -> None:
    """The kernel answers nothing more: what a firewall that drops looks like."""
    with socket.socket() as server, socket.socket() as first, socket.socket() as second:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for client in (first, second):
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        outcome = one(sshd.host(port=server.getsockname()[1]), connect_timeout=1)
    assert outcome.kind == "unreachable"
    assert "does not answer" in outcome.error


def test_an_unknown_host_key_is_refused_with_its_fingerprint(sshd: Sshd, tmp_path: Path) -> None:
    (tmp_path / "known").write_text("")
    outcome = one(sshd.host(known_hosts=tmp_path / "known"))
    assert outcome.kind == "host-key"
    assert fingerprint(sshd, "host_ed25519") in outcome.error
    assert f"ssh-keyscan -p {sshd.port} 127.0.0.1" in outcome.error


def fingerprint(sshd: Sshd, name: str) -> str:
    command = ["ssh-keygen", "-lf", str(sshd.folder / name)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[1]


def test_a_changed_host_key_is_refused(sshd: Sshd, tmp_path: Path) -> None:
    make_key(tmp_path / "other")
    other = (tmp_path / "other.pub").read_text()
    (tmp_path / "known").write_text(f"[127.0.0.1]:{sshd.port} {other}")
    outcome = one(sshd.host(known_hosts=tmp_path / "known"))
    assert outcome.kind == "host-key"
    assert "CHANGED" in outcome.error
    assert f"ssh-keygen -R '[127.0.0.1]:{sshd.port}'" in outcome.error


def test_a_revoked_host_key_is_refused(sshd: Sshd, tmp_path: Path) -> None:
    known, key = (sshd.folder / "known").read_text(), sshd.public("host_ed25519")
    (tmp_path / "known").write_text(f"{known}@revoked * {key}\n")
    assert "@revoked" in one(sshd.host(known_hosts=tmp_path / "known")).error


def test_a_hashed_known_hosts_file_is_read(sshd: Sshd, tmp_path: Path) -> None:
    known = tmp_path / "known"
    known.write_text((sshd.folder / "known").read_text())
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(known)], check=True, capture_output=True)
    assert known.read_text().startswith("|1|")
    assert one(sshd.host(known_hosts=known)).kind == "ok"


def test_a_missing_known_hosts_file_says_so(sshd: Sshd, tmp_path: Path) -> None:
    outcome = one(sshd.host(known_hosts=tmp_path / "none"))
    assert (outcome.kind, "cannot read" in outcome.error) == ("host-key", True)


def test_the_known_type_of_key_is_asked_for(tmp_path: Path) -> None:
    folder = tmp_path / "two"
    folder.mkdir()
    for sshd in serve(folder, known="ecdsa", kinds=2):
        assert one(sshd.host()).kind == "ok"


def test_a_key_that_is_not_let_in(sshd: Sshd, tmp_path: Path) -> None:
    make_key(tmp_path / "stranger")
    outcome = one(sshd.host(key=tmp_path / "stranger"))
    assert (outcome.kind, outcome.exit) == ("auth", None)
    assert "root" in outcome.error


def test_keys_that_cannot_be_used(sshd: Sshd, tmp_path: Path) -> None:
    assert "cannot read the key" in one(sshd.host(key=tmp_path / "none")).error
    (tmp_path / "junk").write_text("junk")
    assert "cannot use the key" in one(sshd.host(key=tmp_path / "junk")).error
    (tmp_path / "locked").write_text((sshd.folder / "user").read_text())
    (tmp_path / "locked").chmod(0o600)
    lock = ["ssh-keygen", "-q", "-p", "-N", "secret", "-f", str(tmp_path / "locked")]
    subprocess.run(lock, check=True, capture_output=True)
    assert "ssh-agent" in one(sshd.host(key=tmp_path / "locked")).error
    outcome = one(sshd.host(key=None))
    assert (outcome.kind, "there is none to try" in outcome.error) == ("auth", True)


def test_the_agent_and_the_usual_files_are_tried(
    sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / ".ssh"
    folder.mkdir()
    (folder / "id_ed25519").write_text((sshd.folder / "user").read_text())
    (folder / "known_hosts").write_text((sshd.folder / "known").read_text())
    assert one(sshd.host(key=None, known_hosts=None)).kind == "ok"
    (folder / "id_ed25519").unlink()
    place = str(tmp_path / "agent")
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", place], stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: Path(place).exists(), 5, "the agent", every=0.05)
        monkeypatch.setenv("SSH_AUTH_SOCK", place)
        add = ["ssh-add", "-q", str(sshd.folder / "user")]
        subprocess.run(add, check=True)
        assert one(sshd.host(key=None)).kind == "ok"
    finally:
        agent.kill()
        agent.wait()


def test_through_a_jump_host(sshd: Sshd, tmp_path: Path) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    for inner in serve(folder):
        (folder / "authorized").write_text(sshd.public("user"))
        known = (folder / "known").read_text() + (sshd.folder / "known").read_text()
        (folder / "known").write_text(known)
        hop = {"key": sshd.folder / "user", "jump": f"root@127.0.0.1:{sshd.port}"}
        hosts = [inner.host(f"h{n}", **hop) for n in range(3)]
        with Fleet() as fleet:
            for _ in range(2):
                outcomes = list(fleet.run([(host, "echo hi") for host in hosts], deadline=20))
                assert [o.stdout for o in outcomes] == ["hi\n"] * 3, outcomes
        lost = one(inner.host(**{**hop, "port": free_port()}))
        assert (lost.kind, "jump host" in lost.error) == ("unreachable", True)
