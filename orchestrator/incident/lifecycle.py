"""What stands now: the journal folded into NTAs and their hosts. Pure; the clock is passed in.

An NTA is a silence (style: Alertmanager): its state is computed from the journal and the clock and
never stored, ending it is an event, and nothing is deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from orchestrator.incident.journal import Event, Kind

# A clean streak with a hole in it is no streak: nobody looked in between.
LONGEST_GAP = timedelta(minutes=3)


class OnHost(StrEnum):
    """Where one NTA stands on one host, as far as the journal knows; the worse, the later."""

    PLANNED = "planned"
    APPLIED = "applied"
    REVERTED = "reverted"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    UNDONE = "undone"
    SENT = "sent"
    STUCK = "stuck"


# States in which the host may hold the NTA: a revert has to reach it.
HOLDING = {OnHost.SENT, OnHost.APPLIED, OnHost.STUCK}


class Phase(StrEnum):
    """Where an NTA is in its life."""

    APPLYING = "applying"
    ACTIVE = "active"
    HELD = "held"
    BAKING = "baking"
    REVERTING = "reverting"
    EXPIRED = "expired"
    ENDED = "ended"


@dataclass(frozen=True)
class HostRecord:
    """The last thing the journal says of one NTA on one host.

    `before` is where it stood before a program was sent whose end is not known yet; `unsure`: an
    earlier program's end was not known either. `complaint` is why it did not verify.
    """

    state: OnHost = OnHost.PLANNED
    before: OnHost = OnHost.PLANNED
    unsure: bool = False
    complaint: str = ""
    at: datetime | None = None
    rule: str = ""
    message: str = ""


@dataclass(frozen=True)
class Accepted:
    """A refusal that a person accepted by its rule's name; `what` it had said."""

    rule: str
    by: str
    what: str


@dataclass(frozen=True)
class Record:
    """One NTA as the journal tells it.

    `clean_since` starts the unbroken streak of clean looks, which `unwatched` broke off when nobody
    looked for so long; `canaries` are the hosts reverted first and since when they bake, `outcome`
    is how apply ended ("" while it has not).
    """

    id: str
    zone: str
    plan: str
    starts_at: datetime
    ends_at: datetime
    reason: str = ""
    ticket: str = ""
    created_by: str = ""
    approved_by: tuple[str, ...] = ()
    accepted: tuple[Accepted, ...] = ()
    hosts: Mapping[str, HostRecord] = field(default_factory=dict)
    outcome: str = ""
    taking_back: bool = False
    held_until: datetime | None = None
    hold_reason: str = ""
    clean_since: datetime | None = None
    last_look: datetime | None = None
    looks_clean: int = 0
    unwatched: timedelta | None = None
    last_state: str = ""
    canaries: tuple[str, ...] = ()
    baking_since: datetime | None = None
    reverting: bool = False
    ended_at: datetime | None = None
    ended_why: str = ""
    told: frozenset[str] = frozenset()
    broke_again: bool = False

    def holding(self) -> tuple[str, ...]:
        """Hosts that have it, or may have it."""
        return tuple(name for name, host in self.hosts.items() if host.state in HOLDING)

    def unverified(self) -> dict[str, str]:
        """Hosts that have it and do not answer as they should, with the complaint."""
        held = self.holding()
        return {n: h.complaint for n, h in self.hosts.items() if n in held and h.complaint}

    def reverted(self) -> tuple[str, ...]:
        """Hosts from which it was taken out."""
        return tuple(n for n, host in self.hosts.items() if host.state is OnHost.REVERTED)

    def pending(self) -> tuple[str, ...]:
        """Hosts that were to have it and have not: the watcher goes on with them.

        Not those where it failed, and none after an apply that ended in a person's hands.
        """
        if self.outcome not in {"done", "pending"}:
            return ()
        waiting = {OnHost.PLANNED, OnHost.REFUSED, OnHost.UNREACHABLE}
        return tuple(name for name, host in self.hosts.items() if host.state in waiting)

    def live(self) -> bool:
        """Is there anything left to watch or to take out?"""
        return self.ended_at is None


