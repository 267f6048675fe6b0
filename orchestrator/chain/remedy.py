"""What can be done about a verdict: rules in order, the first that fits (RFC 7646 section 2)."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.model import Cause, Extent, Remedy, State


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules look at. Servers are "name (address)"; `sick` ones showed bogus data."""

    zone: str
    state: State
    extent: Extent | None
    main: Cause | None
    above: str = ""
    sick: tuple[str, ...] = ()
    clean: tuple[str, ...] = ()
    disputed: tuple[str, ...] = ()
    children: tuple[str, ...] = ()


def remedy(facts: Facts) -> tuple[Remedy, str]:
    """The remedy and the reason for it, as one sentence."""
    elsewhere = _no_nta(facts)
    if elsewhere:
        return Remedy.ESCALATE, elsewhere
    if facts.state is State.BOGUS:
        return _bogus(facts)
    if facts.state is State.INSECURE:
        return Remedy.NONE, "provably unsigned: resolvers answer without validating"
    return Remedy.NONE, "the chain of trust is whole"


def _no_nta(facts: Facts) -> str:
    """Why this is nothing that an NTA for the zone would mend; "" when it may be."""
    if facts.main is Cause.TRUST_ANCHOR_MISMATCH:
        return "our trust anchor is not the zone's: an NTA would hide our own fault"
    if facts.main is Cause.CLOCK_SUSPECT:
        return "everything is out of its time: set this machine's clock first"
    if facts.disputed:
        return (
            f"signed, but false: servers disagree on whether {facts.disputed[0]} exists, "
            "and an NTA would not bring names back"
        )
    if facts.above:
        return f"the chain breaks above {facts.zone}, at {facts.above}: look there"
    if facts.state is State.INDETERMINATE:
        return "nothing could be judged: not shown to be DNSSEC, so no NTA"
    return ""


def _bogus(facts: Facts) -> tuple[Remedy, str]:
    if facts.clean and len(facts.clean) >= len(facts.sick):
        return Remedy.ESCALATE, (
            f"only {_some(facts.sick)} bad: validators answer by asking the other servers, "
            "so an NTA would cost more than it gives; tell the zone's operator"
        )
    if facts.children:
        return Remedy.NTA_CHILD, (
            f"{facts.zone} itself is sound, only {_some(facts.children)} below it bad: "
            "an NTA for each of those, not for the zone"
        )
    return Remedy.NTA, (
        "the data agree on every server, only their proof fails: consistent with a mistake of "
        "the zone's operator, though no check can rule out an attack"
    )


def _some(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"{shown} {'is' if len(names) == 1 else 'are'}"
