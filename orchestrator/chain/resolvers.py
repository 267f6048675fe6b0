"""The zone, or our resolvers? A verdict on the zone, with what the fleet answers put beside it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from dns.rdatatype import DS

from orchestrator.chain.evidence import Evidence, Sight
from orchestrator.chain.local import ANSWERED, finding, not_valid, pair, says_nta
from orchestrator.dns.message import read
from orchestrator.model import Cause, Finding, Remedy, ResolverView, State, Verdict
from orchestrator.names import under


def signed_cuts(evidence: Evidence, names: Iterable[str]) -> tuple[str, ...]:
    """The signed delegations below the zone that `names` lie in.

    What is behind one has a chain of its own: a resolver that validates the DS there and fails
    further down says nothing against the zone, nor against its own cache of the zone.
    """
    wanted = set(names)
    cuts = [_signed_cut(s) for s in evidence.sights if s.purpose == "child" and s.name in wanted]
    return tuple(dict.fromkeys(cut for cut in cuts if cut))


def _signed_cut(sight: Sight) -> str:
    message = read(sight.wire) if sight.wire else None
    sections = (*message.answer, *message.authority) if message else ()
    return next((r.name.to_text() for r in sections if r.rdtype == DS), "")


def with_resolvers(
    verdict: Verdict,
    views: Sequence[ResolverView],
    faults: Sequence[Finding] = (),
    engines: Mapping[str, str] | None = None,
) -> Verdict:
    """Add the resolvers' answers; they may change the remedy, never the state.

    Where the zone is sound, a resolver that fails only while it validates holds stale data
    (nz 2023): the remedy is a flush. One that fails either way, or has one of the `faults`, is
    ill itself. Names behind a signed delegation that the host does validate (its DS was asked) are
    the child's. `engines` by host: one whose engine takes the zone for bogus needs no stale data
    to fail.
    """
    verdict = verdict.model_copy(update={"resolvers": tuple(views)})
    if verdict.state is State.BOGUS:
        return _bogus(verdict, views, faults)
    if verdict.state is State.INDETERMINATE or verdict.remedy is Remedy.ESCALATE:
        return verdict.model_copy(update={"findings": (*verdict.findings, *_beside(faults))})
    rejecting = (one for one in verdict.engines if one.state is State.BOGUS)
    bogus: dict[str, list[str]] = {}
    for one in rejecting:
        bogus.setdefault(one.engine, []).append(f"{one.engine} {one.versions}")
    strict = {h: " and ".join(bogus[e]) for h, e in (engines or {}).items() if e in bogus}
    return _sound(verdict, views, faults, strict)


def stale(verdict: Verdict) -> list[ResolverView]:
    """What a flush would mend: the failing views of hosts that hold old data of a sound zone."""
    if verdict.remedy is not Remedy.FLUSH:
        return []
    views, told = verdict.resolvers, verdict.findings
    old = (f for f in told if f.cause is Cause.CACHE_MISMATCH and f.severity == "error")
    hosts = {f.server for f in old if under(f.owner or ".", verdict.zone)}
    return [v for v in views if v.host in hosts and not_valid(v) and not _sound_cut(v, views)]


def _beside(faults: Iterable[Finding]) -> list[Finding]:
    """Faults of resolvers, where the zone's own are the main thing."""
    told = {"error": "warning"}
    return [f.model_copy(update={"severity": told.get(f.severity, f.severity)}) for f in faults]