def phase(record: Record, now: datetime) -> Phase:
    """The NTA's state, from the journal and the clock alone."""
    held = record.held_until is not None and now < record.held_until
    tests = (
        (record.ended_at is not None, Phase.ENDED),
        (now >= record.ends_at, Phase.EXPIRED),
        (record.reverting or record.taking_back, Phase.REVERTING),
        (held, Phase.HELD),
        (bool(record.canaries), Phase.BAKING),
        (not record.outcome, Phase.APPLYING),
    )
    return next((name for is_so, name in tests if is_so), Phase.ACTIVE)


def fold(events: Iterable[Event]) -> dict[str, Record]:
    """All NTAs by id, in the order they were first carried out."""
    records: dict[str, Record] = {}
    for event in events:
        if event.kind is Kind.APPLY_STARTED:
            for nta in event.data["ntas"]:
                if nta["id"] not in records:
                    records[nta["id"]] = _born(nta, event)
        for nta_id in event.ntas:
            if nta_id in records:
                records[nta_id] = _after(records[nta_id], event)
    return records


def _born(nta: Mapping[str, Any], event: Event) -> Record:
    data = event.data
    return Record(
        id=nta["id"],
        zone=nta["zone"],
        plan=event.plan,
        starts_at=event.at,
        ends_at=datetime.fromisoformat(nta["ends_at"]),
        reason=data["reason"],
        ticket=data["ticket"],
        created_by=data["created_by"],
        approved_by=tuple(data["approved_by"]),
        hosts={name: HostRecord() for name in data["hosts"]},
    )


def _after(record: Record, event: Event) -> Record:
    change = _CHANGES.get(event.kind)
    return record if change is None else change(record, event)


def _apply_started(record: Record, event: Event) -> Record:
    accepted = (Accepted(**told) for told in event.data.get("accepted", ()))
    return replace(record, outcome="", accepted=(*record.accepted, *accepted))


def _apply_ended(record: Record, event: Event) -> Record:
    outcome = event.data["outcome"]
    if outcome not in {"taken-back", "nothing-changed"}:
        return replace(record, outcome=outcome)
    return replace(record, outcome=outcome, taking_back=False, ended_at=event.at, ended_why=outcome)


def _take_back_started(record: Record, _event: Event) -> Record:
    return replace(record, taking_back=True)


def _renewed(record: Record, event: Event) -> Record:
    ends_at = datetime.fromisoformat(event.data["ends_at"])
    return replace(record, ends_at=ends_at, told=record.told - {"ends-soon-20", "ends-soon-5"})


def _held(record: Record, event: Event) -> Record:
    until = datetime.fromisoformat(event.data["until"])
    return replace(record, held_until=until, hold_reason=event.data["reason"])


def _released(record: Record, _event: Event) -> Record:
    return replace(record, held_until=None, hold_reason="")


def _looked(record: Record, event: Event) -> Record:
    at, state = event.at, event.data["state"]
    seen = replace(record, last_look=at, last_state=state)
    if not event.data["clean"]:
        return replace(seen, clean_since=None, looks_clean=0, unwatched=None)
    gap = at - record.last_look if record.last_look else timedelta(0)
    if gap > LONGEST_GAP:
        return replace(seen, clean_since=at, looks_clean=1, unwatched=gap)
    since = record.clean_since or at
    return replace(seen, clean_since=since, looks_clean=record.looks_clean + 1)


def _revert_started(record: Record, event: Event) -> Record:
    if event.data["stage"] == "canary":
        return replace(record, canaries=tuple(event.data["hosts"]), baking_since=event.at)
    return replace(record, reverting=True)


def _canary_returned(record: Record, event: Event) -> Record:
    """Reverted hosts are to have it again; the watcher brings it back as to a pending host."""
    names = event.data["hosts"]
    hosts = {
        name: HostRecord() if name in names and host.state is OnHost.REVERTED else host
        for name, host in record.hosts.items()
    }
    stopped = _revert_stopped(record, event)
    return replace(stopped, hosts=hosts, clean_since=None, looks_clean=0)


def _revert_stopped(record: Record, _event: Event) -> Record:
    return replace(record, canaries=(), baking_since=None, reverting=False)


def _revert_ended(record: Record, event: Event) -> Record:
    """It ends once; where it came back and was taken out once more, that is no second end."""
    if record.ended_at is not None:
        return replace(record, reverting=False)
    return replace(record, ended_at=event.at, ended_why=event.data["why"])


