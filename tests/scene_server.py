"""What an authoritative server answers from zones, with the proofs that DNSSEC asks for."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import dns.flags
import dns.message
import dns.name
import dns.rcode
from dns.message import Message
from dns.name import Name
from dns.rdatatype import AAAA, CNAME, DNAME, DS, NS, NSEC, NSEC3, RRSIG, SOA, A, RdataType
from dns.rrset import RRset
from scene_zones import Zone, hash_of, make


def answer(zones: Sequence[Zone], query: Message) -> Message:
    """What an authoritative server of `zones` answers (RFC 1034 section 4.3.2, RFC 4035 3.1)."""
    message = dns.message.make_response(query)
    asked = query.question[0]
    name, rdtype = asked.name, asked.rdtype
    for _ in range(8):
        zone = _holder(zones, name, rdtype)
        if zone is None:
            if not message.answer:
                message.set_rcode(dns.rcode.REFUSED)
            return message
        following = _one(zone, message, name, rdtype)
        if following is None or not following.is_subdomain(zone.origin):
            return message
        name = following
    return message


def _holder(zones: Sequence[Zone], name: Name, rdtype: RdataType) -> Zone | None:
    held = sorted((z for z in zones if name.is_subdomain(z.origin)), key=lambda z: len(z.origin))
    if rdtype == DS and len(held) > 1 and held[-1].origin == name:
        held.pop()  # the parent's side
    return held[-1] if held else None


def _one(zone: Zone, message: Message, name: Name, rdtype: RdataType) -> Name | None:
    """One step of an answer; the name that an alias leads to."""
    cut = zone.cut(name)
    if cut is not None and (cut != name or rdtype != DS):
        _refer(zone, message, cut)
        return None
    message.flags |= dns.flags.AA
    for size in range(len(zone.origin), len(name)):
        dname = zone.get(name.split(size)[1], DNAME)
        if dname is not None:
            _put(zone, message.answer, dname)
            try:
                target = name.relativize(dname.name).derelativize(dname[0].target)
            except dns.name.NameTooLong:
                message.set_rcode(dns.rcode.YXDOMAIN)
                return None
            message.answer.append(make(name, CNAME, target.to_text()))
            return target
    source = name if any(n.is_subdomain(name) for n in zone.names()) else None
    if source is None:
        source = _wildcard(zone, message, name, rdtype)
    if source is None:
        return None
    return _data(zone, message, name, source, rdtype)


def _data(zone: Zone, message: Message, name: Name, source: Name, rdtype: RdataType) -> Name | None:
    if rdtype == RRSIG:
        found = [r for (n, _), r in zone.signatures.items() if n == source]
    elif rdtype == RdataType.ANY:
        found = [rrset for (n, _), rrset in zone.rrsets.items() if n == source]
    else:
        found = [r for r in (zone.get(source, rdtype), zone.get(source, CNAME)) if r][:1]
    for rrset in found:
        _put(zone, message.answer, rrset, name)
    if not found:
        _deny(zone, message, [("match", source)])
        return None
    alias = found[0] if found[0].rdtype == CNAME and rdtype not in (CNAME, RdataType.ANY) else None
    return alias[0].target if alias else None


def _wildcard(zone: Zone, message: Message, name: Name, rdtype: RdataType) -> Name | None:
    """The wildcard that makes `name`, with the proof that may be needed; else the denial."""
    encloser = name
    while not any(n.is_subdomain(encloser) for n in zone.names()):
        closer, encloser = encloser, encloser.parent()
    star = Name([b"*", *encloser.labels])
    there = any((star, t) in zone.rrsets for t in (rdtype, CNAME))
    if any(n == star for n, _ in zone.rrsets):
        needed = [("cover", closer)]
        if not there:
            needed += [("encloser", encloser)]
        _prove(zone, message, needed)
        return star
    message.set_rcode(dns.rcode.NXDOMAIN)
    _deny(zone, message, [("encloser", encloser), ("cover", closer), ("cover", star)])
    return None


def _deny(zone: Zone, message: Message, needed: Sequence[tuple[str, Name]]) -> None:
    _put(zone, message.authority, zone.rrsets[zone.origin, SOA])
    _prove(zone, message, needed)


def _refer(zone: Zone, message: Message, cut: Name) -> None:
    _put(zone, message.authority, zone.rrsets[cut, NS])
    ds = zone.get(cut, DS)
    if ds is not None:
        _put(zone, message.authority, ds)
    else:
        _prove(zone, message, [("match", cut)])
    for rdata in zone.rrsets[cut, NS]:
        message.additional += [r for t in (A, AAAA) if (r := zone.get(rdata.target, t))]


def _prove(zone: Zone, message: Message, needed: Sequence[tuple[str, Name]]) -> None:
    if zone.plan.denial == "none":
        return
    for kind, name in needed:
        if zone.plan.denial == "nsec":
            found = [] if kind == "encloser" else [_span(zone, name)]
        else:
            found = _spans3(zone, kind, name)
        for rrset in found:
            if rrset not in message.authority:
                _put(zone, message.authority, rrset)


def _span(zone: Zone, name: Name) -> RRset:
    owners = sorted(n for n, t in zone.rrsets if t == NSEC)
    at = [owner for owner in owners if owner <= name]
    return zone.rrsets[at[-1] if at else owners[-1], NSEC]


def _spans3(zone: Zone, kind: str, name: Name) -> list[RRset]:
    plan = zone.plan
    ring = sorted(
        (base64.b32hexdecode(n.labels[0].upper()), n) for n, t in zone.rrsets if t == NSEC3
    )

    def at(one: Name) -> tuple[bool, RRset]:
        digest = hash_of(one, plan.salt, plan.iterations)
        before = [owner for owner in ring if owner[0] <= digest] or [ring[-1]]
        return before[-1][0] == digest, zone.rrsets[before[-1][1], NSEC3]

    matched, rrset = at(name)
    if matched or kind == "cover":
        return [rrset]
    # No record of its own: the closest encloser that has one, and the span over the next closer.
    closer = name
    while not at(closer.parent())[0]:
        closer = closer.parent()
    return [at(closer.parent())[1], at(closer)[1]]


def _put(zone: Zone, section: list[RRset], rrset: RRset, name: Name | None = None) -> None:
    signature = zone.signatures.get((rrset.name, rrset.rdtype)) if rrset.rdtype != RRSIG else None
    for item in (rrset, signature):
        if item is not None:
            copied = RRset(name or item.name, item.rdclass, item.rdtype, item.covers)
            copied.update(item)
            section.append(copied)
