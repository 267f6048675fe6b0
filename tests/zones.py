"""The lab's zones looked at by a validator that is not the lab's: dnspython's."""

from __future__ import annotations

import dns.dnssec
import dns.name
from dns.rdatatype import RdataType

from orchestrator.lab.signer import Zone

NOW = 1_800_000_000


def valid(zone: Zone, origin: dns.name.Name, now: float = NOW) -> dict[tuple, bool]:
    """(owner, type) of everything signed -> whether a published key made the signature."""
    keys = {origin: next(r for r in zone if r.rdtype == RdataType.DNSKEY)}
    found = {}
    for signature in (r for r in zone if r.rdtype == RdataType.RRSIG):
        covered = next(
            r for r in zone if (r.name, r.rdtype) == (signature.name, signature[0].type_covered)
        )
        try:
            dns.dnssec.validate(covered, signature, keys, now=now)
            found[covered.name, covered.rdtype] = True
        except dns.dnssec.ValidationFailure:
            found[covered.name, covered.rdtype] = False
    return found
