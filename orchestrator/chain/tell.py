"""Many judged looks told as few findings, and as the matrix server x RRset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.chain.look import Judged
from orchestrator.chain.remedy import Side
from orchestrator.chain.verify import Fault
from orchestrator.model import Cause, Cell, Finding, Severity

# The RFC 8914 code a resolver would give at its best.
EDE = {
    Cause.RRSIG_EXPIRED: 7,
    Cause.RRSIG_NOT_YET_VALID: 8,
    Cause.RRSIG_MISSING: 10,
    Cause.DNSKEY_MISSING: 9,
    Cause.DS_NO_MATCHING_DNSKEY: 9,
    Cause.DNSKEY_NOT_SIGNED_BY_DS_KEY: 9,
    Cause.DS_DIGEST_MISMATCH: 9,
    Cause.KEY_NOT_ZONE_KEY: 11,
    Cause.DENIAL_MISSING: 12,
    Cause.UNSUPPORTED_ALGORITHM: 1,
    Cause.UNSUPPORTED_DIGEST: 2,
    Cause.NSEC3_ITERATIONS: 27,
    Cause.SERVER_UNREACHABLE: 22,
    Cause.RRSIG_INVALID: 6,
    Cause.RRSIG_UNKNOWN_KEY: 6,
    Cause.DENIAL_INVALID: 6,
}
COLUMNS = ("DS", "DNSKEY", "SOA", "NS", "NXDOMAIN", "child DS", "no DS")
_CHILD = ("child DS", "no DS")
_SEVERITY: dict[Severity, int] = {"error": 0, "warning": 1, "info": 2}


@dataclass(frozen=True, slots=True)
class _Kind:
    """What is told as one finding."""

    cause: Cause
    rrset: str
    column: str
    key_tag: int | None
    algorithm: int | None


@dataclass(slots=True)
class _Group:
    """All faults of one kind."""

    kind: _Kind
    cases: list[tuple[Judged, Fault]]

    def servers(self) -> list[str]:
        return list(dict.fromkeys(str(judged.sight.server) for judged, _ in self.cases))


def findings(judged: Sequence[Judged]) -> list[Finding]:
    """The faults in `judged`, those of one kind together, the main one first.

    A kind that every answering server shows is one finding for all; else there is one a server.
    """
    answering = _answering(judged)
    groups = _without_echoes(_grouped(judged))
    ranked: list[tuple[tuple[int, int, int], Finding]] = []
    for group in groups:
        everywhere = set(group.servers()) >= answering.get(group.kind.column, set())
        for server in [None] if everywhere else group.servers():
            cases = [c for c in group.cases if server in (None, str(c[0].sight.server))]
            finding = _finding(group.kind, server, cases, judged)
            level = COLUMNS.index(group.kind.column) if everywhere else len(COLUMNS)
            depth = min(level, COLUMNS.index("SOA"))
            ranked.append(((_SEVERITY[finding.severity], depth, -len(cases)), finding))
    return [finding for _, finding in sorted(ranked, key=lambda pair: pair[0])]


def _answering(judged: Iterable[Judged]) -> dict[str, set[str]]:
    answering: dict[str, set[str]] = {}
    for one in judged:
        if one.look.state is not None:
            answering.setdefault(one.column, set()).add(str(one.sight.server))
    return answering


def _grouped(judged: Iterable[Judged]) -> list[_Group]:
    groups: dict[_Kind, _Group] = {}
    for one in judged:
        column = one.column if one.column in COLUMNS else "NXDOMAIN"
        for fault in one.look.faults:
            kind = _Kind(fault.cause, fault.rrset, column, fault.key_tag, fault.algorithm)
            groups.setdefault(kind, _Group(kind, [])).cases.append((one, fault))
    return list(groups.values())


def _without_echoes(groups: list[_Group]) -> list[_Group]:
    """Leave out what another finding already says.

    The SOA comes with every denial; and when a key's signatures fail at the zone's own records,
    those over the DS of its children fail with them, which is no fault of the parent's DS.
    """
    own = {(g.kind.cause, g.kind.key_tag) for g in groups if g.kind.column != "child DS"}
    soa = {(g.kind.cause, g.kind.key_tag) for g in groups if g.kind.column == "SOA"}

    def echo(kind: _Kind) -> bool:
        same = (kind.cause, kind.key_tag)
        if kind.rrset == "SOA" and kind.column != "SOA":
            return same in soa
        return kind.column == "child DS" and same in own

    return [group for group in groups if not echo(group.kind)]


def _finding(
    kind: _Kind, server: str | None, cases: Sequence[tuple[Judged, Fault]], judged: Sequence[Judged]
) -> Finding:
    fault = cases[0][1]
    column = [one for one in judged if one.column == kind.column and one.look.state is not None]
    looks = sum(server in (None, str(one.sight.server)) for one in column)
    bad = len({id(one) for one, _ in cases})
    subject = _subject(kind.column, list(dict.fromkeys(one.sight.name for one, _ in cases)))
    return Finding(
        cause=kind.cause,
        severity=_severity(cases),
        server=server,
        rrset=kind.rrset,
        owner=fault.owner,
        key_tag=kind.key_tag,
        algorithm=kind.algorithm,
        detail=f"{subject}{fault.detail} ({bad} of {looks} looks)",
        ede=EDE.get(kind.cause),
    )


def _severity(cases: Sequence[tuple[Judged, Fault]]) -> Severity:
    return "error" if any(judged.bogus for judged, _ in cases) else "warning"


def _subject(column: str, names: Sequence[str]) -> str:
    """Whose proof it is that fails, where the owner of the record does not tell."""
    words = {"no DS": "no-DS proof of", "NXDOMAIN": "denial of", "child DS": "DS of"}
    if column not in words:
        return ""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{words[column]} {', '.join(names[:3])}{more}: "


def matrix(judged: Iterable[Judged], parent: str) -> tuple[Cell, ...]:
    """How many looks, how many bogus, by server and column; the parent's servers as one row."""
    counts: dict[tuple[str, str], list[int]] = {}
    for one in judged:
        row = f"parent {parent}" if one.sight.purpose == "ds" else str(one.sight.server)
        column = one.column if one.column in COLUMNS else "NXDOMAIN"
        cell = counts.setdefault((row, column), [0, 0, 0])
        cell[0] += 1
        cell[1] += one.bogus
        cell[2] += one.look.state is None
    return tuple(
        Cell(server=row, rrset=column, looks=looks, bogus=bogus, failed=failed)
        for (row, column), (looks, bogus, failed) in counts.items()
    )


