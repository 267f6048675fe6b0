"""One answer of one server, read quickly: sound, or a doubt."""

from __future__ import annotations

from typing import NamedTuple

from orchestrator.chain.tally import DENIAL_RRSETS
from orchestrator.dns import wire
from orchestrator.dns.wire import AA, DNSKEY, DS, NOERROR, NS, NSEC, NSEC3, NXDOMAIN, SOA, Message
from orchestrator.scan import denial
from orchestrator.scan.denial import Nsec3
from orchestrator.scan.keys import Keys
from orchestrator.scan.sound import Doubt, Ledger, Rrset, enter, rrsets


class Shown(NamedTuple):
    """What an answer about a name shows: whether it exists, and the records that deny it."""

    exists: bool
    proof: denial.Nsec | Nsec3 | None = None


def served(data: bytes, zone: bytes, sections: int) -> Message:
    """A message in which a server speaks for `zone`, as far as it is needed. Raises Doubt."""
    message = wire.read(data, sections)
    if message is None or message.malformed:
        raise Doubt("bytes that are no DNS message")
    if message.rcode not in {NOERROR, NXDOMAIN}:
        raise Doubt(f"rcode {message.rcode}")
    if not message.flags & AA:
        raise Doubt(f"not authoritative for {wire.to_text(zone)}")
    return message


def dnskey(
    data: bytes, zone: bytes, ds: list[bytes], ledger: Ledger
) -> tuple[Keys, frozenset[bytes]]:
    """The zone's keys by its DS, and the DNSKEY records as they are. Raises Doubt."""
    message = served(data, zone, 1)
    shown = rrsets(message.answer).get((zone, DNSKEY))
    keys = enter(zone, ds, shown, ledger)
    return keys, frozenset(shown.rdatas if shown else ())


def soa(data: bytes, zone: bytes) -> None:
    """The SOA of a zone that is not signed. Raises Doubt."""
    if (zone, SOA) not in rrsets(served(data, zone, 1).answer):
        raise Doubt("no SOA in the answer")


def name(data: bytes, asked: bytes, rdtype: int, keys: Keys, ledger: Ledger) -> Shown:
    """A name below the apex: its DS, or the proof that it, or the type, is not. Raises Doubt."""
    message = served(data, keys.zone, 2)
    if message.answer:
        found = rrsets(message.answer)
        if rdtype != DS or set(found) != {(asked, DS)}:
            raise Doubt(f"{wire.to_text(asked)} is there, or an alias or a wildcard")
        ledger.check(found[asked, DS], keys)
        return Shown(exists=True)
    proof = _proof(message, keys, ledger)
    if message.rcode == NXDOMAIN:
        proof.nxdomain(asked)
        return Shown(exists=False, proof=proof)
    proof.nodata(asked, rdtype)
    return Shown(exists=True, proof=proof)


def _proof(message: Message, keys: Keys, ledger: Ledger) -> denial.Nsec | Nsec3:
    """The denial records of an answer, after all of them and the SOA were verified."""
    found = rrsets(message.authority)
    ledger.check(found.get((keys.zone, SOA)), keys)
    denials = [rrset for rrset in found.values() if rrset.rdtype in {NSEC, NSEC3}]
    if len(denials) > DENIAL_RRSETS or any(rrset.rdtype == NS for rrset in found.values()):
        raise Doubt("a denial of an unusual kind")
    for rrset in denials:
        ledger.check(rrset, keys)
    proof = denial.records(keys.zone, denials)
    if proof.iterations > ledger.policy.nsec3_iterations:
        raise Doubt(f"NSEC3 with {proof.iterations} iterations")
    return proof


def word(rrset: Rrset, child: bytes, parent: Keys, ledger: Ledger) -> list[bytes]:
    """The child's DS by its parent's word: DS records, or the NSEC that it has none.

    Raises Doubt, also when the parent's NSEC shows no delegation.
    """
    ledger.check(rrset, parent)
    if rrset.rdtype == DS:
        return rrset.rdatas
    nsec = rrset.rdatas[0]
    types = wire.types(nsec[wire.name_size(nsec) :])
    if (
        len(rrset.rdatas) > 1
        or types is None
        or rrset.owner != child
        or NS not in types
        or {DS, SOA} & types
    ):
        raise Doubt("no proof that it is delegated without DS")
    return []
