"""The signatures are right, the keys or the DS that should vouch for them are not."""

from __future__ import annotations

from dns.rdatatype import RdataType
from dns.rrset import RRset

from orchestrator.lab.keys import Key, altered
from orchestrator.lab.scenarios.look import (
    Look,
    Scenario,
    healthy,
    published_ds,
    signed,
    signed_by,
)
from orchestrator.lab.scenarios.signatures import unsigned
from orchestrator.lab.signer import Zone, by_type, ds_of, rrset
from orchestrator.lab.world import SOON, Tld, draw

UNKNOWN = 100  # neither an algorithm nor a digest type of that number exists
REVOKED_KSK, NOT_ZONE_KEY = 257 | 128, 1
OTHER_RSA = 10


def unused_ds(tld: Tld, _phase: int) -> Zone:
    """A DS of a key that is not in the DNSKEY RRset."""
    assert tld.keys.old_ksk is not None
    return _ds(tld, tld.keys.old_ksk)


def _ds(tld: Tld, *keys: Key) -> Zone:
    return [rrset(tld.origin, SOON, RdataType.DS, *(ds_of(tld.origin, key) for key in keys))]


def _ds_with(tld: Tld, **fields: object) -> Zone:
    made = ds_of(tld.origin, tld.keys.ksk).replace(**fields)
    return [rrset(tld.origin, SOON, RdataType.DS, made)]


def _mexican_ds(tld: Tld, phase: int) -> Zone:
    """The KSK's tag and algorithm, another key's digest."""
    return _ds_with(tld, digest=unused_ds(tld, phase)[0][0].digest)


def _ds_of_other_algorithm(tld: Tld, _phase: int) -> Zone:
    return _ds_with(tld, algorithm=OTHER_RSA if tld.plan.algorithm != OTHER_RSA else 8)


# al-2026


def _albania(look: Look) -> Zone:
    return (healthy, unsigned, unsigned)[look.phase - 1](look)


def _albanian_ds(tld: Tld, phase: int) -> Zone:
    return (unused_ds, published_ds, _no_ds)[phase - 1](tld, phase)


def _no_ds(_tld: Tld, _phase: int) -> Zone:
    return []


# gov-2013: an algorithm roll half done


def _gov(look: Look) -> Zone:
    """Both algorithms' keys are published, and both KSKs sign them; the new ZSK signs the rest."""
    keys = look.tld.keys
    new_ksk, new_zsk = keys.other

    def signing(item: RRset) -> Zone:
        if item.rdtype == RdataType.DNSKEY:
            return [look.signature(item, keys.ksk), look.signature(item, new_ksk)]
        return [look.signature(item, new_zsk)]

    return signed_by(look, signing, published=(keys.ksk, keys.zsk, *keys.other))


def _gov_ds(tld: Tld, _phase: int) -> Zone:
    return _ds(tld, tld.keys.ksk, tld.keys.other[0])


# Keys that do not do what they should


def _silent_ksk(look: Look) -> Zone:
    """The ZSK signs the DNSKEY RRset too, the KSK nothing."""
    return signed(look, choose=lambda _: look.tld.keys.zsk)


def _withdrawn_zsk(look: Look) -> Zone:
    keys = look.tld.keys
    return signed(look, published=(keys.ksk, keys.spare[0]))


def _collision(look: Look) -> Zone:
    """Two ZSKs of one tag, both published; the first in canonical order signs, or either does.

    BIND 9.18.24 and later give up after one key that does not fit (CVE-2023-50387).
    """
    keys = look.tld.keys
    pair = sorted((keys.zsk, keys.rivals[0]), key=lambda key: key.dnskey.to_digestable())

    def choose(item: RRset) -> Key:
        if item.rdtype == RdataType.DNSKEY:
            return keys.ksk
        return pair[draw("pair", item.name, item.rdtype) % look.phase]

    return signed(look, choose=choose, published=(keys.ksk, *pair))


