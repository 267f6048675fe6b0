"""From a parent's DS to the keys of a zone (RFC 4035 section 5.2, RFC 4509, RFC 6840).

Every DS is tried against every key it could mean, up to a limit; what is told is how far the best
of them came.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from dns.dnssectypes import DSDigest
from dns.name import Name
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.DS import DS
from dns.rrset import RRset

from orchestrator.chain.policy import DEFAULT, Policy
from orchestrator.chain.verify import (
    KEYS_PER_TAG,
    REVOKE,
    ZONE,
    Fault,
    Keys,
    Signed,
    When,
    key_tag,
    keys_of,
    verify,
)
from orchestrator.dns.message import AnyDS
from orchestrator.model import Cause

DIGESTS = {1: hashlib.sha1, 2: hashlib.sha256, 4: hashlib.sha384}
DS_RECORDS = 16  # looked at for one zone
# Faults of an anchor's own zone that say the anchor is not that zone's, or no more (RFC 5011).
NOT_THE_ZONES = (Cause.DS_NO_MATCHING_DNSKEY, Cause.DS_DIGEST_MISMATCH, Cause.KEY_REVOKED)


@dataclass(frozen=True, slots=True)
class Entry:
    """The way into a zone. `keys` is None when nothing vouches for its DNSKEY RRset.

    `fault` with `keys` means: the crypto is whole, the times are not. `insecure` means that no DS
    is of a kind we can check, so the zone counts as unsigned (RFC 4035 section 5.2).
    """

    keys: Keys | None = None
    fault: Fault | None = None
    insecure: bool = False
    expires: int | None = None
    inception: int | None = None


def enter(
    zone: Name, ds: Sequence[DS], dnskey: RRset | None, signatures: RRset | None, when: When
) -> Entry:
    """Judge a zone's DNSKEY RRset by the DS records of its parent (or a trust anchor as DS)."""
    usable, unsupported = supported(zone, ds, when.policy)
    if not usable:
        return Entry(fault=unsupported, insecure=True)
    if dnskey is None:
        detail = "the parent has a DS, the zone no DNSKEY"
        return Entry(fault=_fault(Cause.DNSKEY_MISSING, zone, usable[0], detail))
    trusted, nearest = _vouched(zone, usable, tuple(dnskey))
    if not trusted:
        return Entry(fault=nearest)
    signed = verify(dnskey, signatures, keys_of(zone, trusted), when)
    if signed.fault and signed.expires is None:
        return Entry(fault=_unsigned(zone, signed, signatures, trusted))
    keys = keys_of(zone, (key for key in dnskey if isinstance(key, DNSKEY)))
    return Entry(keys, signed.fault, expires=signed.expires, inception=signed.inception)


def supported(
    zone: Name, ds: Sequence[DS], policy: Policy = DEFAULT
) -> tuple[list[DS], Fault | None]:
    """The DS records we can check, without SHA-1 where there is better (RFC 4509 section 3)."""
    known = [record for record in ds[:DS_RECORDS] if int(record.algorithm) in policy.algorithms]
    usable = [record for record in known if int(record.digest_type) in policy.digests]
    if any(record.digest_type != 1 for record in usable):
        usable = [record for record in usable if record.digest_type != 1]
    if usable or not ds:
        return usable, None
    if known:
        detail = f"DS digest type {int(known[0].digest_type)} is not supported: insecure"
        return [], _fault(Cause.UNSUPPORTED_DIGEST, zone, known[0], detail)
    detail = f"DS algorithm {int(ds[0].algorithm)} is not supported: insecure"
    return [], _fault(Cause.UNSUPPORTED_ALGORITHM, zone, ds[0], detail)


def _fault(cause: Cause, zone: Name, ds: DS, detail: str) -> Fault:
    rrset = "DNSKEY" if cause is not Cause.DS_DIGEST_MISMATCH else "DS"
    return Fault(cause, rrset, zone.to_text(), detail, ds.key_tag, int(ds.algorithm))


# How near a DS came to a key, nearest first.
_NEARNESS = (
    Cause.KEY_REVOKED,
    Cause.KEY_NOT_ZONE_KEY,
    Cause.KEY_PROTOCOL,
    Cause.DS_DIGEST_MISMATCH,
    Cause.VALIDATION_LIMIT,
    Cause.DS_NO_MATCHING_DNSKEY,
)


