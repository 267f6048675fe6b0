"""`ntactl check`: is the chain of trust to a zone whole?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli import options, output
from orchestrator.cli.clock import clock_note, clock_told, other_time
from orchestrator.cli.desk import done, inventory_of, now, playbook_of, probe_of, say
from orchestrator.cli.typed import moment, names_under

if TYPE_CHECKING:
    from orchestrator.chain.evidence import Evidence
    from orchestrator.chain.policy import Policy
    from orchestrator.fleet.inventory import Host
    from orchestrator.fleet.probe import Ask, Witness
    from orchestrator.model import Verdict
    from orchestrator.playbook import Playbook
    from orchestrator.rollout.answer import Counts

SaveEvidence = Annotated[
    Path | None,
    typer.Option("--save-evidence", help="Keep all answers (one zone; JSON, or .json.gz)."),
]
Via = Annotated[
    list[str] | None,
    typer.Option("--via", metavar="ADDRESS", help="A validating resolver elsewhere, as a witness."),
]
_LOGIN = 5.0  # seconds to reach a host whose counters and clock are asked
_LOGINS = 32  # hosts that are asked: what all of a fleet have in common shows in these
_NAMED = 4  # hosts that are named where a line has to be enough
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
    at: options.Now = None,
    skew: options.Skew = None,
    rounds: options.Rounds = None,
    every: options.Every = None,
    timeout: options.Timeout = None,
    via: Via = None,
    policy: options.Policy = None,
    save_evidence: SaveEvidence = None,
    as_json: options.Json = False,
) -> None:
    """Prove whether the chain of trust to each zone is whole, at every one of its servers."""
    from orchestrator.chain.check import look, vantage
    from orchestrator.chain.evidence import save
    from orchestrator.chain.policy import load, with_skew
    from orchestrator.names import zone_name
    from orchestrator.report.verdict import exit_codes

    asked = list(dict.fromkeys(zone_name(zone) for zone in zones))
    if save_evidence:
        _check_evidence(save_evidence, asked)
    judged_at = moment(at, now()) if at is not None else None
    rules = with_skew(load(policy), skew)
    book = playbook_of(playbook)
    book = book.model_copy(update={"probe": probe_of(book.probe, every, timeout)})
    hosts, witnesses = _hosts(inventory), _witnesses(via or [])
    view = vantage(root_hints, trust_anchor, port)
    verdicts, kept = [], True
    for zone in asked:
        wanted = names_under(names, zone)
        evidence = look(zone, view, probe=book.probe, names=wanted, rounds=rounds, clock=now)
        if save_evidence:
            kept = done(partial(save, evidence, save_evidence), "the evidence is not kept")
        verdicts.append(judged(evidence, judged_at or now(), rules, book, hosts, witnesses))
    _print(verdicts, judged_at, rules, as_json=as_json)
    raise typer.Exit(exit_codes(verdicts) or int(not kept))


def judged(
    evidence: Evidence,
    when: datetime,
    rules: Policy,
    book: Playbook,
    hosts: Sequence[Host],
    witnesses: Sequence[Witness] = (),
) -> Verdict:
    """What was seen, judged for that time, with the answers of our resolvers and of others."""
    from orchestrator.chain.judge import judge, with_engines

    verdict = judge(evidence, when, rules.skew, policy=rules)
    verdict = with_engines(verdict, evidence, when, {host.engine for host in hosts})
    return _with_others(verdict, hosts, witnesses, evidence, book)


def _check_evidence(path: Path, asked: Sequence[str]) -> None:
    """Can it be kept there, before a look that takes its time? Raises BadInput."""
    from orchestrator.errors import BadInput
    from orchestrator.whole import check_writable

    if len(asked) > 1:
        raise BadInput(
            "--save-evidence keeps the evidence of one zone", next_step="check each zone by itself"
        )
    check_writable(path, "--save-evidence")


def _hosts(inventory: Path | None) -> tuple[Host, ...]:
    return inventory_of(inventory).hosts if inventory else ()


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
    book: Playbook,
) -> Verdict:
    """Ask each resolver for the zone's own records, names under it, and the DS above those."""
    if not hosts and not witnesses:
        return verdict
    from orchestrator.chain.resolvers import signed_cuts, with_witnesses
    from orchestrator.fleet.probe import Ask, views

    below = tuple(dict.fromkeys((*evidence.names[:_VIEWED], *verdict.bad_names[:_VIEWED])))
    asks = [
        Ask(name=verdict.zone, type="SOA"),
        *(Ask(name=name) for name in below),
        *(Ask(name=cut, type="DS") for cut in signed_cuts(evidence, below)),
    ]
    if hosts:
        verdict = _with_fleet(verdict, hosts, asks, book)
    if witnesses:
        timeout = book.probe.timeout.total_seconds()
        verdict = with_witnesses(verdict, views(witnesses, asks, timeout=timeout))
    return verdict


def _with_fleet(
    verdict: Verdict, hosts: Sequence[Host], asks: Sequence[Ask], book: Playbook
) -> Verdict:
    """What our own resolvers say, and whether it is they: the controls are asked for beside."""
    from orchestrator.chain.local import faults, in_doubt, known_asks, with_clocks
    from orchestrator.chain.resolvers import with_resolvers
    from orchestrator.fleet.probe import asked, views, with_statistics
    from orchestrator.fleet.run import Fleet

    beside = known_asks(book.controls)
    every = list(dict.fromkeys((*asks, *beside)))
    with Fleet(connect_timeout=_LOGIN) as fleet:  # for those that only their hosts can ask
        seen = views(hosts, every, timeout=book.probe.timeout.total_seconds(), ways=fleet)
    zone, known = ([v for v in seen if asked(v) in wanted] for wanted in (asks, beside))
    told = faults(verdict, zone, known, book.controls)
    doubted, failing = in_doubt(told), {view.host for view in zone if view.rcode == "SERVFAIL"}
    counts = _counts([h for h in hosts if h.name in doubted | failing][:_LOGINS])
    offsets = {n: one.clock_offset for n, one in counts.items() if one.clock_offset is not None}
    zone = with_statistics(zone, {name: one.statistics for name, one in counts.items()})
    engines = {host.name: host.engine for host in hosts}
    return with_resolvers(verdict, zone, with_clocks(told, offsets), engines)


def _counts(hosts: Sequence[Host]) -> dict[str, Counts]:
    """What hosts have counted, and by which clock: one login each, which changes nothing there."""
    if not hosts:
        return {}
    from orchestrator.fleet.run import Fleet
    from orchestrator.rollout.send import count

    names = ", ".join(host.name for host in hosts[:_NAMED]) + (" ..." if hosts[_NAMED:] else "")
    say(f"asking {names} over SSH for the time, and what they have counted")
    with Fleet(connect_timeout=_LOGIN) as fleet:
        return count(fleet, hosts, deadline=2 * _LOGIN)


def _print(
    verdicts: Sequence[Verdict], judged_at: datetime | None, rules: Policy, *, as_json: bool
) -> None:
    from orchestrator.report.verdict import text

    if not as_json:
        notes = [*other_time(judged_at, rules), *clock_note(verdicts)]
        told = [*notes, *(text(verdict, output.width()) for verdict in verdicts)]
        print("\n".join(told), end="")
        return
    zones = [verdict.model_dump(mode="json") for verdict in verdicts]
    clock = clock_told(judged_at, rules)
    print(json.dumps({"schema": "ntactl/check/1", "zones": zones, "clock": clock}))
