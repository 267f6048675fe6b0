"""The chain of trust down to the zone that holds a name, looked up as far as it is needed.

RFC 4035 section 5: from the nearest trust anchor, label by label, the parent's word on each name
below: a DS (then the child's keys), a proof that there is none (then all below is unsigned), or
a proof that nothing is delegated there. A server whose word is no good is not the last one asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import dns.rcode
from dns.name import Name, NameTooLong
from dns.rdatatype import CNAME, DNAME, DNSKEY, RRSIG, RdataType
from dns.rdtypes.ANY.DS import DS
from dns.rrset import RRset

from orchestrator.chain.iterate import Heard, Iteration, Search
from orchestrator.chain.tally import Tally, Trust
from orchestrator.chain.trust import NOT_THE_ZONES, Entry, enter, supported
from orchestrator.chain.verify import Fault, Keys, When
from orchestrator.chain.walk import Steps
from orchestrator.dns.message import Message, find, signatures
from orchestrator.model import Cause, State

GOOD = (State.SECURE, State.INSECURE)


@dataclass(frozen=True, slots=True)
class Blame:
    """A fault, and the server that showed it; "" when it is no server's, None: still to be said."""

    fault: Fault
    server: str | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """What one answer is worth. `zone` is the zone it was judged as data of.

    `target` is where an alias leads; `keys` and `ds` are what the answer vouches for. `good` and
    `bad` count RRsets; `expires` is the first end of a signature that verified.
    """

    state: State
    zone: Name
    blames: tuple[Blame, ...] = ()
    shows: str = ""
    target: Name | None = None
    keys: Keys | None = None
    ds: tuple[DS, ...] | None = None
    good: int = 0
    bad: int = 0
    expires: int | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a zone before its data is judged; `keys` only when it is secure."""

    zone: Name
    state: State
    keys: Keys | None = None
    blames: tuple[Blame, ...] = ()

    def judged(self) -> Judged:
        """Its data, which can be no better than the zone is."""
        return Judged(self.state, self.zone, self.blames)


@dataclass(frozen=True, slots=True)
class Sighting:
    """One answer judged, kept for the verdict."""

    heard: Heard
    rrset: str
    judged: Judged


Judge = Callable[[Heard], Steps[Judged]]


@dataclass
class Links:
    """Zones as far as they are known, and every answer that was judged on the way."""

    iteration: Iteration
    anchors: Mapping[Name, Sequence[Sequence[DS]]]  # groups, any of which may do
    when: When
    sightings: list[Sighting] = field(default_factory=list)
    known: dict[Name, Standing] = field(default_factory=dict)

    def anchor(self, name: Name) -> Name | None:
        """The nearest trust anchor at or above `name`."""
        return next((zone for zone in _upward(name) if zone in self.anchors), None)

    def of(self, name: Name) -> Steps[Standing]:
        """How the zone that holds `name` stands; for a zone's own name, that zone."""
        anchor = self.anchor(name)
        if anchor is None:
            return Standing(name, State.INSECURE, blames=(Blame(_no_anchor(name), ""),))
        if anchor not in self.known:
            self.known[anchor] = yield from self._anchored(anchor)
        standing = self.known[anchor]
        rest = _downward(anchor, name)
        while rest and standing.state is State.SECURE:
            below = self._referred(standing, rest) or rest[0]
            if below not in self.known:
                self.known[below] = yield from self._below(standing, below)
            standing = self.known[below]
            rest = rest[rest.index(below) + 1 :]
        return standing

    def _referred(self, above: Standing, rest: Sequence[Name]) -> Name | None:
        """The next zone on the way, where its referral proves that nothing is cut in between."""
        cut = next((name for name in rest if name in self.iteration.places), None)
        return cut if cut and self._told(above, cut) else None

    def settle(self, search: Search, rrset: str, judge: Judge) -> Steps[Judged | None]:
        """The first answer that is good, else the first of the bad ones; None without any."""
        worst: Judged | None = None
        while heard := (yield from search.next()):
            judged = yield from judge(heard)
            judged = replace(judged, blames=_at(judged.blames, heard))
            self.sightings.append(Sighting(heard, rrset, judged))
            if judged.state in GOOD:
                return judged
            worst = worst or judged
        return worst

    def _anchored(self, zone: Name) -> Steps[Standing]:
        """The keys of an anchor's zone; where no anchor can be checked, it is as if unsigned."""
        told = [supported(zone, group, self.when.policy) for group in self.anchors[zone]]
        usable = [group for group, _ in told if group]
        if not usable:
            faults = [fault for _, fault in told if fault]
            return Standing(
                zone, State.INSECURE, blames=tuple(Blame(fault, "") for fault in faults)
            )
        standing = yield from self._keys(zone, *usable)
        main = next((blame.fault for blame in standing.blames), None)
        if main is None or main.cause not in NOT_THE_ZONES:
            return standing
        return replace(standing, blames=(Blame(_our_fault(zone, main), ""), *standing.blames))

    def _below(self, above: Standing, name: Name) -> Steps[Standing]:
        """One label down: a zone of its own, an unsigned one, or the same zone still."""
        word = yield from self._word(above, name)
        if word.state is not State.SECURE:
            return Standing(name, word.state, blames=word.blames)
        if word.ds is None:
            return above
        usable, unsupported = supported(name, word.ds, self.when.policy)
        if not usable:
            blames = (Blame(unsupported, ""),) if unsupported else ()
            return Standing(name, State.INSECURE, blames=blames)
        return (yield from self._keys(name, word.ds))

    def _word(self, above: Standing, name: Name) -> Steps[Judged]:
        """The parent's word on `name`: from the referral that led there, else asked for."""
        told = self._told(above, name)
        if told is not None:
            self.sightings.append(told)
            return told.judged

        def judge(heard: Heard) -> Steps[Judged]:
            yield from ()
            return self._delegation(above, name, heard.message)

        search = self.iteration.search(name, RdataType.DS)
        word = yield from self.settle(search, "DS", judge)
        return word or self._silence(search, name, above.zone, "DS")

    def _told(self, above: Standing, name: Name) -> Sighting | None:
        """What the referral to `name` proves; None when it proves nothing, or there is none."""
        place = self.iteration.places.get(name)
        if place is None or place.told is None:
            return None
        judged = self._delegation(above, name, place.told.message)
        if judged.state not in GOOD or (judged.state is State.SECURE and judged.ds is None):
            return None
        return Sighting(place.told, "DS", judged)

    def _delegation(self, above: Standing, name: Name, message: Message) -> Judged:
        """A reply about the DS of `name`, judged by the keys of the zone above."""
        tally = Tally(message, Trust(above.zone, above.keys), self.when)
        gone = message.rcode == dns.rcode.NXDOMAIN
        for section in (message.answer, message.authority):
            ds = find(section, name, RdataType.DS)
            if ds is not None and not gone:
                return self._with_ds(tally, section, ds)
        alias = next((r for r in message.answer if _leads_away(r, name)), None)
        if alias is not None:
            tally.answer(alias)  # an alias is no delegation
            return summed(tally, "no DS")
        return self._without_ds(tally, name)

    def _with_ds(self, tally: Tally, section: tuple[RRset, ...], ds: RRset) -> Judged:
        signed = tally.check(section, ds)
        if signed and signed.source is not None:
            fault = Fault(Cause.RRSIG_INVALID, "DS", ds.name.to_text(), "a wildcard is no DS")
            return Judged(State.BOGUS, tally.trust.zone, (Blame(fault),), bad=1)
        records = tuple(record for record in ds if isinstance(record, DS))
        return replace(summed(tally, "DS"), ds=records)

    def _without_ds(self, tally: Tally, name: Name) -> Judged:
        """Proven to be an unsigned delegation, or no delegation at all; else bogus."""
        if tally.unsigned(name):
            tally.prove(lambda records: records.unsigned_cut(name), name)
            judged = summed(tally, "no DS")
            return replace(judged, state=State.INSECURE) if judged.state in GOOD else judged
        before = len(tally.faults)
        tally.prove(lambda records: records.nodata(name, RdataType.DS), name)
        if len(tally.faults) == before or tally.insecure:
            return summed(tally, "no DS")
        again = Tally(tally.message, tally.trust, tally.when)
        again.prove(lambda records: records.nxdomain(name), name)
        return summed(tally if again.bad else again, "no DS")

    def _keys(self, zone: Name, *groups: Sequence[DS]) -> Steps[Standing]:
        """The zone's keys, as the first server shows them whose DNSKEY RRset fits a group of DS."""

        def judge(heard: Heard) -> Steps[Judged]:
            yield from ()
            self.when.begin()
            answer = heard.message.answer
            keys = find(answer, zone, DNSKEY)
            signed = signatures(answer, zone, DNSKEY)
            entries = [enter(zone, ds, keys, signed, self.when) for ds in groups]
            good = (one for one in entries if one.insecure or (one.keys and one.fault is None))
            return _entered(zone, next(good, min(entries, key=_unfit)))

        search = self.iteration.search(zone, DNSKEY)
        judged = yield from self.settle(search, "DNSKEY", judge)
        judged = judged or self._silence(search, zone, zone, "DNSKEY")
        return Standing(zone, judged.state, judged.keys, judged.blames)

    def _silence(self, search: Search, name: Name, zone: Name, rdtype: str) -> Judged:
        """Servers that answer, only not this, break the chain for everyone; silence may be ours."""
        if search.refused:
            cause = Cause.DNSKEY_MISSING if rdtype == "DNSKEY" else Cause.DENIAL_MISSING
            told = (Blame(t.fault, str(t.server)) for t in search.troubles)
            fault = Fault(cause, rdtype, name.to_text(), f"no server gives the {rdtype} of {name}")
            return Judged(State.BOGUS, zone, (Blame(fault), *told), bad=1)
        return unanswered(search, name, zone, rdtype)


