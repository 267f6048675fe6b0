"""The guard alone: nobody else runs, and at its end every NTA goes, whatever the resolver did."""

import os
import signal
import time
from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from hands import Hands, nta
from harness import Lab, a_lab, heard, wait_until

LIFE = "40s"
LATE = 75  # seconds; a guard is woken each minute and may be late by so much


@pytest.fixture
def six(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with a_lab(tmp_path_factory.mktemp("six"), "unbound=3,bind=3") as lab:
        lab.lab("break", "de.", "--as", "zm-2015")
        yield lab


def applied_and_killed(lab: Lab, plan: Path) -> None:
    """`ntactl apply PLAN`, killed with -9 once the last host has it; it is never started again."""
    process = lab.started("apply", str(plan))
    heard(process, ": applied", times=len(lab.hosts()))
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def answers(lab: Lab, hosts: Collection[str]) -> set[tuple[str | None, bool]]:
    """What clients of these hosts get now for names that were asked before."""
    seen = lab.views("de.", "www.denic.de.", "www.amazon.de.")
    return {answer for (host, _), answer in seen.items() if host in hosts}


def test_every_host_is_clean_by_itself(six: Lab, tmp_path: Path) -> None:
    hands = {name: Hands(six, name) for name in six.hosts()}
    before = {name: hand.files() for name, hand in hands.items()}
    made = six.approved(tmp_path / "p.json", "--for", LIFE)
    ends = datetime.fromisoformat(made["ntas"][0]["ends_at"]).timestamp()
    applied_and_killed(six, tmp_path / "p.json")
    assert answers(six, hands) == {("NOERROR", False)}
    for name in ("unbound2", "bind2"):
        hands[name].service("resolver", "restart")
    for name in ("unbound3", "bind3"):
        hands[name].service("resolver", "stop")
    up = {name: hand for name, hand in hands.items() if not name.endswith("3")}
    time.sleep(1)
    assert answers(six, up) == {("NOERROR", False)}
    assert all(hand.zones() == ["de."] for hand in up.values())
    assert time.time() < ends, "the NTAs ended before the resolvers were restarted"
    for name in up:
        wait_until(lambda name=name: clean(hands[name], before[name]), left(ends), f"{name} clean")
    dropin = six.etc("unbound3") / "unbound/unbound.conf.d/ntactl-nta.conf"
    wait_until(lambda: not dropin.exists(), left(ends), "the drop-in gone while unbound is down")
    assert hands["bind3"].read().held[0].state == "applied"
    started = time.time()
    for name in ("unbound3", "bind3"):
        hands[name].service("resolver", "start")
    time.sleep(1)
    for name in ("unbound3", "bind3"):
        wait_until(
            lambda name=name: clean(hands[name], before[name]), left(started), f"{name} clean"
        )
    assert answers(six, hands) == {("SERVFAIL", False)}


def left(since: float) -> float:
    return since + LATE - time.time()


def clean(hand: Hands, before: dict[str, str]) -> bool:
    """No NTA, every file as before, and the guard knows that it is over."""
    ended = [nta.state for nta in hand.read().held] == ["ended"]
    return ended and hand.zones() == [] and hand.files() == before


def test_a_renewed_guard_waits_for_the_new_end_and_a_late_one_means_now(six: Lab) -> None:
    hand, short = Hands(six, "unbound1"), nta(seconds=20)
    hand.apply(short)
    guard = f"/var/lib/ntactl/nta/{short.id}/guard"
    hand.sh(f"sh {guard} & sleep 1")
    assert hand.renew(nta(seconds=3600)).outcome == "renewed"
    time.sleep(max(0, short.ends_at.timestamp() - time.time()) + 2)
    hand.sh(f"sh {guard}")
    assert hand.zones() == ["de."]
    hand.sh(f"echo 0 > /var/lib/ntactl/nta/{short.id}/ends_at; sh {guard}")
    assert hand.zones() == []
