"""A response as a value: what a validator looks at, read from wire bytes that may be hostile."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from functools import lru_cache

import dns.edns
import dns.exception
import dns.immutable
import dns.opcode
import dns.rcode
import dns.rdata
import dns.rdatatype
from dns.dnssectypes import Algorithm, DSDigest
from dns.flags import AA, AD
from dns.name import Name
from dns.rdata import GenericRdata, Rdata
from dns.rdataclass import IN
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.DS import DS
from dns.rdtypes.ANY.OPT import OPT
from dns.rrset import RRset
from dns.wire import Parser

# What dnspython's readers raise on bytes nobody should send.
UNREADABLE = (dns.exception.DNSException, ValueError, struct.error, IndexError, KeyError, TypeError)

# What a chain of trust is made of, and the types whose names may be compressed or are signed in
# lower case (RFC 4034 section 6.2, RFC 3597 section 4; nobody has MB, MD, MF, MG, MR and MINFO any
# more). All others are opaque: they are signed as they are, also where dnspython, stricter than
# validators, would refuse them or write them anew.
_NAMED = "NS CNAME DNAME SOA PTR MX RP AFSDB RT PX SRV NAPTR KX"
_STRUCTURED = frozenset(
    dns.rdatatype.from_text(mnemonic)
    for mnemonic in ("A", "AAAA", "DS", "DNSKEY", "RRSIG", "NSEC", "NSEC3", *_NAMED.split())
)

Section = tuple[RRset, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """One response. `faults` counts records that could not be read."""

    rcode: int
    authoritative: bool
    authentic: bool
    answer: Section
    authority: Section
    additional: Section
    ede: tuple[int, ...] = ()
    faults: int = 0


@dns.immutable.immutable
class AnyDS(DS):
    """A DS of whatever digest: dnspython refuses type 0 and digests of another length.

    Validators pass over those they cannot use (RFC 4035 section 5.2, RFC 6840 section 5.2).
    """

    def __init__(self, key_tag: int, algorithm: int, digest_type: int, digest: bytes) -> None:
        Rdata.__init__(self, IN, dns.rdatatype.DS)
        self.key_tag, self.digest = key_tag, digest
        self.algorithm = Algorithm.make(algorithm)
        self.digest_type = DSDigest.make(digest_type)


def read(wire: bytes) -> Message | None:
    """Read a response; None when even its frame makes no sense. Never raises."""
    return _read(wire[2:])


@lru_cache(maxsize=1024)
def _read(body: bytes) -> Message | None:
    """Servers of one zone send the same bytes after the id, and reading them is what costs."""
    parser = Parser(b"\0\0" + body)
    try:
        _, flags, questions, *counts = parser.get_struct("!6H")
        for _ in range(questions):
            parser.get_name(decompress=True)
            parser.get_struct("!HH")
    except UNREADABLE:
        return None
    if dns.opcode.from_flags(flags) != dns.opcode.QUERY:
        return None
    reader = _Reader(parser)
    answer, authority = map(reader.section, counts[:2])
    additional = reader.section(counts[2], last=True)
    return Message(
        rcode=int(dns.rcode.from_flags(flags, reader.extended or 0)),
        authoritative=bool(flags & AA),
        authentic=bool(flags & AD),
        answer=answer,
        authority=authority,
        additional=additional,
        ede=tuple(reader.ede),
        faults=reader.faults,
    )


@dataclass(slots=True)
class _Reader:
    """A place in a message, and what its records have told besides RRsets.

    `extended` are the flags of the OPT record (RFC 6891 section 6.1.3), None before it.
    """

    parser: Parser
    extended: int | None = None
    ede: list[int] = field(default_factory=list)
    faults: int = 0
    torn: bool = False

    def section(self, count: int, *, last: bool = False) -> Section:
        """The next `count` records, as far as they can be read, those of class IN as RRsets."""
        found: dict[tuple[Name, RdataType, RdataType], RRset] = {}
        for _ in range(count):
            if self.torn:
                break
            self._record(found, last=last)
        return tuple(found.values())

    def _record(self, found: dict[tuple[Name, RdataType, RdataType], RRset], *, last: bool) -> None:
        parser = self.parser
        try:
            owner = parser.get_name(decompress=True)
            number, rdclass, ttl, size = parser.get_struct("!HHIH")
            after = parser.current + size
            if after > parser.end:
                raise dns.exception.FormError
        except UNREADABLE:
            self.faults, self.torn = self.faults + 1, True
            return
        try:
            rdtype = RdataType.make(number)
            if rdtype == dns.rdatatype.OPT and last and owner == dns.name.root:
                self._option(ttl, size)
            elif rdclass == IN:
                rdata = _rdata(parser, rdtype, size)
                key = (owner, rdtype, rdata.covers())
                rrset = found.get(key) or found.setdefault(key, RRset(owner, IN, *key[1:]))
                rrset.add(rdata, ttl if ttl < 1 << 31 else 0)  # RFC 2181 section 8
        except UNREADABLE:
            self.faults += 1
        parser.seek(after)

    def _option(self, flags: int, size: int) -> None:
        if self.extended is not None:
            raise dns.exception.FormError
        self.extended = flags
        with self.parser.restrict_to(size):
            record = dns.rdata.from_wire_parser(IN, dns.rdatatype.OPT, self.parser)
        options = record.options if isinstance(record, OPT) else ()
        self.ede += (int(one.code) for one in options if isinstance(one, dns.edns.EDEOption))


def _rdata(parser: Parser, rdtype: RdataType, size: int) -> Rdata:
    start = parser.current
    if rdtype in _STRUCTURED:
        try:
            with parser.restrict_to(size):
                return dns.rdata.from_wire_parser(IN, rdtype, parser)
        except UNREADABLE:
            if rdtype != dns.rdatatype.DS or size < 4:
                raise
            parser.seek(start)
            tag, algorithm, kind = parser.get_struct("!HBB")
            return AnyDS(tag, algorithm, kind, parser.get_bytes(size - 4))
    return GenericRdata(IN, rdtype, parser.get_bytes(size))


def find(section: Section, name: Name, rdtype: RdataType) -> RRset | None:
    """The RRset of `name` and `rdtype` in a section, signatures aside."""
    return next((r for r in section if r.rdtype == rdtype and r.name == name), None)


def signatures(section: Section, name: Name, rdtype: RdataType) -> RRset | None:
    """The RRSIG records in `section` that cover `name` and `rdtype`."""
    return next((r for r in section if r.covers == rdtype and r.name == name), None)
