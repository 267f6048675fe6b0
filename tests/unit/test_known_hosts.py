"""known_hosts: a line that makes no sense is passed over, as by ssh."""

import pytest

from orchestrator.fleet.known_hosts import parse
from orchestrator.fleet.peer import Peer

GOOD = "192.0.2.1 ssh-ed25519 AAAA"


@pytest.mark.parametrize(
    "line",
    [
        "192.0.2.1 ssh-ed25519 Schlüssel",
        "192.0.2.1 ssh-ed25519 A\ufffdAA",
        "192.0.2.1 ssh-ed25519 AAA",
        "192.0.2.1 ssh-ed25519",
        "|1|ä|ä ssh-ed25519 AAAA",
        "|1|AAAA ssh-ed25519 AAAA",
        "@revoked",
        "@revoked * ssh-ed25519 ä",
    ],
)
def test_a_line_that_makes_no_sense_hides_no_other(line: str) -> None:
    known = parse(f"{line}\n{GOOD}\n{line}")
    assert [key.raw for key in known.keys("192.0.2.1")] == [b"\0\0\0"]
    assert known.revoked == set()


def test_names_may_be_patterns() -> None:
    known = parse("192.0.2.*,!192.0.2.9,[*]:2222 ssh-ed25519 AAAA")
    assert known.keys("192.0.2.1")
    assert known.keys("[2001:db8::1]:2222")
    assert not known.keys("192.0.2.9")
    assert not known.keys("198.51.100.1")


def test_whom_a_ca_may_vouch_for() -> None:
    known = parse("@cert-authority *.example,192.0.2.* ssh-ed25519 AAAA")
    at = {"port": 2222, "user": "root"}
    assert known.authorities_for(Peer(address="192.0.2.1", **at))
    assert known.authorities_for(Peer(address="198.51.100.1", name="FRA.example", **at))
    assert known.authorities_for(Peer(address="198.51.100.1", alias="ams.example", **at))
    assert not known.authorities_for(Peer(address="198.51.100.1", name="fra", **at))
    assert not known.authorities_for(Peer(address="192.0.2.1", alias="other", **at))
    assert not known.keys("192.0.2.1")
