"""From the root hints to one answer, the way a resolver iterates (RFC 1034 section 5.3.3).

Sans I/O, like `walk`; but where a walk asks every server, an iteration asks one at a time, and the
next only when an answer was no good. Work is bounded, since every answer may be hostile: referrals
only go down, name servers that need each other are not looked up, all questions share a budget.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import dns.name
import dns.rcode
import dns.rdatatype
from dns.name import Name
from dns.rdatatype import AAAA, CNAME, DNAME, DS, NS, RRSIG, SOA, A, RdataType

from orchestrator.chain.evidence import Server
from orchestrator.chain.vantage import Vantage
from orchestrator.chain.verify import Fault
from orchestrator.chain.walk import Batch, Steps, addresses_in
from orchestrator.dns.exchange import Question, Reply
from orchestrator.dns.message import Message, find, read, signatures
from orchestrator.model import Cause

CUTS = 16  # zones between the root and any name
NAMES, SERVERS = 32, 64  # of one zone
DEPTH = 4  # a name server's name whose zone's name server's name ...
BUDGET = 600  # questions for one answer
_RCODES = (dns.rcode.NOERROR, dns.rcode.NXDOMAIN, dns.rcode.YXDOMAIN)


@dataclass(eq=False)
class Place:
    """A zone cut as its parent told it. `missing` are addresses that may still be looked up.

    `told` is the referral that led here; the root has none.
    """

    zone: Name
    servers: list[Server]
    missing: list[tuple[Name, RdataType]] = field(default_factory=list)
    told: Heard | None = None

    def learn(self, servers: Iterable[Server]) -> None:
        """More servers, after those known, IPv4 first: more machines have a way there."""
        known = {server.address for server in self.servers}
        new = [server for server in servers if server.address not in known]
        self.servers += sorted(dict.fromkeys(new), key=lambda server: ":" in server.address)
        del self.servers[SERVERS:]


@dataclass(frozen=True, slots=True)
class Heard:
    """One usable answer, and who gave it for which zone."""

    place: Place
    server: Server
    message: Message


@dataclass(frozen=True, slots=True)
class Trouble:
    """A server that gave no usable answer, and why."""

    server: Server
    fault: Fault


class Iteration:
    """What has been learned on the way: the zone cuts, who is silent, what was in the way."""

    def __init__(self, vantage: Vantage) -> None:
        hints = [Server(name=name, address=address) for name, address in vantage.hints]
        self.port = vantage.port
        self.places = {dns.name.root: Place(dns.name.root, hints)}
        self.silent: set[str] = set()
        self.troubles: list[Trouble] = []
        self.looking: list[tuple[Name, RdataType]] = []
        self.asked = 0

    @property
    def spent(self) -> str:
        """Why no more is asked, or ""."""
        return f"{BUDGET} questions were asked" if self.asked >= BUDGET else ""

    def search(self, name: Name, rdtype: RdataType) -> Search:
        """Ask for `name` from the nearest zone known; a DS is its parent's (RFC 4035 3.1.4.1)."""
        zone = name.parent() if rdtype == DS and name != dns.name.root else name
        while zone not in self.places:
            zone = zone.parent()
        return Search(self, self.places[zone], name, rdtype)

    def ask(self, server: Server, name: Name, rdtype: RdataType) -> Steps[Reply]:
        self.asked += 1
        kind = dns.rdatatype.to_text(rdtype)
        replies = yield Batch((Question(server.address, name.to_text(), kind, port=self.port),))
        if replies[0].wire is None and replies[0].error != "truncated-no-tcp":
            self.silent.add(server.address)
        return replies[0]

    def enter(self, heard: Heard, cut: Name) -> Place:
        """The zone a referral leads to; a further referral adds to what is known of it."""
        names = _servers_of(heard.message, cut)
        within = [name for name in names if name.is_subdomain(heard.place.zone)]
        glue = {name: addresses_in(heard.message.additional, name) for name in within}
        place = self.places.get(cut)
        if place is None:
            place = self.places[cut] = Place(cut, [], _missing(names, glue), heard)
        place.learn(_server(name, address) for name in within for address in glue[name])
        return place

    def server(self, place: Place, number: int) -> Steps[Server | None]:
        """The servers of a place by number; more addresses are looked up when they run out."""
        while len(place.servers) <= number and place.missing and not self.spent:
            name, rdtype = place.missing.pop(0)
            found = yield from self._addresses(name, rdtype)
            place.learn(_server(name, address) for address in found)
        return place.servers[number] if number < len(place.servers) else None

    def _addresses(self, name: Name, rdtype: RdataType) -> Steps[tuple[str, ...]]:
        """Look a name server's address up, unless that needs itself."""
        if (name, rdtype) in self.looking or len(self.looking) >= DEPTH:
            return ()
        self.looking.append((name, rdtype))
        heard = yield from self.search(name, rdtype).next()
        self.looking.pop()
        return addresses_in(heard.message.answer, name) if heard else ()


