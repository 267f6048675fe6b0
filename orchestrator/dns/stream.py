"""Answers that are too long for UDP: one TCP connection an address (RFC 7766), non-blocking.

A connection carries many questions. A server may drip, close early or send nonsense: one that
brings no whole answer for the timeout is over, whatever else it sends.
"""

from __future__ import annotations

import secrets
import selectors
import socket
import time
from collections import deque
from collections.abc import Iterable

from orchestrator.dns.exchange import STREAMS, answers
from orchestrator.dns.lane import Query

DEPTH = 16  # questions in flight on one connection
LARGEST = 65537  # octets of an answer with its length


class Stream:
    """One connection and its questions. `over` once it is closed, by either side."""

    def __init__(self, address: str, port: int, queries: Iterable[Query]) -> None:
        self.address, self.over = address, False
        self.waiting = deque(queries)
        self.flying: dict[bytes, Query] = {}
        self.unsent, self.received = b"", bytearray()
        self.answered, self.deadline = 0, 0.0
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.sock.connect((address, port))
        except BlockingIOError:
            pass
        except OSError:
            self.over = True

    def left(self) -> list[Query]:
        """What has not been answered."""
        return [*self.flying.values(), *self.waiting]

    def idle(self) -> bool:
        return not self.flying and not self.waiting

    def send(self) -> None:
        """Write as much as the connection takes."""
        while self.waiting and len(self.flying) < DEPTH:
            self._enqueue(self.waiting.popleft())
        if not self.unsent or self.over:
            return
        try:
            self.unsent = self.unsent[self.sock.send(self.unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            self.over = True

    def _enqueue(self, query: Query) -> None:
        ident = query.packet[:2]
        while ident in self.flying:
            ident = secrets.token_bytes(2)
        query.packet = ident + query.packet[2:]
        self.flying[ident] = query
        self.unsent += len(query.packet).to_bytes(2, "big") + query.packet

    def receive(self) -> list[Query]:
        """The questions that are answered now, with their `wire`."""
        try:
            data = self.sock.recv(LARGEST)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        self.over = not data
        self.received += data
        return self._whole()

    def _whole(self) -> list[Query]:
        found, at = [], 0
        while len(self.received) >= at + 2:
            end = at + 2 + int.from_bytes(self.received[at : at + 2], "big")
            if len(self.received) < end:
                break
            query = self._answered(bytes(self.received[at + 2 : end]))
            found += [query] if query else []
            at = end
        del self.received[:at]
        self.answered += len(found)
        return found

    def _answered(self, wire: bytes) -> Query | None:
        query = self.flying.get(wire[:2])
        if query is None or not answers(query.packet, wire):
            return None
        query.wire = wire
        return self.flying.pop(wire[:2])


class Streams:
    """All connections of one pipeline. What gives queries gives those that are finished."""

    def __init__(self, selector: selectors.BaseSelector, port: int, timeout: float) -> None:
        self.selector, self.port, self.timeout = selector, port, timeout
        self.open: dict[str, Stream] = {}
        self.waiting: dict[str, list[Query]] = {}
        self.fruitless: set[str] = set()  # addresses whose last connection brought nothing

    def put(self, query: Query) -> None:
        stream = self.open.get(query.address)
        if stream:
            if stream.idle():
                stream.deadline = time.monotonic() + self.timeout
            stream.waiting.append(query)
            self._write(stream)
        else:
            self.waiting.setdefault(query.address, []).append(query)

    def connect(self, now: float) -> list[Query]:
        """Open what is wanted, as far as there is room."""
        if not self.waiting:
            return []
        failed: list[Query] = []
        for address in [a for a in self.waiting if a not in self.open]:
            if len(self.open) >= STREAMS:
                break
            failed += self._open(address, self.waiting.pop(address), now)
        return failed

    def _open(self, address: str, queries: list[Query], now: float) -> list[Query]:
        try:
            stream = Stream(address, self.port, queries)
        except OSError:
            return _failed(queries)
        stream.deadline = now + self.timeout
        self.open[address] = stream
        stream.send()  # near servers are connected to already
        events = selectors.EVENT_WRITE if stream.unsent else selectors.EVENT_READ
        self.selector.register(stream.sock, events, stream)
        return self._end(stream) if stream.over else []

    def ready(self, stream: Stream, now: float) -> list[Query]:
        """Its connection has something to read, or room to write."""
        if stream.address not in self.open:
            return []
        if stream.unsent or self.selector.get_key(stream.sock).events & selectors.EVENT_WRITE:
            self._write(stream)
            return self._end(stream) if stream.over else []
        found = stream.receive()
        if found:
            stream.deadline = now + self.timeout
        if stream.over:
            return found + self._end(stream)
        if stream.waiting:
            self._write(stream)
        elif stream.idle() and len(self.open) > STREAMS // 2:
            self._close(stream)  # others need the room
        return found

    def _write(self, stream: Stream) -> None:
        stream.send()
        if not stream.over:
            events = selectors.EVENT_WRITE if stream.unsent else selectors.EVENT_READ
            if self.selector.get_key(stream.sock).events != events:
                self.selector.modify(stream.sock, events, stream)

    def due(self) -> float:
        """When the next connection's time is over."""
        busy = (stream.deadline for stream in self.open.values() if not stream.idle())
        return min(busy, default=float("inf"))

    def expire(self, now: float) -> list[Query]:
        """Those whose time is over, and their questions."""
        ended = [s for s in self.open.values() if s.deadline <= now]
        return [query for stream in ended for query in self._end(stream)]

    def _end(self, stream: Stream) -> list[Query]:
        """Close it, and open another after one that has brought something.

        Also after the first that the server closed before: it may be starting anew.
        """
        self._close(stream)
        left = stream.left()
        if not stream.answered and (not stream.over or stream.address in self.fruitless):
            return _failed(left)
        if stream.answered:
            self.fruitless.discard(stream.address)
        else:
            self.fruitless.add(stream.address)
        if left:
            self.waiting.setdefault(stream.address, []).extend(left)
        return []

    def _close(self, stream: Stream) -> None:
        del self.open[stream.address]
        self.selector.unregister(stream.sock)
        stream.sock.close()

    def close(self) -> None:
        for stream in list(self.open.values()):
            self._close(stream)


def _failed(queries: list[Query]) -> list[Query]:
    for query in queries:
        query.error = "truncated-no-tcp"
    return queries