def _told(record: Record, event: Event) -> Record:
    return replace(record, told=record.told | {event.data["what"]})


def _broke_again(record: Record, _event: Event) -> Record:
    return replace(record, broke_again=True)


def _wave_verified(record: Record, event: Event) -> Record:
    complaints = {**dict.fromkeys(event.data["hosts"], ""), **event.data["complaints"]}
    hosts = {
        name: replace(host, complaint=complaints.get(name, host.complaint))
        for name, host in record.hosts.items()
    }
    return replace(record, hosts=hosts)


def _host_after(record: Record, event: Event) -> Record:
    before = record.hosts.get(event.host, HostRecord())
    after = replace(
        _HOST_CHANGES[event.kind](before, event),
        at=event.at,
        rule=event.data.get("rule", ""),
        message=event.data.get("message", ""),
    )
    return replace(record, hosts={**record.hosts, event.host: after})


def _host_sent(host: HostRecord, _event: Event) -> HostRecord:
    if host.state is OnHost.SENT:
        return replace(host, unsure=True)
    return replace(host, state=OnHost.SENT, before=host.state, unsure=False)


def _host_done(host: HostRecord, event: Event) -> HostRecord:
    outcome, action = event.data["outcome"], event.data["action"]
    if outcome == "refused":
        if _cleared(host, action):
            return HostRecord(OnHost.REFUSED)
        return _untouched(host, action, OnHost.REFUSED)
    if (action, outcome) == ("renew", "undone"):  # the old end stands, and so does the NTA
        return replace(host, state=host.before if host.before in HOLDING else OnHost.SENT)
    return HostRecord(_DONE[outcome])


def _host_failed(host: HostRecord, event: Event) -> HostRecord:
    """No receipt came. Only a host that was never reached is known to be as it was."""
    failure = event.data["failure"]
    if failure not in NOTHING_SENT:
        return host
    otherwise = OnHost.PLANNED if failure == "stopped" else OnHost.UNREACHABLE
    return _untouched(host, event.data["action"], otherwise)


def _cleared(host: HostRecord, action: str) -> bool:
    """An apply that refuses has cleared what was half done: nothing of the order stands."""
    return action == "apply" and host.before is OnHost.STUCK and not host.unsure


def _untouched(host: HostRecord, action: str, otherwise: OnHost) -> HostRecord:
    """A program did nothing; what an earlier one did, whose end nobody saw, is still open."""
    if host.unsure:
        return host
    out_before = action == "revert" and host.before is OnHost.REVERTED
    stays = out_before or host.before in HOLDING
    return replace(host, state=host.before if stays else otherwise)


# Failures that come before a host was told anything.
NOTHING_SENT = {"unreachable", "auth", "host-key", "no-sudo", "no-shell", "stopped"}

_DONE = {
    "applied": OnHost.APPLIED,
    "renewed": OnHost.APPLIED,
    "reverted": OnHost.REVERTED,
    "undone": OnHost.UNDONE,
    "stuck": OnHost.STUCK,
}

_HOST_CHANGES: dict[Kind, Callable[[HostRecord, Event], HostRecord]] = {
    Kind.HOST_SENT: _host_sent,
    Kind.HOST_DONE: _host_done,
    Kind.HOST_FAILED: _host_failed,
}

_CHANGES: dict[Kind, Callable[[Record, Event], Record]] = {
    Kind.APPLY_STARTED: _apply_started,
    Kind.HOST_SENT: _host_after,
    Kind.HOST_DONE: _host_after,
    Kind.HOST_FAILED: _host_after,
    Kind.WAVE_VERIFIED: _wave_verified,
    Kind.TAKE_BACK_STARTED: _take_back_started,
    Kind.APPLY_ENDED: _apply_ended,
    Kind.RENEWED: _renewed,
    Kind.HELD: _held,
    Kind.RELEASED: _released,
    Kind.LOOKED: _looked,
    Kind.REVERT_STARTED: _revert_started,
    Kind.CANARY_RETURNED: _canary_returned,
    Kind.REVERT_STOPPED: _revert_stopped,
    Kind.REVERT_ENDED: _revert_ended,
    Kind.TOLD: _told,
    Kind.BROKE_AGAIN: _broke_again,
}
