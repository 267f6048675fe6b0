"""The scan's exchange against scripted servers: dead, slow, limited, false, dripping."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import Any

import dns.message
import dns.rrset
import pytest
from nameserver import Handler, Server, honest, respond

from orchestrator.dns.lane import Lane, Query
from orchestrator.dns.pipeline import WINDOW, Pipeline
from orchestrator.dns.transfer import transfer
from orchestrator.dns.wire import A, read, to_name


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    with ExitStack() as stack:

        def start(udp: Handler | None = None, tcp: Handler | None = None, **more: Any) -> Server:
            server = Server(udp, tcp, **more)
            stack.callback(server.close)
            return server

        yield start


def asked(port: int, queries: Iterable[Query], timeout: float = 0.4) -> list[Query]:
    pipeline = Pipeline(timeout=timeout, port=port)
    for query in queries:
        pipeline.put(query)
    try:
        return list(pipeline.replies())
    finally:
        pipeline.close()


def queries(count: int, address: str = "127.0.0.1") -> list[Query]:
    return [Query(address, to_name(f"n{number}.example."), A) for number in range(count)]


def test_every_question_gets_its_own_answer(serve: Callable[..., Server]) -> None:
    server = serve(honest)
    wanted = queries(3 * WINDOW)
    done = asked(server.port, wanted)
    assert set(done) == set(wanted)
    for query in done:
        assert query.wire
        message = read(query.wire)
        assert message
        assert message.question == [(query.name, A, 1)]
    assert len(server.sources) > 1


def test_a_dead_address_costs_two_tries_however_many_ask(serve: Callable[..., Server]) -> None:
    server = serve(None)
    started = time.monotonic()
    done = asked(server.port, queries(1000), timeout=0.4)
    assert {query.error for query in done} == {"timeout"}
    assert len(done) == 1000
    assert time.monotonic() - started < 2 * 0.4
    assert server.datagrams <= 8


def test_an_address_nobody_is_at_does_not_hold_up_others(serve: Callable[..., Server]) -> None:
    server = serve(honest)
    done = asked(server.port, [*queries(50, "127.0.0.9"), *queries(400)], timeout=0.4)
    first = next(n for n, query in enumerate(done) if query.address == "127.0.0.9")
    assert first > 300  # on a busy machine some of the others wait for a second try


def limited(rate: float, burst: int) -> Handler:
    """A token bucket: more than `rate` a second is not answered."""
    tokens, last = [float(burst)], [time.monotonic()]

    def handler(query: bytes) -> list[bytes]:
        now = time.monotonic()
        tokens[0] = min(burst, tokens[0] + (now - last[0]) * rate)
        last[0] = now
        if tokens[0] < 1:
            return []
        tokens[0] -= 1
        return [respond(query)]

    return handler


@pytest.mark.parametrize("burst", [1, 20])
def test_a_server_that_answers_twenty_a_second_is_slowed_down_to(
    serve: Callable[..., Server], burst: int
) -> None:
    server = serve(limited(20, burst))
    done = asked(server.port, queries(60), timeout=1)
    assert [query.error for query in done if query.wire is None] == []
    assert server.datagrams < 180


def test_a_slow_server_is_waited_for(serve: Callable[..., Server]) -> None:
    def slow(query: bytes) -> list[bytes]:
        time.sleep(0.05)
        return [respond(query)]

    done = asked(serve(slow).port, queries(60), timeout=1)
    assert all(query.wire for query in done)


def test_false_answers_are_not_heard(serve: Callable[..., Server]) -> None:
    def spoofed(query: bytes) -> list[bytes]:
        wrong_id = bytes([query[0] ^ 1]) + respond(query, address="192.0.2.66")[1:]
        other = respond(query.replace(b"example", b"elpmaxe"), address="192.0.2.66")
        return [wrong_id, other, query, b"", b"\0" * 12, respond(query)]

    done = asked(serve(spoofed).port, queries(20))
    for query in done:
        message = read(query.wire or b"")
        assert message
        assert message.answer[0].rdata == socket.inet_aton("192.0.2.1")


def truncating(query: bytes) -> list[bytes]:
    return [respond(query, truncated=True)]


@pytest.mark.parametrize("once", [False, True])
def test_a_truncated_answer_is_fetched_over_tcp(serve: Callable[..., Server], once: bool) -> None:
    server = serve(truncating, honest, once=once)
    done = asked(server.port, queries(40))
    assert all(query.wire for query in done)
    # One that is reset before its answer was read is opened once more.
    assert server.connections in (range(40, 80) if once else [1])


def test_a_server_that_starts_anew_is_connected_to_again(serve: Callable[..., Server]) -> None:
    connections: list[int] = []

    def restarting(query: bytes) -> list[bytes]:
        connections.append(1)
        return [] if len(connections) == 1 else [respond(query)]

    done = asked(serve(truncating, restarting, once=True).port, queries(5))
    assert all(query.wire for query in done)


def test_truncated_and_no_tcp(serve: Callable[..., Server]) -> None:
    done = asked(serve(truncating).port, queries(40))
    assert {query.error for query in done} == {"truncated-no-tcp"}


def test_a_dripping_server_ends_in_time(serve: Callable[..., Server]) -> None:
    started = time.monotonic()
    done = asked(serve(truncating, honest, drip=0.1).port, queries(200), timeout=0.4)
    assert {query.error for query in done} == {"truncated-no-tcp"}
    assert time.monotonic() - started < 2


def test_the_largest_answer(serve: Callable[..., Server]) -> None:
    def large(query: bytes) -> list[bytes]:
        return [(respond(query) + bytes(65535))[:65535]]

    done = asked(serve(truncating, large).port, queries(3))
    assert all(query.wire and len(query.wire) == 65535 for query in done)


def test_no_way_there() -> None:
    done = asked(53, queries(3, "2001:db8::1"))
    assert {query.error for query in done} <= {"unreachable", "timeout"}


def test_what_comes_too_late_is_not_asked() -> None:
    pipeline = Pipeline(until=time.monotonic())
    pipeline.put(queries(1)[0])
    assert [query.error for query in pipeline.replies()] == ["deadline"]
    pipeline.close()


def test_a_lane_keeps_a_pace_it_was_answered_at() -> None:
    lane = Lane("192.0.2.1")
    lane.waiting.extend(queries(40))
    flying = [lane.take(0.0) for _ in range(20)]
    for query in flying[:10]:
        lane.answer(query, 0.1)
    for query in flying[10:]:
        lane.miss(query, 1.0)
    assert lane.gap == pytest.approx(1.3 / 10)
    assert not lane.failure


ZONE = [
    dns.rrset.from_text("example.", 60, "IN", "SOA", "a. b. 1 1 1 1 1"),
    dns.rrset.from_text("example.", 60, "IN", "NS", "ns.example."),
    dns.rrset.from_text("ns.example.", 60, "IN", "A", "192.0.2.1"),
]


def transferred(*messages: list[dns.rrset.RRset]) -> Handler:
    def handler(query: bytes) -> list[bytes]:
        made = []
        for answer in messages:
            message = dns.message.make_response(dns.message.from_wire(query))
            message.answer = answer
            made.append(message.to_wire())
        return made

    return handler


def test_a_zone_is_transferred(serve: Callable[..., Server]) -> None:
    server = serve(tcp=transferred(ZONE[:2], [ZONE[2], ZONE[0]]))
    records = transfer("127.0.0.1", server.port, to_name("example."), 1)
    assert records
    assert [record.rdtype for record in records] == [6, 2, 1]


@pytest.mark.parametrize(
    "messages", [[[]], [ZONE], [ZONE[1:]], [ZONE[:2], []]], ids=["none", "cut", "no SOA", "stops"]
)
def test_a_transfer_that_is_not_whole_is_none(
    serve: Callable[..., Server], messages: list[list[dns.rrset.RRset]]
) -> None:
    server = serve(tcp=transferred(*messages), once=True)
    assert transfer("127.0.0.1", server.port, to_name("example."), 0.5) is None


def test_nobody_gives_a_transfer() -> None:
    assert transfer("127.0.0.9", 9, to_name("example."), 0.5) is None
