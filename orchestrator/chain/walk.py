"""From the root hints down to a zone: which name servers answer for it, at which addresses.

Sans I/O: a walk is a generator that yields batches of questions and is sent their replies. Work
is bounded everywhere, since every answer may be hostile: referrals only go down, name server
names are looked up to a depth, and all lookups share one budget.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TypeVar

import dns.name
import dns.rdatatype
from dns.name import Name
from dns.rdatatype import NS, RdataType

from orchestrator.chain.evidence import Cut, Server
from orchestrator.chain.vantage import Vantage
from orchestrator.dns.exchange import Question, Reply
from orchestrator.dns.message import Message, find, read

CUTS = 16  # zones between the root and any name
NAMES, ADDRESSES = 32, 16  # of a zone's name servers, and of one of them
SERVERS = 64  # addresses of one zone that are looked at
DEPTH = 3  # a name server's name whose zone's name server's name ...
BUDGET = 2000  # questions to find addresses, for one walk
SAMPLE = 4  # servers asked for an address


@dataclass(frozen=True, slots=True)
class Batch:
    """Questions to ask at once, `after` seconds from now; `silent` addresses never answered."""

    questions: tuple[Question, ...]
    after: float = 0.0
    silent: frozenset[str] = frozenset()


T = TypeVar("T")
Steps = Generator[Batch, list[Reply], T]


def together(steps: Sequence[Steps[T]]) -> Steps[list[T]]:
    """Run several walks in lockstep, their batches asked as one."""
    results: dict[int, T] = {}
    running = dict(enumerate(steps))
    replies: dict[int, list[Reply]] = {}
    while running:
        batches: dict[int, Batch] = {}
        for number, step in list(running.items()):
            try:
                batches[number] = step.send(replies[number]) if replies else next(step)
            except StopIteration as done:
                results[number] = done.value
                del running[number]
        if batches:
            replies = yield from _asked(batches)
    return [results[number] for number in range(len(steps))]


def _asked(batches: dict[int, Batch]) -> Steps[dict[int, list[Reply]]]:
    after = max(batch.after for batch in batches.values())
    all_replies = yield Batch(tuple(q for b in batches.values() for q in b.questions), after)
    replies: dict[int, list[Reply]] = {}
    for number, batch in batches.items():
        count = len(batch.questions)
        replies[number], all_replies = all_replies[:count], all_replies[count:]
    return replies


@dataclass(frozen=True, slots=True)
class Delegation:
    """A cut as its parent tells it: name server names, and glue for some of them."""

    zone: Name
    names: tuple[Name, ...]
    glue: dict[Name, tuple[str, ...]]


def delegation(message: Message, parent: Name, target: Name) -> Delegation | None:
    """The cut between `parent` and `target` that a reply shows; None when it shows none.

    Usually a referral; an answer when one server holds both sides of the cut.
    """
    for rrset in (*message.authority, *message.answer):
        below = rrset.name.is_subdomain(parent) and rrset.name != parent
        if rrset.rdtype == NS and below and target.is_subdomain(rrset.name):
            names = sorted(rdata.target for rdata in rrset)[:NAMES]
            return Delegation(rrset.name, tuple(names), _glue(message, parent, names))
    return None


def _glue(message: Message, parent: Name, names: Iterable[Name]) -> dict[Name, tuple[str, ...]]:
    """Addresses that came along; those outside `parent` are not its to give."""
    glue: dict[Name, tuple[str, ...]] = {}
    for name in names:
        if name.is_subdomain(parent):
            found = addresses_in(message.additional, name)
            if found:
                glue[name] = found
    return glue


def addresses_in(section: Iterable[dns.rrset.RRset], name: Name) -> tuple[str, ...]:
    """The addresses of `name` in a section, those left out that can be nobody's."""
    kinds = (dns.rdatatype.A, dns.rdatatype.AAAA)
    found = (
        r.address
        for rrset in section
        if rrset.name == name and rrset.rdtype in kinds
        for r in rrset
    )
    return tuple(address for address in found if _askable(address))[:ADDRESSES]


def _askable(address: str) -> bool:
    """Glue may say anything; what can be no server's address is not asked."""
    parsed = ip_address(address)
    return not (parsed.is_multicast or parsed.is_unspecified or str(parsed) == "255.255.255.255")


