"""Plans that must not be carried out, on real hosts: each a rule, exit 4, and nothing changed."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import NTACTL, Lab, Run, unchanged

Plan = dict[str, Any]


@pytest.fixture
def broken(lab: Lab) -> Iterator[Lab]:
    """de. is broken, and no host differs after the test."""
    lab.lab("break", "de.", "--as", "zm-2015")
    with unchanged(lab):
        yield lab


def refused(lab: Lab, rule: str, *argv: str) -> Run:
    done = lab.ok(*argv, code=4)
    assert f"rule '{rule}'" in done.err, done.err
    assert "Traceback" not in done.err
    return done


def longer(plan: Plan) -> None:
    plan["ntas"][0]["ends_at"] = "2036-01-01T00:00:00Z"


def other_zone(plan: Plan) -> None:
    plan["ntas"][0]["zone"] = "org."


def other_line(plan: Plan) -> None:
    changes = [host["change"] for host in plan["hosts"] if host["change"]["path"]]
    changes[0]["after"] += '    domain-insecure: "com."\n'


def other_verdict(plan: Plan) -> None:
    plan["verdicts"][0]["fraction_bogus"] = 1.0


def lax_policy(plan: Plan) -> None:
    plan["playbook"]["budget"]["failed_hosts"] = 99


def test_edited_by_hand(broken: Lab, tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    broken.approved(path)
    sound = path.read_text()
    for edit in (longer, other_zone, other_line, other_verdict, lax_policy):
        plan = json.loads(sound)
        edit(plan)
        path.write_text(json.dumps(plan))
        refused(broken, "plan-digest", "apply", str(path))
        refused(broken, "plan-digest", "approve", str(path))
        shown = broken.ok("show", str(path))
        assert "digest" in shown.err


def test_unapproved(broken: Lab, tmp_path: Path) -> None:
    broken.plan(tmp_path / "p.json")
    refused(broken, "unapproved", "apply", str(tmp_path / "p.json"))


def test_forged(broken: Lab, tmp_path: Path) -> None:
    """Somebody who may write the plan file is not somebody who may sign."""
    path = tmp_path / "p.json"
    plan = broken.approved(path)
    plan["approvals"][0]["by"] = "the boss"
    path.write_text(json.dumps(plan))
    done = refused(broken, "unapproved", "apply", str(path))
    assert "the approval of the boss does not count" in done.err


def test_signers_of_the_playbook_and_none_at_all(broken: Lab, tmp_path: Path) -> None:
    empty = tmp_path / "nobody"
    empty.write_text("")
    policy = (broken.folder / "playbook.yaml").read_text()
    book = tmp_path / "book.yaml"
    book.write_text(policy + "\napprovals: {allowed_signers: nobody}\n")
    path = tmp_path / "p.json"
    broken.approved(path, "--playbook", str(book))
    env = ("env", "-u", "NTACTL_ALLOWED_SIGNERS")
    done = broken.inside(*env, *NTACTL, "apply", str(path))
    assert (done.code, "does not count" in done.err) == (4, True), done.err
    broken.approved(path)
    done = broken.inside(*env, *NTACTL, "apply", str(path))
    assert done.code == 4
    assert "rule 'allowed-signers'" in done.err
    keyless = ("env", "-u", "NTACTL_KEY", "HOME=/nowhere")
    done = broken.inside(*keyless, *NTACTL, "approve", str(path))
    assert done.code == 2
    assert "--key FILE" in done.err


def test_two_people(broken: Lab, tmp_path: Path) -> None:
    policy = (broken.folder / "playbook.yaml").read_text()
    strict = tmp_path / "two.yaml"
    strict.write_text(policy + "\napprovals: {required: 2, creator_may_approve: false}\n")
    path = tmp_path / "p.json"
    broken.plan(path, "--playbook", str(strict), "--by", "ann")
    broken.ok("approve", str(path), "--by", "bob")
    broken.ok("approve", str(path), "--by", "ann")
    refused(broken, "unapproved", "apply", str(path))


def test_stale(broken: Lab, tmp_path: Path) -> None:
    policy = (broken.folder / "playbook.yaml").read_text()
    quick = tmp_path / "quick.yaml"
    quick.write_text(re.sub(r"plan_expires: \w+", "plan_expires: 1s", policy))
    path = tmp_path / "p.json"
    broken.plan(path, "--playbook", str(quick))
    time.sleep(1)
    refused(broken, "plan-expired", "approve", str(path))
    refused(broken, "plan-expired", "apply", str(path))
    shown = broken.ok("show", str(path))
    assert "warning" in shown.err
    assert "de." in shown.out


def test_finished(broken: Lab, tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    plan = broken.approved(path)
    broken.ok("apply", str(path))
    refused(broken, "plan-finished", "apply", str(path))
    broken.ok("revert", plan["ntas"][0]["id"], "--yes")
    refused(broken, "plan-finished", "apply", str(path))


def test_a_sound_zone(broken: Lab, tmp_path: Path) -> None:
    broken.lab("heal", "de.")
    path = tmp_path / "p.json"
    broken.approved(path)
    refused(broken, "verdict", "apply", str(path))
    refused(broken, "verdict", "mitigate", "de.", "--reason", "r", "--yes")


@pytest.mark.parametrize("scenario", ["de-2010", "bw"])
def test_a_zone_that_an_nta_would_not_help(broken: Lab, tmp_path: Path, scenario: str) -> None:
    broken.lab("break", "de.", "--as", scenario)
    path = tmp_path / "p.json"
    broken.approved(path)
    refused(broken, "verdict", "apply", str(path))
    refused(broken, "verdict", "mitigate", "de.", "--reason", "r", "--yes")


@pytest.mark.parametrize("mode", ["config", "override"])
def test_other_modes_are_shown_and_never_applied(broken: Lab, tmp_path: Path, mode: str) -> None:
    path = tmp_path / "p.json"
    broken.approved(path, "--mode", mode)
    shown = broken.ok("show", str(path)).out
    assert "never applied" in shown
    assert "validate-except" in shown or "val-permissive-mode" in shown
    refused(broken, "preview-mode", "apply", str(path))


def test_without_a_terminal_mitigate_needs_a_lab(broken: Lab, tmp_path: Path) -> None:
    fleet = (broken.folder / "inventory.yaml").read_text().replace("lab: true", "lab: false")
    real = tmp_path / "fleet.yaml"
    real.write_text(fleet)
    done = refused(broken, "unapproved", "mitigate", "de.", "-i", str(real), "--reason", "r", "-y")
    assert "ntactl approve" in done.err


@pytest.mark.parametrize("text", ["{", "[]", '{"id": "x"}'])
def test_a_file_that_is_no_plan(lab: Lab, tmp_path: Path, text: str) -> None:
    path = tmp_path / "p.json"
    path.write_text(text)
    for verb in ("show", "approve", "apply"):
        done = lab.ok(verb, str(path), code=2)
        assert "is no plan" in done.err
        assert "p.json" in done.err


def test_a_state_that_cannot_be_written(broken: Lab, tmp_path: Path) -> None:
    path, blocked = tmp_path / "p.json", tmp_path / "file"
    broken.approved(path)
    blocked.write_text("")
    done = broken.ok("apply", str(path), "--state", str(blocked / "state"), code=1)
    assert str(blocked) in done.err
    assert "Traceback" not in done.err


def test_json_is_one_object_with_its_schema(broken: Lab, tmp_path: Path) -> None:
    path = str(tmp_path / "p.json")
    asked = ["--reason", "r", "--out", path]
    nta = broken.ok("plan", "de.", *asked, "--json").json["ntas"][0]["id"]
    for verb, *more in (
        ("show", path),
        ("approve", path),
        ("apply", path),
        ("status",),
        ("watch", "--once"),
        ("renew", nta, "--for", "1h", "--yes"),
        ("revert", nta, "--yes"),
        ("fleet",),
    ):
        told = broken.ok(verb, *more, "--json").json
        name = "plan" if verb == "show" else verb
        assert told["schema"] == f"ntactl/{name}/1"
    assert broken.ok("check", "de.", "--json", code=10).json["schema"] == "ntactl/check/1"
