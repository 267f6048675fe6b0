"""A real sshd on a loopback address for tests, and one program sent to it."""

import os
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from hands import a_host
from harness import wait_until

from orchestrator.fleet.inventory import Host
from orchestrator.fleet.outcome import Outcome
from orchestrator.fleet.run import Fleet

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
START = "{first} mount -t tmpfs run /run; mkdir /run/sshd; exec /usr/sbin/sshd -D -e -f {config}"


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


def certify(ca: Path, public: Path, *how: str) -> None:
    """A certificate beside a public key; `how` as ssh-keygen takes it (-h: for a host)."""
    command = ["ssh-keygen", "-q", "-s", str(ca), "-I", "a test", *how, str(public)]
    subprocess.run(command, check=True)


def serve(
    folder: Path,
    *,
    known: str = "ed25519",
    kinds: int = 1,
    more: Sequence[str] = (),
    before: Callable[[Sshd], None] = lambda _: None,
    first: str = "",
) -> Iterator[Sshd]:
    """An sshd that shows `kinds` host keys; clients know one of them.

    `more` is for its config, which `before` may still make files for; `first` is shell that runs
    in its mount namespace before it starts.
    """
    folder.mkdir(exist_ok=True)
    sshd = Sshd(folder, free_port())
    make_key(folder / "user")
    shown = ("ed25519", "ecdsa")[:kinds]
    for kind in shown:
        make_key(folder / f"host_{kind}", kind)
    (folder / "authorized").write_text(sshd.public("user"))
    (folder / "known").write_text(f"[127.0.0.1]:{sshd.port} {sshd.public(f'host_{known}')}\n")
    config = folder / "config"
    keys = "\n".join([*(f"HostKey {folder}/host_{kind}" for kind in shown), *more])
    config.write_text(CONFIG.format(port=sshd.port, folder=folder, keys=keys))
    before(sshd)
    start = START.format(config=config, first=first)
    process = subprocess.Popen(
        ["unshare", "-m", "--kill-child", "--fork", "sh", "-c", start], stderr=subprocess.DEVNULL
    )
    try:
        wait_until(lambda: answers(sshd.port), 10, "sshd", every=0.05)
        yield sshd
    finally:
        process.kill()
        process.wait()


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - the count is all


def one(host: Host, program: str = "echo hi", *, deadline: float = 20, **how: float) -> Outcome:
    with Fleet(**how) as fleet:  # type: ignore[arg-type]
        (outcome,) = fleet.run([(host, program)], deadline=deadline)
    return outcome


def _listens(place: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(place) == 0


@contextmanager
def agent(folder: Path, *keys: Path) -> Iterator[None]:
    """An ssh-agent that holds these keys, and the certificates beside them."""
    place = str(folder / "agent")
    process = subprocess.Popen(["ssh-agent", "-D", "-a", place], stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: _listens(place), 5, "the agent", every=0.05)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SSH_AUTH_SOCK", place)
            subprocess.run(["ssh-add", "-q", *map(str, keys)], check=True)
            yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def dropping(address: str = "127.0.0.1") -> Iterator[int]:
    """A port whose queue is full: the kernel answers no SYN, as behind a firewall that drops."""
    with socket.socket() as server, socket.socket() as first, socket.socket() as second:
        server.bind((address, 0))
        server.listen(0)
        for client in (first, second):
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        yield int(server.getsockname()[1])


@contextmanager
def silent() -> Iterator[socket.socket]:
    """A server that is taken for up: the kernel takes connections, and nobody speaks."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        server.setblocking(False)
        yield server