def _sound(
    verdict: Verdict,
    views: Sequence[ResolverView],
    faults: Sequence[Finding],
    strict: Mapping[str, str],
) -> Verdict:
    faulty = {fault.server for fault in faults if fault.severity == "error"}
    views = [view for view in views if view.host not in faulty]
    told = _Told.of(views, strict)
    update: dict[str, object] = {"findings": (*told.findings(faults), *verdict.findings)}
    if told.stale:
        hosts = ", ".join(dict.fromkeys(view.host for view in told.stale))
        update["remedy"] = Remedy.FLUSH
        update["remedy_reason"] = f"the zone is sound, the caches of {hosts} are not"
    elif told.limited:
        who = ", ".join(dict.fromkeys(strict[view.host] for view in told.limited))
        update["remedy_reason"] = (
            f"the zone is sound; {who} rejects it, wholly or in part, and "
            "a flush changes nothing of that: tell the zone's operator"
        )
    elif told.ill or told.slow or faulty:
        update["remedy_reason"] = "the zone is sound; a resolver has a fault of its own"
    elif told.childs:
        cuts = " ".join(dict.fromkeys(told.childs))
        update["remedy_reason"] = f"the zone is sound, names below it fail: ntactl check {cuts}"
    return verdict.model_copy(update=update)


@dataclass(frozen=True)
class _Told:
    """What the views of a sound zone show of caches and ways, by kind; `childs` are delegations."""

    stale: list[ResolverView]
    limited: list[ResolverView]
    ill: list[ResolverView]
    slow: list[ResolverView]
    silent: list[ResolverView]
    childs: list[str]

    @classmethod
    def of(cls, views: Sequence[ResolverView], strict: Container[str]) -> _Told:
        failing = [view for view in views if not_valid(view)]
        late = [view for view in views if view.rcode is None and view.rcode_cd in ANSWERED]
        own = [view for view in failing if not _sound_cut(view, views)]
        return cls(
            stale=[view for view in own if view.host not in strict],
            limited=[view for view in own if view.host in strict],
            ill=[view for view in views if _fails_either_way(view)],
            slow=[view for view in late if not _sound_cut(view, views)],
            silent=_silent(views),
            childs=[cut for view in failing if (cut := _sound_cut(view, views))],
        )

    def findings(self, faults: Iterable[Finding]) -> list[Finding]:
        """One a host and kind, what calls for a flush first."""
        return [
            *(_stale(view) for view in _one_a_host(self.stale)),
            *(_limited(view) for view in _one_a_host(self.limited)),
            *(fault for fault in faults if fault.severity == "error"),
            *(_ill(view) for view in _one_a_host(self.ill)),
            *(_slow(view) for view in _one_a_host(self.slow)),
            *(_lost(view) for view in _one_a_host(self.silent)),
            *(fault for fault in faults if fault.severity != "error"),
        ]


def _bogus(verdict: Verdict, views: Sequence[ResolverView], faults: Sequence[Finding]) -> Verdict:
    """Resolvers that validate what fails from here: is it the path from here (RFC 7646 section 7)?

    AD says that a resolver validated, so no NTA stands there. It may have done so while the chain
    was whole; either way an NTA would change nothing for it now.
    """
    told, unanimous = _validating(verdict, views)
    update: dict[str, object] = {"findings": (*verdict.findings, *told, *_beside(faults))}
    if unanimous and verdict.remedy in {Remedy.NTA, Remedy.NTA_CHILD}:
        update["remedy"] = Remedy.ESCALATE
        update["remedy_reason"] = (
            "our resolvers validate the names that fail from here: their caches hold the chain, "
            "or the path from here is suspect (RFC 7646 section 7); look from another place"
        )
    return verdict.model_copy(update=update)


def _validating(
    verdict: Verdict, views: Sequence[ResolverView]
) -> tuple[tuple[Finding, ...], bool]:
    """Who answers with AD what fails from here, and do all that answer?"""
    asked = [view for view in views if view.name in verdict.bad_names]
    sound = [view for view in asked if view.ad and view.rcode in ANSWERED]
    heard = [view for view in asked if view.rcode or view.rcode_cd]
    confirmed = len(sound) < len(heard) or any(view.rcode == "SERVFAIL" for view in views)
    return tuple(_validates(view) for view in _one_a_host(sound)), bool(sound) and not confirmed


