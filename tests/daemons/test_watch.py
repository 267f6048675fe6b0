"""The way back by itself: hold-down, canaries, what is lost, what breaks again (acceptance 5)."""

import json
import time
from pathlib import Path

import pytest
from harness import Lab, wait_until

SIGNED, UNSIGNED = "www.denic.de.", "www.amazon.de."


def test_watch_waits_for_the_hold_down_and_restores_every_byte(broken: Lab, tmp_path: Path) -> None:
    before = broken.files()
    broken.approved(tmp_path / "p.json")
    broken.ok("apply", str(tmp_path / "p.json"))
    assert broken.relieved("cached")
    broken.lab("heal", "de.")
    healed = time.monotonic()
    assert broken.relieved("cached-2")  # the NTA stands: what is cached now has no AD
    while time.monotonic() - healed < 16:
        broken.watch()
        assert all(zones == ["de."] for zones in broken.all_ntas().values())
    wait_until(broken.gone, 60, "the revert", every=1)
    assert time.monotonic() - healed > 20
    assert broken.files() == before
    assert all(zones == [] for zones in broken.all_ntas().values())
    assert broken.validated("de.", SIGNED)  # cached while the NTA stood, AD again
    assert broken.ok("status", "--json").json["ntas"][0]["ended_why"] == "recovered"


@pytest.mark.soak
def test_insecure_by_proof_is_recovered_too(fresh_lab: Lab, tmp_path: Path) -> None:
    fresh_lab.lab("break", "de.", "--as", "al-2026")
    fresh_lab.approved(tmp_path / "p.json")
    fresh_lab.ok("apply", str(tmp_path / "p.json"))
    fresh_lab.lab("break", "de.", "--as", "al-2026", "--phase", "2")
    assert "not clean" in fresh_lab.watch()[0]["said"]
    fresh_lab.lab("break", "de.", "--as", "al-2026", "--phase", "3")
    wait_until(fresh_lab.gone, 90, "the revert", every=1)
    seen = fresh_lab.views("de.", UNSIGNED)
    assert set(seen.values()) == {("NOERROR", False)}


def test_a_lost_nta_comes_back_within_a_cycle(broken: Lab, tmp_path: Path) -> None:
    broken.approved(tmp_path / "p.json")
    broken.ok("apply", str(tmp_path / "p.json"))
    assert broken.ssh("bind1", "rndc nta -remove de").code == 0
    assert broken.ssh("unbound1", "unbound-control insecure_remove de.").code == 0
    status = broken.ok("status", "--json").json["ntas"][0]
    drifted = {host["host"] for host in status["hosts"] if host["drift"]}
    assert drifted == {"bind1", "unbound1"}
    assert "putting it on" in broken.watch()[0]["said"]
    assert all(zones == ["de."] for zones in broken.all_ntas().values())
    assert broken.relieved("again")


@pytest.mark.soak
def test_a_hold_keeps_it_and_release_lets_go(broken: Lab, tmp_path: Path) -> None:
    broken.approved(tmp_path / "p.json")
    broken.ok("apply", str(tmp_path / "p.json"))
    assert broken.ntactl("hold", "de.", "--until", "9h", "--reason", "r").code == 4
    broken.ok("hold", "de.", "--until", "2h", "--reason", "the registry asked")
    broken.lab("heal", "de.")
    since = time.monotonic()
    while time.monotonic() - since < 28:
        assert "held until" in broken.watch()[0]["said"]
        time.sleep(1)
    broken.ok("hold", "de.", "--release")
    wait_until(broken.gone, 60, "the revert", every=1)


@pytest.mark.soak
def test_a_zone_that_breaks_while_canaries_bake_gets_its_nta_back(
    broken: Lab, tmp_path: Path
) -> None:
    broken.approved(tmp_path / "p.json")
    broken.ok("apply", str(tmp_path / "p.json"))
    broken.lab("heal", "de.")
    wait_until(lambda: "reverting a canary" in broken.watch()[0]["said"], 60, "a canary", every=1)
    broken.lab("break", "de.", "--as", "zm-2015")
    assert "returns" in broken.watch()[0]["said"]
    assert all(zones == ["de."] for zones in broken.all_ntas().values())


