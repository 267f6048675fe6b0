"""The small reader of DNS messages for the hot path of a scan (RFC 1035, RFC 3597).

dnspython's reader is two thirds of what a scan costs (docs/decisions); this one knows the few
types that a chain of trust is made of, gives records as bytes in canonical form (RFC 4034 section
6.2), ready to be hashed and verified, and agrees with dnspython on whatever dnspython accepts.
Bytes may be hostile: nothing is raised, and each octet is looked at a bounded number of times.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv6Address
from typing import NamedTuple

A, NS, CNAME, SOA, AAAA, DNAME = 1, 2, 5, 6, 28, 39
OPT, DS, RRSIG, NSEC, DNSKEY, NSEC3, ZONEMD, AXFR = 41, 43, 46, 47, 48, 50, 63, 252
IN = 1
NOERROR, NXDOMAIN = 0, 3
TC, AA = 0x0200, 0x0400
NAME = 255  # octets of a name, RFC 1035 section 2.3.4

_FIXED = struct.Struct("!HHIH")
_HEADER = struct.Struct("!HHHHHH")
_TWO = struct.Struct("!HH")
_RRSIG = struct.Struct("!HBBIIIH")
_NAMED = frozenset({NS, CNAME, SOA, DNAME, RRSIG, NSEC})
_SIZES = {
    A: (4,),
    AAAA: (16,),
    DS: range(4, 65536),
    DNSKEY: range(4, 65536),
    ZONEMD: range(6, 65536),
}  # octets of data
_PLAIN = frozenset(b"-_*0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_new = tuple.__new__  # a named tuple's own costs twice as much, and there are 70,000 a scan
_UNREADABLE = (IndexError, struct.error, ValueError)


class Record(NamedTuple):
    """One record. `owner` is lower case, `rdata` canonical; of other classes than IN as it came."""

    owner: bytes
    rdtype: int
    rdclass: int
    ttl: int
    rdata: bytes


class Rrsig(NamedTuple):
    """The fields of one RRSIG record (RFC 4034 section 3.1); `head` is what is signed of it."""

    covers: int
    algorithm: int
    labels: int
    original_ttl: int
    expiration: int
    inception: int
    key_tag: int
    signer: bytes
    signature: bytes
    head: bytes


@dataclass(slots=True)
class Message:
    """One message. `malformed`: it stops making sense after the records that are listed."""

    ident: int
    flags: int
    rcode: int
    question: list[tuple[bytes, int, int]] = field(default_factory=list)
    answer: list[Record] = field(default_factory=list)
    authority: list[Record] = field(default_factory=list)
    additional: list[Record] = field(default_factory=list)
    malformed: bool = False

    def sections(self) -> tuple[list[Record], ...]:
        return self.answer, self.authority, self.additional


def read(wire: bytes, sections: int = 3) -> Message | None:
    """Read a message; None when not even its header and question can be.

    Of its `sections`, 1 is the answer, 2 the authority too; what is not read stays empty.
    """
    try:
        ident, flags, questions, *counts = _HEADER.unpack_from(wire)
        message = Message(ident, flags, flags & 0x0F)
        reader = _Reader(wire)
        for _ in range(questions):
            name = reader.name().lower()
            message.question.append((name, *_TWO.unpack(reader.take(4))))
    except _UNREADABLE:
        return None
    try:
        for section, count in zip(message.sections()[:sections], counts, strict=False):
            for _ in range(count):
                section.append(reader.record())
    except _UNREADABLE:
        message.malformed = True
    if message.additional:
        _extend(message)
    return message


def _extend(message: Message) -> None:
    """The upper bits of the rcode are in the OPT record (RFC 6891 section 6.1.3)."""
    for record in message.additional:
        if record.rdtype == OPT:
            message.rcode |= record.ttl >> 24 << 4


class _Reader:
    """A place in a message. Names once read are kept: most owners point to the question's."""

    __slots__ = ("at", "names", "wire")

    def __init__(self, wire: bytes) -> None:
        self.wire, self.at = wire, 12
        self.names: dict[int, bytes] = {}

    def take(self, size: int) -> bytes:
        end = self.at + size
        if end > len(self.wire):
            raise IndexError
        data = self.wire[self.at : end]
        self.at = end
        return data

    def record(self) -> Record:
        wire = self.wire
        owner = self.name().lower()
        rdtype, rdclass, ttl, size = _FIXED.unpack_from(wire, self.at)
        start = self.at + 10
        end = start + size
        if end > len(wire):
            raise IndexError
        self.at = start
        if rdtype in _NAMED and rdclass == IN:
            rdata = self._named(rdtype, end)
        else:
            rdata = wire[start:end]
            if rdtype in _SIZES and rdclass == IN and size not in _SIZES[rdtype]:
                raise ValueError
            self.at = end
        return _new(Record, (owner, rdtype, rdclass, ttl, rdata))

    def _named(self, rdtype: int, end: int) -> bytes:
        """Data with names in it, in canonical form."""
        if rdtype == RRSIG:
            return self._rrsig(end)
        if rdtype == NSEC:  # its name keeps its case: RFC 6840 section 5.1
            rdata = self._whole_name() + self._rest(end)
        elif rdtype == SOA:
            rdata = self.name().lower() + self.name().lower() + self.take(20)
        elif rdtype == DNAME:
            rdata = self._whole_name().lower()
        else:
            rdata = self.name().lower()
        if self.at != end:
            raise ValueError
        return rdata

    def _rrsig(self, end: int) -> bytes:
        """The commonest of all, in one piece: most signers are in lower case already."""
        rdata = self.wire[self.at : end]
        size = name_size(rdata, 18)
        if not 0 < size <= NAME:
            raise ValueError
        self.at = end
        signer = rdata[18 : 18 + size]
        low = signer.lower()
        return rdata if signer == low else rdata[:18] + low + rdata[18 + size :]

    def _rest(self, end: int) -> bytes:
        if self.at > end:
            raise ValueError
        return self.take(end - self.at)

    def _whole_name(self) -> bytes:
        """A name that must not be compressed (RFC 3597 section 4)."""
        size = name_size(self.wire, self.at)
        if not 0 < size <= NAME:
            raise ValueError
        return self.take(size)

    def name(self) -> bytes:
        """The name here, uncompressed, in the case it came in; the place is then after it."""
        wire, start = self.wire, self.at
        if wire[start] >= 0xC0:  # the commonest: a pointer to a name that was read already
            known = self.names.get((wire[start] & 0x3F) << 8 | wire[start + 1])
            if known is not None:
                self.at = start + 2
                return known
        elif 0 < wire[start] < 0x40:  # then a label in front of one, as owners of NSEC3 have
            at = start + 1 + wire[start]
            known = (
                self.names.get((wire[at] & 0x3F) << 8 | wire[at + 1]) if wire[at] >= 0xC0 else None
            )
            if known is not None and len(known) + at - start <= NAME:
                self.at = at + 2
                return self.names.setdefault(start, wire[start:at] + known)
        name, self.at = self._name(start)
        return name

    def _name(self, start: int) -> tuple[bytes, int]:
        """Follow labels and pointers; a pointer leads to before the run of labels it ends.

        So every step leads down, and what is kept makes each place be followed once.
        """
        wire, runs = self.wire, []
        after, at, run, limit = 0, start, start, len(self.wire)
        while True:
            if at >= limit:  # a run of labels that reaches into the one that points to it
                raise ValueError
            size = wire[at]
            if size == 0:
                runs.append((run, wire[run:at] + b"\0"))
                after = after or at + 1
                break
            if size < 0x40:
                at += size + 1
                if at - run > NAME:
                    raise ValueError
                continue
            if size < 0xC0:
                raise ValueError
            target = (size & 0x3F) << 8 | wire[at + 1]
            after = after or at + 2
            runs.append((run, wire[run:at]))
            if target >= run:
                raise ValueError
            if target in self.names:
                runs.append((target, self.names[target]))
                break
            limit, at, run = run, target, target
        return self._keep(runs), after

    def _keep(self, runs: list[tuple[int, bytes]]) -> bytes:
        """Put the runs of labels together, from the last, and keep the name at each start."""
        name = b""
        for at, labels in reversed(runs):
            name = labels + name
            if len(name) > NAME:
                raise ValueError
            self.names[at] = name
        return name


