"""DNS over a connection that others opened: what is said, and what is made of what is heard."""

import dns.message
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.dns.exchange import Question
from orchestrator.dns.talk import Talk

NAMES = ["de.", "org.", "bogus."]


def a_talk(names: list[str] = NAMES) -> Talk:
    return Talk([Question("127.0.0.1", name, "A", rd=True) for name in names])


def framed(query: bytes) -> bytes:
    answer = dns.message.make_response(dns.message.from_wire(query)).to_wire()
    return len(answer).to_bytes(2, "big") + answer


def test_each_question_finds_its_answer_in_any_order_and_in_any_pieces() -> None:
    talk = a_talk()
    heard = b"".join(framed(query) for query in reversed(talk.queries))
    *rest, last = [talk.hear(heard[at : at + 1]) for at in range(len(heard))]
    assert (any(rest), last) == (False, True)
    for name, reply in zip(NAMES, talk.replies(), strict=True):
        assert reply.wire is not None
        assert dns.message.from_wire(reply.wire).question[0].name.to_text() == name
    assert talk.words() == b""


def test_what_was_not_answered_whole_is_said_again() -> None:
    talk = a_talk()
    everything = talk.words()
    assert not talk.hear(framed(talk.queries[1]) + framed(talk.queries[0])[:-1])
    again = talk.words()
    assert len(again) < len(everything)
    assert talk.queries[1] not in again
    assert talk.hear(framed(talk.queries[0]) + framed(talk.queries[2]))


def test_an_answer_to_something_else_is_none() -> None:
    talk, others = a_talk(), a_talk(["elsewhere."] * 3)
    assert not talk.hear(b"".join(framed(query) for query in others.queries))
    assert [(reply.wire, reply.error) for reply in talk.replies()] == [(None, "timeout")] * 3


@given(st.binary(max_size=2000))
def test_whatever_comes_it_ends(heard: bytes) -> None:
    talk = a_talk()
    talk.hear(heard)
    assert len(talk.heard) <= len(heard)
    assert all(reply.error for reply in talk.replies())
