"""Which TLDs fill a root, and that their keys and zones are made once."""

import os
import time
from collections import Counter
from pathlib import Path

import dns.name
import dns.zone
import pytest

from orchestrator.errors import BadInput
from orchestrator.lab import world
from orchestrator.lab.asked import Asked
from orchestrator.lab.census import SIGNED, facts, fillers
from orchestrator.lab.folder import Folder
from orchestrator.lab.scenarios.look import published_ds
from orchestrator.lab.stock import KEPT, Stock, cache_folder
from orchestrator.lab.world import TldPlan

REAL = 1438


def test_the_facts_are_those_of_the_real_root() -> None:
    found = facts()
    assert len(found) == REAL
    assert sum(not fact.ds for fact in found) == 88
    assert (sum(fact.v4 for fact in found), sum(fact.v6 for fact in found)) == (7546, 7043)


def test_n_counts_all_zones_of_the_root() -> None:
    for size in (4, 5, 60, 1440, 1500):
        origins = [plan.origin for plan in fillers(size)]
        assert len({*origins, *(plan.origin for plan in world.TLDS)}) == size


def test_above_the_real_names_made_up_ones_follow() -> None:
    real = {fact.name for fact in facts()}
    assert [plan.origin for plan in fillers(1442) if plan.origin not in real] == [
        "zz0001.",
        "zz0002.",
        "zz0003.",
    ]


def test_a_small_root_has_every_kind_and_a_larger_one_holds_it() -> None:
    small, large = fillers(30), fillers(90)
    assert large[: len(small)] == small
    assert {plan.algorithm for plan in small if plan.secure} == {7, 8, 10, 13, 14, 15}
    assert not all(plan.secure for plan in small)


def test_the_mix_is_that_of_the_root() -> None:
    plans = fillers(1440)
    algorithms = Counter(plan.algorithm for plan in plans if plan.secure)
    assert algorithms.most_common(3) == [(8, 1090), (13, 223), (10, 28)]
    assert 0.08 < sum(plan.nsec for plan in plans) / len(plans) < 0.13


@pytest.mark.parametrize(
    ("real_counts", "pairs", "addresses"), [(False, 2872, 1700), (True, 14565, 8800)]
)
def test_addresses_are_shared_as_operators_share_them(
    real_counts: bool, pairs: int, addresses: int
) -> None:
    servers = [plan.servers for plan in fillers(1440, real_counts=real_counts)]
    assert sum(len(listed) for listed in servers) == pairs
    everywhere = Counter(server.address for listed in servers for server in listed)
    assert len(everywhere) == pytest.approx(addresses, rel=0.02)
    assert max(everywhere.values()) > 30
    assert all(len({server.address for server in listed}) == len(listed) for listed in servers)


def test_an_address_has_the_same_place_in_every_tld() -> None:
    """One NSD serves one place of all TLDs."""
    place: dict[str, int] = {}
    for plan in fillers(1440, real_counts=True):
        for number, server in enumerate(plan.servers):
            assert place.setdefault(server.address, number) == number


@pytest.mark.parametrize("size", [3, 0, -1, 5001])
def test_sizes_that_make_no_sense_are_refused(size: int) -> None:
    with pytest.raises(BadInput, match="--root-size"):
        fillers(size)


@pytest.fixture(scope="module")
def some() -> list[TldPlan]:
    """One insecure TLD, and some signed ones of which none takes long."""
    return [plan for plan in fillers(40) if plan.algorithm not in (7, 8, 10)][:5]


def filled(stock: Stock, plans: list[TldPlan]) -> list[tuple[int, int]]:
    """What `fill` told of its progress."""
    told: list[tuple[int, int]] = []
    stock.fill(plans, lambda done, of: told.append((done, of)))
    return told


def test_keys_and_zones_are_made_once(tmp_path: Path, some: list[TldPlan]) -> None:
    stock = Stock(tmp_path, "two")
    assert filled(stock, some)[-1] == (5, 5)
    keys = {path.name: path.read_text() for path in (tmp_path / "keys").iterdir()}
    assert filled(stock, some) == []
    assert filled(Stock(tmp_path, "real"), some)[-1] == (5, 5)
    assert {path.name: path.read_text() for path in (tmp_path / "keys").iterdir()} == keys
    assert len(set(keys.values())) == len(some)


def test_a_zone_that_grew_old_or_lost_its_keys_is_made_again(
    tmp_path: Path, some: list[TldPlan]
) -> None:
    stock = Stock(tmp_path, "two")
    filled(stock, some)
    old, lost, cut = (stock.zone(plan)[0] for plan in some[:3])
    long_ago = time.time() - KEPT - 60
    os.utime(old, (long_ago, long_ago))
    lost.unlink()
    cut.write_text("")
    next((tmp_path / "keys").glob(f"{some[3].origin}*")).unlink()
    assert filled(stock, some)[-1] == (4, 4)


def test_a_zone_of_the_stock_is_whole_and_fits_its_ds(tmp_path: Path, some: list[TldPlan]) -> None:
    stock = Stock(tmp_path, "two")
    filled(stock, some)
    for plan in some:
        path, serial = stock.zone(plan)
        origin = dns.name.from_text(plan.origin)
        read = dns.zone.from_file(str(path), origin=origin, relativize=False)
        assert read.get_soa().serial == serial
        assert bool(read.get_rdataset(origin, "DNSKEY")) == plan.secure
        for label in SIGNED if plan.secure else ():
            assert read.get_rdataset(f"{label}.{plan.origin}", "DS")
        ds = [rdata for item in published_ds(stock.tld(plan), 1) for rdata in item]
        assert len(ds) == (len(plan.digests) + plan.coming_ds if plan.secure else 0)


def test_the_stock_is_kept_beside_every_lab(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "ntactl/tlds"


def test_what_was_asked_is_read_back(tmp_path: Path) -> None:
    asked = Asked("unbound=1", 60, True, "/some/where")
    asked.write(Folder(tmp_path))
    assert Asked.read(Folder(tmp_path)) == asked
    assert asked.same(Asked("unbound=1", 60, True, "/else/where"))
    assert not asked.same(Asked("unbound=1", 61, True, "/some/where"))
    assert str(asked) == "unbound=1 and a root of 60 zones with all their servers"
