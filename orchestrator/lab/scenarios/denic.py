"""de-2026: three signers, each with its own ZSK; the three have one key tag; one is published."""

from __future__ import annotations

from dns.name import Name
from dns.rdatatype import RdataType
from dns.rrset import RRset

from orchestrator.lab.keys import Key
from orchestrator.lab.scenarios.look import (
    Look,
    Scenario,
    is_denial,
    of_apex,
    signed,
    signed_children,
    spans,
)
from orchestrator.lab.signer import Zone
from orchestrator.lab.world import Tld, draw


def _denic(look: Look) -> Zone:
    """Signatures by whichever signer did the RRset; the DNSKEY RRset is always perfect."""
    keys = look.tld.keys

    def choose(item: RRset) -> Key:
        if item.rdtype == RdataType.DNSKEY:
            return keys.ksk
        if _GOOD[look.phase - 1](look, item):
            return keys.zsk
        return keys.rivals[draw("rival", item.name, look.serial) % len(keys.rivals)]

    return signed(look, choose=choose)


def _mixed(look: Look, item: RRset) -> bool:
    """Phase 1: about a third good, another mix on each server.

    The SOA's signature is good for one serial in three, and then at all servers but one, so
    that resolvers see it flap however often they ask. The apex's denial, which every denial
    and every no-DS proof needs, is bad on all servers, and so are the DS of every other signed
    child: these names fail at every resolver, however often it asks.
    """
    if item.rdtype == RdataType.SOA:
        good, turn = look.serial % 3 == 0, look.serial // 3
        return good and look.server != turn % len(look.tld.plan.servers)
    if of_apex(item) or item.name in _hopeless(look.tld):
        return False
    return draw(item.rdtype, item.name, look.server) % 100 < 42


def _hopeless(tld: Tld) -> set[Name]:
    return set(signed_children(tld)[::2])


def _some_denials_bad(look: Look, item: RRset) -> bool:
    """Phase 2: SOA, NS, DNSKEY and DS green everywhere; every other denial is bad."""
    return not is_denial(item) or item.name not in spans(look)[::2]


def _one_server_bad(look: Look, item: RRset) -> bool:
    """Phase 3: as phase 2, but only at the last address."""
    return not look.last or _some_denials_bad(look, item)


_GOOD = (_mixed, _some_denials_bad, _one_server_bad)

SCENARIOS = (
    Scenario(
        "de-2026",
        "C7 C14 C15",
        "three ZSK pairs with one key tag, one published; the SOA flaps with each serial",
        (
            "a third of the signatures good, another mix on each server",
            "SOA, NS, DNSKEY and DS good; half of the denials bad, on all servers",
            "as phase 2, but at one address only",
        ),
        _denic,
        every=2.5,
    ),
)
