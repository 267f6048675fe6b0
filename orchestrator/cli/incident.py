"""plan, show, approve, apply, mitigate: from the verdict to the NTA. Reads like the incident."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli import desk, options, output, sitting
from orchestrator.errors import BadFile, BadInput, Refused, quoted
from orchestrator.given import STDIN

if TYPE_CHECKING:
    from orchestrator.fleet.inventory import Inventory
    from orchestrator.model import Verdict
    from orchestrator.playbook import Playbook
    from orchestrator.rollout.plan import Mode, Plan, Request

Zones = Annotated[list[str], typer.Argument(help="Zones, like de.", metavar="ZONE...")]
PlanFile = Annotated[Path, typer.Argument(help="A plan file.", metavar="PLAN")]
ModeName = Annotated[
    str,
    typer.Option(
        "--mode", help="nta; config, a preview only; override: validation off (for the root)."
    ),
]


def register(app: typer.Typer) -> None:
    """Add these verbs to the command line."""
    for verb in (plan, show, approve, apply, mitigate):
        app.command()(verb)


def plan(
    zones: Zones,
    reason: options.Reason = "",
    inventory: options.Inventory = None,
    playbook: options.PlaybookFile = None,
    lifetime: options.For = None,
    ticket: options.Ticket = "",
    mode: ModeName = "nta",
    out: Annotated[Path | None, typer.Option("--out", help="Save the plan here.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print it for a ticket.")] = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit 3 when it would change something.")
    ] = False,
    by: options.By = None,
    names: options.Names = None,
    root_hints: options.RootHints = None,
    trust_anchor: options.TrustAnchor = None,
    port: options.Port = 53,
    as_json: options.Json = False,
) -> None:
    """Dry run: what would change on which host, as diff and commands. Writes nothing on a host."""
    from orchestrator.report.plan import markdown_of, text_of

    looker = desk.Looker(root_hints, trust_anchor, port, names)
    made = _make(zones, reason, inventory, playbook, lifetime, ticket, _mode(mode), by, looker)
    if out is not None:
        desk.save_plan(out, made)
    if as_json:
        print(made.to_json(), end="")
    else:
        print(markdown_of(made) if markdown else text_of(made, output.width()))
    if out is not None:
        desk.say(f"saved: {out}\nnext:  ntactl approve {out}")
    if exit_code and _would_change(made):
        raise typer.Exit(3)


def _would_change(made: Plan) -> bool:
    from orchestrator.rollout.gate import check_worth_asking

    try:
        check_worth_asking(made)
    except Refused:
        return False
    return True


def _mode(text: str) -> Mode:
    match text:
        case "nta" | "config" | "override":
            return text
    raise BadInput(f"no mode {quoted(text)}", next_step="--mode nta, config or override")


def _make(
    zones: list[str],
    reason: str,
    inventory: Path | None,
    playbook: Path | None,
    lifetime: str | None,
    ticket: str,
    mode: Mode,
    by: str | None,
    looker: desk.Looker,
) -> Plan:
    """Check the zones, read the hosts, put the plan together."""
    from orchestrator.names import length, zone_name
    from orchestrator.rollout.plan import Request, check_request, usual_lifetime

    policy, fleet = desk.playbook_of(playbook), desk.inventory_of(inventory)
    named = tuple(dict.fromkeys(zone_name(zone) for zone in zones))
    usual = usual_lifetime(mode, named, policy)
    request = Request(
        zones=named,
        reason=reason,
        ticket=ticket,
        lifetime=usual if lifetime is None else length(lifetime),
        mode=mode,
        created_by=options.person(by),
    )
    check_request(request, policy)
    verdicts = [checked(looker, zone, policy) for zone in request.zones]
    return proposed(request, fleet, policy, verdicts)


def checked(looker: desk.Looker, zone: str, policy: Playbook) -> Verdict:
    desk.say(f"checking {zone} at every address of its name servers")
    verdict = looker.look(zone, policy)
    cause = f", {verdict.findings[0].cause.value}" if verdict.findings else ""
    desk.say(f"{zone} is {verdict.state.value}{cause}; remedy {verdict.remedy.value}")
    return verdict


def proposed(request: Request, fleet: Inventory, policy: Playbook, verdicts: list[Verdict]) -> Plan:
    from orchestrator.fleet.probe import views
    from orchestrator.fleet.run import Fleet
    from orchestrator.rollout.propose import propose

    desk.say(f"reading {len(fleet.hosts)} hosts")
    with Fleet(workers=policy.workers) as connections:
        return propose(
            request,
            inventory=fleet,
            playbook=policy,
            verdicts=verdicts,
            fleet=connections,
            views=partial(views, ways=connections),
            clock=desk.now,
        )


def show(plan_file: PlanFile, state: options.State = None, as_json: options.Json = False) -> None:
    """Print a saved plan, and which refusals were accepted for it; a stale one still prints."""
    from orchestrator.report.apply import accepted_text
    from orchestrator.report.plan import text_of
    from orchestrator.rollout.gate import check_approvable

    loaded = desk.load_plan(plan_file)
    try:
        check_approvable(loaded, desk.now())
    except Refused as refusal:
        desk.say(f"warning: {refusal.what}")
    accepted = desk.accepted_for(loaded, options.state_folder(state))
    if as_json:
        print(loaded.to_json(), end="")
        return
    print(text_of(loaded, output.width()))
    if accepted:
        print("\nAccepted", *(f"  {accepted_text(one)}" for one in accepted), sep="\n")


def approve(
    plan_file: PlanFile,
    by: options.By = None,
    key: options.Key = None,
    attack_considered: options.Attack = None,
    operator_contacted: options.Contacted = None,
    yes: options.Yes = False,
    as_json: options.Json = False,
) -> None:
    """Say yes to a plan, signed: who, when, and what was considered (RFC 7646 section 2)."""
    from orchestrator.rollout.gate import check_approvable

    if plan_file in STDIN or (plan_file.exists() and not plan_file.is_file()):
        raise BadFile("is no file: an approval is written into it", file=str(plan_file))
    loaded = desk.load_plan(plan_file)
    check_approvable(loaded, desk.now())
    consent = sitting.Consent(by, key, attack_considered, operator_contacted)
    approved = sitting.approved(loaded, consent, yes=yes)
    desk.save_plan(plan_file, approved)
    sitting.tell_approved(approved)
    if as_json:
        approval = approved.approvals[-1].model_dump(mode="json")
        print(json.dumps({"schema": "ntactl/approve/1", "plan": approved.id, **approval}))
    else:
        print(f"plan {approved.id} approved by {approved.approvals[-1].by}")
        desk.say(f"next:  ntactl apply {plan_file}")


def apply(
    plan_file: PlanFile,
    state: options.State = None,
    by: options.By = None,
    allowed_signers: options.AllowedSigners = None,
    accept: options.Accept = None,
    confirm: options.Confirm = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on, and bring in hosts that lack it by now.")
    ] = False,
    events: options.Events = None,
    yes: options.Yes = False,
    as_json: options.Json = False,
) -> None:
    """Carry an approved plan out: waves, verify, or take it back. An interrupted one goes on.

    Ctrl-C stops after the hosts in flight, a second one at once; nothing that is healed is undone.
    """
    from orchestrator.cli.live import events_to

    loaded = desk.load_plan(plan_file)
    with events_to(events, desk.say) as hears:
        terms = sitting.Terms(state, by, allowed_signers, yes, hears, accept or (), resume, confirm)
        report = sitting.applied(loaded, terms)
    sitting.finish(report, as_json=as_json)


def mitigate(
    zones: Zones,
    reason: options.Reason = "",
    inventory: options.Inventory = None,
    playbook: options.PlaybookFile = None,
    lifetime: options.For = None,
    ticket: options.Ticket = "",
    state: options.State = None,
    by: options.By = None,
    key: options.Key = None,
    allowed_signers: options.AllowedSigners = None,
    attack_considered: options.Attack = None,
    operator_contacted: options.Contacted = None,
    accept: options.Accept = None,
    events: options.Events = None,
    yes: options.Yes = False,
    names: options.Names = None,
    root_hints: options.RootHints = None,
    trust_anchor: options.TrustAnchor = None,
    port: options.Port = 53,
    as_json: options.Json = False,
) -> None:
    """Check, plan, ask and apply in one sitting, by a person."""
    from orchestrator.cli.live import events_to
    from orchestrator.report.plan import text_of
    from orchestrator.rollout.accept import check_acceptable
    from orchestrator.rollout.gate import check_worth_asking

    check_acceptable(accept or ())
    looker = desk.Looker(root_hints, trust_anchor, port, names)
    with events_to(events, desk.say) as hears:
        made = _make(zones, reason, inventory, playbook, lifetime, ticket, "nta", by, looker)
        desk.say(text_of(made, output.width()))
        check_worth_asking(made, accept or ())
        consent = sitting.Consent(by, key, attack_considered, operator_contacted)
        terms = sitting.Terms(state, by, allowed_signers, yes, hears, accept or ())
        report = sitting.in_one(made, consent, terms)
    sitting.finish(report, as_json=as_json, verb="mitigate")