def _vouched(
    zone: Name, ds: Sequence[DS], records: Sequence[object]
) -> tuple[list[DNSKEY], Fault | None]:
    """The keys that some DS names, or the nearest miss."""
    keys = [record for record in records if isinstance(record, DNSKEY)]
    trusted: list[DNSKEY] = []
    misses: list[Fault] = []
    for record in ds:
        found = _match(zone, record, keys)
        if isinstance(found, Fault):
            misses.append(found)
        else:
            trusted.append(found)
    misses.sort(key=lambda fault: _NEARNESS.index(fault.cause))
    return trusted, misses[0] if misses else None


def _match(zone: Name, ds: DS, keys: Sequence[DNSKEY]) -> DNSKEY | Fault:
    alike = [key for key in keys if int(key.algorithm) == int(ds.algorithm) and _named(ds, key)]
    if not alike:
        tags = ", ".join(sorted({str(key_tag(key)) for key in keys if key.flags & 1})) or "none"
        detail = f"DS {ds.key_tag} names no key of the zone (its key-signing keys: {tags})"
        return _fault(Cause.DS_NO_MATCHING_DNSKEY, zone, ds, detail)
    # A revoked key's digest is another than the DS's; a live one of that tag may still be there.
    revoked = [key for key in alike[:KEYS_PER_TAG] if _was_revoked(ds, key)]
    for key in alike[:KEYS_PER_TAG]:
        if key not in revoked and _digest(zone, key, int(ds.digest_type)) == ds.digest:
            return _fit(zone, ds, key)
    if revoked:
        return _fault(Cause.KEY_REVOKED, zone, ds, f"key {ds.key_tag} has its REVOKE bit set")
    if len(alike) > KEYS_PER_TAG:
        detail = f"{len(alike)} keys share tag {ds.key_tag}, {KEYS_PER_TAG} were tried"
        return _fault(Cause.VALIDATION_LIMIT, zone, ds, detail)
    detail = f"the digest of key {ds.key_tag} is not the one in the DS"
    return _fault(Cause.DS_DIGEST_MISMATCH, zone, ds, detail)


def _named(ds: DS, key: DNSKEY) -> bool:
    """Has `key` the DS's tag, also as it was before it was revoked (RFC 5011 section 2.1)?"""
    return key_tag(key) == ds.key_tag or _was_revoked(ds, key)


def _was_revoked(ds: DS, key: DNSKEY) -> bool:
    """Is it the DS's key, with the REVOKE bit set since, which changed its tag?"""
    if not key.flags & REVOKE or key_tag(key) == ds.key_tag:
        return False
    before = key.replace(flags=key.flags & ~REVOKE)
    assert isinstance(before, DNSKEY)
    return bool(key_tag(before) == ds.key_tag)


def _fit(zone: Name, ds: DS, key: DNSKEY) -> DNSKEY | Fault:
    """A key the DS means may still be none that signs zones (RFC 4034 section 2.1)."""
    if key.flags & REVOKE:
        return _fault(Cause.KEY_REVOKED, zone, ds, f"key {ds.key_tag} has its REVOKE bit set")
    if not key.flags & ZONE:
        return _fault(Cause.KEY_NOT_ZONE_KEY, zone, ds, f"key {ds.key_tag} is no zone key")
    if key.protocol != 3:
        return _fault(Cause.KEY_PROTOCOL, zone, ds, f"key {ds.key_tag} has protocol {key.protocol}")
    return key


def _digest(zone: Name, key: DNSKEY, digest_type: int) -> bytes:
    """RFC 4034 section 5.1.4."""
    return DIGESTS[digest_type](zone.to_digestable() + key.to_digestable()).digest()


def _unsigned(
    zone: Name, signed: Signed, signatures: RRset | None, trusted: Sequence[DNSKEY]
) -> Fault:
    """A DNSKEY RRset without a good signature: by the wrong key, or a bad one by the right."""
    assert signed.fault is not None
    if signatures is None or signed.fault.cause is not Cause.RRSIG_UNKNOWN_KEY:
        return signed.fault
    tags = ", ".join(str(key_tag(key)) for key in trusted)
    detail = f"the key the DS names ({tags}) does not sign the DNSKEY RRset"
    return Fault(
        Cause.DNSKEY_NOT_SIGNED_BY_DS_KEY,
        "DNSKEY",
        zone.to_text(),
        detail,
        key_tag(trusted[0]),
        int(trusted[0].algorithm),
    )


def as_ds(zone: Name, key: DNSKEY) -> DS:
    """A trust anchor given as a key, as the DS that means the same."""
    digest = _digest(zone, key, DSDigest.SHA256)
    return AnyDS(key_tag(key), int(key.algorithm), DSDigest.SHA256, digest)
