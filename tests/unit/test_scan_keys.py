"""The scan's own reading of keys, against dnspython's signatures by every algorithm."""

from __future__ import annotations

import dns.dnssec
import dns.name
import dns.rrset
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from dns.dnssec import allow_all_policy
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.chain.verify import key_tag
from orchestrator.dns import wire
from orchestrator.scan.keys import key_of, keys_of
from orchestrator.scan.sound import Doubt, Ledger, Rrset

RSA = rsa.generate_private_key(65537, 2048)
PRIVATE = {
    5: RSA,
    7: RSA,
    8: RSA,
    10: RSA,
    13: ec.generate_private_key(ec.SECP256R1()),
    14: ec.generate_private_key(ec.SECP384R1()),
    15: ed25519.Ed25519PrivateKey.generate(),
    16: ed448.Ed448PrivateKey.generate(),
}
NOW = 1_800_000_000
ZONE = dns.name.from_text("de.")
DATA = dns.rrset.from_text("www.De.", 60, "IN", "A", "192.0.2.2", "192.0.2.1")


def signed(algorithm: int, **more: int) -> tuple[bytes, bytes]:
    """A DNSKEY record and a signature of its key over DATA, in canonical form."""
    private = PRIVATE[algorithm]
    dnskey = dns.dnssec.make_dnskey(private.public_key(), algorithm)  # type: ignore[arg-type]
    times = {"inception": NOW - 60, "expiration": NOW + 60, **more}
    made = dns.dnssec.sign(DATA, private, ZONE, dnskey, policy=allow_all_policy, **times)  # type: ignore[arg-type]
    return dnskey.to_wire() or b"", made.to_digestable()


def rrset(signature: bytes) -> Rrset:
    owner, rdatas = wire.to_name("www.de."), [rdata.to_digestable() for rdata in DATA]
    return Rrset(owner, wire.A, rdatas, [signature])


def checked(dnskey: bytes, signature: bytes) -> Ledger:
    ledger = Ledger(NOW)
    ledger.check(rrset(signature), keys_of(wire.to_name("de."), [key_of(dnskey)]))
    return ledger


@pytest.mark.parametrize("algorithm", PRIVATE)
def test_a_good_signature_by_every_algorithm(algorithm: int) -> None:
    ledger = checked(*signed(algorithm))
    assert (ledger.good, ledger.expires, ledger.newest) == (1, NOW + 60, NOW - 60)


@pytest.mark.parametrize("algorithm", PRIVATE)
def test_the_tag_is_dnspythons(algorithm: int) -> None:
    dnskey = dns.dnssec.make_dnskey(PRIVATE[algorithm].public_key(), algorithm)  # type: ignore[arg-type]
    assert key_of(dnskey.to_wire() or b"").tag == key_tag(dnskey)


@pytest.mark.parametrize("algorithm", PRIVATE)
@pytest.mark.parametrize("place", [18, -1, -40])
def test_one_bit_makes_it_bad(algorithm: int, place: int) -> None:
    dnskey, signature = signed(algorithm)
    changed = bytearray(signature)
    changed[place] ^= 1
    with pytest.raises(Doubt):
        checked(dnskey, bytes(changed))


@pytest.mark.parametrize("times", [{"expiration": NOW - 1}, {"inception": NOW + 1}])
def test_times_are_judged_last(times: dict[str, int]) -> None:
    with pytest.raises(Doubt) as caught:
        checked(*signed(13, **times))
    assert caught.value.late


@pytest.mark.parametrize("flags", [0, 128, 384])
def test_a_key_that_may_not_sign_zones(flags: int) -> None:
    dnskey, signature = signed(13)
    with pytest.raises(Doubt):
        checked(flags.to_bytes(2) + dnskey[2:], signature)


@pytest.mark.fuzz
@given(st.sampled_from(sorted(PRIVATE)), st.binary(max_size=300), st.binary(max_size=120))
def test_keys_and_signatures_of_any_bytes_raise_nothing(
    algorithm: int, public: bytes, signature: bytes
) -> None:
    key = key_of(b"\1\0\3" + bytes([algorithm]) + public)
    assert not key.verifies(b"data", signature)


def test_an_rsa_key_that_takes_too_long_is_not_used() -> None:
    key = key_of(b"\1\0\3\x08" + b"\3\1\0\1" + b"\xff" * 513)
    assert not key.verifies(b"data", b"\1" * 513)
