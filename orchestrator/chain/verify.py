"""Does a signature over an RRset verify, and when not, why (RFC 4035 section 5.3, RFC 6840)?

dnspython brings the public-key algorithms; the rules are here. Crypto is verified before times
are judged: an expired signature that verifies and one that never did are different incidents.
Work is bounded (CVE-2023-50387): so many signatures an RRset, so many keys a tag.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any

import dns.exception
import dns.name
import dns.rdatatype
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from dns.name import Name
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.RRSIG import RRSIG
from dns.rrset import RRset

from orchestrator.chain.policy import DEFAULT, Policy
from orchestrator.model import Cause, rfc3339

SIGNATURES = 8  # tried for one RRset; BIND allows 16 validations a whole fetch
ANSWER = 64  # keys tried on signatures of one answer; a denial signed twice takes 8
VERDICT = 20_000  # different ones for one verdict: 26 servers that sign each answer anew, twice
KEYS_PER_TAG = 4  # tried for one signature; Unbound's limit for colliding tags is the same
RSA_BITS, EXPONENT_BITS = 4096, 64  # RFC 3110 section 2; BIND takes exponents up to 35 bits
ZONE, REVOKE = 0x0100, 0x0080  # DNSKEY flags, RFC 4034 section 2.1.1 and RFC 5011 section 7

_UNUSABLE = (
    InvalidSignature,
    UnsupportedAlgorithm,
    dns.exception.DNSException,
    ValueError,
    TypeError,
    IndexError,
    struct.error,
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with one RRset of one answer."""

    cause: Cause
    rrset: str
    owner: str
    detail: str = ""
    key_tag: int | None = None
    algorithm: int | None = None


@dataclass(slots=True)
class Work:
    """What has been tried (CVE-2023-50387). For a verdict, what all servers send costs once.

    `answer` tries were made on one answer's signatures, and `failed` of its keys or signatures.
    """

    most: int = VERDICT
    tried: set[tuple[DNSKEY, bytes, bytes]] = field(default_factory=set)
    answer: int = 0
    failed: int = 0

    @property
    def spent(self) -> str:
        """Why there will be no verdict, or ""."""
        over = len(self.tried) >= self.most
        return f"{self.most} different signatures were tried: may be an attack" if over else ""

    def limit(self) -> str:
        """Why nothing more is tried, or ""."""
        over = self.answer >= ANSWER
        return f"{ANSWER} keys were tried on its answer's signatures" if over else self.spent


@dataclass(frozen=True, slots=True)
class When:
    """The moment to judge for: POSIX seconds, and how many seconds of tolerance either way.

    `policy` says what counts; `work` is what may still be spent on it, None sets no limit.
    """

    now: float
    skew: float = 0
    work: Work | None = field(default=None, compare=False)
    policy: Policy = DEFAULT

    def begin(self) -> None:
        """The next answer is judged."""
        if self.work:
            self.work.answer = self.work.failed = 0

    def verifies(self, key: DNSKEY, data: bytes, signature: bytes) -> bool:
        if self.work:
            self.work.answer += 1
            self.work.tried.add((key, data, signature))
        fits = _verifies(key, data, signature)
        if not fits:
            self.fails()
        return fits

    def fails(self) -> None:
        """One more key or signature has failed in this answer."""
        if self.work:
            self.work.failed += 1

    def gives_up(self) -> bool:
        """Have more failed than the policy's validator puts up with?"""
        most = self.policy.failures
        return most is not None and self.work is not None and self.work.failed > most

    def patient(self) -> When:
        """The same, with no end to failures."""
        return replace(self, policy=self.policy.model_copy(update={"failures": None}))


@dataclass(frozen=True)
class Keys:
    """The keys of `zone` that may sign its data, by (key tag, algorithm)."""

    zone: Name
    by_id: Mapping[tuple[int, int], tuple[DNSKEY, ...]]

    @cached_property
    def value(self) -> frozenset[DNSKEY]:
        """The keys as a set: two servers that show the same keys show the same value."""
        return frozenset(key for keys in self.by_id.values() for key in keys)


@dataclass(frozen=True, slots=True)
class Signed:
    """How one RRset stands. `fault` is None when a signature verified and is in time.

    `expires` is the POSIX time the best verified signature ends; `source` is set when the RRset
    was synthesized from the wildcard "*.source" (RFC 4035 section 5.3.4), which is then only
    right with a proof that no closer name exists.
    """

    fault: Fault | None
    expires: int | None = None
    inception: int | None = None
    source: Name | None = None


