"""A verdict for a terminal: one line, the matrix, the causes, what to do. No colour.

Prose is wrapped at 80 columns, or as narrow as is asked; tables and commands stay as they are.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from orchestrator.model import (
    Cell,
    EngineView,
    Extent,
    Finding,
    Indicator,
    Remedy,
    ResolverView,
    State,
    Statistics,
    Verdict,
    rfc3339,
)

WIDTH = 80
COLUMNS = ("DNSKEY", "SOA", "NS", "NXDOMAIN", "child DS", "no DS")
_FINDINGS = 12
_RESOLVERS = 12
_TELLING, _ENOUGH = 0.05, 100  # a share of at least so many answers; lame names make some per cent
_NEXT = {
    Remedy.NTA: "ntactl plan {zone} -i INVENTORY --reason '...'",
    Remedy.NTA_CHILD: "ntactl plan CHILD -i INVENTORY --reason '...'",
    Remedy.FLUSH: "ntactl flush {zone} -i INVENTORY",
}


def text(verdict: Verdict, width: int = WIDTH) -> str:
    """The whole verdict as text, ending in a newline."""
    parts = [
        wrapped(headline(verdict), "", width),
        _matrix(verdict, width),
        findings_text(verdict.findings, width),
        _engines(verdict, width),
        _resolvers("our resolvers", verdict.resolvers, width),
        _statistics(verdict.resolvers, width),
        _resolvers("witnesses", verdict.witnesses, width),
        _indicators(verdict.indicators, width),
        _remedy(verdict, width),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def headline(verdict: Verdict) -> str:
    """The verdict in one line."""
    words = standing(verdict.zone, verdict)
    share = f", {verdict.fraction_bogus:.0%} of signatures bad" if verdict.fraction_bogus else ""
    if len(words) + len(share) <= WIDTH:
        words += share
    return words + _soundness(verdict)


def standing(what: str, verdict: Verdict) -> str:
    """Its state, how far, and the main cause."""
    extent = f" ({verdict.extent})" if verdict.extent else ""
    main = main_error(verdict)
    on = f" on {main.rrset}" if main and main.rrset else ""
    return f"{what} is {verdict.state.upper()}{extent}" + (f": {main.cause}{on}" if main else "")


def main_error(verdict: Verdict) -> Finding | None:
    return next((finding for finding in verdict.findings if finding.severity == "error"), None)


def _soundness(verdict: Verdict) -> str:
    if verdict.state is not State.SECURE or verdict.signature_margin is None:
        return ""
    return f"; first signature ends in {span(verdict.signature_margin)}"


def span(seconds: int) -> str:
    """A length of time in its largest fitting unit."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if abs(seconds) >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _matrix(verdict: Verdict, wide: int) -> str:
    """Servers down, RRsets across: ok, or how many of the looks were bogus."""
    cells = {(cell.server, cell.rrset): cell for cell in verdict.matrix}
    rows = list(dict.fromkeys(cell.server for cell in verdict.matrix if cell.rrset != "DS"))
    columns = [column for column in COLUMNS if any((row, column) in cells for row in rows)]
    if not rows:
        return ""
    width = min(38, max(len("server"), *(len(row) for row in rows)))
    widths = [max(len(column), 5) for column in columns]
    head = "  ".join(f"{word:>{size}}" for word, size in zip(columns, widths, strict=True))
    lines = [f"{'server':<{width}}  {head}"]
    for row in rows:
        shown = (_cell(cells.get((row, column))) for column in columns)
        line = "  ".join(f"{word:>{size}}" for word, size in zip(shown, widths, strict=True))
        lines.append(f"{_short(row, width):<{width}}  {line}".rstrip())
    lines += _parent_line(verdict)
    if verdict.state in (State.BOGUS, State.INDETERMINATE) and not _faulty(verdict):
        note = "(ok: nothing against it here; the chain above the zone is broken)"
        lines.append(wrapped(note, "", wide))
    lines.append(wrapped(_legend(verdict), "", wide))
    return "\n".join(lines)


