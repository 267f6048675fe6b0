"""Key pairs of every algorithm that the root's zones use, and keys made to share one tag."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import dns.dnssec
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from dns.dnssectypes import Algorithm
from dns.rdtypes.ANY.DNSKEY import DNSKEY

Private = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

ZSK_FLAGS = 256
KSK_FLAGS = 257
P256 = int(Algorithm.ECDSAP256SHA256)
RSASHA256 = int(Algorithm.RSASHA256)
ED25519 = int(Algorithm.ED25519)
RSA = frozenset({5, 7, 8, 10})
RSA_BITS = 2048
EXPONENT = 65537
# So many that their DNSKEY RRset fits no UDP answer of 1,232 octets.
SPARE, SPARE_RSA = 28, 3

_CURVES: dict[int, Callable[[], Private]] = {
    P256: lambda: ec.generate_private_key(ec.SECP256R1()),
    int(Algorithm.ECDSAP384SHA384): lambda: ec.generate_private_key(ec.SECP384R1()),
    ED25519: ed25519.Ed25519PrivateKey.generate,
}


@dataclass(frozen=True, slots=True)
class Key:
    """A key pair and its DNSKEY."""

    private: Private
    dnskey: DNSKEY
    tag: int


@dataclass(frozen=True, slots=True)
class Keys:
    """A signed zone's keys, and what it takes to break it.

    `rivals` share the ZSK's tag and are published nowhere, `old_ksk` has been or will be a KSK,
    `spare` are further ZSKs, `other` is a KSK and a ZSK of another algorithm; their tags differ.
    """

    ksk: Key
    zsk: Key
    rivals: tuple[Key, ...] = ()
    old_ksk: Key | None = None
    spare: tuple[Key, ...] = ()
    other: tuple[Key, ...] = ()


def make_private(algorithm: int) -> Private:
    """A fresh private key."""
    if algorithm in RSA:
        return rsa.generate_private_key(EXPONENT, RSA_BITS)
    return _CURVES[algorithm]()


def key_of(private: Private, flags: int, algorithm: int) -> Key:
    """A private key with its DNSKEY."""
    made = dns.dnssec.make_dnskey(private.public_key(), Algorithm(algorithm), flags)
    assert isinstance(made, DNSKEY)
    return Key(private, made, dns.dnssec.key_id(made))


def make_key(flags: int, algorithm: int = P256) -> Key:
    """A fresh key pair: `flags` 256 for a ZSK, 257 for a KSK."""
    return key_of(make_private(algorithm), flags, algorithm)


def altered(key: Key, **fields: int) -> Key:
    """The same key pair under a DNSKEY with other flags, protocol or algorithm."""
    dnskey = key.dnskey.replace(**fields)
    assert isinstance(dnskey, DNSKEY)
    return Key(key.private, dnskey, dns.dnssec.key_id(dnskey))


def same_tag_keys(count: int, algorithm: int = P256) -> tuple[Key, ...]:
    """`count` different ZSKs with one key tag, as .de had on 5 May 2026.

    A tag has 16 bits, so for three keys the birthday search ends after about 3,000 of them.
    """
    by_tag: dict[int, list[Key]] = {}
    while True:
        key = make_key(ZSK_FLAGS, algorithm)
        same = by_tag.setdefault(key.tag, [])
        same.append(key)
        if len(same) == count:
            return tuple(same)


def rsa_with_tag(private: rsa.RSAPrivateKey, flags: int, algorithm: int, tag: int) -> Key:
    """The modulus of a `tunable_rsa` key with a public exponent that gives the DNSKEY this tag.

    Three thousand RSA keys would take minutes; three octets of exponent reach any tag at once.
    """
    numbers = private.private_numbers()
    phi = (numbers.p - 1) * (numbers.q - 1)
    start = key_of(private, flags, algorithm)
    rest = _checksum(start.dnskey.to_wire() or b"") - _checksum_of_exponent(EXPONENT)
    for exponent in _exponents_with((tag - rest) % 0xFFFF):
        total = rest + _checksum_of_exponent(exponent)
        if (total + (total >> 16)) & 0xFFFF == tag and math.gcd(exponent, phi) == 1:
            return key_of(_rsa(numbers.p, numbers.q, exponent), flags, algorithm)
    raise ValueError(f"no exponent gives the tag {tag}")


def _exponents_with(checksum: int) -> Iterator[int]:
    """Odd exponents of three octets that add this checksum, give or take a carry."""
    for wanted in (checksum, checksum + 1, checksum + 0xFFFF, checksum + 0x10000):
        for ends in (wanted % 256, wanted % 256 + 256):
            middle = wanted - ends
            if 0 <= middle <= 0xFF00:
                last = range(1, 256, 2)
                yield from ((ends - z) << 16 | middle | z for z in last if 1 <= ends - z <= 255)


def tunable_rsa(count: int) -> tuple[rsa.RSAPrivateKey, ...]:
    """RSA keys that `rsa_with_tag` can give any tag; they share primes, as none but a lab may.

    The tag determines the exponent modulo 255 (where 256 is 1), and the exponent may have no
    factor in common with p - 1: so that must have none of 3, 5 and 17.
    """
    primes: list[int] = []
    while math.comb(len(primes), 2) < count:
        numbers = rsa.generate_private_key(EXPONENT, RSA_BITS).private_numbers()
        primes += [p for p in (numbers.p, numbers.q) if math.gcd(p - 1, 255) == 1]
    pairs = itertools.combinations(primes, 2)
    return tuple(_rsa(p, q, EXPONENT) for p, q in itertools.islice(pairs, count))


def _checksum(rdata: bytes) -> int:
    """The sum of RFC 4034 appendix B before its carry is added."""
    return sum(octet << 8 if index % 2 == 0 else octet for index, octet in enumerate(rdata))


def _checksum_of_exponent(exponent: int) -> int:
    """What three octets of exponent add, at offsets 5 to 7 of the rdata (RFC 3110)."""
    return (exponent >> 16) + (exponent & 0xFF00) + (exponent & 0xFF)


def _rsa(p: int, q: int, exponent: int) -> rsa.RSAPrivateKey:
    d = pow(exponent, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(exponent, p * q)
    halves = (d % (p - 1), d % (q - 1), rsa.rsa_crt_iqmp(p, q))
    numbers = rsa.RSAPrivateNumbers(p, q, d, *halves, public)
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


def make_keys(algorithm: int = P256) -> Keys:
    """A KSK and a ZSK, of different tags."""
    ksk = make_key(KSK_FLAGS, algorithm)
    return Keys(ksk, _another(ZSK_FLAGS, algorithm, {ksk.tag}))


def make_tld_keys() -> Keys:
    """Keys of a TLD that can break in every way, all of them its own."""
    trios = (same_tag_keys(3) for _ in itertools.count())
    return _with_rivals(make_key(KSK_FLAGS), trios, P256)


def breakable(keys: Keys, algorithm: int) -> Keys:
    """The keys of a zone with all it takes to break it.

    Where exponents cannot be chosen, the ZSK is replaced by one that has rivals.
    """
    if algorithm in RSA:
        return _breakable_rsa(keys, algorithm)
    return _with_rivals(keys.ksk, _trios(algorithm), algorithm)


def _with_rivals(ksk: Key, trios: Iterable[tuple[Key, ...]], algorithm: int) -> Keys:
    zsk, *rivals = next(trio for trio in trios if trio[0].tag != ksk.tag)
    used = {ksk.tag, zsk.tag}
    old = _another(KSK_FLAGS, algorithm, used)
    spare = tuple(_another(ZSK_FLAGS, algorithm, used) for _ in range(SPARE))
    return Keys(ksk, zsk, tuple(rivals), old, spare, _of_another_algorithm(algorithm, used))


def _breakable_rsa(keys: Keys, algorithm: int) -> Keys:
    used = {keys.ksk.tag, keys.zsk.tag}
    other = _of_another_algorithm(algorithm, used)
    free = (tag for tag in itertools.count(1) if tag not in used)
    first, second, third, *rest = _moduli()
    rivals = tuple(
        rsa_with_tag(modulus, ZSK_FLAGS, algorithm, keys.zsk.tag) for modulus in (first, second)
    )
    old = rsa_with_tag(third, KSK_FLAGS, algorithm, next(free))
    spare = tuple(rsa_with_tag(modulus, ZSK_FLAGS, algorithm, next(free)) for modulus in rest)
    return Keys(keys.ksk, keys.zsk, rivals, old, spare, other)


def _of_another_algorithm(algorithm: int, used: set[int]) -> tuple[Key, Key]:
    other = ED25519 if algorithm == P256 else P256
    return _another(KSK_FLAGS, other, used), _another(ZSK_FLAGS, other, used)


def _another(flags: int, algorithm: int, used: set[int]) -> Key:
    """A key whose tag is none of `used`, to which it is added."""
    while (key := make_key(flags, algorithm)).tag in used:
        pass
    used.add(key.tag)
    return key


@cache
def _trios(algorithm: int) -> tuple[tuple[Key, ...], ...]:
    """ZSKs with rivals, for all broken zones of one lab; two, since a KSK may have the tag too."""
    return same_tag_keys(3, algorithm), same_tag_keys(3, algorithm)


@cache
def _moduli() -> tuple[rsa.RSAPrivateKey, ...]:
    """What the broken RSA zones of one lab share; only healthy zones need keys of their own."""
    return tunable_rsa(3 + SPARE_RSA)
