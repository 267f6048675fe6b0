"""Scripted name servers on loopback: honest, deaf, spoofing, truncating, dripping."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

import dns.message
import dns.rrset

Handler = Callable[[bytes], list[bytes]]


def _one_port() -> tuple[socket.socket, socket.socket]:
    """A UDP and a TCP socket on one port, which is free for both."""
    while True:
        dgram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        stream = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        dgram.bind(("127.0.0.1", 0))
        try:
            stream.bind(dgram.getsockname())
        except OSError:
            dgram.close()
            stream.close()
        else:
            return dgram, stream


class Server:
    """A scripted server: UDP and TCP on one port, `udp` and `tcp` give the replies."""

    def __init__(
        self, udp: Handler | None, tcp: Handler | None, drip: float = 0, *, once: bool = False
    ) -> None:
        self.udp, self.tcp, self.drip, self.once = udp, tcp, drip, once
        self.datagrams = 0
        self.connections = 0
        self.sources: set[tuple[str, int]] = set()
        self.stopped = threading.Event()
        self.dgram, self.stream = _one_port()
        self.port = self.dgram.getsockname()[1]
        if tcp:
            self.stream.listen(64)
        self.dgram.settimeout(0.05)
        self.stream.settimeout(0.05)
        self.threads = [threading.Thread(target=self._udp)]
        if tcp:
            self.threads.append(threading.Thread(target=self._tcp))
        for thread in self.threads:
            thread.start()

    def _udp(self) -> None:
        while not self.stopped.is_set():
            try:
                query, source = self.dgram.recvfrom(65535)
            except TimeoutError:
                continue
            self.datagrams += 1
            self.sources.add(source)
            for wire in self.udp(query) if self.udp else []:
                self.dgram.sendto(wire, source)

    def _tcp(self) -> None:
        assert self.tcp
        while not self.stopped.is_set():
            try:
                connection, _ = self.stream.accept()
            except TimeoutError:
                continue
            self.connections += 1
            with connection:
                connection.settimeout(0.5)
                self._converse(connection)

    def _converse(self, connection: socket.socket) -> None:
        """Answer what comes, each with its length before it; with `once` only the first."""
        stream = connection.makefile("rb")
        try:
            while (size := stream.read(2)) and not self.stopped.is_set():
                for wire in self.tcp(stream.read(int.from_bytes(size))) if self.tcp else []:
                    self._feed(connection, len(wire).to_bytes(2, "big") + wire)
                if self.once:
                    return
        except OSError:
            return

    def _feed(self, connection: socket.socket, framed: bytes) -> None:
        step = 1 if self.drip else len(framed)
        for at in range(0, len(framed), step):
            if self.stopped.is_set():
                return
            try:
                connection.sendall(framed[at : at + step])
            except OSError:
                return
            time.sleep(self.drip)

    def close(self) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join()
        self.dgram.close()
        self.stream.close()


def respond(query: bytes, *, address: str = "192.0.2.1", truncated: bool = False) -> bytes:
    asked = dns.message.from_wire(query)
    response = dns.message.make_response(asked)
    if truncated:
        response.flags |= 0x0200
    else:
        response.answer.append(dns.rrset.from_text(asked.question[0].name, 60, "IN", "A", address))
    return response.to_wire()


def honest(query: bytes) -> list[bytes]:
    return [respond(query)]