def _odd_ksk(tld: Tld, phase: int) -> Key:
    ksk = tld.keys.ksk
    flags, protocol = ((REVOKED_KSK, 3), (NOT_ZONE_KEY, 3), (ksk.dnskey.flags, 2))[phase - 1]
    return altered(ksk, flags=flags, protocol=protocol)


def _key_fields(look: Look) -> Zone:
    ksk, zsk = _odd_ksk(look.tld, look.phase), look.tld.keys.zsk
    return signed(look, choose=by_type(ksk, zsk), published=(ksk, zsk))


def _key_fields_ds(tld: Tld, phase: int) -> Zone:
    """Whoever revokes a key leaves the DS as it was; else the DS fits the odd key."""
    return published_ds(tld, phase) if phase == 1 else _ds(tld, _odd_ksk(tld, phase))


# Unsupported: insecure, not bogus


def _unsupported(look: Look) -> Zone:
    if look.phase == 2:
        return healthy(look)
    keys = look.tld.keys
    odd = {key.tag: altered(key, algorithm=UNKNOWN) for key in (keys.ksk, keys.zsk)}
    usual = by_type(keys.ksk, keys.zsk)

    def signing(item: RRset) -> Zone:
        made = look.signature(item, usual(item))
        fields = {"algorithm": UNKNOWN, "key_tag": odd[made[0].key_tag].tag}
        return [rrset(item.name, item.ttl, RdataType.RRSIG, made[0].replace(**fields))]

    return signed_by(look, signing, published=tuple(odd.values()))


def _unsupported_ds(tld: Tld, phase: int) -> Zone:
    if phase == 1:
        return _ds(tld, altered(tld.keys.ksk, algorithm=UNKNOWN))
    return _ds_with(tld, digest_type=UNKNOWN)


SCENARIOS = (
    Scenario(
        "fj-2022",
        "C3",
        "KSK rollover: the DS points to a key that is not in use",
        ("the DS matches no DNSKEY",),
        healthy,
        unused_ds,
    ),
    Scenario(
        "al-2026",
        "C3 C5",
        "a DS that fits no key, then no DNSKEY, then the DS is withdrawn",
        ("the DS matches no DNSKEY", "no DNSKEY", "no DS: provably insecure, zone unsigned"),
        _albania,
        _albanian_ds,
    ),
    Scenario(
        "mx-2023",
        "C3",
        "a DS with the tag and the algorithm of the KSK and another digest",
        ("the digest of the DS is another key's",),
        healthy,
        _mexican_ds,
    ),
    Scenario(
        "ds-algorithm",
        "C3",
        "a DS with the tag and the digest of the KSK and another algorithm",
        ("the algorithm of the DS is no DNSKEY's",),
        healthy,
        _ds_of_other_algorithm,
    ),
    Scenario(
        "ksk-not-signing",
        "C4",
        "the DS matches a DNSKEY that does not sign the DNSKEY RRset",
        ("the ZSK alone signs the DNSKEY RRset",),
        _silent_ksk,
    ),
    Scenario(
        "zsk-withdrawn",
        "C8",
        "the ZSK left the DNSKEY RRset before its signatures did",
        ("signatures by a key that is not published",),
        _withdrawn_zsk,
    ),
    Scenario(
        "gov-2013",
        "C11",
        "algorithm roll half done: strict validators fail, most do not",
        ("two algorithms in DS and DNSKEY, signatures by the second only",),
        _gov,
        _gov_ds,
    ),
    Scenario(
        "unsupported",
        "C12",
        "what validators do not know is insecure, not bogus",
        ("an algorithm that nobody knows", "a digest type that nobody knows"),
        _unsupported,
        _unsupported_ds,
    ),
    Scenario(
        "tag-collision",
        "C16",
        "two published ZSKs with one key tag: legal, and secure, but BIND tries one key only",
        ("one key signs", "either key has signed half of the zone"),
        _collision,
    ),
    Scenario(
        "key-fields",
        "C17",
        "a KSK that may not be used",
        (
            "REVOKE set, the DS left as it was",
            "the zone-key bit clear, the DS fits",
            "protocol 2, the DS fits",
        ),
        _key_fields,
        _key_fields_ds,
    ),
)
