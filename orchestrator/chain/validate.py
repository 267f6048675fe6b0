"""One name, one type: iterate from the root hints, follow aliases, and say how the answer stands.

RFC 4033 section 5. The answer is as good as the worst of its links: each alias on the way and the
RRset or the denial at its end. Other servers are asked before an answer is called bogus; when they
show a better one, resolvers get by and the fault is told as partial.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from dns.name import Name
from dns.rdatatype import RdataType

from orchestrator.chain.answer import WORST, Answers, goes_on
from orchestrator.chain.iterate import Heard, Iteration, Trouble
from orchestrator.chain.links import GOOD, Blame, Judged, Links, Sighting
from orchestrator.chain.tell import EDE
from orchestrator.chain.vantage import Vantage, anchor_groups
from orchestrator.chain.verify import Fault, When
from orchestrator.chain.walk import Steps
from orchestrator.model import (
    Cause,
    Extent,
    Finding,
    Remedy,
    ServerState,
    Severity,
    State,
    Validation,
)

ALIASES = 16  # followed for one answer; BIND 16, Unbound 11


@dataclass(frozen=True, slots=True)
class Seen:
    """What one validation has seen: the links of the answer, and every answer on the way."""

    name: Name
    rdtype: RdataType
    links: tuple[Judged, ...]
    sightings: tuple[Sighting, ...]
    troubles: tuple[Trouble, ...]
    queries: int


def see(name: Name, rdtype: RdataType, vantage: Vantage, when: When) -> Steps[Seen]:
    """Iterate and judge; a generator of questions that is sent their replies."""
    iteration = Iteration(vantage)
    links = Links(iteration, anchor_groups(vantage.anchors), when)
    judged = yield from _follow(Answers(links), name, rdtype)
    return Seen(
        name,
        rdtype,
        tuple(judged),
        tuple(links.sightings),
        tuple(iteration.troubles),
        iteration.asked,
    )


def _follow(answers: Answers, name: Name, rdtype: RdataType) -> Steps[list[Judged]]:
    """The links from alias to alias; what an answer has of its own aliases is used first."""
    links: list[Judged] = []
    heard: Heard | None = None
    been: set[Name] = set()
    while len(links) < ALIASES and name not in been:
        been.add(name)
        judged, heard = yield from _link(answers, name, rdtype, heard)
        links.append(judged)
        if judged.target is None:
            return links
        name = judged.target
    detail = "the aliases lead in a circle" if name in been else f"over {ALIASES} aliases"
    fault = Fault(Cause.VALIDATION_LIMIT, "CNAME", name.to_text(), f"{detail}: there is no answer")
    # Neither an RRset nor a denial at its end: nothing to validate, SERVFAIL from Unbound.
    return [*links, Judged(State.BOGUS, name, (Blame(fault, ""),))]


def _link(
    answers: Answers, name: Name, rdtype: RdataType, heard: Heard | None
) -> Steps[tuple[Judged, Heard | None]]:
    """One link: from the answer that led here, where that goes on and is good, else asked for."""
    if not (heard and name.is_subdomain(heard.place.zone) and goes_on(heard.message, name, rdtype)):
        return (yield from answers.ask(name, rdtype))
    here = yield from answers.judge(heard, name, rdtype)
    if here.state in GOOD:
        return here, heard
    judged, other = yield from answers.ask(name, rdtype)
    better = WORST.index(judged.state) > WORST.index(here.state) and judged.state in GOOD
    return (judged, other) if better else (here, heard)


def judge(
    seen: Seen, at: datetime, when: When, *, duration_ms: int = 0, own_clock: bool = False
) -> Validation:
    """The verdict on what was seen. `own_clock`: the time is this machine's, nobody gave it."""
    verdict = _judge(seen, at, when, duration_ms)
    return _clock_suspect(verdict) if own_clock and _out_of_time(verdict) else verdict


def over_rounds(verdicts: Sequence[Validation]) -> Validation:
    """The worst of several looks at one answer; flapping when others were good."""
    worst = min(verdicts, key=lambda verdict: WORST.index(verdict.state))
    calm = len({verdict.state for verdict in verdicts}) == 1
    flaps = worst.state is State.BOGUS and not calm
    return worst.model_copy(
        update={
            "extent": Extent.FLAPPING if flaps else worst.extent,
            "rounds": len(verdicts),
            "duration_ms": sum(verdict.duration_ms for verdict in verdicts),
            "queries": sum(verdict.queries for verdict in verdicts),
        }
    )


def _out_of_time(verdict: Validation) -> bool:
    """Does already the root's own DNSKEY RRset look out of its time?"""
    main = verdict.findings[0] if verdict.findings else None
    times = (Cause.RRSIG_EXPIRED, Cause.RRSIG_NOT_YET_VALID)
    return main is not None and main.cause in times and (main.rrset, main.owner) == ("DNSKEY", ".")


def _clock_suspect(verdict: Validation) -> Validation:
    """The root is signed every day: our clock is likelier to be wrong than all of it."""
    detail = f"the root itself looks out of its time: {verdict.findings[0].detail}"
    main = Finding(cause=Cause.CLOCK_SUSPECT, severity="error", owner=".", detail=detail)
    return verdict.model_copy(
        update={
            "state": State.INDETERMINATE,
            "extent": None,
            "findings": (main, *verdict.findings),
            "remedy": Remedy.ESCALATE,
            "remedy_reason": "this machine's clock may be wrong: set it first, then look again",
        }
    )


