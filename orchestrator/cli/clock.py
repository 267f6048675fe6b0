"""For which time a verdict is, and how sure of the time this machine is: as JSON, and in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from orchestrator.cli.desk import now

if TYPE_CHECKING:
    from orchestrator.chain.policy import Policy
    from orchestrator.model import Verdict


def clock_told(judged_at: datetime | None, rules: Policy) -> dict[str, object]:
    """The time judged for, and how sure of it this machine is, as JSON."""
    from orchestrator.clock import kernel
    from orchestrator.model import rfc3339

    mine = kernel()
    return {
        "at": rfc3339(judged_at or now()),
        "source": "--now" if judged_at else "this machine",
        "skew": rules.skew,
        "skew_share": rules.skew_share,
        "synchronized": mine.synchronized,
        "max_error": mine.max_error,
    }


def clock_note(verdicts: Sequence[Verdict]) -> list[str]:
    """Where times are the fault: how sure is our own clock?"""
    from orchestrator.clock import kernel
    from orchestrator.model import Cause

    times = {Cause.RRSIG_EXPIRED, Cause.RRSIG_NOT_YET_VALID, Cause.CLOCK_SUSPECT}
    told = any(finding.cause in times for verdict in verdicts for finding in verdict.findings)
    doubt = kernel().doubt() if told else ""
    return [f"note: {doubt}\n"] if doubt else []


def other_time(judged_at: datetime | None, rules: Policy) -> list[str]:
    """What a reader has to know before a verdict that is not about now, by the signatures' word."""
    from orchestrator.model import rfc3339

    at = f"judged for {rfc3339(judged_at)} (--now), not for now" if judged_at else ""
    skew, share = rules.skew, rules.skew_share
    wide = f"signature times may be {skew:g} s off (--skew)" if skew else ""
    part = f"signatures may be {share:.0%} of their lifetime off (--policy)" if share else ""
    said = "; ".join(one for one in (at, wide, part) if one)
    return [f"note: {said}\n"] if said else []