class Search:
    """One question, asked down from a zone; `next` gives another server's answer each time.

    `refused` tells silence from servers that answer and say no.
    """

    def __init__(self, iteration: Iteration, place: Place, name: Name, rdtype: RdataType) -> None:
        self.iteration, self.name, self.rdtype = iteration, name, rdtype
        self.path = [_Turn(place)]
        self.been: dict[Name, int] = {}  # places given up, and how many servers were asked there
        self.heard = False
        self.refused = False
        self.spare: Heard | None = None
        self.troubles: list[Trouble] = []

    def next(self) -> Steps[Heard | None]:
        """The next usable answer; None when the servers of the zone have all been asked.

        One that says nothing, not even that it is authoritative, is kept for the end.
        """
        heard = yield from self._next()
        while heard is not None and _says_nothing(heard.message) and self.path:
            self.spare = self.spare or heard
            heard = yield from self._next()
        spare, self.spare = self.spare, None
        return heard or spare

    def _next(self) -> Steps[Heard | None]:
        while self.path:
            heard = yield from self._ask(self.path[-1])
            if heard is None:
                turn = self.path.pop()
                self.been[turn.place.zone] = turn.number
                if self.heard:
                    return None
                continue  # nobody there: perhaps another server of the parent knows better
            cut = referral(heard, self.name, self.rdtype)
            if cut is None:
                self.heard = True
                return heard
            self._down(self.iteration.enter(heard, cut))
        return None

    def _down(self, place: Place) -> None:
        """Go where a referral leads, unless all that is known there has been tried."""
        tried = self.been.get(place.zone, 0)
        if len(self.path) < CUTS and (place.zone not in self.been or len(place.servers) > tried):
            self.path.append(_Turn(place, tried))

    def _ask(self, turn: _Turn) -> Steps[Heard | None]:
        """The next usable answer of one place."""
        while not self.iteration.spent:
            server = yield from self.iteration.server(turn.place, turn.number)
            if server is None:
                return None
            turn.number += 1
            if self._passed_over(server, turn.place):
                continue
            reply = yield from self.iteration.ask(server, self.name, self.rdtype)
            message = read(reply.wire) if reply.wire else None
            fault = _unusable(reply, message, turn.place.zone)
            if fault is None and message is not None:
                return Heard(turn.place, server, message)
            self._trouble(server, fault, answered=reply.wire is not None)
        return None

    def _passed_over(self, server: Server, place: Place) -> bool:
        silent = self.iteration.silent
        live = any(other.address not in silent for other in place.servers)
        return server.address in silent and live

    def _trouble(self, server: Server, fault: Fault | None, *, answered: bool) -> None:
        assert fault is not None
        self.refused |= answered
        self.troubles.append(Trouble(server, fault))
        self.iteration.troubles.append(Trouble(server, fault))


@dataclass
class _Turn:
    """Whose turn it is at one place."""

    place: Place
    number: int = 0


