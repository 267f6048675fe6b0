"""OpenSSH certificates, as PROTOCOL.certkeys in OpenSSH's source lays them out.

paramiko carries them and checks none; what is not understood here is refused.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from orchestrator.fleet.patterns import patterns

SUFFIX = "-cert-v01@openssh.com"
HOST = 2
# How many fields the public key has, between the nonce and the serial number.
_KEY_FIELDS = {"ssh-ed25519": 1, "ssh-rsa": 2} | {
    f"ecdsa-sha2-nistp{bits}": 2 for bits in (256, 384, 521)
}

# (CA's public key, signature, what is signed) -> is it good?
Verify = Callable[[bytes, bytes, bytes], bool]


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate taken apart; `signed` is what the CA's `signature` is over."""

    public: bytes
    role: int
    key_id: str
    principals: tuple[str, ...]
    begins: int
    ends: int
    critical: tuple[str, ...]
    authority: bytes
    signed: bytes
    signature: bytes


@dataclass
class _Reader:
    data: bytes
    at: int = 0

    def take(self, size: int) -> bytes:
        self.at += size
        if self.at > len(self.data):
            raise ValueError("it is cut short")
        return self.data[self.at - size : self.at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def string(self) -> bytes:
        return self.take(self.number(4))

    def inner(self) -> Self:
        return type(self)(self.string())

    def strings(self) -> list[bytes]:
        found = []
        while self.at < len(self.data):
            found.append(self.string())
        return found


def is_certificate(raw: bytes) -> bool:
    """Is this key, as it is on the wire, a certificate?"""
    return raw[4 : 4 + struct.unpack(">I", raw[:4])[0]].endswith(SUFFIX.encode())


def read(raw: bytes) -> Certificate:
    """Take a certificate apart. Raises ValueError when it is none that we know."""
    reader = _Reader(raw)
    kind = reader.string().decode("ascii", "replace").removesuffix(SUFFIX)
    if kind not in _KEY_FIELDS:
        raise ValueError(f"its type {kind!r} is unknown")
    reader.string()  # the nonce
    key = [kind.encode(), *(reader.string() for _ in range(_KEY_FIELDS[kind]))]
    reader.number(8)  # the serial
    role, key_id = reader.number(4), reader.string()
    principals = reader.inner().strings()
    begins, ends = reader.number(8), reader.number(8)
    critical = reader.inner().strings()[::2]  # names and values take turns
    reader.string()  # extensions: none says anything of a host
    reader.string()  # reserved
    authority = reader.string()
    signed = raw[: reader.at]
    signature = reader.string()
    return Certificate(
        b"".join(struct.pack(">I", len(part)) + part for part in key),
        role,
        _text(key_id),
        tuple(map(_text, principals)),
        begins,
        ends,
        tuple(map(_text, critical)),
        authority,
        signed,
        signature,
    )


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def public_key(raw: bytes) -> bytes:
    """The key that a certificate is for; b"" when this is none."""
    try:
        return read(raw).public
    except ValueError:
        return b""


def host_objection(
    certificate: Certificate, names: Sequence[str], now: float, verify: Verify
) -> str:
    """Why a CA that we trust does not vouch for this host by it; "" when it does."""
    low = [name.lower() for name in names]
    if certificate.role != HOST:
        return "is no host certificate"
    if not patterns(certificate.principals).match(low):
        allowed = ", ".join(certificate.principals) or "nobody"
        return f"is for {allowed}, not for {' or '.join(names)}"
    if certificate.critical:
        return f"has conditions that ntactl does not know: {', '.join(certificate.critical)}"
    if not verify(certificate.authority, certificate.signature, certificate.signed):
        return "is not signed by the CA it names"
    return untimely(certificate, now)


def untimely(certificate: Certificate, now: float) -> str:
    """Why it does not hold at this time; "" when it does."""
    if now < certificate.begins:
        return f"holds only from {_time(certificate.begins)}"
    if now >= certificate.ends:
        return f"has expired at {_time(certificate.ends)}"
    return ""


def not_now(raw: bytes, now: float) -> str:
    """Why a certificate of ours does not let us in at this time; "" when that is not it."""
    try:
        why = untimely(read(raw), now)
    except ValueError as error:
        why = f"makes no sense: {error}"
    return why and f"a certificate {why}"


def _time(seconds: int) -> str:
    if seconds >= 253402300800:  # the year 10000; 2^64-1 is "forever"
        return "forever"
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
