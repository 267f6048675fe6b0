"""A large root on real servers: what it holds, how it breaks, and caches that are really stale."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import NTACTL, Lab, Run, run, wait_until

from orchestrator.lab.census import fillers
from orchestrator.lab.folder import Folder
from orchestrator.lab.lifecycle import leash
from orchestrator.lab.world import TldPlan

SIZE = 60
UP = ("up", "--resolvers", "unbound=1,bind=1", "--root-size", str(SIZE))
PLANS = fillers(SIZE)


def one(algorithm: int, *, nsec: bool = False) -> TldPlan:
    """A signed TLD of this algorithm, with NSEC when asked."""
    return next(p for p in PLANS if p.secure and p.algorithm == algorithm and p.nsec >= nsec)


def lab_up(lab: Lab, *more: str) -> Run:
    return run([*NTACTL, "lab", *UP, *more], lab.env)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    cache = tmp_path_factory.mktemp("cache")
    lab = Lab(tmp_path_factory.mktemp("large"))
    with pytest.MonkeyPatch.context() as patch, leash(Folder(lab.folder)):
        patch.setenv("XDG_CACHE_HOME", str(cache))
        done = lab_up(lab)
        assert done.code == 0, done.err
        assert f"{SIZE - 4} of {SIZE - 4}" in done.err
        yield lab


def verdict(lab: Lab, zone: str) -> dict:
    """What `check` says of the zone's servers; the fleet is not asked."""
    done = lab.inside("env", "-u", "NTACTL_INVENTORY", *NTACTL, "check", zone, "--json")
    assert done.out, done.err
    found: dict = done.json["zones"][0]
    return found


def ask(lab: Lab, code: str) -> dict:
    """Run Python where the lab's addresses answer; it prints JSON."""
    done = lab.inside(sys.executable, "-c", code)
    assert done.code == 0, done.err
    told: dict = json.loads(done.out)
    return told


def test_the_root_is_transferred_whole(large: Lab) -> None:
    told = ask(
        large,
        """if True:
        import json, dns.query, dns.rdatatype, dns.zone
        transfer = dns.query.xfr("10.53.0.2", ".", relativize=False)
        zone = dns.zone.from_xfr(transfer, relativize=False)
        zone.verify_digest()
        cuts = [str(name) for name, _ in zone.iterate_rdatasets("NS")]
        ds = [int(one.algorithm) for _, found in zone.iterate_rdatasets("DS") for one in found]
        print(json.dumps({"cuts": cuts, "ds": sorted(set(ds))}))""",
    )
    assert len(set(told["cuts"]) - {"."}) == SIZE == large.status()["root_size"]
    assert {plan.origin for plan in PLANS} <= set(told["cuts"])
    assert told["ds"] == [7, 8, 10, 13, 14, 15]


def test_every_tld_is_what_its_ds_says(large: Lab) -> None:
    some = PLANS[:20]  # one of each kind of DS, and more
    seen = large.views(*(plan.origin for plan in some))
    for plan in some:
        for host in large.hosts():
            assert seen[host, plan.origin] == ("NOERROR", plan.secure), plan


def test_check_finds_a_filler_whole(large: Lab) -> None:
    for plan in (one(8), one(13, nsec=True)):
        found = verdict(large, plan.origin)
        assert (found["state"], len(found["servers"])) == ("secure", 2), found


@pytest.mark.soak
def test_several_break_at_once_and_heal_each_for_itself(large: Lab) -> None:
    first, second, third = (one(number).origin for number in (8, 14, 15))
    large.lab("break", first, second, "--as", "ru-2024")
    large.lab("break", third, "--as", "fj-2022")
    assert {verdict(large, zone)["state"] for zone in (first, second, third)} == {"bogus"}
    seen = large.views(first, second, third, one(13).origin)
    assert {rcode for (_, zone), (rcode, _) in seen.items() if zone != one(13).origin} == {
        "SERVFAIL"
    }
    assert {seen[host, one(13).origin] for host in large.hosts()} == {("NOERROR", True)}
    large.lab("heal", first, third)
    assert verdict(large, first)["state"] == verdict(large, third)["state"] == "secure"
    assert verdict(large, second)["findings"][0]["cause"] == "rrsig-invalid"
    large.lab("heal", second)
    assert set(large.views(first, second, third).values()) == {("NOERROR", True)}


