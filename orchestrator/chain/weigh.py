"""Attack or mistake? What speaks for which; no check can decide it (RFC 7646 section 7).

From outside a zone that its operator broke and one that somebody took over can look alike. What
differs, as a rule: a mistake is the same at every server, changes signatures and not data, and is
made by somebody who holds the zone's keys.
"""

from __future__ import annotations

from collections.abc import Sequence

import dns.name
from dns.rdatatype import NS

from orchestrator.chain.above import Above
from orchestrator.chain.evidence import Evidence
from orchestrator.chain.look import Judged
from orchestrator.dns.message import find, read
from orchestrator.model import Indicator, State


def weigh(evidence: Evidence, link: Above, judged: Sequence[Judged]) -> tuple[Indicator, ...]:
    """The indicators for a bogus zone, in the order in which a person would ask."""
    found = (_servers(judged), _delegation(evidence, judged), _keys(judged), _above(link))
    return tuple(one for one in found if one is not None)


def _servers(judged: Sequence[Judged]) -> Indicator | None:
    answering = {str(one.sight.server) for one in judged if one.look.state is not None}
    bad = {str(one.sight.server) for one in judged if one.bogus}
    if not bad:
        return None
    if bad == answering:
        return Indicator(points_to="mistake", detail=f"bad at all {len(bad)} servers")
    detail = f"bad at {len(bad)} of {len(answering)} servers"
    return Indicator(points_to="neither", detail=detail)


def _delegation(evidence: Evidence, judged: Sequence[Judged]) -> Indicator | None:
    """Data that changed, not only signatures: who is said to serve the zone?"""
    zone = dns.name.from_text(evidence.zone)
    sets = {names for one in judged if (names := _names(one, zone))}
    if not sets:
        return None
    asked = frozenset(server.name for server in evidence.cuts[-1].servers)
    if len(sets) == 1 and asked == next(iter(sets)):
        detail = "every server names the same name servers, and the parent does too"
        return Indicator(points_to="mistake", detail=detail)
    odd = sorted(asked.union(*sets) - asked.intersection(*sets))
    detail = f"not everybody names {', '.join(odd[:3])} as name server: ask who changed that"
    return Indicator(points_to="attack", detail=detail)


def _names(one: Judged, zone: dns.name.Name) -> frozenset[str]:
    message = read(one.sight.wire) if one.sight.purpose == "ns" and one.sight.wire else None
    rrset = find(message.answer, zone, NS) if message else None
    return frozenset(rdata.target.canonicalize().to_text() for rdata in rrset or ())


def _keys(judged: Sequence[Judged]) -> Indicator | None:
    """Does whoever publishes hold keys that the parent vouches for?"""
    entered = [one for one in judged if one.sight.purpose == "dnskey" and one.look.state]
    if not entered:
        return None
    if any(one.look.state is State.SECURE for one in entered):
        detail = "the DNSKEY RRset validates: whoever publishes the zone holds its keys"
        return Indicator(points_to="mistake", detail=detail)
    detail = "no key is vouched for by the parent: a roll gone wrong looks so, and a takeover"
    return Indicator(points_to="neither", detail=detail)


def _above(link: Above) -> Indicator | None:
    if link.state is not State.SECURE:
        return None
    return Indicator(points_to="mistake", detail="the chain above the zone is sound")
