"""The lab's signer: chains that close, signatures that hold, keys with one tag."""

import itertools

import dns.dnssec
import dns.name
import dns.zone
import pytest
from dns.rdatatype import RdataType
from dns.rrset import RRset
from zones import NOW, a_tld, valid

from orchestrator.lab import keys, world
from orchestrator.lab.keys import ZSK_FLAGS, make_key, make_keys
from orchestrator.lab.root import Delegation, Root
from orchestrator.lab.scenarios.look import Look, healthy
from orchestrator.lab.signer import OPT_OUT, Window, Zone, cuts_of, zone_text

ALGORITHMS = (7, 8, 10, 13, 14, 15)
WINDOW = Window(NOW - 3600, NOW + 3600)


@pytest.fixture(scope="module")
def tld() -> world.Tld:
    return a_tld(world.DE)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_keys_of_every_algorithm_of_the_root_can_break(algorithm: int) -> None:
    made = keys.breakable(make_keys(algorithm), algorithm)
    assert made.old_ksk is not None
    every = (made.ksk, made.zsk, made.old_ksk, *made.spare)
    assert {key.dnskey.algorithm for key in (*every, *made.rivals)} == {algorithm}
    assert len({key.tag for key in (*every, *made.other)}) == len(every) + 2
    assert {rival.tag for rival in made.rivals} == {made.zsk.tag}
    assert len({key.dnskey.key for key in (made.zsk, *made.rivals)}) == 3
    published = (made.ksk, made.zsk, *made.spare)
    assert sum(len(key.dnskey.to_wire()) + 12 for key in published) > 1232


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_with_a_chosen_tag_signs(algorithm: int) -> None:
    made = keys.breakable(make_keys(algorithm), algorithm)
    origin = dns.name.from_text("kit.de.")
    for key in (made.rivals[0], made.spare[0], made.old_ksk):
        zone = world.signed_child("kit.de.", keys.Keys(made.ksk, key), 1, WINDOW)
        assert set(valid(zone, origin).values()) == {True}


def test_a_signed_child_holds() -> None:
    origin = dns.name.from_text("kit.de.")
    zone = world.signed_child("kit.de.", make_keys(), 1, WINDOW)
    checked = valid(zone, origin)
    assert set(checked.values()) == {True}
    assert (dns.name.from_text("*.kit.de."), RdataType.A) in checked


def test_another_key_of_the_tag_does_not_hold() -> None:
    origin = dns.name.from_text("kit.de.")
    pair = make_keys()
    zone = world.signed_child("kit.de.", pair, 1, WINDOW)
    other = [r for r in zone if r.rdtype != RdataType.DNSKEY]
    other += world.dnskeys(origin, pair.ksk, make_key(ZSK_FLAGS))
    assert set(valid(other, origin).values()) == {False}


def test_the_nsec_chain_is_a_ring_over_all_names() -> None:
    zone = world.signed_child("kit.de.", make_keys(), 1, WINDOW)
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


def signatures(zone: Zone) -> list[str]:
    return [r.to_text() for r in zone if r.rdtype == RdataType.RRSIG]


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
    insecure = Delegation(dns.name.from_text("de."), world.DE.servers, [])
    zone = Root(make_keys()).zone([insecure], 1, NOW)
    assert set(valid(zone, dns.name.root).values()) == {True}
    assert not [r for r in zone if r.rdtype == RdataType.DS]


def test_the_digest_of_the_root_holds_after_every_change() -> None:
    root = Root(make_keys())
    one = Delegation(dns.name.from_text("de."), world.DE.servers, [])
    other = Delegation(dns.name.from_text("fj."), world.FJ.servers, [])
    for serial, listed in enumerate(([one], [one, other], [other]), 1):
        zone = root.zone(listed, serial, NOW)
        assert set(valid(zone, dns.name.root).values()) == {True}
        read = dns.zone.from_text(zone_text(zone), origin=".", relativize=False)
        read.verify_digest()
        assert read.find_rdataset(".", "ZONEMD")[0].serial == serial


def test_the_root_signs_again_only_what_changed_or_grew_old() -> None:
    root = Root(make_keys())
    listed = [Delegation(dns.name.from_text("de."), world.DE.servers, [])]
    first = set(signatures(root.zone(listed, 1, NOW)))
    again = set(signatures(root.zone(listed, 2, NOW + 60)))
    later = set(signatures(root.zone(listed, 3, NOW + 5 * world.DAY)))
    assert {r.split()[4] for r in first - again} == {"SOA", "ZONEMD"}
    assert not first & later


def test_a_zone_file_reads_back(tld: world.Tld) -> None:
    zone = world.with_nsec3(tld, world.tld_data(tld, 7), tld.keys.ksk)
    text = zone_text(zone)
    assert text.splitlines()[0].split()[3] == "SOA"
    read = dns.zone.from_text(text, origin=tld.origin, relativize=False)
    count = sum(len(node.rdatasets) for node in read.nodes.values())
    assert count == len(zone)