def test_a_filler_breaks_server_by_server(large: Lab) -> None:
    zone = one(8).origin
    large.lab("break", zone, "--as", "bw")
    states = [server["state"] for server in verdict(large, zone)["servers"]]
    assert sorted(states) == ["bogus", "secure"]
    large.lab("heal", zone)


@pytest.mark.parametrize("zone", ["de.", one(10).origin])
def test_nz_2023_leaves_stale_caches_and_sound_servers(large: Lab, zone: str) -> None:
    large.lab("break", zone, "--as", "nz-2023")
    seen = verdict(large, zone)
    assert (seen["state"], seen["extent"]) == ("secure", None)
    wait_until(
        lambda: set(large.views(zone).values()) == {("SERVFAIL", False)},
        20,
        "the cached DNSKEY to end",
    )
    for host in large.hosts():
        large.ssh(host, f"/etc/lab/service resolver forget {zone}")
    assert set(large.views(zone).values()) == {("NOERROR", True)}
    large.lab("heal", zone)


@pytest.mark.soak
def test_servers_without_tcp_and_no_servers(large: Lab) -> None:
    first, second = one(8).origin, "de."
    large.lab("break", first, "--as", "dnskey-no-tcp", "--keep-caches")
    large.lab("break", second, "--as", "dnskey-no-tcp", "--keep-caches")
    for zone in (first, second):
        assert verdict(large, zone)["findings"][0]["cause"] == "truncated-no-tcp"
    large.lab("heal", first)
    assert verdict(large, first)["state"] == "secure"
    large.lab("break", second, "--as", "unreachable", "--keep-caches")
    assert verdict(large, second)["findings"][0]["cause"] == "server-unreachable"
    large.lab("heal", second)
    assert verdict(large, second)["state"] == "secure"


def test_a_rate_limit_is_no_fault(large: Lab) -> None:
    zone = one(8).origin
    large.lab("break", zone, "--as", "rate-limited", "--keep-caches")
    code = f"""if True:
        import dns.message, json, socket
        query = dns.message.make_query({zone!r}, "SOA").to_wire()
        line = socket.socket(type=socket.SOCK_DGRAM)
        line.settimeout(0.5)
        for _ in range(100):
            line.sendto(query, ("10.53.7.1", 53))
        answers = []
        try:
            while True:
                answers.append(dns.message.from_wire(line.recv(4096)))
        except TimeoutError:
            whole = sum(bool(answer.answer) for answer in answers)
        print(json.dumps({{"whole": whole, "in_all": len(answers)}}))"""
    told = ask(large, code)
    assert 10 <= told["whole"] <= 45
    assert told["in_all"] < 100
    assert verdict(large, zone)["state"] == "secure"
    large.lab("heal", zone)


def test_what_cannot_be_broken_is_a_clear_error(large: Lab) -> None:
    insecure = next(plan.origin for plan in PLANS if not plan.secure)
    for zone, said in ((insecure, "insecure"), ("nosuch.", "56 fillers")):
        done = run([*NTACTL, "lab", "break", zone, "--as", "fj-2022"], large.env)
        assert done.code == 2
        assert said in done.err


def test_another_size_needs_another_lab(large: Lab) -> None:
    assert lab_up(large).code == 0
    done = lab_up(large, "--real-servers")
    assert done.code != 0
    assert "a root of 60 zones runs already" in done.err


def keys(lab: Lab) -> dict:
    """The DNSKEY records of some TLDs, as their servers have them."""
    plans = (one(7), one(8), one(13))
    return ask(
        lab,
        f"""if True:
        import json, dns.message, dns.query
        told = {{}}
        for zone, address in {[(plan.origin, plan.servers[0].address) for plan in plans]}:
            query = dns.message.make_query(zone, "DNSKEY")
            told[zone] = sorted(map(str, dns.query.tcp(query, address, timeout=5).answer[0]))
        print(json.dumps(told))""",
    )


def test_the_second_lab_has_the_same_keys_without_making_them(large: Lab, tmp_path: Path) -> None:
    second = Lab(tmp_path / "second")
    with leash(Folder(second.folder)):
        done = lab_up(second)
        assert done.code == 0, done.err
        assert "keys and zones" not in done.err
        assert keys(large) == keys(second)
