"""Every NTA: zone, state, hosts, drift, time left, who, why. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from textwrap import fill
from typing import Any

from orchestrator.incident.came_back import came_back_on
from orchestrator.incident.lifecycle import HOLDING, OnHost, Phase, Record, phase
from orchestrator.model import HostReading, rfc3339
from orchestrator.names import length_text
from orchestrator.report.apply import accepted_text

CAME_BACK = "came back"
OFF = "  VALIDATION IS OFF on the hosts that hold it: forged answers of every zone are passed on"


@dataclass(frozen=True)
class HostStatus:
    """One NTA on one host: what the journal says, what the host says, and whether they differ."""

    host: str
    journal: str
    now: str
    drift: str = ""


def hosts_of(
    records: Sequence[Record], readings: Mapping[str, HostReading]
) -> dict[str, list[HostStatus]]:
    """By NTA id: every host of a live one, and of one that ended those on which it came back."""
    back = came_back_on(records, readings)
    return {
        record.id: [
            _came_back(record, name)
            if name in back.get(record.id, ())
            else host_status(record, name, readings.get(name))
            for name in (record.hosts if record.live() else back[record.id])
        ]
        for record in records
        if record.live() or record.id in back
    }


def _came_back(record: Record, name: str) -> HostStatus:
    journal = record.hosts[name].state.value
    drift = f"taken out here, and {record.zone} is under an NTA again that ntactl did not set"
    return HostStatus(name, journal, CAME_BACK, drift)


def foreign_on(
    records: Sequence[Record], readings: Mapping[str, HostReading]
) -> dict[str, list[str]]:
    """By host: the zones under an NTA that is none of ntactl's, but for those that came back."""
    zones = {record.id: record.zone for record in records}
    back = {(n, zones[i]) for i, names in came_back_on(records, readings).items() for n in names}
    foreign = {
        name: [r.zone for r in reading.running if r.id is None and (name, r.zone) not in back]
        for name, reading in readings.items()
    }
    return {name: found for name, found in foreign.items() if found}


def host_status(record: Record, name: str, reading: HostReading | None) -> HostStatus:
    """Put the journal beside what the host itself says. The host is right."""
    journal = record.hosts[name].state
    if reading is None:
        return HostStatus(name, journal.value, "no answer")
    running = any(running.id == record.id for running in reading.running)
    held = next((held for held in reading.held if held.id == record.id), None)
    stored = held.state if held else ""
    if running:
        drift = "" if journal in HOLDING else "holds it though the journal says otherwise"
        if held is not None and held.damaged:
            drift = "its end there is damaged, which means now: its guard lifts it within a minute"
        return HostStatus(name, journal.value, "holds it", drift)
    if stored == "applied":
        return HostStatus(name, journal.value, "lost it", "a reload or another tool dropped it")
    if stored == "armed":
        drift = "being put on, or an attempt broke off: its guard takes it back at its end"
        return HostStatus(name, journal.value, "half of it", drift)
    if journal is OnHost.APPLIED and record.live():
        return HostStatus(name, journal.value, "without it", "its guard or another tool lifted it")
    return HostStatus(name, journal.value, "without it")


def json_of(
    records: Sequence[Record],
    hosts: Mapping[str, Sequence[HostStatus]],
    foreign: Mapping[str, Sequence[str]],
    now: datetime,
) -> dict[str, Any]:
    """Schema "ntactl/status/1"; `hosts` by NTA id, `foreign` NTAs by host."""
    return {
        "schema": "ntactl/status/1",
        "at": rfc3339(now),
        "ntas": [_nta(record, hosts.get(record.id, ()), now) for record in records],
        "foreign": [{"host": h, "zone": z} for h, zones in foreign.items() for z in zones],
    }


