"""known_hosts (sshd(8)) read once: which keys stand for which address.

paramiko's own reader is quadratic and its lookup slow; at a thousand hosts that is most of a
run. Markers: `@revoked` keys are refused, `@cert-authority` lines are not used.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.fleet.peer import Peer


@dataclass(frozen=True, slots=True)
class HostKey:
    """One public key: its type ("ssh-ed25519") and its bytes on the wire (RFC 4253, 6.6)."""

    type: str
    raw: bytes


@dataclass(slots=True)
class KnownHosts:
    """Keys by name, hashed names apart (they must be tried one by one), and revoked keys."""

    plain: dict[str, list[HostKey]] = field(default_factory=dict)
    hashed: list[tuple[bytes, bytes, HostKey]] = field(default_factory=list)
    revoked: set[bytes] = field(default_factory=set)

    def keys(self, name: str) -> list[HostKey]:
        """The keys that stand for a name as `host_name` writes it."""
        return self.plain.get(name, []) + [
            key for salt, digest, key in self.hashed if _hash(salt, name) == digest
        ]


def host_name(address: str, port: int) -> str:
    """How known_hosts names an address and port: bare for port 22, else "[address]:port"."""
    return address if port == 22 else f"[{address}]:{port}"


def fingerprint(raw: bytes) -> str:
    """As `ssh-keygen -l` shows it: SHA256 in base64 without padding."""
    digest = base64.b64encode(hashlib.sha256(raw).digest()).decode()
    return f"SHA256:{digest.rstrip('=')}"


def read(path: Path | None) -> str:
    """The text of a known_hosts file; None: the user's and the machine's own. Raises OSError."""
    if path is not None:
        return path.read_text(errors="replace")
    places = (Path.home() / ".ssh/known_hosts", Path("/etc/ssh/ssh_known_hosts"))
    return "\n".join(place.read_text(errors="replace") for place in places if place.exists())


def complaint(raw: bytes, keys: Sequence[HostKey], known: KnownHosts, peer: Peer) -> str:
    """Why the host key that a peer shows is not believed; "" when it is."""
    shown, place = fingerprint(raw), peer.known_hosts or "~/.ssh/known_hosts"
    if raw in known.revoked:
        return f"host key {shown} of {peer} is marked @revoked in {place}; do not connect to it"
    if any(raw == key.raw for key in keys):
        return ""
    if not keys:
        return (
            f"host key {shown} of {peer} is not in {place}. Compare it with what the host's own "
            f"console says, then: ssh-keyscan -p {peer.port} {peer.address} >> {place}"
        )
    expected = " or ".join(fingerprint(key.raw) for key in keys)
    return (
        f"host key of {peer} has CHANGED: {shown}, but {place} has {expected}. The host was "
        "reinstalled, or somebody is in between. Only when you know which: ssh-keygen -R "
        f"'{host_name(peer.address, peer.port)}' -f {place}, then add the new key"
    )


def parse(text: str) -> KnownHosts:
    """Read the text of a known_hosts file; lines that make no sense are passed over, as by ssh."""
    known = KnownHosts()
    for marker, names, key in _lines(text):
        if marker == "@revoked":
            known.revoked.add(key.raw)
        elif not marker:
            _add(known, names, key)
    return known


def _lines(text: str) -> Iterator[tuple[str, str, HostKey]]:
    for line in text.splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        marker = words.pop(0) if words[0].startswith("@") else ""
        if len(words) >= 3:
            try:
                raw = base64.b64decode(words[2], validate=True)
            except ValueError:  # not base64, or not even ASCII
                continue
            yield marker, words[0], HostKey(words[1], raw)


def _add(known: KnownHosts, names: str, key: HostKey) -> None:
    if names.startswith("|1|"):
        try:
            salt, digest = (base64.b64decode(part) for part in names[3:].split("|"))
        except ValueError:
            return
        known.hashed.append((salt, digest, key))
        return
    for name in names.split(","):
        known.plain.setdefault(name, []).append(key)


def _hash(salt: bytes, name: str) -> bytes:
    return hmac.digest(salt, name.encode(), "sha1")
