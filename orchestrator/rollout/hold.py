"""A hold: no automatic revert before a time, with a reason, never past the NTA's end. Pure."""

from __future__ import annotations

from datetime import datetime

from orchestrator.errors import BadInput, Refused
from orchestrator.incident.journal import Event, Kind
from orchestrator.incident.lifecycle import Phase, Record, phase


def held(record: Record, now: datetime, by: str, until: datetime, reason: str) -> Event:
    """The event that holds it. Raises BadInput without a reason; Refused past its end, or late."""
    if phase(record, now) in {Phase.ENDED, Phase.EXPIRED, Phase.REVERTING}:
        raise Refused(
            "nta-ended",
            f"{record.id} has ended or is being taken out: there is nothing left to hold",
            next_step="ntactl status",
        )
    if not reason.strip():
        raise BadInput("a hold needs a reason", next_step='--reason "why, in a line"')
    if until <= now:
        raise BadInput(f"{until:%Y-%m-%d %H:%M:%SZ} is past")
    if until > record.ends_at:
        raise Refused(
            "hold-past-end",
            f"{record.id} ends {record.ends_at:%Y-%m-%d %H:%M:%SZ}; no hold outlasts that",
            next_step=f"ntactl renew {record.id} --for 2h",
        )
    data = {"until": until.isoformat(), "reason": reason}
    return _event(record, now, by, Kind.HELD, data)


def released(record: Record, now: datetime, by: str) -> Event:
    """The event that lets go of it."""
    return _event(record, now, by, Kind.RELEASED, {})


def _event(record: Record, now: datetime, by: str, kind: Kind, data: dict[str, str]) -> Event:
    return Event(at=now, kind=kind, plan=record.plan, ntas=(record.id,), by=by, data=data)
