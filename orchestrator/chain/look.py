"""One answer of one server, judged by the keys of its zone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import dns.rcode
import dns.rdatatype
from dns.name import Name, NameTooLong
from dns.rdatatype import CNAME, DNAME, DNSKEY, NS, RRSIG, SOA, RdataType
from dns.rdtypes.ANY.DS import DS
from dns.rrset import RRset

from orchestrator.chain.evidence import Sight
from orchestrator.chain.tally import Tally, Trust
from orchestrator.chain.trust import Entry, enter
from orchestrator.chain.verify import Fault, Signed, When
from orchestrator.dns.message import Message, find, signatures
from orchestrator.model import Cause, State

ALIASES = 8  # CNAME and DNAME records followed in one answer


@dataclass(frozen=True, slots=True)
class Look:
    """How one answer stands. `state` is None when the server gave none: `failure` says why.

    `good` and `bad` count RRsets whose signature held or not; `expires` and `inception` are the
    first end and the last beginning among signatures that verified, in time or not. `exists` is
    what the answer says of the name that was asked, `shows` what it showed of it, in the words of
    the matrix. `ds` is that of the name itself; `no_ds`: a delegation, proven to have none.
    `against`: good by the keys of its own server, bogus by those of these. `unjudged`: an answer
    came, and no keys to judge it by.
    """

    state: State | None
    faults: tuple[Fault, ...] = ()
    good: int = 0
    bad: int = 0
    expires: int | None = None
    inception: int | None = None
    failure: Cause | None = None
    detail: str = ""
    exists: bool | None = None
    shows: str = ""
    serial: int | None = None
    ds: RRset | None = None
    no_ds: bool = False
    entry: Entry | None = None
    against: tuple[str, ...] = ()
    unjudged: bool = False


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
    if _refers_up(message, zone):
        return failed(Cause.SERVER_LAME, f"refers upward, away from {zone}")
    return None


def _refers_up(message: Message, zone: Name) -> bool:
    """Nothing of the zone, only NS of a zone above it: some servers set AA on that too."""
    up = any(
        rrset.rdtype == NS and zone.is_subdomain(rrset.name) and rrset.name != zone
        for rrset in message.authority
    )
    return up and not message.answer and not any(r.rdtype == SOA for r in message.authority)


def dnskey(message: Message | None, zone: Name, ds: Sequence[DS], when: When) -> Look:
    """The zone's keys, as this server shows them, judged by the DS records `ds`."""
    sick = lame(message, zone)
    if sick or message is None:
        return sick or failed(Cause.SERVER_LAME, "")
    when.begin()
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
        inception=entry.inception,
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
    tally = Tally(message, trust, when)
    tally.check(message.answer, rrset)
    serial = rrset[0].serial if rdtype == SOA else None
    return _look(tally, shows=dns.rdatatype.to_text(rdtype), serial=serial)


def name(message: Message | None, trust: Trust, asked: Name, rdtype: RdataType, when: When) -> Look:
    """Any name below the apex: there, delegated, without the type, or not there."""
    sick = lame(message, trust.zone)
    if sick or message is None:
        return sick or failed(Cause.SERVER_LAME, "")
    tally = Tally(message, trust, when)
    end = _chase(tally, asked, rdtype)
    if end.found is not None:
        return _there(tally, end, asked, rdtype)
    if end.name == asked:
        child = _child(tally, asked)
        if child is not None:
            return failed(Cause.SERVER_LAME, f"answers for {child} instead of {trust.zone}")
        return _absent(tally, asked, rdtype)
    if any(rrset.rdtype == SOA and rrset.name == trust.zone for rrset in message.authority):
        return replace(_absent(tally, end.name, rdtype), exists=True, ds=None, no_ds=False)
    # The alias stands; where it leads, a validator asks again.
    return _look(tally, exists=True, shows="CNAME" if rdtype != RdataType.DS else "no DS")


@dataclass(frozen=True, slots=True)
class _End:
    """Where the aliases of an answer lead, and what the answer has of the type there."""

    name: Name
    found: RRset | None = None
    signed: Signed | None = None


def _chase(tally: Tally, asked: Name, rdtype: RdataType) -> _End:
    """Follow `asked` through the answer, counting what lies on the way and nothing else.

    RRsets that are not on it answer another question, however well they are signed.
    """
    name, zone = asked, tally.trust.zone
    for _ in range(ALIASES):
        if not name.is_subdomain(zone) or _child(tally, name) is not None:
            break
        found = find(tally.message.answer, name, rdtype)
        if found is not None:
            return _End(name, found, tally.answer(found))
        target = _alias(tally, name)
        if target is None:
            break
        name = target
    return _End(name)


