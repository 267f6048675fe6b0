"""A plan as text for a terminal and as Markdown for a ticket. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import fill

from orchestrator.names import length_text
from orchestrator.rollout.plan import Plan, PlannedHost, budget_sentence, share_sentence

WIDTH = 80


def text_of(plan: Plan, width: int = WIDTH) -> str:
    """The plan: what, why, evidence, hosts, diffs, waves. Prose is wrapped at `width`."""
    parts = [
        _head(plan),
        _evidence(plan),
        _warnings(plan, width),
        _hosts(plan, width),
        *(_change(group) for group in _alike(plan)),
        _previews(plan),
        _rules(plan, width),
    ]
    return "\n\n".join(part for part in parts if part)


def markdown_of(plan: Plan) -> str:
    """The same for a ticket."""
    zones = ", ".join(nta.zone for nta in plan.ntas)
    body = "\n\n".join(f"```\n{part}\n```" for part in text_of(plan).split("\n\n"))
    return f"## Negative trust anchor for {zones} (plan {plan.id})\n\n{body}"


def _head(plan: Plan) -> str:
    what = "Negative trust anchor" if plan.action == "apply" else "New end for the NTA"
    off = " (VALIDATION OFF)" if plan.overrides else ""
    lines = [
        f"Plan {plan.id}: {what} for {', '.join(nta.zone for nta in plan.ntas)}{off}",
        f"  reason   {plan.reason}{f' ({plan.ticket})' if plan.ticket else ''}",
        f"  by       {plan.created_by}, {plan.created_at:%Y-%m-%d %H:%M:%SZ}",
        f"  lasts    {length_text(plan.lifetime)}, ends by itself {_ends(plan)}",
        f"  good     until {plan.expires_at:%H:%M:%SZ}, digest {plan.digest[:16]}",
    ]
    lines += [f"  approved {a.by}, {a.at:%H:%M:%SZ}" for a in plan.approvals]
    return "\n".join(lines)


def _ends(plan: Plan) -> str:
    return f"{plan.ntas[0].ends_at:%Y-%m-%d %H:%M:%SZ}"


def _evidence(plan: Plan) -> str:
    lines = ["Evidence"]
    for verdict in plan.verdicts:
        extent = f", {verdict.extent.value}" if verdict.extent else ""
        lines.append(
            f"  {verdict.zone} is {verdict.state.value}{extent}; "
            f"remedy {verdict.remedy.value} ({verdict.at:%H:%M:%SZ}, {verdict.queries} questions)"
        )
        for finding in verdict.findings[:3]:
            where = " ".join(part for part in (finding.rrset, finding.owner) if part)
            lines.append(f"    {finding.cause.value}  {where}")
    return "\n".join(lines)


def _warnings(plan: Plan, width: int) -> str:
    return "\n".join(_wrapped(f"! {warning}", "  ", width) for warning in plan.warnings)


def _hosts(plan: Plan, wide: int) -> str:
    width = max((len(planned.host.name) for planned in plan.hosts), default=0)
    lines = ["Hosts"]
    for planned in plan.hosts:
        host = planned.host
        what = "~ changed" if planned.change else f"- left alone: {planned.rule}"
        lines.append(f"  {host.name:<{width}}  {host.engine:<8} {host.site:<10} {what}")
        if planned.fails_all:
            lines.append("    fails names that are sound, and resolves them with CD")
        if planned.message:
            lines.append(_wrapped(f"    {planned.message}", "      ", wide))
    return "\n".join(lines)


def _alike(plan: Plan) -> list[list[PlannedHost]]:
    """Hosts whose change reads the same, grouped."""
    groups: dict[tuple[str, tuple[str, ...]], list[PlannedHost]] = {}
    for planned in plan.hosts:
        if planned.change is not None:
            key = (planned.change.diff, planned.change.commands)
            groups.setdefault(key, []).append(planned)
    return list(groups.values())


def _change(group: list[PlannedHost]) -> str:
    change = group[0].change
    assert change is not None
    lines = [f"On {', '.join(planned.host.name for planned in group)}"]
    lines += _indented(change.diff.splitlines())
    lines += _indented(f"$ {command}" for command in change.commands)
    return "\n".join(lines)


def _wrapped(text: str, indent: str, width: int) -> str:
    return fill(text, width, subsequent_indent=indent)


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _previews(plan: Plan) -> str:
    lines = []
    for preview in plan.previews:
        lines.append(f"Mode {plan.mode} on {preview.engine} (shown, never applied)")
        lines += _indented(preview.text.splitlines())
        lines += _indented(f"$ {command}" for command in preview.commands)
        lines += _indented(f"! {danger}" for danger in preview.dangers)
    return "\n".join(lines)


def _rules(plan: Plan, width: int) -> str:
    canaries = plan.canary_waves() if plan.action == "apply" else ()
    waves = [
        f"  {number}. {'canary: ' if number <= len(canaries) else ''}{', '.join(wave)}"
        for number, wave in enumerate(plan.waves, 1)
    ]
    policy = plan.playbook
    out = (
        f"Taken out by `watch` after {length_text(policy.hold_down)} of clean full rounds, "
        f"a canary per site first for {length_text(policy.bake)}; by each host itself at the end."
    )
    rules = (share_sentence(policy), budget_sentence(policy), out)
    return "\n".join(["Waves", *waves, *(fill(text, width) for text in rules)])
