"""What the watcher does next with one NTA. Pure: record, looks and clock in, decision out.

Machines only ever take an NTA away, or put back what was approved within its approved end
(RFC 7646 section 2.1). `ends_at` always wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from orchestrator.incident.lifecycle import Phase, Record, phase
from orchestrator.model import Cause, State, Verdict
from orchestrator.names import length_text
from orchestrator.playbook import Playbook

FEWEST_LOOKS = 3  # a streak of one or two looks is luck, however long the hold-down


class Act(StrEnum):
    """What to do now."""

    WAIT = "wait"
    EXPIRE = "expire"
    TAKE_OUT = "take-out"
    REVERT_CANARY = "revert-canary"
    RETURN_CANARY = "return-canary"
    BRING_IN = "bring-in"


@dataclass(frozen=True)
class Seen:
    """What this cycle saw.

    `clean` and `why` judge the zone from here; `lost` are hosts that should hold the NTA and do
    not, `rearm` those whose guard has another end, `silent` those that did not answer;
    `canary_complaints` are of the reverted canaries, by host.
    """

    clean: bool = False
    why: str = ""
    lost: tuple[str, ...] = ()
    rearm: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    canary_complaints: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    """An act, the hosts it concerns, and the sentence that says it."""

    act: Act
    sentence: str
    hosts: tuple[str, ...] = ()


_NOT_CLEAN = {
    Cause.SERVER_UNREACHABLE,
    Cause.SERVER_LAME,
    Cause.SERVER_DIVERGENT,
    Cause.TRUNCATED_NO_TCP,
    Cause.FLAPPING,
    Cause.CLOCK_SUSPECT,
}


def cleanness(verdict: Verdict) -> tuple[bool, str]:
    """Is this look clean: secure, or provably insecure, at every server? And in words why not.

    Unreachable is not clean, and neither is anything that disagrees with itself.
    """
    if verdict.state not in {State.SECURE, State.INSECURE}:
        return False, _first(verdict) or verdict.state.value
    for finding in verdict.findings:
        if finding.severity == "error" or finding.cause in _NOT_CLEAN:
            return False, _first(verdict)
    odd = [s for s in verdict.servers if s.state != verdict.state]
    if odd:
        return False, f"{odd[0].name} ({odd[0].address}) is {odd[0].state.value}"
    return True, f"{verdict.state.value} at {len(verdict.servers)} addresses"


def _first(verdict: Verdict) -> str:
    if not verdict.findings:
        return ""
    finding = verdict.findings[0]
    where = " ".join(part for part in (finding.rrset, finding.owner) if part)
    at = f" at {finding.server}" if finding.server else ""
    return f"{finding.cause.value} {where}{at}".strip()


def step(record: Record, seen: Seen, now: datetime, playbook: Playbook) -> Decision:
    """Decide. Each branch is one sentence a person can check against the journal."""
    match phase(record, now):
        case Phase.EXPIRED:
            return Decision(Act.EXPIRE, "its end is reached: taking it out", record.holding())
        case Phase.REVERTING:
            return Decision(
                Act.TAKE_OUT, f"taking it out of {_hosts(record.holding())}", record.holding()
            )
        case Phase.BAKING:
            return _bake(record, seen, now, playbook)
        case Phase.HELD:
            until = record.held_until
            assert until is not None
            return _keep(record, seen, f"held until {until:%H:%M:%SZ}: {record.hold_reason}")
        case Phase.APPLYING:
            advice = f"apply was interrupted: run 'ntactl apply' with plan {record.plan} again"
            return _toward_revert(record, seen, now, playbook) or Decision(Act.WAIT, advice)
        case _:
            return _active(record, seen, now, playbook)


def _active(record: Record, seen: Seen, now: datetime, playbook: Playbook) -> Decision:
    return _toward_revert(record, seen, now, playbook) or _keep(
        record, seen, _progress(record, seen, now, playbook)
    )


def _toward_revert(
    record: Record, seen: Seen, now: datetime, playbook: Playbook
) -> Decision | None:
    if not seen.clean or record.clean_since is None or record.looks_clean < FEWEST_LOOKS:
        return None
    clean_for = now - record.clean_since
    if clean_for < playbook.hold_down:
        return None
    return Decision(
        Act.REVERT_CANARY,
        f"{seen.why}, clean for {_short(clean_for)}: reverting a canary in every site",
    )


def _bake(record: Record, seen: Seen, now: datetime, playbook: Playbook) -> Decision:
    if seen.canary_complaints:
        name, complaint = next(iter(seen.canary_complaints.items()))
        return Decision(
            Act.RETURN_CANARY, f"canary {name}: {complaint}: its NTA returns", record.canaries
        )
    if not seen.clean:
        return Decision(
            Act.RETURN_CANARY,
            f"the zone is not clean ({seen.why}): its NTA returns",
            record.canaries,
        )
    assert record.baking_since is not None
    baked = now - record.baking_since
    if baked < playbook.bake:
        return Decision(
            Act.WAIT, f"canaries validate for {_short(baked)} of {length_text(playbook.bake)}"
        )
    return Decision(
        Act.TAKE_OUT, f"canaries validated for {_short(baked)}: taking it out", record.holding()
    )


def _keep(record: Record, seen: Seen, sentence: str) -> Decision:
    """The NTA stays; hosts that lost it, or never had it, get it."""
    missing = tuple(n for n in (*seen.lost, *record.pending()) if n not in seen.silent)
    if not missing:
        return Decision(Act.WAIT, sentence)
    return Decision(Act.BRING_IN, f"{sentence}; putting it on {_hosts(missing)}", missing)


def _progress(record: Record, seen: Seen, now: datetime, playbook: Playbook) -> str:
    if not seen.clean:
        return f"not clean: {seen.why}"
    since = record.clean_since or now
    return f"clean for {_short(now - since)} of {length_text(playbook.hold_down)}"


def _hosts(names: tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) <= 4 else f"{len(names)} hosts"


def _short(span: timedelta) -> str:
    return length_text(timedelta(seconds=int(span.total_seconds())))