def rrsig(rdata: bytes) -> Rrsig | None:
    """The fields of an RRSIG record in canonical form; None when they are not all there."""
    if len(rdata) < 19:
        return None
    covers, algorithm, count, ttl, end, begin, tag = _RRSIG.unpack_from(rdata)
    at = 18 + name_size(rdata, 18)
    signer, signature, head = rdata[18:at], rdata[at:], rdata[:at]
    return Rrsig(covers, algorithm, count, ttl, end, begin, tag, signer, signature, head)


def name_size(data: bytes, start: int = 0) -> int:
    """How many octets the uncompressed name at `start` takes; 0 when there is none."""
    at, end = start, len(data)
    while at < end and 0 < data[at] < 0x40:
        at += data[at] + 1
    return at + 1 - start if at < end and data[at] == 0 else 0


def labels(name: bytes) -> list[bytes]:
    """The labels of an uncompressed name, without the root's."""
    found, at = [], 0
    while name[at]:
        found.append(name[at + 1 : at + 1 + name[at]])
        at += name[at] + 1
    return found


def depth(name: bytes) -> int:
    """How many labels an uncompressed name has, without the root's."""
    count = at = 0
    while name[at]:
        at += name[at] + 1
        count += 1
    return count


def under(name: bytes, zone: bytes) -> bool:
    """Is `name` the zone or below it? Both in lower case."""
    at = len(name) - len(zone)
    if at < 0 or name[at:] != zone:
        return False
    place = 0
    while place < at:
        place += name[place] + 1
    return place == at


