"""Five minutes of a zone that looks green at SOA, DNSKEY and DS while some denials stay bad.

With a hold-down of 20 s it is never reverted (acceptance 5); `make soak` runs it.
"""

import time
from pathlib import Path

import pytest
from harness import Lab

MINUTES = 5


@pytest.mark.soak
def test_never_reverts_while_some_denials_are_bad(broken: Lab, tmp_path: Path) -> None:
    broken.approved(tmp_path / "p.json")
    broken.ok("apply", str(tmp_path / "p.json"))
    cycles = 0
    for phase in ("2", "3"):
        broken.lab("break", "de.", "--as", "de-2026", "--phase", phase)
        until = time.monotonic() + MINUTES * 60 / 2
        while time.monotonic() < until:
            (said,) = broken.watch()
            assert said["act"] == "wait", said
            cycles += 1
            time.sleep(1)
    assert cycles > 60
    assert all(zones == ["de."] for zones in broken.all_ntas().values())
