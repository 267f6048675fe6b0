"""One zone, quickly, at every address of every name server. Sans I/O: a generator of questions.

DNSKEY, a name that does not exist, whose denial brings the SOA (RFC 2308 section 3), and the DS of
one that may be delegated; of the ring some spans that no answer has shown yet. The end is an
outcome: sound, or a doubt.
"""

from __future__ import annotations

import random
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from orchestrator.chain.policy import Policy
from orchestrator.dns import wire
from orchestrator.dns.lane import Query
from orchestrator.dns.wire import DNSKEY, DS, NS, SOA, A
from orchestrator.scan import answers
from orchestrator.scan.answers import Shown
from orchestrator.scan.keys import Keys
from orchestrator.scan.parent import ROOT, Delegation, referral
from orchestrator.scan.ring import SPANS, Seen
from orchestrator.scan.sound import Doubt, Ledger

DENIALS = 3  # different names that do not exist, each address being asked for one
COMMON, OWN = b"wikipedia", b"nic"  # delegated under many TLDs
REFERRALS = 3  # root servers asked for one referral

_LETTERS = bytes(ord("a") + number % 26 for number in range(256))
SILENCE = ("timeout", "unreachable", "deadline")

Steps = Generator[list[Query], None, None]
Asking = Generator[list[Query], None, list[Query]]
Look = Generator[list[Query], None, "Outcome"]


class Outcome(NamedTuple):
    """What was seen of one zone. `doubt` is "" when it is sound, or provably without a DS.

    `late`: only times are in doubt; `invalid`: a signature or a DS does not hold. `silent` are
    addresses that answer nothing, and why. `expires` is POSIX time of the first end of a signature,
    `newest` of the last beginning.
    """

    zone: bytes
    doubt: str
    late: bool
    invalid: bool
    signed: bool
    servers: tuple[tuple[bytes, str], ...]
    silent: dict[str, str]
    expires: int | None
    newest: int | None
    queries: int
    ms: int


@dataclass(frozen=True, slots=True)
class Parent:
    """The root: its keys, its servers' addresses, the moment to judge for."""

    keys: Keys
    addresses: tuple[str, ...]
    now: float
    policy: Policy


def look(target: Delegation | bytes, parent: Parent, rng: random.Random) -> Look:
    """Look at a zone; one of which only the name is known is first asked for at the root."""
    zone = target if isinstance(target, bytes) else target.zone
    looking = Looking(zone, rng, Ledger(parent.now, parent.policy))
    return (yield from looking.outcome(looking.steps(target, parent)))


def look_at_root(
    servers: Sequence[tuple[bytes, str]], ds: list[bytes], ledger: Ledger, rng: random.Random
) -> Generator[list[Query], None, tuple[Outcome, Keys | None]]:
    """Look at the root itself, by its trust anchors; its keys as any of its servers shows them."""
    looking = Looking(ROOT, rng, ledger, servers=tuple(servers), signed=True)
    outcome = yield from looking.outcome(looking.steps_signed(ds))
    return outcome, looking.keys