def _judge(seen: Seen, at: datetime, when: When, duration_ms: int) -> Validation:
    worst = min(seen.links, key=lambda link: WORST.index(link.state))
    partial = worst.state in GOOD and any(_bad(sighting) for sighting in seen.sightings)
    state = State.BOGUS if partial else worst.state
    extent = None if state is not State.BOGUS else Extent.PARTIAL if partial else Extent.WHOLE
    counted = [sighting.judged for sighting in seen.sightings]
    good, bad = sum(one.good for one in counted), sum(one.bad for one in counted)
    ends = [one.expires for one in counted if one.expires is not None]
    zone = worst.zone.canonicalize().to_text()
    what, why = _remedy(state, extent, worst)
    return Validation(
        name=seen.name.canonicalize().to_text(),
        type=RdataType.to_text(seen.rdtype),
        shows=seen.links[-1].shows,
        aliases=tuple(_text(link.target) for link in seen.links if link.target is not None),
        zone=zone,
        state=state,
        extent=extent,
        findings=_findings(seen, worst, partial=partial),
        fraction_bogus=round(bad / (good + bad), 4) if bad else 0.0,
        servers=_servers(seen.sightings),
        remedy=what,
        remedy_reason=why,
        signature_margin=int(min(ends) - when.now) if ends else None,
        at=at,
        rounds=1,
        duration_ms=duration_ms,
        queries=seen.queries,
    )


def _text(name: Name) -> str:
    return name.canonicalize().to_text()


def _bad(sighting: Sighting) -> bool:
    return sighting.judged.state is State.BOGUS


def _findings(seen: Seen, worst: Judged, *, partial: bool) -> tuple[Finding, ...]:
    """The cause of the verdict first, then what else is wrong on the way."""
    broken = worst.state not in GOOD
    told = [_finding(blame, "error" if broken else _mild(blame)) for blame in worst.blames]
    others = [s.judged for s in seen.sightings if _bad(s)] if partial or broken else []
    told += [_finding(blame, "error") for one in others for blame in one.blames]
    for link in seen.links:
        told += [_finding(blame, "error" if broken else _mild(blame)) for blame in link.blames]
    told += [_finding(Blame(t.fault, str(t.server)), "info") for t in seen.troubles]
    rank = ("error", "warning", "info")
    unique: dict[tuple[object, ...], Finding] = {}
    for one in told:
        unique.setdefault((one.cause, one.rrset, one.owner, one.server, one.key_tag), one)
    return tuple(sorted(unique.values(), key=lambda one: rank.index(one.severity)))


def _mild(blame: Blame) -> Severity:
    """Beside an answer that stands."""
    return "info" if blame.fault.cause is Cause.TRUST_ANCHOR_MISMATCH else "warning"


def _finding(blame: Blame, severity: Severity) -> Finding:
    fault = blame.fault
    return Finding(
        cause=fault.cause,
        severity=severity,
        server=blame.server or None,
        rrset=fault.rrset or None,
        owner=fault.owner,
        key_tag=fault.key_tag,
        algorithm=fault.algorithm,
        detail=fault.detail,
        ede=EDE.get(fault.cause),
    )


def _servers(sightings: Iterable[Sighting]) -> tuple[ServerState, ...]:
    """Every server whose answer was judged, by the worst of its answers."""
    states: dict[tuple[str, str], list[State]] = {}
    for sighting in sightings:
        server = sighting.heard.server
        states.setdefault((server.name, server.address), []).append(sighting.judged.state)
    return tuple(
        ServerState(name=name, address=address, state=_worst(found))
        for (name, address), found in states.items()
    )


def _worst(states: Sequence[State]) -> State:
    return min(states, key=WORST.index)


def _remedy(state: State, extent: Extent | None, worst: Judged) -> tuple[Remedy, str]:
    """One answer is little to go by: an NTA is for a zone that `check` has looked at."""
    causes = {blame.fault.cause for blame in worst.blames}
    if Cause.VALIDATION_LIMIT in causes:
        return Remedy.ESCALATE, "more than a validator takes on: look before you act"
    if extent is Extent.PARTIAL:
        return Remedy.NONE, "validators answer by asking the other servers: tell its operator"
    if state is State.BOGUS:
        return _bogus(worst, causes)
    if state is State.INDETERMINATE:
        return Remedy.ESCALATE, "nothing could be judged: not shown to be DNSSEC, so no NTA"
    if state is State.INSECURE:
        return (
            Remedy.NONE,
            "proven unsigned, or nothing can prove it (opt-out, no anchor): resolvers pass it on",
        )
    return Remedy.NONE, "the chain of trust is whole down to this answer"


def _bogus(worst: Judged, causes: Collection[Cause]) -> tuple[Remedy, str]:
    """The zone to look at is the child where its DS was asked for; it is never the root."""
    if Cause.TRUST_ANCHOR_MISMATCH in causes:
        why = "our trust anchor is not the zone's: mend that; an NTA would hide our own fault"
        return Remedy.NONE, why
    main = worst.blames[0].fault if worst.blames else None
    zone = main.owner.lower() if main and main.rrset == "DS" else _text(worst.zone)
    if zone == ".":
        why = "the root does not validate from here, and no NTA is for the root: look at the path"
        return Remedy.NONE, f"{why} to its servers and at our anchor with `ntactl check .`"
    return Remedy.NTA, f"no validator accepts it; `ntactl check {zone}` shows how far it goes"
