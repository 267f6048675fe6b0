"""How a TLD breaks, the way history did it: one row of the table a scenario.

A scenario says what each server of the TLD serves, and which DS the root has for it, as a
function of the phase, the server's index and the serial. Nothing here touches a file or a clock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dns.name import Name
from dns.rdatatype import RdataType
from dns.rrset import RRset

from orchestrator.errors import BadInput
from orchestrator.lab.signer import Key, Window, Zone, by_type, ds_of, rrset, sign
from orchestrator.lab.world import DAY, SOON, Tld, dnskeys, tld_data, with_nsec3

# From a day ago, so that a resolver with a slow clock still takes them, to two weeks from now.
FRESH = (-DAY, 14 * DAY)
EXPIRED = (-50 * DAY, -20 * DAY)


@dataclass(frozen=True, slots=True)
class Look:
    """What a scenario is asked for: the content of one server of the TLD, now."""

    tld: Tld
    phase: int
    server: int
    serial: int
    now: int

    def window(self, bounds: tuple[int, int]) -> Window:
        return Window(self.now + bounds[0], self.now + bounds[1])


@dataclass(frozen=True, slots=True)
class Scenario:
    """One way to break. `every`: seconds between new serials, 0 when the zone stands still."""

    name: str
    about: str
    phases: tuple[str, ...]
    serve: Callable[[Look], Zone]
    ds: Callable[[Tld, int], Zone]
    every: float = 0


def published_ds(tld: Tld, _phase: int) -> Zone:
    """The right DS."""
    return [rrset(tld.origin, SOON, RdataType.DS, ds_of(tld.origin, tld.keys.ksk))]


def unused_ds(tld: Tld, _phase: int) -> Zone:
    """A DS of a key that is not in the DNSKEY RRset."""
    assert tld.keys.old_ksk is not None
    return [rrset(tld.origin, SOON, RdataType.DS, ds_of(tld.origin, tld.keys.old_ksk))]


def healthy(look: Look) -> Zone:
    """The zone as it should be."""
    return _signed(look, tld_data(look.tld, look.serial), look.window(FRESH))


def _signed(
    look: Look, data: Zone, window: Window, choose: Callable[[RRset], Key] | None = None
) -> Zone:
    keys = look.tld.keys
    zone = with_nsec3(look.tld, data, keys.ksk, keys.zsk)
    return sign(look.tld.origin, zone, window, choose or by_type(keys.ksk, keys.zsk))


# de-2026: three signers, each with its own ZSK; the three have one key tag; one is published.


def _denic(look: Look) -> Zone:
    """Signatures by whichever signer did the RRset; the DNSKEY RRset is always perfect."""
    keys = look.tld.keys

    def choose(item: RRset) -> Key:
        if item.rdtype == RdataType.DNSKEY:
            return keys.ksk
        if _DENIC_GOOD[look.phase - 1](look, item):
            return keys.zsk
        return keys.rivals[_draw("rival", item.name, look.serial) % len(keys.rivals)]

    return _signed(look, tld_data(look.tld, look.serial), look.window(FRESH), choose)


def _mixed(look: Look, item: RRset) -> bool:
    """Phase 1: about a third good, another mix on each server.

    The SOA's signature is good for one serial in three, and then at all servers but one, so
    that resolvers see it flap however often they ask. The apex's NSEC3, which every denial
    and every no-DS proof needs, is bad on all servers, and so are the DS of every other signed
    child: these names fail at every resolver, however often it asks.
    """
    if item.rdtype == RdataType.SOA:
        good, turn = look.serial % 3 == 0, look.serial // 3
        return good and look.server != turn % len(look.tld.plan.servers)
    if _matches_apex(item) or item.name in _hopeless(look.tld):
        return False
    return _draw(item.rdtype, item.name, look.server) % 100 < 42


def _some_denials_bad(_look: Look, item: RRset) -> bool:
    """Phase 2: SOA, NS, DNSKEY and DS green everywhere; every other NSEC3 span is bad."""
    return item.rdtype != RdataType.NSEC3 or _matches_apex(item) or not _even_span(item)


def _one_server_bad(look: Look, item: RRset) -> bool:
    """Phase 3: as phase 2, but only at the last address."""
    last = len(look.tld.plan.servers) - 1
    return look.server != last or _some_denials_bad(look, item)


_DENIC_GOOD = (_mixed, _some_denials_bad, _one_server_bad)


def _matches_apex(item: RRset) -> bool:
    return item.rdtype == RdataType.NSEC3 and RdataType.SOA in _listed_types(item)


def _listed_types(item: RRset) -> set[int]:
    return {
        window * 256 + byte * 8 + bit
        for window, bitmap in item[0].windows
        for byte, bits in enumerate(bitmap)
        for bit in range(8)
        if bits & (0x80 >> bit)
    }


def _even_span(item: RRset) -> bool:
    return _draw("span", item.name) % 2 == 0


def _hopeless(tld: Tld) -> set[Name]:
    signed = sorted(item.name for item in tld.delegations if item.rdtype == RdataType.DS)
    return set(signed[::2])


def _draw(*what: object) -> int:
    """A number that looks random and is the same for the same things."""
    return int.from_bytes(hashlib.sha256(repr(what).encode()).digest()[:8], "big")


# The others.


def _expired(look: Look) -> Zone:
    return _signed(look, tld_data(look.tld, look.serial), look.window(EXPIRED))


def _unsigned(look: Look) -> Zone:
    """No signature, no denial, no DNSKEY.

    Denial and DNSKEY go with the signatures: BIND takes 12 s a name to give up on NSEC3 records
    that it can check with nothing, and history's resolvers said SERVFAIL at once.
    """
    return tld_data(look.tld, look.serial)


def _namibia(look: Look) -> Zone:
    if look.phase == 2:
        return _unsigned(look)
    keys = look.tld.keys
    return [*_unsigned(look), *dnskeys(look.tld.origin, keys.ksk, keys.zsk)]


def _albania(look: Look) -> Zone:
    return (healthy, _unsigned, _unsigned)[look.phase - 1](look)


def _albanian_ds(tld: Tld, phase: int) -> Zone:
    return (unused_ds, published_ds, _no_ds)[phase - 1](tld, phase)


def _no_ds(_tld: Tld, _phase: int) -> Zone:
    return []


def _botswana(look: Look) -> Zone:
    """The last server has missed three days of zones (YYYYMMDDnn) and serves an unsigned copy."""
    if look.server != len(look.tld.plan.servers) - 1:
        return healthy(look)
    return tld_data(look.tld, look.serial - 300)


def _truncated(look: Look) -> Zone:
    """Every server but the last has a zone that ends early; what is left is signed correctly."""
    data = tld_data(look.tld, look.serial)
    if look.server != len(look.tld.plan.servers) - 1:
        lost = _lost(look.tld)
        data = [item for item in data if not any(item.name.is_subdomain(name) for name in lost)]
    return _signed(look, data, look.window(FRESH))


def _lost(tld: Tld) -> list[Name]:
    children = sorted({item.name for item in tld.delegations if item.rdtype == RdataType.NS})
    return children[len(children) // 4 :]


HEALTHY = Scenario("healthy", "as it should be", ("as it should be",), healthy, published_ds)

SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            "de-2026",
            "three ZSK pairs with one key tag, one published; the SOA flaps with each serial",
            (
                "a third of the signatures good, another mix on each server",
                "SOA, NS, DNSKEY and DS good; half of the denials bad, on all servers",
                "as phase 2, but at one address only",
            ),
            _denic,
            published_ds,
            every=2.5,
        ),
        Scenario(
            "fj-2022",
            "KSK rollover: the DS points to a key that is not in use",
            ("the DS matches no DNSKEY",),
            healthy,
            unused_ds,
        ),
        Scenario(
            "zm-2015",
            "nobody signed again: every signature has expired",
            ("all signatures expired 20 days ago",),
            _expired,
            published_ds,
        ),
        Scenario(
            "na-2019",
            "signatures lost, then the keys too, with a DS in the root",
            ("no signatures", "no DNSKEY and no signatures"),
            _namibia,
            published_ds,
        ),
        Scenario(
            "al-2026",
            "a DS that fits no key, then no DNSKEY, then the DS is withdrawn",
            ("the DS matches no DNSKEY", "no DNSKEY", "no DS: provably insecure, zone unsigned"),
            _albania,
            _albanian_ds,
        ),
        Scenario(
            "bw",
            "one server of several is days behind and unsigned",
            ("the last server serves a stale, unsigned copy",),
            _botswana,
            published_ds,
        ),
        Scenario(
            "de-2010",
            "not DNSSEC: most servers serve a zone that ends early, signed correctly",
            ("false NXDOMAIN for most children from all servers but one",),
            _truncated,
            published_ds,
        ),
    )
}


def scenario(name: str, phase: int) -> Scenario:
    """The scenario of that name. Raises BadInput when it or its phase does not exist."""
    found = SCENARIOS.get(name)
    if found is None:
        raise BadInput(
            f"unknown scenario {name!r}; known: {', '.join(SCENARIOS)}",
            next_step="ntactl lab scenarios",
        )
    if not 1 <= phase <= len(found.phases):
        raise BadInput(
            f"scenario {name} has {_phases(found.phases)}, not {phase}",
            next_step="ntactl lab scenarios",
        )
    return found


def _phases(phases: Sequence[str]) -> str:
    return "one phase" if len(phases) == 1 else f"phases 1 to {len(phases)}"
