"""Signs zones the way a registry does, and, when history asks for it, wrongly.

A zone is a list of RRsets with absolute names; signing gives the same list with the denial
chain (NSEC, RFC 4034, or NSEC3 with opt-out, RFC 5155) and RRSIGs added. Which key signs which
RRset is the caller's choice: that is how a broken signer is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rrset
from cryptography.hazmat.primitives.asymmetric import ec
from dns.dnssectypes import Algorithm, DSDigest
from dns.name import Name
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.DS import DS
from dns.rrset import RRset

Zone = list[RRset]

ZSK_FLAGS = 256
KSK_FLAGS = 257
OPT_OUT = 1
SHA1 = 1
_BASE32_TO_HEX = str.maketrans(
    "0123456789ABCDEFGHIJKLMNOPQRSTUV", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
)


@dataclass(frozen=True, slots=True)
class Key:
    """A P-256 key pair (algorithm 13) and its DNSKEY."""

    private: ec.EllipticCurvePrivateKey
    dnskey: DNSKEY
    tag: int


@dataclass(frozen=True, slots=True)
class Window:
    """When signatures begin and end to be valid, in seconds since 1970."""

    inception: int
    expiration: int


def make_key(flags: int) -> Key:
    """A fresh key pair: `flags` 256 for a ZSK, 257 for a KSK."""
    private = ec.generate_private_key(ec.SECP256R1())
    dnskey = dns.dnssec.make_dnskey(private.public_key(), Algorithm.ECDSAP256SHA256, flags)
    assert isinstance(dnskey, DNSKEY)
    return Key(private, dnskey, dns.dnssec.key_id(dnskey))


def same_tag_keys(count: int) -> tuple[Key, ...]:
    """`count` different ZSKs with one key tag, as .de had on 5 May 2026.

    A tag has 16 bits, so for three keys the birthday search ends after about 3,000 of them.
    """
    by_tag: dict[int, list[Key]] = {}
    while True:
        key = make_key(ZSK_FLAGS)
        same = by_tag.setdefault(key.tag, [])
        same.append(key)
        if len(same) == count:
            return tuple(same)


def ds_of(origin: Name, key: Key) -> DS:
    """The DS (SHA-256) that the parent publishes for `key`."""
    return dns.dnssec.make_ds(origin, key.dnskey, DSDigest.SHA256)


def rrset(name: Name, ttl: int, kind: RdataType, *rdatas: dns.rdata.Rdata | str) -> RRset:
    """An RRset from rdata values or their text (names in the text are absolute)."""
    made = RRset(name, dns.rdataclass.IN, kind)
    for rdata in rdatas:
        if isinstance(rdata, str):
            rdata = dns.rdata.from_text(dns.rdataclass.IN, kind, rdata)  # noqa: PLW2901
        made.add(rdata, ttl)
    return made


def cuts_of(origin: Name, zone: Iterable[RRset]) -> frozenset[Name]:
    """The names where children are delegated."""
    return frozenset(r.name for r in zone if r.rdtype == RdataType.NS and r.name != origin)


def _below(name: Name, cuts: frozenset[Name]) -> bool:
    return any(name != cut for cut in _ancestors(name) & cuts)


def _ancestors(name: Name) -> frozenset[Name]:
    return frozenset(Name(name.labels[i:]) for i in range(len(name.labels)))


def is_signed(item: RRset, cuts: frozenset[Name]) -> bool:
    """Whether an RRset gets a signature: not glue, and of a delegation only DS and denial."""
    if _below(item.name, cuts):
        return False
    return item.name not in cuts or item.rdtype in (RdataType.DS, RdataType.NSEC)


def types_of(origin: Name, zone: Iterable[RRset]) -> dict[Name, set[RdataType]]:
    """The types that the zone speaks for at each of its names, RRSIG included, glue left out."""
    listed = list(zone)
    cuts = cuts_of(origin, listed)
    found: dict[Name, set[RdataType]] = {}
    for item in listed:
        if not _below(item.name, cuts) and (item.name not in cuts or _parental(item)):
            found.setdefault(item.name, set()).add(item.rdtype)
            if is_signed(item, cuts):
                found[item.name].add(RdataType.RRSIG)
    return found


def _parental(item: RRset) -> bool:
    return item.rdtype in (RdataType.NS, RdataType.DS)


def nsec_chain(origin: Name, zone: Zone, ttl: int) -> Zone:
    """The NSEC records of the zone (RFC 4034 section 4)."""
    types = types_of(origin, zone)
    names = sorted(types)
    return [
        _nsec(name, following, types[name] | {RdataType.NSEC, RdataType.RRSIG}, ttl)
        for name, following in zip(names, [*names[1:], names[0]], strict=True)
    ]


def _nsec(name: Name, following: Name, kinds: set[RdataType], ttl: int) -> RRset:
    return rrset(name, ttl, RdataType.NSEC, f"{following} {_type_names(kinds)}")


def nsec3_chain(origin: Name, zone: Zone, ttl: int) -> Zone:
    """NSEC3 with opt-out, no salt, no iterations (RFC 5155 section 7.1, RFC 9276).

    Unsigned delegations have no record of their own: opt-out spans cover them.
    """
    types = {
        name: kinds for name, kinds in types_of(origin, zone).items() if kinds != {RdataType.NS}
    }
    for name in list(types):
        for ancestor in _ancestors(name):
            if ancestor.is_subdomain(origin):
                types.setdefault(ancestor, set())
    hashed = sorted((dns.dnssec.nsec3_hash(name, None, 0, SHA1), name) for name in types)
    following = [digest for digest, _ in [*hashed[1:], hashed[0]]]
    return [
        _nsec3(dns.name.from_text(digest.lower(), origin), after, types[name], ttl)
        for (digest, name), after in zip(hashed, following, strict=True)
    ]


def _nsec3(owner: Name, following: str, kinds: set[RdataType], ttl: int) -> RRset:
    text = f"{SHA1} {OPT_OUT} 0 - {following} {_type_names(kinds)}"
    return rrset(owner, ttl, RdataType.NSEC3, text)


def _type_names(kinds: set[RdataType]) -> str:
    return " ".join(kind.name for kind in sorted(kinds))


def nsec3param(origin: Name) -> RRset:
    """The apex record that says the zone uses NSEC3 as `nsec3_chain` makes it."""
    return rrset(origin, 0, RdataType.NSEC3PARAM, f"{SHA1} 0 0 -")


def signature(origin: Name, item: RRset, key: Key, window: Window) -> RRset:
    """The RRSIG over one RRset by one key."""
    made = dns.dnssec.sign(
        item,
        key.private,
        origin,
        key.dnskey,
        inception=window.inception,
        expiration=window.expiration,
    )
    return rrset(item.name, item.ttl, RdataType.RRSIG, made)


def sign(origin: Name, zone: Zone, window: Window, choose: Callable[[RRset], Key]) -> Zone:
    """Sign every RRset that gets a signature with the key that `choose` names for it."""
    cuts = cuts_of(origin, zone)
    made = [signature(origin, item, choose(item), window) for item in zone if is_signed(item, cuts)]
    return [*zone, *made]


def by_type(ksk: Key, zsk: Key) -> Callable[[RRset], Key]:
    """The usual choice: the KSK signs the DNSKEY RRset, the ZSK everything else."""
    return lambda item: ksk if item.rdtype == RdataType.DNSKEY else zsk


def zone_text(zone: Sequence[RRset]) -> str:
    """A zone file; the SOA comes first, as NSD wants it."""
    ordered = sorted(zone, key=lambda item: item.rdtype != RdataType.SOA)
    return "".join(item.to_text() + "\n" for item in ordered)
