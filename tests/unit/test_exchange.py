"""The DNS sockets against servers on loopback: honest, deaf, spoofing, truncating, dripping."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import dns.message
import dns.rrset
import pytest
from nameserver import Handler, Server, honest, respond

from orchestrator.dns.exchange import Question, answers, ask, encode
from orchestrator.dns.message import read


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    with ExitStack() as stack:

        def start(
            udp: Handler | None = None, tcp: Handler | None = None, drip: float = 0
        ) -> Server:
            server = Server(udp, tcp, drip)
            stack.callback(server.close)
            return server

        yield start


def question(server: Server, name: str = "www.example.", **more: object) -> Question:
    return Question("127.0.0.1", name, "A", port=server.port, **more)  # type: ignore[arg-type]


def test_replies_come_in_the_order_of_the_questions(serve: Callable[..., Server]) -> None:
    server = serve(honest)
    asked = [question(server, f"n{i}.example.") for i in range(600)]
    replies = ask(asked)
    assert [reply.question for reply in replies] == asked
    names = [dns.message.from_wire(r.wire or b"").question[0].name.to_text() for r in replies]
    assert names == [q.name for q in asked]
    assert len(server.sources) > 1, "several source ports"


def test_flags_and_edns_are_as_asked(serve: Callable[..., Server]) -> None:
    seen: list[dns.message.Message] = []

    def keep(query: bytes) -> list[bytes]:
        seen.append(dns.message.from_wire(query))
        return honest(query)

    ask([question(serve(keep), rd=True, cd=True, ad=True)])
    assert (seen[0].flags & 0x0130, seen[0].payload, seen[0].ednsflags) == (0x0130, 1232, 0x8000)


def test_a_lost_packet_is_sent_again(serve: Callable[..., Server]) -> None:
    seen: set[bytes] = set()

    def second_time(query: bytes) -> list[bytes]:
        if query in seen:
            return honest(query)
        seen.add(query)
        return []

    (reply,) = ask([question(serve(second_time))], timeout=0.4)
    assert (reply.error, reply.tcp) == ("", False)


@pytest.mark.parametrize("lost", [2, 100])
def test_what_got_lost_at_a_server_that_answers_the_rest_is_asked_once_more(
    serve: Callable[..., Server], lost: int
) -> None:
    """Both tries, and there is no TCP."""
    left = [lost]

    def lossy(query: bytes) -> list[bytes]:
        if b"lost" in query and left[0]:
            left[0] -= 1
            return []
        return honest(query)

    server = serve(lossy)
    asked = [question(server), question(server, "lost.example.")]
    started = time.monotonic()
    answered, late = ask(asked, timeout=0.4)
    assert (answered.error, late.error) == ("", "" if lost == 2 else "timeout")
    assert time.monotonic() - started < 1.5
    assert server.datagrams == (4 if lost == 2 else 5)


def test_wrong_id_wrong_question_and_queries_are_not_answers(serve: Callable[..., Server]) -> None:
    def spoof(query: bytes) -> list[bytes]:
        real = respond(query)
        other = respond(query[:12] + b"\x03xxx" + query[16:])
        wrong_id = bytes([real[0] ^ 1]) + respond(query, address="192.0.2.66")[1:]
        return [wrong_id, other, query, b"", b"\0", real[:2], real]

    (reply,) = ask([question(serve(spoof))])
    answer = read(reply.wire or b"")
    assert answer is not None
    assert answer.answer[0][0].to_text() == "192.0.2.1"


def test_an_answer_from_another_address_does_not_count(serve: Callable[..., Server]) -> None:
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server = serve(None)

    def elsewhere(query: bytes) -> list[bytes]:
        source = next(iter(server.sources))
        other.sendto(respond(query), source)
        return []

    server.udp = elsewhere
    (reply,) = ask([question(server)], timeout=0.2)
    other.close()
    assert (reply.wire, reply.error) == (None, "timeout")


def test_truncated_goes_over_tcp(serve: Callable[..., Server]) -> None:
    server = serve(lambda query: [respond(query, truncated=True)], honest)
    (reply,) = ask([question(server)])
    assert (reply.error, reply.tcp) == ("", True)


def test_truncated_without_tcp_says_so(serve: Callable[..., Server]) -> None:
    server = serve(lambda query: [respond(query, truncated=True)])
    (reply,) = ask([question(server)])
    assert (reply.wire, reply.error) == (None, "truncated-no-tcp")


def test_silent_over_udp_is_tried_over_tcp(serve: Callable[..., Server]) -> None:
    server = serve(None, honest)
    replies = ask([question(server, f"n{i}.example.") for i in range(20)], timeout=0.2)
    assert {(reply.error, reply.tcp) for reply in replies} == {("", True)}


def test_a_dead_address_costs_one_timeout_for_all_its_questions(
    serve: Callable[..., Server],
) -> None:
    server = serve(None)
    started = time.monotonic()
    replies = ask([question(server, f"n{i}.example.") for i in range(200)], timeout=0.2, window=10)
    assert {reply.error for reply in replies} == {"timeout"}
    assert time.monotonic() - started < 1.0
    assert server.datagrams <= 20


def test_an_address_known_to_be_silent_gets_one_packet_a_question(
    serve: Callable[..., Server],
) -> None:
    server = serve(None, honest)
    (reply,) = ask([question(server)], timeout=0.2, silent={question(server).address})
    assert (reply.error, reply.tcp, server.datagrams) == ("timeout", False, 1)
    back = serve(lambda query: [respond(query)])
    (reply,) = ask([question(back)], timeout=0.2, silent={question(back).address})
    assert reply.error == ""


def test_a_dripping_stream_ends_in_time(serve: Callable[..., Server]) -> None:
    server = serve(lambda query: [respond(query, truncated=True)], honest, drip=0.1)
    started = time.monotonic()
    (reply,) = ask([question(server)], timeout=0.3)
    assert reply.error == "truncated-no-tcp"
    assert time.monotonic() - started < 1.0


def test_a_stream_with_another_answer_is_malformed(serve: Callable[..., Server]) -> None:
    server = serve(
        lambda query: [respond(query, truncated=True)], lambda query: [b"\0\0" + query[2:]]
    )
    (reply,) = ask([question(server)])
    assert (reply.wire, reply.error) == (None, "malformed")


@pytest.mark.parametrize("address", ["not-an-address", "240.0.0.1.5", ""])
def test_what_is_no_address_is_unreachable(address: str) -> None:
    (reply,) = ask([Question(address, "example.", "A")])
    assert reply.error == "unreachable"


@pytest.mark.parametrize("name", ["a..b", "a" * 64 + ".", "\\999."])
def test_what_is_no_name_is_not_sent(name: str) -> None:
    (reply,) = ask([Question("127.0.0.1", name, "A")])
    assert reply.error == "unreachable"


def test_refused_without_a_question_section_counts() -> None:
    query = encode(Question("127.0.0.1", "example.", "A"), 7)
    refused = query[:2] + b"\x80\x05" + bytes(8)
    assert answers(query, refused)
    assert not answers(query, query[:2] + b"\x80\x00" + bytes(8))


@pytest.mark.parametrize("opcode", [1, 2, 4, 5, 15])
def test_an_answer_to_another_kind_of_query_does_not_count(opcode: int) -> None:
    query = encode(Question("127.0.0.1", "example.", "A"), 7)
    wire = bytearray(respond(query))
    assert answers(query, bytes(wire))
    wire[2] |= opcode << 3
    assert not answers(query, bytes(wire))
    assert read(bytes(wire)) is None


def test_records_of_other_classes_are_left_out() -> None:
    query = encode(Question("127.0.0.1", "example.", "A"), 7)
    message = dns.message.from_wire(respond(query))
    for rdclass, rdata in (("CH", "a.example. 123"), ("NONE", r"\# 4 c0000201")):
        item = dns.rrset.from_text("example.", 60, rdclass, "A", rdata)
        message.answer.append(item)
        message.additional.append(item)
    told = read(message.to_wire())
    assert told is not None
    assert [len(section) for section in (told.answer, told.additional)] == [1, 0]


@pytest.mark.parametrize("wire", [b"", b"\0" * 11, b"\0" * 12, b"\xff" * 600])
def test_reading_rubbish_never_raises(wire: bytes) -> None:
    message = read(wire)
    assert message is None or message.answer == ()
