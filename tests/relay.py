"""A name server that answers few questions a second: passes them on to others, over UDP only.

relay.py ADDRESS RATE ZONE=SERVER... ; prints a line once it listens.
"""

from __future__ import annotations

import socket
import sys
import time

from orchestrator.dns.wire import read, to_name, under


def main(address: str, rate: str, *zones: str) -> None:
    servers = {to_name(zone): server for zone, _, server in (z.partition("=") for z in zones)}
    listening, asking = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    listening.bind((address, 53))
    asking.settimeout(1)
    print("listening", flush=True)
    tokens, last = float(rate), time.monotonic()
    while True:
        query, source = listening.recvfrom(65535)
        now = time.monotonic()
        tokens, last = min(float(rate), tokens + (now - last) * float(rate)), now
        message = read(query)
        if tokens < 1 or message is None:
            continue
        tokens -= 1
        name = message.question[0][0]
        server = next(server for zone, server in servers.items() if under(name, zone))
        asking.sendto(query, (server, 53))
        listening.sendto(asking.recv(65535), source)


if __name__ == "__main__":
    main(*sys.argv[1:])
