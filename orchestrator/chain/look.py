"""One answer of one server, judged by the keys of its zone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import dns.rcode
import dns.rdatatype
from dns.name import Name
from dns.rdatatype import DNAME, DNSKEY, NS, NSEC, NSEC3, SOA, RdataType
from dns.rdtypes.ANY.DS import DS
from dns.rrset import RRset

from orchestrator.chain.evidence import Sight
from orchestrator.chain.proofs import Denial, Proof, denial
from orchestrator.chain.trust import Entry, enter
from orchestrator.chain.verify import Fault, Keys, Signed, When, verify
from orchestrator.dns.message import Message, find, signatures
from orchestrator.model import Cause, State

DENIAL_RRSETS = 16  # looked at in one answer

Claim = Callable[[Denial], Proof]


@dataclass(frozen=True, slots=True)
class Look:
    """How one answer stands. `state` is None when the server gave none: `failure` says why.

    `good` and `bad` count RRsets whose signature held or not. `exists` is what the answer says of
    the name that was asked, `shows` what it showed of it, in the words of the matrix.
    """

    state: State | None
    faults: tuple[Fault, ...] = ()
    good: int = 0
    bad: int = 0
    expires: int | None = None
    failure: Cause | None = None
    detail: str = ""
    exists: bool | None = None
    shows: str = ""
    serial: int | None = None
    ds: RRset | None = None
    entry: Entry | None = None


@dataclass(frozen=True, slots=True)
class Trust:
    """What is known of a zone before its data is judged.

    `keys` None: nothing vouches for any key, all data is bogus; with `insecure`: the zone is
    provably unsigned and its data is not judged.
    """

    zone: Name
    keys: Keys | None
    insecure: bool = False


def failed(cause: Cause, detail: str) -> Look:
    return Look(None, failure=cause, detail=detail)


def lame(message: Message | None, zone: Name) -> Look | None:
    """Does the reply show that the server does not serve `zone` (RFC 9499)?"""
    if message is None:
        return failed(Cause.SERVER_LAME, "sends bytes that are no DNS message")
    if message.rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return failed(
            Cause.SERVER_LAME, f"answers {dns.rcode.to_text(dns.rcode.Rcode(message.rcode))}"
        )
    below = any(
        rrset.rdtype == NS and rrset.name.is_subdomain(zone) and rrset.name != zone
        for rrset in message.authority
    )
    if not message.authoritative and not message.answer and not below:
        return failed(Cause.SERVER_LAME, f"is not authoritative for {zone}")
    return None


def dnskey(message: Message | None, zone: Name, ds: Sequence[DS], when: When) -> Look:
    """The zone's keys, as this server shows them, judged by the DS records `ds`."""
    sick = lame(message, zone)
    if sick or message is None:
        return sick or failed(Cause.SERVER_LAME, "")
    keys = find(message.answer, zone, DNSKEY)
    entry = enter(zone, ds, keys, signatures(message.answer, zone, DNSKEY), when)
    if entry.insecure:
        return Look(State.INSECURE, _some(entry.fault), entry=entry, exists=keys is not None)
    bad = int(entry.fault is not None)
    return Look(
        State.BOGUS if bad else State.SECURE,
        _some(entry.fault),
        good=1 - bad,
        bad=bad,
        expires=entry.expires,
        exists=keys is not None,
        shows="DNSKEY",
        entry=entry,
    )


def data(message: Message | None, trust: Trust, rdtype: RdataType, when: When) -> Look:
    """An RRset that every zone has at its apex: SOA or NS."""
    sick = lame(message, trust.zone)
    if sick or message is None:
        return sick or failed(Cause.SERVER_LAME, "")
    rrset = find(message.answer, trust.zone, rdtype)
    if rrset is None:
        kind = dns.rdatatype.to_text(rdtype)
        return failed(Cause.SERVER_LAME, f"has no {kind} of {trust.zone}")
    tally = _Tally(message, trust, when)
    tally.check(message.answer, rrset)
    serial = rrset[0].serial if rdtype == SOA else None
    return tally.look(shows=dns.rdatatype.to_text(rdtype), serial=serial)


def name(message: Message | None, trust: Trust, asked: Name, rdtype: RdataType, when: When) -> Look:
    """Any name below the apex: there, delegated, without the type, or not there."""
    sick = lame(message, trust.zone)
    if sick or message is None:
        return sick or failed(Cause.SERVER_LAME, "")
    tally = _Tally(message, trust, when)
    if message.answer:
        return _positive(tally, asked, rdtype)
    soa = next((rrset for rrset in message.authority if rrset.rdtype == SOA), None)
    if soa is not None and soa.name != trust.zone:
        return failed(Cause.SERVER_LAME, f"answers for {soa.name} instead of {trust.zone}")
    cut = _cut(message, trust.zone, asked)
    if soa is None and cut is not None:
        return _referral(tally, cut)
    return _negative(tally, asked, rdtype, soa)


def _cut(message: Message, zone: Name, asked: Name) -> Name | None:
    for rrset in message.authority:
        if rrset.rdtype == NS and rrset.name != zone and asked.is_subdomain(rrset.name):
            return rrset.name
    return None


