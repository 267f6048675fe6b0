"""Signatures and keys: signed here by dnspython, judged by us."""

from __future__ import annotations

import dns.name
import pytest
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.DS import DS
from dns.rdtypes.ANY.RRSIG import RRSIG
from dns.rrset import RRset
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.chain.policy import Policy
from orchestrator.chain.trust import enter
from orchestrator.chain.verify import (
    KEYS_PER_TAG,
    SIGNATURES,
    Keys,
    When,
    Work,
    key_tag,
    keys_of,
    verify,
)
from orchestrator.lab.keys import Key, make_key, same_tag_keys
from orchestrator.lab.signer import Window, ds_of, rrset, signature
from orchestrator.model import Cause

ZONE = dns.name.from_text("example.")
NOW = 1_790_000_000
DAY = 86400
FRESH = Window(NOW - DAY, NOW + DAY)
EXPIRED = Window(NOW - 2 * DAY, NOW - DAY)
EARLY = Window(NOW + DAY, NOW + 2 * DAY)
WHEN = When(NOW)
ZSK, OTHER, KSK = make_key(256), make_key(256), make_key(257)
TWINS = same_tag_keys(2)
RECORD = rrset(dns.name.from_text("www", ZONE), 60, RdataType.A, "192.0.2.1", "192.0.2.2")


def keys(*some: Key) -> Keys:
    return keys_of(ZONE, [key.dnskey for key in some])


def signed(key: Key = ZSK, window: Window = FRESH, item: RRset = RECORD) -> RRset:
    return signature(ZONE, item, key, window)


def cause(*args: object, when: When = WHEN) -> Cause | None:
    fault = verify(*args, when).fault  # type: ignore[arg-type]
    return fault.cause if fault else None


def replaced(signatures: RRset, **values: object) -> RRset:
    return rrset(signatures.name, 60, RdataType.RRSIG, signatures[0].replace(**values))


def together(*sets: RRset) -> RRset:
    return rrset(sets[0].name, 60, RdataType.RRSIG, *(one[0] for one in sets))


def test_a_good_signature_is_secure_and_tells_its_end() -> None:
    told = verify(RECORD, signed(), keys(ZSK), WHEN)
    assert (told.fault, told.expires, told.source) == (None, FRESH.expiration, None)


def test_each_way_a_signature_fails_has_its_cause() -> None:
    assert cause(RECORD, None, keys(ZSK)) == Cause.RRSIG_MISSING
    assert cause(RECORD, signed(OTHER), keys(ZSK)) == Cause.RRSIG_UNKNOWN_KEY
    assert cause(RECORD, signed(window=EXPIRED), keys(ZSK)) == Cause.RRSIG_EXPIRED
    assert cause(RECORD, signed(window=EARLY), keys(ZSK)) == Cause.RRSIG_NOT_YET_VALID
    assert cause(RECORD, signed(TWINS[1]), keys(TWINS[0])) == Cause.RRSIG_INVALID
    foreign = replaced(signed(), algorithm=3)
    assert cause(RECORD, foreign, keys(ZSK)) == Cause.UNSUPPORTED_ALGORITHM


def test_every_key_of_a_tag_is_tried() -> None:
    for twin in TWINS:
        assert cause(RECORD, signed(twin), keys(*TWINS)) is None


def test_times_are_judged_after_crypto() -> None:
    """An expired signature that never verified was not made by this key."""
    assert cause(RECORD, signed(TWINS[1], EXPIRED), keys(TWINS[0])) == Cause.RRSIG_INVALID


def test_skew_is_in_seconds_and_exact() -> None:
    late = When(FRESH.expiration + 10, skew=10)
    assert cause(RECORD, signed(), keys(ZSK), when=late) is None
    later = When(FRESH.expiration + 11, skew=10)
    assert cause(RECORD, signed(), keys(ZSK), when=later) == Cause.RRSIG_EXPIRED
    early = When(FRESH.inception - 11, skew=10)
    assert cause(RECORD, signed(), keys(ZSK), when=early) == Cause.RRSIG_NOT_YET_VALID


def test_times_wrap_as_serial_numbers_do() -> None:
    """RFC 4034 section 3.1.5: 32 bits, that end in 2106."""
    edge = 2**32
    window = Window(edge - DAY, (edge + DAY) % edge)
    assert cause(RECORD, signed(window=window), keys(ZSK), when=When(edge + 60)) is None


def test_one_good_signature_among_bad_ones_is_enough() -> None:
    mixed = together(signed(OTHER), signed(TWINS[1]), signed())
    assert cause(RECORD, mixed, keys(ZSK, TWINS[0])) is None


def test_the_nearest_miss_is_told() -> None:
    mixed = together(signed(OTHER), signed(window=EXPIRED))
    assert cause(RECORD, mixed, keys(ZSK)) == Cause.RRSIG_EXPIRED


