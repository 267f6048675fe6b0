"""Every failure class has scenarios that show it and nothing else, on TLDs of every kind."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import dns.dnssec
import dns.name
import dns.zone
import pytest
from dns.rdatatype import RdataType
from zones import NOW, a_tld

from orchestrator.lab import world
from orchestrator.lab.census import fillers
from orchestrator.lab.keys import make_keys
from orchestrator.lab.root import ROOT, Delegation, Root
from orchestrator.lab.scenarios import HEALTHY, SCENARIOS, scenario
from orchestrator.lab.scenarios.look import Look
from orchestrator.lab.signer import Zone, cuts_of, ds_of, is_signed, zone_text

DOCS = Path(__file__).parents[2] / "docs" / "lab.md"
SERIAL = 2026112405
DENIALS = {RdataType.NSEC, RdataType.NSEC3}
FILLERS = fillers(200)
PLANS = {
    "de, P-256, NSEC3": world.DE,
    "RSA, NSEC3": next(plan for plan in FILLERS if plan.algorithm == 8 and not plan.nsec),
    "P-256, NSEC": next(plan for plan in FILLERS if plan.algorithm == 13 and plan.nsec),
}
ALL = [(name, phase + 1) for name, one in SCENARIOS.items() for phase in range(len(one.phases))]

Faults = dict[tuple[dns.name.Name, RdataType], str]


@pytest.fixture(scope="module", params=PLANS.values(), ids=PLANS)
def tld(request: pytest.FixtureRequest) -> world.Tld:
    return a_tld(request.param)


def served(tld: world.Tld, name: str, phase: int = 1, server: int = 0) -> Zone:
    return scenario(name, phase).serve(Look(tld, phase, server, SERIAL, NOW))


def faults(zone: Zone, tld: world.Tld, now: int = NOW) -> Faults:
    """What ought to have a valid signature and has none: "missing" or "bad"."""
    made: dict[tuple, list] = {}
    for signature in signatures(zone):
        made.setdefault((signature.name, signature[0].type_covered), []).append(signature)
    keys = {r.name: r for r in zone if r.rdtype == RdataType.DNSKEY}
    found: Faults = {}
    for item in to_be_signed(zone, tld):
        by = made.get((item.name, item.rdtype))
        if by is None:
            found[item.name, item.rdtype] = "missing"
        elif not all(_holds(item, one, keys, now) for one in by):
            found[item.name, item.rdtype] = "bad"
    return found


def _holds(item, signature, keys, now: int) -> bool:
    try:
        dns.dnssec.validate(item, signature, keys, now=now)
    except (dns.dnssec.ValidationFailure, dns.dnssec.UnsupportedAlgorithm):
        return False
    return True


def to_be_signed(zone: Zone, tld: world.Tld) -> Zone:
    cuts = cuts_of(tld.origin, zone)
    return [r for r in zone if r.rdtype != RdataType.RRSIG and is_signed(r, cuts)]


def owners(zone: Zone, tld: world.Tld) -> set[tuple]:
    return {(r.name, r.rdtype) for r in to_be_signed(zone, tld)}


def signatures(zone: Zone) -> Zone:
    return [r for r in zone if r.rdtype == RdataType.RRSIG]


def nothing(found: Faults, _zone: Zone, _tld: world.Tld) -> bool:
    return not found


def everything(found: Faults, zone: Zone, tld: world.Tld) -> bool:
    return set(found) == owners(zone, tld)


def all_missing(found: Faults, zone: Zone, tld: world.Tld) -> bool:
    return everything(found, zone, tld) and set(found.values()) == {"missing"}


def the_dnskeys(found: Faults, _zone: Zone, tld: world.Tld) -> bool:
    return set(found) == {(tld.origin, RdataType.DNSKEY)}


def all_but_the_dnskeys(found: Faults, zone: Zone, tld: world.Tld) -> bool:
    return set(found) == owners(zone, tld) - {(tld.origin, RdataType.DNSKEY)}


def the_soa(found: Faults, _zone: Zone, tld: world.Tld) -> bool:
    return set(found) == {(tld.origin, RdataType.SOA)}


def one_ds(found: Faults, _zone: Zone, _tld: world.Tld) -> bool:
    return [kind for _, kind in found] == [RdataType.DS]


def most(found: Faults, zone: Zone, tld: world.Tld) -> bool:
    share = len(found) / len(owners(zone, tld))
    return (tld.origin, RdataType.DNSKEY) not in found and 0.4 < share < 0.95


def some_ds_and_denials(found: Faults, zone: Zone, _tld: world.Tld) -> bool:
    kinds = {kind for _, kind in found}
    among = sum(r.rdtype in DENIALS | {RdataType.DS} for r in zone)
    return RdataType.DS in kinds and bool(kinds & DENIALS) and len(found) <= among * 2 / 3


def some_denials(found: Faults, zone: Zone, _tld: world.Tld) -> bool:
    among = sum(r.rdtype in DENIALS for r in zone)
    return {kind for _, kind in found} <= DENIALS and 0 < len(found) < among


def all_denials(found: Faults, zone: Zone, _tld: world.Tld) -> bool:
    return set(found) == {(r.name, r.rdtype) for r in zone if r.rdtype in DENIALS}


# What the first server of each scenario's phase serves that does not hold.
SERVED: dict[tuple[str, int], Callable[[Faults, Zone, world.Tld], bool]] = {
    ("de-2026", 1): most,
    ("de-2026", 2): some_denials,
    ("de-2026", 3): nothing,
    ("zm-2015", 1): everything,
    ("mm-2016", 1): everything,
    ("e164-2017", 1): everything,
    ("e164-2017", 2): the_dnskeys,
    ("not-yet-valid", 1): everything,
    ("se-2009", 1): all_missing,
    ("xn--qxam-2021", 1): all_missing,
    ("na-2019", 1): all_missing,
    ("na-2019", 2): all_missing,
    ("red-2014", 1): some_ds_and_denials,
    ("ru-2024", 1): all_but_the_dnskeys,
    ("au-2022", 1): some_ds_and_denials,
    ("au-2023", 1): the_soa,
    ("se-2022", 1): one_ds,
    ("se-2022", 2): some_ds_and_denials,
    ("se-2022", 3): some_ds_and_denials,
    ("al-2026", 2): all_missing,
    ("al-2026", 3): all_missing,
    ("zsk-withdrawn", 1): all_but_the_dnskeys,
    ("unsupported", 1): everything,
    ("key-fields", 2): the_dnskeys,
    ("key-fields", 3): the_dnskeys,
    ("denial", 3): all_denials,
}


@pytest.mark.parametrize(("name", "phase"), ALL)
def test_exactly_what_should_fail_fails(tld: world.Tld, name: str, phase: int) -> None:
    zone = served(tld, name, phase)
    found = faults(zone, tld)
    assert SERVED.get((name, phase), nothing)(found, zone, tld), found


@pytest.mark.parametrize(("name", "phase"), ALL)
def test_every_server_has_a_zone_that_reads_back(tld: world.Tld, name: str, phase: int) -> None:
    for server in range(len(tld.plan.servers)):
        text = zone_text(served(tld, name, phase, server))
        read = dns.zone.from_text(text, origin=tld.origin, relativize=False)
        assert read.get_soa().serial in (SERIAL, SERIAL - 300)


@pytest.mark.parametrize(
    ("name", "phase"), [one for one in ALL if one[0] in ("zm-2015", "mm-2016")]
)
def test_what_expired_was_good(tld: world.Tld, name: str, phase: int) -> None:
    assert faults(served(tld, name, phase), tld, NOW - 25 * world.DAY) == {}


def test_what_is_not_yet_valid_will_be(tld: world.Tld) -> None:
    assert faults(served(tld, "not-yet-valid"), tld, NOW + 3 * world.DAY) == {}


@pytest.mark.parametrize("phase", [1, 2])
def test_e164_2017_was_good_eight_hours_ago(tld: world.Tld, phase: int) -> None:
    assert faults(served(tld, "e164-2017", phase), tld, NOW - 8 * 3600) == {}


def test_se_2022_grows(tld: world.Tld) -> None:
    found = [set(faults(served(tld, "se-2022", phase), tld)) for phase in (1, 2, 3)]
    assert found[0] < found[1] < found[2]


@pytest.mark.parametrize("name", ["ru-2024", "tag-collision"])
def test_tags_do_not_tell_which_key_signed(tld: world.Tld, name: str) -> None:
    zone = served(tld, name)
    tags = {r[0].key_tag for r in zone if r.rdtype == RdataType.RRSIG}
    assert tags == {tld.keys.ksk.tag, tld.keys.zsk.tag}
    published = [dns.dnssec.key_id(key) for key in dnskeys(zone)]
    assert published.count(tld.keys.zsk.tag) == (2 if name == "tag-collision" else 1)


def dnskeys(zone: Zone) -> list:
    return [key for r in zone if r.rdtype == RdataType.DNSKEY for key in r]


def test_a_withdrawn_key_is_known_by_its_tag(tld: world.Tld) -> None:
    zone = served(tld, "zsk-withdrawn")
    assert tld.keys.zsk.tag not in {dns.dnssec.key_id(key) for key in dnskeys(zone)}


def test_gov_2013_signs_with_one_of_two_algorithms(tld: world.Tld) -> None:
    zone = served(tld, "gov-2013")
    old, new = tld.plan.algorithm, tld.keys.other[0].dnskey.algorithm
    made = {(r[0].type_covered == RdataType.DNSKEY, r[0].algorithm) for r in signatures(zone)}
    assert made == {(True, old), (True, new), (False, new)}
    assert {ds.algorithm for ds in ds_for(tld, "gov-2013")} == {old, new}


def ds_for(tld: world.Tld, name: str, phase: int = 1) -> list:
    return [ds for r in scenario(name, phase).ds(tld, phase) for ds in r]


def fits(tld: world.Tld, ds, zone: Zone) -> bool:
    """Whether a DS has a key of the zone, in tag, algorithm and digest."""
    same = [
        key
        for key in dnskeys(zone)
        if (dns.dnssec.key_id(key), key.algorithm) == (ds.key_tag, ds.algorithm)
    ]
    return any(dns.dnssec.make_ds(tld.origin, key, ds.digest_type) == ds for key in same)


FITS_NOT = {
    ("fj-2022", 1),
    ("al-2026", 1),
    ("al-2026", 2),
    ("na-2019", 2),
    ("xn--qxam-2021", 1),
    ("mx-2023", 1),
    ("ds-algorithm", 1),
    ("key-fields", 1),
    ("unsupported", 2),
}


@pytest.mark.parametrize(("name", "phase"), ALL)
def test_the_ds_fits_or_not(tld: world.Tld, name: str, phase: int) -> None:
    zone, listed = served(tld, name, phase), ds_for(tld, name, phase)
    if (name, phase) == ("al-2026", 3):
        assert listed == []
    elif (name, phase) != ("unsupported", 2):
        assert any(fits(tld, ds, zone) for ds in listed) == ((name, phase) not in FITS_NOT)


def test_mx_2023_differs_in_the_digest_alone(tld: world.Tld) -> None:
    (ds,) = ds_for(tld, "mx-2023")
    right = ds_of(tld.origin, tld.keys.ksk)
    assert (ds.key_tag, ds.algorithm) == (right.key_tag, right.algorithm)
    assert ds.digest != right.digest


@pytest.mark.parametrize(
    ("phase", "flags", "protocol"), [(1, 257 | 128, 3), (2, 1, 3), (3, 257, 2)]
)
def test_key_fields(tld: world.Tld, phase: int, flags: int, protocol: int) -> None:
    ksk = next(key for key in dnskeys(served(tld, "key-fields", phase)) if key.flags & 1)
    assert (int(ksk.flags), ksk.protocol) == (flags, protocol)


def test_the_ksk_that_does_not_sign(tld: world.Tld) -> None:
    tags = {r[0].key_tag for r in signatures(served(tld, "ksk-not-signing"))}
    assert tags == {tld.keys.zsk.tag}


def test_unsupported_is_unknown_in_key_and_ds(tld: world.Tld) -> None:
    zone = served(tld, "unsupported")
    assert {int(key.algorithm) for key in dnskeys(zone)} == {100}
    assert {int(r[0].algorithm) for r in signatures(zone)} == {100}
    assert {int(ds.algorithm) for ds in ds_for(tld, "unsupported")} == {100}
    assert {int(ds.digest_type) for ds in ds_for(tld, "unsupported", 2)} == {100}


def test_a_dnskey_rrset_too_large_for_udp(tld: world.Tld) -> None:
    (keys,) = [r for r in served(tld, "dnskey-no-tcp") if r.rdtype == RdataType.DNSKEY]
    assert sum(len(key.to_wire()) + 12 for key in keys) > 1232


def test_without_denial_nothing_but_denial_is_gone(tld: world.Tld) -> None:
    whole, left = HEALTHY.serve(Look(tld, 1, 0, SERIAL, NOW)), served(tld, "denial")
    gone = {(r.name, r.rdtype) for r in whole} - {(r.name, r.rdtype) for r in left}
    assert {kind for _, kind in gone} <= DENIALS | {RdataType.RRSIG}
    assert not DENIALS & {r.rdtype for r in left}


def test_denials_of_the_wrong_range_cover_nothing(tld: world.Tld) -> None:
    for item in served(tld, "denial", 2):
        if item.rdtype == RdataType.NSEC3:
            own, after = item.name.labels[0].decode(), item[0].to_text().split()[4].lower()
            assert own < after
            assert int(after, 32) - int(own, 32) == 1


def test_too_many_iterations(tld: world.Tld) -> None:
    zone = served(tld, "denial", 4)
    kinds = (RdataType.NSEC3, RdataType.NSEC3PARAM)
    assert {r[0].iterations for r in zone if r.rdtype in kinds} == {500}
    apex = dns.dnssec.nsec3_hash(tld.origin, None, 500, 1).lower()
    assert any(r.name.labels[0].decode() == apex for r in zone if r.rdtype == RdataType.NSEC3)


def test_apnic_2012_is_valid_on_each_server_by_itself(tld: world.Tld) -> None:
    servers = range(len(tld.plan.servers))
    first = [served(tld, "apnic-2012", 1, server) for server in servers]
    assert [faults(zone, tld) for zone in first] == [{} for _ in servers]
    sets = [{key.to_text() for key in dnskeys(zone)} for zone in first]
    assert sets[0] != sets[1]
    assert faults([*_but(first[1], RdataType.DNSKEY), *_only(first[0], RdataType.DNSKEY)], tld)
    assert {key.to_text() for key in dnskeys(served(tld, "apnic-2012", 2))} == sets[1]


def _only(zone: Zone, kind: RdataType) -> Zone:
    return [r for r in zone if r.rdtype == kind]


def _but(zone: Zone, kind: RdataType) -> Zone:
    return [r for r in zone if r.rdtype != kind]


def test_nz_2023_was_whole_before_and_is_whole_after(tld: world.Tld) -> None:
    found = scenario("nz-2023", 1)
    assert found.before is not None
    before = found.before.serve(Look(tld, 1, 0, SERIAL, NOW))
    (old,) = found.before.ds(tld, 1)
    assert faults(before, tld) == {}
    assert fits(tld, old[0], before)
    assert old.ttl == 3600
    assert not fits(tld, old[0], served(tld, "nz-2023"))


@pytest.mark.parametrize("name", ["unreachable", "lame", "dnskey-no-tcp", "rate-limited"])
@pytest.mark.parametrize("phase", [1, 2])
def test_root_and_zone_name_the_same_servers(tld: world.Tld, name: str, phase: int) -> None:
    if phase > len(SCENARIOS[name].phases):
        return
    moved = scenario(name, phase).servers(tld, phase)
    zone = served(tld, name, phase)
    hosts = {dns.name.from_text(server.name) for server in moved}
    kinds = (RdataType.A, RdataType.AAAA)
    told = {a.address for r in zone if r.name in hosts and r.rdtype in kinds for a in r}
    assert told == {server.address for server in moved}
    own = {server.address for server in tld.plan.servers}
    assert len(own - told) == (len(own) if phase == 1 else 1)


@pytest.mark.parametrize("phase", [1, 2])
def test_the_root_signs_the_ds_wrongly_and_all_else_right(tld: world.Tld, phase: int) -> None:
    found = scenario("ds-signature", phase)
    root = Root(make_keys())
    one = Delegation(tld.origin, tld.plan.servers, found.ds(tld, phase), found.signs_ds(phase))
    zone = root.zone([one], 1, NOW)
    above = replace(tld, origin=ROOT)
    assert set(faults(zone, above)) == {(tld.origin, RdataType.DS)}
    eight_hours_ago = faults(zone, above, NOW - 8 * 3600)
    assert bool(eight_hours_ago) == (phase == 1)


def test_every_class_has_a_scenario() -> None:
    shown = {kind for one in SCENARIOS.values() for kind in one.kind.split()}
    assert shown == {f"C{number}" for number in range(1, 19)}


def test_the_docs_list_every_scenario_with_its_class() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| ([C0-9, ]+) \|", DOCS.read_text(), re.MULTILINE)
    assert dict(rows) == {one.name: one.kind.replace(" ", ", ") for one in SCENARIOS.values()}
