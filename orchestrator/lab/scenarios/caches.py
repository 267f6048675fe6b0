"""All that the servers say is valid; what resolvers kept from before does not go with it."""

from __future__ import annotations

from dns.rdatatype import RdataType

from orchestrator.lab.keys import Key
from orchestrator.lab.scenarios.keys import unused_ds
from orchestrator.lab.scenarios.look import (
    HOUR,
    SECOND,
    Before,
    Look,
    Scenario,
    healthy,
    published_ds,
)
from orchestrator.lab.signer import Zone, by_type, sign
from orchestrator.lab.world import Tld, with_denial

# nz-2023: the old key left while its DS was still in caches, for a day; here for an hour.


def _with_old_ksk(look: Look) -> Zone:
    assert look.tld.keys.old_ksk is not None
    return _signed(look, look.tld.keys.old_ksk, look.tld.keys.zsk, SECOND)


def _old_ds(tld: Tld, phase: int) -> Zone:
    (ds,) = unused_ds(tld, phase)
    ds.ttl = HOUR
    return [ds]


# apnic-2012: the standby signer had ZSKs of its own.


def _first_set(look: Look) -> Zone:
    return _signed(look, look.tld.keys.ksk, look.tld.keys.zsk, HOUR)


def _second_set(look: Look) -> Zone:
    return _signed(look, look.tld.keys.ksk, look.tld.keys.spare[0], HOUR)


def _apnic(look: Look) -> Zone:
    """Phase 1: one set of keys on every other server; phase 2: the second set on all."""
    second = look.phase == 2 or look.server % 2 == 1
    return _second_set(look) if second else _first_set(look)


def _signed(look: Look, ksk: Key, zsk: Key, dnskey_ttl: int) -> Zone:
    zone = with_denial(look.tld, look.data(), ksk, zsk)
    for item in zone:
        if item.rdtype == RdataType.DNSKEY:
            item.ttl = dnskey_ttl
    return sign(look.tld.origin, zone, look.window(), by_type(ksk, zsk))


SCENARIOS = (
    Scenario(
        "nz-2023",
        "C13",
        "KSK rollover: the old key left while its DS was in caches; only resolvers with it fail",
        ("the servers' data valid, the DS in the resolvers' caches is the old key's",),
        healthy,
        before=Before(_with_old_ksk, _old_ds, ("DS",)),
    ),
    Scenario(
        "apnic-2012",
        "C13 C14",
        "the standby signer has other ZSKs; each copy of the zone is valid by itself",
        (
            "two sets of ZSKs on the servers, one of them in the resolvers' caches",
            "all servers have the second set, the resolvers' caches the first",
        ),
        _apnic,
        before=Before(_first_set, published_ds, ("DNSKEY",)),
    ),
)
