"""Everything that is asked to judge one zone (incidents that shaped it: docs/concepts/verdicts.md).

Sans I/O, as `walk`: yields batches, is sent replies. At every address of every name server, in
several rounds: DNSKEY, SOA, NS, denials from all over the ring, and the DS of children signed and
unsigned, because a zone can be broken in any one of these alone, at one server, now and then.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import dns.name
from dns.name import Name
from dns.rdatatype import NS

from orchestrator.chain.evidence import Cut, Purpose, Server, Sight
from orchestrator.chain.ring import Ring
from orchestrator.chain.vantage import Vantage
from orchestrator.chain.walk import SERVERS, Steps, Walk
from orchestrator.dns.exchange import Reply
from orchestrator.dns.message import find, read

# Labels delegated under most top-level domains: some are signed, most are not.
COMMON = ("amazon", "apple", "google", "microsoft", "nic", "wikipedia")
FIRST = 2  # denials asked blindly, to learn the ring
SPREAD = 8  # denials in each round


@dataclass(frozen=True, slots=True)
class Looks:
    """How often to look, seconds apart, and which names below the zone in every round."""

    names: tuple[Name, ...] = ()
    rounds: int = 3
    every: float = 1.0


@dataclass(frozen=True, slots=True)
class Seen:
    """The walk and all sights; `queries` counts every question asked."""

    cuts: tuple[Cut, ...]
    sights: tuple[Sight, ...]
    queries: int


def survey(zone: Name, vantage: Vantage, looks: Looks, rng: random.Random) -> Steps[Seen]:
    """Walk to `zone` and look at it."""
    walk = Walk(vantage)
    cuts = yield from walk.path(zone)
    survey_ = _Survey(walk, cuts, looks, rng)
    if dns.name.from_text(cuts[-1].zone) == zone:
        yield from survey_.rounds(zone)
    else:
        yield from survey_.undelegated(zone)
    return Seen(survey_.cuts, tuple(survey_.sights), walk.asked)


@dataclass(frozen=True, slots=True)
class _Want:
    """One question to be asked, and why."""

    cut: str
    server: Server
    purpose: Purpose
    name: Name
    type: str


@dataclass
class _Survey:
    walk: Walk
    cuts: tuple[Cut, ...]
    looks: Looks
    rng: random.Random
    sights: list[Sight] = field(default_factory=list)

    def undelegated(self, zone: Name) -> Steps[None]:
        """Nobody delegates `zone`: keep what the last zone's servers say, and its own chain."""
        last = self.cuts[-1]
        wants = [_Want(last.zone, server, "ns", zone, "NS") for server in last.servers]
        yield from self._look(
            0, [*self._above(), *_at(last, "dnskey", last.zone, "DNSKEY"), *wants]
        )

    def rounds(self, zone: Name) -> Steps[None]:
        ring = Ring(zone)
        yield from self._first(zone, ring)
        for number in range(1, self.looks.rounds):
            wants = [*self._parent(), *self._set(zone, self.cuts[-1].servers)]
            for name in ring.names(SPREAD, self.rng):
                wants += self._everywhere("denial", name, "A")
            for sight in (yield from self._look(number, wants, self.looks.every)):
                _teach(ring, sight)

    def _first(self, zone: Name, ring: Ring) -> Steps[None]:
        """The first round is two batches: where the ring lies is known after the first."""
        blind = ring.names(FIRST, self.rng)
        wants = [*self._above(), *self._set(zone, self.cuts[-1].servers)]
        for name in blind:
            wants += self._everywhere("denial", name, "A")
        first = yield from self._look(0, wants)
        for sight in first:
            _teach(ring, sight)
        added = yield from self._children_servers(zone, first)
        wants = self._set(zone, added)
        for name in ring.names(SPREAD - FIRST, self.rng):
            wants += self._everywhere("denial", name, "A")
        for sight in (yield from self._look(0, wants)):
            _teach(ring, sight)

    def _children_servers(self, zone: Name, sights: Iterable[Sight]) -> Steps[tuple[Server, ...]]:
        """Name servers that only the zone itself names are looked at too."""
        known = {server.name for server in self.cuts[-1].servers}
        names: dict[Name, None] = {}
        for sight in sights:
            message = read(sight.wire) if sight.purpose == "ns" and sight.wire else None
            for rdata in (message and find(message.answer, zone, NS)) or ():
                names[rdata.target.canonicalize()] = None
        added = [name for name in names if name.to_text() not in known][:8]
        servers = yield from self.walk.servers(zone, added, {})
        cut = self.cuts[-1]
        new = tuple(server for server in servers if server not in cut.servers)
        new = new[: max(0, SERVERS - len(cut.servers))]
        self.cuts = (*self.cuts[:-1], Cut(zone=cut.zone, servers=(*cut.servers, *new)))
        return new

    def _above(self) -> list[_Want]:
        """Everything above the zone: each cut's keys, and its word on the next cut."""
        wants: list[_Want] = []
        for cut in self.cuts[:-1]:
            wants += _at(cut, "dnskey", cut.zone, "DNSKEY")
        for cut, below in zip(self.cuts, self.cuts[1:], strict=False):
            wants += _at(cut, "ds", below.zone, "DS")
        return wants

    def _parent(self) -> list[_Want]:
        return _at(self.cuts[-2], "ds", self.cuts[-1].zone, "DS") if len(self.cuts) > 1 else []

    def _set(self, zone: Name, servers: Sequence[Server]) -> list[_Want]:
        """What every server is asked in every round, denials aside."""
        cut = Cut(zone=self.cuts[-1].zone, servers=tuple(servers))
        wants = [
            *_at(cut, "dnskey", cut.zone, "DNSKEY"),
            *_at(cut, "soa", cut.zone, "SOA"),
            *_at(cut, "ns", cut.zone, "NS"),
        ]
        for name in self._children(zone):
            wants += _at(cut, "child", name.to_text(), "DS")
        return wants

    def _children(self, zone: Name) -> list[Name]:
        """Names below the zone: those given, those of its name servers, and common ones."""
        below = [
            name.split(len(zone) + 1)[1]
            for server in self.cuts[-1].servers
            if (name := dns.name.from_text(server.name)).is_subdomain(zone) and name != zone
        ]
        common = [dns.name.Name([label.encode(), *zone.labels]) for label in COMMON]
        given = [name for name in self.looks.names if name.is_subdomain(zone) and name != zone]
        return list(dict.fromkeys((*given, *below, *common)))

    def _everywhere(self, purpose: Purpose, name: Name, rdtype: str) -> list[_Want]:
        return _at(self.cuts[-1], purpose, name.to_text(), rdtype)

    def _look(self, number: int, wants: Iterable[_Want], after: float = 0.0) -> Steps[list[Sight]]:
        wants = [want for want in wants if self._worth_asking(want)]
        questions = [self.walk.question(want.server, want.name, want.type) for want in wants]
        replies = yield from self.walk.ask(questions, after)
        pairs = zip(wants, replies, strict=True)
        sights = [_sight(want, number, reply) for want, reply in pairs]
        self.sights += sights
        return sights

    def _worth_asking(self, want: _Want) -> bool:
        """A silent address is asked one thing a round, to see whether it comes back."""
        return want.purpose in ("soa", "ds") or want.server.address not in self.walk.silent


def _at(cut: Cut, purpose: Purpose, name: str, rdtype: str) -> list[_Want]:
    owner = dns.name.from_text(name)
    return [_Want(cut.zone, server, purpose, owner, rdtype) for server in cut.servers]


def _sight(want: _Want, number: int, reply: Reply) -> Sight:
    return Sight(
        cut=want.cut,
        server=want.server,
        round=number,
        purpose=want.purpose,
        name=want.name.to_text(),
        type=want.type,
        wire=reply.wire,
        error=reply.error,
        ms=reply.ms,
        tcp=reply.tcp,
    )


def _teach(ring: Ring, sight: Sight) -> None:
    message = read(sight.wire) if sight.wire and sight.purpose in ("denial", "child") else None
    if message:
        ring.learn(message)
