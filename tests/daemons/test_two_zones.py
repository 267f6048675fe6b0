"""Two zones broken at once, two plans, ended in either order: each ends alone (acceptance 8)."""

from pathlib import Path

import pytest
from harness import Lab, wait_until


@pytest.fixture(scope="module")
def both(lab: Lab) -> Lab:
    lab.lab("break", "de.", "--as", "zm-2015")
    lab.lab("break", "fj.", "--as", "fj-2022")
    return lab


def on(lab: Lab, plan: Path, zone: str) -> str:
    made = lab.approved(plan, zone=zone)
    lab.ok("apply", str(plan))
    return str(made["ntas"][0]["id"])


@pytest.mark.parametrize(("first", "second"), [("de.", "fj."), ("fj.", "de.")])
def test_each_ends_alone(both: Lab, tmp_path: Path, first: str, second: str) -> None:
    before = both.files()
    ids = {zone: on(both, tmp_path / f"{zone}json", zone) for zone in ("de.", "fj.")}
    assert all(zones == ["de.", "fj."] for zones in both.all_ntas().values())
    both.ok("revert", ids[first], "--yes")
    assert all(zones == [second] for zones in both.all_ntas().values())
    seen = both.views("de.", "fj.")
    assert {rcode for (_, zone), (rcode, _) in seen.items() if zone == second} == {"NOERROR"}
    assert {rcode for (_, zone), (rcode, _) in seen.items() if zone == first} == {"SERVFAIL"}
    both.ok("revert", ids[second], "--yes")
    assert both.files() == before
    assert all(zones == [] for zones in both.all_ntas().values())


def test_one_plan_may_name_both(both: Lab, tmp_path: Path) -> None:
    before, plan = both.files(), tmp_path / "p.json"
    both.ok("plan", "de.", "fj.", "--reason", "both", "--out", str(plan))
    both.ok("approve", str(plan))
    both.ok("apply", str(plan))
    assert all(zones == ["de.", "fj."] for zones in both.all_ntas().values())
    both.ok("rollback", "de.", "--yes")
    assert all(zones == ["fj."] for zones in both.all_ntas().values())
    both.ok("rollback", "fj.", "--yes")
    assert both.files() == before


def test_a_zone_that_has_an_nta_gets_no_second(both: Lab, tmp_path: Path) -> None:
    nta = on(both, tmp_path / "1.json", "de.")
    both.ok("plan", "de.", "--reason", "again", "--out", str(tmp_path / "2.json"))
    both.ok("approve", str(tmp_path / "2.json"))
    again = both.ok("apply", str(tmp_path / "2.json"), code=4)
    assert "rule" in again.err
    assert all(zones == ["de."] for zones in both.all_ntas().values())
    both.ok("revert", nta, "--yes")


@pytest.mark.soak
def test_watch_ends_the_one_that_healed(both: Lab, tmp_path: Path) -> None:
    for zone in ("de.", "fj."):
        on(both, tmp_path / f"{zone}json", zone)
    both.lab("heal", "fj.")

    def fj_is_out() -> bool:
        both.watch()
        return all("fj." not in zones for zones in both.all_ntas().values())

    wait_until(fj_is_out, 90, "fj. to be reverted", every=1)
    assert all(zones == ["de."] for zones in both.all_ntas().values())
    both.lab("break", "fj.", "--as", "fj-2022")
    both.ok("revert", "de.", "--yes")
