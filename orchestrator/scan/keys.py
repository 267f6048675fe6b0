"""DNSKEY records as what verifies by them: RFC 3110, 6605, 8080, and their limits in `chain`."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from orchestrator.chain.verify import EXPONENT_BITS, REVOKE, RSA_BITS, ZONE, tag_of

Verify = Callable[[bytes, bytes], None]  # signature, data; raises when it does not hold

_SHA1 = hashes.SHA1()  # noqa: S303 (in old zones; a policy says whether it counts)
_RSA = {5: _SHA1, 7: _SHA1, 8: hashes.SHA256(), 10: hashes.SHA512()}
_EC = {13: (ec.SECP256R1(), hashes.SHA256(), 32), 14: (ec.SECP384R1(), hashes.SHA384(), 48)}
_ED25519, _ED448 = 15, 16
_PADDING = padding.PKCS1v15()
_UNUSABLE = (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError, IndexError)


@dataclass(slots=True, eq=False)
class Key:
    """One DNSKEY record (RFC 4034 section 2)."""

    rdata: bytes
    flags: int
    protocol: int
    algorithm: int
    tag: int
    verify: Verify | None = field(default=None, repr=False)

    @property
    def usable(self) -> bool:
        """A zone key, protocol 3, not revoked."""
        return bool(self.flags & ZONE) and not self.flags & REVOKE and self.protocol == 3

    def verifies(self, data: bytes, signature: bytes) -> bool:
        try:
            if self.verify is None:
                self.verify = _verify(self.algorithm, self.rdata[4:])
            self.verify(signature, data)
        except _UNUSABLE:
            return False
        return True


def key_of(rdata: bytes) -> Key:
    """Read a DNSKEY record."""
    flags, protocol, algorithm = struct.unpack_from("!HBB", rdata)
    return Key(rdata, flags, protocol, algorithm, tag_of(rdata))


@dataclass(frozen=True, slots=True, eq=False)
class Keys:
    """The keys that may sign the data of `zone`, by tag and algorithm."""

    zone: bytes
    by_id: dict[tuple[int, int], list[Key]]


def keys_of(zone: bytes, keys: Iterable[Key]) -> Keys:
    by_id: dict[tuple[int, int], list[Key]] = {}
    for key in keys:
        if key.usable:
            by_id.setdefault((key.tag, key.algorithm), []).append(key)
    return Keys(zone, by_id)


def _verify(algorithm: int, key: bytes) -> Verify:
    """What verifies by a public key. Raises one of `_UNUSABLE` on a bad or a costly one."""
    if algorithm in _RSA:
        return _rsa(algorithm, key)
    if algorithm in _EC:
        return _ec(algorithm, key)
    if algorithm == _ED25519:
        return ed25519.Ed25519PublicKey.from_public_bytes(key).verify
    if algorithm == _ED448:
        return ed448.Ed448PublicKey.from_public_bytes(key).verify
    raise ValueError(f"algorithm {algorithm}")


def _rsa(algorithm: int, key: bytes) -> Verify:
    """RFC 3110 section 2: the length of the exponent, in one octet or three, then both numbers."""
    size, at = (key[0], 1) if key[0] else (int.from_bytes(key[1:3], "big"), 3)
    exponent = int.from_bytes(key[at : at + size], "big")
    modulus = int.from_bytes(key[at + size :], "big")
    if modulus.bit_length() > RSA_BITS or exponent.bit_length() > EXPONENT_BITS:
        raise ValueError("an RSA key that takes too long to use")
    public, digest = rsa.RSAPublicNumbers(exponent, modulus).public_key(), _RSA[algorithm]
    return lambda signature, data: public.verify(signature, data, _PADDING, digest)


def _ec(algorithm: int, key: bytes) -> Verify:
    """RFC 6605 section 4: a point, and signatures of two numbers, all of fixed length."""
    curve, digest, size = _EC[algorithm]
    if len(key) != 2 * size:
        raise ValueError("no point of the curve")
    public, how = ec.EllipticCurvePublicKey.from_encoded_point(curve, b"\4" + key), ec.ECDSA(digest)

    def verify(signature: bytes, data: bytes) -> None:
        if len(signature) != 2 * size:
            raise InvalidSignature
        numbers = (int.from_bytes(half, "big") for half in (signature[:size], signature[size:]))
        public.verify(encode_dss_signature(*numbers), data, how)

    return verify
