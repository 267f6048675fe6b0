"""One answer to one question, judged by the zones whose data it holds (RFC 4035 section 5).

What the answer has of the name decides: the RRset, an alias, or a denial. Each RRset is judged by
the zone that signs it, which has to be the zone that the name is in; an answer without signatures
is only right where it is proven that the zone is unsigned.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import dns.name
import dns.rcode
import dns.rdatatype
from dns.name import Name
from dns.rdatatype import ANY, CNAME, DNAME, DS, NSEC, NSEC3, RRSIG, SOA, RdataType
from dns.rrset import RRset

from orchestrator.chain.iterate import Heard
from orchestrator.chain.links import (
    GOOD,
    Blame,
    Judged,
    Links,
    Standing,
    moved,
    signers,
    summed,
    unanswered,
)
from orchestrator.chain.proofs import Denial, Proof
from orchestrator.chain.tally import Claim, Tally, Trust
from orchestrator.chain.verify import Fault
from orchestrator.chain.walk import Steps
from orchestrator.dns.message import Message, Section, find, signatures
from orchestrator.model import Cause, State

WORST = (State.BOGUS, State.INDETERMINATE, State.INSECURE, State.SECURE)
SIGNERS = 3  # zones that may have signed one RRset


@dataclass(frozen=True, slots=True)
class Answers:
    """Judges answers; what zones are worth is looked up in `links`."""

    links: Links

    def ask(self, name: Name, rdtype: RdataType) -> Steps[tuple[Judged, Heard | None]]:
        """What the servers have of `name`: the first that is good, else what is wrong with it."""
        last: list[Heard] = []

        def judge(heard: Heard) -> Steps[Judged]:
            last.append(heard)
            return (yield from self.judge(heard, name, rdtype))

        search = self.links.iteration.search(name, rdtype)
        kind = dns.rdatatype.to_text(rdtype)
        judged = yield from self.links.settle(search, kind, judge)
        if judged is None:
            return unanswered(search, name, name, kind), None
        return judged, last[-1] if judged.state in GOOD else last[0]

    def judge(self, heard: Heard, name: Name, rdtype: RdataType) -> Steps[Judged]:
        """What one answer has of `name`."""
        message = heard.message
        found = wanted(message, name, rdtype)
        if found and message.rcode == dns.rcode.NXDOMAIN:
            return (yield from self._unsigned(name, rdtype, _contradicts_its_rcode(name)))
        if found:
            judged = yield from self._all(heard, *found)
            return replace(judged, shows=dns.rdatatype.to_text(rdtype))
        dname = _dname(message.answer, name)
        if dname is not None:
            return (yield from self._moved(heard, name, dname))
        cname = find(message.answer, name, CNAME)
        if cname is not None:
            judged = yield from self._all(heard, message.answer, [cname])
            return replace(judged, shows="CNAME", target=cname[0].target)
        return (yield from self._absent(heard, name, rdtype))

    def _all(self, heard: Heard, section: Section, rrsets: Sequence[RRset]) -> Steps[Judged]:
        """Several RRsets of one name: the worst of them."""
        judged: list[Judged] = []
        for rrset in rrsets:
            judged += [(yield from self._rrset(heard, section, rrset))]
        return min(judged, key=lambda one: WORST.index(one.state))

    def _rrset(self, heard: Heard, section: Section, rrset: RRset) -> Steps[Judged]:
        """One RRset, by any zone that may have signed it."""
        if rrset.rdtype == RRSIG:
            return _no_signature_on_signatures(rrset)
        found = signers(section, rrset)
        zones = yield from self._zones(heard, rrset.name, rrset.rdtype, found)
        judged = [self._by(zone, heard.message, section, rrset) for zone in zones]
        if judged:
            return next((one for one in judged if one.state in GOOD), judged[0])
        fault = _missing(heard, section, rrset)
        return (yield from self._unsigned(rrset.name, rrset.rdtype, fault))

    def _by(self, standing: Standing, message: Message, section: Section, rrset: RRset) -> Judged:
        if standing.state is not State.SECURE:
            return standing.judged()
        # Data under a name that is no zone of its own is judged, and fails, by the zone around it.
        tally = Tally(message, Trust(standing.zone, standing.keys), self.links.when)
        if section is message.answer:
            tally.answer(rrset)
        else:
            tally.check(section, rrset)
        return summed(tally, "")

    def _zones(
        self, heard: Heard, name: Name, rdtype: RdataType, found: Iterable[Name]
    ) -> Steps[list[Standing]]:
        """How the signers stand that may hold `name`: not below it, and not above its zone.

        One above the nearest anchor may prove that the anchor's zone is gone, and no more.
        """
        holder = _holder(name, rdtype)
        anchor = self.links.anchor(holder)
        cut = heard.place.zone if holder.is_subdomain(heard.place.zone) else dns.name.root
        fitting = [s for s in found if holder.is_subdomain(s) and s.is_subdomain(cut)]
        zones = []
        for signer in fitting[:SIGNERS]:
            standing = yield from self.links.of(signer)
            below = anchor is None or signer.is_subdomain(anchor)
            gone = heard.message.rcode == dns.rcode.NXDOMAIN and not heard.message.answer
            if below or (gone and standing.state is State.SECURE):
                zones.append(standing)
        return zones

    def _unsigned(self, name: Name, rdtype: RdataType, fault: Fault) -> Steps[Judged]:
        """Nothing that could prove it came along: right only in an unsigned zone."""
        standing = yield from self.links.of(_holder(name, rdtype))
        if standing.state is not State.SECURE:
            return standing.judged()
        return Judged(State.BOGUS, standing.zone, (Blame(fault),), bad=1)

    def _moved(self, heard: Heard, name: Name, dname: RRset) -> Steps[Judged]:
        """Under a DNAME; the CNAME beside it has no signature (RFC 6672 section 3.4)."""
        judged = yield from self._all(heard, heard.message.answer, [dname])
        target = moved(name, dname)
        judged = replace(judged, shows="DNAME", target=target)
        if target is None and judged.state is State.SECURE:
            return replace(judged, state=State.INSECURE)  # YXDOMAIN: Unbound vouches for none
        cname = find(heard.message.answer, name, CNAME)
        if cname is None or target is None or cname[0].target == target:
            return judged
        detail = f"is not what the DNAME of {dname.name} makes; resolvers make their own"
        fault = Fault(Cause.RRSIG_INVALID, "CNAME", name.to_text(), detail)
        return replace(judged, blames=(*judged.blames, Blame(fault)))

    def _absent(self, heard: Heard, name: Name, rdtype: RdataType) -> Steps[Judged]:
        """A denial, by the zone that signs it."""
        message = heard.message
        zones = yield from self._zones(heard, name, rdtype, _deniers(message))
        if not zones:
            detail = "no signed proof of it came with the answer"
            fault = Fault(Cause.DENIAL_MISSING, "NSEC", name.to_text(), detail)
            judged = yield from self._unsigned(name, rdtype, fault)
            return replace(judged, shows=_shows(message))
        if zones[0].state is not State.SECURE:
            return replace(zones[0].judged(), shows=_shows(message))
        trust = Trust(zones[0].zone, zones[0].keys)

        def nodata(denial: Denial) -> Proof:
            return denial.nodata(name, rdtype)

        if message.rcode != dns.rcode.NXDOMAIN:
            return self._proven(message, trust, name, rdtype, nodata)
        gone = self._proven(message, trust, name, rdtype, lambda denial: denial.nxdomain(name))
        if gone.state in GOOD or any(rrset.rdtype == NSEC3 for rrset in message.authority):
            return gone
        there = self._proven(message, trust, name, rdtype, nodata)
        return _in_spite_of_its_rcode(there, name) if there.state in GOOD else gone

    def _proven(
        self, message: Message, trust: Trust, name: Name, rdtype: RdataType, claim: Claim
    ) -> Judged:
        """Do the records add up to `claim`, or show that the name is below an unsigned cut?"""
        tally = Tally(message, trust, self.links.when)
        for soa in (rrset for rrset in message.authority if rrset.rdtype == SOA):
            tally.check(message.authority, soa)
        if tally.cut_off(_holder(name, rdtype)) and not tally.bad:
            return replace(summed(tally, _shows(message)), state=State.INSECURE)
        tally.prove(claim, name)
        if fault := _over_nothing(message):
            tally.bad += 1
            tally.faults.append(fault)
        return summed(tally, _shows(message))


def _shows(message: Message) -> str:
    return "NXDOMAIN" if message.rcode == dns.rcode.NXDOMAIN else "NODATA"


def _contradicts_its_rcode(name: Name) -> Fault:
    detail = "the rcode is NXDOMAIN, and the answer has the name: resolvers take neither"
    return Fault(Cause.DENIAL_INVALID, "NSEC", name.to_text(), detail)


def _over_nothing(message: Message) -> Fault | None:
    """A denial's signature without the RRset: something was taken out."""
    kept = {(rrset.name, rrset.rdtype) for rrset in message.authority}
    for rrset in message.authority:
        if rrset.covers in (SOA, NSEC, NSEC3) and (rrset.name, rrset.covers) not in kept:
            kind, owner = dns.rdatatype.to_text(rrset.covers), rrset.name.to_text()
            return Fault(Cause.DENIAL_INVALID, kind, owner, "its signature came without it")
    return None


