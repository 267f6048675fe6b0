"""What can be done about a verdict: rules in order, the first that fits (RFC 7646 section 2)."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.model import Cause, Extent, Remedy, State


@dataclass(frozen=True, slots=True)
class Side:
    """The answering servers of a zone, "name (address)": `sick` ones ever showed bogus data."""

    sick: tuple[str, ...] = ()
    clean: tuple[str, ...] = ()

    @property
    def outvoted(self) -> bool:
        """Are there sick ones, and do validators get by without them?"""
        return 0 < len(self.sick) <= len(self.clean)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules look at.

    `own` servers are the zone's; those of the `parent` show its DS. `crossed`: servers reject
    each other's data. `unjudged` ones answer, but not for DNSKEY. `ahead`: signatures
    begin so soon that our clock may be slow.
    """

    zone: str
    state: State
    extent: Extent | None
    main: Cause | None
    above: str = ""
    own: Side = Side()
    parent: Side = Side()
    crossed: bool = False
    unjudged: tuple[str, ...] = ()
    ahead: bool = False
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
    if clock := _clock(facts):
        return clock
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


def _clock(facts: Facts) -> str:
    if facts.main is Cause.CLOCK_SUSPECT:
        return "this machine's clock may be wrong: set it first, then look again"
    if facts.main is Cause.RRSIG_NOT_YET_VALID and facts.ahead:
        return "the signatures begin soon: compare this machine's clock before the signer's"
    return ""


def _bogus(facts: Facts) -> tuple[Remedy, str]:
    few = _only_few(facts)
    if few:
        return Remedy.ESCALATE, few
    if facts.children:
        return Remedy.NTA_CHILD, (
            f"{facts.zone} itself is sound, only {_some(facts.children)} below it bad: "
            "an NTA for each of those, not for the zone"
        )
    if facts.parent.sick and not facts.parent.outvoted:
        return Remedy.NTA, (
            f"the parent's DS for {facts.zone} does not validate, and an NTA does without it: "
            "consistent with a mistake at the parent, though no check can rule out an attack"
        )
    return Remedy.NTA, (
        "the data agree on every server, only their proof fails: consistent with a mistake of "
        "the zone's operator, though no check can rule out an attack"
    )


def _only_few(facts: Facts) -> str:
    """Why validators get by, or may; "" when too many servers are bad."""
    sides = [side for side in (facts.own, facts.parent) if side.sick]
    sick = tuple(server for side in sides for server in side.sick)
    if len(facts.unjudged) >= max(1, len(facts.own.sick)) and not facts.parent.sick:
        return (
            f"only {_some(sick)} shown to be bad, and the DNSKEY of {facts.unjudged[0]} did not "
            "come: look for what keeps it away"
        )
    if not sides or not all(side.outvoted for side in sides):
        return ""
    if facts.crossed:
        return (
            "the servers sign with keys that not all of them publish: a validator that holds "
            f"other keys fails at {', '.join(sick[:3])} and answers by asking again; "
            "tell the zone's operator"
        )
    return (
        f"only {_some(sick)} bad: validators answer by asking the other servers, "
        "so an NTA would cost more than it gives; tell the zone's operator"
    )


def _some(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"{shown} {'is' if len(names) == 1 else 'are'}"
