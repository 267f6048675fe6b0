"""~/.ssh/config read as ssh(1) reads it, save that nothing is run and nobody is asked."""

import time
from pathlib import Path

import pytest
from hands import a_host

from orchestrator.fleet.outcome import FailureError
from orchestrator.fleet.peer import Peer, route
from orchestrator.fleet.ssh_config import ConfigError, Found, load


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LOGNAME", "op")
    monkeypatch.setattr("orchestrator.fleet.ssh_config.SYSTEM", tmp_path / "etc" / "ssh_config")
    (tmp_path / ".ssh").mkdir()
    return tmp_path / ".ssh"


def found(home: Path, text: str, *names: str, user: str | None = None) -> Found:
    (home / "config").write_text(text)
    return load().lookup(names or ("fra-u1", "192.0.2.1"), user)


@pytest.mark.parametrize(
    ("lines", "port"),
    [
        ("Port 1\nPort 2", "1"),
        ("  port=1", "1"),
        ('Port = "1"', "1"),
        ("Host fra-*\nPort 1", "1"),
        ("Host FRA-U1\nPort 1", "1"),
        ("Host 192.0.2.?\nPort 1", "1"),
        ("Host fra-u2\nPort 1\nHost *\nPort 2", "2"),
        ("Host fra-* !fra-u1\nPort 1", ""),
        ("Host !192.0.2.1 *\nPort 1", ""),
        ("Match host fra-u2,192.0.2.*\nPort 1", "1"),
        ("Match originalhost fra-u1 user root\nPort 1", ""),
        ("User root\nMatch user root\nPort 1", "1"),
        ("Match localuser op\nPort 1", "1"),
        ("Match !host fra-u1\nPort 1", ""),
        ("Match all\nPort 1", "1"),
        ("Match final\nPort 1\nHost *\nPort 2", "2"),
        ("Match canonical\nPort 1", ""),
        ("Match host fra-u1 exec 'true'\nPort 1", ""),
        ("Match !exec false\nPort 1", ""),
        ("Include none*\nPort 1", "1"),
    ],
)
def test_which_lines_hold(home: Path, lines: str, port: str) -> None:
    assert found(home, lines).one("port") == port


def test_nothing_is_run(home: Path) -> None:
    found(home, f"Match exec 'touch {home}/ran'\nPort 1")
    assert not (home / "ran").exists()


def test_the_inventorys_user_goes_before_the_configs(home: Path) -> None:
    text = "User root\nMatch user ntactl\nPort 1"
    assert found(home, text).one("port") == ""
    assert found(home, text, user="ntactl").one("port") == "1"


def test_included_lines_hold_where_the_include_does(home: Path) -> None:
    (home / "conf.d").mkdir()
    (home / "conf.d" / "a").write_text("IdentityFile a\nHost fra-u2\nIdentityFile b\n")
    text = "Host fra-*\nInclude conf.d/*\nIdentityFile c\nHost ams-*\nIdentityFile d"
    assert found(home, text).all("identityfile") == ("a", "c")
    assert found(home, text, "fra-u2").all("identityfile") == ("a", "b", "c")
    assert found(home, text, "ams-u1").all("identityfile") == ("d",)


def test_a_file_that_includes_itself_is_refused(home: Path) -> None:
    with pytest.raises(ConfigError, match="does it include itself"):
        found(home, "Include config")


@pytest.mark.parametrize("line", ["Port", "Host 'a", "% 1"])
def test_a_line_that_is_no_setting_is_refused_by_its_number(home: Path, line: str) -> None:
    with pytest.raises(ConfigError, match=r"config line 2: "):
        found(home, f"Port 1\n{line}")


def test_the_machines_own_file_comes_last(home: Path) -> None:
    folder = home.parent / "etc"
    folder.mkdir()
    (folder / "ssh_config").write_text("Include more\nUser machine\nPort 2\n")
    (folder / "more").write_text("HostKeyAlias m\n")
    said = found(home, "Port 1")
    assert [said.one(key) for key in ("port", "user", "hostkeyalias")] == ["1", "machine", "m"]


