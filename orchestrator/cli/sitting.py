"""From a plan in hand to an NTA on the fleet: what approve, apply, mitigate and renew share."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from orchestrator.cli import desk, options, output
from orchestrator.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.cli.live import Hears
    from orchestrator.incident.store import Store
    from orchestrator.rollout.apply import Report
    from orchestrator.rollout.plan import Plan


@dataclass(frozen=True)
class Terms:
    """On what terms a plan is carried out: whose journal, by whom, whose signatures count.

    `accept` names the rules whose refusals that person accepts; `hears` is told what happens;
    `confirm` is what was typed for an override.
    """

    state: Path | None
    by: str | None
    allowed: Path | None
    yes: bool
    hears: Hears
    accept: Sequence[str] = ()
    resume: bool = False
    confirm: str | None = None


@dataclass(frozen=True)
class Consent:
    """Who says yes, with which key, and what they say they considered (RFC 7646 section 2)."""

    by: str | None
    key: Path | None
    attack: str | None
    contacted: str | None


def approved(loaded: Plan, consent: Consent, *, yes: bool) -> Plan:
    """The plan with this person's signed approval; a terminal is asked what was not said."""
    from orchestrator.rollout.plan import Approval
    from orchestrator.rollout.signature import signed

    key = options.signing_key(consent.key)
    attack, contacted = consent.attack, consent.contacted
    asks = sys.stdin.isatty()
    if asks and attack is None:
        attack = typer.prompt("Could it be an attack? What speaks for a mistake", err=True)
    if asks and contacted is None:
        contacted = typer.prompt("Was the zone's operator contacted, and how", err=True)
    if asks and not yes:
        zones = ", ".join(nta.zone for nta in loaded.ntas)
        what = "VALIDATION OFF" if loaded.overrides else f"an NTA for {zones}"
        typer.confirm(f"Approve {what} on {_count(loaded)}?", abort=True, err=True)
    approval = Approval(
        by=options.person(consent.by),
        at=desk.now().replace(microsecond=0),
        digest=loaded.digest,
        attack_considered=attack or "unstated",
        operator_contacted=contacted or "unstated",
    )
    return loaded.model_copy(update={"approvals": (*loaded.approvals, signed(approval, key))})


def _count(loaded: Plan) -> str:
    hosts = sum(len(wave) for wave in loaded.waves)
    return (
        f"{hosts} host{'' if hosts == 1 else 's'}, until {loaded.ntas[0].ends_at:%d %b %H:%M:%SZ}"
    )


def tell_approved(plan: Plan) -> None:
    """Hand "approved" to the playbook's notify command, once for each NTA."""
    by = plan.approvals[-1].by
    for nta in plan.ntas:
        desk.tell(plan.playbook.notify, "approved", id=nta.id, zone=nta.zone, plan=plan.id, by=by)


def proven(loaded: Plan, allowed: Path | None) -> Plan:
    """The plan with those approvals alone whose signatures hold. Raises Refused, NtactlError."""
    from orchestrator.rollout.signature import unproven, without

    signers = allowed or loaded.playbook.approvals.allowed_signers
    if signers is None:
        raise Refused(
            "allowed-signers",
            "nothing says whose signatures count",
            next_step="approvals.allowed_signers in the playbook, or --allowed-signers FILE",
        )
    faults = unproven(loaded, signers)
    for by, fault in faults.items():
        desk.say(f"the approval of {by} does not count: {fault}")
    return without(loaded, list(faults))