def applied(lab: Lab, path: Path) -> str:
    """A plan carried out on every host; gives the NTA's id."""
    made = lab.approved(path)
    lab.ok("apply", str(path))
    nta: str = made["ntas"][0]["id"]
    return nta


@pytest.mark.soak
def test_a_hold_stops_a_bake(broken: Lab, tmp_path: Path) -> None:
    applied(broken, tmp_path / "p.json")
    broken.lab("heal", "de.")
    wait_until(lambda: "reverting a canary" in broken.watch()[0]["said"], 60, "a canary", every=1)
    broken.ok("hold", "de.", "--until", "2h", "--reason", "the canary looks odd")
    since = time.monotonic()
    while time.monotonic() - since < 8:
        assert "held until" in broken.watch()[0]["said"]
    assert sorted(broken.all_ntas().values()) == [[], [], ["de."], ["de."]]
    broken.ok("hold", "de.", "--release")
    wait_until(broken.gone, 60, "the revert", every=1)
    refused = broken.ok(
        "hold",
        broken.ok("status", "--json").json["ntas"][0]["id"],
        "--until",
        "1h",
        "--reason",
        "late",
        code=4,
    )
    assert "rule 'nta-ended'" in refused.err


@pytest.mark.soak
def test_a_host_that_does_not_validate_without_it_gets_it_back(broken: Lab, tmp_path: Path) -> None:
    """unbound2 goes after the canaries; it takes the control for insecure, so it never has AD."""
    applied(broken, tmp_path / "p.json")
    broken.lab("heal", "de.")
    wait_until(lambda: "reverting a canary" in broken.watch()[0]["said"], 60, "a canary", every=1)
    assert broken.ssh("unbound2", "unbound-control insecure_add org.").code == 0
    assert broken.ssh("unbound2", "unbound-control flush_zone org.").code == 0
    wait_until(lambda: "returns there" in broken.watch()[0]["said"], 60, "the stop", every=1)
    assert broken.ntas("unbound2") == ["de.", "org."]
    assert broken.ntas("unbound1") == broken.ntas("bind1") == []


def test_a_dead_canary_does_not_block_the_way_back(broken: Lab, tmp_path: Path) -> None:
    nta = applied(broken, tmp_path / "p.json")
    broken.lab("host", "unbound1", "stop")
    done = broken.ok("revert", nta, "--yes", code=6)
    assert "unbound1" in done.out
    assert {n: broken.ntas(n) for n in ("unbound2", "bind1", "bind2")} == {
        "unbound2": [],
        "bind1": [],
        "bind2": [],
    }
    broken.lab("host", "unbound1", "start")
    broken.ok("revert", nta, "--yes")
    assert broken.ntas("unbound1") == []
    again = broken.ok("revert", nta, "--yes")
    assert "has ended already" in again.out


@pytest.mark.soak
def test_the_watcher_leaves_a_dead_host_for_last(broken: Lab, tmp_path: Path) -> None:
    applied(broken, tmp_path / "p.json")
    broken.lab("heal", "de.")
    broken.lab("host", "bind1", "stop")
    wait_until(
        lambda: "reverting a canary" in (said := broken.watch()[0]["said"]) and "bind2" in said,
        90,
        "canaries that answer",
        every=1,
    )
    wait_until(lambda: "not confirmed yet by bind1" in broken.watch()[0]["said"], 60, "the rest")
    broken.lab("host", "bind1", "start")
    wait_until(broken.gone, 60, "the last host")


