"""DNS over a connection that others opened: what is sent, and what is made of what comes."""

import dns.message
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.dns.exchange import Question
from orchestrator.dns.talk import framed, messages, replies, spoken

QUESTIONS = [Question("127.0.0.1", name, "A", rd=True) for name in ("de.", "org.", "bogus.")]


def answered(query: bytes) -> bytes:
    return dns.message.make_response(dns.message.from_wire(query)).to_wire()


def test_each_question_finds_its_answer_in_any_order() -> None:
    queries = spoken(QUESTIONS)
    heard = framed([answered(query) for query in reversed(queries)])
    got = replies(QUESTIONS, queries, heard)
    assert [reply.question.name for reply in got] == ["de.", "org.", "bogus."]
    for reply in got:
        assert reply.wire is not None
        assert dns.message.from_wire(reply.wire).question[0].name.to_text() == reply.question.name


def test_what_did_not_come_whole_is_no_answer() -> None:
    queries = spoken(QUESTIONS)
    heard = framed([answered(query) for query in queries])
    got = replies(QUESTIONS, queries, heard[:-1])
    assert [reply.error for reply in got] == ["", "", "timeout"]


def test_an_answer_to_something_else_is_none() -> None:
    queries = spoken(QUESTIONS)
    others = spoken([Question("127.0.0.1", "elsewhere.", "A", rd=True)] * 3)
    got = replies(QUESTIONS, queries, framed([answered(query) for query in others]))
    assert [reply.wire for reply in got] == [None] * 3


@given(st.binary(max_size=2000))
def test_whatever_comes_it_ends(heard: bytes) -> None:
    assert sum(len(message) + 2 for message in messages(heard)) <= len(heard)
    assert all(reply.error for reply in replies(QUESTIONS, spoken(QUESTIONS), heard))
