"""The verdict on one answer for a terminal: one line, the aliases, the causes, what to do."""

from __future__ import annotations

from orchestrator.model import State, Validation
from orchestrator.report.verdict import WIDTH, findings_text, main_error, span, standing, wrapped

_SERVERS = 8


def text(verdict: Validation, width: int = WIDTH) -> str:
    """The whole verdict as text, ending in a newline."""
    parts = [
        "\n".join([wrapped(headline(verdict), "", width), *_aliases(verdict)]),
        findings_text(verdict.findings, width),
        _asked(verdict),
        f"what to do:\n{wrapped(f'{verdict.remedy}: {verdict.remedy_reason}', width=width)}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def headline(verdict: Validation) -> str:
    """The verdict in one line."""
    words = standing(f"{verdict.name} {verdict.type}", verdict)
    if main := main_error(verdict):
        words += f" of {main.owner}"
    elif verdict.shows not in ("", verdict.type):
        words += f": {verdict.shows}"
    if verdict.state is State.SECURE and verdict.signature_margin is not None:
        words += f"; first signature ends in {span(verdict.signature_margin)}"
    return words


def _aliases(verdict: Validation) -> list[str]:
    return [f"  by alias {target}" for target in verdict.aliases]


def _asked(verdict: Validation) -> str:
    """Who answered for the chain and the answer, and at what cost."""
    lines = [f"  {s.name} ({s.address}): {s.state}" for s in verdict.servers[:_SERVERS]]
    if len(verdict.servers) > _SERVERS:
        lines.append(f"  and {len(verdict.servers) - _SERVERS} more: see --json")
    cost = f"{verdict.queries} questions, {verdict.duration_ms / 1000:.1f} s"
    return "\n".join([f"asked ({cost}), zone {verdict.zone}:", *lines])