@pytest.mark.soak
def test_a_revert_that_stopped_at_its_canary_waits_for_a_person(
    broken: Lab, tmp_path: Path
) -> None:
    nta = applied(broken, tmp_path / "p.json")
    assert broken.ssh("unbound1", "unbound-control insecure_add org.").code == 0
    assert broken.ssh("unbound1", "unbound-control flush_zone org.").code == 0
    done = broken.ok("revert", nta, "--yes", code=6)
    assert "[unverified]" in done.out
    assert broken.ntas("unbound2") == broken.ntas("bind2") == ["de."]
    assert "not clean" in broken.watch()[0]["said"]
    assert broken.ntas("unbound2") == broken.ntas("bind2") == ["de."]
    assert broken.ssh("unbound1", "unbound-control insecure_remove org.").code == 0
    broken.ok("revert", nta, "--yes")
    assert broken.ntas("unbound2") == broken.ntas("bind2") == []


def test_a_cycle_that_cannot_look_is_no_success(broken: Lab, tmp_path: Path) -> None:
    applied(broken, tmp_path / "p.json")
    done = broken.ok("watch", "--once", "--json", "--root-hints", "/nowhere", code=1)
    assert done.json["ntas"][0]["failed"]
    assert "/nowhere" in done.json["ntas"][0]["said"]
    assert broken.ntactl("watch", "--every", "5m").code == 2


@pytest.mark.soak
def test_a_zone_that_breaks_again_gets_a_plan_and_no_nta(broken: Lab, tmp_path: Path) -> None:
    broken.approved(tmp_path / "p.json")
    broken.ok("apply", str(tmp_path / "p.json"))
    broken.lab("heal", "de.")
    wait_until(broken.gone, 90, "the revert", every=1)
    broken.lab("break", "de.", "--as", "zm-2015")
    said = broken.watch()[0]["said"]
    assert "waits for a person" in said
    assert all(zones == [] for zones in broken.all_ntas().values())
    prepared = next((broken.folder / "state/plans").glob("*.json"))
    assert json.loads(prepared.read_text())["approvals"] == []
    assert broken.watch() == []  # said once


def test_a_pager_hears_of_everything(broken: Lab, tmp_path: Path) -> None:
    """Each event is one JSON object on the command's stdin, from the approval to the next break."""
    heard = tmp_path / "heard"
    pager = tmp_path / "pager"
    pager.write_text(f"#!/bin/sh\ncat >> {heard}\n")
    pager.chmod(0o755)
    policy = (broken.folder / "playbook.yaml").read_text()
    policy = policy.replace("hold_down: 20s", "hold_down: 3s").replace("bake: 5s", "bake: 1s")
    book = tmp_path / "book.yaml"
    book.write_text(f"{policy}\nnotify:\n  command: [{pager}]\n")
    broken.lab("host", "unbound2", "stop")
    broken.approved(tmp_path / "p.json", "--playbook", str(book), "--for", "21m")
    broken.ok("apply", str(tmp_path / "p.json"), code=7)
    broken.watch()
    broken.ok("renew", "de.", "--for", "4m", "--yes")
    broken.watch()
    broken.lab("host", "unbound2", "start")
    assert "putting it on unbound2" in broken.watch()[0]["said"]
    broken.lab("heal", "de.")
    wait_until(broken.gone, 90, "the revert", every=1)
    broken.lab("break", "de.", "--as", "zm-2015")
    broken.watch()
    events = [json.loads(line) for line in heard.read_text().splitlines()]
    assert {event["schema"] for event in events} == {"ntactl/event/1"}
    assert {event["zone"] for event in events} == {"de."}
    kinds = [event["kind"] for event in events]
    assert kinds[:3] == ["approved", "applied", "host-lost"]
    assert {"renewed", "reasserted", "ends-soon", "reverted", "broke-again"} <= set(kinds)
    soon = next(event for event in events if event["kind"] == "ends-soon")
    assert (soon["minutes"], soon["renew"].split()[:2]) == (5, ["ntactl", "renew"])