def _positive(tally: _Tally, asked: Name, rdtype: RdataType) -> Look:
    message, zone = tally.message, tally.trust.zone
    synthesized = [rrset.name for rrset in message.answer if rrset.rdtype == DNAME]
    for rrset in message.answer:
        ours = rrset.name.is_subdomain(zone) and rrset.rdtype != dns.rdatatype.RRSIG
        from_dname = rrset.rdtype == dns.rdatatype.CNAME and any(
            rrset.name.is_subdomain(owner) for owner in synthesized
        )
        if ours and not from_dname:
            signed = tally.check(message.answer, rrset)
            if signed and signed.source is not None:
                tally.prove(_expansion(rrset.name, signed.source), rrset.name)
    ds = find(message.answer, asked, dns.rdatatype.DS)
    shows = "child DS" if rdtype == dns.rdatatype.DS else dns.rdatatype.to_text(rdtype)
    return tally.look(exists=True, shows=shows, ds=ds)


def _expansion(name: Name, source: Name) -> Claim:
    return lambda records: records.expansion(name, source)


def _referral(tally: _Tally, cut: Name) -> Look:
    """A delegation below: with DS, or with the proof that there is none (RFC 4035 3.1.4)."""
    ds = find(tally.message.authority, cut, dns.rdatatype.DS)
    if ds is not None:
        tally.check(tally.message.authority, ds)
        return tally.look(exists=True, shows="child DS", ds=ds)
    tally.prove(lambda d: d.unsigned_cut(cut), cut)
    return tally.look(exists=True, shows="no DS")


def _negative(tally: _Tally, asked: Name, rdtype: RdataType, soa: RRset | None) -> Look:
    if soa is not None:
        tally.check(tally.message.authority, soa)
    if tally.message.rcode == dns.rcode.NXDOMAIN:
        tally.prove(lambda d: d.nxdomain(asked), asked)
        return tally.look(exists=False, shows="NXDOMAIN")
    tally.prove(lambda d: d.nodata(asked, rdtype), asked)
    return tally.look(exists=True, shows="no DS" if rdtype == dns.rdatatype.DS else "NODATA")


@dataclass
class _Tally:
    """Adds up what the RRsets of one answer are worth."""

    message: Message
    trust: Trust
    when: When
    faults: list[Fault] = field(default_factory=list)
    good: int = 0
    bad: int = 0
    insecure: bool = False
    expires: int | None = None

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
        if signed.expires is not None:
            self.expires = min(self.expires or signed.expires, signed.expires)
        if signed.fault is None:
            self.good += 1
            return signed
        self.bad += 1
        self.faults.append(self._malformed(signed.fault))
        return None

    def _malformed(self, fault: Fault) -> Fault:
        """A signature that could not even be read looks like none."""
        if fault.cause is Cause.RRSIG_MISSING and self.message.faults:
            return Fault(Cause.RRSIG_MALFORMED, fault.rrset, fault.owner, "cannot be read")
        return fault

    def prove(self, claim: Claim, owner: Name) -> None:
        """Check the denial records, then whether they add up to `claim`."""
        if self.trust.insecure:
            return
        records = [r for r in self.message.authority if r.rdtype in (NSEC, NSEC3)][:DENIAL_RRSETS]
        before = self.bad
        signed = [(rrset, self.check(self.message.authority, rrset)) for rrset in records]
        if self.trust.keys is None:
            self.bad += 1
        if self.bad > before:
            return
        sound = [rrset for rrset, one in signed if one and one.source is None]
        if not sound:
            self._deny(Cause.DENIAL_MISSING, "NSEC", owner, "no NSEC or NSEC3 came with the answer")
            return
        proof = claim(denial(self.trust.zone, sound))
        self.insecure |= proof.insecure and proof.cause is not None
        if proof.cause:
            kind = dns.rdatatype.to_text(sound[0].rdtype)
            self._deny(proof.cause, kind, owner, proof.detail, bad=not proof.insecure)

    def _deny(
        self, cause: Cause, rrset: str, owner: Name, detail: str, *, bad: bool = True
    ) -> None:
        self.bad += bad
        self.faults.append(Fault(cause, rrset, owner.to_text(), detail))

    def look(
        self,
        *,
        shows: str,
        exists: bool | None = None,
        serial: int | None = None,
        ds: RRset | None = None,
    ) -> Look:
        state = State.SECURE
        if self.bad:
            state = State.BOGUS
        elif self.insecure or self.trust.insecure:
            state = State.INSECURE
        faults = tuple(self.faults)
        return Look(
            state, faults, self.good, self.bad, self.expires,
            exists=exists, shows=shows, serial=serial, ds=ds,
        )  # fmt: skip


def _some(fault: Fault | None) -> tuple[Fault, ...]:
    return (fault,) if fault else ()


@dataclass(frozen=True, slots=True)
class Judged:
    """One sight and what it is worth."""

    sight: Sight
    look: Look

    @property
    def bogus(self) -> bool:
        return self.look.state is State.BOGUS

    @property
    def column(self) -> str:
        """Its field in the matrix; a look without an answer stands where one was expected."""
        expected = {"denial": "NXDOMAIN", "child": "no DS", "ds": "DS"}
        if self.sight.purpose in ("denial", "child") and self.look.shows:
            return self.look.shows
        return expected.get(self.sight.purpose, self.sight.type)
