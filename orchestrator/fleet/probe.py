"""What each resolver of the fleet answers, as a client sees it: with validation and without."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Protocol

import dns.rcode
from dns.rdatatype import RRSIG

from orchestrator.dns.exchange import Question, Reply, ask
from orchestrator.dns.message import Message, read
from orchestrator.dns.talk import Talk
from orchestrator.fleet.inventory import Host
from orchestrator.model import ResolverView, Statistics, Value
from orchestrator.playbook import Controls


class Resolver(Protocol):
    """Whoever answers: a host of the fleet, or a witness elsewhere."""

    @property
    def name(self) -> str: ...
    @property
    def dns(self) -> IPv4Address | IPv6Address: ...
    @property
    def dns_port(self) -> int: ...


@dataclass(frozen=True)
class Witness:
    """A validating resolver that is not ours, asked for what it sees."""

    dns: IPv4Address | IPv6Address
    dns_port: int = 53

    @property
    def name(self) -> str:
        """How it is called in a verdict."""
        return f"via {self.dns}"


class Ask(Value):
    """One name to ask every resolver for."""

    name: str
    type: str = "A"


def control_asks(controls: Controls) -> list[Ask]:
    """What is asked of the two control zones."""
    return [Ask(name=controls.healthy, type="SOA"), Ask(name=controls.bogus, type="SOA")]


def asked(view: ResolverView) -> Ask:
    """What a view answers."""
    return Ask(name=view.name, type=view.type)


class Ways(Protocol):
    """A way to what only a host itself can ask: its own resolver, behind a dnsdist there."""

    def converse(self, talks: Sequence[tuple[Host, Talk]], patience: float) -> dict[str, str]: ...


def views(
    hosts: Iterable[Resolver],
    asks: Sequence[Ask],
    *,
    timeout: float = 2.0,
    ways: Ways | None = None,
) -> list[ResolverView]:
    """Ask every host every name twice at once: with validation (AD wanted), and with CD.

    The pair tells a validation failure (SERVFAIL without CD, NOERROR with it; RFC 4035 section
    3.2.2) from a resolver that cannot reach anything. `timeout` is seconds a question. Inner ones
    are asked over `ways`.
    """
    everyone = list(hosts)
    inner = [host for host in everyone if isinstance(host, Host) and host.inner]
    within = {host.name for host in inner}
    outer = [host for host in everyone if host.name not in within]
    questions = [question for host in outer for question in _questions(host, asks)]
    seen = _views(outer, asks, ask(questions, timeout=timeout)) if outer else []
    seen += _views_within(inner, asks, timeout, ways) if inner else []
    place = {host.name: number for number, host in enumerate(everyone)}
    return sorted(seen, key=lambda view: place[view.host])


def _views_within(
    hosts: Sequence[Host], asks: Sequence[Ask], timeout: float, ways: Ways | None
) -> list[ResolverView]:
    """All questions of a host at once, and as long as one outside has: UDP, TCP, and again."""
    talks = [(host, Talk(_questions(host, asks))) for host in hosts]
    problems = ways.converse(talks, 3 * timeout) if ways else {}
    found: list[ResolverView] = []
    for host, talk in talks:
        seen = _views([host], asks, talk.replies())
        if problem := problems.get(host.name, "only its own host can ask it"):
            seen = [view.model_copy(update={"error": problem}) for view in seen]
        found += seen
    return found


def _questions(host: Resolver, asks: Sequence[Ask]) -> list[Question]:
    return [_question(host, one, cd=cd) for one in asks for cd in (False, True)]


def _views(
    hosts: Sequence[Resolver], asks: Sequence[Ask], replies: Sequence[Reply]
) -> list[ResolverView]:
    wanted = [(host, one) for host in hosts for one in asks]
    pairs = zip(wanted, replies[::2], replies[1::2], strict=True)
    return [_view(host, one, plain, checked) for (host, one), plain, checked in pairs]


def with_statistics(
    seen: Iterable[ResolverView], counted: Mapping[str, Statistics]
) -> list[ResolverView]:
    """The same views, with what each host has counted."""
    return [view.model_copy(update={"statistics": counted.get(view.host)}) for view in seen]


def _question(host: Resolver, one: Ask, *, cd: bool) -> Question:
    return Question(
        str(host.dns), one.name, one.type, port=host.dns_port, rd=True, ad=not cd, cd=cd
    )


def _view(host: Resolver, one: Ask, plain: Reply, without_validation: Reply) -> ResolverView:
    message = read(plain.wire) if plain.wire else None
    free = read(without_validation.wire) if without_validation.wire else None
    return ResolverView(
        host=host.name,
        name=one.name,
        type=one.type,
        rcode=_rcode(plain),
        rcode_cd=_rcode(without_validation),
        ad=message.authentic if message else False,
        signed=_signed(free) if free else None,
        ede=message.ede if message else (),
        error=plain.error or without_validation.error,
    )


def _signed(message: Message) -> bool:
    """A denial's signatures are in the authority section."""
    return any(rrset.rdtype == RRSIG for rrset in (*message.answer, *message.authority))


def _rcode(reply: Reply) -> str | None:
    message = read(reply.wire) if reply.wire else None
    return dns.rcode.to_text(dns.rcode.Rcode(message.rcode)) if message else None
