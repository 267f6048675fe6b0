"""The keys are fine, the signatures are not: expired, too early, missing, or of something else."""

from __future__ import annotations

from collections.abc import Callable

from dns.name import Name
from dns.rdatatype import RdataType
from dns.rrset import RRset

from orchestrator.lab.scenarios.look import (
    HOUR,
    Look,
    Scenario,
    is_denial,
    signed,
    signed_by,
    signed_children,
    spans,
    wrongly_signed,
)
from orchestrator.lab.signer import Zone, by_type
from orchestrator.lab.world import DAY, dnskeys, soa

LONG_AGO = (-50 * DAY, -20 * DAY)
A_DAY_AGO = (-30 * DAY, -22 * HOUR)
HOURS_AGO = (-14 * DAY, -7 * HOUR)
IN_TWO_DAYS = (2 * DAY, 16 * DAY)


def _zambia(look: Look) -> Zone:
    return signed(look, bounds=LONG_AGO)


def _myanmar(look: Look) -> Zone:
    return signed(look, bounds=A_DAY_AGO)


def _early(look: Look) -> Zone:
    return signed(look, bounds=IN_TWO_DAYS)


def _e164(look: Look) -> Zone:
    """At 10:00:18 all at once; in phase 2 only what the KSK signs."""
    if look.phase == 1:
        return signed(look, bounds=HOURS_AGO)
    keys = look.tld.keys

    def signing(item: RRset) -> Zone:
        if item.rdtype == RdataType.DNSKEY:
            return [look.signature(item, keys.ksk, HOURS_AGO)]
        return [look.signature(item, keys.zsk)]

    return signed_by(look, signing)


def unsigned(look: Look) -> Zone:
    """No signature, no denial, no DNSKEY.

    Denial and DNSKEY go with the signatures: BIND takes 12 s a name to give up on NSEC3 records
    that it can check with nothing, and history's resolvers said SERVFAIL at once.
    """
    return look.data()


def _keys_unsigned(look: Look) -> Zone:
    keys = look.tld.keys
    return [*unsigned(look), *dnskeys(look.tld.origin, keys.ksk, keys.zsk)]


def _namibia(look: Look) -> Zone:
    return (_keys_unsigned, unsigned)[look.phase - 1](look)


def _red(look: Look) -> Zone:
    """SOA, NS and DNSKEY are signed; the DS of half of the children are not, nor half the ring."""
    lost = {*signed_children(look.tld)[::2], *spans(look)[::2]}
    usual = by_type(look.tld.keys.ksk, look.tld.keys.zsk)

    def signing(item: RRset) -> Zone:
        if item.name in lost and (is_denial(item) or item.rdtype == RdataType.DS):
            return []
        return [look.signature(item, usual(item))]

    return signed_by(look, signing)


def _russia(look: Look) -> Zone:
    """All that the ZSK signs is signed by the key that was not published."""
    return wrongly_signed(look, lambda item: item.rdtype != RdataType.DNSKEY)


def _sweden(look: Look) -> Zone:
    """Each hour's file has more of them; the first has DS only, of one child."""
    children = signed_children(look.tld)
    if look.phase == 1:
        first = (children[0], RdataType.DS)
        return wrongly_signed(look, lambda item: (item.name, item.rdtype) == first)
    share = len(children) * (look.phase - 1) // 4
    bad = {*children[:share], *spans(look)[: 2 * share]}
    return wrongly_signed(look, _ds_or_denial_of(bad))


def _ds_or_denial_of(names: set[Name]) -> Callable[[RRset], bool]:
    return lambda item: item.name in names and (is_denial(item) or item.rdtype == RdataType.DS)


def _australia_2022(look: Look) -> Zone:
    return wrongly_signed(
        look, _ds_or_denial_of({*signed_children(look.tld)[::2], *spans(look)[::2]})
    )


def _australia_2023(look: Look) -> Zone:
    """The SOA is of this serial, its signature is of the one before."""
    usual = by_type(look.tld.keys.ksk, look.tld.keys.zsk)

    def signing(item: RRset) -> Zone:
        if item.rdtype == RdataType.SOA:
            (item,) = soa(look.tld.origin, look.tld.plan.servers[0].name, look.serial - 1)
        return [look.signature(item, usual(item))]

    return signed_by(look, signing)


SCENARIOS = (
    Scenario(
        "zm-2015",
        "C1",
        "nobody signed again: every signature has expired",
        ("all signatures expired 20 days ago",),
        _zambia,
    ),
    Scenario(
        "mm-2016",
        "C1",
        "nobody signed again, and it was seen at once",
        ("all signatures expired 22 hours ago",),
        _myanmar,
    ),
    Scenario(
        "e164-2017",
        "C1",
        "signatures expired hours ago: BIND fails, Unbound's skew still takes them",
        ("all signatures expired 7 hours ago", "only the DNSKEY RRset's expired, 7 hours ago"),
        _e164,
    ),
    Scenario(
        "not-yet-valid",
        "C2",
        "a signer whose clock is ahead",
        ("all signatures begin to be valid in two days",),
        _early,
    ),
    Scenario(
        "se-2009",
        "C6",
        "a bad zone was replaced in a hurry, without signatures",
        ("no signatures, the DNSKEY records are there",),
        _keys_unsigned,
    ),
    Scenario(
        "xn--qxam-2021",
        "C6",
        "the zone is served unsigned",
        ("no signatures and no DNSKEY, with a DS in the root",),
        unsigned,
    ),
    Scenario(
        "na-2019",
        "C6 C5",
        "signatures lost, then the keys too, with a DS in the root",
        ("no signatures", "no DNSKEY and no signatures"),
        _namibia,
    ),
    Scenario(
        "red-2014",
        "C6",
        "signatures missing on some RRsets only",
        ("SOA, NS and DNSKEY signed; half of the DS and of the denials not",),
        _red,
    ),
    Scenario(
        "ru-2024",
        "C7",
        "ZSK rollover: signatures by a key that is not published, with the tag of the one that is",
        ("no signature but the DNSKEY RRset's holds, on all servers",),
        _russia,
    ),
    Scenario(
        "au-2022",
        "C7",
        "wrong signatures for a part of the zone",
        ("half of the DS and of the denials bad, SOA, NS and DNSKEY good",),
        _australia_2022,
    ),
    Scenario(
        "au-2023",
        "C7",
        "signing again produced one wrong record",
        ("the signature over the SOA is that of the serial before",),
        _australia_2023,
    ),
    Scenario(
        "se-2022",
        "C10",
        "wrong signatures on the DS of a few children and on denials, more every hour",
        (
            "the DS of one signed child",
            "the DS of a quarter of the signed children, and some denials",
            "the DS of half of them, and more denials",
        ),
        _sweden,
    ),
)
