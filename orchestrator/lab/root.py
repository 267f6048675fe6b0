"""The root zone: delegations, NSEC, ZONEMD (RFC 8976), signatures.

A root of 1,440 zones has some 3,000 signatures; those over RRsets that did not change are kept.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import dns.name
from dns.name import Name
from dns.rdatatype import RdataType
from dns.rrset import RRset

from orchestrator.lab.keys import Key, Keys
from orchestrator.lab.signer import Window, Zone, by_type, nsec_chain, rrset, sign_each, signature
from orchestrator.lab.world import (
    DAY,
    ROOT_SERVERS,
    SOON,
    Server,
    dnskeys,
    fresh,
    server_records,
    soa,
)

ROOT = dns.name.root
SIMPLE, SHA384 = 1, 1
RENEW = 3 * DAY

# How the root signs one DS RRset, where not as it should: the RRset, the root's ZSK, now.
DsSigning = Callable[[RRset, Key, int], RRset]


@dataclass(frozen=True, slots=True)
class Delegation:
    """What the root says of one TLD: where it is served, and its DS, if it has any."""

    origin: Name
    servers: tuple[Server, ...]
    ds: Zone
    signed: DsSigning | None = None


@dataclass
class Root:
    """The root's keys, and the signatures made so far, by what they cover."""

    keys: Keys
    made: dict[tuple[Name, RdataType, str], RRset] = field(default_factory=dict, repr=False)

    def zone(self, delegations: Iterable[Delegation], serial: int, now: int) -> Zone:
        """The whole zone as the root's servers have it."""
        listed, window = list(delegations), fresh(now)
        odd = {one.origin: one.signed for one in listed if one.signed}

        def signing(item: RRset) -> Zone:
            if item.rdtype == RdataType.DS and item.name in odd:
                return [odd[item.name](item, self.keys.zsk, now)]
            return [self._signature(item, window)]

        zone = _unsigned(listed, self.keys, serial)
        zonemd = _zonemd(serial, bytes(48))
        zone += nsec_chain(ROOT, [*zone, zonemd], SOON)
        zone = sign_each(ROOT, zone, signing)
        zonemd = _zonemd(serial, digest(zone))
        return [*zone, *sign_each(ROOT, [zonemd], signing)]

    def _signature(self, item: RRset, window: Window) -> RRset:
        what = (item.name, item.rdtype, item.to_text())
        kept = self.made.get(what)
        if kept is None or kept[0].expiration < window.expiration - RENEW:
            key = by_type(self.keys.ksk, self.keys.zsk)(item)
            kept = self.made[what] = signature(ROOT, item, key, window)
        return kept


def _unsigned(delegations: Iterable[Delegation], keys: Keys, serial: int) -> Zone:
    zone = [
        *soa(ROOT, ROOT_SERVERS[0].name, serial),
        *server_records(ROOT, ROOT_SERVERS, ttl=DAY),
        *dnskeys(ROOT, keys.ksk, keys.zsk),
    ]
    for one in delegations:
        zone += [*server_records(one.origin, one.servers), *one.ds]
    return zone


def _zonemd(serial: int, value: bytes) -> RRset:
    return rrset(ROOT, SOON, RdataType.ZONEMD, f"{serial} {SIMPLE} {SHA384} {value.hex()}")


def digest(zone: Zone) -> bytes:
    """The SHA-384 of a zone without its ZONEMD, every record in canonical order and form."""
    hashed = hashlib.sha384()
    for _, _, rdata, head in sorted(_records(zone)):
        hashed.update(head + struct.pack("!H", len(rdata)) + rdata)
    return hashed.digest()


def _records(zone: Zone) -> Iterator[tuple[tuple[bytes, ...], int, bytes, bytes]]:
    """Of each record: what it is sorted by (owner, type, rdata), and what precedes its rdata."""
    for item in zone:
        owner = item.name.canonicalize()
        order = tuple(reversed(owner.labels))
        head = owner.to_wire() or b""
        head += struct.pack("!HHL", item.rdtype, item.rdclass, item.ttl)
        for rdata in item:
            yield order, item.rdtype, rdata.to_digestable(), head
