"""A signed Internet in memory: root, de. and kid.de. on scripted servers, without a socket.

A test says what each address serves; `evidence` is what a check would have gathered there. And
`edited` changes the answers of evidence that was recorded.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import dns.flags
import dns.message
import dns.name
import dns.rcode
from dns.name import Name
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.DS import DS
from dns.rrset import RRset

from orchestrator.chain.evidence import Evidence, Sight, load
from orchestrator.chain.survey import Looks, Seen, survey
from orchestrator.chain.vantage import Vantage
from orchestrator.chain.walk import Steps
from orchestrator.dns.exchange import Question, Reply
from orchestrator.lab.keys import Key, make_key
from orchestrator.lab.signer import Window, Zone, by_type, ds_of, nsec_chain, rrset, sign

CASES = Path(__file__).parent / "cases" / "chain"
DENIALS = {RdataType.NSEC, RdataType.NSEC3}
NOW = 1_790_000_000
AT = datetime.fromtimestamp(NOW, UTC)
DAY = 86400
FRESH = Window(NOW - DAY, NOW + 14 * DAY)
ROOT, DE, KID = (dns.name.from_text(text) for text in (".", "de.", "kid.de."))
ROOT_SERVERS = ("192.0.2.1", "192.0.2.2", "192.0.2.3")
DE_SERVERS = ("192.0.2.11", "192.0.2.12", "192.0.2.13")
KID_SERVERS = ("192.0.2.21",)


@dataclass(frozen=True)
class Keys:
    ksk: Key
    zsk: Key


def make_keys() -> Keys:
    return Keys(make_key(257), make_key(256))


KEYS = {origin: make_keys() for origin in (ROOT, DE, KID)}


def soa(origin: Name, serial: int = 1) -> RRset:
    return rrset(origin, 60, RdataType.SOA, f"a.nic.{DE} root.{DE} {serial} 1 1 1 1")


def servers(origin: Name, stem: str, addresses: Sequence[str]) -> Zone:
    names = [f"{letter}.{stem}" for letter in "abcd"[: len(addresses)]]
    pairs = zip(names, addresses, strict=True)
    glue = [rrset(dns.name.from_text(name), 60, RdataType.A, a) for name, a in pairs]
    return [rrset(origin, 60, RdataType.NS, *names), *glue]


def dnskeys(origin: Name, *keys: Key) -> RRset:
    return rrset(origin, 60, RdataType.DNSKEY, *(key.dnskey for key in keys))


def finish(
    origin: Name,
    data: Zone,
    *,
    window: Window = FRESH,
    keys: Keys | None = None,
    published: Sequence[Key] = (),
    choose: Callable[[RRset], Key] | None = None,
) -> Zone:
    """Add DNSKEY, NSEC and signatures."""
    mine = keys or KEYS[origin]
    zone = [*data, dnskeys(origin, *(published or (mine.ksk, mine.zsk)))]
    zone += nsec_chain(origin, zone, 60)
    return sign(origin, zone, window, choose or by_type(mine.ksk, mine.zsk))


def delegated(origin: Name, stem: str, addresses: Sequence[str], *ds: DS) -> Zone:
    made = servers(origin, stem, addresses)
    return [*made, rrset(origin, 60, RdataType.DS, *ds)] if ds else made


def root_data(*, ds: Sequence[DS] | None = None) -> Zone:
    trust = (ds_of(DE, KEYS[DE].ksk),) if ds is None else tuple(ds)
    return [
        soa(ROOT),
        *servers(ROOT, "root.", ROOT_SERVERS),
        *delegated(DE, "nic.de.", DE_SERVERS, *trust),
    ]


def de_data(serial: int = 1) -> Zone:
    return [
        soa(DE, serial),
        *servers(DE, "nic.de.", DE_SERVERS),
        *delegated(KID, "kid.de.", KID_SERVERS, ds_of(KID, KEYS[KID].ksk)),
        *delegated(dns.name.from_text("plain.de."), "plain.de.", ("192.0.2.31",)),
    ]


def kid_data() -> Zone:
    return [soa(KID), *servers(KID, "kid.de.", KID_SERVERS)]


def root_zone(window: Window = FRESH) -> Zone:
    return finish(ROOT, root_data(), window=window)


def de_zone(window: Window = FRESH) -> Zone:
    return finish(DE, de_data(), window=window)


@dataclass(frozen=True)
class World:
    """What each address serves."""

    zones: dict[str, Zone]
    anchor: str = f". IN DS {ds_of(ROOT, KEYS[ROOT].ksk).to_text()}"

    def at(self, addresses: str | Iterable[str], zone: Zone) -> World:
        where = [addresses] if isinstance(addresses, str) else list(addresses)
        return replace(self, zones=self.zones | dict.fromkeys(where, zone))

    def evidence(self, zone: str = "de.", *, rounds: int = 1) -> Evidence:
        hints = tuple((f"{n}.root.", a) for n, a in zip("abc", ROOT_SERVERS, strict=True))
        names = (dns.name.from_text("plain.de."), KID)
        looks = Looks(names=names, rounds=rounds, every=0)
        view = Vantage(hints, (self.anchor,))
        steps = survey(dns.name.from_text(zone), view, looks, random.Random(1))
        seen = self._play(steps)
        return Evidence(
            zone=zone, anchors=view.anchors, cuts=seen.cuts, sights=seen.sights,
            at=AT, rounds=rounds, queries=seen.queries,
        )  # fmt: skip

    def _play(self, steps: Steps[Seen]) -> Seen:
        try:
            batch = next(steps)
            while True:
                batch = steps.send([self._reply(question) for question in batch.questions])
        except StopIteration as done:
            seen: Seen = done.value
            return seen

    def _reply(self, question: Question) -> Reply:
        zone = self.zones.get(question.address)
        if zone is None:
            return Reply(question, None, "timeout")
        return Reply(question, respond(zone, question.name, question.rdtype))


def world() -> World:
    """As it should be."""
    kid = finish(KID, kid_data())
    whole = World({}).at(ROOT_SERVERS, root_zone()).at(DE_SERVERS, de_zone())
    return whole.at(KID_SERVERS, kid)


def respond(zone: Zone, name: str, rdtype: str) -> bytes:
    """What a server of one zone answers, all NSEC records of the zone with every denial."""
    asked, kind = dns.name.from_text(name), RdataType.make(rdtype)
    message = dns.message.make_response(dns.message.make_query(asked, kind, want_dnssec=True))
    origin = next(item.name for item in zone if item.rdtype == RdataType.SOA)
    if not asked.is_subdomain(origin):
        message.set_rcode(dns.rcode.REFUSED)
        return message.to_wire(max_size=65535)
    cut = _cut(zone, origin, asked)
    if cut and (cut, kind) != (asked, RdataType.DS):
        _refer(message, zone, cut)
        return message.to_wire(max_size=65535)
    message.flags |= dns.flags.AA
    message.answer = _signed(zone, asked, kind)
    if not message.answer:
        _deny(message, zone, origin, asked)
    return message.to_wire(max_size=65535)


def _cut(zone: Zone, origin: Name, asked: Name) -> Name | None:
    cuts = [r.name for r in zone if r.rdtype == RdataType.NS and r.name != origin]
    return next((cut for cut in cuts if asked.is_subdomain(cut)), None)


def _signed(zone: Zone, name: Name, kind: RdataType) -> list[RRset]:
    return [r for r in zone if r.name == name and kind in (r.rdtype, r.covers)]


def _refer(message: dns.message.Message, zone: Zone, cut: Name) -> None:
    message.authority = _signed(zone, cut, RdataType.NS)
    message.authority += _signed(zone, cut, RdataType.DS) or _signed(zone, cut, RdataType.NSEC)
    hosts = [rdata.target for rdata in message.authority[0]]
    message.additional = [r for r in zone if r.name in hosts and r.rdtype == RdataType.A]


def _deny(message: dns.message.Message, zone: Zone, origin: Name, asked: Name) -> None:
    if not any(item.name.is_subdomain(asked) for item in zone):
        message.set_rcode(dns.rcode.NXDOMAIN)
    message.authority = _signed(zone, origin, RdataType.SOA)
    message.authority += [r for r in zone if DENIALS & {r.rdtype, r.covers}]


def recorded(case: str) -> Evidence:
    """One of tests/cases/chain."""
    return load(CASES / case / "evidence.json.gz")


Edit = Callable[[Sight, dns.message.Message], None]


def edited(evidence: Evidence, wanted: Callable[[Sight], bool], edit: Edit) -> Evidence:
    """The same evidence with some of its answers changed."""
    sights = tuple(
        _edited(sight, edit) if sight.wire and wanted(sight) else sight for sight in evidence.sights
    )
    return evidence.model_copy(update={"sights": sights})


def _edited(sight: Sight, edit: Edit) -> Sight:
    message = dns.message.from_wire(sight.wire or b"")
    edit(sight, message)
    return sight.model_copy(update={"wire": message.to_wire(max_size=65535)})


def silenced(evidence: Evidence, wanted: Callable[[Sight], bool], error: str) -> Evidence:
    """The same evidence with no answer in place of some."""
    sights = tuple(
        sight.model_copy(update={"wire": None, "error": error}) if wanted(sight) else sight
        for sight in evidence.sights
    )
    return evidence.model_copy(update={"sights": sights})
