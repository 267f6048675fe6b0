"""Zones of a signed Internet: records from lines, NSEC or NSEC3 chains, and signatures."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field
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
from dns.name import Name
from dns.rdatatype import (
    AAAA,
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
