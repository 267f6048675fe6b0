"""Certificates taken apart: what is cut short or odd is refused, never believed."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.fleet.certificate import host_objection, is_certificate, public_key, read
from orchestrator.fleet.known_hosts import parse


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificate")
    for name in ("ca", "host"):
        keygen("-t", "ed25519", "-N", "", "-f", str(folder / name))
    certify(folder, "-h", "-n", "fra-u1")
    return folder


def keygen(*arguments: str) -> None:
    subprocess.run(["ssh-keygen", "-q", *arguments], check=True)


def certify(folder: Path, *how: str) -> bytes:
    keygen("-s", str(folder / "ca"), "-I", "id", *how, str(folder / "host.pub"))
    return raw(folder / "host-cert.pub")


def raw(path: Path) -> bytes:
    (key,) = parse(f"h {path.read_text()}").plain["h"]
    return key.raw


def yes(_authority: bytes, _signature: bytes, _signed: bytes) -> bool:
    return True


def test_what_a_certificate_says(made: Path) -> None:
    certificate = certify(made, "-h", "-n", "fra-u1,fra-u2", "-V", "20260101000000Z:forever")
    taken = read(certificate)
    assert (taken.key_id, taken.principals, taken.critical) == ("id", ("fra-u1", "fra-u2"), ())
    assert taken.authority == raw(made / "ca.pub")
    assert taken.public == public_key(certificate) == raw(made / "host.pub")
    assert certificate.startswith(taken.signed)
    assert host_objection(taken, ["fra-u2"], taken.begins, yes) == ""
    assert "holds only from 2026-01-01T" in host_objection(taken, ["fra-u2"], taken.begins - 1, yes)


def test_its_end_is_no_part_of_its_time(made: Path) -> None:
    taken = read(certify(made, "-h", "-n", "h", "-V", "20260101000000Z:20260102000000Z"))
    assert host_objection(taken, ["h"], taken.ends - 1, yes) == ""
    assert "has expired at 2026-01-02T00:00:00Z" in host_objection(taken, ["h"], taken.ends, yes)


def test_a_condition_that_is_not_known_is_no_permission(made: Path) -> None:
    taken = read(certify(made, "-h", "-n", "h", "-O", "critical:verify-required@x=1"))
    assert "conditions that ntactl does not know: verify-required@x" in host_objection(
        taken, ["h"], taken.begins + 99, yes
    )


def test_a_signature_that_does_not_verify(made: Path) -> None:
    taken = read(certify(made, "-h", "-n", "h"))
    assert "is not signed by the CA it names" in host_objection(
        taken, ["h"], taken.begins + 99, lambda *_: False
    )


def test_a_plain_key_is_no_certificate(made: Path) -> None:
    key = raw(made / "host.pub")
    assert not is_certificate(key)
    assert public_key(key) == b""
    assert is_certificate(certify(made, "-h", "-n", "h"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_a_certificate_that_is_cut_or_bent_is_read_or_refused(
    made: Path, data: st.DataObject
) -> None:
    whole = raw(made / "host-cert.pub")
    at = data.draw(st.integers(0, len(whole) - 1))
    bent = whole[:at] + data.draw(st.binary(max_size=8)) + whole[at + 1 :]
    try:
        taken = read(bent)
    except ValueError:
        return
    assert bent.startswith(taken.signed)
