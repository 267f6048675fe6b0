"""The lab's signer: chains that close, signatures that hold, keys with one tag."""

import itertools

import dns.dnssec
import dns.name
import dns.zone
import pytest
from dns.rdatatype import RdataType
from dns.rrset import RRset
from zones import NOW, valid

from orchestrator.lab import world
from orchestrator.lab.scenarios import Look, healthy
from orchestrator.lab.signer import (
    OPT_OUT,
    ZSK_FLAGS,
    Window,
    cuts_of,
    make_key,
    same_tag_keys,
    zone_text,
)

WINDOW = Window(NOW - 3600, NOW + 3600)


@pytest.fixture(scope="module")
def tld() -> world.Tld:
    children = {f"{label}.de.": world.make_keys() for label in world.DE.signed}
    origin = dns.name.from_text("de.")
    delegations = world.delegations(world.DE, children)
    return world.Tld(world.DE, origin, world.make_tld_keys(), delegations)


def test_three_keys_share_a_tag() -> None:
    keys = same_tag_keys(3)
    assert len({key.tag for key in keys}) == 1
    assert len({key.dnskey.key for key in keys}) == 3


def test_every_tag_of_a_tld_is_another_but_the_rivals() -> None:
    keys = world.make_tld_keys()
    assert keys.old_ksk is not None
    assert len({keys.ksk.tag, keys.zsk.tag, keys.old_ksk.tag}) == 3
    assert {rival.tag for rival in keys.rivals} == {keys.zsk.tag}


def test_a_signed_child_holds() -> None:
    origin = dns.name.from_text("kit.de.")
    zone = world.signed_child("kit.de.", world.make_keys(), 1, WINDOW)
    checked = valid(zone, origin)
    assert set(checked.values()) == {True}
    assert (dns.name.from_text("*.kit.de."), RdataType.A) in checked


def test_another_key_of_the_tag_does_not_hold() -> None:
    origin = dns.name.from_text("kit.de.")
    keys = world.make_keys()
    zone = world.signed_child("kit.de.", keys, 1, WINDOW)
    other = [r for r in zone if r.rdtype != RdataType.DNSKEY]
    other += world.dnskeys(origin, keys.ksk, make_key(ZSK_FLAGS))
    assert True not in valid(other, origin).values()


def test_the_nsec_chain_is_a_ring_over_all_names() -> None:
    zone = world.signed_child("kit.de.", world.make_keys(), 1, WINDOW)
    ring = {r.name: r[0].next for r in zone if r.rdtype == RdataType.NSEC}
    names = {r.name for r in zone}
    assert set(ring) == set(ring.values()) == names


def test_the_nsec3_chain_is_a_ring_that_opts_unsigned_children_out(tld: world.Tld) -> None:
    zone = world.with_nsec3(tld, world.tld_data(tld, 1), tld.keys.ksk)
    chain = [r for r in zone if r.rdtype == RdataType.NSEC3]
    ring = {r.name.labels[0].decode(): dns_hash(r) for r in chain}
    assert sorted(ring) == sorted(ring.values())
    assert ring == dict(itertools.pairwise([*sorted(ring), min(ring)]))
    assert {r[0].flags for r in chain} == {OPT_OUT}

    def hashed(name: str) -> str:
        return dns.dnssec.nsec3_hash(name, None, 0, 1).lower()

    present = ["de.", "nic.de.", "a.nic.de.", *(f"{label}.de." for label in tld.plan.signed)]
    assert {hashed(name) for name in present} <= set(ring)
    assert not {hashed(f"{label}.de.") for label in tld.plan.unsigned} & set(ring)


def dns_hash(item: RRset) -> str:
    return item[0].to_text().split()[4].lower()


def test_delegations_and_glue_are_not_signed(tld: world.Tld) -> None:
    zone = healthy(Look(tld, 1, 0, 1, NOW))
    signed = valid(zone, tld.origin)
    assert set(signed.values()) == {True}
    cuts = cuts_of(tld.origin, zone)
    assert len(cuts) == len(tld.plan.children)
    assert {kind for name, kind in signed if name in cuts} == {RdataType.DS}
    assert not any(name != cut and name.is_subdomain(cut) for name, _ in signed for cut in cuts)


def test_the_root_holds_and_an_insecure_tld_has_no_ds() -> None:
    keys = world.make_keys()
    zone = world.root_zone({}, keys, 1, WINDOW)
    assert set(valid(zone, dns.name.root).values()) == {True}
    assert not [r for r in zone if r.rdtype == RdataType.DS]


def test_a_zone_file_reads_back(tld: world.Tld) -> None:
    zone = world.with_nsec3(tld, world.tld_data(tld, 7), tld.keys.ksk)
    text = zone_text(zone)
    assert text.splitlines()[0].split()[3] == "SOA"
    read = dns.zone.from_text(text, origin=tld.origin, relativize=False)
    count = sum(len(node.rdatasets) for node in read.nodes.values())
    assert count == len(zone)