def keys_of(zone: Name, records: Iterable[DNSKEY]) -> Keys:
    """The usable keys among a zone's DNSKEY records: zone keys, protocol 3, not revoked.

    Those of one tag are in canonical order, in which BIND tries them.
    """
    by_id: dict[tuple[int, int], tuple[DNSKEY, ...]] = {}
    for key in records:
        if key.flags & ZONE and not key.flags & REVOKE and key.protocol == 3:
            ident = (key_tag(key), int(key.algorithm))
            by_id[ident] = (*by_id.get(ident, ()), key)
    for ident, alike in by_id.items():
        by_id[ident] = tuple(sorted(alike, key=DNSKEY.to_digestable))
    return Keys(zone, by_id)


@lru_cache(maxsize=4096)
def key_tag(key: DNSKEY) -> int:
    """The tag of a DNSKEY record."""
    return tag_of(key.to_wire(origin=dns.name.root) or b"")


def tag_of(rdata: bytes) -> int:
    """The key tag by a DNSKEY record's data (RFC 4034 appendix B, but for RSA/MD5 in B.1)."""
    even = rdata if len(rdata) % 2 == 0 else rdata + b"\0"
    total: int = sum(struct.unpack(f"!{len(even) // 2}H", even))
    return (total + (total >> 16)) & 0xFFFF


# The likeliest intention first: what the nearest miss among several signatures says is the cause.
_NEARNESS = (
    Cause.RRSIG_EXPIRED,
    Cause.RRSIG_NOT_YET_VALID,
    Cause.RRSIG_INVALID,
    Cause.VALIDATION_LIMIT,
    Cause.RRSIG_MALFORMED,
    Cause.RRSIG_UNKNOWN_KEY,
    Cause.UNSUPPORTED_ALGORITHM,
    Cause.RRSIG_MISSING,
)


def verify(rrset: RRset, signatures: RRset | None, keys: Keys, when: When) -> Signed:
    """Judge `rrset` by the signatures over it; one good signature is enough (RFC 4035 5.3.3).

    Where the policy's validator gives up, it does so in the order in which signatures came; over a
    DNSKEY RRset BIND 9.18.49 does not.
    """
    if rrset.rdtype == dns.rdatatype.DNSKEY and when.policy.failures is not None:
        when = when.patient()
    best = Signed(_fault(Cause.RRSIG_MISSING, rrset, "no signature over it came with the answer"))
    for number, signature in enumerate(signatures or ()):
        if number == SIGNATURES:
            return _nearer(best, _limit(rrset, f"more than {SIGNATURES} signatures"))
        if when.work and (why := when.work.limit()):
            return _limit(rrset, why)
        signed = _judge(rrset, signature, keys, when)
        if signed.fault is None or when.gives_up():
            return signed
        best = _nearer(best, signed)
    return best


def _limit(rrset: RRset, why: str) -> Signed:
    return Signed(_fault(Cause.VALIDATION_LIMIT, rrset, why))


def _nearer(one: Signed, other: Signed) -> Signed:
    assert one.fault is not None
    assert other.fault is not None
    rank = _NEARNESS.index
    return one if rank(one.fault.cause) <= rank(other.fault.cause) else other


def _fault(cause: Cause, rrset: RRset, detail: str, signature: RRSIG | None = None) -> Fault:
    return Fault(
        cause,
        dns.rdatatype.to_text(rrset.rdtype),
        rrset.name.to_text(),
        detail,
        signature.key_tag if signature else None,
        int(signature.algorithm) if signature else None,
    )


def _judge(rrset: RRset, signature: RRSIG, keys: Keys, when: When) -> Signed:
    """One signature, in the order RFC 4035 section 5.3.1 gives, except that times come last."""
    owner_labels = len(rrset.name) - 1 - rrset.name.is_wild()
    if signature.signer != keys.zone or not rrset.name.is_subdomain(keys.zone):
        return _no(rrset, signature, f"signed by {signature.signer}, not by {keys.zone}")
    if signature.labels > owner_labels:
        return _no(rrset, signature, f"label count {signature.labels} is over {owner_labels}")
    if int(signature.algorithm) not in when.policy.algorithms:
        detail = f"algorithm {int(signature.algorithm)} is not supported"
        return Signed(_fault(Cause.UNSUPPORTED_ALGORITHM, rrset, detail, signature))
    candidates = keys.by_id.get((signature.key_tag, int(signature.algorithm)), ())
    if not candidates:
        detail = f"no DNSKEY of {keys.zone} has tag {signature.key_tag}"
        return Signed(_fault(Cause.RRSIG_UNKNOWN_KEY, rrset, detail, signature))
    data = _signed_data(rrset, signature)
    if tried := _vain_tries(candidates, data, signature, when):
        return _unverified(rrset, signature, len(candidates), tried)
    fault = _out_of_time(rrset, signature, when)
    if fault:
        when.fails()
    source = None
    if signature.labels < owner_labels:
        source = rrset.name.split(signature.labels + 1)[1]
    return Signed(fault, signature.expiration, signature.inception, source)


