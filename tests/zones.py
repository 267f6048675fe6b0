"""The lab's zones looked at by a validator that is not the lab's: dnspython's."""

from __future__ import annotations

import dns.dnssec
import dns.name
from dns.rdatatype import RdataType

from orchestrator.lab import world
from orchestrator.lab.keys import breakable, make_keys
from orchestrator.lab.signer import Zone, ds_of

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


def a_tld(plan: world.TldPlan) -> world.Tld:
    """A TLD that can break in every way, with signed children."""
    names = {f"{label}.{plan.origin}" for label in plan.signed}
    ds = {name: ds_of(dns.name.from_text(name), make_keys().ksk) for name in names}
    keys = breakable(make_keys(plan.algorithm), plan.algorithm)
    return world.Tld(plan, dns.name.from_text(plan.origin), keys, world.delegations(plan, ds))
