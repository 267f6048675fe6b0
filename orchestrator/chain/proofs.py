"""What NSEC and NSEC3 records prove (RFC 4035 section 5.4, RFC 5155 section 8, RFC 6840 section 4).

The records that come here have been verified; whether they add up to a proof is the question.
A proof has to be complete: the closest encloser, the next closer name and the wildcard each have
their record, and a delegation's records never speak for the child.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import dns.name
from dns.name import Name
from dns.rdata import Rdata
from dns.rdatatype import CNAME, DNAME, DS, NS, SOA, RdataType
from dns.rdatatype import NSEC as NSEC_TYPE
from dns.rdatatype import NSEC3 as NSEC3_TYPE
from dns.rdtypes.ANY.NSEC import NSEC
from dns.rdtypes.ANY.NSEC3 import NSEC3
from dns.rrset import RRset

from orchestrator.model import Cause

ITERATIONS = 150  # above it Unbound, and BIND before 9.20, hold the answer for insecure (RFC 9276)


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether it is proven: `cause` is None when it is.

    `insecure`: the answer cannot be secure, as for opt-out (RFC 5155 section 6) and too many
    iterations. The latter keeps its `cause`: nothing was looked at.
    """

    cause: Cause | None = None
    insecure: bool = False
    detail: str = ""


PROVEN = Proof()
OPTED_OUT = Proof(insecure=True, detail="opt-out")


class Denial(Protocol):
    """The verified denial records of one answer."""

    def nxdomain(self, name: Name) -> Proof:
        """That `name` does not exist."""
        ...

    def nodata(self, name: Name, rdtype: RdataType) -> Proof:
        """That `name` has no `rdtype`; for DS also that a name in an opt-out span is unsigned."""
        ...

    def expansion(self, name: Name, source: Name) -> Proof:
        """That nothing closer than "*.source" matches `name`."""
        ...

    def unsigned_cut(self, name: Name) -> Proof:
        """That `name` is a delegation without DS (RFC 6840 section 4.4: NS is in the bitmap)."""
        ...


def denial(zone: Name, records: Sequence[RRset], iterations: int = ITERATIONS) -> Denial:
    """The records of an answer as what they can prove; above `iterations` that is nothing."""
    kinds = {rrset.rdtype for rrset in records}
    if kinds == {NSEC_TYPE, NSEC3_TYPE}:
        return _Either(_Nsec(zone, records), _Nsec3(zone, records, iterations))
    return _Nsec3(zone, records, iterations) if NSEC3_TYPE in kinds else _Nsec(zone, records)


def no(detail: str) -> Proof:
    return Proof(Cause.DENIAL_INVALID, detail=detail)


def has(rdata: Rdata, rdtype: RdataType) -> bool:
    """Is `rdtype` in the type bitmap of an NSEC or NSEC3 record (RFC 4034 section 4.1.2)?"""
    assert isinstance(rdata, NSEC | NSEC3)
    window, octet, bit = rdtype >> 8, (rdtype & 0xFF) >> 3, 0x80 >> (rdtype & 7)
    return any(w == window and len(b) > octet and b[octet] & bit for w, b in rdata.windows)


def _at_cut(rdata: Rdata) -> bool:
    return has(rdata, NS) and not has(rdata, SOA)


def _lacks(rdata: Rdata, name: Name, rdtype: RdataType) -> Proof:
    """Does the record of `name` itself deny `rdtype`, from the right side of a cut?"""
    if has(rdata, rdtype) or has(rdata, CNAME):
        return no(f"the bitmap of {name} does not deny the type")
    if rdtype == DS and has(rdata, SOA) and name != dns.name.root:
        return no(f"the record of {name} is the child's and says nothing about its DS")
    if rdtype != DS and _at_cut(rdata):
        return no(f"the record of {name} is the parent's and says nothing about the child's types")
    return PROVEN


def _wildcard(source: Name) -> Name:
    return dns.name.Name([b"*", *source.labels])


@dataclass(frozen=True, slots=True)
class _Span:
    """One NSEC record: nothing between `owner` and its next name."""

    owner: Name
    rdata: NSEC

    def covers(self, name: Name, zone: Name) -> bool:
        after, before = self.owner, self.rdata.next
        if not all(one.is_subdomain(zone) for one in (after, before, name)) or not after < name:
            return False
        if name.is_subdomain(after) and (_at_cut(self.rdata) or has(self.rdata, DNAME)):
            return False  # RFC 6840 section 4.1: names below a cut are the child's
        return bool(name < before) or before == zone

    def encloser(self, name: Name) -> Name:
        """The closest encloser of a covered name: what it shares with the span's ends."""
        ends = (self.owner, self.rdata.next)
        shared = max(name.fullcompare(end)[2] for end in ends)
        return name.split(shared)[1]


