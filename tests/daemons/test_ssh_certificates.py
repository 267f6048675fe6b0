"""Certificates of hosts and of users, against real sshd: who is believed, and who gets in."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sshd import Sshd, agent, certify, make_key, one, serve

from orchestrator.fleet.outcome import Outcome

pytestmark = pytest.mark.usefixtures("tidy")

PAST = ("-V", "20200101:20200102")
FUTURE = ("-V", "20900101:20900102")
OURS = ("-n", "h1")


@contextmanager
def vouched(folder: Path, *how: str, kind: str = "ed25519") -> Iterator[Sshd]:
    """An sshd whose host key a CA has certified; `how` as ssh-keygen takes it."""
    more = [f"HostCertificate {folder}/host_ed25519-cert.pub"]

    def before(sshd: Sshd) -> None:
        make_key(folder / "ca", kind)
        certify(folder / "ca", folder / "host_ed25519.pub", *how)
        trust(sshd, "@cert-authority *")

    yield from serve(folder, more=more, before=before)


def trust(sshd: Sshd, start: str, more: str = "") -> None:
    """known_hosts with the CA instead of the host's own key."""
    (sshd.folder / "known").write_text(f"{start} {sshd.public('ca')}\n{more}")


def shown(folder: Path, *how: str, kind: str = "ed25519") -> Outcome:
    """What comes of a host that shows such a certificate."""
    with vouched(folder, *how, kind=kind) as sshd:
        return one(sshd.host())


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_host_that_a_trusted_ca_vouches_for_is_believed(tmp_path: Path, kind: str) -> None:
    assert shown(tmp_path / "s", "-h", *OURS, kind=kind).stdout == "hi\n"


@pytest.mark.parametrize("name", ["127.0.0.1", "h?", "a,127.0.0.1"])
def test_a_certificate_may_name_the_address_too(tmp_path: Path, name: str) -> None:
    assert shown(tmp_path / "s", "-h", "-n", name).kind == "ok"


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (("-h", "-n", "h2,h3"), "is for h2, h3, not for 127.0.0.1 or h1"),
        (("-h",), "is for nobody, not for 127.0.0.1 or h1"),
        (("-h", *OURS, *PAST), "has expired at 2020-01-0"),
        (("-h", *OURS, *FUTURE), "holds only from 2090-01-01T"),
        (OURS, "is no host certificate"),
    ],
)
def test_a_host_certificate_that_does_not_hold(
    tmp_path: Path, how: tuple[str, ...], said: str
) -> None:
    outcome = shown(tmp_path / "s", *how)
    assert (outcome.kind, said in outcome.error) == ("host-key", True), outcome.error
    assert "by CA SHA256:" in outcome.error


def test_which_cas_are_asked(tmp_path: Path) -> None:
    with vouched(tmp_path / "s", "-h", *OURS) as sshd:
        trust(sshd, "@cert-authority 192.0.2.*,h9")
        outcome = one(sshd.host())
        assert (outcome.kind, "is not in" in outcome.error) == ("host-key", True)
        trust(sshd, f"@cert-authority [127.0.0.*]:{sshd.port},!h2")
        assert one(sshd.host()).kind == "ok"
        trust(sshd, "@cert-authority *", f"@revoked * {sshd.public('ca')}\n")
        assert "the CA SHA256:" in one(sshd.host()).error
        trust(sshd, "@cert-authority *", f"@revoked * {sshd.public('host_ed25519')}\n")
        assert "is marked @revoked" in one(sshd.host()).error


def test_a_host_known_by_its_key_needs_no_certificate(tmp_path: Path) -> None:
    with vouched(tmp_path / "s", "-h", *OURS, *PAST) as sshd:
        key = f"[127.0.0.1]:{sshd.port} {sshd.public('host_ed25519')}\n"
        trust(sshd, "@cert-authority *", key)
        assert one(sshd.host()).kind == "ok"
        (sshd.folder / "known").write_text(key)
        assert one(sshd.host()).kind == "ok"


def test_a_changed_key_that_no_ca_vouches_for_is_refused(tmp_path: Path) -> None:
    with vouched(tmp_path / "s", "-h", *OURS) as sshd:
        make_key(tmp_path / "other")
        other = (tmp_path / "other.pub").read_text()
        (sshd.folder / "known").write_text(f"[127.0.0.1]:{sshd.port} {other}")
        assert "CHANGED" in one(sshd.host()).error


@pytest.fixture(scope="module")
def by_ca(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """An sshd that lets in whom a CA certifies, and nobody else."""
    folder = tmp_path_factory.mktemp("by_ca")
    make_key(folder / "ca")
    for sshd in serve(folder, more=[f"TrustedUserCAKeys {folder}/ca.pub"]):
        (folder / "authorized").write_text("")
        yield sshd


def user(sshd: Sshd, folder: Path, *how: str, kind: str = "ed25519") -> Path:
    """A key of a user, certified."""
    make_key(folder / "id", kind)
    certify(sshd.folder / "ca", folder / "id.pub", *how)
    return folder / "id"


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_user_certificate_beside_its_key(by_ca: Sshd, tmp_path: Path, kind: str) -> None:
    key = user(by_ca, tmp_path, "-n", "root", kind=kind)
    assert one(by_ca.host(key=key)).kind == "ok"
    Path(f"{key}-cert.pub").unlink()
    assert one(by_ca.host(key=key)).kind == "auth"


def test_a_user_certificate_that_has_expired_says_so(by_ca: Sshd, tmp_path: Path) -> None:
    key = user(by_ca, tmp_path, "-n", "root", *PAST)
    outcome = one(by_ca.host(key=key))
    assert (outcome.kind, outcome.exit) == ("auth", None)
    assert "a certificate has expired at 2020-01-0" in outcome.error


def test_a_key_that_is_let_in_without_its_expired_certificate(by_ca: Sshd, tmp_path: Path) -> None:
    key = user(by_ca, tmp_path, "-n", "root", *PAST)
    (by_ca.folder / "authorized").write_text((tmp_path / "id.pub").read_text())
    assert one(by_ca.host(key=key)).kind == "ok"
    (by_ca.folder / "authorized").write_text("")


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_a_user_certificate_that_the_agent_holds(by_ca: Sshd, tmp_path: Path, kind: str) -> None:
    with agent(tmp_path, user(by_ca, tmp_path, "-n", "root", kind=kind)):
        assert one(by_ca.host(key=None)).kind == "ok"


def test_a_certificate_file_for_a_key_that_the_agent_holds(by_ca: Sshd, tmp_path: Path) -> None:
    key = user(by_ca, tmp_path, "-n", "root")
    elsewhere = Path(f"{key}-cert.pub").rename(tmp_path / "by-the-ca.pub")
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/config").write_text(f"CertificateFile {elsewhere}\n")
    with agent(tmp_path, key):
        assert one(by_ca.host(key=None)).kind == "ok"


def test_a_locked_key_that_the_agent_holds(sshd: Sshd, tmp_path: Path) -> None:
    """Named in the inventory; the public half beside it tells which of the agent's it is."""
    make_key(tmp_path / "locked", "ed25519", "-N", "secret")
    with agent(tmp_path, sshd.folder / "user"):
        assert "it has a passphrase" in one(sshd.host(key=tmp_path / "locked")).error
        (tmp_path / "locked.pub").write_text(sshd.public("user"))
        assert one(sshd.host(key=tmp_path / "locked")).kind == "ok"
        (tmp_path / "half").write_text(sshd.public("user"))
        assert one(sshd.host(key=tmp_path / "half")).kind == "ok"
