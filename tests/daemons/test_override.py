"""Validation off, an NTA for the root: on, through reload and restart, lost and back, out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from by_hand import BY_HAND
from hands import Hands, generation, left_as_found, now
from harness import Lab, a_lab, enter, run, wait_until
from off import BY_OTHERS, ENGINES, FORGETS, ON, answers, held, is_off, override

from orchestrator.rollout.answer import parse_receipt
from orchestrator.rollout.transaction import Change, apply_program, revert_program
from orchestrator.rollout.wrapper import wrapper


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with a_lab(tmp_path_factory.mktemp("off"), ",".join(f"{e}=1" for e in ENGINES)) as lab:
        yield lab


@pytest.fixture(params=ENGINES)
def host(four: Lab, request: pytest.FixtureRequest) -> Iterator[Hands]:
    """One host, which a test must leave as it found it."""
    with left_as_found(four, f"{request.param}1") as hands:
        yield hands


def stands_on(host: Hands, wanted: Change, what: str) -> None:
    """By itself, or as `watch` puts back what the engine forgets."""
    mine = [(".", wanted.ntas[0].id)]
    if host.host.engine in FORGETS:
        wait_until(lambda: held(host) == [] and answers(host) == ON, 10, "validation to be back")
        assert host.apply(wanted=wanted).outcome == "applied"
    wait_until(lambda: held(host) == mine and is_off(host), 5, what)


def test_it_holds_through_reload_and_restart_and_leaves_nothing(host: Hands) -> None:
    assert answers(host) == ON
    order = override()
    wanted = host.change(order)
    receipt = host.apply(wanted=wanted)
    assert (receipt.outcome, receipt.running) == ("applied", (".",))
    assert is_off(host)
    host.sh(BY_HAND[host.host.engine].reload)
    stands_on(host, wanted, "off after a reload")
    host.service("resolver", "restart")
    stands_on(host, wanted, "off after a restart")
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


@pytest.mark.parametrize("host", ["unbound", "knot"], indirect=True)  # a line of its own each
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
