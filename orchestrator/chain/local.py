"""A resolver's own faults, told by zones whose state is known: the root and the control zones.

So that a wrong clock, a broken anchor, validation that is off, a middlebox or an NTA is named, and
neither the zone nor the caches are blamed for it. Pure: views in, findings out, one a host.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from orchestrator.fleet.probe import Ask, control_asks
from orchestrator.model import Cause, Finding, ResolverView, Severity, State, Verdict
from orchestrator.playbook import Controls

ANSWERED = frozenset({"NOERROR", "NXDOMAIN"})
ROOT = "."
WRONG = 60.0  # seconds; of signatures the shortest that anybody makes last for hours
_TIMES = {7, 8}  # RFC 8914: signature expired, not yet valid


def known_asks(controls: Controls) -> list[Ask]:
    """What is asked of every resolver beside the zone."""
    return [Ask(name=ROOT, type="DNSKEY"), *control_asks(controls)]


def faults(
    verdict: Verdict,
    views: Sequence[ResolverView],
    known: Sequence[ResolverView],
    controls: Controls,
) -> tuple[Finding, ...]:
    """What is wrong with each host: `views` are of the zone, `known` of root and controls."""
    hosts = dict.fromkeys(view.host for view in views)
    seen = (
        _Host(
            verdict,
            [view for view in views if view.host == host],
            {view.name: view for view in known if view.host == host},
            controls,
        ).fault()
        for host in hosts
    )
    return tuple(finding for finding in seen if finding)


def with_clocks(told: Iterable[Finding], offsets: Mapping[str, float]) -> tuple[Finding, ...]:
    """The same, where hosts said what time it is: `offsets` in seconds, ahead of ours."""
    return tuple(_with_clock(one, offsets.get(one.server or "")) for one in told)


# Whose clock would tell more: resolvers hardly ever say that it is the times.
_IN_DOUBT = {Cause.CLOCK_SUSPECT, Cause.TRUST_ANCHOR_MISMATCH}


def _with_clock(told: Finding, offset: float | None) -> Finding:
    if offset is None or told.cause not in _IN_DOUBT:
        return told
    if abs(offset) < WRONG:
        return told.model_copy(update={"detail": f"{told.detail}; its clock agrees with ours"})
    way = "ahead of" if offset > 0 else "behind"
    detail = f"its clock is {abs(offset):.0f} s {way} ours, and nothing validates there"
    return told.model_copy(update={"cause": Cause.CLOCK_SUSPECT, "detail": detail})


class _Host:
    """One host's answers."""

    def __init__(
        self,
        verdict: Verdict,
        views: Sequence[ResolverView],
        known: dict[str, ResolverView],
        controls: Controls,
    ) -> None:
        self.verdict, self.views, self.controls = verdict, views, controls
        self.root = known.get(ROOT)
        self.healthy, self.bogus = known.get(controls.healthy), known.get(controls.bogus)

    def fault(self) -> Finding | None:
        return (
            self._sees_no_signatures()
            or self._fails_everywhere()
            or self._validates_nothing()
            or self._zone_alone()
        )

    def _sees_no_signatures(self) -> Finding | None:
        """Also not where there are some: of the zone alone it could be an old copy in its cache."""
        healthy = self.healthy
        known = [view for view in (self.root, healthy) if view and view.rcode_cd == "NOERROR"]
        if (
            healthy is None
            or healthy not in known
            or any(view.signed is not False for view in known)
        ):
            return None
        detail = f"no signatures for {healthy.name}, with CD: a middlebox or forwarder drops them"
        return finding(healthy, Cause.RRSIG_MISSING, detail)

    def _fails_everywhere(self) -> Finding | None:
        """It fails while it validates, and not only this zone: its clock or its anchor."""
        failing = [view for view in (self.root, self.healthy) if view and not_valid(view)]
        zone = [view for view in self.views if not_valid(view)]
        if not failing or (failing[0] is not self.root and not zone):
            return None
        view, late = failing[0], _late((*failing, *zone))
        detail = f"SERVFAIL for {pair(view)}: "
        if late:
            return finding(
                late, Cause.CLOCK_SUSPECT, f"{detail}EDE {late.ede[0]}, its clock is wrong: date -u"
            )
        what = "its trust anchor is not the root's, or its clock is wrong (date -u)"
        return finding(view, Cause.TRUST_ANCHOR_MISMATCH, detail + what)

    def _validates_nothing(self) -> Finding | None:
        """It lets through what is bogus on purpose."""
        healthy, bogus = self.healthy, self.bogus
        if healthy is None or healthy.rcode not in ANSWERED:
            return None
        if bogus is None or bogus.rcode not in ANSWERED:
            return None
        how = (
            f"AD for {healthy.name}: permissive mode, or an NTA for the control zone"
            if healthy.ad
            else f"no AD for {healthy.name}: validation is off"
        )
        detail = f"answers {bogus.rcode} for {bogus.name}, which is bogus, and {how}"
        return finding(bogus, Cause.NOT_VALIDATING, detail)

    def _zone_alone(self) -> Finding | None:
        """It validates, and answers for this zone as for an unsigned one."""
        own = next((view for view in self.views if view.name == self.verdict.zone), None)
        signed = self.verdict.state in {State.SECURE, State.BOGUS}
        if own is None or own.rcode != "NOERROR" or own.ad or not signed:
            return None
        if self.bogus is not None and self.bogus.rcode == "SERVFAIL":
            detail = f"answers {own.name} {own.type} without AD and validates else: an NTA stands"
            return finding(own, Cause.NTA_PRESENT, detail, "info")
        what = "an NTA stands, or it does not validate"
        detail = f"answers without AD though the zone is signed: {what}"
        return finding(own, Cause.NTA_PRESENT, detail, "info")


def not_valid(view: ResolverView) -> bool:
    """Does it fail only while it validates (RFC 4035 section 3.2.2)?"""
    return view.rcode == "SERVFAIL" and view.rcode_cd in ANSWERED


def _late(views: Iterable[ResolverView]) -> ResolverView | None:
    """One that says itself that it is about the times of a signature."""
    return next((view for view in views if _TIMES & set(view.ede[:1])), None)


def pair(view: ResolverView) -> str:
    """A question, and what came with CD."""
    return f"{view.name} {view.type}, {view.rcode_cd or 'no answer'} with CD"


def finding(view: ResolverView, cause: Cause, detail: str, severity: Severity = "error") -> Finding:
    """What is told of one host."""
    return Finding(
        cause=cause,
        severity=severity,
        server=view.host,
        owner=view.name,
        detail=detail,
        ede=view.ede[0] if view.ede else None,
    )
