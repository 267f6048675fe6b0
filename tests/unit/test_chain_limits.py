"""Work is bounded: for one answer, for one verdict, for one zone's addresses, in time."""

from __future__ import annotations

import time

import dns.message
import dns.name
import pytest
from dns.rdatatype import RdataType
from signed_world import (
    AT,
    DE,
    FRESH,
    KEYS,
    NOW,
    silenced,
    world,
)

from orchestrator.chain import verify
from orchestrator.chain.check import drive
from orchestrator.chain.judge import judge
from orchestrator.chain.look import name as look_at
from orchestrator.chain.tally import Trust
from orchestrator.chain.vantage import Vantage
from orchestrator.chain.verify import ANSWER, KEYS_PER_TAG, SIGNATURES, Keys, When, Work
from orchestrator.chain.walk import ADDRESSES, SERVERS, Batch, Steps, Walk
from orchestrator.dns.exchange import Question, Reply
from orchestrator.dns.message import read
from orchestrator.lab.keys import make_key
from orchestrator.lab.signer import Zone, by_type, rrset, sign
from orchestrator.model import Cause, Remedy, State
from orchestrator.report.verdict import exit_code


def test_one_answer_costs_no_more_than_its_share() -> None:
    """Each RRset alone keeps within the limits, all aliases of an answer together do not."""
    zsk = KEYS[DE].zsk
    crowd = Keys(DE, {(zsk.tag, 13): (make_key(256).dnskey,) * KEYS_PER_TAG})
    answer: Zone = []
    for number in range(8):
        alias = rrset(
            dns.name.from_text(f"n{number}.de."), 60, RdataType.CNAME, f"n{number + 1}.de."
        )
        signed = sign(DE, [alias], FRESH, by_type(KEYS[DE].ksk, zsk))[1]
        forged = (signed[0].replace(signature=bytes([n]) * 64) for n in range(SIGNATURES))
        answer += [alias, rrset(alias.name, 60, RdataType.RRSIG, *forged)]
    message = dns.message.make_response(dns.message.make_query("n0.de.", "A"))
    message.flags |= 0x0400
    message.answer = answer
    work = Work()
    told = look_at(
        read(message.to_wire(max_size=65535)), Trust(DE, crowd), answer[0].name, RdataType.A,
        When(NOW, work=work),
    )  # fmt: skip
    assert told.state is State.BOGUS
    assert Cause.VALIDATION_LIMIT in {fault.cause for fault in told.faults}
    assert work.answer < ANSWER + KEYS_PER_TAG


def test_a_verdict_that_costs_too_much_is_none() -> None:
    verdict = judge(world().evidence(), AT, most=10)
    assert (verdict.state, verdict.findings[0].cause) == (
        State.INDETERMINATE,
        Cause.VALIDATION_LIMIT,
    )
    assert (verdict.remedy, exit_code(verdict)) == (Remedy.ESCALATE, 12)


def test_what_all_servers_send_costs_once() -> None:
    work = Work()
    when = When(NOW, work=work)
    for _ in range(100):
        when.verifies(KEYS[DE].zsk.dnskey, b"data", b"signature")
    assert len(work.tried) == 1


@pytest.mark.parametrize(("bits", "exponent"), [(1024, 3**60), (8192, 3)])
def test_an_rsa_key_that_is_too_costly_is_not_used(bits: int, exponent: int) -> None:
    wide = exponent.to_bytes((exponent.bit_length() + 7) // 8, "big")
    modulus = bytes([0xC1]) * (bits // 8)
    key = KEYS[DE].zsk.dnskey.replace(algorithm=8, key=bytes([len(wide)]) + wide + modulus)
    with pytest.raises(ValueError, match="too long"):
        verify._public(key)
    assert not verify._verifies(key, b"data", modulus)


def many_addresses(question: Question) -> Reply:
    """Each of three root servers gives other glue for the 32 names of de.'s servers."""
    message = dns.message.make_response(dns.message.make_query(question.name, question.rdtype))
    if question.rdtype == "NS":
        names = [f"n{n}.de." for n in range(32)]
        message.authority.append(rrset(DE, 60, RdataType.NS, *names))
        last = question.address.rpartition(".")[2]
        for n, name in enumerate(names):
            given = (f"10.{n}.{last}.{host}" for host in range(1, 30))
            message.additional.append(rrset(dns.name.from_text(name), 60, RdataType.A, *given))
    return Reply(question, message.to_wire(max_size=65535))


def test_glue_of_all_the_parents_servers_together_is_bounded() -> None:
    hints = tuple((f"{n}.root.", f"192.0.2.{n}") for n in range(1, 4))
    steps = Walk(Vantage(hints, ())).path(DE)
    try:
        batch = next(steps)
        while True:
            batch = steps.send([many_addresses(question) for question in batch.questions])
    except StopIteration as done:
        servers = done.value[-1].servers
    assert len(servers) == SERVERS
    names = [server.name for server in servers]
    assert max(names.count(name) for name in names) <= ADDRESSES


def test_a_walk_without_end_ends_at_its_deadline() -> None:
    def walk() -> Steps[set[str]]:
        errors: set[str] = set()
        for _ in range(1000):
            replies = yield Batch((Question("127.0.0.1", "de.", "SOA", port=1),) * 3, after=0.1)
            errors |= {reply.error for reply in replies}
        return errors

    started = time.monotonic()
    errors = drive(walk(), timeout=0.2, deadline=0.5)
    assert time.monotonic() - started < 2
    assert "deadline" in errors


def test_time_that_is_over_shows_nothing_about_a_zone() -> None:
    cut = silenced(world().evidence(), lambda s: s.cut == "de.", "deadline")
    verdict = judge(cut, AT)
    assert (verdict.state, verdict.remedy) == (State.INDETERMINATE, Remedy.ESCALATE)
    assert any("time was over" in finding.detail for finding in verdict.findings)