def _vain_tries(candidates: Sequence[DNSKEY], data: bytes, signature: RRSIG, when: When) -> int:
    """How many keys were tried when none fits; 0: one does."""
    vain = 0
    for key in candidates[:KEYS_PER_TAG]:
        if when.verifies(key, data, signature.signature):
            return 0
        vain += 1
        if when.gives_up():
            break
    return vain


def _no(rrset: RRset, signature: RRSIG, detail: str) -> Signed:
    return Signed(_fault(Cause.RRSIG_INVALID, rrset, detail, signature))


def _unverified(rrset: RRset, signature: RRSIG, candidates: int, tried: int) -> Signed:
    if candidates > tried:
        were = "was" if tried == 1 else "were"
        detail = f"{candidates} keys share tag {signature.key_tag}, {tried} {were} tried"
        return Signed(_fault(Cause.VALIDATION_LIMIT, rrset, detail, signature))
    keys = "the key" if candidates == 1 else f"any of the {candidates} keys"
    return _no(rrset, signature, f"does not verify with {keys} of tag {signature.key_tag}")


def _out_of_time(rrset: RRset, signature: RRSIG, when: When) -> Fault | None:
    late = _later(when.now, signature.expiration)
    early = _later(signature.inception, when.now)
    skew = max(when.skew, when.policy.tolerance(_lifetime(signature)))
    if late > skew:
        detail = f"expired {_at(signature.expiration)}, {_span(late)} ago; {_tolerance(signature)}"
        return _fault(Cause.RRSIG_EXPIRED, rrset, detail, signature)
    if early > skew:
        detail = f"begins {_at(signature.inception)}, in {_span(early)}; {_tolerance(signature)}"
        return _fault(Cause.RRSIG_NOT_YET_VALID, rrset, detail, signature)
    return None


def _later(one: float, other: float) -> float:
    """How many seconds `one` is after `other`, in serial arithmetic (RFC 4034 section 3.1.5)."""
    return (one - other + 2**31) % 2**32 - 2**31


def _at(posix: int) -> str:
    return rfc3339(datetime.fromtimestamp(posix, UTC))


def _span(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _tolerance(signature: RRSIG) -> str:
    """What common resolvers allow: unbound.conf(5), val-sig-skew-min and -max; BIND: nothing."""
    unbound = Policy(skew_share=0.1).tolerance(_lifetime(signature))
    return f"BIND tolerates nothing, Unbound {_span(unbound)}"


def _lifetime(signature: RRSIG) -> float:
    return _later(signature.expiration, signature.inception)


def _signed_data(rrset: RRset, signature: RRSIG) -> bytes:
    """The octets that were signed, RFC 4034 section 3.1.8.1 with the canonical form of 6.2."""
    owner = rrset.name
    if signature.labels < len(owner) - 1 - owner.is_wild():
        owner = dns.name.Name([b"*", *owner.split(signature.labels + 1)[1].labels])
    head = signature.to_wire(origin=dns.name.root) or b""
    fixed = owner.to_digestable() + struct.pack(
        "!HHI", rrset.rdtype, rrset.rdclass, signature.original_ttl
    )
    records = sorted({rdata.to_digestable() for rdata in rrset})
    return (
        head[:18]
        + signature.signer.to_digestable()
        + b"".join(fixed + struct.pack("!H", len(record)) + record for record in records)
    )


@lru_cache(maxsize=65536)
def _verifies(key: DNSKEY, data: bytes, signature: bytes) -> bool:
    """The crypto alone. Every server sends the same signatures, so answers are remembered."""
    try:
        _public(key).verify(signature, data)
    except _UNUSABLE:
        return False
    return True


@lru_cache(maxsize=4096)
def _public(key: DNSKEY) -> Any:
    # A scan needs this module's limits first, and these classes for the few zones it doubts.
    from dns.dnssecalgs import get_algorithm_cls_from_dnskey

    public: Any = get_algorithm_cls_from_dnskey(key).public_cls.from_dnskey(key)
    numbers = public.key.public_numbers() if isinstance(public.key, RSAPublicKey) else None
    if numbers and (public.key.key_size > RSA_BITS or numbers.e.bit_length() > EXPONENT_BITS):
        raise ValueError("an RSA key that takes too long to use")
    return public