def _faulty(verdict: Verdict) -> bool:
    return any(cell.bogus or cell.failed for cell in verdict.matrix)


def _short(row: str, width: int) -> str:
    """A server's name gives way to its address when both are too long for the line."""
    if len(row) <= width:
        return row
    name, _, address = row.partition(" (")
    room = width - len(address) - 4
    return f"{name[:room]}.. ({address}" if room > 3 else address.rstrip(")")[:width]


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return "-"
    if cell.looks == cell.failed:
        return "none"
    return f"{cell.bogus}/{cell.looks - cell.failed}" if cell.bogus else "ok"


def _parent_line(verdict: Verdict) -> list[str]:
    cell = next((cell for cell in verdict.matrix if cell.rrset == "DS"), None)
    if cell is None:
        return []
    asked = cell.looks - cell.failed
    state = f"{cell.bogus} of {asked} looks bogus" if cell.bogus else "ok" if asked else "none"
    return [f"DS at the {cell.server}: {state}"]


def _legend(verdict: Verdict) -> str:
    rounds = "round" if verdict.rounds == 1 else "rounds"
    return (
        f"(n/m: n of m looks bogus; none: no answer) {verdict.queries} questions, "
        f"{verdict.rounds} {rounds}, {verdict.duration_ms / 1000:.1f} s"
    )


def findings_text(found: Sequence[Finding], width: int = WIDTH) -> str:
    """The findings, one a paragraph, the first dozen."""
    lines = [wrapped(_finding(finding), width=width) for finding in found[:_FINDINGS]]
    if len(found) > _FINDINGS:
        lines.append(f"  and {len(found) - _FINDINGS} more findings: see --json")
    return "\n".join(lines)


def _finding(finding: Finding) -> str:
    where = " ".join(part for part in (finding.rrset, _owner(finding)) if part)
    tag = f", key {finding.key_tag}" if finding.key_tag is not None else ""
    algorithm = f" (algorithm {finding.algorithm})" if finding.algorithm is not None else ""
    at = f" at {finding.server}" if finding.server else ""
    head = f"{finding.severity}: {finding.cause}" + (f" on {where}" if where else "")
    return f"{head}{tag}{algorithm}{at}: {finding.detail}"


def _owner(finding: Finding) -> str:
    return finding.owner or ""


def wrapped(line: str, indent: str = "  ", width: int = WIDTH) -> str:
    """A long line over several, the rest of it further in."""
    return textwrap.fill(
        line, width, initial_indent=indent, subsequent_indent="      ", break_on_hyphens=False
    )


def _engines(verdict: Verdict, width: int) -> str:
    """Where the fleet's engines do not see the same, by their untouched settings."""
    seen = {(view.state, view.extent) for view in verdict.engines}
    if seen <= {(verdict.state, verdict.extent)}:
        return ""
    lines = [wrapped(_engine(view), width=width) for view in verdict.engines]
    head = "validators differ; with their defaults it is, for"
    return "\n".join([wrapped(head, "", width), *lines])


def _engine(view: EngineView) -> str:
    extent = f" ({view.extent})" if view.extent else ""
    cause = f": {view.cause}" if view.cause else ""
    return f"{view.engine} {view.versions}: {view.state}{extent}{cause}"


def _resolvers(whose: str, views: Sequence[ResolverView], width: int) -> str:
    """Only resolvers that do not all answer alike are told one by one."""
    lines = [wrapped(f"{host}: {words}", width=width) for host, words in _by_host(views).items()]
    if not lines:
        return ""
    if len(set(_by_host(views).values())) == 1 and len(lines) > 1:
        told = f"all {len(lines)}: {next(iter(_by_host(views).values()))}"
        lines = [wrapped(told, width=width)]
    more = [f"  and {len(lines) - _RESOLVERS} more"] if len(lines) > _RESOLVERS else []
    return "\n".join([f"{whose} (answer / with CD):", *lines[:_RESOLVERS], *more])


