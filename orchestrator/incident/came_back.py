"""An NTA that is on a host again from which ntactl took it out, by whatever hand. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from orchestrator.incident.lifecycle import HOLDING, OnHost, Record
from orchestrator.model import HostReading
from orchestrator.playbook import LONGEST

_OUT = {OnHost.REVERTED, OnHost.UNDONE}


def may_come_back(record: Record, now: datetime) -> bool:
    """Is it live, or was it on a host so lately that what others kept of it may still run?"""
    if record.ended_at is None:
        return True
    was_on = any(host.state in _OUT | HOLDING for host in record.hosts.values())
    return was_on and now - record.ended_at < LONGEST


def came_back(record: Record, reading: HostReading) -> bool:
    """Does that host run an NTA for its zone that no other NTA of ntactl's accounts for?"""
    host = record.hosts.get(reading.host)
    gone = _OUT if record.live() else _OUT | HOLDING
    if host is None or host.state not in gone:
        return False
    mine = {None, record.id}
    return any(nta.zone == record.zone and nta.id in mine for nta in reading.running)


def came_back_on(
    records: Iterable[Record], readings: Mapping[str, HostReading]
) -> dict[str, list[str]]:
    """Host names by NTA id; where a zone had several, the newest that was on that host tells."""
    told = set[tuple[str, str]]()
    found: dict[str, list[str]] = {}
    for record in sorted(records, key=lambda record: record.starts_at, reverse=True):
        for name, reading in readings.items():
            if (name, record.zone) not in told and came_back(record, reading):
                told.add((name, record.zone))
                found.setdefault(record.id, []).append(name)
    return found
