"""Very many DNS questions in a steady flow: what a scan asks with.

As `exchange`, over a few UDP sockets on random ports, with random ids; source, id and question of
an answer are checked (RFC 5452). In addition each address has a lane of its own, with its own
pace and breaker, and truncated answers are fetched over one TCP connection an address.
"""

from __future__ import annotations

import heapq
import secrets
import selectors
import socket
import struct
import time
from collections import deque
from collections.abc import Iterable, Iterator

from orchestrator.dns.exchange import SOCKETS, UDP_SIZE, Failure, answers
from orchestrator.dns.lane import Lane, Query
from orchestrator.dns.stream import Streams

WINDOW = 256  # questions in flight over UDP
_EDNS = struct.pack("!BHHIH", 0, 41, UDP_SIZE, 1 << 15, 0)  # RFC 6891, with DO
_HEADER = struct.pack("!HHHHH", 0, 1, 0, 0, 1)


class Port:
    """One UDP socket and whose answers it waits for, by id."""

    def __init__(self, family: int) -> None:
        self.sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        self.flying: dict[bytes, Query] = {}


class Pipeline:
    """Put questions in, take them out with their replies, in any order.

    `timeout` is seconds a question; a silent address costs about two of them in all. `port` is
    that of all servers. Nothing is asked that is put in after `until` (time.monotonic()).
    """

    def __init__(self, *, timeout: float = 2.0, port: int = 53, until: float = 1e18) -> None:
        self.timeout, self.port, self.until = timeout, port, until
        self.now = time.monotonic()
        self.patience = timeout / 2  # of one try
        self.left = 0
        self.asked = 0
        self.finished: deque[Query] = deque()
        self.selector = selectors.DefaultSelector()
        self.ports: dict[int, list[Port]] = {}
        self.of: dict[Query, Port] = {}
        self.lanes: dict[str, Lane] = {}
        self.ready: deque[Lane] = deque()
        self.paced: list[tuple[float, int, Lane]] = []
        self.expiry: deque[tuple[float, Query, int]] = deque()
        self.flying = 0
        self.random, self.drawn = b"", 0
        self.streams = Streams(self.selector, port, timeout)

    def put(self, query: Query) -> None:
        """Ask this as soon as its address is due."""
        self.left += 1
        lane = self.lanes.get(query.address)
        if lane is None:
            lane = self.lanes[query.address] = Lane(query.address)
        if lane.failure or self.now >= self.until:
            self._finish(query, lane.failure or "deadline")
            return
        question = query.name + query.rdtype.to_bytes(2, "big") + b"\0\1"
        query.packet = self._ident() + _HEADER + question + _EDNS
        if query.tcp:
            self.streams.put(query)
        else:
            lane.waiting.append(query)
            self._list(lane)

    def replies(self) -> Iterator[Query]:
        """Every question that was put in, answered or failed; more may be put in meanwhile."""
        while self.left or self.finished:
            while self.finished:
                yield self.finished.popleft()
            if self.left:
                self._turn()

    def close(self) -> None:
        self.streams.close()
        for port in (port for ports in self.ports.values() for port in ports):
            port.sock.close()
        self.selector.close()

    def _turn(self) -> None:
        now = self.now = time.monotonic()
        self._launch(now)
        self._done(self.streams.connect(now))
        for key, _ in self.selector.select(self._wait(now)):
            if isinstance(key.data, Port):
                self._drain(key.data)
            else:
                self._done(self.streams.ready(key.data, time.monotonic()))
        self._expire(time.monotonic())

    def _done(self, queries: Iterable[Query]) -> None:
        for query in queries:
            self._finish(query, query.error)

    def _wait(self, now: float) -> float:
        """Seconds until something is due without any packet."""
        if self.finished:
            return 0.0
        due = [self.streams.due()]
        due += [self.expiry[0][0]] if self.expiry else []
        due += [self.paced[0][0]] if self.paced else []
        return min(60.0, max(0.0, min(due) - now))

    def _ident(self) -> bytes:
        """Two random octets, from the kernel, many at a time."""
        if self.drawn >= len(self.random):
            self.random, self.drawn = secrets.token_bytes(4096), 0
        self.drawn += 2
        return self.random[self.drawn - 2 : self.drawn]

    def _list(self, lane: Lane) -> None:
        if not lane.listed:
            lane.listed = True
            self.ready.append(lane)

    def _launch(self, now: float) -> None:
        while self.paced and self.paced[0][0] <= now:
            self.ready.append(heapq.heappop(self.paced)[2])
        for _ in range(len(self.ready)):
            if self.flying >= WINDOW:
                return
            lane = self.ready.popleft()
            lane.listed = False
            self._send_some(lane, now)

    def _send_some(self, lane: Lane, now: float) -> None:
        while lane.free() and self.flying < WINDOW:
            if lane.next > now:
                lane.listed = True
                heapq.heappush(self.paced, (lane.next, id(lane), lane))
                return
            if lane.waiting[0].done:  # its answer came late
                lane.waiting.popleft()
            else:
                self._send(lane, lane.take(now), now)
        if lane.free():
            self._list(lane)

    def _send(self, lane: Lane, query: Query, now: float) -> None:
        self.flying += 1
        if self._sent(query):
            self.asked += 1
            self.expiry.append((now + self.patience, query, query.tries))
        else:
            lane.failure = "unreachable"
            self._missed(lane, query, now)

    def _sent(self, query: Query) -> bool:
        """Did it leave this machine? A full buffer is a lost packet: the next try is due soon."""
        port = self.of.get(query) or self._port(query)
        if port is None:
            return False
        try:
            port.sock.sendto(query.packet, (query.address, self.port))
        except BlockingIOError:
            return True
        except OSError:
            return False
        return True

    def _port(self, query: Query) -> Port | None:
        """A socket for the question, at random, and an id that is free there."""
        ports = self._ports(socket.AF_INET6 if ":" in query.address else socket.AF_INET)
        if not ports:
            return None
        port = self.of[query] = ports[self._ident()[0] % len(ports)]
        while query.packet[:2] in port.flying:
            query.packet = self._ident() + query.packet[2:]
        port.flying[query.packet[:2]] = query
        return port

    def _ports(self, family: int) -> list[Port]:
        if family not in self.ports:
            ports: list[Port] = []
            self.ports[family] = ports
            for _ in range(SOCKETS):
                try:
                    ports.append(Port(family))
                except OSError:
                    break
                self.selector.register(ports[-1].sock, selectors.EVENT_READ, ports[-1])
        return self.ports[family]

    def _drain(self, port: Port) -> None:
        now = time.monotonic()
        for _ in range(WINDOW):
            try:
                wire, source = port.sock.recvfrom(65535)
            except OSError:
                return
            query = port.flying.get(wire[:2])
            if query is None or source[1] != self.port:
                continue
            if source[0].partition("%")[0] == query.address and answers(query.packet, wire):
                self._heard(query, wire, now)

    def _heard(self, query: Query, wire: bytes, now: float) -> None:
        lane = self.lanes[query.address]
        self.flying -= query.flying
        lane.answer(query, now)
        self._list(lane)
        if wire[2] & 0x02:  # TC
            self._forget(query)
            query.tcp = True
            self.asked += 1
            self.streams.put(query)
        else:
            query.wire = wire
            self._finish(query, "")

    def _expire(self, now: float) -> None:
        while self.expiry and self.expiry[0][0] <= now:
            _, query, tries = self.expiry.popleft()
            if query.flying and query.tries == tries:
                self._missed(self.lanes[query.address], query, now)
        self._done(self.streams.expire(now))

    def _missed(self, lane: Lane, query: Query, now: float) -> None:
        self.flying -= 1
        if not lane.miss(query, now):
            self._finish(query, lane.failure or "timeout")
        while lane.failure and lane.waiting:
            self._finish(lane.waiting.popleft(), lane.failure)
        self._list(lane)

    def _forget(self, query: Query) -> None:
        port = self.of.pop(query, None)
        if port:
            port.flying.pop(query.packet[:2], None)

    def _finish(self, query: Query, error: Failure) -> None:
        if query.done:
            return
        query.done, query.error = True, error
        self._forget(query)
        self.left -= 1
        self.finished.append(query)
