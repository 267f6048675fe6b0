"""The quick look of a scan on a scripted Internet: sound, or a doubt, and never a traceback."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import dns.name
import dns.rdatatype
import pytest
from dns.rdatatype import RdataType
from hypothesis import given
from hypothesis import strategies as st
from mutations import CHANGES
from signed_world import (
    DAY,
    DE,
    DE_SERVERS,
    FRESH,
    KEYS,
    KID_SERVERS,
    NOW,
    ROOT,
    ROOT_SERVERS,
    Window,
    World,
    de_data,
    de_zone,
    finish,
    make_keys,
    respond,
    root_data,
    world,
)

from orchestrator.chain.policy import DEFAULT
from orchestrator.dns import wire
from orchestrator.dns.lane import Query
from orchestrator.lab.signer import Zone, ds_of
from orchestrator.scan.look import Outcome, Parent, look, look_at_root
from orchestrator.scan.sound import Ledger

Change = Callable[[Query, bytes], bytes]
SERVERS = [(wire.to_name(f"{n}.root."), a) for n, a in zip("abc", ROOT_SERVERS, strict=True)]
ANCHOR = [ds_of(ROOT, KEYS[ROOT].ksk).to_wire() or b""]


def as_is(_query: Query, data: bytes) -> bytes:
    return data


def answer(query: Query, served: World, change: Change) -> None:
    """What the query's address says, or nothing."""
    zone = served.zones.get(query.address)
    if zone is None:
        query.error = "timeout"
        return
    kind = dns.rdatatype.to_text(RdataType.make(query.rdtype))
    query.wire = change(query, respond(zone, wire.to_text(query.name), kind))


def play(steps: Iterator[list[Query]], served: World, change: Change = as_is) -> Any:
    try:
        while True:
            queries = next(steps)
            for query in queries:
                answer(query, served, change)
    except StopIteration as end:
        return end.value


def parent(served: World) -> Parent:
    outcome, keys = play(look_at_root(SERVERS, ANCHOR, Ledger(NOW), random.Random(1)), served)
    assert keys
    assert outcome.doubt == ""
    return Parent(keys, ROOT_SERVERS, NOW, DEFAULT)


def seen(served: World, change: Change = as_is, zone: str = "de.", now: float = NOW) -> Outcome:
    above = parent(world())
    above = Parent(above.keys, above.addresses, now, DEFAULT)
    outcome = play(look(wire.to_name(zone), above, random.Random(2)), served, change)
    assert isinstance(outcome, Outcome)
    return outcome


def test_a_sound_zone_leaves_no_doubt() -> None:
    outcome = seen(world())
    assert outcome.doubt == ""
    assert outcome.signed
    assert outcome.silent == {}
    assert [address for _, address in outcome.servers] == list(DE_SERVERS)
    assert outcome.expires == FRESH.expiration
    assert outcome.newest == FRESH.inception


def test_no_ds_is_insecure_by_the_roots_nsec() -> None:
    unsigned = finish(ROOT, root_data(ds=()))
    outcome = seen(world().at(ROOT_SERVERS, unsigned))
    assert (outcome.doubt, outcome.signed) == ("", False)


def test_a_silent_server_is_no_doubt_and_told() -> None:
    served = world()
    del served.zones[DE_SERVERS[1]]
    outcome = seen(served)
    assert (outcome.doubt, outcome.silent) == ("", {DE_SERVERS[1]: "timeout"})


def test_all_servers_silent_is_a_doubt() -> None:
    served = world()
    for address in DE_SERVERS:
        del served.zones[address]
    assert seen(served).doubt == "no server answers"


def stranger() -> Zone:
    return finish(DE, de_data(), keys=make_keys())


def without(kind: RdataType) -> Zone:
    return [r for r in de_zone() if kind not in (r.rdtype, r.covers)]


def cut_short() -> Zone:
    """Signed as it should be, and the end is missing."""
    lost = dns.name.from_text("plain.de.")
    return finish(DE, [r for r in de_data() if not r.name.is_subdomain(lost)])


OLD = Window(NOW - 30 * DAY, NOW - 60)
BROKEN: dict[str, Callable[[], Zone]] = {
    "expired a minute ago": lambda: de_zone(OLD),
    "not yet valid": lambda: de_zone(Window(NOW + 60, NOW + DAY)),
    "other keys": stranger,
    "another key signs": lambda: finish(DE, de_data(), choose=lambda _: make_keys().zsk),
    "no DNSKEY": lambda: without(RdataType.DNSKEY),
    "no denial": lambda: without(RdataType.NSEC),
    "unsigned": lambda: [r for r in de_zone() if r.rdtype != RdataType.RRSIG],
    "another zone": lambda: world().zones[KID_SERVERS[0]],
}


@pytest.mark.parametrize("everywhere", [True, False])
@pytest.mark.parametrize("name", BROKEN)
def test_whatever_is_broken_is_a_doubt(name: str, everywhere: bool) -> None:
    where = DE_SERVERS if everywhere else DE_SERVERS[2:]
    assert seen(world().at(where, BROKEN[name]())).doubt != ""


@pytest.mark.parametrize("window", [OLD, Window(NOW + 60, NOW + DAY)])
def test_a_fault_of_times_alone_is_told_as_that(window: Window) -> None:
    assert seen(world().at(DE_SERVERS, de_zone(window))).late


def test_keys_that_differ_are_a_doubt_although_each_is_vouched_for() -> None:
    more = make_keys()
    mine = KEYS[DE]
    other = finish(DE, de_data(), published=(mine.ksk, mine.zsk, more.zsk))
    assert "different keys" in seen(world().at(DE_SERVERS[2], other)).doubt


def test_a_name_that_is_there_and_is_not_is_a_doubt() -> None:
    """Seen only where the name is asked for: a name server's, here."""
    data = [r for r in de_data() if "nic.de." not in r.name.to_text()]
    assert "disagree" in seen(world().at(DE_SERVERS[2], finish(DE, data))).doubt


def test_a_name_nobody_delegates_is_a_doubt() -> None:
    assert seen(world(), zone="nowhere.").doubt != ""


def test_a_word_of_the_root_that_does_not_verify_is_a_doubt() -> None:
    strange = finish(ROOT, root_data(), keys=make_keys())
    assert seen(world().at(ROOT_SERVERS, strange)).doubt != ""


@pytest.mark.fuzz
@given(changes=st.lists(CHANGES, min_size=1, max_size=3), kind=st.sampled_from([2, 48, 1, 43]))
def test_changed_answers_end_in_an_outcome(changes: list, kind: int) -> None:
    def change(query: Query, data: bytes) -> bytes:
        if query.rdtype == kind:
            for one in changes:
                data = one(data)
        return data

    seen(world(), change)


@pytest.mark.parametrize("kind", [wire.DNSKEY, wire.A, wire.DS])
def test_one_bit_in_any_signature_is_a_doubt(kind: int) -> None:
    def change(query: Query, data: bytes) -> bytes:
        if query.address != DE_SERVERS[1] or query.rdtype != kind:
            return data
        at = data.index(wire.to_name("de."), data.index(b"\0\x2e\0\1")) + 5
        return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]

    assert "does not verify" in seen(world(), change).doubt