@dataclass
class Looking:
    """A zone being looked at. `seen` is what was judged: all servers should send the same bytes."""

    zone: bytes
    rng: random.Random
    ledger: Ledger
    servers: tuple[tuple[bytes, str], ...] = ()
    signed: bool = False
    keys: Keys | None = None
    silent: dict[str, str] = field(default_factory=dict)
    queries: int = 0
    seen: dict[tuple[bytes, int, bytes], Shown] = field(default_factory=dict)
    ring: Seen = field(default_factory=Seen)

    def outcome(self, steps: Steps) -> Look:
        """What comes of some steps."""
        started = time.monotonic()
        doubt = Doubt("")
        try:
            yield from steps
        except Doubt as found:
            doubt = found
        return Outcome(
            zone=self.zone,
            doubt=doubt.why,
            late=doubt.late,
            invalid=doubt.invalid,
            signed=self.signed,
            servers=self.servers,
            silent=self.silent,
            expires=self.ledger.expires,
            newest=self.ledger.newest,
            queries=self.queries,
            ms=round((time.monotonic() - started) * 1000),
        )

    def steps(self, target: Delegation | bytes, parent: Parent) -> Steps:
        """Everything about a zone below the root. Raises Doubt."""
        if isinstance(target, bytes):
            target = yield from self._referral(parent.addresses)
        self.servers = target.servers
        ds = answers.word(target.word, self.zone, parent.keys, self.ledger)
        self.signed = bool(ds)
        yield from self.steps_signed(ds) if ds else self._unsigned()

    def _referral(self, addresses: Sequence[str]) -> Generator[list[Query], None, Delegation]:
        """Over UDP from one server; over TCP from another when it leaves addresses out."""
        doubt = Doubt("no root server answers")
        for number in range(REFERRALS):
            query = Query(self.rng.choice(addresses), self.zone, NS, tcp=number > 0)
            self.queries += 1
            yield [query]
            message = wire.read(query.wire or b"")
            try:
                if message:
                    return referral(message, self.zone)
            except Doubt as found:
                doubt = found
        raise doubt

    def _unsigned(self) -> Steps:
        """Nothing to validate: only that its servers answer for it."""
        queries = yield from self._everywhere((self.zone, SOA))
        for query in queries:
            answers.soa(query.wire or b"", self.zone)

    def steps_signed(self, ds: list[bytes]) -> Steps:
        """Everything about a zone that has these DS. Raises Doubt."""
        child, other = self._children()
        live = self._addresses()
        nobody = list(self._nobodies(len(live[:DENIALS])))
        first = [
            (address, what)
            for number, address in enumerate(live)
            for what in self._first(child, nobody[number % DENIALS])
        ]
        queries = yield from self._ask(first)
        keys = self._keys(queries, ds)
        self._judge(queries, keys)
        if not self._exists(child):
            self._judge((yield from self._everywhere((other, DS))), keys)
            self._exists(other)
        yield from self._round_the_ring(keys, {query.address for query in queries if query.tcp})

    def _round_the_ring(self, keys: Keys, long: set[str]) -> Steps:
        """Until enough spans were seen: names in unseen ones may turn out to be in the same one.

        At one address: the others have shown that they can deny. At those in `long` denials need
        TCP.
        """
        address = self.rng.choice(self._live())
        for _ in range(SPANS):  # a signer whose spans contradict one another would never end
            if not (names := self.ring.unseen(self._nobodies)):
                return
            asked = [(address, (name, A)) for name in names]
            self._judge((yield from self._ask(asked, tcp=address in long)), keys)

    def _first(self, child: bytes, nobody: bytes) -> list[tuple[bytes, int]]:
        """The SOA needs no question of its own: every denial brings it, signed."""
        return [(self.zone, DNSKEY), (nobody, A), (child, DS)]

    def _everywhere(self, what: tuple[bytes, int]) -> Asking:
        return self._ask([(address, what) for address in self._live()])

    def _ask(self, what: Sequence[tuple[str, tuple[bytes, int]]], *, tcp: bool = False) -> Asking:
        """Ask, each address its questions; gives what was answered. Raises Doubt."""
        queries = [Query(address, name, rdtype, tcp) for address, (name, rdtype) in what]
        self.queries += len(queries)
        yield queries
        answered = {query.address for query in queries if query.wire is not None}
        for query in queries:
            if query.address not in answered and query.error in SILENCE:
                self.silent[query.address] = query.error
            elif query.wire is None:
                raise Doubt(f"{query.address}: {query.error}")
        if not answered:
            raise Doubt("no server answers")
        return [query for query in queries if query.wire is not None]

    def _live(self) -> list[str]:
        return [address for address in self._addresses() if address not in self.silent]

    def _addresses(self) -> list[str]:
        return list(dict.fromkeys(address for _, address in self.servers))

    def _keys(self, queries: Iterable[Query], ds: list[bytes]) -> Keys:
        """The zone's keys, which all servers have to show alike. Raises Doubt."""
        bodies = {(q.wire or b"")[2:]: q.wire or b"" for q in queries if q.rdtype == DNSKEY}
        shown: set[frozenset[bytes]] = set()
        for data in bodies.values():
            keys, records = answers.dnskey(data, self.zone, ds, self.ledger)
            self.keys = self.keys or keys
            shown.add(records)
        if self.keys is None or len(shown) != 1:
            raise Doubt("servers show different keys")
        return self.keys

    def _judge(self, queries: Iterable[Query], keys: Keys) -> None:
        for query in queries:
            data = query.wire or b""
            what = (query.name, query.rdtype, data[2:])
            if query.rdtype == DNSKEY or what in self.seen:
                continue
            shown = answers.name(data, query.name, query.rdtype, keys, self.ledger)
            self.seen[what] = shown
            if shown.proof:
                self.ring.add(shown.proof)

    def _exists(self, child: bytes) -> bool:
        """Does a name exist? Signed or not, servers that disagree on it are a doubt."""
        told = {shown.exists for (name, _, _), shown in self.seen.items() if name == child}
        if len(told) > 1:
            raise Doubt(f"servers disagree on whether {wire.to_text(child)} exists")
        return True in told

    def _children(self) -> tuple[bytes, bytes]:
        """Two names that may be delegated: a common one, and that of a name server or registry."""
        names = [name for name, _ in self.servers if wire.under(name, self.zone)]
        below = [_child(name, self.zone) for name in names if name != self.zone]
        return _label(COMMON) + self.zone, (below or [_label(OWN) + self.zone])[0]

    def _nobodies(self, count: int) -> Iterator[bytes]:
        """Names below the zone that surely nobody has; drawn at once, which costs a third."""
        letters = self.rng.randbytes(12 * count).translate(_LETTERS)
        return (b"\x0c" + letters[at : at + 12] + self.zone for at in range(0, 12 * count, 12))


def _child(name: bytes, zone: bytes) -> bytes:
    """The name directly below `zone` that `name` is under."""
    return _label(wire.labels(name)[-1 - wire.depth(zone)]) + zone


def _label(text: bytes) -> bytes:
    return bytes([len(text)]) + text
