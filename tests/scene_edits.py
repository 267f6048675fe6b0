"""What may be done to an answer on its way."""

from __future__ import annotations

from collections.abc import Callable

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
from dns.message import Message
from dns.name import Name
from dns.rdatatype import NSEC, NSEC3, RRSIG, RdataType
from dns.rrset import RRset
from scene_server import answer
from scene_zones import Plan, name_of
from scenes import Change


def everywhere(change: Callable[[list[RRset]], list[RRset]]) -> Change:
    def edit(message: Message) -> Message:
        for number in (1, 2):
            message.sections[number] = change(message.sections[number])
        return message

    return edit


def without(*types: RdataType, owner: str | None = None, covers: RdataType | None = None) -> Change:
    """Leave out RRsets of these types, their signatures too."""

    def gone(item: RRset) -> bool:
        mine = owner is None or item.name == name_of(owner)
        fits = item.rdtype in types or (item.rdtype == RRSIG and item.covers in types)
        return mine and fits and (covers is None or item.covers == covers)

    return everywhere(lambda section: [item for item in section if not gone(item)])


def unsigned(*types: RdataType) -> Change:
    """Leave out signatures, over these types or over all."""
    return everywhere(
        lambda section: [
            i for i in section if i.rdtype != RRSIG or (types and i.covers not in types)
        ]
    )


def signatures(change: Callable[[dns.rdata.Rdata], dns.rdata.Rdata], *types: RdataType) -> Change:
    """Change every signature over these types, or over all."""

    def edit(section: list[RRset]) -> list[RRset]:
        return [
            _each(i, change) if i.rdtype == RRSIG and (not types or i.covers in types) else i
            for i in section
        ]

    return everywhere(edit)


def _each(item: RRset, change: Callable[[dns.rdata.Rdata], dns.rdata.Rdata]) -> RRset:
    made = RRset(item.name, item.rdclass, item.rdtype, item.covers)
    for rdata in item:
        made.add(change(rdata), item.ttl)
    return made


def flipped(rdata: dns.rdata.Rdata) -> dns.rdata.Rdata:
    signature = bytes([rdata.signature[0] ^ 1]) + rdata.signature[1:]
    return rdata.replace(signature=signature)


def rcode(code: dns.rcode.Rcode) -> Change:
    def edit(message: Message) -> Message:
        message.set_rcode(code)
        return message

    return edit


def failing(code: dns.rcode.Rcode) -> Change:
    def edit(message: Message) -> Message:
        message.set_rcode(code)
        message.answer, message.authority, message.additional = [], [], []
        message.flags &= ~dns.flags.AA
        return message

    return edit


def silent(message: Message) -> None:
    del message


def instead(question: str, plan: Plan, code: dns.rcode.Rcode | None = None) -> Change:
    """Answer as another question would be answered, by that zone: a replay."""

    def edit(message: Message) -> Message:
        name, rdtype = question.split()
        other = answer([plan.zone()], dns.message.make_query(name, rdtype, want_dnssec=True))
        message.answer, message.authority = other.answer, other.authority
        message.set_rcode(other.rcode() if code is None else code)
        return message

    return edit


def named(old: str, new: str) -> Change:
    """Give RRsets of one owner another."""

    def edit(section: list[RRset]) -> list[RRset]:
        return [_renamed(i, name_of(new)) if i.name == name_of(old) else i for i in section]

    return everywhere(edit)


def _renamed(item: RRset, name: Name) -> RRset:
    made = RRset(name, item.rdclass, item.rdtype, item.covers)
    made.update(item)
    return made


def only_denials(*keep: int) -> Change:
    """Of the denial records keep some by number, as the authority section has them."""

    def edit(message: Message) -> Message:
        owners = [i.name for i in message.authority if i.rdtype in (NSEC, NSEC3)]
        kept = {owner for number, owner in enumerate(owners) if number in keep}
        message.authority = [
            i
            for i in message.authority
            if i.name in kept or (i.rdtype not in (NSEC, NSEC3) and i.covers not in (NSEC, NSEC3))
        ]
        return message

    return edit


def added(section: int, *rrsets: RRset) -> Change:
    def edit(message: Message) -> Message:
        message.sections[section] += rrsets
        return message

    return edit


def chained(*changes: Change) -> Change:
    def edit(message: Message) -> Message | None:
        made: Message | None = message
        for change in changes:
            made = change(made) if made else None
        return made

    return edit


def ttl(seconds: int) -> Change:
    def edit(section: list[RRset]) -> list[RRset]:
        for item in section:
            item.ttl = seconds
        return section

    return everywhere(edit)
