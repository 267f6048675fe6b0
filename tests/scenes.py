"""A signed Internet small enough to break on purpose: zones, and servers that answer from them.

`Scene` answers like rpl.Scenario (`reply`, `addresses`, `anchors`, `hints`, `now`, `asked`), so a
test may drive `validate` with it, and tests/play.py may serve it on real sockets. An `Edit` changes
what some addresses answer.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from dns.dnssec import allow_all_policy
from dns.message import Message
from dns.name import Name
from dns.rdatatype import (
    AAAA,
    CNAME,
    DNAME,
    DNSKEY,
    DS,
    NS,
    NSEC,
    NSEC3,
    RRSIG,
    SOA,
    A,
    RdataType,
)
from dns.rrset import RRset

NOW = 1_790_000_000
DAY = 86400
GENERATED = {
    5: lambda: rsa.generate_private_key(65537, 1024),
    7: lambda: rsa.generate_private_key(65537, 1024),
    8: lambda: rsa.generate_private_key(65537, 1024),
    13: lambda: ec.generate_private_key(ec.SECP256R1()),
    14: lambda: ec.generate_private_key(ec.SECP384R1()),
    15: ed25519.Ed25519PrivateKey.generate,
}


def name_of(text: str) -> Name:
    return dns.name.from_text(text)


@cache
def private(origin: str, algorithm: int, number: int = 0) -> object:
    """The same key for the same zone, in every test."""
    del origin, number
    return GENERATED[algorithm]()


@dataclass(frozen=True)
class Key:
    origin: str
    algorithm: int = 13
    number: int = 0
    flags: int = 257
    protocol: int = 3

    @property
    def private(self) -> object:
        return private(self.origin, self.algorithm, self.number)

    @property
    def dnskey(self) -> dns.rdata.Rdata:
        public = self.private.public_key()
        return dns.dnssec.make_dnskey(public, self.algorithm, self.flags, self.protocol)

    def ds(self, digest: str = "SHA256") -> dns.rdata.Rdata:
        origin = name_of(self.origin)
        return dns.dnssec.make_ds(origin, self.dnskey, digest, policy=allow_all_policy)


@dataclass(frozen=True)
class Plan:
    """How a zone is made. `records` are lines "name type rdata", names relative to the origin.

    `children` are delegated: name -> (address, DS records). `denial`: nsec, nsec3, optout, none.
    """

    origin: str
    address: str
    records: tuple[str, ...] = ()
    children: tuple[tuple[str, str, tuple[dns.rdata.Rdata, ...]], ...] = ()
    denial: str = "nsec"
    keys: tuple[Key, ...] | None = None
    iterations: int = 0
    salt: bytes = b""
    begin: int = NOW - DAY
    end: int = NOW + 14 * DAY

    @property
    def key(self) -> Key:
        return (self.keys or (Key(self.origin),))[0]

    def zone(self) -> Zone:
        return _zone(self)


@dataclass
class Zone:
    """A zone's RRsets by owner and type, and the signatures over them."""

    plan: Plan
    origin: Name
    rrsets: dict[tuple[Name, RdataType], RRset] = field(default_factory=dict)
    signatures: dict[tuple[Name, RdataType], RRset] = field(default_factory=dict)

    def add(self, rrset: RRset) -> None:
        known = self.rrsets.setdefault((rrset.name, rrset.rdtype), rrset)
        known.update(rrset)

    def get(self, name: Name, rdtype: RdataType) -> RRset | None:
        return self.rrsets.get((name, rdtype))

    def names(self) -> list[Name]:
        """The owners, empty non-terminals among them, glue left out."""
        owners = {name for name, _ in self.rrsets if not self._glue(name)}
        found = set()
        for name in owners:
            sizes = range(len(self.origin), len(name) + 1)
            found |= {name.split(size)[1] for size in sizes}
        return sorted(found)

    def types(self, name: Name) -> set[RdataType]:
        cut = self.cut(name) == name
        found = {t for n, t in self.rrsets if n == name}
        return found & {NS, DS} if cut else found

    def cut(self, name: Name) -> Name | None:
        """The topmost delegation at or above `name`."""
        for size in range(len(self.origin) + 1, len(name) + 1):
            above = name.split(size)[1]
            if (above, NS) in self.rrsets:
                return above
        return None

    def _glue(self, name: Name) -> bool:
        cut = self.cut(name)
        return cut is not None and cut != name

    def sign(self, rrset: RRset, key: Key | None = None) -> RRset:
        chosen, plan = key or self.plan.key, self.plan
        made = dns.dnssec.sign(
            rrset, chosen.private, self.origin, chosen.dnskey,
            inception=plan.begin, expiration=plan.end, policy=allow_all_policy,
        )  # fmt: skip
        signature = RRset(rrset.name, dns.rdataclass.IN, RRSIG, rrset.rdtype)
        signature.add(made, rrset.ttl)
        return signature


def make(name: Name, rdtype: RdataType, *rdatas: dns.rdata.Rdata | str, ttl: int = 300) -> RRset:
    rrset = RRset(name, dns.rdataclass.IN, rdtype)
    for rdata in rdatas:
        if isinstance(rdata, str):
            rdata = dns.rdata.from_text("IN", rdtype, rdata, name, relativize=False)  # noqa: PLW2901
        rrset.add(rdata, ttl)
    return rrset