class _Nsec:
    """NSEC, RFC 4035 section 5.4."""

    def __init__(self, zone: Name, records: Iterable[RRset]) -> None:
        self.zone = zone
        self.spans = [
            _Span(rrset.name, rdata)
            for rrset in records
            for rdata in rrset
            if isinstance(rdata, NSEC)
        ]

    def nxdomain(self, name: Name) -> Proof:
        span = self._cover(name)
        if span is None:
            return no(f"no NSEC covers {name}")
        if span.rdata.next.is_subdomain(name):
            return no(f"{name} is an empty non-terminal, so it exists")
        wildcard = _wildcard(span.encloser(name))
        span = self._cover(wildcard)
        if span is None:
            return no(f"no NSEC covers {wildcard}")
        if span.rdata.next.is_subdomain(wildcard):
            return no(f"{wildcard} is an empty non-terminal, so {name} has no data, but exists")
        return PROVEN

    def nodata(self, name: Name, rdtype: RdataType) -> Proof:
        own = self._match(name)
        if own:
            return _lacks(own.rdata, name, rdtype)
        span = self._cover(name)
        if span is None:
            return no(f"no NSEC matches or covers {name}")
        if span.rdata.next.is_subdomain(name):
            return PROVEN  # an empty non-terminal
        return self._wildcard_nodata(name, _wildcard(span.encloser(name)), rdtype)

    def _wildcard_nodata(self, name: Name, wildcard: Name, rdtype: RdataType) -> Proof:
        own = self._match(wildcard)
        if own:
            return _lacks(own.rdata, wildcard, rdtype)
        span = self._cover(wildcard)
        if span and span.rdata.next.is_subdomain(wildcard):
            return PROVEN  # the wildcard is an empty non-terminal (RFC 4592 section 2.2.2)
        return no(f"no NSEC of {name} or of its wildcard")

    def expansion(self, name: Name, source: Name) -> Proof:
        span = self._cover(name)
        if span is None or span.encloser(name) != source:
            return no(f"no NSEC shows that {name} comes from *.{source}")
        return PROVEN

    def unsigned_cut(self, name: Name) -> Proof:
        own = self._match(name)
        if own is None or not has(own.rdata, NS):
            return no(f"no NSEC shows that {name} is an unsigned delegation")
        return _lacks(own.rdata, name, DS)

    def _match(self, name: Name) -> _Span | None:
        return next((span for span in self.spans if span.owner == name), None)

    def _cover(self, name: Name) -> _Span | None:
        """The span over `name`; of several, the one that shows the closest encloser."""
        over = [span for span in self.spans if span.covers(name, self.zone)]
        return max(over, key=lambda span: len(span.encloser(name)), default=None)


@dataclass(frozen=True, slots=True)
class _Either:
    """A zone on its way from one kind of chain to the other may show both; one that holds is it."""

    nsec: _Nsec
    nsec3: _Nsec3

    def nxdomain(self, name: Name) -> Proof:
        return _better(self.nsec.nxdomain(name), self.nsec3.nxdomain(name))

    def nodata(self, name: Name, rdtype: RdataType) -> Proof:
        return _better(self.nsec.nodata(name, rdtype), self.nsec3.nodata(name, rdtype))

    def expansion(self, name: Name, source: Name) -> Proof:
        return _better(self.nsec.expansion(name, source), self.nsec3.expansion(name, source))

    def unsigned_cut(self, name: Name) -> Proof:
        return _better(self.nsec.unsigned_cut(name), self.nsec3.unsigned_cut(name))


def _better(nsec: Proof, nsec3: Proof) -> Proof:
    return nsec if nsec.cause is None else nsec3