def _says_nothing(message: Message) -> bool:
    return not (message.authoritative or message.answer or message.authority)


def referral(heard: Heard, name: Name, rdtype: RdataType) -> Name | None:
    """The cut below its zone that an answer refers to; None when it is no referral."""
    message, zone = heard.message, heard.place.zone
    if _speaks_of(message, name, rdtype) or any(r.rdtype == SOA for r in message.authority):
        return None
    cut = _cut(message, zone, name)
    return None if rdtype == DS and cut == name else cut  # a word on the DS is the answer


def _speaks_of(message: Message, name: Name, rdtype: RdataType) -> bool:
    """Has the answer section anything for `name`? The parent's own NS of a cut do not count."""
    if rdtype == NS and not message.authoritative:
        return signatures(message.answer, name, NS) is not None
    moved = (r for r in message.answer if r.rdtype == DNAME and name.is_subdomain(r.name))
    own = (r for r in message.answer if r.name == name and r.rdtype != RRSIG)
    return any(moved) or any(rdtype in (r.rdtype, RdataType.ANY) or r.rdtype == CNAME for r in own)


def _cut(message: Message, zone: Name, name: Name) -> Name | None:
    for rrset in (*message.authority, *message.answer):
        below = rrset.name != zone and rrset.name.is_subdomain(zone)
        if rrset.rdtype == NS and below and name.is_subdomain(rrset.name):
            return rrset.name
    return None


def _unusable(reply: Reply, message: Message | None, zone: Name) -> Fault | None:
    """Why a reply is of no use for `zone`; None when it is."""
    if reply.error == "truncated-no-tcp":
        return _fault(Cause.TRUNCATED_NO_TCP, zone, "answers cut short, and not over TCP")
    if reply.wire is None and reply.error != "malformed":
        return _fault(Cause.SERVER_UNREACHABLE, zone, reply.error)
    if message is None:
        return _fault(Cause.SERVER_LAME, zone, "sends bytes that are no DNS message")
    if message.rcode not in _RCODES:
        rcode = dns.rcode.to_text(dns.rcode.Rcode(message.rcode))
        return _fault(Cause.SERVER_LAME, zone, f"answers {rcode}")
    if _refers_away(message, zone):
        return _fault(Cause.SERVER_LAME, zone, f"refers away from {zone}")
    return None


def _refers_away(message: Message, zone: Name) -> bool:
    """Nothing but NS records, none of them below `zone` (RFC 9499, "lame delegation")."""
    owners = [rrset.name for rrset in message.authority if rrset.rdtype == NS]
    if message.answer or not owners or any(r.rdtype == SOA for r in message.authority):
        return False
    below = any(owner != zone and owner.is_subdomain(zone) for owner in owners)
    return not below and not (message.authoritative and zone in owners)


def _fault(cause: Cause, zone: Name, detail: str) -> Fault:
    return Fault(cause, "", zone.to_text(), detail)


def _servers_of(message: Message, cut: Name) -> list[Name]:
    rrset = find(message.authority, cut, NS) or find(message.answer, cut, NS)
    return sorted({rdata.target for rdata in rrset or ()})[:NAMES]


def _missing(
    names: Iterable[Name], glue: dict[Name, tuple[str, ...]]
) -> list[tuple[Name, RdataType]]:
    """What glue has left out: first the names it lacks, then the families."""
    listed = list(names)
    bare = [(name, kind) for kind in (A, AAAA) for name in listed if not glue.get(name)]
    six = {name for name in listed if any(":" in a for a in glue.get(name, ()))}
    four = {name for name in listed if any(":" not in a for a in glue.get(name, ()))}
    return [*bare, *((n, AAAA) for n in listed if n in four - six),
            *((n, A) for n in listed if n in six - four)]  # fmt: skip


def _server(name: Name, address: str) -> Server:
    return Server(name=name.canonicalize().to_text(), address=address)