def test_the_work_is_bounded() -> None:
    """CVE-2023-50387: neither many signatures nor many keys of one tag are all tried."""
    many = [replaced(signed(), signature=bytes([n]) * 64) for n in range(SIGNATURES + 1)]
    told = verify(RECORD, together(*many), keys(ZSK), WHEN)
    assert told.fault is not None
    ident = (TWINS[0].tag, 13)
    crowd = Keys(ZONE, {ident: (TWINS[0].dnskey,) * (KEYS_PER_TAG + 1)})
    assert cause(RECORD, signed(TWINS[1]), crowd) == Cause.VALIDATION_LIMIT


STRICT, ONCE = Policy(failures=0), Policy(failures=1)
LOW, HIGH = sorted(TWINS, key=lambda key: key.dnskey.to_digestable())


def giving_up(policy: Policy, signatures: RRset, *published: Key) -> Cause | None:
    return cause(RECORD, signatures, keys(*published), when=When(NOW, 0, Work(), policy))


def test_bind_gives_up_on_a_tag_after_its_first_key_in_canonical_order() -> None:
    """As 9.18.49 did on the lab, however the keys were published."""
    for published in ((LOW, HIGH), (HIGH, LOW)):
        assert giving_up(STRICT, signed(LOW), *published) is None
        assert giving_up(STRICT, signed(HIGH), *published) == Cause.VALIDATION_LIMIT
        assert giving_up(ONCE, signed(HIGH), *published) is None
        assert giving_up(Policy(), signed(HIGH), *published) is None


def test_it_gives_up_at_the_first_signature_that_fails_in_the_order_they_came() -> None:
    """9.18.49: an old signature before a good one is SERVFAIL; behind it, or by no key, not."""
    old, vain, good = signed(OTHER, EXPIRED), signed(HIGH), signed()
    for first, told in ((old, Cause.RRSIG_EXPIRED), (vain, Cause.RRSIG_INVALID)):
        assert giving_up(STRICT, together(first, good), ZSK, OTHER, LOW) == told
        assert giving_up(STRICT, together(good, first), ZSK, OTHER, LOW) is None
        assert giving_up(ONCE, together(first, good), ZSK, OTHER, LOW) is None
    assert giving_up(ONCE, together(old, vain, good), ZSK, OTHER, LOW) == Cause.RRSIG_INVALID
    assert giving_up(STRICT, together(signed(KSK), good), ZSK) is None


def test_failures_are_counted_over_an_answer() -> None:
    when = When(NOW, 0, Work(), ONCE)
    twice = [cause(RECORD, signed(HIGH), keys(LOW, HIGH), when=when) for _ in range(2)]
    assert twice == [None, Cause.VALIDATION_LIMIT]
    when.begin()
    assert cause(RECORD, signed(HIGH), keys(LOW, HIGH), when=when) is None


def test_over_a_dnskey_rrset_it_does_not_give_up() -> None:
    item = rrset(ZONE, 60, RdataType.DNSKEY, KSK.dnskey)
    both = together(signed(KSK, EXPIRED, item), signed(KSK, FRESH, item))
    assert cause(item, both, keys(KSK), when=When(NOW, 0, Work(), STRICT)) is None


def test_a_signer_has_to_be_the_zone_and_the_owner_in_it() -> None:
    elsewhere = replaced(signed(), signer=dns.name.from_text("example.org."))
    assert cause(RECORD, elsewhere, keys(ZSK)) == Cause.RRSIG_INVALID
    outside = rrset(dns.name.from_text("www.org."), 60, RdataType.A, "192.0.2.1")
    assert cause(outside, replaced(signed()), keys(ZSK)) == Cause.RRSIG_INVALID


def test_a_label_count_over_the_owner_is_refused() -> None:
    assert cause(RECORD, replaced(signed(), labels=9), keys(ZSK)) == Cause.RRSIG_INVALID


def test_a_wildcard_answer_names_its_source() -> None:
    star = rrset(dns.name.from_text("*", ZONE), 60, RdataType.A, "192.0.2.3")
    expanded = rrset(dns.name.from_text("a.b", ZONE), 60, RdataType.A, "192.0.2.3")
    told = verify(expanded, signed(item=star), keys(ZSK), WHEN)
    assert (told.fault, told.source) == (None, ZONE)
    assert verify(star, signed(item=star), keys(ZSK), WHEN).source is None


def test_keys_that_may_not_sign_are_not_used() -> None:
    for values in ({"flags": 256 | 0x80}, {"flags": 0}, {"protocol": 2}):
        assert not keys_of(ZONE, [_changed(ZSK.dnskey, **values)]).by_id


