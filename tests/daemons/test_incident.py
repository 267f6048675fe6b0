"""Plan, apply, restart and the ways back by hand, on real hosts (acceptance 3 and 4)."""

import time
from pathlib import Path

from harness import Lab, wait_until

SIGNED, UNSIGNED = "www.denic.de.", "www.amazon.de."


def test_a_plan_changes_nothing_and_apply_does_what_it_says(broken: Lab, tmp_path: Path) -> None:
    before, ntas = broken.files(), broken.all_ntas()
    made = broken.approved(tmp_path / "p.json")
    assert broken.files() == before
    assert broken.all_ntas() == ntas
    assert not any((broken.var(name) / "lib/ntactl").exists() for name in broken.hosts())
    broken.ok("apply", str(tmp_path / "p.json"))
    for planned in made["hosts"]:
        change, name = planned["change"], planned["host"]["name"]
        if change["path"]:
            assert (broken.etc(name) / change["path"].removeprefix("/etc/")).read_text() == (
                change["after"]
            )
        assert broken.ntas(name) == ["de."]


def test_it_holds_through_restart_and_reload(broken: Lab, tmp_path: Path) -> None:
    broken.approved(tmp_path / "p.json")
    broken.ok("apply", str(tmp_path / "p.json"))
    assert broken.relieved("one")
    for name in broken.hosts():
        assert broken.ssh(name, "/etc/lab/service resolver restart").code == 0
    wait_until(lambda: broken.relieved("two"), 20, "names after a restart")
    for name in broken.hosts():
        engine = broken.host(name)["engine"]
        reload = "unbound-control reload" if engine == "unbound" else "rndc reload; rndc reconfig"
        assert broken.ssh(name, reload).code == 0
    wait_until(lambda: broken.relieved("three"), 20, "names after a reload")
    assert all(zones == ["de."] for zones in broken.all_ntas().values())


def test_revert_by_hand_and_rollback_restore_every_byte(broken: Lab, tmp_path: Path) -> None:
    before = broken.files()
    for verb in ("revert", "rollback"):
        made = broken.approved(tmp_path / f"{verb}.json")
        broken.ok("apply", str(tmp_path / f"{verb}.json"))
        broken.ok(verb, made["ntas"][0]["id"], "--yes")
        assert broken.files() == before
        assert all(zones == [] for zones in broken.all_ntas().values())


def test_renew_moves_the_end_on_every_host(broken: Lab, tmp_path: Path) -> None:
    made = broken.approved(tmp_path / "p.json", "--for", "30m")
    broken.ok("apply", str(tmp_path / "p.json"))
    broken.ok("renew", "de.", "--for", "2h", "--reason", "still broken", "--yes")
    nta = made["ntas"][0]["id"]
    status = broken.ok("status", "--json").json["ntas"][0]
    assert 7000 < status["seconds_left"] <= 7200
    for name in broken.hosts():
        ends = int((broken.var(name) / f"lib/ntactl/nta/{nta}/ends_at").read_text())
        assert 7000 < ends - time.time() <= 7200
    assert broken.relieved("renewed")


def test_mitigate_in_one_sitting_on_a_lab(broken: Lab) -> None:
    done = broken.ok("mitigate", "de.", "--reason", "a test", "--yes", "--json")
    assert done.json["ending"] == "done"
    assert broken.relieved("mitigated")
