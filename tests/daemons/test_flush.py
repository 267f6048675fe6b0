"""A zone that is sound and caches that are not: told, flushed, healed, on each engine."""

from collections.abc import Iterator

import pytest
from hands import Hands, now
from harness import Lab, a_lab, enter, run, unchanged, wait_until

from orchestrator.rollout.answer import parse_receipt
from orchestrator.rollout.transaction import flush_program
from orchestrator.rollout.wrapper import wrapper

ENGINES = ("unbound", "bind", "pdns", "knot")
NAMES = ("de.", "www.denic.de.")


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with a_lab(tmp_path_factory.mktemp("four"), ",".join(f"{e}=1" for e in ENGINES)) as lab:
        yield lab


@pytest.fixture
def stale(four: Lab) -> Lab:
    """Every resolver holds the DS of a key that is gone."""
    four.lab("break", "de.", "--as", "nz-2023")
    assert failing(four) == set(four.hosts())
    return four


def failing(lab: Lab) -> set[str]:
    return {host for (host, _), (rcode, _) in lab.views("de.").items() if rcode != "NOERROR"}


def states(told: dict[str, object]) -> dict[str, str]:
    hosts = told["hosts"]
    assert isinstance(hosts, list)
    return {host["host"]: host["state"] for host in hosts}


def test_check_says_flush_and_flush_heals_it(stale: Lab) -> None:
    checked = stale.ok("check", "de.", "-i", str(stale.folder / "inventory.yaml"), code=13)
    assert "next: ntactl flush de. -i INVENTORY" in checked.out
    with unchanged(stale):
        refused = stale.ok("flush", "de.", code=4)
        assert "refused by rule 'unconfirmed'" in refused.err
        assert failing(stale) == set(stale.hosts())
        done = stale.ok("flush", "de.", "--yes", "--json")
    assert set(states(done.json).values()) == {"flushed"}
    assert "on 4 of 4 resolvers" in done.err
    assert stale.validated(*NAMES)
    assert set(map(tuple, stale.all_ntas().values())) == {()}
    again = stale.ok("flush", "de.")
    assert "nothing to do" in again.out
    assert stale.ok("status", "--json").json["ntas"] == []


def test_a_broken_zone_is_refused_and_what_is_cached_stays(four: Lab) -> None:
    four.lab("heal", "de.")
    wait_until(lambda: four.validated("www.denic.de."), 20, "validation everywhere")
    four.lab("break", "de.", "--as", "zm-2015", "--keep-caches")
    refused = four.ok("flush", "de.", "--yes", code=4)
    assert "refused by rule 'zone-broken'" in refused.err
    assert "ntactl plan de. -i INVENTORY" in refused.err
    assert four.validated("www.denic.de.")
    assert "root-zone" in four.ok("flush", ".", "--yes", code=4).err


def test_hosts_that_are_down_or_let_nobody_in_are_named(stale: Lab) -> None:
    stale.lab("host", "bind1", "stop")
    Hands(stale, "pdns1").service("sshd", "stop")
    try:
        done = stale.ok("flush", "de.", "--yes", "--json", code=7)
        told = states(done.json)
        assert (told.pop("bind1"), told.pop("pdns1")) == ("unreachable", "unreachable")
        assert set(told.values()) == {"flushed"}
    finally:
        Hands(stale, "pdns1").service("sshd", "start")
        stale.lab("host", "bind1", "start")


def test_restricted_hosts_take_it_as_an_order(four: Lab) -> None:
    for host in (Hands(four, f"{engine}1") for engine in ENGINES):
        bound = host.host.model_copy(update={"sudo": "restricted"})
        path = four.var(host.name) / "ntactl-host"
        path.write_text(wrapper([bound]))
        orders = f"now {int(now().timestamp())}\n{flush_program(bound, 'de.')}"
        out = run([*enter(host.pid), "sh", "/var/ntactl-host", orders], four.env).out
        path.unlink()
        receipt = parse_receipt(bound, "flush", out, now())
        assert receipt is not None
        assert receipt.outcome == "flushed"


@pytest.mark.soak
def test_unbound_says_when_an_expired_answer_comes_once_more(stale: Lab) -> None:
    """Measured with 1.17: what flush_zone marks as expired is served first, with these options."""
    host = Hands(stale, "unbound1")
    host.sh("unbound-control set_option serve-expired: yes")
    done = stale.ok("flush", "de.", "--yes", "--json")
    told = {one["host"]: one["message"] for one in done.json["hosts"]}
    assert "once more from before" in told["unbound1"]
    assert stale.validated(*NAMES)
    host.sh("unbound-control set_option serve-expired: no")