class _Nsec3:
    """NSEC3, RFC 5155 section 8. A zone may have several chains; each record has its parameters."""

    def __init__(self, zone: Name, records: Iterable[RRset], most: int) -> None:
        self.zone = zone
        self.most = most
        self.spans = [
            (owner, rdata)
            for rrset in records
            for rdata in rrset
            if isinstance(rdata, NSEC3) and _usable(rdata)
            if (owner := owner_hash(rrset.name, zone))
        ]
        self.iterations = max((rdata.iterations for _, rdata in self.spans), default=0)
        self.costly = self.iterations > most

    def nxdomain(self, name: Name) -> Proof:
        return self._too_costly() or self._nxdomain(name)

    def nodata(self, name: Name, rdtype: RdataType) -> Proof:
        return self._too_costly() or self._nodata(name, rdtype)

    def expansion(self, name: Name, source: Name) -> Proof:
        if self.costly:
            return self._too_costly() or PROVEN
        closer = name.split(len(source) + 1)[1]
        span = self._cover(closer)
        if span is None:
            return no(f"no NSEC3 covers {closer}")
        return OPTED_OUT if span.flags & 1 else PROVEN

    def unsigned_cut(self, name: Name) -> Proof:
        return self._too_costly() or self._unsigned_cut(name)

    def _too_costly(self) -> Proof | None:
        if not self.costly:
            return None
        detail = f"{self.iterations} iterations, over {self.most} is insecure to resolvers"
        return Proof(Cause.NSEC3_ITERATIONS, insecure=True, detail=detail)

    def _nxdomain(self, name: Name) -> Proof:
        if self._match(name):
            return no(f"an NSEC3 matches {name}, so it exists")
        encloser, span = self._closest(name)
        if encloser is None:
            return no(f"no NSEC3 matches an encloser of {name}")
        if span is None:
            return no(f"no NSEC3 covers the name next closer than {encloser}")
        if not self._cover(_wildcard(encloser)):
            return no(f"no NSEC3 covers *.{encloser}")
        return OPTED_OUT if span.flags & 1 else PROVEN

    def _nodata(self, name: Name, rdtype: RdataType) -> Proof:
        own = self._match(name)
        if own:
            return _lacks(own, name, rdtype)
        encloser, span = self._closest(name)
        if encloser is None or span is None:
            return no(f"no NSEC3 matches {name} or covers it under a proven encloser")
        wildcard = self._match(_wildcard(encloser))
        if span.flags & 1 and (wildcard is None or rdtype == DS):
            return OPTED_OUT  # an unsigned delegation, or a name above one (RFC 5155 errata 3441)
        if wildcard is None:
            return no(f"no NSEC3 of {name}, and the span over it does not opt out")
        proof = _lacks(wildcard, _wildcard(encloser), rdtype)
        return OPTED_OUT if proof == PROVEN and span.flags & 1 else proof

    def _unsigned_cut(self, name: Name) -> Proof:
        """RFC 5155 section 8.9: its own record, or an opt-out span; a wildcard is no delegation."""
        own = self._match(name)
        if own and not has(own, NS):
            return no(f"the NSEC3 of {name} does not show a delegation")
        if own:
            return _lacks(own, name, DS)
        _, span = self._closest(name)
        if span is None or not span.flags & 1:
            return no(f"no NSEC3 of {name}, and no span over it opts out")
        return OPTED_OUT

    def _closest(self, name: Name) -> tuple[Name | None, NSEC3 | None]:
        """The closest provable encloser, and what covers the next closer name (section 8.3)."""
        closer = name
        while closer != self.zone and len(closer) > len(self.zone):
            encloser = closer.parent()
            own = self._match(encloser)
            if own:
                below_cut = _at_cut(own) or has(own, DNAME)
                return (None, None) if below_cut else (encloser, self._cover(closer))
            closer = encloser
        return None, None

    def _match(self, name: Name) -> NSEC3 | None:
        return next((r for owner, r in self.spans if owner == _hash(name, r)), None)

    def _cover(self, name: Name) -> NSEC3 | None:
        """A span over `name`; of several, one that does not opt out says more."""
        over = [r for owner, r in self.spans if between(owner, _hash(name, r), r.next)]
        return min(over, key=lambda rdata: rdata.flags & 1, default=None)


def _usable(rdata: NSEC3) -> bool:
    """RFC 5155 sections 8.1 and 8.2: others are ignored."""
    return rdata.algorithm == 1 and not rdata.flags & ~1


def _hash(name: Name, rdata: NSEC3) -> bytes:
    return nsec3_hash(name, rdata.salt, rdata.iterations)


def between(owner: bytes, hashed: bytes, after: bytes) -> bool:
    """Is `hashed` strictly inside the span of the ring that starts at `owner`?"""
    if owner < after:
        return owner < hashed < after
    return hashed > owner or hashed < after


def owner_hash(owner: Name, zone: Name) -> bytes | None:
    """The hash in an NSEC3 owner name; None when it is not one of `zone` (RFC 5155 section 3)."""
    if len(owner) != len(zone) + 1 or not owner.is_subdomain(zone):
        return None
    try:
        return base64.b32hexdecode(owner.labels[0].upper())
    except binascii.Error:
        return None


@lru_cache(maxsize=65536)
def nsec3_hash(name: Name, salt: bytes, iterations: int) -> bytes:
    """RFC 5155 section 5, SHA-1 being the only algorithm there is."""
    digest = hashlib.sha1(name.to_digestable() + salt, usedforsecurity=False).digest()
    for _ in range(iterations):
        digest = hashlib.sha1(digest + salt, usedforsecurity=False).digest()
    return digest