def applied(given: Plan, terms: Terms) -> Report:
    """Pass the gate, ask once more on a terminal, carry it out under the state's lock."""
    from orchestrator.rollout.accept import check_acceptable

    check_acceptable(terms.accept)
    folder = options.state_folder(terms.state)
    loaded = proven(given, terms.allowed)
    with desk.opened(folder) as store:
        _say_accepted(desk.check_startable(loaded, store, terms.accept, resume=terms.resume), terms)
        if loaded.overrides:
            _check_typed(loaded, terms)
        elif sys.stdin.isatty() and not terms.yes:
            typer.confirm(f"Apply plan {loaded.id} on {_count(loaded)}?", abort=True, err=True)
        with desk.alone(folder, f"apply of plan {loaded.id}"):
            # While the person thought, things moved on.
            accepted = desk.check_startable(loaded, store, terms.accept, resume=terms.resume)
            store.keep_plan(loaded.id, loaded.to_json())
            return _carried_out(loaded, store, terms, accepted)


def _check_typed(loaded: Plan, terms: Terms) -> None:
    """An override has a sentence of its own to type. Raises Refused."""
    from orchestrator.rollout.override import check_confirmed, sentence

    hosts = sum(len(wave) for wave in loaded.waves)
    typed = terms.confirm
    if typed is None and sys.stdin.isatty():
        typed = typer.prompt(f'Type "{sentence(hosts)}"', default="", show_default=False, err=True)
    check_confirmed(typed or "", hosts)


def _say_accepted(accepted: Sequence[Refused], terms: Terms) -> None:
    """Tell what --accept lets pass, and what of it nothing refuses."""
    by = options.person(terms.by)
    for refusal in accepted:
        desk.say(f"accepted by {by}: {refusal.what}")
    for rule in dict.fromkeys(terms.accept):
        if rule not in {refusal.rule for refusal in accepted}:
            desk.say(f"--accept {rule}: nothing to accept, it refuses nothing here")


def _carried_out(loaded: Plan, store: Store, terms: Terms, accepted: Sequence[Refused]) -> Report:
    from orchestrator.rollout.apply import carry_out
    from orchestrator.rollout.renew import carry_out_renewal
    from orchestrator.rollout.resume import resume

    last = store.last()
    ids = [nta.id for nta in loaded.ntas]
    by, workers = options.person(terms.by), loaded.playbook.workers
    go_on = f"ntactl apply PLAN{' --resume' if terms.resume else ''}"
    with (
        desk.no_half_truth(store, ids, lambda: store.last() != last, go_on),
        desk.at_work(store, workers, by, waves=loaded.waves, hears=terms.hears) as means,
    ):
        if loaded.action == "renew":
            return carry_out_renewal(means, loaded)
        return resume(means, loaded) if terms.resume else carry_out(means, loaded, accepted)


def finish(report: Report, *, as_json: bool, verb: str = "apply") -> None:
    """Print how it ended, and end with its exit code.

    Where stdout takes no report stderr gets it, and "done" is not said of what nobody could read.
    """
    from orchestrator.report.apply import json_of, text_of

    text = text_of(report, verb)
    print(json.dumps(json_of(report, verb)) if as_json else text, flush=True)
    if output.failure() is None:
        raise typer.Exit(report.exit_code)
    desk.say(f"{text}\n  next: ntactl status")
    raise typer.Exit(report.exit_code or (6 if report.hosts else 1))


def in_one(made: Plan, consent: Consent, terms: Terms) -> Report:
    """Ask, approve and carry out. Without a person at a terminal only a lab goes on (rule 1)."""
    path = options.state_folder(terms.state) / "plans" / f"{made.id}.json"
    if made.overrides:
        desk.save_plan(path, made)
        raise Refused(
            "unapproved",
            "an override takes two people's approvals and its own sentence: not in one sitting",
            next_step=f"ntactl approve {path}, each of them; then ntactl apply {path}",
        )
    if (terms.yes or not sys.stdin.isatty()) and not made.lab:
        desk.save_plan(path, made)
        raise Refused(
            "unapproved",
            "without a terminal, or with --yes, this goes on only on a lab inventory",
            next_step=f"ntactl approve {path} && ntactl apply {path}",
        )
    plan = approved(made, consent, yes=terms.yes)
    desk.save_plan(path, plan)
    tell_approved(plan)
    return applied(plan, replace(terms, yes=True))
