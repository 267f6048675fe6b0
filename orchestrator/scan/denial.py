"""Do the denial records of an answer prove it? The usual shapes; all else is a doubt.

For a name directly below the apex, which is all that a scan asks for: the closest encloser is the
apex. NSEC: RFC 4035 section 5.4; NSEC3: RFC 5155 section 8. The records are verified before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

from orchestrator.dns import wire
from orchestrator.dns.wire import CNAME, DNAME, DS, NS, NSEC, NSEC3, SOA
from orchestrator.scan.sound import Doubt, Rrset

OPT_OUT = 1


class Span(NamedTuple):
    """One NSEC3 record: from `owner` to `after` in the ring of hashes."""

    owner: bytes
    after: bytes
    flags: int
    bitmap: bytes


class Ring(NamedTuple):
    """How the hashes of a zone's NSEC3 ring are made (RFC 5155 section 5)."""

    salt: bytes = b""
    iterations: int = 0

    def hash(self, name: bytes) -> bytes:
        """SHA-1 is the only algorithm there is."""
        digest = hashlib.sha1(name + self.salt, usedforsecurity=False).digest()
        for _ in range(self.iterations):
            digest = hashlib.sha1(digest + self.salt, usedforsecurity=False).digest()
        return digest


@lru_cache(maxsize=256)
def _known_hash(ring: Ring, name: bytes) -> bytes:
    """Of the names that every answer about a zone needs: its apex and its wildcard."""
    return ring.hash(name)


def within(place: Any, owner: Any, after: Any) -> bool:
    """Is a place strictly inside the span of a ring that begins at `owner`?"""
    if owner < after:
        return bool(owner < place < after)
    return bool(place > owner or place < after)


class Nsec3:
    """The NSEC3 records of one answer. Raises Doubt when they do not belong together."""

    def __init__(self, zone: bytes, records: Iterable[Rrset]) -> None:
        self.zone = zone
        self.spans: dict[bytes, Span] = {}
        self.manner = b""  # iterations and salt as they are in a record, alike in all of a chain
        self.ring = Ring()
        for rrset in records:
            for rdata in rrset.rdatas:
                self._add(rrset.owner, rdata)

    def _add(self, owner: bytes, rdata: bytes) -> None:
        at = 5 + rdata[4]
        size, manner = rdata[at], rdata[2:at]
        after, bitmap = rdata[at + 1 : at + 1 + size], rdata[at + 1 + size :]
        if rdata[0] != 1 or rdata[1] & ~OPT_OUT or len(after) != 20:
            raise Doubt("an NSEC3 of an unusual kind")
        if manner != self.manner:
            if self.manner:
                raise Doubt("NSEC3 records of two chains")
            self.manner, self.ring = manner, Ring(manner[3:], int.from_bytes(manner[:2], "big"))
        hashed = self._hash_of(owner)
        self.spans[hashed] = Span(hashed, after, rdata[1], bitmap)

    def _hash_of(self, owner: bytes) -> bytes:
        if owner[1 + owner[0] :] != self.zone:
            raise Doubt("an NSEC3 that is not directly below the zone")
        # The digits of base32hex are those of a number to the base of 32.
        return int(owner[1 : 1 + owner[0]], 32).to_bytes(20, "big")

    @property
    def iterations(self) -> int:
        return self.ring.iterations

    def place(self, name: bytes) -> bytes:
        """Where a name is in the ring."""
        return self.ring.hash(name)

    def places(self) -> dict[bytes, bytes]:
        """Where each span begins, and where it ends."""
        return {span.owner: span.after for span in self.spans.values()}

    def nxdomain(self, name: bytes) -> None:
        """Raises Doubt when it is not proven that `name`, below the apex, does not exist."""
        self._encloser()
        self._covering(self.ring.hash(name))
        self._covering(_known_hash(self.ring, b"\1*" + self.zone))

    def nodata(self, name: bytes, rdtype: int) -> None:
        """Raises Doubt when it is not proven that `name` has no `rdtype`."""
        hashed = self.ring.hash(name)
        own = self.spans.get(hashed)
        if own:
            _lacks(own.bitmap, rdtype)
            return
        self._encloser()
        span = self._covering(hashed)
        if rdtype != DS or not span.flags & OPT_OUT:
            raise Doubt("no NSEC3 of the name, and no opt-out")

    def _encloser(self) -> None:
        own = self.spans.get(_known_hash(self.ring, self.zone))
        types = wire.types(own.bitmap) if own else None
        if types is None or SOA not in types or DNAME in types:
            raise Doubt("no NSEC3 of the apex")

    def _covering(self, hashed: bytes) -> Span:
        for span in self.spans.values():
            if within(hashed, span.owner, span.after):
                return span
        raise Doubt("no NSEC3 covers a name it has to")


