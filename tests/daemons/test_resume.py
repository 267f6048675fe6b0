"""`apply --resume`: mended hosts come in, and those that have it are left in peace."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Lab

SSHD = "/etc/lab/service sshd"
DRIVER = str(Path(__file__).with_name("killed_apply.py"))
KILLED = {-9, 137}  # as a process of ours, and as a shell tells it


@pytest.fixture
def broken(lab: Lab) -> Iterator[Lab]:
    lab.lab("break", "de.", "--as", "zm-2015")
    yield lab
    for name in lab.hosts():
        lab.on_host(name, f"{SSHD} start")
    for nta in lab.ok("status", "--offline", "--json").json["ntas"]:
        if nta["state"] != "ended":
            lab.ok("revert", nta["id"], "--yes")


def on(lab: Lab) -> set[str]:
    return {name for name, zones in lab.all_ntas().items() if zones == ["de."]}


def sent_to(path: Path) -> set[str]:
    events = [json.loads(line) for line in path.read_text().splitlines()]
    return {event["host"] for event in events if event["kind"] == "host-sent"}


@pytest.mark.parametrize("when", ["before the plan", "after the plan"])
def test_a_mended_host_comes_in_and_no_other_is_touched(
    broken: Lab, tmp_path: Path, when: str
) -> None:
    plan = tmp_path / "p.json"
    if when == "before the plan":
        broken.on_host("bind2", f"{SSHD} stop")
    broken.approved(plan)
    broken.on_host("bind2", f"{SSHD} stop")
    told = broken.ok("apply", str(plan), code=7)
    assert "ntactl apply PLAN --resume" in told.out
    again = broken.ok("apply", str(plan), code=4)
    assert "rule 'plan-finished'" in again.err
    assert "ntactl apply PLAN --resume" in again.err
    still = broken.ok("apply", str(plan), "--resume", "--json", code=7)
    assert {h["host"]: h["rule"] for h in still.json["hosts"]}["bind2"] == "unreachable"
    broken.on_host("bind2", f"{SSHD} start")
    done = broken.ok("apply", str(plan), "--resume", "--events", str(tmp_path / "events"))
    assert "all on" in done.out
    assert sent_to(tmp_path / "events") == {"bind2"}
    assert on(broken) == set(broken.hosts())
    nothing = broken.ok("apply", str(plan), "--resume", "--events", str(tmp_path / "none"))
    assert "every host has it" in nothing.err
    assert sent_to(tmp_path / "none") == set()


def test_what_cannot_be_resumed_is_refused_by_name(broken: Lab, tmp_path: Path) -> None:
    plan, before = tmp_path / "p.json", broken.files()
    made = broken.approved(plan)
    assert "rule 'not-started'" in broken.ok("apply", str(plan), "--resume", code=4).err
    broken.ok("apply", str(plan))
    nobody = tmp_path / "nobody"
    nobody.write_text("")
    revoked = ("--resume", "--allowed-signers", str(nobody))
    assert "rule 'unapproved'" in broken.ok("apply", str(plan), *revoked, code=4).err
    broken.ok("revert", made["ntas"][0]["id"], "--yes")
    assert "rule 'plan-finished'" in broken.ok("apply", str(plan), "--resume", code=4).err
    assert broken.files() == before


@pytest.mark.soak
@pytest.mark.parametrize("step", [3, 5, 7, 9])
def test_killed_anywhere_it_goes_on_and_brings_in_who_was_left_out(
    broken: Lab, tmp_path: Path, step: int
) -> None:
    plan = tmp_path / "p.json"
    broken.on_host("bind2", f"{SSHD} stop")
    broken.approved(plan)
    died = broken.inside(sys.executable, DRIVER, str(step), str(plan))
    assert died.code in KILLED, died
    broken.on_host("bind2", f"{SSHD} start")
    died = broken.inside(sys.executable, DRIVER, "2", str(plan), "--resume")
    assert died.code in KILLED, died
    assert "all on" in broken.ok("apply", str(plan), "--resume").out
    assert on(broken) == set(broken.hosts())
