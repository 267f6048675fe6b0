"""Validation off, an NTA for the root: on, through reload and restart, lost and back, out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from by_hand import BY_HAND, kresd
from hands import Hands, generation, now
from harness import Lab, Run, a_lab, enter, run, wait_until

from orchestrator.rollout.answer import parse_receipt
from orchestrator.rollout.transaction import NtaOrder, apply_program, revert_program
from orchestrator.rollout.wrapper import wrapper

ENGINES = ("unbound", "bind", "pdns", "knot")
NAMES = ("org.", "bogus.", "www.bogus.")
OFF = {(name, "NOERROR") for name in NAMES}
ON = {("org.", "NOERROR", True), ("bogus.", "SERVFAIL", False), ("www.bogus.", "SERVFAIL", False)}
# What others do to the same end, and undo.
BY_OTHERS = {
    "unbound": (
        "unbound-control set_option val-permissive-mode: yes",
        "unbound-control set_option val-permissive-mode: no",
    ),
    "bind": ("rndc nta -lifetime 3600 .", "rndc nta -remove ."),
    "pdns": ("rec_control add-nta . by hand", "rec_control clear-nta ."),
    "knot": (
        kresd("(function() trust_anchors.remove('.') end)()"),
        kresd("trust_anchors.add_file('/var/lib/knot-resolver/root.keys', true)"),
    ),
}


def override(seconds: float = 3600) -> NtaOrder:
    return NtaOrder(id="root-4f2a91c0", zone=".", ends_at=now() + timedelta(seconds=seconds))


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with a_lab(tmp_path_factory.mktemp("off"), ",".join(f"{e}=1" for e in ENGINES)) as lab:
        yield lab


@pytest.fixture(params=ENGINES)
def host(four: Lab, request: pytest.FixtureRequest) -> Iterator[Hands]:
    """One host, which a test must leave as it found it."""
    hands = Hands(four, f"{request.param}1")
    before, state = hands.files(), hands.read().state_sha256
    yield hands
    assert hands.files() == before
    reading = hands.read()
    assert (reading.problems, reading.state_sha256) == ((), state)


def answers(host: Hands) -> set[tuple[str, str | None, bool]]:
    seen = host.lab.views(*NAMES).items()
    return {(name, rcode, ad) for (where, name), (rcode, ad) in seen if where == host.name}


def is_off(host: Hands) -> bool:
    return {(name, rcode) for name, rcode, _ in answers(host)} == OFF


def held(host: Hands) -> list[tuple[str, str | None]]:
    return [(running.zone, running.id) for running in host.read().running]


def test_it_holds_through_reload_and_restart_and_leaves_nothing(host: Hands) -> None:
    assert answers(host) == ON
    order = override()
    receipt = host.apply(order)
    assert (receipt.outcome, receipt.running) == ("applied", (".",))
    assert is_off(host)
    host.sh(BY_HAND[host.host.engine].reload)
    wait_until(lambda: held(host) == [(".", order.id)] and is_off(host), 5, "off after a reload")
    host.service("resolver", "restart")
    wait_until(lambda: held(host) == [(".", order.id)] and is_off(host), 5, "off after a restart")
    assert host.renew(override(7000)).outcome == "renewed"
    receipt = host.revert(order)
    assert (receipt.outcome, receipt.rule) == ("reverted", "")
    assert "as it was before, byte for byte" in receipt.message
    assert answers(host) == ON


def test_one_that_others_took_out_is_seen_and_put_back(host: Hands) -> None:
    order = override()
    wanted = host.change(order)
    host.apply(wanted=wanted)
    host.sh(BY_OTHERS[host.host.engine][1])
    assert [zone for zone, mine in held(host) if mine] == []
    assert host.apply(wanted=wanted).running == (".",)
    assert is_off(host)
    assert host.revert(order).outcome == "reverted"
    assert answers(host) == ON


def test_that_of_others_is_left_alone(host: Hands) -> None:
    on, out = BY_OTHERS[host.host.engine]
    host.sh(on)
    assert held(host) == [(".", None)]
    assert host.apply(override()).rule == "foreign-nta"
    host.revert(override())
    assert held(host) == [(".", None)]
    host.sh(out)


def test_least_privilege_carries_it(host: Hands) -> None:
    path = host.lab.var(host.name) / "ntactl-host"
    bound = host.host.model_copy(update={"sudo": "restricted"})
    path.write_text(wrapper([bound]))
    order = override()
    programs = {
        "apply": apply_program(bound, host.change(order), generation()),
        "revert": revert_program(bound, [order], generation() + 1),
    }
    for action, program in programs.items():
        orders = f"now {int(now().timestamp())}\n{program}"
        done = run([*enter(host.pid), "sh", "/var/ntactl-host", orders], host.lab.env)
        receipt = parse_receipt(bound, action, done.out, now())
        assert receipt is not None, done.err
        assert receipt.running == ((".",) if action == "apply" else ())
    path.unlink()


def test_guards_lift_it_at_the_end_with_nobody_there(four: Lab) -> None:
    hosts = [Hands(four, f"{engine}1") for engine in ENGINES]
    before = [host.files() for host in hosts]
    for host in hosts:
        assert host.apply(override(25)).outcome == "applied"
    assert all(map(is_off, hosts))
    wait_until(lambda: not any(map(held, hosts)), 90, "the guards")
    wait_until(lambda: [host.files() for host in hosts] == before, 10, "nothing to be left")
    assert all(answers(host) == ON for host in hosts)


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
    assert refused(four, *accepting) == "unconfirmed"
    assert refused(four, *accepting, "--confirm", "validation off on 3 hosts") == "unconfirmed"
    assert four.files() == before
    four.ok(*accepting, *sentence)
    assert {(n, rcode) for (_, n), (rcode, _) in four.views(*NAMES).items()} == OFF
    assert "VALIDATION IS OFF" in four.ok("status").out
    id_ = json.loads(path.read_text())["ntas"][0]["id"]
    assert id_.startswith("root-")
    assert four.ok("audit", "--json").json["findings"] == []
    assert refused(four, "renew", ".", "--for", "1h", "--yes") == "unapproved"
    wait_until(four.gone, 60, "the watcher", every=1)
    assert four.files() == before
    assert {(n, rcode, ad) for (_, n), (rcode, ad) in four.views(*NAMES).items()} == ON
