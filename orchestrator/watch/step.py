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

    `clean` and `why` judge the zone from here, `secure` whether its answers are to have AD again;
    `lost` are hosts that should hold the NTA and do
    not, `rearm` those whose guard has another end, `silent` those that did not answer;
    `canary_complaints` are of the reverted canaries, by host.
    """

    clean: bool = False
    why: str = ""
    secure: bool = False
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
            return _revert_on(record, seen)
        case Phase.HELD:
            return _held(record, seen)
        case Phase.BAKING:
            return _bake(record, seen, now, playbook)
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
    """Clean for long enough? Hosts that do not answer wait for the others to go first."""
    if not seen.clean or record.clean_since is None or record.looks_clean < FEWEST_LOOKS:
        return None
    clean_for = now - record.clean_since
    if clean_for < playbook.hold_down:
        return None
    since = f"{seen.why}, clean for {_short(clean_for)}"
    if not record.holding():
        return Decision(Act.TAKE_OUT, f"{since}, and no host holds it")
    awake = tuple(name for name in record.holding() if name not in seen.silent)
    if not awake:
        return Decision(Act.WAIT, f"{since}, but no host that holds it answers: its guard lifts it")
    return Decision(Act.REVERT_CANARY, f"{since}: reverting a canary in every site", awake)


def _held(record: Record, seen: Seen) -> Decision:
    """Nothing goes out; canaries that are out already are still looked after."""
    assert record.held_until is not None
    sentence = f"held until {record.held_until:%H:%M:%SZ}: {record.hold_reason}"
    if record.canaries:
        return _bake_trouble(record, seen) or Decision(Act.WAIT, sentence)
    return _keep(record, seen, sentence)


def _revert_on(record: Record, seen: Seen) -> Decision:
    """The revert goes on, unless it was the watcher's own and the zone broke again meanwhile."""
    if record.canaries and not record.taking_back and not seen.clean:
        return _returns(seen, record.reverted())
    return Decision(Act.TAKE_OUT, f"taking it out of {_hosts(record.holding())}", record.holding())


def _bake(record: Record, seen: Seen, now: datetime, playbook: Playbook) -> Decision:
    trouble = _bake_trouble(record, seen)
    if trouble:
        return trouble
    assert record.baking_since is not None
    baked = now - record.baking_since
    if baked < playbook.bake:
        return Decision(
            Act.WAIT, f"canaries validate for {_short(baked)} of {length_text(playbook.bake)}"
        )
    return Decision(
        Act.TAKE_OUT, f"canaries validated for {_short(baked)}: taking it out", record.holding()
    )


def _bake_trouble(record: Record, seen: Seen) -> Decision | None:
    """A canary that does not do well, or a zone that is not clean any more: back with it."""
    out = tuple(name for name in record.canaries if name in record.reverted())
    if seen.canary_complaints:
        name, complaint = next(iter(seen.canary_complaints.items()))
        return Decision(Act.RETURN_CANARY, f"canary {name}: {complaint}: its NTA returns", out)
    return None if seen.clean else _returns(seen, out)


def _returns(seen: Seen, names: tuple[str, ...]) -> Decision:
    sentence = f"the zone is not clean ({seen.why}): its NTA returns"
    return Decision(Act.RETURN_CANARY, sentence, names)


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
    gap = f" (nobody looked for {_short(record.unwatched)} before)" if record.unwatched else ""
    return f"clean for {_short(now - since)} of {length_text(playbook.hold_down)}{gap}"


def _hosts(names: tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) <= 4 else f"{len(names)} hosts"


def _short(span: timedelta) -> str:
    return length_text(timedelta(seconds=int(span.total_seconds())))
