"""flush: the remedy where the zone is sound and caches are not."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli import desk, options, output, sitting
from orchestrator.cli.check import judged
from orchestrator.cli.typed import names_under
from orchestrator.errors import Refused

if TYPE_CHECKING:
    from orchestrator.cli.live import Hears
    from orchestrator.fleet.inventory import Host
    from orchestrator.model import Verdict
    from orchestrator.playbook import Playbook
    from orchestrator.rollout.apply import Report
    from orchestrator.rollout.flush import Flush


_TRUE_FOR = 60.0  # seconds that a look at the zone is good for


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(flush)


def flush(
    zone: Annotated[str, typer.Argument(help="A zone, like de.", metavar="ZONE")],
    inventory: options.Inventory = None,
    playbook: options.PlaybookFile = None,
    state: options.State = None,
    by: options.By = None,
    events: options.Events = None,
    yes: options.Yes = False,
    names: options.Names = None,
    root_hints: options.RootHints = None,
    trust_anchor: options.TrustAnchor = None,
    port: options.Port = 53,
    as_json: options.Json = False,
) -> None:
    """Drop what resolvers hold of a zone that is sound, where they fail it; no NTA is set.

    Judges the zone first and says what it costs. A zone that is broken itself is refused (exit 4).
    """
    from orchestrator.cli.live import events_to
    from orchestrator.names import zone_name
    from orchestrator.rollout.flush import check_zone, nothing_to_do, propose

    asked = zone_name(zone)
    check_zone(asked)
    book, hosts = desk.playbook_of(playbook), desk.inventory_of(inventory).hosts
    looker = desk.Looker(root_hints, trust_anchor, port, names)
    with events_to(events, desk.say) as hears:
        made = propose(desk.new_id(), _checked(looker, asked, hosts, book), hosts, book)
        if made.hosts:
            checked = desk.now()
            _agree(made, yes=yes)
            _still_true(asked, checked)
            report = _carried_out(made, options.state_folder(state), options.person(by), hears)
        else:
            report = nothing_to_do(made)
    sitting.finish(report, as_json=as_json, verb="flush")


def _checked(looker: desk.Looker, zone: str, hosts: Sequence[Host], book: Playbook) -> Verdict:
    """The zone and our resolvers, as `check -i` sees them."""
    from orchestrator.chain.check import look, vantage
    from orchestrator.chain.policy import load

    desk.say(f"checking {zone} at its name servers, and what {len(hosts)} resolvers answer")
    view = vantage(looker.hints, looker.anchor, looker.port)
    wanted = names_under(looker.names, zone)
    evidence = look(zone, view, probe=book.probe, names=wanted, clock=desk.now)
    verdict = judged(evidence, desk.now(), load(None), book, hosts)
    desk.say(f"{zone} is {verdict.state.value}; remedy {verdict.remedy.value}")
    return verdict


def _agree(made: Flush, *, yes: bool) -> None:
    """Say the price, and let a person say yes to it. Raises Refused."""
    from orchestrator.report.flush import price

    desk.say(price(made, output.width()))
    if yes:
        return
    if not sys.stdin.isatty():
        raise Refused(
            "unconfirmed",
            "without a terminal nobody can be asked",
            next_step=f"ntactl flush {made.zone} -i INVENTORY --yes",
        )
    typer.confirm(f"Flush {made.zone} on {len(made.hosts)} hosts?", abort=True, err=True)


def _still_true(zone: str, checked: datetime) -> None:
    """A person may take his time, and the zone meanwhile break. Raises Refused."""
    age = (desk.now() - checked).total_seconds()
    if age > _TRUE_FOR:
        raise Refused(
            "zone-doubtful",
            f"{zone} was looked at {age:.0f} s ago, and may have changed since",
            next_step=f"ntactl flush {zone} -i INVENTORY",
        )


def _carried_out(made: Flush, folder: Path, by: str, hears: Hears) -> Report:
    from orchestrator.rollout.flush import carry_out

    workers, go_on = made.playbook.workers, f"ntactl flush {made.zone} -i INVENTORY"
    with desk.opened(folder) as store, desk.alone(folder, f"flush of {made.zone}"):
        last = store.last()
        with (
            desk.no_half_truth(store, (), lambda: store.last() != last, go_on),
            desk.at_work(store, workers, by, waves=made.waves, hears=hears) as means,
        ):
            return carry_out(means, made)
