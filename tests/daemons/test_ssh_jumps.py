"""Hosts behind jump hosts, and what a dead jump host does to the others."""

import socket
import time
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest
from sshd import Sshd, agent, certify, free_port, make_key, one, serve, silent

from orchestrator.fleet.run import Fleet

pytestmark = pytest.mark.usefixtures("tidy")

PAST = ("-V", "20200101:20200102")


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


def vouched(folder: Path, ca: Path, *how: str) -> AbstractContextManager[Sshd]:
    """An sshd that a CA vouches for, which lets in whom that CA certifies and nobody else."""

    def before(_sshd: Sshd) -> None:
        certify(ca, folder / "host_ed25519.pub", "-h", "-n", "127.0.0.1", *how)
        (folder / "authorized").write_text("")
        (folder / "known").write_text(f"@cert-authority * {ca.with_suffix('.pub').read_text()}")

    more = [f"HostCertificate {folder}/host_ed25519-cert.pub", f"TrustedUserCAKeys {ca}.pub"]
    return contextmanager(serve)(folder, more=more, before=before)


@pytest.mark.parametrize("expired", ["nothing", "second", "user"])
def test_an_agent_and_certificates_through_two_hops(tmp_path: Path, expired: str) -> None:
    """No key file and no known key anywhere, as where a CA signs for hosts and for people."""
    ca, user = tmp_path / "ca", tmp_path / "id"
    make_key(ca)
    make_key(user)
    certify(ca, Path(f"{user}.pub"), "-n", "root", *(PAST if expired == "user" else ()))
    with ExitStack() as stack:
        first, second, last = [
            stack.enter_context(vouched(tmp_path / name, ca, *(PAST if name == expired else ())))
            for name in ("first", "second", "last")
        ]
        stack.enter_context(agent(tmp_path, user))
        through = f"root@127.0.0.1:{first.port},root@127.0.0.1:{second.port}"
        outcome = one(last.host(key=None, jump=through))
    kind, said = {
        "nothing": ("ok", ""),
        "second": ("host-key", "has expired at 2020-01-0"),
        "user": ("auth", "a certificate has expired at 2020-01-0"),
    }[expired]
    assert (outcome.kind, said in outcome.error) == (kind, True), outcome
    assert ("the jump host: " in outcome.error) == (expired != "nothing")


def connections(server: socket.socket) -> int:
    count = 0
    try:
        while True:
            server.accept()[0].close()
            count += 1
    except BlockingIOError:
        return count


def test_a_dead_jump_host_is_tried_once_a_run_and_holds_up_nobody_else(sshd: Sshd) -> None:
    with silent() as server, Fleet(workers=8, connect_timeout=5) as fleet:
        gone = [f"root@127.0.0.1:{server.getsockname()[1]}"] * 6
        good = [f"root@127.0.0.1:{sshd.port}"] * 2
        hosts = [sshd.host(f"h{n}", jump=jump) for n, jump in enumerate(gone + good)]
        for _ in range(2):
            began = time.monotonic()
            outcomes = list(fleet.run([(host, "echo hi") for host in hosts], deadline=6))
            kinds = {outcome.host: outcome.kind for outcome in outcomes}
            assert kinds == {f"h{n}": "unreachable" if n < 6 else "ok" for n in range(8)}
            assert outcomes[0].host in {"h6", "h7"}
            assert all("the jump host: " in o.error for o in outcomes if o.kind != "ok")
            assert time.monotonic() - began < 15
            assert connections(server) == 1


def test_time_that_runs_out_at_the_jump_host_is_no_program_sent(sshd: Sshd) -> None:
    with silent() as server:
        jump = f"root@127.0.0.1:{server.getsockname()[1]}"
        programs = [(sshd.host(f"h{n}", jump=jump), "echo hi") for n in range(3)]
        with Fleet() as fleet:
            kinds = [outcome.kind for outcome in fleet.run(programs, deadline=0.5)]
    assert kinds == ["unreachable"] * 3