@cache
def _zone(plan: Plan) -> Zone:
    origin = name_of(plan.origin)
    zone = Zone(plan, origin)
    zone.add(
        make(origin, SOA, f"ns.{plan.origin.lstrip('.')} h. 1 1 1 1 300".replace("ns. ", "ns. "))
    )
    server = Name([b"ns", *origin.labels])
    zone.add(make(origin, NS, server.to_text()))
    zone.add(make(server, AAAA if ":" in plan.address else A, plan.address))
    for line in plan.records:
        owner, rdtype, rest = line.split(None, 2)
        name = dns.name.from_text(owner, origin)
        rdata = dns.rdata.from_text("IN", rdtype, rest, origin, relativize=False)
        zone.add(make(name, RdataType.make(rdtype), rdata))
    for text, address, ds in plan.children:
        child = dns.name.from_text(text, origin)
        zone.add(make(child, NS, f"ns.{child}"))
        zone.add(make(Name([b"ns", *child.labels]), A, address))
        if ds:
            zone.add(make(child, DS, *ds))
    if plan.denial != "none":
        _secure(zone)
    return zone


def _secure(zone: Zone) -> None:
    keys = zone.plan.keys or (zone.plan.key,)
    zone.add(make(zone.origin, DNSKEY, *(key.dnskey for key in keys)))
    denials = _nsec(zone) if zone.plan.denial == "nsec" else _nsec3(zone)
    for rrset in denials:
        zone.add(rrset)
    for (name, rdtype), rrset in list(zone.rrsets.items()):
        cut = zone.cut(name)
        if cut is None or (cut == name and rdtype in (DS, NSEC)):
            zone.signatures[name, rdtype] = zone.sign(rrset)


def _nsec(zone: Zone) -> list[RRset]:
    owners = [name for name in zone.names() if zone.types(name)]
    return [
        make(name, NSEC, f"{after} {_kinds(zone.types(name) | {NSEC, RRSIG})}")
        for name, after in zip(owners, [*owners[1:], owners[0]], strict=True)
    ]


def _nsec3(zone: Zone) -> list[RRset]:
    plan = zone.plan
    owners = [name for name in zone.names() if plan.denial != "optout" or not _insecure(zone, name)]
    hashed = sorted((hash_of(name, plan.salt, plan.iterations), name) for name in owners)
    made = []
    for (digest, name), (after, _) in zip(hashed, [*hashed[1:], hashed[0]], strict=True):
        types = zone.types(name)
        signed = types and (NS not in types or DS in types or SOA in types)
        kinds = _kinds(types | {RRSIG} if signed else types)
        flags, salt = int(plan.denial == "optout"), plan.salt.hex() or "-"
        text = f"1 {flags} {plan.iterations} {salt} {b32(after)} {kinds}"
        made.append(make(Name([b32(digest).encode(), *zone.origin.labels]), NSEC3, text))
    return made


def _insecure(zone: Zone, name: Name) -> bool:
    """An unsigned delegation, or a name only above such."""
    below = [n for n, _ in zone.rrsets if n.is_subdomain(name) and zone.cut(n) in (None, n)]
    bare = all(NS in zone.types(n) and DS not in zone.types(n) for n in below)
    return bare and name != zone.origin


def hash_of(name: Name, salt: bytes, iterations: int) -> bytes:
    text = dns.dnssec.nsec3_hash(name, salt, iterations, "SHA1")
    return base64.b32hexdecode(text)


def b32(digest: bytes) -> str:
    return base64.b32hexencode(digest).decode().lower()


def _kinds(types: Iterable[RdataType]) -> str:
    return " ".join(RdataType.to_text(kind) for kind in sorted(types))


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


Change = Callable[[Message], Message | None]


@dataclass(frozen=True)
class Edit:
    """A change to the answers of `addresses` (empty: all) to one question (None: any)."""

    change: Change
    name: str | None = None
    rdtype: str | None = None
    addresses: tuple[str, ...] = ()

    def fits(self, address: str, query: Message) -> bool:
        asked = query.question[0]
        return (
            (self.name is None or asked.name == name_of(self.name))
            and (self.rdtype is None or asked.rdtype == RdataType.make(self.rdtype))
            and (not self.addresses or address in self.addresses)
        )


@dataclass(frozen=True)
class _Asked:
    name: Name
    rdtype: RdataType


@dataclass(frozen=True)
class Scene:
    """Who serves what, what is asked, and from which anchors."""

    question: str
    plans: tuple[Plan, ...]
    anchors: tuple[str, ...]
    hints: tuple[str, ...]
    edits: tuple[Edit, ...] = ()
    also: tuple[tuple[str, Plan], ...] = ()  # more servers: address, what it serves

    now = datetime.fromtimestamp(NOW, UTC)

    @property
    def asked(self) -> tuple[int, _Asked]:
        name, rdtype = self.question.split()
        return 1, _Asked(name_of(name), RdataType.make(rdtype))

    @property
    def addresses(self) -> set[str]:
        return {address for address, _ in self._served()}

    def _served(self) -> Iterator[tuple[str, Plan]]:
        yield from ((plan.address, plan) for plan in self.plans)
        yield from self.also

    def reply(self, address: str, query: Message, *, tcp: bool = False) -> bytes | None:
        del tcp
        zones = [plan.zone() for where, plan in self._served() if where == address]
        if not zones:
            return None
        message: Message | None = answer(zones, query)
        for edit in self.edits:
            if message is not None and edit.fits(address, query):
                message = edit.change(message)
        return message.to_wire(max_size=65535) if message else None

    def edited(self, *edits: Edit) -> Scene:
        return replace(self, edits=(*self.edits, *edits))
