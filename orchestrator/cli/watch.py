"""status, watch, renew, hold, revert, rollback: while an NTA stands, and its end."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli import desk, options, output, sitting, trace
from orchestrator.cli.typed import moment
from orchestrator.errors import BadInput, NtactlError, Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.incident.lifecycle import Record
    from orchestrator.incident.store import Store
    from orchestrator.model import HostReading
    from orchestrator.rollout.plan import Plan
    from orchestrator.watch.cycle import Said

Which = Annotated[str, typer.Argument(help="An NTA's id, or its zone.", metavar="ZONE-or-ID")]
Id = Annotated[str, typer.Argument(help="An NTA's id, or its zone.", metavar="ID")]


def register(app: typer.Typer) -> None:
    """Add these verbs to the command line."""
    for verb in (status, watch, renew, hold, revert, rollback):
        app.command()(verb)


def status(
    state: options.State = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="From the journal alone, asking no host.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Every NTA: zone, state, hosts holding it, drift, time left, who, why; and what came back."""
    from orchestrator.incident.came_back import may_come_back
    from orchestrator.incident.lifecycle import fold
    from orchestrator.report.status import foreign_on, hosts_of, json_of, text_of

    with desk.opened(options.state_folder(state)) as store:
        records = list(fold(store.events()).values())
        lately = [record for record in records if may_come_back(record, desk.now())]
        readings = {} if offline else _readings(store, lately)
    hosts, foreign = hosts_of(records, readings), foreign_on(records, readings)
    if as_json:
        print(json.dumps(json_of(records, hosts, foreign, desk.now())))
    else:
        print(text_of(records, hosts, foreign, desk.now(), output.width(), alarm=output.alarm()))


def _readings(store: Store, records: Sequence[Record]) -> dict[str, HostReading]:
    from orchestrator.fleet.run import Fleet
    from orchestrator.rollout.send import read

    plans = [plan for record in records if (plan := _plan_of(store, record))]
    hosts = {planned.host.name: planned.host for plan in plans for planned in plan.hosts}
    if not hosts:
        return {}
    with Fleet(workers=32, connect_timeout=5) as fleet:
        readings, faults = read(fleet, desk.now, hosts.values(), deadline=20)
    for name, (_, message) in sorted(faults.items()):
        desk.say(f"{name}: {message}")
    return readings


def _plan_of(store: Store, record: Record) -> Plan | None:
    """Its plan, or None when it has ended and an ntactl that this one cannot read kept it."""
    try:
        return desk.kept_plan(store, record.plan)
    except NtactlError as error:
        if record.live():
            raise
        desk.say(f"{record.id} has ended; whether it came back is not known: {error.what}")
        return None


def watch(
    once: Annotated[bool, typer.Option("--once", help="One cycle, for a timer.")] = False,
    every: Annotated[str, typer.Option("--every", help="Between cycles.")] = "15s",
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="With --once: exit 3 while an NTA is live.")
    ] = False,
    state: options.State = None,
    names: options.Names = None,
    root_hints: options.RootHints = None,
    trust_anchor: options.TrustAnchor = None,
    port: options.Port = 53,
    as_json: options.Json = False,
) -> None:
    """Look, and take NTAs out once their chain is whole. Each cycle says one sentence an NTA."""
    pause = _pause(every)
    looker = desk.Looker(root_hints, trust_anchor, port, names)
    folder = options.state_folder(state)
    while True:
        said = _cycle(folder, looker)
        _print_said(said, as_json=as_json)
        if once:
            raise typer.Exit(_once_code(said, pending=exit_code and _live(folder)))
        time.sleep(pause)


def _pause(every: str) -> float:
    """Seconds between cycles; a streak of clean looks with longer gaps would be none."""
    from orchestrator.incident.lifecycle import LONGEST_GAP
    from orchestrator.names import length

    pause = length(every)
    if not pause:
        raise BadInput(f"--every {every} leaves no time between cycles", next_step="--every 15s")
    if pause * 2 > LONGEST_GAP:
        raise BadInput(f"--every {every} is too seldom to see a zone flap", next_step="--every 1m")
    return pause.total_seconds()


