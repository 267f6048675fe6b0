"""Validation off by the command line: two people, a sentence, the watcher, and a wrong anchor."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hands import Hands
from harness import Lab, Run, a_lab, wait_until
from off import (
    ANCHOR,
    BY_OTHERS,
    ENGINES,
    NAMES,
    OFF,
    ON,
    answers,
    is_off,
    restarted,
    with_wrong_anchor,
)


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with a_lab(tmp_path_factory.mktemp("off"), ",".join(f"{e}=1" for e in ENGINES)) as lab:
        yield lab


def off_plan(lab: Lab, path: Path) -> None:
    """With a hold-down and a bake that a test can wait for."""
    policy = (lab.folder / "playbook.yaml").read_text()
    policy = policy.replace("hold_down: 20s", "hold_down: 3s").replace("bake: 5s", "bake: 1s")
    path.with_suffix(".yaml").write_text(policy)
    book = ("--playbook", str(path.with_suffix(".yaml")))
    lab.ok("plan", ".", "--mode", "override", "--reason", "a test", "--out", str(path), *book)


def refused(lab: Lab, *argv: str) -> str:
    """The rule by which the command line refuses it."""
    done: Run = lab.ok(*argv, code=4)
    return done.err.rpartition("rule '")[2].partition("'")[0]


def test_two_people_and_a_sentence(four: Lab, tmp_path: Path) -> None:
    """From the plan to the watcher, which takes it out as the root is sound all the while."""
    path, before = tmp_path / "off.json", four.files()
    assert refused(four, "plan", ".", "--reason", "x") == "root-zone"
    assert refused(four, "plan", ".", "--mode", "override", "--reason", "x", "--for", "3h") == (
        "lifetime"
    )
    off_plan(four, path)
    sentence = ("--confirm", "validation off on 4 hosts")
    apply = ("apply", str(path), "--yes")
    assert refused(four, *apply, *sentence) == "verdict"
    four.ok("approve", str(path), "--by", "first")
    accepting = (*apply, "--accept", "verdict")
    assert refused(four, *accepting, *sentence) == "unapproved"
    four.ok("approve", str(path), "--by", "second")
    assert refused(four, *accepting) == "override-unconfirmed"
    assert (
        refused(four, *accepting, "--confirm", "validation off on 3 hosts")
        == "override-unconfirmed"
    )
    assert four.files() == before
    four.ok(*accepting, *sentence)
    assert {(n, rcode) for (_, n), (rcode, _) in four.views(*NAMES).items()} == OFF
    assert "VALIDATION IS OFF" in four.ok("status").out
    id_ = json.loads(path.read_text())["ntas"][0]["id"]
    assert id_.startswith("root-")
    assert four.ok("audit", "--json").json["findings"] == []
    assert refused(four, "renew", ".", "--for", "1h", "--yes") == "unapproved"
    Hands(four, "bind1").sh(BY_OTHERS["bind"][1])
    assert "putting it on bind1" in four.watch()[0]["said"]
    assert is_off(Hands(four, "bind1"))
    wait_until(four.gone, 60, "the watcher", every=1)
    assert four.files() == before
    assert {(n, rcode, ad) for (_, n), (rcode, ad) in four.views(*NAMES).items()} == ON


def test_where_every_anchor_is_wrong_nobody_has_to_know_better(four: Lab, tmp_path: Path) -> None:
    """The root is sound, and no resolver resolves anything; a person takes it out in time."""
    hosts, path = [Hands(four, f"{engine}1") for engine in ENGINES], tmp_path / "off.json"
    for host in hosts:
        with_wrong_anchor(host)
    broken = {(name, "SERVFAIL", False) for name in NAMES}
    assert all(answers(host) == broken for host in hosts)
    off_plan(four, path)
    for person in ("first", "second"):
        four.ok("approve", str(path), "--by", person)
    four.ok("apply", str(path), "--confirm", "validation off on 4 hosts")
    assert all(map(is_off, hosts))
    wait_until(lambda: "its NTA returns" in four.watch()[0]["said"], 30, "a canary to fail")
    assert all(map(is_off, hosts))
    four.ok("revert", ".", "--yes")
    assert all(answers(host) == broken for host in hosts)
    for host in hosts:
        restarted(host, f"mv /var/good {ANCHOR[host.host.engine]}")
    assert all(answers(host) == ON for host in hosts)