def _in_spite_of_its_rcode(judged: Judged, name: Name) -> Judged:
    """NXDOMAIN, and a whole proof of NODATA: nobody signs an rcode, and Unbound lets it pass."""
    detail = "the rcode is NXDOMAIN, the proof says NODATA: Unbound takes it, BIND refuses"
    fault = Fault(Cause.DENIAL_INVALID, "NSEC", name.to_text(), detail)
    return replace(judged, shows="NODATA", blames=(*judged.blames, Blame(fault)))


def _holder(name: Name, rdtype: RdataType) -> Name:
    """The name whose zone holds the data: a DS is its parent's (RFC 4034 section 5)."""
    return name.parent() if rdtype == DS and name != dns.name.root else name


def wanted(message: Message, name: Name, rdtype: RdataType) -> tuple[Section, list[RRset]] | None:
    """The RRsets asked for, and the section they are in; a referral's DS is in the authority."""
    sections = (message.answer, message.authority) if rdtype == DS else (message.answer,)
    for section in sections:
        own = [rrset for rrset in section if rrset.name == name]
        if rdtype == RRSIG:
            found = [rrset for rrset in own if rrset.rdtype == RRSIG]
        elif rdtype == ANY:
            found = [rrset for rrset in own if rrset.rdtype != RRSIG]
        else:
            found = [rrset for rrset in own if rrset.rdtype == rdtype]
        if found:
            return section, found
    return None


