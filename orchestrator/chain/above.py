"""The chain above a zone: from a trust anchor, cut by cut, to the DS records of the zone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import dns.name
import dns.rdatatype
from dns.name import Name
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.DS import DS

from orchestrator.chain import look as looking
from orchestrator.chain.evidence import Cut, Evidence, Sight
from orchestrator.chain.look import Judged, Look
from orchestrator.chain.tally import Trust
from orchestrator.chain.trust import NOT_THE_ZONES, supported
from orchestrator.chain.vantage import anchors_by_zone
from orchestrator.chain.verify import Keys, When
from orchestrator.dns.message import Message, read
from orchestrator.model import Cause, State

_TIMES = (Cause.RRSIG_EXPIRED, Cause.RRSIG_NOT_YET_VALID)


@dataclass(frozen=True, slots=True)
class Above:
    """What the chain hands down to a zone.

    `state` is SECURE when `ds` are verified, INSECURE when it is proven that there are none, else
    why the zone cannot be better, with `cause`, `where` and `detail`. `ds` are then what the
    parent shows, unverified, so that the zone itself can still be looked at.
    """

    state: State
    ds: tuple[DS, ...] = ()
    judged: tuple[Judged, ...] = ()
    cause: Cause | None = None
    where: str = ""
    detail: str = ""
    divergent: bool = field(default=False)


def above(evidence: Evidence, when: When) -> Above:
    """Follow the chain down to the last cut of `evidence`."""
    anchors = anchors_by_zone(evidence.anchors)
    zones = [dns.name.from_text(cut.zone) for cut in evidence.cuts]
    start = max((n for n, zone in enumerate(zones) if zone in anchors), default=None)
    if start is None:
        detail = "no trust anchor is at or above this zone"
        return Above(State.INDETERMINATE, (), (), Cause.TRUST_ANCHOR_MISMATCH, detail=detail)
    link = _from_anchor(zones[start], anchors[zones[start]])
    if link.state is not State.SECURE:
        return link
    if start == len(zones) - 1:
        return _anchored(evidence, link, when)
    for number in range(start, len(zones) - 1):
        link = _below(evidence, evidence.cuts[number], zones[number + 1], link, when)
        if (
            number == start
            and link.cause in (*NOT_THE_ZONES, *_TIMES)
            and link.where == evidence.cuts[start].zone
        ):
            link = _not_the_zone(link)
        if link.state is not State.SECURE:
            break
    return link


def _from_anchor(zone: Name, anchor: tuple[DS, ...]) -> Above:
    """An anchor of a kind that we cannot check makes nothing unsigned: it is our fault."""
    if supported(zone, anchor)[0]:
        return Above(State.SECURE, anchor)
    detail = f"no trust anchor of {zone} has an algorithm and a digest type that can be checked"
    return Above(
        State.INDETERMINATE,
        cause=Cause.TRUST_ANCHOR_MISMATCH,
        where=zone.to_text(),
        detail=detail,
    )


def _anchored(evidence: Evidence, link: Above, when: When) -> Above:
    """The anchor is the zone's own: does it fit, and does the root say that our clock is right?"""
    zone = dns.name.from_text(evidence.cuts[-1].zone)
    worst = _trouble(zone, judge_keys(evidence.sights, evidence.cuts[-1], link.ds, when), "DNSKEY")
    ours = NOT_THE_ZONES if zone != dns.name.root else (*NOT_THE_ZONES, *_TIMES)
    if worst is None or worst.cause not in ours:
        return link
    return replace(_not_the_zone(worst), ds=link.ds)


def _not_the_zone(link: Above) -> Above:
    """Nothing under the anchor can be judged: the anchor or our clock is wrong, not the zone."""
    if link.cause in _TIMES:
        detail = f"the trust anchor's own zone is out of its time too: {link.detail}"
        return replace(link, state=State.INDETERMINATE, cause=Cause.CLOCK_SUSPECT, detail=detail)
    detail = f"the trust anchor fits no key of {link.where}: {link.detail}"
    return replace(
        link, state=State.INDETERMINATE, cause=Cause.TRUST_ANCHOR_MISMATCH, detail=detail
    )


def _below(evidence: Evidence, cut: Cut, child: Name, link: Above, when: When) -> Above:
    """One step down: the keys of `cut` by the DS in `link`, then its word on `child`."""
    zone = dns.name.from_text(cut.zone)
    keys = judge_keys(evidence.sights, cut, link.ds, when)
    trust = pooled(zone, keys)
    worst = _trouble(zone, keys, "DNSKEY")
    if trust.insecure:
        return Above(State.INSECURE, (), (*link.judged, *keys))
    if worst:
        return replace(worst, judged=(*link.judged, *keys))
    words = [
        Judged(sight, _word(sight, trust, child, when))
        for sight in evidence.sights
        if (sight.purpose, sight.cut) == ("ds", cut.zone) and sight.name == child.to_text()
    ]
    settled = _settle(child, words)
    return replace(settled, judged=(*link.judged, *keys, *words))


