"""Which host keys are believed, and which of the user's keys are tried, against real sshd."""

import subprocess
from pathlib import Path

import pytest
from sshd import Sshd, agent, make_key, one, serve

pytestmark = pytest.mark.usefixtures("tidy")


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


def test_a_damaged_line_in_known_hosts_hides_no_other(sshd: Sshd, tmp_path: Path) -> None:
    known = tmp_path / "known"
    known.write_text("192.0.2.1 ssh-ed25519 Schlüssel\n" + (sshd.folder / "known").read_text())
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


def test_the_agent_and_the_usual_files_are_tried(sshd: Sshd, home: Path) -> None:
    (home / "id_ed25519").write_text((sshd.folder / "user").read_text())
    (home / "known_hosts").write_text((sshd.folder / "known").read_text())
    assert one(sshd.host(key=None, known_hosts=None)).kind == "ok"
    (home / "id_ed25519").unlink()
    with agent(home, sshd.folder / "user"):
        assert one(sshd.host(key=None)).kind == "ok"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder of the usual key files."""
    folder = tmp_path / ".ssh"
    folder.mkdir()
    return folder


def test_a_locked_usual_file_hides_neither_the_agent_nor_other_files(
    sshd: Sshd, home: Path
) -> None:
    make_key(home / "id_ed25519", "ed25519", "-N", "secret")
    (home / "id_rsa").write_text("junk")
    with agent(home, sshd.folder / "user"):
        assert one(sshd.host(key=None)).kind == "ok"
    (home / "id_ecdsa").write_text((sshd.folder / "user").read_text())
    assert one(sshd.host(key=None)).kind == "ok"


def test_when_no_key_is_left_each_file_says_why(sshd: Sshd, home: Path) -> None:
    make_key(home / "id_ed25519", "ed25519", "-N", "secret")
    (home / "id_rsa").write_text("junk")
    outcome = one(sshd.host(key=None))
    assert outcome.kind == "auth"
    assert f"{home}/id_ed25519: it has a passphrase; add it to ssh-agent" in outcome.error
    assert f"{home}/id_rsa: it is damaged" in outcome.error


def test_a_key_file_of_an_unknown_kind_is_no_surprise(sshd: Sshd, home: Path) -> None:
    lines = (sshd.folder / "user").read_text().splitlines()
    lines[2] = f"AAAA{lines[2][4:]}"
    (home / "id_ed25519").write_text("\n".join(lines))
    outcome = one(sshd.host(key=None))
    assert (outcome.kind, "it is damaged, or of an unknown kind" in outcome.error) == ("auth", True)