def _once_code(said: list[Said] | None, *, pending: bool) -> int:
    if any(one.failed for one in said or ()):
        return 1
    return 3 if pending else 0


def _print_said(said: list[Said] | None, *, as_json: bool) -> None:
    if as_json:
        lines = [
            {
                "id": one.id,
                "zone": one.zone,
                "act": one.act.value,
                "said": one.sentence,
                "failed": one.failed,
            }
            for one in said or []
        ]
        told = {"schema": "ntactl/watch/1", "ntas": lines, "locked": said is None}
        print(json.dumps(told), flush=True)
    elif said is None:
        print("another ntactl is at work on this state; nothing done", flush=True)
    elif not said:
        print("no live NTA", flush=True)
    for one in said or [] if not as_json else []:
        print(f"{desk.now():%H:%M:%SZ} {one.id}: {one.sentence}", flush=True)


def _live(folder: Path) -> bool:
    from orchestrator.incident.lifecycle import fold

    with desk.opened(folder) as store:
        return any(record.live() for record in fold(store.events()).values())


def _cycle(folder: Path, looker: desk.Looker) -> list[Said] | None:
    """One cycle under the lock; None when another holds it."""
    from orchestrator.incident.lock import only_one
    from orchestrator.watch.aftercare import aftercare
    from orchestrator.watch.cycle import Watch, cycle

    def save(plan: Plan) -> Path:
        return desk.save_plan(folder / "plans" / f"{plan.id}.json", plan)

    try:
        with (
            only_one(folder, "watch"),
            desk.opened(folder) as store,
            desk.at_work(store, 32, "watch") as means,
        ):
            watcher = Watch(means, looker.once, lambda key: desk.kept_plan(store, key), trace.save)
            said = [*cycle(watcher), *aftercare(watcher, save)]
            if means.stopping():
                for one in said:
                    desk.say(f"{one.id}: {one.sentence}")
                raise KeyboardInterrupt
            return said
    except Refused as refusal:
        if refusal.rule != "locked":
            raise
        return None


def renew(
    which: Id,
    lifetime: options.For = None,
    reason: options.Reason = "",
    state: options.State = None,
    by: options.By = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Save it as a plan, apply later.")
    ] = None,
    key: options.Key = None,
    allowed_signers: options.AllowedSigners = None,
    attack_considered: options.Attack = None,
    operator_contacted: options.Contacted = None,
    events: options.Events = None,
    yes: options.Yes = False,
    names: options.Names = None,
    root_hints: options.RootHints = None,
    trust_anchor: options.TrustAnchor = None,
    port: options.Port = 53,
    as_json: options.Json = False,
) -> None:
    """Give an NTA a new end, approved like a plan; each host's guard is re-armed first."""
    from orchestrator.cli.live import events_to
    from orchestrator.report.plan import text_of

    looker = desk.Looker(root_hints, trust_anchor, port, names)
    made = _renewal(which, lifetime, reason, options.state_folder(state), by, looker)
    if out is not None:
        desk.save_plan(out, made)
        print(text_of(made, output.width()))
        desk.say(f"saved: {out}\nnext:  ntactl approve {out} && ntactl apply {out}")
        return
    desk.say(text_of(made, output.width()))
    consent = sitting.Consent(by, key, attack_considered, operator_contacted)
    with events_to(events, desk.say) as hears:
        terms = sitting.Terms(state, by, allowed_signers, yes, hears)
        report = sitting.in_one(made, consent, terms)
    sitting.finish(report, as_json=as_json, verb="renew")