def unanswered(search: Search, name: Name, zone: Name, rdtype: str) -> Judged:
    """Nothing usable came, so that nothing can be said."""
    detail = search.iteration.spent or f"no server answers for the {rdtype} of {name}"
    lame = any(t.fault.cause is Cause.SERVER_LAME for t in search.troubles)
    cause = Cause.SERVER_LAME if lame else Cause.SERVER_UNREACHABLE
    if search.iteration.spent:
        cause = Cause.VALIDATION_LIMIT
    told = (Blame(trouble.fault, str(trouble.server)) for trouble in search.troubles)
    blames = (Blame(Fault(cause, rdtype, name.to_text(), detail)), *told)
    return Judged(State.INDETERMINATE, zone, blames)


def summed(tally: Tally, shows: str) -> Judged:
    """A tally as a judgement."""
    state = State.SECURE
    if tally.bad:
        state = State.BOGUS
    elif tally.insecure or tally.opted_out or tally.trust.insecure:
        state = State.INSECURE
    blames = tuple(Blame(fault) for fault in tally.faults)
    return Judged(
        state, tally.trust.zone, blames, shows, good=tally.good, bad=tally.bad,
        expires=tally.expires,
    )  # fmt: skip


def moved(name: Name, dname: RRset) -> Name | None:
    """Where a DNAME takes `name`; None when that is too long (RFC 6672 section 2.2)."""
    try:
        return name.relativize(dname.name).derelativize(dname[0].target)
    except NameTooLong:
        return None


