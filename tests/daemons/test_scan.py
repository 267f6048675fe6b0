"""A scan of a root of sixty zones on real servers: exactly what is broken is found, every time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from harness import NTACTL, ROOT, Lab, run, wait_until
from scans import BROKEN, a_root, bad, broken, scanned

from orchestrator.lab.census import fillers
from orchestrator.lab.world import NOBODY, TldPlan

SIZE = 60
P256 = 13
SIGNED = [plan for plan in fillers(SIZE) if plan.secure]
# Those whose denials fit into UDP: the slow server has no TCP.
SHORT = [plan for plan in SIGNED if plan.algorithm == P256]

# Not clean by a resolver's measure, but nothing an operator has to do.
SOUND = [("unreachable", 2), ("lame", 2), ("tag-collision", 1), ("al-2026", 3), ("gov-2013", 1)]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with a_root(tmp_path_factory.mktemp("scanned"), SIZE) as lab:
        yield lab


def test_exactly_what_is_broken_is_found_every_time(large: Lab) -> None:
    how = dict(zip((plan.origin for plan in SIGNED), [*BROKEN, *SOUND], strict=False))
    wanted = {zone: BROKEN[kind] for zone, kind in how.items() if kind in BROKEN}
    with broken(large, how):
        for _ in range(3):
            told = scanned(large, "--every", "0.2")
            assert len(told["zones"]) == SIZE
            assert bad(told) == wanted | {"bogus.": "rrsig-invalid"}


def test_the_whole_root_is_clean_but_for_the_zone_that_is_broken_on_purpose(large: Lab) -> None:
    told = scanned(large)
    assert set(bad(told)) == {"bogus."}
    assert told["cost"]["doubted"] == 1
    assert {verdict["state"] for verdict in told["zones"]} == {"secure", "insecure", "bogus"}
    by_zone = {verdict["zone"]: verdict for verdict in told["zones"]}
    for plan in fillers(SIZE):
        verdict = by_zone[plan.origin]
        assert verdict["state"] == ("secure" if plan.secure else "insecure")
        assert {s["address"] for s in verdict["servers"]} == {s.address for s in plan.servers}


def test_what_is_new_still_and_healed(large: Lab, tmp_path: Path) -> None:
    state = str(tmp_path / "scan.json")
    first, second = SIGNED[0].origin, SIGNED[1].origin
    large.ok("scan", "--rounds", "1", "--state", state, code=10)
    with broken(large, {first: ("fj-2022", 1)}):
        new = large.ok("scan", "--rounds", "1", "--state", state, code=10).out
        still = large.ok("scan", "--rounds", "1", "--state", state, code=10).out
    with broken(large, {second: ("zm-2015", 1)}):
        healed = large.ok("scan", "--rounds", "1", "--state", state, code=10).out
    assert f"new:\n  {first} is BOGUS (whole): ds-no-matching-dnskey" in new
    assert "still:\n  bogus. is BOGUS" in new
    assert f"{first} is BOGUS" in still.split("still:")[1]
    assert f"healed:\n  {first} is clean again" in healed
    assert f"new:\n  {second} is BOGUS" in healed


def test_a_list_of_zones_needs_no_transfer(large: Lab, tmp_path: Path) -> None:
    names = tmp_path / "zones"
    wanted = [plan.origin for plan in fillers(SIZE)[:20]]
    names.write_text("# some\n" + "\n".join([*wanted, "nowhere.", "denic.de."]))
    told = scanned(large, "--zones", str(names), "--rounds", "1")
    states = {verdict["zone"]: verdict["state"] for verdict in told["zones"]}
    assert set(states) == {*wanted, "nowhere.", "denic.de."}
    assert states.pop("nowhere.") == "indeterminate"
    assert set(states.values()) <= {"secure", "insecure"}


def test_json_lines_are_verdicts_as_they_come(large: Lab) -> None:
    done = large.ok("scan", "--json-lines", "--rounds", "1", code=10)
    *lines, last = [json.loads(line) for line in done.out.splitlines()]
    assert len({line["zone"] for line in lines}) == SIZE
    assert lines[-1]["zone"] == "bogus."
    assert last["schema"] == "ntactl/scan/1"


def test_a_dead_address_of_many_zones_costs_two_timeouts(large: Lab) -> None:
    how = dict.fromkeys((plan.origin for plan in SIGNED[:16]), ("unreachable", 2))
    with broken(large, how):
        told = scanned(large, "--rounds", "1", "--timeout", "1")
    assert set(bad(told)) == {"bogus."}
    assert told["cost"]["quick"] < 2 * 1 + 1.5
    silent = [v for v in told["zones"] if v["findings"] and v["zone"] != "bogus."]
    assert {v["zone"] for v in silent} == set(how)
    assert {v["findings"][0]["cause"] for v in silent} == {"server-unreachable"}


@contextmanager
def slow_server(lab: Lab, rate: int, plans: list[TldPlan]) -> Iterator[None]:
    """The address where nobody was answers for some zones, `rate` questions a second."""
    zones = [f"{plan.origin}={plan.servers[0].address}" for plan in plans]
    lab.inside("ip", "addr", "add", f"{NOBODY[0]}/32", "dev", "lab0")
    relay = subprocess.Popen(
        [*NTACTL, "lab", "exec", "--", sys.executable, str(ROOT / "tests/relay.py"),
         NOBODY[0], str(rate), *zones],
        env=lab.env | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        assert relay.stdout
        assert relay.stdout.readline() == "listening\n"
        yield
    finally:
        relay.kill()
        relay.wait()
        lab.inside("ip", "addr", "del", f"{NOBODY[0]}/32", "dev", "lab0")


def test_a_server_that_answers_twenty_a_second_is_not_called_broken(large: Lab) -> None:
    plans = SHORT[:12]
    assert len(plans) > 5
    how = {plan.origin: ("unreachable", 2) for plan in plans}
    with broken(large, how), slow_server(large, 20, plans):
        told = scanned(large, "--rounds", "1")
    assert set(bad(told)) == {"bogus."}
    verdicts = [v for v in told["zones"] if v["zone"] in how]
    assert all(server["state"] == "secure" for v in verdicts for server in v["servers"])
    assert all(v["findings"] == [] for v in verdicts)


def test_a_clock_that_is_off_is_not_the_zones_fault(large: Lab) -> None:
    told = scanned(large, "--now", "2020-01-01T00:00:00Z", "--rounds", "1")
    assert {v["state"] for v in told["zones"]} == {"indeterminate"}
    assert told["zones"][0]["findings"][0]["cause"] == "clock-suspect"
    assert told["clock"]["source"] == "--now"


def test_ctrl_c_ends_it_at_once(large: Lab) -> None:
    how = dict.fromkeys((plan.origin for plan in SIGNED[:4]), ("zm-2015", 1))
    argv = [*NTACTL, "lab", "exec", "--", *NTACTL, "scan", "--rounds", "20", "--every", "5"]
    with broken(large, how):
        scan = subprocess.Popen(
            argv, env=large.env, stderr=subprocess.PIPE, start_new_session=True, cwd=ROOT
        )
        time.sleep(6)
        os.killpg(scan.pid, signal.SIGINT)
        started = time.monotonic()
        assert scan.wait(10) == 130
        assert time.monotonic() - started < 3
    wait_until(lambda: not _left(scan.pid), 5, "the scan's processes to be gone")


def _left(session: int) -> list[str]:
    listed = run(["ps", "-o", "pid=", "-s", str(session)], dict(os.environ))
    return listed.out.split()