class Nsec:
    """The NSEC records of one answer."""

    iterations = 0

    def __init__(self, zone: bytes, records: Iterable[Rrset]) -> None:
        self.zone = zone
        self.spans = {rrset.owner: rrset.rdatas[0] for rrset in records if len(rrset.rdatas) == 1}

    def place(self, name: bytes) -> tuple[bytes, ...]:
        """Where a name is in the ring."""
        return order(name)

    def places(self) -> dict[tuple[bytes, ...], tuple[bytes, ...]]:
        """Where each span begins, and where it ends."""
        return {
            order(owner): order(rdata[: wire.name_size(rdata)].lower())
            for owner, rdata in self.spans.items()
        }

    def nxdomain(self, name: bytes) -> None:
        """Raises Doubt when it is not proven that `name`, below the apex, does not exist."""
        if wire.under(self._covering(name), name):
            raise Doubt("an empty non-terminal is said not to exist")
        wildcard = b"\1*" + self.zone
        if wire.under(self._covering(wildcard), wildcard):
            raise Doubt("the wildcard is an empty non-terminal, so the name exists")

    def nodata(self, name: bytes, rdtype: int) -> None:
        """Raises Doubt when it is not proven that `name` has no `rdtype`."""
        own = self.spans.get(name)
        if own is not None:
            _lacks(own[wire.name_size(own) :], rdtype)
        elif not wire.under(self._covering(name), name):
            raise Doubt("no NSEC of the name")

    def _covering(self, name: bytes) -> bytes:
        """The next name of the record that covers `name`."""
        place = order(name)
        for owner, rdata in self.spans.items():
            after = rdata[: wire.name_size(rdata)].lower()
            if not wire.under(after, self.zone):
                raise Doubt("an NSEC leads out of the zone")
            if order(owner) < place and (place < order(after) or after == self.zone):
                self._no_cut(owner, rdata, name)
                return after
        raise Doubt("no NSEC covers a name it has to")

    def _no_cut(self, owner: bytes, rdata: bytes, name: bytes) -> None:
        """A parent's record says nothing about what is below the cut (RFC 6840 section 4.1)."""
        if owner != self.zone and wire.under(name, owner):
            types = wire.types(rdata[wire.name_size(rdata) :])
            if types is None or NS in types or DNAME in types:
                raise Doubt("an NSEC of a cut above the name")


def order(name: bytes) -> tuple[bytes, ...]:
    """The name's place in canonical order (RFC 4034 section 6.1), in lower case."""
    return tuple(reversed(wire.labels(name)))


def _lacks(bitmap: bytes, rdtype: int) -> None:
    """Does the record of a name itself deny `rdtype`, from the right side of a cut?"""
    types = wire.types(bitmap)
    if types is None or rdtype in types or CNAME in types:
        raise Doubt("a bitmap that does not deny the type")
    if rdtype == DS and SOA in types:
        raise Doubt("a child's record, about its DS")
    if rdtype != DS and NS in types and SOA not in types:
        raise Doubt("a parent's record, about a child's types")


def records(zone: bytes, found: Iterable[Rrset]) -> Nsec | Nsec3:
    """The verified denial records of an answer. Raises Doubt when there are none, or both kinds."""
    listed = list(found)
    kinds = {rrset.rdtype for rrset in listed}
    try:
        if kinds == {NSEC3}:
            return Nsec3(zone, listed)
    except (IndexError, ValueError, OverflowError) as error:
        raise Doubt("an NSEC3 that cannot be read") from error
    if kinds == {NSEC}:
        return Nsec(zone, listed)
    raise Doubt("no denial records, or both kinds")
