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
from dns.dnssec import allow_all_policy
from dns.dnssectypes import DSDigest
from dns.name import Name
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.DS import DS
from dns.rdtypes.ANY.RRSIG import RRSIG
from dns.rrset import RRset

from orchestrator.lab.keys import Key

Zone = list[RRset]
Signing = Callable[[RRset], Zone]

OPT_OUT = 1
SHA1 = 1
_BASE32_TO_HEX = str.maketrans(
    "0123456789ABCDEFGHIJKLMNOPQRSTUV", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
)


@dataclass(frozen=True, slots=True)
class Window:
    """When signatures begin and end to be valid, in seconds since 1970."""

    inception: int
    expiration: int


def ds_of(origin: Name, key: Key, digest: int = DSDigest.SHA256) -> DS:
    """The DS that the parent publishes for `key`."""
    return dns.dnssec.make_ds(origin, key.dnskey, DSDigest(digest), policy=allow_all_policy)


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


def nsec3_chain(origin: Name, zone: Zone, ttl: int, iterations: int = 0) -> Zone:
    """NSEC3 with opt-out and no salt (RFC 5155 section 7.1; RFC 9276 wants no iterations).

    Unsigned delegations have no record of their own: opt-out spans cover them.
    """
    types = {
        name: kinds for name, kinds in types_of(origin, zone).items() if kinds != {RdataType.NS}
    }
    for name in list(types):
        for ancestor in _ancestors(name):
            if ancestor.is_subdomain(origin):
                types.setdefault(ancestor, set())
    hashed = sorted((dns.dnssec.nsec3_hash(name, None, iterations, SHA1), name) for name in types)
    following = [digest for digest, _ in [*hashed[1:], hashed[0]]]
    return [
        _nsec3(
            dns.name.from_text(digest.lower(), origin),
            ttl,
            f"{iterations} - {after} {_type_names(types[name])}",
        )
        for (digest, name), after in zip(hashed, following, strict=True)
    ]


def _nsec3(owner: Name, ttl: int, rest: str) -> RRset:
    return rrset(owner, ttl, RdataType.NSEC3, f"{SHA1} {OPT_OUT} {rest}")


def _type_names(kinds: set[RdataType]) -> str:
    return " ".join(kind.name for kind in sorted(kinds))


def nsec3param(origin: Name, iterations: int = 0) -> RRset:
    """The apex record that says the zone uses NSEC3 as `nsec3_chain` makes it."""
    return rrset(origin, 0, RdataType.NSEC3PARAM, f"{SHA1} 0 {iterations} -")


def signature(origin: Name, item: RRset, key: Key, window: Window) -> RRset:
    """The RRSIG over one RRset by one key, also of an algorithm nobody should use any more."""
    made = dns.dnssec.sign(
        item,
        key.private,
        origin,
        key.dnskey,
        inception=window.inception,
        expiration=window.expiration,
        policy=allow_all_policy,
    )
    return rrset(item.name, item.ttl, RdataType.RRSIG, made)


def spoilt(item: RRset) -> RRset:
    """An RRSIG with one bit of its signature turned."""
    good = item[0]
    assert isinstance(good, RRSIG)
    wrong = good.signature[:-1] + bytes([good.signature[-1] ^ 1])
    return rrset(item.name, item.ttl, RdataType.RRSIG, good.replace(signature=wrong))


def sign(origin: Name, zone: Zone, window: Window, choose: Callable[[RRset], Key]) -> Zone:
    """Sign every RRset that gets a signature with the key that `choose` names for it."""
    return sign_each(origin, zone, lambda item: [signature(origin, item, choose(item), window)])


def sign_each(origin: Name, zone: Zone, signing: Signing) -> Zone:
    """Add what `signing` makes for every RRset that gets a signature: one, several or none."""
    cuts = cuts_of(origin, zone)
    signed = (item for item in zone if is_signed(item, cuts))
    return [*zone, *(made for item in signed for made in signing(item))]


def by_type(ksk: Key, zsk: Key) -> Callable[[RRset], Key]:
    """The usual choice: the KSK signs the DNSKEY RRset, the ZSK everything else."""
    return lambda item: ksk if item.rdtype == RdataType.DNSKEY else zsk


def zone_text(zone: Sequence[RRset]) -> str:
    """A zone file; the SOA comes first, as NSD wants it."""
    ordered = sorted(zone, key=lambda item: item.rdtype != RdataType.SOA)
    return "".join(item.to_text() + "\n" for item in ordered)
