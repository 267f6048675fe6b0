"""How an apply, a renewal, a revert, a rollback or a flush ended, for people and scripts. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from orchestrator.incident.lifecycle import Accepted, Record
from orchestrator.rollout.apply import FEW, Report

_OUT = {
    "done": "the NTA is out, and every host validates",
    "person-needed": "a person is needed: the NTA is not proven to be out of every host; "
    "guards still lift it at its end",
}
_FLUSHED = {
    "done": "flushed, and every host that failed resolves and validates again",
    "pending": "flushed, within the failure budget, but for hosts named above",
    "nothing-changed": "nothing was flushed on any host",
    "nothing-to-do": "nothing to do: the zone is sound, and no host holds old data of it",
    "uncured": "hosts named above still fail, and a flush is no cure for them",
    "person-needed": "stopped: what is flushed stays so, a person is needed for the rest",
    "stopped": "stopped after the hosts in flight; what is flushed stays so",
}
_WELL = {"applied", "reverted", "renewed", "flushed", "sound"}
_SENTENCES = {
    "done": "all on: every host of plan {plan} holds what it should",
    "pending": "on, within the failure budget; hosts named below are pending, watch goes on",
    "taken-back": "all as before: every touched host was taken back",
    "nothing-changed": "all as before: nothing was changed on any host",
    "ended-before": "nothing to do: it has ended already",
    "stopped": "stopped after the hosts in flight; those that hold it go on holding it",
    "person-needed": "a person is needed: hosts named below are not in a known good state",
}
_OTHERS = {"revert": _OUT, "rollback": _OUT, "flush": _FLUSHED}


def text_of(report: Report, verb: str = "apply") -> str:
    """One line a host, those of many that are well counted, then the ending in a sentence."""
    sentences = _SENTENCES | _OTHERS.get(verb, {})
    lines = [*_hosts(report), *(f"  {accepted_text(a)}" for a in report.accepted)]
    lines.append(sentences[report.ending].format(plan=report.plan))
    if report.why:
        lines.append(f"  {'next' if report.ending == 'stopped' else 'why'}: {report.why}")
    if report.ending in {"pending", "person-needed"}:
        again = "the same command again, which flushes those that still fail then"
        lines.append(f"  next: {again if verb == 'flush' else 'ntactl status'}")
    if report.ending == "pending" and verb in {"apply", "mitigate"}:
        lines.append("  once they are mended: ntactl apply PLAN --resume")
    return "\n".join(lines)


def _hosts(report: Report) -> list[str]:
    well = Counter(state for state, rule, _ in report.hosts.values() if _is_well(state, rule))
    counted = {state for state, count in well.items() if count > FEW}
    lines = [f"  {well[state]} hosts  {state}" for state in sorted(counted)]
    told = {n: h for n, h in report.hosts.items() if not (_is_well(*h[:2]) and h[0] in counted)}
    width = max((len(name) for name in told), default=0)
    for name, (state, rule, message) in sorted(told.items()):
        more = f" [{rule}]" if rule else ""
        lines.append(f"  {name:<{width}}  {state}{more}{f'  {message}' if message else ''}")
    return lines


def _is_well(state: str, rule: str) -> bool:
    return state in _WELL and not rule


def accepted_text(accepted: Accepted) -> str:
    """Who accepted which refusal."""
    return f"{accepted.by} accepted: {accepted.what}"


def standing_text(record: Record) -> str:
    """Where one NTA stands, host states counted, in a sentence."""
    states = Counter(host.state.value for host in record.hosts.values())
    told = ", ".join(f"{count} {state}" for state, count in states.items())
    return f"{record.id}: of {len(record.hosts)} hosts {told}"


def json_of(report: Report, verb: str = "apply") -> dict[str, Any]:
    """Schema "ntactl/<verb>/1"."""
    return {
        "schema": f"ntactl/{verb}/1",
        "plan": report.plan,
        "ending": report.ending,
        "exit_code": report.exit_code,
        "why": report.why,
        "accepted": [asdict(accepted) for accepted in report.accepted],
        "hosts": [
            {"host": name, "state": state, "rule": rule, "message": message}
            for name, (state, rule, message) in sorted(report.hosts.items())
        ],
    }