def unanswered(judged: Sequence[Judged]) -> list[Finding]:
    """Servers that did not answer, or not for the zone: findings, not verdicts."""
    by_server: dict[str, list[Judged]] = {}
    for one in judged:
        by_server.setdefault(str(one.sight.server), []).append(one)
    dead = all(one.look.state is None for one in judged)
    told: dict[tuple[Cause, str, bool], list[str]] = {}
    for server, looks in by_server.items():
        misses = [one for one in looks if one.look.failure and not one.look.unjudged]
        if misses:
            cause = misses[0].look.failure or Cause.SERVER_UNREACHABLE
            some = f"{len(misses)} of {len(looks)} looks: {misses[0].look.detail}"
            silent = len(misses) == len(looks)
            told.setdefault((cause, some, silent), []).append(server)
    return [
        Finding(
            cause=cause,
            severity="error"
            if dead
            else "warning"
            if silent or cause is Cause.TRUNCATED_NO_TCP
            else "info",
            server=server,
            detail=detail,
            ede=EDE.get(cause),
        )
        for (cause, detail, silent), servers in told.items()
        for server in servers
    ]


def flaps(judged: Sequence[Judged]) -> list[Finding]:
    """The same question, at the same server, now good and now bogus: told by the RRset at fault."""
    rounds: dict[_Place, dict[int, bool]] = {}
    for one in judged:
        if one.look.state is not None:
            rounds.setdefault(_place(one), {})[one.sight.round] = one.bogus
    changing = {place for place, seen in rounds.items() if len(set(seen.values())) > 1}
    cases: dict[str, dict[_Place, list[int]]] = {}
    for group in _without_echoes(_grouped(judged)):
        for one, fault in group.cases:
            if (place := _place(one)) in changing:
                cases.setdefault(fault.rrset, {}).setdefault(place, []).append(one.sight.round + 1)
    return [_flap(rrset, places) for rrset, places in cases.items()]


_Place = tuple[str, str, str]


def _place(one: Judged) -> _Place:
    return str(one.sight.server), one.sight.name, one.sight.type


def _flap(rrset: str, places: Mapping[_Place, Sequence[int]]) -> Finding:
    (server, name, _), numbers = next(iter(places.items()))
    bad = ", ".join(map(str, sorted(set(numbers))))
    more = f" and {len(places) - 1} more" if len(places) > 1 else ""
    return Finding(
        cause=Cause.FLAPPING,
        severity="warning",
        rrset=rrset,
        owner=name,
        detail=f"good in one round, bogus in another: {name} at {server} in round {bad}{more}",
    )


def disputes(judged: Iterable[Judged]) -> Mapping[str, tuple[list[str], list[str]]]:
    """Names that some servers say exist and others deny, both with proof, in the last round."""
    last: dict[str, int] = {}
    there: dict[tuple[str, int], dict[bool, list[str]]] = {}
    for one in judged:
        proven = not one.bogus or one.look.against
        if one.sight.purpose == "child" and one.look.exists is not None and proven:
            sight = one.sight
            last[sight.name] = max(last.get(sight.name, 0), sight.round)
            seen = there.setdefault((sight.name, sight.round), {True: [], False: []})
            seen[one.look.exists].append(str(sight.server))
    return {
        name: (seen[True], seen[False])
        for name, number in last.items()
        if (seen := there[name, number])[True] and seen[False]
    }


def health(judged: Sequence[Judged]) -> Side:
    """The answering servers, by whether they ever showed bogus data.

    Where servers contradict each other's keys it depends on whose a validator holds: those of
    the largest party are taken.
    """
    holders = dict.fromkeys(holder for one in judged for holder in one.look.against)
    sides = [_side(judged, holder) for holder in holders or [""]]
    return max(sides, key=lambda side: len(side.clean))


def _side(judged: Iterable[Judged], holder: str) -> Side:
    """What a validator that holds the keys of `holder` finds."""
    bogus: dict[str, bool] = {}
    for one in judged:
        if one.look.state is not None:
            server = str(one.sight.server)
            bad = one.bogus and (not one.look.against or holder in one.look.against)
            bogus[server] = bogus.get(server, False) or bad
    sick = tuple(server for server, bad in bogus.items() if bad)
    return Side(sick, tuple(server for server in bogus if server not in sick))
