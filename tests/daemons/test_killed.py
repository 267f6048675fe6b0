"""kill -9 of apply after every single journal step (acceptance 7).

The next run ends in "all on" or "all as before" and says which; status tells the truth in
between; what the hosts say, asked without ntactl, agrees.
"""

import re
import sys
from pathlib import Path

import pytest
from harness import Lab, Run

KILLED = {-9, 137}  # as a process of ours, and as a shell tells it
MOST_STEPS = 40
SHARES = 4  # each takes every fourth step, so that they can run side by side
DRIVER = str(Path(__file__).with_name("killed_apply.py"))


@pytest.fixture(scope="module")
def broken(lab: Lab) -> Lab:
    lab.lab("break", "de.", "--as", "zm-2015")
    return lab


def killed_after(lab: Lab, step: int, plan: Path) -> Run:
    return lab.inside(sys.executable, DRIVER, str(step), str(plan))


def status_tells_the_truth(lab: Lab) -> None:
    """Every host that `status` says holds it lists it, and no other does."""
    for nta in lab.ok("status", "--json").json["ntas"]:
        if nta["state"] == "ended":
            continue
        for host in nta["hosts"]:
            assert (host["now"] == "holds it") == (lab.ntas(host["host"]) == ["de."]), host
    assert lab.ok("status", "--json").json["foreign"] == []


def on(lab: Lab) -> set[str]:
    return {name for name, zones in lab.all_ntas().items() if zones == ["de."]}


@pytest.mark.parametrize(
    "share", [0, *(pytest.param(share, marks=pytest.mark.soak) for share in range(1, SHARES))]
)
def test_all_on_after_a_kill_at_any_step(broken: Lab, tmp_path: Path, share: int) -> None:
    before = broken.files()
    for step in range(1 + share, MOST_STEPS, SHARES):
        plan = tmp_path / f"{step}.json"
        made = broken.approved(plan)
        died = killed_after(broken, step, plan)
        if died.code == 0:
            broken.ok("revert", made["ntas"][0]["id"], "--yes")
            break
        assert died.code in KILLED, (step, died)
        status_tells_the_truth(broken)
        again = broken.ntactl("apply", str(plan))
        finished = again.code == 4 and "plan-finished" in again.err
        assert finished or (again.code == 0 and "all on" in again.out), (step, again)
        assert on(broken) == set(broken.hosts()), step
        status_tells_the_truth(broken)
        broken.ok("revert", made["ntas"][0]["id"], "--yes")
        assert broken.files() == before, step
        assert on(broken) == set(), step
    assert 8 < step < MOST_STEPS - SHARES


@pytest.mark.soak
@pytest.mark.parametrize("share", range(SHARES))
def test_all_as_before_after_a_kill_while_it_is_taken_back(
    broken: Lab, tmp_path: Path, share: int
) -> None:
    """unbound2 cannot be reached and the budget is 0: the second wave takes everything back."""
    policy = (broken.folder / "playbook.yaml").read_text()
    strict = tmp_path / "strict.yaml"
    strict.write_text(re.sub(r"failed_hosts: \d+", "failed_hosts: 0", policy))
    before = broken.files()
    for step in range(1 + share, MOST_STEPS, SHARES):
        plan = tmp_path / f"back-{step}.json"
        broken.approved(plan, "--playbook", str(strict))
        assert broken.ssh("unbound2", "/etc/lab/service sshd stop").code in {0, 255}
        died = killed_after(broken, step, plan)
        again = broken.ntactl("apply", str(plan)) if died.code in KILLED else died
        start_sshd(broken, "unbound2")
        if again.code == 6:  # killed between "sent" and the answer: nobody knows till it is asked
            assert "unbound2" in again.out
            again = broken.ntactl("apply", str(plan))
        finished = again.code == 4 and "plan-finished" in again.err
        assert finished or (again.code == 5 and "all as before" in again.out), (step, again)
        assert broken.files() == before, step
        assert on(broken) == set(), step
        if again is died:
            break
    assert 8 < step < MOST_STEPS - SHARES


def start_sshd(lab: Lab, name: str) -> None:
    """Nobody can log in, so the host's namespaces are entered from outside."""
    lab.on_host(name, "/etc/lab/service sshd start")
