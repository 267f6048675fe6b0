"""How an apply, a renewal, a revert or a rollback ended, for a person and for a script. Pure."""

from __future__ import annotations

from typing import Any

from orchestrator.rollout.apply import Report

_OUT = {
    "done": "the NTA is out, and every host validates",
    "person-needed": "a person is needed: the NTA is not proven to be out of every host; "
    "guards still lift it at its end",
}
_SENTENCES = {
    "done": "all on: every host of plan {plan} holds what it should",
    "pending": "on, within the failure budget; hosts named below are pending, watch goes on",
    "taken-back": "all as before: every touched host was taken back",
    "nothing-changed": "all as before: nothing was changed on any host",
    "ended-before": "nothing to do: it has ended already",
    "stopped": "stopped after the hosts in flight; those that hold it go on holding it",
    "person-needed": "a person is needed: hosts named below are not in a known good state",
}


def text_of(report: Report, verb: str = "apply") -> str:
    """One line a host, then the ending in a sentence."""
    sentences = _SENTENCES | (_OUT if verb in {"revert", "rollback"} else {})
    width = max((len(name) for name in report.hosts), default=0)
    lines = []
    for name, (state, rule, message) in sorted(report.hosts.items()):
        more = f" [{rule}]" if rule else ""
        lines.append(f"  {name:<{width}}  {state}{more}{f'  {message}' if message else ''}")
    lines.append(sentences[report.ending].format(plan=report.plan))
    if report.why:
        lines.append(f"  {'next' if report.ending == 'stopped' else 'why'}: {report.why}")
    if report.ending in {"pending", "person-needed"}:
        lines.append("  next: ntactl status")
    return "\n".join(lines)


def json_of(report: Report, verb: str = "apply") -> dict[str, Any]:
    """Schema "ntactl/<verb>/1"."""
    return {
        "schema": f"ntactl/{verb}/1",
        "plan": report.plan,
        "ending": report.ending,
        "exit_code": report.exit_code,
        "why": report.why,
        "hosts": [
            {"host": name, "state": state, "rule": rule, "message": message}
            for name, (state, rule, message) in sorted(report.hosts.items())
        ],
    }
