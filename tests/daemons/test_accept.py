"""One refusal accepted by name, on real hosts: recorded with who accepted it, and nothing more."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Lab, unchanged

SSHD = "/etc/lab/service sshd"


@pytest.fixture
def broken(lab: Lab) -> Iterator[Lab]:
    lab.lab("break", "de.", "--as", "zm-2015")
    with unchanged(lab):
        yield lab


def strict(lab: Lab, folder: Path) -> tuple[str, str]:
    policy = (lab.folder / "playbook.yaml").read_text()
    path = folder / "strict.yaml"
    path.write_text(re.sub(r"failed_hosts: \d+", "failed_hosts: 0", policy))
    return "--playbook", str(path)


def on(lab: Lab) -> set[str]:
    return {name for name, zones in lab.all_ntas().items() if zones}


def test_hosts_left_alone_before_the_start(broken: Lab, tmp_path: Path) -> None:
    plan = tmp_path / "p.json"
    broken.on_host("bind2", f"{SSHD} stop")
    try:
        made = broken.approved(plan, *strict(broken, tmp_path))
        refused = broken.ok("apply", str(plan), code=4)
        assert "--accept budget" in refused.err
        assert on(broken) == set()
        by = ("--accept", "budget", "--by", "ann@example.net")
        done = broken.ok("apply", str(plan), *by, code=7)
    finally:
        broken.on_host("bind2", f"{SSHD} start")
    assert on(broken) == {"unbound1", "unbound2", "bind1"}
    assert "accepted by ann@example.net: refused by rule 'budget'" in done.err
    assert "ann@example.net accepted: " in done.out
    status = broken.ok("status")
    assert "ann@example.net accepted: " in status.out
    (nta,) = [n for n in broken.ok("status", "--json").json["ntas"] if n["state"] != "ended"]
    shown = broken.ok("show", str(plan))
    assert "\nAccepted\n  ann@example.net accepted: refused by rule 'budget'" in shown.out
    (accepted,) = nta["accepted"]
    assert (accepted["rule"], accepted["by"]) == ("budget", "ann@example.net")
    broken.ok("revert", made["ntas"][0]["id"], "--yes")


def test_the_budget_itself_still_holds(broken: Lab, tmp_path: Path) -> None:
    """What fails on the way is not what was accepted."""
    plan = tmp_path / "p.json"
    broken.on_host("bind2", f"{SSHD} stop")
    broken.approved(plan, *strict(broken, tmp_path))
    broken.on_host("unbound2", f"{SSHD} stop")
    try:
        done = broken.ok("apply", str(plan), "--accept", "budget", code=5)
    finally:
        broken.on_host("bind2", f"{SSHD} start")
        broken.on_host("unbound2", f"{SSHD} start")
    assert "the failure budget of 0 is spent: unbound2" in done.out
    assert on(broken) == set()


NEVER = (
    ("unapproved", 4, "a human says yes to every NTA"),
    ("plan-digest", 4, "what was reviewed is what happens"),
    ("drifted", 4, "writes over nothing that it did not write"),
    ("guard-scheduler", 4, "no NTA"),
    ("plan-expired", 4, "may have moved on"),
    ("root-zone", 4, "everywhere"),
    ("everything", 2, "can be accepted: verdict"),
)


def test_what_nobody_can_accept(broken: Lab, tmp_path: Path) -> None:
    plan = tmp_path / "p.json"
    broken.approved(plan)
    mitigate = ("mitigate", "de.", "--reason", "r")
    for rule, code, words in NEVER:
        done = broken.ok("apply", str(plan), "--accept", "budget", "--accept", rule, code=code)
        assert rule in done.err
        assert words in done.err
        assert words in broken.ok(*mitigate, "--accept", rule, code=code).err


def test_an_acceptance_of_nothing_is_said_and_not_recorded(broken: Lab, tmp_path: Path) -> None:
    made = broken.approved(tmp_path / "p.json")
    done = broken.ok("apply", str(tmp_path / "p.json"), "--accept", "verdict", "--json")
    assert "--accept verdict: nothing to accept" in done.err
    assert done.json["accepted"] == []
    broken.ok("revert", made["ntas"][0]["id"], "--yes")


def test_a_verdict_of_a_bogus_zone_and_of_no_other(lab: Lab) -> None:
    """Signatures of the future may be this machine's clock: the check says escalate."""
    lab.lab("break", "de.", "--as", "not-yet-valid")
    how = ("de.", "--reason", "the registry says on the phone that it is a mistake")
    with unchanged(lab):
        refused = lab.ok("mitigate", *how, code=4)
        assert "--accept verdict" in refused.err
    done = lab.ok("mitigate", *how, "--accept", "verdict", "--by", "ann", "--json")
    assert [(a["rule"], a["by"]) for a in done.json["accepted"]] == [("verdict", "ann")]
    assert on(lab) == set(lab.hosts())
    lab.ok("revert", "de.", "--yes")
    lab.lab("heal", "de.")
    with unchanged(lab):
        refused = lab.ok("mitigate", *how, "--accept", "verdict", code=4)
        assert "nobody can accept this" in refused.err