def judge_keys(
    sights: Iterable[Sight], cut: Cut, ds: Sequence[DS], when: When
) -> tuple[Judged, ...]:
    """Every look at the DNSKEY RRset of `cut`, by the DS records of its parent."""
    zone = dns.name.from_text(cut.zone)
    return tuple(
        Judged(sight, silence(sight) or looking.dnskey(_message(sight), zone, ds, when))
        for sight in sights
        if sight.cut == cut.zone and sight.purpose == "dnskey"
    )


def pooled(zone: Name, keys: Iterable[Judged]) -> Trust:
    """What all servers together show of a zone's keys."""
    shown = [judged.look.entry for judged in keys if judged.look.entry]
    # Keys under a signature that is over are nobody's while another server's are in time.
    entries = [entry for entry in shown if entry.keys and entry.fault is None] or shown
    by_id: dict[tuple[int, int], tuple[DNSKEY, ...]] = {}
    for entry in entries:
        for ident, records in entry.keys.by_id.items() if entry.keys else ():
            by_id[ident] = tuple(dict.fromkeys((*by_id.get(ident, ()), *records)))
    insecure = any(entry.insecure for entry in entries)
    return Trust(zone, Keys(zone, by_id) if by_id else None, insecure)


def silence(sight: Sight) -> Look | None:
    """A sight without an answer, as a look."""
    if sight.wire is not None:
        return None
    if sight.error == "truncated-no-tcp":
        return looking.failed(Cause.TRUNCATED_NO_TCP, "answers cut short, and not over TCP")
    if sight.error == "malformed":
        return looking.failed(Cause.SERVER_LAME, "sends bytes that are no DNS message")
    why = "the check's time was over" if sight.error == "deadline" else sight.error
    return looking.failed(Cause.SERVER_UNREACHABLE, why)


def _message(sight: Sight) -> Message | None:
    return read(sight.wire) if sight.wire else None


def _word(sight: Sight, trust: Trust, child: Name, when: When) -> Look:
    """What a parent's server says of the DS of `child`."""
    return silence(sight) or looking.name(_message(sight), trust, child, dns.rdatatype.DS, when)


def _trouble(owner: Name, keys: Sequence[Judged], rdtype: str) -> Above | None:
    """None as long as one server is good; else what is wrong with all of them."""
    if any(judged.look.state in (State.SECURE, State.INSECURE) for judged in keys):
        return None
    faults = [fault for judged in keys for fault in judged.look.faults]
    if faults:
        first = faults[0]
        return Above(State.BOGUS, cause=first.cause, where=owner.to_text(), detail=first.detail)
    why = {judged.look.failure for judged in keys} - {None} or {Cause.SERVER_UNREACHABLE}
    cause = min(why, key=lambda cause: cause is Cause.SERVER_UNREACHABLE) or Cause.SERVER_LAME
    detail = f"no server shows the {rdtype} of {owner}"
    return Above(State.INDETERMINATE, cause=cause, where=owner.to_text(), detail=detail)


def _settle(child: Name, words: Sequence[Judged]) -> Above:
    """All that the parent's servers say of the child's DS, as one word."""
    good = [judged.look for judged in words if judged.look.state in (State.SECURE, State.INSECURE)]
    with_ds = [look for look in good if look.ds is not None]
    if with_ds:
        return Above(State.SECURE, _records(with_ds), divergent=len(with_ds) < len(good))
    if any(look.no_ds for look in good):
        return Above(State.INSECURE)
    if good:
        return _undelegated(child)
    trouble = _trouble(child, words, "DS")
    assert trouble is not None
    return replace(trouble, ds=_records([judged.look for judged in words]))


def _undelegated(child: Name) -> Above:
    """Signed, and no delegation (RFC 6840 section 4.4): no name, no NS there, or an alias."""
    detail = f"what its parent signs shows no delegation of {child}, with DS or without"
    return Above(State.INDETERMINATE, cause=Cause.SERVER_LAME, where=child.to_text(), detail=detail)


def _records(looks: Iterable[Look]) -> tuple[DS, ...]:
    found = (record for look in looks for record in look.ds or () if isinstance(record, DS))
    return tuple(dict.fromkeys(found))
