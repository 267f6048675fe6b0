"""Ctrl-C in the middle of an apply: it says where things stand, and goes on or back from there."""

import signal
import time
from pathlib import Path

from harness import Lab, heard


def interrupted(lab: Lab, plan: Path, times: int) -> tuple[int, str]:
    """`ntactl apply PLAN`, with Ctrl-C once the first canary has it."""
    process = lab.started("apply", str(plan))
    said = heard(process, ": applied")
    for _ in range(times):
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
    rest, _ = process.communicate(timeout=60)
    return process.returncode, said + rest


def test_once_stops_after_the_hosts_in_flight(broken: Lab, tmp_path: Path) -> None:
    plan = tmp_path / "p.json"
    broken.approved(plan)
    code, said = interrupted(broken, plan, 1)
    assert code == 130, said
    assert "ntactl revert de-" in said
    on = {name for name, zones in broken.all_ntas().items() if zones}
    assert on
    assert on <= {"unbound1", "bind1"}
    broken.ok("apply", str(plan))
    assert all(zones == ["de."] for zones in broken.all_ntas().values())


def test_twice_stops_at_once_and_can_be_taken_back(broken: Lab, tmp_path: Path) -> None:
    plan, before = tmp_path / "p.json", broken.files()
    made = broken.approved(plan)
    code, said = interrupted(broken, plan, 2)
    assert code == 130, said
    assert f"ntactl revert {made['ntas'][0]['id']}" in said
    assert "Traceback" not in said
    broken.ok("revert", made["ntas"][0]["id"], "--yes")
    assert broken.files() == before
    assert all(zones == [] for zones in broken.all_ntas().values())