@dataclass
class Walk:
    """What one walk has learned. `silent` addresses have never answered anything."""

    vantage: Vantage
    cuts: dict[Name, Cut] = field(default_factory=dict)
    asked: int = 0
    spent: int = 0
    spoke: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        servers = tuple(Server(name=name, address=address) for name, address in self.vantage.hints)
        self.cuts[dns.name.root] = Cut(zone=".", servers=servers)

    def path(self, zone: Name) -> Steps[tuple[Cut, ...]]:
        """Every cut from the root to `zone`; it ends early where nobody delegates further."""
        cuts = [self.cuts[dns.name.root]]
        while dns.name.from_text(cuts[-1].zone) != zone and len(cuts) < CUTS:
            below = yield from self._step(cuts[-1], zone)
            if below is None:
                break
            cuts.append(below)
        return tuple(cuts)

    def ask(self, questions: Sequence[Question], after: float = 0.0) -> Steps[list[Reply]]:
        """Ask, and remember who answers."""
        self.asked += len(questions)
        replies = yield Batch(tuple(questions), after, frozenset(self.silent))
        for reply in replies:
            if reply.wire is not None or reply.error in ("truncated-no-tcp", "malformed"):
                self.spoke.add(reply.question.address)
        self.silent |= {reply.question.address for reply in replies}
        self.silent -= self.spoke
        return replies

    def question(self, server: Server, name: Name, rdtype: str) -> Question:
        return Question(server.address, name.to_text(), rdtype, port=self.vantage.port)

    def servers(
        self, zone: Name, names: Iterable[Name], glue: dict[Name, tuple[str, ...]]
    ) -> Steps[tuple[Server, ...]]:
        """Every address of `names`: glue, and a lookup for each family it lacks."""
        names = tuple(names)
        known = tuple(_server(name, address) for name in names for address in glue.get(name, ()))
        if known and zone not in self.cuts:
            self.cuts[zone] = Cut(zone=zone.to_text(), servers=known)
        missing = [
            (name, rdtype)
            for name in names
            for rdtype, version in ((dns.rdatatype.A, 4), (dns.rdatatype.AAAA, 6))
            if all(ip_address(address).version != version for address in glue.get(name, ()))
        ]
        found = yield from together([self._resolve(name, rdtype, 0) for name, rdtype in missing])
        looked_up = (
            _server(name, address)
            for (name, _), addresses in zip(missing, found, strict=True)
            for address in addresses
        )
        return tuple(dict.fromkeys((*known, *looked_up)))[:SERVERS]

    def _step(self, cut: Cut, zone: Name) -> Steps[Cut | None]:
        """The next cut below `cut` on the way to `zone`, with every address of its servers."""
        parent = dns.name.from_text(cut.zone)
        merged = yield from self._delegation(cut, parent, zone)
        if merged is None:
            return None
        for between in _between(parent, merged.zone):
            # One server for a zone and its grandchild answers from the latter at once.
            skipped = yield from self._delegation(cut, parent, between)
            if skipped and skipped.zone == between:
                merged = skipped
                break
        servers = yield from self.servers(merged.zone, merged.names, merged.glue)
        self.cuts[merged.zone] = Cut(zone=merged.zone.canonicalize().to_text(), servers=servers)
        return self.cuts[merged.zone]

    def _delegation(self, cut: Cut, parent: Name, target: Name) -> Steps[Delegation | None]:
        """What all servers of `cut` say of the cut towards `target`, put together."""
        servers = [server for server in cut.servers if server.address not in self.silent]
        replies = yield from self.ask([self.question(s, target, "NS") for s in servers])
        messages = (read(reply.wire) for reply in replies if reply.wire)
        shown = [d for m in messages if m and (d := delegation(m, parent, target))]
        if not shown:
            return None
        zone = min((d.zone for d in shown), key=len)
        glue: dict[Name, tuple[str, ...]] = {}
        names: dict[Name, None] = {}
        for one in (d for d in shown if d.zone == zone):
            names |= dict.fromkeys(one.names)
            for name, addresses in one.glue.items():
                merged = dict.fromkeys((*glue.get(name, ()), *addresses))
                glue[name] = tuple(merged)[:ADDRESSES]
        return Delegation(zone, tuple(names)[:NAMES], glue)

    def _resolve(self, name: Name, rdtype: RdataType, depth: int) -> Steps[tuple[str, ...]]:
        """The addresses of a name server, by iteration from the nearest zone known."""
        cut: Cut | None = self._nearest(name)
        for _ in range(CUTS):
            sample = self._sample(cut)
            if not sample or self.spent > BUDGET:
                return ()
            assert cut is not None
            self.spent += len(sample)
            kind = dns.rdatatype.to_text(rdtype)
            replies = yield from self.ask([self.question(s, name, kind) for s in sample])
            messages = [m for r in replies if r.wire and (m := read(r.wire))]
            found = next((rrset for m in messages if (rrset := find(m.answer, name, rdtype))), None)
            if found:
                return addresses_in([found], name)
            parent = dns.name.from_text(cut.zone)
            below = next((d for m in messages if (d := delegation(m, parent, name))), None)
            cut = (yield from self._enter(below, depth)) if below else None
        return ()

    def _nearest(self, name: Name) -> Cut:
        zone = name
        while zone not in self.cuts:
            zone = zone.parent()
        return self.cuts[zone]

    def _sample(self, cut: Cut | None) -> list[Server]:
        """A few servers, of both families."""
        live = [s for s in cut.servers if s.address not in self.silent] if cut else []
        by_family = sorted(live, key=lambda server: ":" in server.address)
        return list(dict.fromkeys((*by_family[: SAMPLE // 2], *by_family[-SAMPLE // 2 :])))

    def _enter(self, below: Delegation, depth: int) -> Steps[Cut | None]:
        """A cut met while looking for an address: enough of its servers to go on."""
        known = [_server(n, address) for n in below.names for address in below.glue.get(n, ())]
        if not known and depth < DEPTH:
            names = below.names[:SAMPLE]
            lookups = [self._resolve(name, dns.rdatatype.A, depth + 1) for name in names]
            found = yield from together(lookups)
            known = [
                _server(n, address)
                for n, many in zip(names, found, strict=True)
                for address in many
            ]
        if not known:
            return None
        return self.cuts.setdefault(
            below.zone, Cut(zone=below.zone.to_text(), servers=tuple(known))
        )


def _server(name: Name, address: str) -> Server:
    return Server(name=name.canonicalize().to_text(), address=address)


def _between(parent: Name, zone: Name) -> list[Name]:
    """The names strictly between, the shortest first."""
    return [zone.split(size)[1] for size in range(len(parent) + 1, len(zone))]