def signers(section: Iterable[RRset], rrset: RRset) -> list[Name]:
    """Who has signed an RRset, deepest first."""
    found = (r for r in section if r.rdtype == RRSIG and r.name == rrset.name)
    names = {record.signer for r in found if r.covers == rrset.rdtype for record in r}
    return sorted(names, key=len, reverse=True)


def _leads_away(rrset: RRset, name: Name) -> bool:
    if rrset.rdtype == CNAME:
        return bool(rrset.name == name)
    below = name.is_subdomain(rrset.name) and name != rrset.name
    return rrset.rdtype == DNAME and below


def _entered(zone: Name, entry: Entry) -> Judged:
    state = State.SECURE
    if entry.insecure:
        state = State.INSECURE
    elif entry.fault is not None:
        state = State.BOGUS
    bad = int(state is State.BOGUS)
    return Judged(
        state,
        zone,
        (Blame(entry.fault),) if entry.fault else (),
        shows="DNSKEY",
        keys=entry.keys if state is State.SECURE else None,
        good=1 - bad,
        bad=bad,
        expires=entry.expires,
    )


def _at(blames: Iterable[Blame], heard: Heard) -> tuple[Blame, ...]:
    """What is not another server's doing is this one's."""
    here = str(heard.server)
    return tuple(b if b.server is not None else replace(b, server=here) for b in blames)


def _no_anchor(name: Name) -> Fault:
    detail = f"no trust anchor is at or above {name}"
    return Fault(Cause.TRUST_ANCHOR_MISMATCH, "DNSKEY", name.to_text(), detail)


def _unfit(entry: Entry) -> bool:
    """Does the anchor fit no key? One that fits says more of the zone."""
    return entry.fault is not None and entry.fault.cause in NOT_THE_ZONES


def _our_fault(zone: Name, fault: Fault) -> Fault:
    detail = f"the trust anchor fits no key of {zone}: {fault.detail}"
    return replace(fault, cause=Cause.TRUST_ANCHOR_MISMATCH, detail=detail)


def _upward(name: Name) -> list[Name]:
    return [name.split(size)[1] for size in range(len(name), 0, -1)]


def _downward(above: Name, name: Name) -> list[Name]:
    return [name.split(size)[1] for size in range(len(above) + 1, len(name) + 1)]
