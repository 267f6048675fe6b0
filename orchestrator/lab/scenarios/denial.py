"""What exists can be proved; what does not cannot, nor that a child has no DS."""

from __future__ import annotations

import base64

from dns.rdatatype import RdataType
from dns.rrset import RRset

from orchestrator.lab.scenarios.look import Look, Scenario, is_denial, signed, wrongly_signed
from orchestrator.lab.signer import Zone, by_type, rrset, sign
from orchestrator.lab.world import with_nsec3

TOO_MANY = 500
_DENIALS = (RdataType.NSEC, RdataType.NSEC3)


def _stripped(look: Look) -> Zone:
    return [item for item in signed(look) if not is_denial(item) and not _signs_denial(item)]


def _signs_denial(item: RRset) -> bool:
    return item.rdtype == RdataType.RRSIG and item[0].type_covered in _DENIALS


def _wrong_range(look: Look) -> Zone:
    """Every NSEC3 ends right after its own hash, and so covers nothing."""
    return _nsec3_signed(look, [_cut_short(item) for item in _with_nsec3(look)])


def _cut_short(item: RRset) -> RRset:
    if item.rdtype != RdataType.NSEC3:
        return item
    own = base64.b32hexdecode(item.name.labels[0].upper())
    after = (int.from_bytes(own, "big") + 1).to_bytes(len(own), "big")
    return rrset(item.name, item.ttl, item.rdtype, item[0].replace(next=after))


def _bad(look: Look) -> Zone:
    return wrongly_signed(look, is_denial)


def _iterations(look: Look) -> Zone:
    return _nsec3_signed(look, _with_nsec3(look, TOO_MANY))


def _with_nsec3(look: Look, iterations: int = 0) -> Zone:
    keys = look.tld.keys
    return with_nsec3(look.tld, look.data(), keys.ksk, keys.zsk, iterations=iterations)


def _nsec3_signed(look: Look, zone: Zone) -> Zone:
    keys = look.tld.keys
    return sign(look.tld.origin, zone, look.window(), by_type(keys.ksk, keys.zsk))


_BY_PHASE = (_stripped, _wrong_range, _bad, _iterations)


def _denial(look: Look) -> Zone:
    return _BY_PHASE[look.phase - 1](look)


SCENARIOS = (
    Scenario(
        "denial",
        "C9",
        "what does not exist cannot be proved: unsigned children fail with the names that are not",
        (
            "no NSEC3 (or NSEC) records",
            "NSEC3 records that cover nothing, signed correctly",
            "bad signatures on all denials",
            "500 NSEC3 iterations: insecure, not bogus (RFC 9276)",
        ),
        _denial,
    ),
)