def _renewal(
    which: str,
    lifetime: str | None,
    reason: str,
    folder: Path,
    by: str | None,
    looker: desk.Looker,
) -> Plan:
    from orchestrator.incident.lifecycle import fold
    from orchestrator.names import length
    from orchestrator.rollout.renew import make_renewal

    if lifetime is None:
        raise BadInput("no new lifetime", next_step=f"ntactl renew {which} --for 2h")
    with desk.opened(folder) as store:
        record = desk.record_named(fold(store.events()), which)
        old = desk.kept_plan(store, record.plan)
    return make_renewal(
        record,
        old,
        plan_id=desk.new_id(),
        now=desk.now(),
        lifetime=length(lifetime),
        reason=reason or record.reason,
        by=options.person(by),
        verdicts=[looker.look(record.zone, old.playbook)],
    )


def hold(
    which: Id,
    until: Annotated[
        str | None, typer.Option("--until", help="A time (RFC 3339), or a length like 2h.")
    ] = None,
    release: Annotated[bool, typer.Option("--release", help="Let `watch` revert again.")] = False,
    reason: options.Reason = "",
    state: options.State = None,
    by: options.By = None,
) -> None:
    """No automatic revert before that time (never past the NTA's end), or let go of it."""
    from orchestrator.incident.lifecycle import fold
    from orchestrator.rollout.hold import held, released

    if (until is None) is not release:
        raise BadInput("say either --until TIME or --release")
    folder = options.state_folder(state)
    with desk.alone(folder, f"hold of {which}"), desk.opened(folder) as store:
        record = desk.record_named(fold(store.events()), which)
        who, now = options.person(by), desk.now()
        if until is None:
            store.append(released(record, now, who))
            print(f"{record.id}: released, watch reverts it once the chain is whole")
        else:
            event = held(record, now, who, moment(until, now), reason)
            store.append(event)
            print(f"{record.id}: held until {event.data['until']}")


def revert(
    which: Which,
    state: options.State = None,
    by: options.By = None,
    events: options.Events = None,
    yes: options.Yes = False,
    as_json: options.Json = False,
) -> None:
    """Take an NTA out now, in waves, with flush and verify; one that came back, once more."""
    _taken_out(which, state, by, "revert", events, yes=yes, as_json=as_json)


def rollback(
    which: Id,
    state: options.State = None,
    by: options.By = None,
    events: options.Events = None,
    yes: options.Yes = False,
    as_json: options.Json = False,
) -> None:
    """Bring every host that was touched back to its snapshot, whatever became of the apply."""
    _taken_out(which, state, by, "rollback", events, yes=yes, as_json=as_json)


def _taken_out(
    which: str,
    state: Path | None,
    by: str | None,
    verb: str,
    events: Path | None,
    *,
    yes: bool,
    as_json: bool,
) -> None:
    from orchestrator.cli.live import events_to
    from orchestrator.incident.lifecycle import fold
    from orchestrator.rollout.take_out import again, everywhere, nothing_to_do, once_more

    folder = options.state_folder(state)
    with events_to(events, desk.say) as hears, desk.opened(folder) as store:
        record = desk.record_named(fold(store.events()), which, ended=True)
        plan = desk.kept_plan(store, record.plan)
        _confirm(record, verb, yes=yes)
        workers, who = plan.playbook.workers, options.person(by)
        go_on = f"ntactl {verb} {record.id}"
        with (
            desk.alone(folder, f"{verb} of {which}"),
            desk.no_half_truth(store, [record.id], lambda: True, go_on),
            desk.at_work(store, workers, who, hears=hears) as means,
        ):
            record = again(means, record)  # while the person thought, things moved on
            if record.live():
                report = everywhere(means, plan, record, verb)
            elif verb == "revert":
                report = once_more(means, plan, record, verb)
            else:  # a rollback takes nothing away that may be another's
                report = nothing_to_do(record, {})
    sitting.finish(report, as_json=as_json, verb=verb)


def _confirm(record: Record, verb: str, *, yes: bool) -> None:
    if yes or not sys.stdin.isatty():
        return
    question = f"{verb} {record.id} ({record.zone}, last seen {record.last_state or 'bogus'})"
    if record.live():
        typer.confirm(f"{question} on {len(record.holding())} hosts?", abort=True, err=True)
    elif verb == "revert":
        typer.confirm(f"{question}, which ended, where it came back?", abort=True, err=True)
