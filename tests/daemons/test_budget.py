"""What a rollout does when hosts fail in the middle of it, as its playbook and its plan say."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness import Lab

SSHD = "/etc/lab/service sshd"
# unbound-control lies by the way: with the NTA it switches validation off altogether.
LYING = """#!/bin/sh
/var/tmp/real "$@" || exit
case " $* " in
*" insecure_add "*) /var/tmp/real set_option val-permissive-mode: yes ;;
*" flush_zone "*) /var/tmp/real flush_zone . ;;
esac
"""
LIE = f"""
cp /usr/sbin/unbound-control /var/tmp/real && echo '{LYING}' >/var/tmp/lying &&
chmod 755 /var/tmp/lying && mount --bind /var/tmp/lying /usr/sbin/unbound-control
"""
TRUTH = (
    "umount /usr/sbin/unbound-control; rm /var/tmp/lying /var/tmp/real;"
    " unbound-control set_option val-permissive-mode: no; unbound-control flush_zone ."
)


@pytest.fixture
def broken(lab: Lab) -> Lab:
    lab.lab("break", "de.", "--as", "zm-2015")
    return lab


def planned(lab: Lab, folder: Path, budget: dict[str, Any]) -> tuple[Path, dict[str, Any]]:
    """An approved plan under that budget."""
    content = yaml.safe_load((lab.folder / "playbook.yaml").read_text())
    book, path = folder / "book.yaml", folder / "p.json"
    book.write_text(yaml.safe_dump({**content, "budget": budget}))
    return path, lab.approved(path, "--playbook", str(book))


@contextmanager
def unreachable(lab: Lab, *names: str) -> Iterator[None]:
    """Their sshd is down, after they were planned for."""
    for name in names:
        assert lab.on_host(name, f"{SSHD} stop").code == 0
    try:
        yield
    finally:
        for name in names:
            lab.on_host(name, f"{SSHD} start")


def on(lab: Lab) -> set[str]:
    return {name for name, zones in lab.all_ntas().items() if zones == ["de."]}


def test_one_host_over_the_budget_takes_everything_back(broken: Lab, tmp_path: Path) -> None:
    before = broken.files()
    path, made = planned(broken, tmp_path, {"failed_hosts": 0})
    assert made["waves"] == [["unbound1", "bind1"], ["unbound2", "bind2"]]
    with unreachable(broken, "unbound2"):
        done = broken.ok("apply", str(path), code=5)
    assert "the failure budget of 0 is spent: unbound2 (unreachable)" in done.out
    assert on(broken) == set()
    assert broken.files() == before


def test_hold_leaves_what_is_on_to_a_person(broken: Lab, tmp_path: Path) -> None:
    path, made = planned(broken, tmp_path, {"failed_hosts": 0, "on_breach": "hold"})
    with unreachable(broken, "unbound2"):
        done = broken.ok("apply", str(path), code=6)
    assert "the failure budget of 0 is spent: unbound2 (unreachable)" in done.out
    assert on(broken) == {"unbound1", "bind1", "bind2"}
    broken.ok("revert", made["ntas"][0]["id"], "--yes")


def test_hold_holds_among_the_canaries_too(broken: Lab, tmp_path: Path) -> None:
    """One was not reached: nothing speaks against the NTA, so what is on stays, and no more."""
    path, made = planned(broken, tmp_path, {"failed_hosts": 0, "on_breach": "hold"})
    with unreachable(broken, "unbound1"):
        broken.ok("apply", str(path), code=6)
    assert on(broken) == {"bind1"}
    broken.ok("revert", made["ntas"][0]["id"], "--yes")


def test_unreachable_hosts_need_not_count(broken: Lab, tmp_path: Path) -> None:
    path, made = planned(broken, tmp_path, {"failed_hosts": 0, "count_unreachable": False})
    shown = " ".join(broken.ok("show", str(path)).out.split())
    assert "At most 0 hosts may fail over all waves together" in shown
    assert "not when it is unreachable" in shown
    with unreachable(broken, "unbound1", "bind2"):
        done = broken.ok("apply", str(path), "--json", code=7)
    rules = {host["host"]: host["rule"] for host in done.json["hosts"]}
    assert rules == {"unbound1": "unreachable", "bind2": "unreachable", "unbound2": "", "bind1": ""}
    assert on(broken) == {"unbound2", "bind1"}
    broken.ok("revert", made["ntas"][0]["id"], "--yes")


def test_but_others_do(broken: Lab, tmp_path: Path) -> None:
    """A drifted one is not an unreachable one."""
    path, _ = planned(broken, tmp_path, {"failed_hosts": 0, "count_unreachable": False})
    assert broken.on_host("bind2", "rndc nta -lifetime 600 fj").code == 0
    with unreachable(broken, "unbound2"):
        done = broken.ok("apply", str(path), code=5)
    assert broken.on_host("bind2", "rndc nta -remove fj").code == 0
    assert "bind2 (drifted)" in done.out
    assert on(broken) == set()


@pytest.mark.parametrize("on_breach", ["hold", "take_back"])
def test_a_canary_that_does_not_verify_takes_everything_back(
    broken: Lab, tmp_path: Path, on_breach: str
) -> None:
    before = broken.files()
    path, _ = planned(broken, tmp_path, {"failed_hosts": 4, "on_breach": on_breach})
    shown = " ".join(broken.ok("show", str(path)).out.split())
    assert "A canary that fails or does not verify takes every host back." in shown
    assert broken.on_host("unbound1", LIE).code == 0
    done = broken.ok("apply", str(path), code=5)
    assert broken.on_host("unbound1", TRUTH).code == 0
    assert "the canary does not verify: unbound1: " in done.out
    assert "wave: " not in done.err
    assert on(broken) == set()
    assert broken.files() == before


def test_who_finds_newer_orders_on_a_host_touches_nothing_more(broken: Lab, tmp_path: Path) -> None:
    """Another ntactl went on while this one slept: whatever the budget, it has to be asked."""
    path, made = planned(broken, tmp_path, {"failed_hosts": 4})
    newer = "echo $(($(date +%s) * 1000 + 50000)) >/var/lib/ntactl/generation"
    assert broken.on_host("bind1", f"mkdir -p -m 700 /var/lib/ntactl && {newer}").code == 0
    try:
        done = broken.ok("apply", str(path), code=6)
    finally:
        broken.on_host("bind1", "rm /var/lib/ntactl/generation")
    assert "bind1: refused [stale-generation]" in done.err
    assert "newer orders, from another ntactl: this run touches nothing more" in done.out
    assert "wave: " not in done.err
    assert "taking back" not in done.err
    assert on(broken) == {"unbound1"}
    broken.ok("revert", made["ntas"][0]["id"], "--yes")


def test_no_more_of_a_site_goes_at_once_than_its_share(broken: Lab, tmp_path: Path) -> None:
    """Two engines on one site of four, of which one host may go at a time."""
    content = yaml.safe_load((broken.folder / "inventory.yaml").read_text())
    content["hosts"] = [{**host, "site": "here"} for host in content["hosts"]]
    book = yaml.safe_load((broken.folder / "playbook.yaml").read_text()) | {"site_share": "25%"}
    for name, what in (("fleet", content), ("book", book)):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(what))
    path = tmp_path / "p.json"
    how = ("--playbook", str(tmp_path / "book.yaml"), "-i", str(tmp_path / "fleet.yaml"))
    made = broken.approved(path, *how)
    assert made["waves"] == [["unbound1"], ["bind1"], ["unbound2"], ["bind2"]]
    shown = broken.ok("show", str(path)).out
    assert "  2. canary: bind1\n  3. unbound2\n" in shown
    assert "No wave takes more than 25% of one site's hosts, or one host." in shown
    done = broken.ok("apply", str(path))
    waves = [line for line in done.err.splitlines() if line.startswith(("canary: ", "wave: "))]
    assert waves == ["canary: unbound1", "canary: bind1", "wave: unbound2", "wave: bind2"]
    broken.ok("revert", made["ntas"][0]["id"], "--yes")
