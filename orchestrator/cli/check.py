"""`ntactl check`: is the chain of trust to a zone whole?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli import options
from orchestrator.cli.desk import moment, names_under, now, playbook_of

if TYPE_CHECKING:
    from orchestrator.chain.evidence import Evidence
    from orchestrator.fleet.inventory import Host
    from orchestrator.fleet.probe import Witness
    from orchestrator.model import Verdict
    from orchestrator.playbook import Probe

Now = Annotated[str | None, typer.Option("--now", help="Judge for this time (RFC 3339).")]
Skew = Annotated[
    float | None, typer.Option("--skew", min=0, help="Seconds of tolerance on signature times.")
]
Rounds = Annotated[int | None, typer.Option("--rounds", min=1, max=20, help="How often to look.")]
Every = Annotated[float | None, typer.Option("--every", min=0, help="Seconds between rounds.")]
Timeout = Annotated[float | None, typer.Option("--timeout", min=0.05, help="Seconds a question.")]
SaveEvidence = Annotated[
    Path | None,
    typer.Option("--save-evidence", help="Keep all answers (one zone; JSON, or .json.gz)."),
]
Via = Annotated[
    list[str] | None,
    typer.Option("--via", metavar="ADDRESS", help="A validating resolver elsewhere, as a witness."),
]
_VIEWED = 4  # names under the zone that each resolver is asked for


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(check)


def check(
    zones: Annotated[list[str], typer.Argument(metavar="ZONE...", help='Zones, like "de."')],
    inventory: options.Inventory = None,
    playbook: options.PlaybookFile = None,
    names: options.Names = None,
    trust_anchor: options.TrustAnchor = None,
    root_hints: options.RootHints = None,
    port: options.Port = 53,
    at: Now = None,
    skew: Skew = None,
    rounds: Rounds = None,
    every: Every = None,
    timeout: Timeout = None,
    via: Via = None,
    policy: options.Policy = None,
    save_evidence: SaveEvidence = None,
    as_json: options.Json = False,
) -> None:
    """Prove whether the chain of trust to each zone is whole, at every one of its servers."""
    from orchestrator.chain.check import look, vantage
    from orchestrator.chain.evidence import save
    from orchestrator.chain.judge import judge
    from orchestrator.chain.policy import load, with_skew
    from orchestrator.errors import BadInput
    from orchestrator.names import zone_name
    from orchestrator.report.verdict import exit_codes

    asked = list(dict.fromkeys(zone_name(zone) for zone in zones))
    if save_evidence and len(asked) > 1:
        raise BadInput(
            "--save-evidence keeps the evidence of one zone", next_step="check each zone by itself"
        )
    judged_at = moment(at, now()) if at else None
    rules = with_skew(load(policy), skew)
    probe = probe_of(playbook_of(playbook).probe, every, timeout)
    hosts, witnesses = _hosts(inventory), _witnesses(via or [])
    view = vantage(root_hints, trust_anchor, port)
    verdicts = []
    for zone in asked:
        wanted = names_under(names, zone)
        evidence = look(zone, view, probe=probe, names=wanted, rounds=rounds, clock=now)
        if save_evidence:
            save(evidence, save_evidence)
        verdict = judge(evidence, judged_at or now(), rules.skew, policy=rules)
        verdicts.append(_with_others(verdict, hosts, witnesses, evidence, probe))
    _print(verdicts, judged_at, rules.skew, as_json=as_json)
    raise typer.Exit(exit_codes(verdicts))


def probe_of(probe: Probe, every: float | None, timeout: float | None) -> Probe:
    update: dict[str, timedelta] = {}
    if every is not None:
        update["every"] = timedelta(seconds=every)
    if timeout is not None:
        update["timeout"] = timedelta(seconds=timeout)
    return probe.model_copy(update=update)


def _hosts(inventory: Path | None) -> tuple[Host, ...]:
    from orchestrator.fleet.inventory import load_inventory

    return load_inventory(inventory).hosts if inventory else ()


def _witnesses(addresses: Sequence[str]) -> list[Witness]:
    from ipaddress import ip_address

    from orchestrator.errors import BadInput
    from orchestrator.fleet.probe import Witness

    try:
        return [Witness(ip_address(address)) for address in dict.fromkeys(addresses)]
    except ValueError as error:
        raise BadInput(f"--via: {error}", next_step="--via 9.9.9.9 --via 2620:fe::fe") from error


def _with_others(
    verdict: Verdict,
    hosts: Sequence[Host],
    witnesses: Sequence[Witness],
    evidence: Evidence,
    probe: Probe,
) -> Verdict:
    """Ask each resolver for the zone's own records, names under it, and the DS above those."""
    if not hosts and not witnesses:
        return verdict
    from orchestrator.chain.resolvers import signed_cuts, with_resolvers, with_witnesses
    from orchestrator.fleet.probe import Ask, views

    below = tuple(dict.fromkeys((*evidence.names[:_VIEWED], *verdict.bad_names[:_VIEWED])))
    asks = [
        Ask(name=verdict.zone, type="SOA"),
        *(Ask(name=name) for name in below),
        *(Ask(name=cut, type="DS") for cut in signed_cuts(evidence, below)),
    ]
    timeout = probe.timeout.total_seconds()
    if hosts:
        verdict = with_resolvers(verdict, views(hosts, asks, timeout=timeout))
    if witnesses:
        verdict = with_witnesses(verdict, views(witnesses, asks, timeout=timeout))
    return verdict


def _print(
    verdicts: Sequence[Verdict], judged_at: datetime | None, skew: float, *, as_json: bool
) -> None:
    from orchestrator.report.verdict import text

    if not as_json:
        notes = [*other_time(judged_at, skew), *clock_note(verdicts)]
        told = [*notes, *(text(verdict) for verdict in verdicts)]
        print("\n".join(told), end="")
        return
    zones = [verdict.model_dump(mode="json") for verdict in verdicts]
    clock = clock_told(judged_at, skew)
    print(json.dumps({"schema": "ntactl/check/1", "zones": zones, "clock": clock}))


def clock_told(judged_at: datetime | None, skew: float) -> dict[str, object]:
    """The time judged for, and how sure of it this machine is, as JSON."""
    from orchestrator.clock import kernel
    from orchestrator.model import rfc3339

    mine = kernel()
    return {
        "at": rfc3339(judged_at or now()),
        "source": "--now" if judged_at else "this machine",
        "skew": skew,
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


def other_time(judged_at: datetime | None, skew: float) -> list[str]:
    """What a reader has to know before a verdict that is not about now, by the signatures' word."""
    from orchestrator.model import rfc3339

    at = f"judged for {rfc3339(judged_at)} (--now), not for now" if judged_at else ""
    wide = f"signature times may be {skew:g} s off (--skew)" if skew else ""
    said = "; ".join(part for part in (at, wide) if part)
    return [f"note: {said}\n"] if said else []
