"""The list of NTAs that the world may see (RFC 7646 section 3.1): JSON, a page, plain text. Pure.

Zone, reason, start and end; nobody's name, no host.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from textwrap import indent
from typing import Annotated, Literal

from pydantic import Field

from orchestrator.incident.lifecycle import OnHost, Record
from orchestrator.model import Time, Value, Zone, rfc3339
from orchestrator.render import render

_NEVER = {OnHost.PLANNED, OnHost.REFUSED, OnHost.UNREACHABLE, OnHost.UNDONE}


class PublishedNta(Value):
    """One NTA: `ends_at` is when it ends at the latest, `ended_at` when it did (null: not yet)."""

    zone: Zone
    reason: str
    starts_at: Time
    ends_at: Time
    ended_at: Time | None = None


class Published(Value):
    """Every NTA that any resolver had, those in place first, then the last that ended."""

    schema_name: Annotated[Literal["ntactl/ntas/1"], Field(alias="schema")] = "ntactl/ntas/1"
    at: Time
    ntas: tuple[PublishedNta, ...]


def published(records: Iterable[Record], now: datetime) -> Published:
    """What of the journal is for the public. Plans that reached no host are nobody's business."""
    shown = [record for record in records if _was_on(record)]
    standing = [record for record in shown if record.live()]
    ended = [record for record in shown if not record.live()]
    ended.sort(key=lambda record: record.ended_at or now, reverse=True)
    ordered = [*sorted(standing, key=lambda record: record.starts_at, reverse=True), *ended]
    return Published(at=now, ntas=tuple(map(_public, ordered)))


def _was_on(record: Record) -> bool:
    return any(host.state not in _NEVER for host in record.hosts.values())


def _public(record: Record) -> PublishedNta:
    return PublishedNta(
        zone=record.zone,
        reason=record.reason,
        starts_at=record.starts_at,
        ends_at=record.ends_at,
        ended_at=record.ended_at,
    )


def json_text(listed: Published) -> str:
    return listed.model_dump_json(by_alias=True, indent=2) + "\n"


def html(listed: Published) -> str:
    """A page that needs no script and nothing from elsewhere."""
    current, past = (_rows(group) for group in _groups(listed))
    return render("report/ntas.html.j2", at=rfc3339(listed.at), current=current, past=past)


def text(listed: Published) -> str:
    parts = [f"Negative trust anchors (RFC 7646), as of {rfc3339(listed.at)}\n"]
    for title, group in zip(("In place now", "Ended"), _groups(listed), strict=True):
        parts.append(f"{title}\n" + ("".join(map(_entry, _rows(group))) or "  none\n"))
    return "\n".join(parts)


def _groups(listed: Published) -> tuple[list[PublishedNta], list[PublishedNta]]:
    standing = [nta for nta in listed.ntas if nta.ended_at is None]
    return standing, [nta for nta in listed.ntas if nta.ended_at is not None]


def _rows(group: Sequence[PublishedNta]) -> list[dict[str, str]]:
    return [
        {
            "zone": nta.zone,
            "reason": nta.reason,
            "start": rfc3339(nta.starts_at),
            "end": rfc3339(nta.ended_at or nta.ends_at),
        }
        for nta in group
    ]


def _entry(row: dict[str, str]) -> str:
    reason = indent(row["reason"], "    ")
    return f"  {row['zone']}  {row['start']} to {row['end']}\n{reason}\n"