def end(home: Path, text: str, **ssh: object) -> Peer:
    (home / "config").write_text(text)
    return route(a_host(ssh=ssh), load())[-1]


def test_tokens_and_home_in_paths(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHICH", "w")
    text = "User me\nPort 24\nIdentityFile ~/%h-%n-%p-%r-%%-${WHICH}\nCertificateFile %d/%u"
    peer = end(home, text)
    assert peer.keys == (home.parent / "192.0.2.1-h1-24-me-%-w",)
    assert peer.certificates == (home.parent / "op",)


def test_the_inventory_goes_before_the_config(home: Path) -> None:
    text = (
        "User me\nPort 24\nIdentityFile a\nCertificateFile b\nUserKnownHostsFile c d\nProxyJump 1.1"
    )
    peer = end(home, text, user="root", port=22, key="k", known_hosts="n", jump="none")
    assert (peer.user, peer.port, peer.keys, peer.certificates) == ("root", 22, (Path("k"),), ())
    assert peer.known_hosts == (Path("n"),)
    assert peer.only
    peer = end(home, text, jump="none")
    assert (peer.user, peer.port, peer.keys) == ("me", 24, (Path("a"),))
    assert peer.known_hosts == (Path("c"), Path("d"))
    assert not peer.only


def test_of_known_hosts_files_those_count_that_are_there(home: Path) -> None:
    (home / "two").touch()
    assert end(home, f"UserKnownHostsFile {home}/one {home}/two").known_hosts == (home / "two",)
    assert end(home, f"UserKnownHostsFile {home}/one").known_hosts == (home / "one",)
    assert end(home, "UserKnownHostsFile none").known_hosts == (Path("/dev/null"),)


def test_where_both_are_silent(home: Path) -> None:
    assert end(home, "") == Peer("root", "192.0.2.1", 22, "h1")


def test_proxyjump_takes_each_hop_from_the_config_too(home: Path) -> None:
    text = (
        "Host gw\nHostName 192.0.2.7\nUser jumper\nProxyJump ssh://me@[2001:db8::1]:24\n"
        "Host h1\nProxyJump other@gw:23,192.0.2.8"
    )
    (home / "config").write_text(text)
    way = route(a_host(ssh={"user": "root"}), load())
    assert [(p.user, p.address, p.port) for p in way] == [
        ("me", "2001:db8::1", 24),
        ("other", "192.0.2.7", 23),
        ("root", "192.0.2.8", 22),
        ("root", "192.0.2.1", 22),
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("ProxyJump bastion", "the jump host bastion is a name"),
        ("ProxyJump @", "'@' in ~/.ssh/config is no jump host"),
        ("ProxyCommand nc %h", "is not run: write ProxyJump"),
        ("Port none", "Port 'none' is no port"),
        ("ProxyJump 192.0.2.1", "goes in a circle"),
    ],
)
def test_what_cannot_be_carried_out_is_this_hosts_failure(home: Path, line: str, said: str) -> None:
    with pytest.raises(FailureError) as caught:
        end(home, line)
    assert (caught.value.kind, said in str(caught.value)) == ("unreachable", True)


def test_a_thousand_hosts_with_a_block_each_take_no_time(home: Path) -> None:
    blocks = (f"Host h{n}\nPort {n + 1}\nIdentityFile ~/.ssh/%n\n" for n in range(1000))
    (home / "config").write_text("".join(blocks) + "Host h*\nUser me\n")
    began = time.process_time()
    config = load()
    ways = [route(a_host(name=f"h{n}", ssh={"known_hosts": "n"}), config) for n in range(1000)]
    assert time.process_time() - began < 3
    assert ways[999][0].port == 1000