def _by_host(views: Iterable[ResolverView]) -> dict[str, str]:
    words: dict[str, list[str]] = {}
    for view in views:
        ad = " AD" if view.ad else ""
        ede = f" EDE {view.ede[0]}" if view.ede else ""
        pair = f"{view.rcode or 'no answer'}{ad}{ede}/{view.rcode_cd or 'no answer'}"
        words.setdefault(view.host, []).append(pair)
    return {host: ", ".join(dict.fromkeys(pairs)) for host, pairs in words.items()}


def _statistics(views: Iterable[ResolverView], width: int) -> str:
    """What resolvers have counted, where that says something; the worst first."""
    told = {view.host: view.statistics for view in views if view.statistics}
    shares = {host: share for host, one in told.items() if (share := _share(one)) >= _TELLING}
    if not shares:
        return ""
    worst = sorted(shares, key=lambda host: -shares[host])
    counted = (f"{host}: {_counted(told[host], shares[host])}" for host in worst)
    lines = [wrapped(line, width=width) for line in counted]
    more = [f"  and {len(lines) - _RESOLVERS} more"] if len(lines) > _RESOLVERS else []
    silent = {host: one.error for host, one in told.items() if one.error}
    for why in dict.fromkeys(silent.values()):
        hosts = [host for host in silent if silent[host] == why]
        few = ", ".join(hosts[:_RESOLVERS]) + (" ..." if len(hosts) > _RESOLVERS else "")
        more.append(wrapped(f"not told by {few}: {why}", width=width))
    head = "what our resolvers have counted (a hint, no part of the verdict):"
    return "\n".join([wrapped(head, "", width), *lines[:_RESOLVERS], *more])


def _share(one: Statistics) -> float:
    answers, servfail = one.answers or 0, one.servfail or 0
    return servfail / answers if answers >= _ENOUGH else 0.0


def _counted(one: Statistics, share: float) -> str:
    since = f" since {rfc3339(one.since)} at the earliest" if one.since else ""
    until = f" until {rfc3339(one.at)}" if one.at and one.source == "named.stats" else ""
    why = f", {one.bogus:,} bogus" if one.bogus is not None else ""
    if one.failed_validations is not None:
        why = f"; {one.failed_validations:,} validations failed"
    return f"{share:.0%} SERVFAIL{since}{until}: {one.servfail:,} of {one.answers:,} answers{why}"


def _indicators(found: Sequence[Indicator], width: int) -> str:
    if not found:
        return ""
    lines = [wrapped(f"{one.points_to}: {one.detail}", width=width) for one in found]
    head = "mistake or attack? what speaks for which; no check can decide it:"
    return "\n".join([wrapped(head, "", width), *lines])


def _remedy(verdict: Verdict, width: int) -> str:
    lines = [wrapped(f"{verdict.remedy}: {verdict.remedy_reason}", width=width)]
    step = _NEXT.get(verdict.remedy)
    if step:
        lines.append(f"  next: {step.format(zone=verdict.zone)}")
    return "\n".join(["what to do:", *lines])


def exit_code(verdict: Verdict) -> int:
    """The contract's exit code of one verdict (docs/reference/exit-codes.md)."""
    if verdict.remedy is Remedy.ESCALATE or verdict.state is State.INDETERMINATE:
        return 12
    if verdict.state is State.BOGUS:
        return 10 if verdict.extent is Extent.WHOLE else 11
    faults = any(finding.severity == "error" for finding in verdict.findings)
    return 13 if verdict.remedy is Remedy.FLUSH or faults else 0


def exit_codes(verdicts: Iterable[Verdict]) -> int:
    """Of several verdicts: the first of 10, 11, 12, 13 and 0 that occurs."""
    return min((code for verdict in verdicts if (code := exit_code(verdict))), default=0)
