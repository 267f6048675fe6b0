"""A whole zone from one server (AXFR, RFC 5936), as far as it allows that."""

from __future__ import annotations

import secrets
import socket
import struct
import time

from orchestrator.dns.wire import AXFR, NOERROR, SOA, Record, read

LARGEST = 1 << 26  # octets of one transfer; the root is 2.2 MB
LONGEST = 60.0  # seconds


def transfer(address: str, port: int, zone: bytes, timeout: float) -> list[Record] | None:
    """Every record of `zone` at `address`; None when it is not given whole.

    `timeout` is seconds without any octet. Never raises on what a server sends.
    """
    until = time.monotonic() + LONGEST
    try:
        with socket.create_connection((address, port), timeout) as sock:
            ident = secrets.token_bytes(2)
            question = zone + struct.pack("!HH", AXFR, 1)
            query = ident + struct.pack("!HHHHH", 0, 1, 0, 0, 0) + question
            sock.sendall(struct.pack("!H", len(query)) + query)
            return _records(sock, ident, zone, until)
    except (OSError, EOFError):
        return None


def _records(sock: socket.socket, ident: bytes, zone: bytes, until: float) -> list[Record] | None:
    """From the first SOA up to the second, which is left out (RFC 5936 section 2.2)."""
    records: list[Record] = []
    size = 0
    while size < LARGEST and time.monotonic() < until:
        wire = _take(sock, int.from_bytes(_take(sock, 2, until), "big"), until)
        size += len(wire)
        message = read(wire)
        if message is None or message.malformed or wire[:2] != ident:
            return None
        if message.rcode != NOERROR or not message.answer:
            return None
        records += message.answer
        if records[0].rdtype != SOA or records[0].owner != zone:
            return None
        if len(records) > 1 and records[-1] == records[0]:
            return records[:-1]
    return None


def _take(sock: socket.socket, size: int, until: float) -> bytes:
    """Exactly `size` octets. Raises EOFError when they do not come in time."""
    data = bytearray()
    while len(data) < size:
        some = sock.recv(size - len(data))
        if not some or time.monotonic() > until:
            raise EOFError
        data += some
    return bytes(data)
