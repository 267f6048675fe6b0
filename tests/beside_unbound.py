"""Asks a real Unbound the same: `unshare -n python tests/beside_unbound.py [ID...]`.

Every scene of scene_cases.py (or those with ID in theirs) is served in this network namespace and
asked through an Unbound of its own; a line for each scene where it is not as the case says.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
from play import serve, take_addresses, write_files
from scene_cases import all_cases
from scenes import Scene

PORT = 5353
CONFIG = """server:
  interface: 127.0.0.1@{port}
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  use-syslog: no
  module-config: "validator iterator"
  root-hints: "{hints}"
  val-override-date: "{now}"
  val-sig-skew-min: 0
  val-sig-skew-max: 0
  do-not-query-localhost: no
  qname-minimisation: no
  target-fetch-policy: "0 0 0 0 0"
  trust-anchor-signaling: no
  trust-anchor-file: "{anchors}"
remote-control:
  control-enable: no
"""


class Stage:
    """All addresses of all scenes; `scene` is the one that is on."""

    def __init__(self, scenes: list[Scene]) -> None:
        self.addresses = {address for scene in scenes for address in scene.addresses}
        self.scene = scenes[0]

    def reply(self, address: str, query: dns.message.Message, *, tcp: bool = False) -> bytes | None:
        return self.scene.reply(address, query, tcp=tcp)


@contextmanager
def unbound(scene: Scene, folder: Path) -> Iterator[None]:
    hints, anchors = write_files(scene, folder)
    now = scene.now.strftime("%Y%m%d%H%M%S")
    config = folder / "unbound.conf"
    config.write_text(
        CONFIG.format(port=PORT, folder=folder, hints=hints, anchors=anchors, now=now)
    )
    process = subprocess.Popen(["unbound", "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        _listening()
        yield
    finally:
        process.kill()
        process.wait()


def _listening() -> None:
    for _ in range(250):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", PORT)) == 0:
                return
        time.sleep(0.02)


def state(scene: Scene) -> str:
    """What Unbound's answer says of the scene's question."""
    entry = scene.asked[1]
    query = dns.message.make_query(entry.name, entry.rdtype, want_dnssec=True)
    with tempfile.TemporaryDirectory() as folder, unbound(scene, Path(folder)):
        try:
            answer, _ = dns.query.udp_with_fallback(query, "127.0.0.1", 10, PORT)
        except dns.exception.Timeout:
            return "bogus"  # it is still asking; a client has given up
    if answer.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN, dns.rcode.YXDOMAIN):
        return "bogus"
    return "secure" if answer.flags & dns.flags.AD else "insecure"


def main(wanted: list[str]) -> int:
    cases = [c for c in all_cases() if not wanted or any(word in c.id for word in wanted)]
    stage = Stage([case.scene for case in cases])
    take_addresses(stage)
    serve(stage, drop=True)
    differ = 0
    for case in cases:
        stage.scene = case.scene
        got, expected = state(case.scene), case.unbound or case.state
        if got != expected and "silent" not in case.id:
            differ += 1
            print(f"{case.id}: {case.scene.question} is {case.state}, Unbound says {got}")
    print(f"{len(cases)} scenes, {differ} differ")
    return min(differ, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
