"""A response as a value: what a validator looks at, read from wire bytes that may be hostile."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from dns.name import Name
from dns.rdatatype import RdataType
from dns.rrset import RRset

# What dnspython's readers raise on bytes nobody should send.
UNREADABLE = (dns.exception.DNSException, ValueError, struct.error, IndexError, KeyError, TypeError)

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


def read(wire: bytes) -> Message | None:
    """Read a response; None when even its frame makes no sense. Never raises."""
    return _read(wire[2:])


@lru_cache(maxsize=1024)
def _read(body: bytes) -> Message | None:
    """Servers of one zone send the same bytes after the id, and reading them is what costs."""
    try:
        message = dns.message.from_wire(
            b"\0\0" + body, ignore_trailing=True, continue_on_error=True
        )
        if message.opcode() != dns.opcode.QUERY:
            return None
        return Message(
            rcode=int(message.rcode()),
            authoritative=bool(message.flags & dns.flags.AA),
            authentic=bool(message.flags & dns.flags.AD),
            answer=_internet(message.answer),
            authority=_internet(message.authority),
            additional=_internet(message.additional),
            ede=tuple(int(o.code) for o in message.options if isinstance(o, dns.edns.EDEOption)),
            faults=len(getattr(message, "errors", ())),
        )
    except UNREADABLE:
        return None


def _internet(section: Iterable[RRset]) -> Section:
    """Nothing else is asked for; the records of other classes have other fields."""
    return tuple(rrset for rrset in section if rrset.rdclass == dns.rdataclass.IN and len(rrset))


def find(section: Section, name: Name, rdtype: RdataType) -> RRset | None:
    """The RRset of `name` and `rdtype` in a section, signatures aside."""
    return next((r for r in section if r.rdtype == rdtype and r.name == name), None)


def signatures(section: Section, name: Name, rdtype: RdataType) -> RRset | None:
    """The RRSIG records in `section` that cover `name` and `rdtype`."""
    return next((r for r in section if r.covers == rdtype and r.name == name), None)
