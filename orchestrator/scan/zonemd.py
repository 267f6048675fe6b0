"""Is a transferred zone whole? ZONEMD, RFC 8976."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Sequence

from orchestrator.dns.wire import RRSIG, SOA, ZONEMD, Record
from orchestrator.scan.denial import order
from orchestrator.scan.sound import Doubt

HASHES = {1: hashlib.sha384, 2: hashlib.sha512}
SIMPLE = 1


def check(zone: bytes, records: Sequence[Record]) -> bool:
    """Does a digest in the zone fit its records? False when it has none we can check.

    Raises Doubt when one does not fit. Whether ZONEMD and SOA are signed is the caller's to check.
    """
    soa = next(record for record in records if record.rdtype == SOA)
    serial = soa.rdata[-20:-16]
    ours = [r.rdata for r in records if r.rdtype == ZONEMD and r.owner == zone]
    usable = [one for one in ours if one[4] == SIMPLE and one[5] in HASHES and one[:4] == serial]
    if ours and not any(one[:4] == serial for one in ours):
        raise Doubt("the ZONEMD is of another serial")
    if not usable:
        return False
    if not any(_digest(zone, records, one[5]) == one[6:] for one in usable):
        raise Doubt("the zone is not the one that its ZONEMD was made for")
    return True


def _digest(zone: bytes, records: Iterable[Record], algorithm: int) -> bytes:
    """The digest of the SIMPLE scheme, section 3.3.1: everything but ZONEMD itself, in order."""
    places = {owner: order(owner) for owner in {record.owner for record in records}}
    kept = (record for record in records if not _is_zonemd(zone, record))
    listed = sorted((places[r.owner], r.rdtype, r.rdata, _octets(r)) for r in kept)
    return HASHES[algorithm](b"".join(dict.fromkeys(row[3] for row in listed))).digest()


def _is_zonemd(zone: bytes, record: Record) -> bool:
    if record.owner != zone:
        return False
    covers = int.from_bytes(record.rdata[:2], "big") if record.rdtype == RRSIG else record.rdtype
    return covers == ZONEMD


def _octets(record: Record) -> bytes:
    head = struct.pack("!HHIH", record.rdtype, record.rdclass, record.ttl, len(record.rdata))
    return record.owner + head + record.rdata
