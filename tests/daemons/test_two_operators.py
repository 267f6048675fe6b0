"""Two operators at once: one goes on, the other is refused by name, and nothing is half done.

A plan that is applied twice: test_plan_file, finished. One who wakes up when others have gone on
from a copy of his journal: test_budget, who_finds_newer_orders_on_a_host_touches_nothing_more.
"""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hands import Hands, nta
from harness import NTACTL, Lab, heard

IMPATIENT = (sys.executable, str(Path(__file__).with_name("impatient.py")))
MITIGATE = ("mitigate", "de.", "--reason", "a test", "--yes")


def second(lab: Lab, ntactl: tuple[str, ...], plan: Path, *more: str) -> subprocess.Popen[str]:
    """Somebody else begins to apply a plan."""
    return subprocess.Popen(
        [*NTACTL, "lab", "exec", "--", *ntactl, "apply", str(plan), *more],
        env=lab.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    said, _ = process.communicate(timeout=120)
    return process.returncode, said


@pytest.mark.parametrize("paused", [False, True])
def test_one_goes_on_and_the_others_are_refused(
    small_broken: Lab, tmp_path: Path, paused: bool
) -> None:
    """One has the same plan, one his own and a state of his own; the first may sleep meanwhile."""
    path, own_state = tmp_path / "p.json", ("--state", str(tmp_path / "state"))
    small_broken.approved(path)
    first = small_broken.started(*MITIGATE)
    heard(first, "canary: ", times=2)  # in the plan, and as it begins
    if paused:
        os.killpg(first.pid, signal.SIGSTOP)
    plans = (small_broken.folder / "state/plans").glob("*.json")
    same_plan = max(plans, key=lambda plan: plan.stat().st_mtime)
    same = second(small_broken, IMPATIENT if paused else NTACTL, same_plan)
    other = ended(second(small_broken, NTACTL, path, *own_state))
    if paused:
        refused = ended(same)
        os.killpg(first.pid, signal.SIGCONT)
    won, lost = sorted([ended(first), other])
    if not paused:
        refused = ended(same)
    assert (won[0], "all on" in won[1]) == (0, True), won
    assert lost[0] in {4, 5}, lost  # 5: it had touched one, and gave way
    assert re.search(r"refused \[(already-held|stale-generation)\]", lost[1]), lost
    rule = "locked" if paused else "plan-finished"
    assert (refused[0], f"refused by rule '{rule}'" in refused[1]) == (4, True), refused
    hosts = [Hands(small_broken, name) for name in small_broken.hosts()]
    live = [{held.id for held in host.read().held if held.state != "ended"} for host in hosts]
    assert len(live[0]) == 1
    assert live[0] == live[1]
    small_broken.ok("revert", "de.", "--yes", *(own_state if won is other else ()))


def test_who_was_not_first_gives_way(small_broken: Lab, tmp_path: Path) -> None:
    """Another one got the first canary, and this one the second."""
    host, theirs = Hands(small_broken, "unbound1"), nta(tag="00000002")
    small_broken.approved(tmp_path / "p.json")
    host.apply(theirs)
    done = small_broken.ok("apply", str(tmp_path / "p.json"), code=5)
    assert "another ntactl came first on unbound1: de. is under another NTA of ntactl" in done.out
    assert small_broken.all_ntas() == {"unbound1": ["de."], "bind1": []}
    host.revert(theirs)


def test_a_drifted_host_is_left_alone(small_broken: Lab, tmp_path: Path) -> None:
    """With no other left nothing is done at all."""
    path = tmp_path / "p.json"
    small_broken.approved(path)
    set_by_hand = {"unbound1": "unbound-control insecure_add fj", "bind1": "rndc nta fj"}
    for name, command in set_by_hand.items():
        assert small_broken.on_host(name, command).code == 0
    refused = small_broken.ok("apply", str(path), "--json", "--state", str(tmp_path / "s"), code=4)
    assert {host["rule"] for host in refused.json["hosts"]} == {"drifted"}
    assert set(map(tuple, small_broken.all_ntas().values())) == {("fj.",)}
    small_broken.on_host("unbound1", "unbound-control insecure_remove fj")
    done = small_broken.ok("apply", str(path), "--json", code=7)
    rules = {host["host"]: (host["state"], host["rule"]) for host in done.json["hosts"]}
    assert rules == {"unbound1": ("applied", ""), "bind1": ("refused", "drifted")}
    assert small_broken.all_ntas() == {"unbound1": ["de."], "bind1": ["fj."]}
    small_broken.on_host("bind1", "rndc nta -remove fj")
    small_broken.ok("revert", "de.", "--yes")