def _nta(record: Record, hosts: Sequence[HostStatus], now: datetime) -> dict[str, Any]:
    ended = record.ended_at
    return {
        "id": record.id,
        "zone": record.zone,
        "plan": record.plan,
        "state": phase(record, now).value,
        "starts_at": rfc3339(record.starts_at),
        "ends_at": rfc3339(record.ends_at),
        "ended_at": rfc3339(ended) if ended else None,
        "ended_why": record.ended_why,
        "seconds_left": 0 if ended else max(0, int((record.ends_at - now).total_seconds())),
        "outcome": record.outcome,
        "reason": record.reason,
        "ticket": record.ticket,
        "created_by": record.created_by,
        "approved_by": list(record.approved_by),
        "accepted": [asdict(accepted) for accepted in record.accepted],
        "held_until": rfc3339(record.held_until) if record.held_until else None,
        "clean_since": rfc3339(record.clean_since) if record.clean_since else None,
        "hosts": [
            {"host": h.host, "journal": h.journal, "now": h.now, "drift": h.drift} for h in hosts
        ],
    }


def text_of(
    records: Sequence[Record],
    hosts: Mapping[str, Sequence[HostStatus]],
    foreign: Mapping[str, Sequence[str]],
    now: datetime,
    width: int = 80,
    *,
    alarm: Callable[[str], str] = str,
) -> str:
    """For a person: live NTAs first, then what ended. `alarm` shows what is an override's."""
    live = [record for record in records if record.live()]
    ended = [record for record in records if not record.live()]
    blocks = [_block(record, hosts.get(record.id, ()), now, width, alarm) for record in live]
    if not live:
        blocks.append("no live NTA")
    blocks += [_back(record, hosts[record.id]) for record in ended if record.id in hosts]
    if foreign:
        lines = [f"  {host}: {', '.join(zones)}" for host, zones in foreign.items()]
        blocks.append("\n".join(["NTAs that ntactl did not set", *lines]))
    if ended:
        lines = [
            f"  {r.id}  {r.zone}  {r.starts_at:%d %b %H:%M:%SZ} - {r.ended_at:%d %b %H:%M:%SZ}"
            f"  {r.ended_why}"
            for r in ended[-10:]
        ]
        blocks.append("\n".join(["Ended", *lines]))
    return "\n\n".join(blocks)


def _back(record: Record, hosts: Sequence[HostStatus]) -> str:
    lines = [f"{record.id}  {record.zone}  ended ({record.ended_why}), and came back"]
    lines += [_host_line(host) for host in hosts]
    return "\n".join([*lines, f"  next     ntactl revert {record.id}"])


def _block(
    record: Record,
    hosts: Sequence[HostStatus],
    now: datetime,
    width: int,
    alarm: Callable[[str], str],
) -> str:
    state = phase(record, now)
    head = f"{record.id}  {record.zone}  {state.value}, {_left(record, now)}"
    lines = [
        *([alarm(head), alarm(OFF)] if record.zone == "." else [head]),
        f"  reason   {record.reason}{f' ({record.ticket})' if record.ticket else ''}",
        f"  by       {record.created_by}; approved by {', '.join(record.approved_by) or 'nobody'}",
    ]
    for accepted in record.accepted:
        text = f"  note     {accepted_text(accepted)}"
        lines.append(fill(text, width, subsequent_indent=" " * 11))
    if record.clean_since:
        lines.append(f"  clean    since {record.clean_since:%H:%M:%SZ}")
    if state is Phase.HELD:
        lines.append(f"  held     until {record.held_until:%H:%M:%SZ}: {record.hold_reason}")
    if state is Phase.APPLYING:
        lines.append(f"  next     apply was interrupted: ntactl apply PLAN with plan {record.plan}")
    holding = sum(1 for host in hosts if host.now == "holds it")
    lines.append(f"  hosts    {holding} of {len(hosts)} hold it")
    lines += [_host_line(host) for host in hosts if host.drift or host.now != "holds it"]
    return "\n".join(lines)


def _host_line(host: HostStatus) -> str:
    drift = f": {host.drift}" if host.drift else ""
    return f"    {host.host}: {host.now} (journal: {host.journal}){drift}"


def _left(record: Record, now: datetime) -> str:
    if now >= record.ends_at:
        return f"past its end {record.ends_at:%H:%M:%SZ}"
    left = timedelta(seconds=int((record.ends_at - now).total_seconds()))
    return f"{_human(left)} left, ends {record.ends_at:%d %b %H:%M:%SZ}"


def _human(span: timedelta) -> str:
    minutes, seconds = divmod(int(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours} h {minutes:02} min"
        if hours
        else length_text(span)
        if not minutes
        else (f"{minutes} min {seconds:02} s")
    )
