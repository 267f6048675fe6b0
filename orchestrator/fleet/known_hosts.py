"""known_hosts (sshd(8)) read once: which keys stand for which address.

paramiko's own reader is quadratic and its lookup slow; at a thousand hosts that is most of a
run. Markers: `@revoked` keys are refused, `@cert-authority` ones may vouch for hosts.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.fleet.certificate import Verify, host_objection, is_certificate
from orchestrator.fleet.certificate import read as read_certificate
from orchestrator.fleet.outcome import FailureError
from orchestrator.fleet.patterns import Patterns, patterns
from orchestrator.fleet.peer import Peer


@dataclass(frozen=True, slots=True)
class HostKey:
    """One public key: its type ("ssh-ed25519") and its bytes on the wire (RFC 4253, 6.6)."""

    type: str
    raw: bytes


@dataclass(slots=True)
class KnownHosts:
    """Keys by name; patterns and hashed names apart, as they must be tried one by one."""

    plain: dict[str, list[HostKey]] = field(default_factory=dict)
    wild: list[tuple[Patterns, HostKey]] = field(default_factory=list)
    hashed: list[tuple[bytes, bytes, HostKey]] = field(default_factory=list)
    authorities: list[tuple[Patterns, HostKey]] = field(default_factory=list)
    revoked: set[bytes] = field(default_factory=set)
    _asked: dict[str, list[HostKey]] = field(default_factory=dict)

    def keys(self, name: str) -> list[HostKey]:
        """The keys that stand for a name as `host_name` writes it."""
        if name not in self._asked:  # a thousand hashed names take a millisecond
            self._asked[name] = self._look_up(name)
        return self._asked[name]

    def _look_up(self, name: str) -> list[HostKey]:
        found = list(self.plain.get(name, []))
        found += [key for names, key in self.wild if names.match((name.lower(),))]
        return found + [key for salt, digest, key in self.hashed if _hash(salt, name) == digest]

    def authorities_for(self, peer: Peer) -> set[bytes]:
        """The CAs that may vouch for a peer, by any of its names, with its port or without."""
        names = [name.lower() for name in peer.names]
        names += [host_name(name, peer.port) for name in names]
        return {key.raw for hosts, key in self.authorities if hosts.match(names)}


def host_name(name: str, port: int) -> str:
    """How known_hosts names a host and port: bare for port 22, else "[name]:port"."""
    return name if port == 22 else f"[{name}]:{port}"


def known_name(peer: Peer) -> str:
    """What a peer is looked up by."""
    return peer.alias or host_name(peer.address, peer.port)


def fingerprint(raw: bytes) -> str:
    """As `ssh-keygen -l` shows it: SHA256 in base64 without padding."""
    digest = base64.b64encode(hashlib.sha256(raw).digest()).decode()
    return f"SHA256:{digest.rstrip('=')}"


def load(paths: Sequence[Path]) -> KnownHosts:
    """Read known_hosts files; none named: the user's and the machine's own. Raises FailureError."""
    own = (Path.home() / ".ssh/known_hosts", Path("/etc/ssh/ssh_known_hosts"))
    places = paths or [place for place in own if place.exists()]
    try:
        return parse("\n".join(place.read_text(errors="replace") for place in places))
    except OSError as error:
        raise FailureError("host-key", f"cannot read {error.filename}: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class Shown:
    """What a peer shows: its key, and the certificate that came with it, or b""."""

    raw: bytes
    certificate: bytes = b""


def complaint(shown: Shown, known: KnownHosts, peer: Peer, now: float, verify: Verify) -> str:
    """Why what a peer shows is not believed; "" when it is."""
    raw, place = shown.raw, _place(peer)
    if raw in known.revoked:
        what = f"host key {fingerprint(raw)} of {peer}"
        return f"{what} is marked @revoked in {place}; do not connect to it"
    keys = known.keys(known_name(peer))
    if any(raw == key.raw for key in keys):
        return ""
    if shown.certificate and is_certificate(shown.certificate):
        text = _not_vouched(shown.certificate, known, peer, now, verify)
        if text is not None:
            return text
    return _unknown(fingerprint(raw), keys, peer, place)


def _place(peer: Peer) -> str:
    return " or ".join(map(str, peer.known_hosts)) or "~/.ssh/known_hosts"


def _not_vouched(
    raw: bytes, known: KnownHosts, peer: Peer, now: float, verify: Verify
) -> str | None:
    """Why a certificate does not hold, "" when it does; None: it is not by a CA of ours."""
    try:
        certificate = read_certificate(raw)
    except ValueError as error:
        return f"the host certificate of {peer} makes no sense: {error}"
    by = fingerprint(certificate.authority)
    if certificate.authority in known.revoked:
        return f"the CA {by} of {peer} is marked @revoked in {_place(peer)}; do not connect to it"
    if certificate.authority not in known.authorities_for(peer):
        return None
    why = host_objection(certificate, peer.names, now, verify)
    return why and f"the host certificate of {peer}, by CA {by}, {why}"


def _unknown(shown: str, keys: Sequence[HostKey], peer: Peer, place: str) -> str:
    if not keys:
        return (
            f"host key {shown} of {peer} is not in {place}. Compare it with what the host's own "
            f"console says, then: ssh-keyscan -p {peer.port} {peer.address} >> {place}"
        )
    expected = " or ".join(fingerprint(key.raw) for key in keys)
    return (
        f"host key of {peer} has CHANGED: {shown}, but {place} has {expected}. The host was "
        "reinstalled, or somebody is in between. Only when you know which: ssh-keygen -R "
        f"'{known_name(peer)}' -f {place}, then add the new key"
    )


def parse(text: str) -> KnownHosts:
    """Read the text of a known_hosts file; lines that make no sense are passed over, as by ssh."""
    known = KnownHosts()
    for marker, names, key in _lines(text):
        if marker == "@revoked":
            known.revoked.add(key.raw)
        elif marker == "@cert-authority":
            known.authorities.append((patterns(names.split(",")), key))
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
    if any(sign in names for sign in "*?!"):
        known.wild.append((patterns(names.split(",")), key))
        return
    for name in names.split(","):
        known.plain.setdefault(name, []).append(key)


def _hash(salt: bytes, name: str) -> bytes:
    return hmac.digest(salt, name.encode(), "sha1")
