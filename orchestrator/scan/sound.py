"""Is an RRset signed as it should be? The quick half of a scan: yes, or a doubt.

A doubt is no verdict. It sends the zone to `chain`, which looks again and judges; so whatever is
not plainly in order is a doubt here, and the rules are those of RFC 4035 section 5.3 without the
finer points (a wildcard's signature is a doubt, too).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from orchestrator.chain.policy import DEFAULT, Policy
from orchestrator.chain.trust import DIGESTS, DS_RECORDS
from orchestrator.chain.verify import KEYS_PER_TAG, SIGNATURES
from orchestrator.dns import wire
from orchestrator.dns.wire import Record, Rrsig
from orchestrator.scan.keys import Key, Keys, key_of, keys_of

KEYS = 32  # records of one DNSKEY RRset; no zone of the root has ten


class Doubt(Exception):
    """Something is not as in a sound zone. `late`: only the times of a signature are wrong.

    `invalid`: a signature was there, or a DS, and does not hold; all else may be a mere oddity.
    """

    def __init__(self, why: str, *, late: bool = False, invalid: bool = False) -> None:
        super().__init__(why)
        self.why, self.late, self.invalid = why, late, invalid


class Rrset(NamedTuple):
    """The records of one name and type, and the RRSIG records over them, as they are."""

    owner: bytes
    rdtype: int
    rdatas: list[bytes]
    signatures: list[bytes]


def rrsets(section: Iterable[Record]) -> dict[tuple[bytes, int], Rrset]:
    """A section's RRsets of class IN, by owner and type; signatures stand with what they cover."""
    found: dict[tuple[bytes, int], Rrset] = {}
    for owner, rdtype, rdclass, _, rdata in section:
        if rdclass != wire.IN:
            continue
        signature = rdtype == wire.RRSIG
        key = (owner, rdata[0] << 8 | rdata[1] if signature else rdtype)
        rrset = found.get(key)
        if rrset is None:
            rrset = found[key] = Rrset(*key, [], [])
        (rrset.signatures if signature else rrset.rdatas).append(rdata)
    return {key: rrset for key, rrset in found.items() if rrset.rdatas}


@dataclass(slots=True)
class Ledger:
    """The moment to judge for, and what was verified: how much, its first end, its last beginning.

    `now` is in POSIX seconds. What held once is remembered by its signature: most answers about a
    zone bring its SOA and the same denial records again.
    """

    now: float
    policy: Policy = DEFAULT
    good: int = 0
    expires: int | None = None
    newest: int | None = None
    held: dict[bytes, tuple[Keys, Rrset]] = field(default_factory=dict)

    def check(self, rrset: Rrset | None, keys: Keys) -> None:
        """Count a good RRset. Raises Doubt."""
        if rrset is None:
            raise Doubt("something is missing")
        first = rrset.signatures[0] if rrset.signatures else b""
        if self.held.get(first) == (keys, rrset):
            self.good += 1
            return
        why = late = ""
        for record in rrset.signatures[:SIGNATURES]:
            signature = wire.rrsig(record)
            if signature is None:
                why = "a signature that cannot be read"
                continue
            why = self._why_not(rrset, signature, keys)
            late = "" if why else self._untimely(signature)
            if not why and not late:
                self._count(signature)
                self.held[first] = (keys, rrset)
                return
        what = f"type {rrset.rdtype} of {wire.to_text(rrset.owner)}"
        fault = why or late
        raise Doubt(f"{what}: {fault or 'no signature'}", late=bool(late), invalid=bool(fault))

    def _why_not(self, rrset: Rrset, signature: Rrsig, keys: Keys) -> str:
        """Why this signature does not hold, times aside; "" when it does."""
        owner = rrset.owner
        if signature.signer != keys.zone or not wire.under(owner, keys.zone):
            return "signed by another zone"
        if signature.labels != wire.depth(owner):
            return "from a wildcard"
        candidates = keys.by_id.get((signature.key_tag, signature.algorithm), ())
        if not candidates or signature.algorithm not in self.policy.algorithms:
            return f"no usable key has tag {signature.key_tag}"
        data = signed_data(rrset, signature)
        for key in candidates[:KEYS_PER_TAG]:
            if key.verifies(data, signature.signature):
                return ""
        return f"a signature by {signature.key_tag} does not verify"

    def _untimely(self, signature: Rrsig) -> str:
        if _later(self.now, signature.expiration) > self.policy.skew:
            return f"a signature by {signature.key_tag} has expired"
        if _later(signature.inception, self.now) > self.policy.skew:
            return f"a signature by {signature.key_tag} begins later"
        return ""

    def _count(self, signature: Rrsig) -> None:
        self.good += 1
        self.expires = min(self.expires or signature.expiration, signature.expiration)
        self.newest = max(self.newest or 0, signature.inception)


def signed_data(rrset: Rrset, signature: Rrsig) -> bytes:
    """The octets that were signed, RFC 4034 section 3.1.8.1; the records are canonical already."""
    fixed = rrset.owner + struct.pack("!HHI", rrset.rdtype, wire.IN, signature.original_ttl)
    records = sorted(set(rrset.rdatas)) if len(rrset.rdatas) > 1 else rrset.rdatas
    parts = [part for one in records for part in (fixed, len(one).to_bytes(2, "big"), one)]
    return b"".join((signature.head, *parts))


def _later(one: float, other: float) -> float:
    """How many seconds `one` is after `other`, in serial arithmetic (RFC 4034 section 3.1.5)."""
    return (one - other + 2**31) % 2**32 - 2**31


def enter(zone: bytes, ds: Sequence[bytes], shown: Rrset | None, ledger: Ledger) -> Keys:
    """The zone's keys, from its DNSKEY RRset, by its parent's DS (RFC 4035 5.2). Raises Doubt."""
    if shown is None:
        raise Doubt("no DNSKEY came")
    if len(shown.rdatas) > KEYS:
        raise Doubt(f"{len(shown.rdatas)} keys")
    keys = [key_of(rdata) for rdata in shown.rdatas]
    wanted = usable_ds(ds, ledger.policy)
    if not wanted:
        raise Doubt("no DS of a kind that can be checked")
    vouched = [key for key in keys if key.usable and any(_means(zone, one, key) for one in wanted)]
    if not vouched:
        raise Doubt("no DS fits a key", invalid=True)
    ledger.check(shown, keys_of(zone, vouched))
    return keys_of(zone, keys)


def usable_ds(ds: Sequence[bytes], policy: Policy) -> list[bytes]:
    """Those of a kind we can check, without SHA-1 where there is better (RFC 4509 section 3)."""
    known = [
        one for one in ds[:DS_RECORDS] if one[2] in policy.algorithms and one[3] in policy.digests
    ]
    return [one for one in known if one[3] != 1] or known


def _means(zone: bytes, ds: bytes, key: Key) -> bool:
    """Is `key` the one whose digest the DS holds (RFC 4034 section 5.1.4)?"""
    if (key.tag, key.algorithm) != (int.from_bytes(ds[:2], "big"), ds[2]):
        return False
    return bool(DIGESTS[ds[3]](zone + key.rdata).digest() == ds[4:])
