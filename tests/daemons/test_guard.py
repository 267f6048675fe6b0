"""The guard alone: nobody else runs, and at its end every NTA goes, whatever the resolver did."""

import time
from collections.abc import Iterator

import pytest
from hands import Hands, nta
from harness import Lab, a_lab, wait_until

LIFE = 25  # seconds; a guard is woken each minute and may be late by so much
LATE = 75


@pytest.fixture
def six(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with a_lab(tmp_path_factory.mktemp("six"), "unbound=3,bind=3") as lab:
        lab.lab("break", "de.", "--as", "zm-2015")
        yield lab


def test_every_host_is_clean_by_itself(six: Lab) -> None:
    hands = {name: Hands(six, name) for name in six.hosts()}
    before = {name: hand.files() for name, hand in hands.items()}
    ends = time.time() + LIFE
    for hand in hands.values():
        assert hand.apply(nta(seconds=ends - time.time())).outcome == "applied"
    for name in ("unbound2", "bind2"):
        hands[name].service("resolver", "restart")
    for name in ("unbound3", "bind3"):
        hands[name].service("resolver", "stop")
    up = {name: hand for name, hand in hands.items() if not name.endswith("3")}
    time.sleep(1)
    assert {rcode for (host, _), (rcode, _) in six.views("de.").items() if host in up} == {
        "NOERROR"
    }
    assert all(hand.zones() == ["de."] for hand in up.values())
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
    assert {rcode for rcode, _ in six.views("de.").values()} == {"SERVFAIL"}


def left(since: float) -> float:
    return since + LATE - time.time()


def clean(hand: Hands, before: dict[str, str]) -> bool:
    """No NTA, every file as before, and the guard knows that it is over."""
    ended = [nta.state for nta in hand.read().held] == ["ended"]
    return ended and hand.zones() == [] and hand.files() == before


def test_a_renewed_guard_waits_for_the_new_end_and_a_late_one_means_now(six: Lab) -> None:
    hand, short = Hands(six, "unbound1"), nta(seconds=4)
    hand.apply(short)
    guard = f"/var/lib/ntactl/nta/{short.id}/guard"
    hand.sh(f"sh {guard} & sleep 1")
    assert hand.renew(nta(seconds=3600)).outcome == "renewed"
    time.sleep(5)
    hand.sh(f"sh {guard}")
    assert hand.zones() == ["de."]
    hand.sh(f"echo 0 > /var/lib/ntactl/nta/{short.id}/ends_at; sh {guard}")
    assert hand.zones() == []
