"""~/.ssh/config carried out against real sshd: where the inventory is silent, it decides."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from hands import a_host
from sshd import Sshd, free_port, one, serve

from orchestrator.fleet.inventory import Host
from orchestrator.fleet.run import Fleet

pytestmark = pytest.mark.usefixtures("tidy")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / ".ssh"
    folder.mkdir()
    return folder


def write(home: Path, text: str) -> None:
    (home / "config").write_text(text)


def bare(**ssh: object) -> Host:
    """A host of which the inventory says nothing but name and address."""
    return a_host(address="127.0.0.1", dns="127.0.0.1", ssh=ssh)


def test_the_config_says_what_the_inventory_does_not(sshd: Sshd, home: Path) -> None:
    write(
        home,
        f"""
Host other
    Port {free_port()}
Host h1
    User root
    Port {sshd.port}
    IdentityFile {sshd.folder}/user
    UserKnownHostsFile {sshd.folder}/known
""",
    )
    assert one(bare()).stdout == "hi\n"
    assert "no sshd listens there" in one(bare(port=free_port())).error
    assert one(bare(user="nobody")).kind == "auth"
    assert one(bare(known_hosts=home / "none")).kind == "host-key"


def test_a_host_key_is_looked_up_by_its_alias(sshd: Sshd, home: Path) -> None:
    (home / "known_hosts").write_text(f"fra-u1 {sshd.public('host_ed25519')}\n")
    write(home, f"Port {sshd.port}\nIdentityFile {sshd.folder}/user\nHostKeyAlias fra-u1\n")
    assert one(bare()).kind == "ok"
    (home / "known_hosts").write_text(f"fra-u1 {sshd.public('user')}\n")
    outcome = one(bare())
    assert (outcome.kind, "CHANGED" in outcome.error) == ("host-key", True)
    assert "ssh-keygen -R 'fra-u1'" in outcome.error


def test_strict_host_keys_cannot_be_turned_off(sshd: Sshd, home: Path) -> None:
    write(home, f"Port {sshd.port}\nIdentityFile {sshd.folder}/user\nStrictHostKeyChecking no\n")
    assert one(bare()).kind == "host-key"


def test_a_config_that_ssh_would_refuse_names_its_line(sshd: Sshd, home: Path) -> None:
    write(home, "Host *\n  Port\n")
    assert "/.ssh/config line 2: 'Port' is no setting" in one(sshd.host()).error
    write(home, "Port ssh\n")
    assert "Port 'ssh' is no port" in one(bare()).error
    write(home, "ProxyCommand nc %h %p\n")
    assert "ProxyCommand in ~/.ssh/config is not run" in one(sshd.host()).error
    assert one(sshd.host(jump="none")).kind == "ok"


@contextmanager
def chain(tmp_path: Path) -> Iterator[tuple[Sshd, Sshd, Sshd]]:
    """Three sshd; to the last one leads the second, to that the first."""
    with ExitStack() as stack:
        ends = [stack.enter_context(contextmanager(serve)(tmp_path / n)) for n in "abc"]
        known = "".join((end.folder / "known").read_text() for end in ends)
        for end in ends:
            (end.folder / "known").write_text(known)
            (end.folder / "authorized").write_text(ends[0].public("user"))
            (end.folder / "user").write_text((ends[0].folder / "user").read_text())
        yield ends[0], ends[1], ends[2]


def test_through_two_jump_hosts(tmp_path: Path, home: Path) -> None:
    with chain(tmp_path) as (first, second, last):
        through = f"root@127.0.0.1:{first.port},root@127.0.0.1:{second.port}"
        with Fleet() as fleet:
            hosts = [last.host(f"h{n}", jump=through) for n in range(4)]
            outcomes = list(fleet.run([(host, "echo hi") for host in hosts], deadline=20))
            assert {o.kind for o in outcomes} == {"ok"}, outcomes
            assert len(fleet._connections.kept) == 4 + 2  # each jump host is connected to once
        write(
            home,
            f"""
Host one two h1
    HostName 127.0.0.1
    IdentityFile {first.folder}/user
    UserKnownHostsFile {first.folder}/known
Host one
    Port {first.port}
Host two
    Port {second.port}
    ProxyJump one
Host h1
    Port {last.port}
    ProxyJump two
""",
        )
        assert one(bare()).stdout == "hi\n"
        write(home, (home / "config").read_text().replace("ProxyJump two", "ProxyJump one,two"))
        assert one(bare()).stdout == "hi\n"
        (first.folder / "known").write_text(f"[127.0.0.1]:{first.port} {last.public('user')}\n")
        outcome = one(bare())
        assert (outcome.kind, "the jump host: host key" in outcome.error) == ("host-key", True)


def test_a_jump_host_that_is_a_name_is_refused(home: Path) -> None:
    write(home, "ProxyJump bastion.example\n")
    assert "the jump host bastion.example is a name" in one(bare()).error
    write(home, "Host one\n HostName 192.0.2.1\n ProxyJump two\nHost two\n HostName 192.0.2.2\n")
    write(home, (home / "config").read_text() + " ProxyJump one\nHost h1\n ProxyJump one\n")
    assert "goes in a circle" in one(bare()).error
