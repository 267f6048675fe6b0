"""The walk from the hints, in a scripted world: no sockets, every reply a line of a table."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TypeVar

import dns.flags
import dns.message
import dns.name
import dns.rrset
import pytest

from orchestrator.chain.proofs import nsec3_hash
from orchestrator.chain.ring import Ring
from orchestrator.chain.vantage import Vantage
from orchestrator.chain.walk import BUDGET, Steps, Walk
from orchestrator.dns.exchange import Question, Reply

T = TypeVar("T")
Answer = Callable[[Question], dns.message.Message | None]
HERE = Vantage((("a.root.", "192.0.2.1"),), ())


def respond(
    question: Question, *, answer: str = "", authority: str = "", additional: str = ""
) -> dns.message.Message:
    response = dns.message.make_response(dns.message.make_query(question.name, question.rdtype))
    for section, text in (
        (response.answer, answer),
        (response.authority, authority),
        (response.additional, additional),
    ):
        for line in filter(None, text.split(";")):
            name, rdtype, rdata = line.split()
            section.append(dns.rrset.from_text(name, 60, "IN", rdtype, rdata))
    if answer:
        response.flags |= dns.flags.AA
    return response


def play(steps: Steps[T], world: Answer, most: int = 10_000) -> tuple[T, int]:
    """Drive a walk by `world`; gives its result and how many questions it asked."""
    asked = 0
    try:
        batch = next(steps)
        while True:
            asked += len(batch.questions)
            assert asked <= most, "unbounded"
            batch = steps.send([reply(question, world(question)) for question in batch.questions])
    except StopIteration as done:
        return done.value, asked


def reply(question: Question, message: dns.message.Message | None) -> Reply:
    if message is None:
        return Reply(question, None, "timeout")
    return Reply(question, message.to_wire())


def addresses(world: Answer, zone: str = "de.") -> list[tuple[str, list[tuple[str, str]]]]:
    cuts, _ = play(Walk(HERE).path(dns.name.from_text(zone)), world)
    return [(cut.zone, [(s.name, s.address) for s in cut.servers]) for cut in cuts]


def test_a_server_outside_the_zone_is_found_by_iteration() -> None:
    def world(question: Question) -> dns.message.Message | None:
        match question.address, question.name, question.rdtype:
            case "192.0.2.1", "de.", "NS":
                return respond(question, authority="de. NS ns.op.net.")
            case "192.0.2.1", "ns.op.net.", _:
                return respond(
                    question, authority="net. NS a.net.", additional="a.net. A 192.0.2.2"
                )
            case "192.0.2.2", "ns.op.net.", "A":
                return respond(question, answer="ns.op.net. A 192.0.2.9")
            case _:
                return respond(question)

    assert addresses(world)[1] == ("de.", [("ns.op.net.", "192.0.2.9")])


def test_glue_from_outside_the_parent_is_not_believed() -> None:
    def world(question: Question) -> dns.message.Message | None:
        match question.address, question.name:
            case "192.0.2.1", "co.uk.":
                return respond(question, authority="uk. NS n.uk.", additional="n.uk. A 192.0.2.2")
            case "192.0.2.2", "co.uk.":
                referral = "co.uk. NS n.evil."
                return respond(question, authority=referral, additional="n.evil. A 203.0.113.66")
            case _:
                return respond(question)

    assert addresses(world, "co.uk.")[-1] == ("co.uk.", [])


def test_one_server_for_zone_and_grandchild_hides_no_cut() -> None:
    def world(question: Question) -> dns.message.Message | None:
        zone = question.name
        glue = "n.uk. A 192.0.2.1"
        if question.rdtype == "NS" and zone in ("uk.", "co.uk."):
            return respond(question, answer=f"{zone} NS n.uk.", additional=glue)
        return respond(question)

    assert [zone for zone, _ in addresses(world, "co.uk.")] == [".", "uk.", "co.uk."]


def test_referrals_in_circles_end() -> None:
    def world(question: Question) -> dns.message.Message | None:
        """Every name's servers lie under another zone whose servers lie under the first."""
        if question.name == "de.":
            return respond(question, authority="de. NS n.a.;de. NS n.b.")
        zone, other = ("a.", "b.") if question.name.endswith("a.") else ("b.", "a.")
        return respond(question, authority=f"{zone} NS n{random.randrange(99)}.{other}")

    cuts, asked = play(Walk(HERE).path(dns.name.from_text("de.")), world)
    assert cuts[-1].servers == ()
    assert asked < 2 * BUDGET


@pytest.mark.parametrize("authority", ["", ". NS a.root.", "com. NS n.com."])
def test_upward_and_sideways_referrals_lead_nowhere(authority: str) -> None:
    assert [zone for zone, _ in addresses(lambda q: respond(q, authority=authority))] == ["."]


def test_a_deaf_root_ends_the_walk_at_the_root() -> None:
    assert [zone for zone, _ in addresses(lambda _: None)] == ["."]


def test_glue_that_is_no_server_address_is_not_asked() -> None:
    def world(question: Question) -> dns.message.Message | None:
        assert question.address == "192.0.2.1"
        if question.rdtype == "NS":
            glue = "n.de. A 0.0.0.0;n.de. AAAA ff02::1"
            return respond(question, authority="de. NS n.de.", additional=glue)
        return respond(question)

    assert addresses(world)[-1] == ("de.", [])


@pytest.mark.parametrize(("rdclass", "rdata"), [("CH", "x.y. 7"), ("HS", r"\# 4 c0000201")])
def test_glue_of_another_class_is_not_asked(rdclass: str, rdata: str) -> None:
    """A record of type A and class CH has a number where an address is expected."""
    chaos = dns.rrset.from_text("n.de.", 60, rdclass, "A", rdata)

    def world(question: Question) -> dns.message.Message | None:
        referral = respond(question, authority="de. NS n.de." if question.rdtype == "NS" else "")
        referral.additional.append(chaos)
        referral.answer.append(chaos)
        return referral

    assert addresses(world)[-1] == ("de.", [])


def test_names_are_spread_over_the_ring_and_seek_spans_not_seen() -> None:
    zone = dns.name.from_text("de.")
    ring = Ring(zone, spans={b"\x00" * 20: b"\x80" + b"\x00" * 19})
    hashes = [nsec3_hash(name, b"", 0) for name in ring.names(8, random.Random(1))]
    assert [hashed[0] * 8 // 256 for hashed in hashes] == list(range(8))
    seen = Ring(zone, spans={b"\x00" * 20: b"\x1f" + b"\x00" * 19})
    first = nsec3_hash(seen.names(8, random.Random(2))[0], b"", 0)
    assert first >= b"\x1f" + b"\x00" * 19, "the part of the first eighth that is not known"


def test_names_differ_from_draw_to_draw() -> None:
    ring, rng = Ring(dns.name.from_text("de.")), random.Random(3)
    assert not set(ring.names(8, rng)) & set(ring.names(8, rng))
