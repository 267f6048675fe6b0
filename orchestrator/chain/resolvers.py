"""The zone, or our resolvers? A verdict on the zone, with what the fleet answers put beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dns.rdatatype import DS

from orchestrator.chain.evidence import Evidence, Sight
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


def with_resolvers(verdict: Verdict, views: Sequence[ResolverView]) -> Verdict:
    """Add the resolvers' answers; where the zone is sound, they may change the remedy.

    A resolver that fails only while it validates, on a zone that is sound, holds stale data
    (nz 2023): the remedy is a flush. One that fails either way has a fault of its own. Names
    behind a signed delegation that the host does validate (its DS was asked) are the child's.
    """
    verdict = verdict.model_copy(update={"resolvers": tuple(views)})
    if verdict.state not in (State.SECURE, State.INSECURE) or verdict.remedy is Remedy.ESCALATE:
        return verdict
    failing = [view for view in views if (view.rcode, view.rcode_cd) == ("SERVFAIL", "NOERROR")]
    childs = [cut for view in failing if (cut := _sound_cut(view, views))]
    stale = [view for view in failing if not _sound_cut(view, views)]
    ill = [view for view in views if view.rcode == "SERVFAIL" and view.rcode_cd == "SERVFAIL"]
    silent = _silent(views)
    told = [
        *(_stale(view) for view in _one_a_host(stale)),
        *(_ill(view) for view in _one_a_host(ill)),
        *(_lost(view) for view in _one_a_host(silent)),
        *_unvalidated(verdict, views),
    ]
    update: dict[str, object] = {"findings": (*told, *verdict.findings)}
    if stale:
        hosts = ", ".join(dict.fromkeys(view.host for view in stale))
        update["remedy"] = Remedy.FLUSH
        update["remedy_reason"] = f"the zone is sound, the caches of {hosts} are not"
    elif ill:
        update["remedy_reason"] = "the zone is sound; a resolver has a fault of its own"
    elif childs:
        cuts = " ".join(dict.fromkeys(childs))
        update["remedy_reason"] = f"the zone is sound, names below it fail: ntactl check {cuts}"
    return verdict.model_copy(update=update)


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


def _finding(view: ResolverView, cause: Cause, detail: str) -> Finding:
    ede = view.ede[0] if view.ede else None
    return Finding(
        cause=cause, severity="error", server=view.host, owner=view.name, detail=detail, ede=ede
    )


def _stale(view: ResolverView) -> Finding:
    detail = f"SERVFAIL for {view.name} {view.type}, NOERROR with CD: its cache holds old data"
    return _finding(view, Cause.CACHE_MISMATCH, detail)


def _ill(view: ResolverView) -> Finding:
    detail = f"SERVFAIL for {view.name} {view.type} also with CD: it cannot reach the zone"
    return _finding(view, Cause.SERVER_LAME, detail)


def _lost(view: ResolverView) -> Finding:
    detail = f"no answer ({view.error})"
    return _finding(view, Cause.SERVER_UNREACHABLE, detail).model_copy(
        update={"severity": "warning"}
    )


def _unvalidated(verdict: Verdict, views: Sequence[ResolverView]) -> list[Finding]:
    """Hosts that answer for a secure zone's own records without AD: an NTA, or no validation."""
    if verdict.state is not State.SECURE:
        return []
    own = [v for v in views if v.name == verdict.zone and v.rcode == "NOERROR" and not v.ad]
    detail = "answers without AD though the zone is secure: an NTA stands, or it does not validate"
    return [
        _finding(view, Cause.CACHE_MISMATCH, detail).model_copy(update={"severity": "info"})
        for view in _one_a_host(own)
    ]
