"""Is it our clock that is wrong? What signatures above the zone say of the time.

A signature that verifies was made after its inception, so the last inception seen is a time that
has passed. The root is signed again every day: while its signatures are days old by our clock,
our clock is not shown to be right.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from orchestrator.chain.above import Above
from orchestrator.chain.look import Judged
from orchestrator.chain.verify import Fault, When
from orchestrator.model import Cause

STALE = 3 * 86400  # seconds
_TIMES = (Cause.RRSIG_EXPIRED, Cause.RRSIG_NOT_YET_VALID)


def suspect(link: Above, own: Sequence[Judged], when: When) -> str:
    """Why our clock may be wrong and the zone right; "" when nothing says so."""
    early = _faults(link.judged, Cause.RRSIG_NOT_YET_VALID)
    if early:
        return f"the {early[0].rrset} of {early[0].owner} is signed for later: {early[0].detail}"
    if link.cause in _TIMES and _faults(own, *_TIMES):
        return f"the zone and what is above it are out of their time together: {link.detail}"
    return _unproven((*link.judged, *own), when)


def _unproven(judged: Sequence[Judged], when: When) -> str:
    """Signatures have ended by our clock, and by nothing else: no later one was seen."""
    ends = [
        one.look.expires
        for one in judged
        if _faults([one], Cause.RRSIG_EXPIRED) and one.look.expires is not None
    ]
    newest = _newest(judged)
    if not ends or newest is None or newest >= min(ends) or when.now - newest <= STALE:
        return ""
    days = (when.now - newest) / 86400
    return f"nothing seen was signed in the last {days:.0f} days, as the root is every day"


def ahead(own: Sequence[Judged], when: When) -> bool:
    """Are the zone's last signatures from a future so near that it may be the present?"""
    newest = _newest(own)
    return newest is not None and 0 < newest - when.now <= STALE


def _newest(judged: Iterable[Judged]) -> int | None:
    found = (one.look.inception for one in judged if one.look.inception is not None)
    return max(found, default=None)


def _faults(judged: Iterable[Judged], *causes: Cause) -> list[Fault]:
    return [fault for one in judged for fault in one.look.faults if fault.cause in causes]