def with_witnesses(verdict: Verdict, views: Sequence[ResolverView]) -> Verdict:
    """Add what validating resolvers elsewhere see: they speak on the remedy, never on the state.

    Consistency over vantage points speaks for a mistake of the operator, inconsistency for a
    fault, or an attack, on the way from here (RFC 7646 section 7).
    """
    ntas = (says_nta(view for view in views if view.host == host) for host in _hosts(views))
    findings = (*verdict.findings, *(nta for nta in ntas if nta))
    verdict = verdict.model_copy(update={"witnesses": tuple(views), "findings": findings})
    alike = {view.host for view in views if not_valid(view)}
    heard = {view.host for view in views if view.rcode or view.rcode_cd}
    if verdict.state is not State.BOGUS:
        told = tuple(_elsewhere(v) for v in _one_a_host([v for v in views if v.host in alike]))
        return verdict.model_copy(update={"findings": (*verdict.findings, *told)})
    told, unanimous = _validating(verdict, views)
    update: dict[str, object] = {"findings": (*verdict.findings, *told)}
    reason = f"{verdict.remedy_reason}; {len(alike)} of {len(heard)} witnesses fail alike"
    if unanimous and verdict.remedy in {Remedy.NTA, Remedy.NTA_CHILD}:
        update["remedy"] = Remedy.ESCALATE
        reason = (
            "witnesses validate the names that fail from here: the path from here is suspect, or "
            "their caches hold the chain (RFC 7646 section 7)"
        )
    return verdict.model_copy(update=update | {"remedy_reason": reason})


def _hosts(views: Iterable[ResolverView]) -> Iterable[str]:
    return dict.fromkeys(view.host for view in views)


def _elsewhere(view: ResolverView) -> Finding:
    detail = f"SERVFAIL for {pair(view)}: it does not validate there, and does from here"
    return finding(view, Cause.CACHE_MISMATCH, detail).model_copy(update={"severity": "warning"})


def _fails_either_way(view: ResolverView) -> bool:
    pair = (view.rcode, view.rcode_cd)
    return "SERVFAIL" in pair and not ANSWERED & set(pair)


def _sound_cut(failing: ResolverView, views: Sequence[ResolverView]) -> str:
    """The signed delegation above a failing name whose DS the same host validates, or ""."""
    ds = [v for v in views if v.type == "DS" and v.host == failing.host and v.rcode == "NOERROR"]
    return next((view.name for view in ds if under(failing.name, view.name)), "")


def _one_a_host(views: Sequence[ResolverView]) -> list[ResolverView]:
    return list({view.host: view for view in reversed(views)}.values())[::-1]


def _silent(views: Sequence[ResolverView]) -> list[ResolverView]:
    """The views of hosts that answered nothing at all."""
    spoke = {view.host for view in views if view.rcode or view.rcode_cd}
    return [view for view in views if view.host not in spoke]


def _stale(view: ResolverView) -> Finding:
    detail = f"SERVFAIL for {pair(view)}: its cache holds old data"
    return finding(view, Cause.CACHE_MISMATCH, detail)


def _limited(view: ResolverView) -> Finding:
    detail = f"SERVFAIL for {pair(view)}: its engine rejects this zone's signatures"
    return finding(view, Cause.VALIDATION_LIMIT, detail)


def _ill(view: ResolverView) -> Finding:
    detail = f"{view.rcode or 'no answer'} for {pair(view)}: it cannot reach the zone"
    return finding(view, Cause.SERVER_LAME, detail)


def _slow(view: ResolverView) -> Finding:
    """BIND takes seconds to give up on a name; a client has gone by then."""
    detail = f"no answer for {pair(view)}: it comes to no end while it validates"
    return finding(view, Cause.SERVER_UNREACHABLE, detail)


def _validates(view: ResolverView) -> Finding:
    detail = f"answers {view.rcode} with AD for {view.name} {view.type}, which fails from here"
    return finding(view, Cause.CACHE_MISMATCH, detail).model_copy(update={"severity": "warning"})


def _lost(view: ResolverView) -> Finding:
    detail = f"no answer ({view.error})"
    return finding(view, Cause.SERVER_UNREACHABLE, detail).model_copy(
        update={"severity": "warning"}
    )
