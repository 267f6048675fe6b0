"""Which refusals a person may accept, one by name, and which nobody may. There is no --force."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.errors import BadInput, Refused

ACCEPTABLE = {
    "verdict": "a bogus zone of which the check says that an NTA is not the remedy, "
    "or an override while the root seems sound",
    "budget": "more hosts left alone before the start than the failure budget has",
}
_YES = "a human says yes to every NTA (RFC 7646 section 2.1)"
_OWNED = "ntactl writes over nothing that it did not write"
_PROVEN = "what cannot be proven afterwards is not done"
_GUARDED = "no guard that is proven to run, no NTA"
_STALE = "hosts and evidence may have moved on"
_HIDES = "a flush would drop the old answers that still hide the outage"
_LIES = "a host that does not answer for itself is left alone"
NEVER = {
    "unapproved": _YES,
    "override-unconfirmed": _YES,
    "allowed-signers": _YES,
    "plan-digest": "what was reviewed is what happens",
    "plan-expired": _STALE,
    "plan-ended": "an NTA is a silence with an end",
    "plan-finished": "a plan applies once",
    "not-started": "there is nothing to go on with",
    "nta-ended": "what has ended is not given a new end",
    "reverting": "an NTA that is taken out is not put back at the same time",
    "hold-past-end": "an NTA is a silence with an end",
    "lifetime": "an NTA lives 7 days at most (RFC 7646 section 4)",
    "root-zone": "an NTA for the root would switch validation off everywhere",
    "broken-on-purpose": _PROVEN,
    "control-under-nta": _PROVEN,
    "baseline": _PROVEN,
    "unverified": _PROVEN,
    "preview-mode": "a preview is shown, never applied",
    "zone-has-nta": "one zone has one NTA: renew it, or revert it",
    "no-host-left": "there is no host to put it on",
    "locked": "two at work on one state would undo each other's work",
    "guard-scheduler": _GUARDED,
    "disk-full": _GUARDED,
    "host-clock": _GUARDED,
    "unconfirmed": "a flush costs what it says, and a person says yes to that",
    "zone-broken": _HIDES,
    "zone-doubtful": _HIDES,
    "flush-failed": "a cache that was not dropped is not told as dropped",
    "drifted": _OWNED,
    "foreign-nta": _OWNED,
    "foreign-dropin": _OWNED,
    "already-held": _OWNED,
    "explicit-anchor": "a trust anchor of its own overrides an NTA there",
    "engine-missing": "the engine's own tools are not there",
    "broken-config": "the engine would not load it",
    "daemon-down": _LIES,
    "unreachable": _LIES,
    "auth": _LIES,
    "host-key": _LIES,
    "unreadable": _LIES,
    "host-locked": "two at work on one host would undo each other's work",
    "stale-generation": "a newer order ran there",
    "interrupted": "it was ended from outside in the middle",
    "ended": "an NTA is a silence with an end",
    "not-held": "the host does not hold it",
    "no-sudo": "ntactl may do nothing there",
    "no-shell": "ntactl may do nothing there",
}


def check_acceptable(rules: Iterable[str]) -> None:
    """May these be accepted? Raises BadInput for what is no rule, Refused for what never may."""
    for rule in rules:
        if rule in NEVER:
            raise Refused(
                rule,
                f"nobody can accept this one: {NEVER[rule]}",
                next_step=f"--accept takes {_choices()}",
            )
        if rule not in ACCEPTABLE:
            raise BadInput(f"--accept {rule}: no rule is called so", next_step=_list())


def _choices() -> str:
    return " or ".join(ACCEPTABLE)


def _list() -> str:
    can = "; ".join(f"{rule} ({what})" for rule, what in ACCEPTABLE.items())
    return f"can be accepted: {can}; never: {', '.join(sorted(NEVER))}"
