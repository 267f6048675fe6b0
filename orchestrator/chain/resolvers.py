"""The zone, or our resolvers? A verdict on the zone, with what the fleet answers put beside it."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.model import Cause, Finding, Remedy, ResolverView, State, Verdict


def with_resolvers(verdict: Verdict, views: Sequence[ResolverView]) -> Verdict:
    """Add the resolvers' answers; where the zone is sound, they may change the remedy.

    A resolver that fails only while it validates, on a zone that is sound, holds stale data
    (nz 2023): the remedy is a flush. One that fails either way has a fault of its own.
    """
    verdict = verdict.model_copy(update={"resolvers": tuple(views)})
    if verdict.state not in (State.SECURE, State.INSECURE) or verdict.remedy is Remedy.ESCALATE:
        return verdict
    stale = [view for view in views if (view.rcode, view.rcode_cd) == ("SERVFAIL", "NOERROR")]
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
    return verdict.model_copy(update=update)


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
