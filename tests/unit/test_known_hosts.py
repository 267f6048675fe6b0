"""known_hosts: a line that makes no sense is passed over, as by ssh."""

import pytest

from orchestrator.fleet.known_hosts import parse

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
