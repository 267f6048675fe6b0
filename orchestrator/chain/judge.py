"""From evidence to a verdict: pure, so that any incident can be judged again.

The chain is followed from the trust anchor to the zone, then every look at the zone is judged by
the keys that its server showed in that round. The verdict is the worst that any server showed
(docs/concepts/verdicts.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from orchestrator.chain import clock, roll
from orchestrator.chain.above import Above, above
from orchestrator.chain.evidence import Evidence, Server
from orchestrator.chain.look import Judged
from orchestrator.chain.own import looks, unjudged, unseen
from orchestrator.chain.policy import DEFAULT, ENGINES, Engine, Policy
from orchestrator.chain.remedy import Facts, remedy
from orchestrator.chain.tell import EDE, disputes, findings, flaps, health, matrix, unanswered
from orchestrator.chain.verify import VERDICT, When, Work
from orchestrator.chain.weigh import weigh
from orchestrator.model import (
    Cause,
    EngineView,
    Extent,
    Finding,
    Indicator,
    Remedy,
    ServerState,
    State,
    Verdict,
)

BAD_NAMES = 32
_WORST = (State.BOGUS, State.INDETERMINATE, State.INSECURE, State.SECURE)
_CHILD = ("child DS", "no DS")


def judge(
    evidence: Evidence,
    now: datetime,
    skew: float = 0,
    *,
    most: int = VERDICT,
    policy: Policy = DEFAULT,
) -> Verdict:
    """What the evidence says of its zone at `now`, tolerating `skew` seconds on signature times.

    At most `most` different signatures are tried.
    """
    work = Work(most)
    when = When(now.timestamp(), skew, work, policy)
    link = above(evidence, when)
    if evidence.cuts[-1].zone != evidence.zone:
        return _Case(evidence, when, link, ()).undelegated()
    judged = _drop_missing_family(looks(evidence, link, when))
    if spent := work.spent:
        link = _undecided(evidence, link, Cause.VALIDATION_LIMIT, spent)
    elif wrong := clock.suspect(link, judged, when):
        link = _undecided(evidence, link, Cause.CLOCK_SUSPECT, wrong)
    return _Case(evidence, when, link, judged).verdict()


def with_engines(
    verdict: Verdict, evidence: Evidence, now: datetime, engines: Iterable[str]
) -> Verdict:
    """Add what validators of these engines, which differ in places, make of the same evidence."""
    wanted = [one for one in ENGINES if one.engine in set(engines)]
    seen = ((one, judge(evidence, now, one.policy.skew, policy=one.policy)) for one in wanted)
    return verdict.model_copy(update={"engines": tuple(_view(*pair) for pair in seen)})


def _view(engine: Engine, seen: Verdict) -> EngineView:
    main = next((one for one in seen.findings if one.severity == "error"), None)
    return EngineView(
        engine=engine.engine,
        versions=engine.versions,
        state=seen.state,
        extent=seen.extent,
        cause=main.cause if main else None,
    )


def _undecided(evidence: Evidence, link: Above, cause: Cause, detail: str) -> Above:
    """Whatever the looks show, it is not shown well enough."""
    return replace(link, state=State.INDETERMINATE, cause=cause, where=evidence.zone, detail=detail)


def _drop_missing_family(judged: tuple[Judged, ...]) -> tuple[Judged, ...]:
    """A machine may lack IPv6 or IPv4: what no packet could leave for is not a finding."""

    def family(one: Judged) -> bool:
        return ":" in one.sight.server.address

    usable = {family(one) for one in judged if one.sight.error != "unreachable"}
    return tuple(one for one in judged if family(one) in usable) if usable else judged


@dataclass(frozen=True)
class _Case:
    """All that is known of one zone, being summed up."""

    evidence: Evidence
    when: When
    link: Above
    judged: tuple[Judged, ...]

    def verdict(self) -> Verdict:
        told = self._findings()
        state, extent = self._state(), self._extent()
        what, why = remedy(self._facts(state, extent, told))
        return self._sum_up(state, extent, told, what, why)

    def undelegated(self) -> Verdict:
        """The walk ended above: nobody there delegates the zone, or nobody answers."""
        zone, last = self.evidence.zone, self.evidence.cuts[-1].zone
        asked = [s for s in self.evidence.sights if (s.cut, s.purpose) == (last, "ns")]
        if not any(sight.wire for sight in asked):
            cause, detail = Cause.SERVER_UNREACHABLE, f"no server of {last} answers"
            why = f"{detail}: check the network, the root hints and the port"
        else:
            cause, detail = Cause.SERVER_LAME, f"no server of {last} delegates it: it is no zone"
            why = f"{zone} is not delegated from {last}: check the name"
        cause, detail = self.link.cause or cause, self.link.detail or detail
        told = [Finding(cause=cause, severity="error", owner=zone, detail=detail)]
        return self._sum_up(State.INDETERMINATE, None, told, Remedy.ESCALATE, why)

    def _sum_up(
        self, state: State, extent: Extent | None, told: Iterable[Finding], what: Remedy, why: str
    ) -> Verdict:
        evidence = self.evidence
        everything = (*self.link.judged, *self.judged)
        bad = sum(one.look.bad for one in everything)
        good = sum(one.look.good for one in everything)
        ends = [one.look.expires for one in everything if one.look.expires is not None]
        return Verdict(
            zone=evidence.zone,
            state=state,
            extent=extent,
            findings=tuple(told),
            fraction_bogus=round(bad / (good + bad), 4) if bad else 0.0,
            servers=self._servers(),
            matrix=matrix((*self._words(), *self.judged), self._parent()),
            remedy=what,
            remedy_reason=why,
            indicators=self._indicators(state),
            signature_margin=int(min(ends) - self.when.now) if ends else None,
            bad_names=self._bad_names(),
            at=evidence.at,
            rounds=evidence.rounds,
            duration_ms=evidence.duration_ms,
            queries=evidence.queries,
        )

    def _indicators(self, state: State) -> tuple[Indicator, ...]:
        return weigh(self.evidence, self.link, self.judged) if state is State.BOGUS else ()

    def _parent(self) -> str:
        return self.evidence.cuts[-2].zone if len(self.evidence.cuts) > 1 else ""

    def _words(self) -> tuple[Judged, ...]:
        """What the parent's servers say of the zone's DS."""
        ours = ("ds", self.evidence.zone)
        return tuple(one for one in self.link.judged if _asked(one) == ours)

    def _broken(self) -> bool:
        """Nothing at the zone can be secure, whatever its servers show."""
        return self.link.state not in (State.SECURE, State.INSECURE)

    def _server_state(self, server: Server) -> State:
        states = {one.look.state for one in self.judged if one.sight.server == server} - {None}
        if not states:
            return State.INDETERMINATE
        if self._broken():
            return self.link.state
        return next(state for state in _WORST if state in states)

    def _servers(self) -> tuple[ServerState, ...]:
        seen = dict.fromkeys(one.sight.server for one in self.judged)
        return tuple(
            ServerState(name=s.name, address=s.address, state=self._server_state(s)) for s in seen
        )

    def _state(self) -> State:
        """The worst of the servers that answer, and of the parent's."""
        answering = {one.look.state for one in self.judged} - {None}
        if self._broken():
            return self.link.state
        if not answering:
            return State.INDETERMINATE
        states = answering | {one.look.state for one in self._words() if one.bogus}
        return next(state for state in _WORST if state in states)

    def _extent(self) -> Extent | None:
        if self._state() is not State.BOGUS:
            return None
        if self._broken() or self._keyless():
            return Extent.WHOLE
        if flaps((*self._words(), *self.judged)):
            return Extent.FLAPPING
        data = [one for one in self.judged if one.look.state and one.sight.purpose != "dnskey"]
        everywhere = all(one.bogus and not one.look.against for one in data)
        return Extent.WHOLE if everywhere else Extent.PARTIAL

    def _keyless(self) -> bool:
        """No server's DNSKEY RRset ever validated: nothing can, whatever signs the data."""
        keys = [one for one in self.judged if one.sight.purpose == "dnskey" and one.look.state]
        return bool(keys) and all(one.bogus for one in keys)

    def _bad_names(self) -> tuple[str, ...]:
        asked = ("denial", "child")
        bad = [o.sight.name for o in self.judged if o.bogus and o.sight.purpose in asked]
        given = [name for name in self.evidence.names if name in bad]
        return tuple(dict.fromkeys((*given, *bad)))[:BAD_NAMES]

    def _findings(self) -> list[Finding]:
        everything = (*self._words(), *self.judged)
        told = [
            *self._link_findings(),
            *self._unseen(),
            *self._outvoted(),
            *self._disputed(),
            *findings(everything),
            *flaps(everything),
            *unanswered(self.judged),
            *roll.warnings(self.evidence.zone, self.link.ds, self.judged),
        ]
        rank = ("error", "warning", "info")
        return sorted(told, key=lambda finding: rank.index(finding.severity))

    def _link_findings(self) -> list[Finding]:
        """What breaks above the zone; trouble of its own DS is told with the looks at it."""
        link = self.link
        told = []
        ours = link.state is State.BOGUS and any(one.bogus for one in self._words())
        if link.cause and not ours:
            told.append(
                Finding(cause=link.cause, severity="error", owner=link.where, detail=link.detail)
            )
        if link.divergent:
            detail = "some of the parent's servers show a DS and others prove that there is none"
            told.append(
                Finding(
                    cause=Cause.SERVER_DIVERGENT,
                    severity="warning",
                    rrset="DS",
                    owner=self.evidence.zone,
                    detail=detail,
                )
            )
        return told

    def _unseen(self) -> list[Finding]:
        """Data came and no DNSKEY to judge it by: that shows nothing about the zone."""
        cause = unseen(self.judged)
        if cause is None:
            return []
        detail = "no server's DNSKEY came, so that nothing else could be judged"
        return [
            Finding(
                cause=cause,
                severity="error",
                rrset="DNSKEY",
                owner=self.evidence.zone,
                detail=detail,
                ede=EDE.get(cause),
            )
        ]

    def _outvoted(self) -> list[Finding]:
        """Servers that are bad while most others, of the zone or of its parent, are sound."""
        own, parent = health(self.judged), health(self._words())
        crossed = {str(one.sight.server) for one in self.judged if one.look.against}
        bad = [server for server in own.sick if server not in crossed]
        told = [self._divergent(server) for server in bad if own.outvoted]
        return told + [self._bad_ds(server) for server in parent.sick if parent.outvoted]

    def _bad_ds(self, server: str) -> Finding:
        return Finding(
            cause=Cause.SERVER_DIVERGENT,
            severity="error",
            server=server,
            rrset="DS",
            owner=self.evidence.zone,
            detail="the parent's DS does not validate here, and does at the parent's other servers",
        )

    def _divergent(self, server: str) -> Finding:
        serials = {
            "this" if str(one.sight.server) == server else "others": one.look.serial
            for one in self.judged
            if one.look.serial is not None
        }
        detail = "serves what does not validate while the other servers are sound"
        if len(set(serials.values())) > 1:
            detail += f" (SOA serial {serials['this']}, others {serials['others']})"
        return Finding(
            cause=Cause.SERVER_DIVERGENT, severity="error", server=server, rrset="SOA",
            owner=self.evidence.zone, detail=detail,
        )  # fmt: skip

    def _disputed(self) -> list[Finding]:
        return [
            Finding(
                cause=Cause.SERVER_DIVERGENT,
                severity="error",
                rrset="NS",
                owner=name,
                detail=f"{', '.join(denying)} deny that it exists, {', '.join(having)} have it",
            )
            for name, (having, denying) in disputes(self.judged).items()
        ]

    def _facts(self, state: State, extent: Extent | None, told: Sequence[Finding]) -> Facts:
        elsewhere = self._broken() and self.link.where not in ("", self.evidence.zone)
        return Facts(
            zone=self.evidence.zone,
            state=state,
            extent=extent,
            main=told[0].cause if told else None,
            above=self.link.where if elsewhere else "",
            own=health(self.judged),
            parent=health(self._words()),
            crossed=any(one.look.against for one in self.judged),
            unjudged=unjudged(self.judged),
            ahead=clock.ahead(self.judged, self.when),
            disputed=tuple(disputes(self.judged)),
            children=self._bad_children(),
        )

    def _bad_children(self) -> tuple[str, ...]:
        """The children that are bad, when they are few and everything else is sound."""
        bad = [one for one in self.judged if one.bogus]
        if self._broken() or any(one.column not in _CHILD for one in bad):
            return ()
        seen = {o.sight.name for o in self.judged if o.column in _CHILD and o.look.state}
        names = tuple(dict.fromkeys(one.sight.name for one in bad))
        return names if len(names) * 2 <= len(seen) else ()


def _asked(one: Judged) -> tuple[str, str]:
    return one.sight.purpose, one.sight.name
