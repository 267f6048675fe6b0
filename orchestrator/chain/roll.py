"""Keys that some validators trip over though the chain is whole: half rolls, and shared key tags.

RFC 4035 section 2.2 wants signatures by every algorithm that the DS and the DNSKEY RRset signal.
RFC 6840 section 5.11 tells validators to take any one path; strict ones do not (.gov, 2013). And
since CVE-2023-50387 some give up on keys that share a tag: BIND 9.18.49 answers SERVFAIL for what
the second of two keys has signed (measured).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import dns.name
from dns.name import Name
from dns.rdatatype import DNSKEY, SOA, RdataType
from dns.rdtypes.ANY.DS import DS

from orchestrator.chain.look import Judged
from orchestrator.dns.message import find, read, signatures
from orchestrator.model import Cause, Finding, State


def warnings(zone: str, ds: Sequence[DS], judged: Iterable[Judged]) -> list[Finding]:
    """What is legal and still fails at some validators: warnings, once each."""
    origin = dns.name.from_text(zone)
    sound = [one for one in judged if one.look.state is State.SECURE]
    keys = [one for one in sound if one.sight.purpose == "dnskey"]
    found = [
        *_unsigned(origin, "DNSKEY", {int(record.algorithm) for record in ds}, keys, DNSKEY),
        *_unsigned(origin, "SOA", _published(origin, keys), sound, SOA),
        *_shared(origin, keys),
    ]
    return list({(one.cause, one.rrset, one.algorithm, one.key_tag): one for one in found}.values())


def _published(zone: Name, keys: Sequence[Judged]) -> set[int]:
    """The algorithms that every server's DNSKEY RRset has."""
    sets = []
    for one in keys:
        message = read(one.sight.wire) if one.sight.wire else None
        records = (message and find(message.answer, zone, DNSKEY)) or ()
        sets.append({int(record.algorithm) for record in records})
    return set.intersection(*sets) if sets else set()


def _unsigned(
    zone: Name, told: str, signalled: set[int], judged: Iterable[Judged], rdtype: RdataType
) -> Iterator[Finding]:
    """Algorithms that are signalled and have signed nothing of this type anywhere."""
    signing: set[int] = set()
    asked = False
    for one in judged:
        message = read(one.sight.wire) if one.sight.wire else None
        if message is None or one.sight.type != told:
            continue
        asked = True
        made = signatures(message.answer, zone, rdtype) or ()
        signing |= {int(signature.algorithm) for signature in made}
    for algorithm in sorted(signalled - signing) if asked else ():
        yield Finding(
            cause=Cause.RRSIG_MISSING,
            severity="warning",
            rrset=told,
            owner=zone.to_text(),
            algorithm=algorithm,
            detail=(
                "signalled, and signs nothing here: strict validators (Unbound with "
                "harden-algo-downgrade) fail, others take the other algorithm (RFC 6840 5.11)"
            ),
        )


def _shared(zone: Name, keys: Iterable[Judged]) -> Iterator[Finding]:
    for one in keys:
        by_id = one.look.entry.keys.by_id if one.look.entry and one.look.entry.keys else {}
        for (tag, algorithm), records in by_id.items():
            if len(records) > 1:
                yield Finding(
                    cause=Cause.VALIDATION_LIMIT,
                    severity="warning",
                    rrset="DNSKEY",
                    owner=zone.to_text(),
                    key_tag=tag,
                    algorithm=algorithm,
                    detail=(
                        f"{len(records)} keys share this tag, which is legal: validators that give "
                        "up after a failed try (BIND) fail at what the other has signed"
                    ),
                )
