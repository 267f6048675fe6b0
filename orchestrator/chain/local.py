"""A resolver's own faults, told by zones whose state is known: the root and the control zones.

So that a wrong clock, a broken anchor, validation that is off, a middlebox or an NTA is named, and
neither the zone nor the caches are blamed for it. Pure: views in, findings out, one a host.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from orchestrator.fleet.probe import Ask, control_asks
from orchestrator.model import Cause, Finding, ResolverView, Severity, State, Verdict
from orchestrator.names import under
from orchestrator.playbook import Controls

ANSWERED = frozenset({"NOERROR", "NXDOMAIN"})
ROOT = "."
WRONG = 60.0  # seconds of a clock that are worth a word
HOUR = 3600.0  # the least that a clock must be wrong for no signature to hold any more
_TIMES = {7, 8}  # RFC 8914: signature expired, not yet valid
_NTA = 33  # draft-farrokhi-dnsop-ede-nta: BIND 9.20 says it of what is not in its cache yet


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


def in_doubt(told: Iterable[Finding]) -> set[str]:
    """Hosts whose clock would tell more: resolvers hardly ever say that it is the times."""
    causes = {Cause.CLOCK_SUSPECT, Cause.TRUST_ANCHOR_MISMATCH}
    return {one.server or "" for one in told if one.cause in causes}


def with_clocks(told: Iterable[Finding], offsets: Mapping[str, float]) -> tuple[Finding, ...]:
    """The same, where hosts said what time it is: `offsets` in seconds, ahead of ours."""
    judged = (_with_clock(one, offsets.get(one.server or "")) for one in told)
    return tuple(one for one in judged if one)


def _with_clock(told: Finding, offset: float | None) -> Finding | None:
    """None where a right clock clears the host of what only the clock could have explained."""
    if offset is None or not in_doubt([told]):
        return told
    way = "ahead of" if offset > 0 else "behind"
    wrong = f"its clock is {abs(offset):.0f} s {way} ours"
    if abs(offset) >= HOUR or (abs(offset) >= WRONG and told.cause is Cause.CLOCK_SUSPECT):
        detail = f"{wrong}, and nothing validates there"
        update = {"cause": Cause.CLOCK_SUSPECT, "severity": "error", "detail": detail}
        return told.model_copy(update=update)
    if told.severity == "warning":
        return None
    if told.cause is Cause.CLOCK_SUSPECT:
        detail = f"{told.owner} has expired there though its clock is right: its cache or its "
        detail += "forwarder hands on old data"
        return told.model_copy(update={"cause": Cause.CACHE_MISMATCH, "detail": detail})
    clock = wrong if abs(offset) >= WRONG else "its clock agrees with ours"
    return told.model_copy(update={"detail": f"{told.detail}; {clock}"})


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
            or self._fails_at_the_root()
            or self._fails_twice()
            or self._validates_nothing()
            or says_nta(self.views)
            or self._zone_alone()
            or self._controls_alone()
        )

    def _sees_no_signatures(self) -> Finding | None:
        """Nowhere: of one zone alone it could be an old copy in its cache."""
        if not self.root or not self.healthy:
            return None
        known = (self.root, self.healthy)
        if any(view.rcode_cd != "NOERROR" or view.signed is not False for view in known):
            return None
        detail = (
            f"no signatures for {self.healthy.name}, with CD: a middlebox or forwarder drops them"
        )
        return finding(self.healthy, Cause.RRSIG_MISSING, detail)

    def _fails_at_the_root(self) -> Finding | None:
        """Nothing can validate: its anchor is not the root's, or its clock is wrong."""
        root = self.root
        if root is None or not not_valid(root):
            return None
        detail = f"SERVFAIL for {pair(root)}: "
        if late := _late(view for view in (root, self.healthy) if view and not_valid(view)):
            detail += f"EDE {late.ede[0]}, its clock is wrong: date -u"
            return finding(late, Cause.CLOCK_SUSPECT, detail)
        what = "its trust anchor is not the root's, or its clock is wrong (date -u)"
        return finding(root, Cause.TRUST_ANCHOR_MISMATCH, detail + what)

    def _fails_twice(self) -> Finding | None:
        """The zone and the control. The root may be in the cache from before a clock went wrong.

        Or both zones have their own troubles: so this is a doubt, which only the clock can clear.
        """
        healthy, zone = self.healthy, self.verdict.zone
        if healthy is None or under(zone, healthy.name) or under(healthy.name, zone):
            return None
        if not not_valid(healthy) or not any(not_valid(view) for view in self.views):
            return None
        detail = f"SERVFAIL for {pair(healthy)} too: is its clock wrong (date -u)?"
        return finding(healthy, Cause.CLOCK_SUSPECT, detail, "warning")

    def _validates_nothing(self) -> Finding | None:
        """It lets through what is bogus on purpose."""
        healthy, bogus = self._controls_answered()
        if healthy is None or bogus is None or (not healthy.ad and self._validates()):
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
        if self.bogus and not_valid(self.bogus) and self.healthy and self.healthy.ad:
            what = "validates else: an NTA stands, or it does not take the zone's algorithms"
            detail = f"answers {own.name} {own.type} without AD and {what}"
            return finding(own, Cause.NTA_PRESENT, detail, "info")
        what = "an NTA stands, or it does not validate"
        detail = f"answers without AD though the zone is signed: {what}"
        return finding(own, Cause.NTA_PRESENT, detail, "info")

    def _controls_alone(self) -> Finding | None:
        """It validates, and neither control: so nothing can be told by them."""
        healthy, bogus = self._controls_answered()
        if healthy is None or bogus is None:
            return None
        what = f"answers {healthy.name} and {bogus.name} without validation, and validates else"
        detail = f"{what}: an NTA stands over the control zones"
        return finding(healthy, Cause.NTA_PRESENT, detail, "warning")

    def _controls_answered(self) -> tuple[ResolverView | None, ResolverView | None]:
        """The controls' views where both are answered, as if nothing were bogus."""
        healthy, bogus = self.healthy, self.bogus
        if not healthy or not bogus or not {healthy.rcode, bogus.rcode} <= ANSWERED:
            return None, None
        return healthy, bogus

    def _validates(self) -> bool:
        """Has it answered anything with AD?"""
        return any(view.ad for view in (self.root, *self.views) if view)


def not_valid(view: ResolverView) -> bool:
    """Does it fail only while it validates (RFC 4035 section 3.2.2)?"""
    return view.rcode == "SERVFAIL" and view.rcode_cd in ANSWERED


def says_nta(views: Iterable[ResolverView]) -> Finding | None:
    """One host that says itself that an NTA stands over a name."""
    told = next((view for view in views if _NTA in view.ede), None)
    if told is None:
        return None
    detail = f"answers {told.name} {told.type} and says itself (EDE {_NTA}) that an NTA stands"
    return finding(told, Cause.NTA_PRESENT, detail, "info").model_copy(update={"ede": _NTA})


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