def _child(tally: Tally, name: Name) -> Name | None:
    """The zone below that signed what the answer has of `name`: one server may hold both."""
    zone = tally.trust.zone
    signers = [
        rdata.signer
        for rrset in tally.message.answer
        if rrset.rdtype == RRSIG and rrset.name == name
        for rdata in rrset
    ]
    below = [s for s in signers if s != zone and s.is_subdomain(zone) and name.is_subdomain(s)]
    return below[0] if below and len(below) == len(signers) else None


def _alias(tally: Tally, name: Name) -> Name | None:
    """Where the answer's DNAME or CNAME takes `name` (RFC 6672 section 3.1), counted."""
    above = (
        rrset
        for rrset in tally.message.answer
        if rrset.rdtype == DNAME and name.is_subdomain(rrset.name) and name != rrset.name
    )
    dname = next((rrset for rrset in above if rrset.name.is_subdomain(tally.trust.zone)), None)
    if dname is not None:  # the CNAME beside it is synthesized and has no signature
        tally.answer(dname)
        return _moved(name, dname)
    cname = find(tally.message.answer, name, CNAME)
    if cname is None:
        return None
    tally.answer(cname)
    target: Name = cname[0].target
    return target


def _moved(name: Name, dname: RRset) -> Name | None:
    try:
        return name.relativize(dname.name).derelativize(dname[0].target)
    except NameTooLong:
        return None


def _there(tally: Tally, end: _End, asked: Name, rdtype: RdataType) -> Look:
    shows = "child DS" if rdtype == RdataType.DS else dns.rdatatype.to_text(rdtype)
    # A DS that a wildcard gave, or an alias led to, is not that of a delegation.
    own = end.name == asked and (end.signed is None or end.signed.source is None)
    return _look(
        tally, exists=True, shows=shows, ds=end.found if own and rdtype == RdataType.DS else None
    )


def _absent(tally: Tally, asked: Name, rdtype: RdataType) -> Look:
    """The answer has nothing of the type: a referral, or a denial."""
    message, zone = tally.message, tally.trust.zone
    soa = next((rrset for rrset in message.authority if rrset.rdtype == SOA), None)
    if soa is not None and soa.name != zone:
        return failed(Cause.SERVER_LAME, f"answers for {soa.name} instead of {zone}")
    cut = _cut(message, zone, asked)
    if soa is None and cut is not None:
        return _referral(tally, cut, asked)
    return _negative(tally, asked, rdtype, soa)


def _cut(message: Message, zone: Name, asked: Name) -> Name | None:
    for rrset in message.authority:
        below = rrset.name != zone and rrset.name.is_subdomain(zone)
        if rrset.rdtype == NS and below and asked.is_subdomain(rrset.name):
            return rrset.name
    return None


def _referral(tally: Tally, cut: Name, asked: Name) -> Look:
    """A delegation below: with DS, or with the proof that there is none (RFC 4035 3.1.4)."""
    ds = find(tally.message.authority, cut, RdataType.DS)
    if ds is not None:
        tally.check(tally.message.authority, ds)
        return _look(tally, exists=True, shows="child DS", ds=ds if cut == asked else None)
    tally.prove(lambda d: d.unsigned_cut(cut), cut)
    return _look(tally, exists=True, shows="no DS", no_ds=cut == asked)


def _negative(tally: Tally, asked: Name, rdtype: RdataType, soa: RRset | None) -> Look:
    if soa is not None:
        tally.check(tally.message.authority, soa)
    if tally.message.rcode == dns.rcode.NXDOMAIN:
        tally.prove(lambda d: d.nxdomain(asked), asked)
        return _look(tally, exists=False, shows="NXDOMAIN")
    tally.prove(lambda d: d.nodata(asked, rdtype), asked)
    no_ds = rdtype == RdataType.DS and tally.unsigned(asked)
    return _look(
        tally, exists=True, shows="no DS" if rdtype == RdataType.DS else "NODATA", no_ds=no_ds
    )


def _look(
    tally: Tally,
    *,
    shows: str,
    exists: bool | None = None,
    serial: int | None = None,
    ds: RRset | None = None,
    no_ds: bool = False,
) -> Look:
    """The sum of a tally."""
    state = State.SECURE
    if tally.bad:
        state = State.BOGUS
    elif tally.insecure or tally.trust.insecure:
        state = State.INSECURE
    return Look(
        state, tuple(tally.faults), tally.good, tally.bad, tally.expires, tally.inception,
        exists=exists, shows=shows, serial=serial, ds=ds, no_ds=no_ds and not tally.bad,
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
