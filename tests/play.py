"""Plays a scenario on real sockets: `unshare -n python tests/play.py WHAT [options]`.

WHAT is a file, or the id of a scene in scene_cases.py; options are those of `validate`.

In a network namespace of its own, so that the scenario's addresses can be this machine's. What the
script has no entry for is refused, or with --drop left unanswered. Prints validate's JSON.
"""

from __future__ import annotations

import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Protocol

import dns.exception
import dns.flags
import dns.message
import dns.rcode
from rpl import Scenario, load
from scenes import Scene


class World(Protocol):
    """Who answers what: a scenario, a scene, or one after the other."""

    addresses: set[str]

    def reply(self, address: str, query: dns.message.Message, *, tcp: bool) -> bytes | None: ...


ROOT = Path(__file__).parents[1]
NTACTL = ROOT / ".venv" / "bin" / "ntactl"


def serve(scenario: World, *, port: int = 53, drop: bool = False) -> None:
    """Listen on every address of the scenario, UDP and TCP, until the process ends."""
    for address in sorted(scenario.addresses):
        family = socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET
        for kind in (_Udp, _Tcp):
            server = type(kind.__name__, (kind,), {"address_family": family})((address, port), None)
            server.script = (scenario, address, drop)
            threading.Thread(target=server.serve_forever, daemon=True).start()


def respond(script: tuple[World, str, bool], wire: bytes, *, tcp: bool) -> bytes | None:
    scenario, address, drop = script
    query = dns.message.from_wire(wire)
    answer = scenario.reply(address, query, tcp=tcp)
    if answer is None and not drop:
        refusal = dns.message.make_response(query)
        refusal.set_rcode(dns.rcode.REFUSED)
        answer = refusal.to_wire()
    if answer is not None and not tcp and len(answer) > query.payload:
        cut = dns.message.make_response(query)
        cut.flags |= dns.flags.TC
        answer = cut.to_wire()
    return answer


class _Udp(socketserver.ThreadingUDPServer):
    daemon_threads = True
    allow_reuse_address = True

    def finish_request(self, request, client_address) -> None:
        wire, sock = request
        answer = respond(self.script, wire, tcp=False)
        if answer is not None:
            sock.sendto(answer, client_address)


class _Tcp(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def finish_request(self, request, client_address) -> None:  # noqa: ARG002
        stream = request.makefile("rb")
        size = int.from_bytes(stream.read(2), "big")
        answer = respond(self.script, stream.read(size), tcp=True)
        if answer is not None:
            request.sendall(len(answer).to_bytes(2, "big") + answer)


def write_files(scenario: Scenario | Scene, folder: Path) -> tuple[Path, Path]:
    """The scenario's root hints and trust anchors, as files for ntactl."""
    hints, anchors = folder / "hints", folder / "anchors"
    kinds = [(address, "AAAA" if ":" in address else "A") for address in scenario.hints]
    lines = [f"a.root. 3600 IN {kind} {address}" for address, kind in kinds]
    hints.write_text("\n".join([". 3600 IN NS a.root.", *lines, ""]))
    anchors.write_text("\n".join([*scenario.anchors, ""]))
    return hints, anchors


def command(scenario: Scenario | Scene, folder: Path) -> list[str]:
    """What a person would type to judge the scenario."""
    hints, anchors = write_files(scenario, folder)
    _, entry = scenario.asked
    name, rdtype = entry.name, entry.rdtype
    at = scenario.now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return [
        *("validate", str(name), rdtype.name, "--json", "--now", at, "--skew", "0"),
        *("--root-hints", str(hints), "--trust-anchor", str(anchors)),
    ]


def find(what: str) -> Scenario | Scene:
    """A file, or the id of a scene."""
    if what.endswith(".rpl"):
        return load(Path(what))
    from scene_cases import all_cases

    return next(case.scene for case in all_cases() if case.id == what)


def take_addresses(world: World) -> None:
    """Make the addresses this machine's; only in a namespace of its own."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for address in sorted(world.addresses):
        size, extra = (128, ["nodad"]) if ":" in address else (32, [])
        subprocess.run(["ip", "addr", "add", f"{address}/{size}", "dev", "lo", *extra], check=True)


def main(args: Sequence[str]) -> int:
    drop, options = "--drop" in args, [arg for arg in args[1:] if arg != "--drop"]
    scenario = find(args[0])
    take_addresses(scenario)
    serve(scenario, drop=drop)
    with tempfile.TemporaryDirectory() as folder:
        line = command(scenario, Path(folder))
        return subprocess.run([NTACTL, *line, *options], check=False, timeout=120).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