def to_name(text: str) -> bytes:
    """An absolute A-label name ("de.") on the wire, in lower case."""
    if text == ".":
        return b"\0"
    parts = [part.encode("ascii").lower() for part in text.rstrip(".").split(".")]
    return b"".join(bytes([len(part)]) + part for part in parts) + b"\0"


def to_text(name: bytes) -> str:
    """A name as text; octets that are no letter, digit, "-" or "_" escaped (RFC 1035 5.1)."""
    return ".".join(map(_label, labels(name))) + "."


def _label(label: bytes) -> str:
    return "".join(chr(octet) if octet in _PLAIN else f"\\{octet:03d}" for octet in label)


@lru_cache(maxsize=4096)
def types(bitmap: bytes) -> frozenset[int] | None:
    """The types in the bitmap of NSEC or NSEC3 (RFC 4034 section 4.1.2); None when it is none."""
    found: list[int] = []
    at, last = 0, -1
    while at < len(bitmap):
        if at + 2 > len(bitmap):
            return None
        window, size = bitmap[at], bitmap[at + 1]
        octets = bitmap[at + 2 : at + 2 + size]
        if window <= last or not 1 <= size <= 32 or len(octets) != size or not octets[-1]:
            return None
        found += _bits(window, octets)
        at, last = at + 2 + size, window
    return frozenset(found)


def _bits(window: int, octets: bytes) -> Iterator[int]:
    for number, octet in enumerate(octets):
        for bit in range(8):
            if octet & 0x80 >> bit:
                yield window << 8 | number << 3 | bit


@lru_cache(maxsize=65536)
def address(rdata: bytes) -> str:
    """An A or AAAA record as text, "" when it is nothing that can be asked."""
    if len(rdata) == 4:  # most are, and ipaddress takes ten times as long
        never = 0xE0 <= rdata[0] <= 0xEF or rdata in {b"\0" * 4, b"\xff" * 4}
        return "" if never else ".".join(map(str, rdata))
    parsed = IPv6Address(rdata)
    return "" if parsed.is_multicast or parsed.is_unspecified else str(parsed)
