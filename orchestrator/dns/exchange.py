"""Many DNS questions at once: the only room with DNS sockets.

One non-blocking loop over a few UDP sockets a family, each on a random port, every query with a
random id (RFC 5452); an answer counts only when its source, id and question are those asked for.
TCP (RFC 7766) when an answer is truncated or UDP stays silent. Whatever comes back is returned as
bytes: a hostile answer is normal input here, never an exception.
"""

from __future__ import annotations

import heapq
import math
import secrets
import selectors
import socket
import struct
import time
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal

import dns.exception
import dns.name
import dns.rdatatype

UDP_SIZE = 1232  # dnsflagday.net/2020: no fragments on any ordinary path
SOCKETS = 4  # a family: each one multiplies the ports a spoofer has to guess
STREAMS = 64  # TCP connections open at once

Failure = Literal["", "timeout", "unreachable", "truncated-no-tcp", "malformed", "deadline"]


@dataclass(frozen=True, slots=True)
class Question:
    """One question for one address; without `rd` the server answers from its own zones."""

    address: str
    name: str
    rdtype: str
    port: int = 53
    rd: bool = False
    cd: bool = False
    ad: bool = False
    do: bool = True


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: `wire`, or None and why.

    "unreachable": this machine has no way there. "deadline": time was over for all questions.
    """

    question: Question
    wire: bytes | None
    error: Failure = ""
    ms: int = 0
    tcp: bool = False


def ask(
    questions: Sequence[Question],
    *,
    timeout: float = 2.0,
    tries: int = 2,
    window: int = 256,
    until: float = math.inf,
    silent: Collection[str] = (),
) -> list[Reply]:
    """Ask all `questions`, at most `window` at a time; the replies are in the same order.

    `timeout` is seconds a question over UDP, shared by its `tries`; TCP afterwards gets as much.
    An address that stays silent over UDP gets one TCP connection, not one a question; one that is
    known to be `silent` gets one packet a question, and what an address that does answer left open
    over both is asked once more. Nothing is waited for after `until`, by
    time.monotonic().
    """
    exchange = _Exchange(questions, timeout, max(1, tries), window, silent)
    try:
        return exchange.run(until)
    finally:
        exchange.close()


def encode(question: Question, ident: int) -> bytes:
    """The query as bytes: RFC 1035 header, one question, EDNS (RFC 6891). May raise on a name."""
    flags = question.rd << 8 | question.ad << 5 | question.cd << 4
    name = dns.name.from_text(question.name).to_digestable()
    rdtype = dns.rdatatype.from_text(question.rdtype)
    header = struct.pack("!HHHHHH", ident, flags, 1, 0, 0, 1)
    edns = struct.pack("!BHHIH", 0, 41, UDP_SIZE, question.do << 15, 0)
    return header + name + struct.pack("!HH", rdtype, 1) + edns


def answers(query: bytes, wire: bytes) -> bool:
    """Is `wire` a response to `query`: same id, same question (RFC 5452 section 9.1)?"""
    if len(wire) < 12 or wire[:2] != query[:2] or wire[2] & 0xF8 != 0x80:  # QR, opcode QUERY
        return False
    if wire[4:6] == b"\0\0":  # servers too old for EDNS refuse without repeating the question
        return wire[3] & 0x0F in (1, 2, 4, 5)
    end = len(query) - 11  # the OPT record is our last 11 octets
    name, fixed = slice(12, end - 4), slice(end - 4, end)
    return wire[name].lower() == query[name].lower() and wire[fixed] == query[fixed]


@dataclass(slots=True, eq=False)
class _Flight:
    """One question under way."""

    index: int
    question: Question
    family: int
    address: tuple[str, int]
    query: bytes = b""
    sock: socket.socket | None = None
    started: float = 0.0
    tries: int = 0
    truncated: bool = False
    last: bool = False
    done: bool = False
    deadline: float = 0.0
    unsent: bytes = b""
    received: bytearray = field(default_factory=bytearray)


class _Exchange:
    """The loop's state. Every flight ends in `_finish`, once."""

    def __init__(
        self,
        questions: Sequence[Question],
        timeout: float,
        tries: int,
        window: int,
        silent: Collection[str],
    ) -> None:
        self.questions = questions
        self.timeout, self.tries, self.window = timeout, tries, window
        self.quiet = frozenset(silent)
        self.replies: list[Reply | None] = [None] * len(questions)
        self.selector = selectors.DefaultSelector()
        self.sockets: dict[int, list[socket.socket]] = {}
        self.flying: dict[tuple[int, bytes], _Flight] = {}
        self.timers: list[tuple[float, int, _Flight]] = []
        self.streams: set[_Flight] = set()
        self.for_tcp: deque[_Flight] = deque()
        self.spoke: set[str] = set()  # addresses that have answered something
        self.held: dict[str, list[_Flight]] = {}  # silent address -> who waits for its TCP trial
        self.dead: set[str] = set()  # silent over both: nothing more is sent there
        self.left = len(questions)
        self.waiting = deque(
            flight
            for index, question in enumerate(questions)
            if (flight := self._flight(index, question))
        )

    def run(self, until: float) -> list[Reply]:
        while self.left and time.monotonic() < until:
            self._launch()
            due = min(until, self.timers[0][0]) if self.timers else 0.0
            wait = max(0.0, due - time.monotonic())
            for key, _ in self.selector.select(wait):
                if isinstance(key.data, _Flight):
                    self._stream(key.data)
                else:
                    self._drain(key.data)
            self._expire()
        pairs = zip(self.questions, self.replies, strict=True)
        return [reply or Reply(question, None, "deadline") for question, reply in pairs]

    def close(self) -> None:
        for flight in list(self.streams):
            self._hang_up(flight)
        for sock in (sock for socks in self.sockets.values() for sock in socks):
            sock.close()
        self.selector.close()

    def _flight(self, index: int, question: Question) -> _Flight | None:
        try:
            address = ip_address(question.address)
            query = encode(question, secrets.randbits(16))
        except (ValueError, dns.exception.DNSException):
            self.replies[index] = Reply(question, None, "unreachable")
            self.left -= 1
            return None
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        flight = _Flight(index, question, family, (str(address), question.port), query)
        flight.tries = self.tries - 1 if question.address in self.quiet else 0
        return flight

    def _launch(self) -> None:
        while self.waiting and len(self.flying) < self.window:
            flight = self.waiting.popleft()
            sockets = self._sockets(flight.family)
            if not sockets:
                self._finish(flight, "unreachable")
                continue
            if flight.address[0] in self.dead or flight.address[0] in self.held:
                self._silent(flight)
                continue
            flight.sock = secrets.choice(sockets)
            while (flight.sock.fileno(), flight.query[:2]) in self.flying:
                flight.query = secrets.token_bytes(2) + flight.query[2:]
            self.flying[flight.sock.fileno(), flight.query[:2]] = flight
            flight.started = time.monotonic()
            self._send(flight)
        while self.for_tcp and len(self.streams) < STREAMS:
            self._connect(self.for_tcp.popleft())

    def _sockets(self, family: int) -> list[socket.socket]:
        if family not in self.sockets:
            self.sockets[family] = []
            for _ in range(SOCKETS):
                try:
                    sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
                except OSError:
                    break
                # The kernel draws the port at random when the first packet leaves.
                self.sockets[family].append(sock)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
                self.selector.register(sock, selectors.EVENT_READ, sock)
        return self.sockets[family]

    def _send(self, flight: _Flight) -> None:
        assert flight.sock is not None
        flight.tries += 1
        try:
            flight.sock.sendto(flight.query, flight.address)
        except BlockingIOError:
            pass  # a full buffer is a lost packet: the next try is due soon
        except OSError:
            self._land(flight)
            self._finish(flight, "unreachable")
            return
        self._due(flight, time.monotonic() + self.timeout / self.tries)

    def _due(self, flight: _Flight, when: float) -> None:
        flight.deadline = when
        heapq.heappush(self.timers, (when, flight.index, flight))

    def _flies(self, flight: _Flight) -> bool:
        assert flight.sock is not None
        return self.flying.get((flight.sock.fileno(), flight.query[:2])) is flight

    def _land(self, flight: _Flight) -> None:
        assert flight.sock is not None
        self.flying.pop((flight.sock.fileno(), flight.query[:2]), None)

    def _drain(self, sock: socket.socket) -> None:
        for _ in range(256):
            try:
                wire, source = sock.recvfrom(65535)
            except OSError:
                return
            flight = self.flying.get((sock.fileno(), wire[:2]))
            came_from = (source[0].partition("%")[0], source[1])
            if flight and came_from == flight.address and answers(flight.query, wire):
                self._land(flight)
                self._heard(flight, wire)

    def _heard(self, flight: _Flight, wire: bytes) -> None:
        self._speaks(flight)
        if wire[2] & 0x02:  # TC
            flight.truncated = True
            self.for_tcp.append(flight)
        else:
            self._finish(flight, "", wire)

    def _speaks(self, flight: _Flight) -> None:
        self.spoke.add(flight.address[0])
        self.for_tcp.extend(self.held.pop(flight.address[0], ()))

    def _expire(self) -> None:
        now = time.monotonic()
        while self.timers and self.timers[0][0] <= now:
            when, _, flight = heapq.heappop(self.timers)
            if flight.done or when != flight.deadline:
                continue
            if flight in self.streams:
                self._broken(flight)
            elif self._flies(flight) and flight.tries < self.tries:
                self._send(flight)
            elif self._flies(flight):
                self._land(flight)
                self._silent(flight)

    def _silent(self, flight: _Flight) -> None:
        """UDP brought nothing: perhaps a middlebox, so try TCP, once for a silent address."""
        address = flight.address[0]
        if address in self.dead or flight.question.address in self.quiet or flight.last:
            self._finish(flight, "timeout")
        elif address in self.spoke:
            self.for_tcp.append(flight)
        elif address in self.held:
            self.held[address].append(flight)
        else:
            self.held[address] = []
            self.for_tcp.append(flight)

    def _connect(self, flight: _Flight) -> None:
        try:
            flight.sock = socket.socket(flight.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        except OSError:
            self._broken(flight)
            return
        flight.unsent = struct.pack("!H", len(flight.query)) + flight.query
        self.streams.add(flight)
        self.selector.register(flight.sock, selectors.EVENT_WRITE, flight)
        self._due(flight, time.monotonic() + self.timeout)
        try:
            flight.sock.connect(flight.address)
        except BlockingIOError:
            return
        except OSError:
            self._broken(flight)

    def _stream(self, flight: _Flight) -> None:
        if flight not in self.streams or flight.sock is None:
            return
        try:
            if flight.unsent:
                flight.unsent = flight.unsent[flight.sock.send(flight.unsent) :]
                if not flight.unsent:
                    self.selector.modify(flight.sock, selectors.EVENT_READ, flight)
                return
            data = flight.sock.recv(65537)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        flight.received += data
        if not data:
            self._broken(flight)
        elif len(flight.received) >= 2 + int.from_bytes(flight.received[:2], "big") >= 14:
            self._whole(flight)

    def _whole(self, flight: _Flight) -> None:
        self._hang_up(flight)
        self._speaks(flight)
        wire = bytes(flight.received[2 : 2 + int.from_bytes(flight.received[:2], "big")])
        if answers(flight.query, wire):
            self._finish(flight, "", wire, tcp=True)
        else:
            self._finish(flight, "malformed", tcp=True)

    def _broken(self, flight: _Flight) -> None:
        """TCP brought nothing either. One that answers others gets a last chance over UDP.

        Packets get lost, and a resolver that thought for long has made up its mind by now.
        """
        self._hang_up(flight)
        if flight.address[0] in self.spoke and not flight.truncated:
            flight.last, flight.tries = True, 0
            flight.received.clear()
            self.waiting.append(flight)
            return
        self._finish(flight, "truncated-no-tcp" if flight.truncated else "timeout")
        if flight.address[0] not in self.spoke:
            self.dead.add(flight.address[0])
            for other in self.held.pop(flight.address[0], ()):
                self._finish(other, "timeout")

    def _hang_up(self, flight: _Flight) -> None:
        if flight in self.streams and flight.sock is not None:
            self.streams.discard(flight)
            self.selector.unregister(flight.sock)
            flight.sock.close()

    def _finish(
        self, flight: _Flight, error: Failure, wire: bytes | None = None, *, tcp: bool = False
    ) -> None:
        if flight.done:
            return
        flight.done = True
        ms = round((time.monotonic() - flight.started) * 1000) if flight.started else 0
        self.replies[flight.index] = Reply(flight.question, wire, error, ms, tcp)
        self.left -= 1