def _changed(key: DNSKEY, **values: int) -> DNSKEY:
    changed = key.replace(**values)
    assert isinstance(changed, DNSKEY)
    return changed


@given(bit=st.integers(0, 64 * 8 - 1))
@pytest.mark.fuzz
def test_a_flipped_bit_of_a_signature_is_never_secure(bit: int) -> None:
    good = signed()
    octets = bytearray(good[0].signature)
    octets[bit // 8] ^= 1 << bit % 8
    assert cause(RECORD, replaced(good, signature=bytes(octets)), keys(ZSK)) == Cause.RRSIG_INVALID


@given(octets=st.binary(max_size=200))
@pytest.mark.fuzz
def test_any_octets_for_a_signature_are_never_secure(octets: bytes) -> None:
    assert cause(RECORD, replaced(signed(), signature=octets), keys(ZSK)) == Cause.RRSIG_INVALID


@pytest.mark.parametrize("address", ["192.0.2.9", "192.0.2.1"])
def test_changed_data_is_never_secure(address: str) -> None:
    other = rrset(RECORD.name, 60, RdataType.A, address)
    assert cause(other, signed(), keys(ZSK)) == Cause.RRSIG_INVALID


# From the parent's DS to the zone's keys.


def dnskeys(*some: Key) -> RRset:
    return rrset(ZONE, 60, RdataType.DNSKEY, *(key.dnskey for key in some))


def entered(ds: DS, item: RRset, signatures: RRset | None) -> Cause | None:
    entry = enter(ZONE, [ds], item, signatures, WHEN)
    assert (entry.keys is None) == (entry.fault is not None)
    return entry.fault.cause if entry.fault else None


def test_a_ds_leads_to_the_keys_that_its_key_signs() -> None:
    item = dnskeys(KSK, ZSK)
    assert entered(ds_of(ZONE, KSK), item, signed(KSK, item=item)) is None


def test_each_break_between_ds_and_keys_has_its_cause() -> None:
    item, ds = dnskeys(KSK, ZSK), ds_of(ZONE, KSK)
    good = signed(KSK, item=item)
    stranger = ds_of(ZONE, make_key(257))
    assert entered(stranger, item, good) == Cause.DS_NO_MATCHING_DNSKEY
    wrong = ds.replace(digest=bytes(32))
    assert isinstance(wrong, DS)
    assert entered(wrong, item, good) == Cause.DS_DIGEST_MISMATCH
    assert entered(ds, item, signed(ZSK, item=item)) == Cause.DNSKEY_NOT_SIGNED_BY_DS_KEY
    assert entered(ds, item, None) == Cause.RRSIG_MISSING
    assert enter(ZONE, [ds], None, None, WHEN).fault.cause == Cause.DNSKEY_MISSING  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"flags": 257 | 0x80}, Cause.KEY_REVOKED),
        ({"flags": 1}, Cause.KEY_NOT_ZONE_KEY),
        ({"protocol": 2}, Cause.KEY_PROTOCOL),
    ],
)
def test_a_ds_to_a_key_that_may_not_sign(values: dict[str, int], expected: Cause) -> None:
    key = Key(KSK.private, _changed(KSK.dnskey, **values), 0)
    key = Key(key.private, key.dnskey, key_tag(key.dnskey))
    item = dnskeys(key, ZSK)
    ds = ds_of(ZONE, KSK if expected is Cause.KEY_REVOKED else key)
    assert entered(ds, item, signed(ZSK, item=item)) == expected


def test_a_revoked_key_hides_no_live_one_of_that_tag() -> None:
    """The tag of the revoked key, as it was, may be that of the key in use."""
    live, old = same_tag_keys(2)
    item = rrset(ZONE, 60, RdataType.DNSKEY, _changed(old.dnskey, flags=256 | 0x80), live.dnskey)
    ds, good = ds_of(ZONE, live), signed(live, item=item)
    assert entered(ds, item, good) is None
    assert entered(ds_of(ZONE, old), item, good) == Cause.KEY_REVOKED


def test_kinds_of_ds_that_we_cannot_check_mean_insecure() -> None:
    ds = ds_of(ZONE, KSK)
    item = dnskeys(KSK)
    for values, expected in (
        ({"algorithm": 3}, Cause.UNSUPPORTED_ALGORITHM),
        ({"digest_type": 9}, Cause.UNSUPPORTED_DIGEST),
    ):
        other = ds.replace(**values)
        assert isinstance(other, DS)
        entry = enter(ZONE, [other], item, None, WHEN)
        assert entry.insecure
        assert entry.fault is not None
        assert entry.fault.cause == expected


def test_rrsig_values_are_what_they_claim() -> None:
    made = signed()[0]
    assert isinstance(made, RRSIG)
    assert made.key_tag == ZSK.tag == key_tag(ZSK.dnskey)
