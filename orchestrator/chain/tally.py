"""What the RRsets of one answer are worth, added up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import dns.rdatatype
from dns.name import Name
from dns.rdatatype import NSEC, NSEC3
from dns.rrset import RRset

from orchestrator.chain.proofs import Denial, Proof, denial
from orchestrator.chain.verify import Fault, Keys, Signed, When, verify
from orchestrator.dns.message import Message, signatures
from orchestrator.model import Cause

DENIAL_RRSETS = 16  # looked at in one answer

Claim = Callable[[Denial], Proof]


@dataclass(frozen=True, slots=True)
class Trust:
    """What is known of a zone before its data is judged.

    `keys` None: nothing vouches for any key, all data is bogus; with `insecure`: the zone is
    provably unsigned and its data is not judged.
    """

    zone: Name
    keys: Keys | None
    insecure: bool = False


@dataclass
class Tally:
    """Adds up one answer. `expires` is the first end, `inception` the last beginning, verified.

    `opted_out`: a denial rests on an opt-out span, which is whole and yet leaves the answer
    insecure (RFC 5155 section 9.2).
    """

    message: Message
    trust: Trust
    when: When
    faults: list[Fault] = field(default_factory=list)
    good: int = 0
    bad: int = 0
    insecure: bool = False
    opted_out: bool = False
    expires: int | None = None
    inception: int | None = None
    _denial: tuple[Denial | None, str] | None = None

    def __post_init__(self) -> None:
        self.when.begin()

    def check(self, section: tuple[RRset, ...], rrset: RRset) -> Signed | None:
        """Verify one RRset and count it; None when it does not stand."""
        if self.trust.insecure:
            return None
        if self.trust.keys is None:
            self.bad += 1
            return None
        signed = verify(
            rrset, signatures(section, rrset.name, rrset.rdtype), self.trust.keys, self.when
        )
        self._remember(signed)
        if signed.fault is None:
            self.good += 1
            return signed
        self.bad += 1
        self.faults.append(self._malformed(signed.fault))
        return None

    def _remember(self, signed: Signed) -> None:
        if signed.expires is not None:
            self.expires = min(self.expires or signed.expires, signed.expires)
        if signed.inception is not None:
            self.inception = max(self.inception or signed.inception, signed.inception)

    def _malformed(self, fault: Fault) -> Fault:
        """A signature that could not even be read looks like none."""
        if fault.cause is Cause.RRSIG_MISSING and self.message.faults:
            return Fault(Cause.RRSIG_MALFORMED, fault.rrset, fault.owner, "cannot be read")
        return fault

    def answer(self, rrset: RRset) -> Signed | None:
        """An RRset of the answer: its signature, and when it is a wildcard's, its proof."""
        signed = self.check(self.message.answer, rrset)
        if signed and signed.source is not None:
            self.prove(_expansion(rrset.name, signed.source), rrset.name)
        return signed

    def prove(self, claim: Claim, owner: Name) -> None:
        """Count whether the denial records of this answer add up to `claim`."""
        if self.trust.insecure:
            return
        records, kind = self._records()
        if records is None and kind:
            return
        if records is None:
            self._deny(Cause.DENIAL_MISSING, "NSEC", owner, "no NSEC or NSEC3 came with the answer")
            return
        proof = claim(records)
        self.insecure |= proof.insecure and proof.cause is not None
        self.opted_out |= proof.insecure and proof.cause is None
        if proof.cause:
            self._deny(proof.cause, kind, owner, proof.detail, bad=not proof.insecure)

    def unsigned(self, cut: Name) -> bool:
        """Is it proven that `cut` is delegated and has no DS, or may one not look (RFC 9276)?"""
        records = None if self.trust.insecure else self._records()[0]
        proof = records.unsigned_cut(cut) if records else None
        return proof is not None and (proof.cause is None or proof.insecure)

    def cut_off(self, name: Name) -> bool:
        """Do records of their own prove an unsigned delegation at or above `name`?"""
        records = None if self.trust.insecure else self._records()[0]
        depths = range(len(name), len(self.trust.zone), -1)
        proofs = (records.unsigned_cut(name.split(depth)[1]) for depth in depths if records)
        return any(proof.cause is None and not proof.insecure for proof in proofs)

    def _records(self) -> tuple[Denial | None, str]:
        """The denial records that stand, and their type; None with a type when some do not."""
        if self._denial is None:
            self._denial = self._verified()
        return self._denial

    def _verified(self) -> tuple[Denial | None, str]:
        shown = [r for r in self.message.authority if r.rdtype in (NSEC, NSEC3)]
        found = ([r for r in shown if self._ours(r)] or shown)[:DENIAL_RRSETS]
        before = self.bad
        signed = [(rrset, self.check(self.message.authority, rrset)) for rrset in found]
        if self.trust.keys is None:
            self.bad += 1
        if self.bad > before:
            return None, "NSEC"
        # RFC 4035 section 5.3.4: a denial record is never a wildcard's.
        sound = [rrset for rrset, one in signed if one and one.source is None]
        if not sound:
            return None, ""
        most = self.when.policy.nsec3_iterations
        return denial(self.trust.zone, sound, most), dns.rdatatype.to_text(sound[0].rdtype)

    def _ours(self, rrset: RRset) -> bool:
        """Unsigned, or signed by the zone: one server may show denials of several zones."""
        found = signatures(self.message.authority, rrset.name, rrset.rdtype)
        return found is None or any(record.signer == self.trust.zone for record in found)

    def _deny(
        self, cause: Cause, rrset: str, owner: Name, detail: str, *, bad: bool = True
    ) -> None:
        self.bad += bad
        self.faults.append(Fault(cause, rrset, owner.to_text(), detail))


def _expansion(name: Name, source: Name) -> Claim:
    return lambda records: records.expansion(name, source)
