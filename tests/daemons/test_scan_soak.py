"""A root of 1,440 zones: thirty broken ones found in twenty scans, and an address that is dead."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from harness import Lab
from scans import BROKEN, a_root, bad, broken, scanned

from orchestrator.lab.census import fillers

SIZE = 1440
SIGNED = [plan.origin for plan in fillers(SIZE) if plan.secure]
SCANS = 20
ON_ONE = 1000
TIMEOUT = 1.0

pytestmark = pytest.mark.soak


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with a_root(tmp_path_factory.mktemp("root"), SIZE) as lab:
        yield lab


@contextmanager
def both_cores_busy() -> Iterator[None]:
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def test_thirty_broken_zones_are_found_in_twenty_scans(root: Lab) -> None:
    """Half of the scans with both cores loaded by something else."""
    how = dict(zip(SIGNED[5::40], [*BROKEN, *BROKEN], strict=False))
    assert len(how) == 30
    wanted = {zone: BROKEN[kind] for zone, kind in how.items()} | {"bogus.": "rrsig-invalid"}
    with broken(root, how):
        for _ in range(SCANS // 2):
            assert bad(scanned(root)) == wanted
        with both_cores_busy():
            for _ in range(SCANS // 2):
                assert bad(scanned(root)) == wanted


def test_an_address_of_a_thousand_zones_that_is_dead_costs_two_timeouts(root: Lab) -> None:
    usual = scanned(root)["cost"]["quick"]
    with broken(root, dict.fromkeys(SIGNED[:ON_ONE], ("unreachable", 2))):
        told = scanned(root, "--timeout", str(TIMEOUT))
    assert set(bad(told)) == {"bogus."}
    assert told["cost"]["quick"] < usual + 2 * TIMEOUT
    silent = [v for v in told["zones"] if v["findings"] and v["zone"] != "bogus."]
    assert len(silent) == ON_ONE
    assert {v["findings"][0]["cause"] for v in silent} == {"server-unreachable"}