def goes_on(message: Message, name: Name, rdtype: RdataType) -> bool:
    """Does an answer say more of `name`: have its RRset, lead on from it, or deny it?"""
    if any(r.rdtype == SOA and name.is_subdomain(r.name) for r in message.authority):
        return True
    if wanted(message, name, rdtype) or _dname(message.answer, name) is not None:
        return True
    return find(message.answer, name, CNAME) is not None


def _dname(answer: Section, name: Name) -> RRset | None:
    return next(
        (r for r in answer if r.rdtype == DNAME and name.is_subdomain(r.name) and name != r.name),
        None,
    )


def _deniers(message: Message) -> list[Name]:
    """The zones that sign denial records of an answer, deepest first."""
    records = [rrset for rrset in message.authority if rrset.rdtype in (NSEC, NSEC3)]
    found = {signer for rrset in records for signer in signers(message.authority, rrset)}
    return sorted(found, key=len, reverse=True)


def _missing(heard: Heard, section: Section, rrset: RRset) -> Fault:
    """No signature of a zone that may have signed it."""
    kind = dns.rdatatype.to_text(rrset.rdtype)
    made = signatures(section, rrset.name, rrset.rdtype)
    if made is None:
        if heard.message.faults:
            return Fault(Cause.RRSIG_MALFORMED, kind, rrset.name.to_text(), "cannot be read")
        detail = "no signature over it came with the answer"
        return Fault(Cause.RRSIG_MISSING, kind, rrset.name.to_text(), detail)
    detail = f"signed by {made[0].signer}, which is not the zone it is in"
    return Fault(Cause.RRSIG_INVALID, kind, rrset.name.to_text(), detail, made[0].key_tag)


def _no_signature_on_signatures(rrset: RRset) -> Judged:
    return Judged(State.INSECURE, rrset.name, shows="RRSIG")
