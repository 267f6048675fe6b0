"""audit: what weakens validation on the fleet, and was forgotten or never ntactl's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli import desk, options, output
from orchestrator.errors import BadInput

if TYPE_CHECKING:
    from orchestrator.audit.judge import Finding
    from orchestrator.fleet.inventory import Host, Inventory
    from orchestrator.playbook import Playbook
    from orchestrator.rollout.answer import Examined
    from orchestrator.rollout.plan import Request

FOUND = 3
_DEADLINE = 60.0  # seconds a host

Nagios = Annotated[
    bool, typer.Option("--nagios", help="One line and an exit code for a monitoring system.")
]


Publish = Annotated[
    Path | None,
    typer.Option(
        "--publish",
        metavar="FOLDER",
        help="Write the public list of NTAs (RFC 7646 3.1) there, and audit nothing: "
        "ntas.json, ntas.html, ntas.txt.",
    ),
]


Adopt = Annotated[
    str | None,
    typer.Option(
        "--adopt",
        metavar="ZONE",
        help="Plan to take over the NTAs for ZONE that others set in daemons: they get --reason, "
        "an end (--for) and a guard. Saved to --out, approved and applied like any plan.",
    ),
]
Out = Annotated[Path | None, typer.Option("--out", help="With --adopt: save the plan here.")]


def register(app: typer.Typer) -> None:
    """Add this verb to the command line."""
    app.command()(audit)


def audit(
    inventory: options.Inventory = None,
    trust_anchor: options.TrustAnchor = None,
    as_json: options.Json = False,
    nagios: Nagios = False,
    publish: Publish = None,
    adopt: Adopt = None,
    reason: options.Reason = "",
    ticket: options.Ticket = "",
    lifetime: options.For = None,
    out: Out = None,
    by: options.By = None,
    playbook: options.PlaybookFile = None,
    root_hints: options.RootHints = None,
    port: options.Port = 53,
    state: options.State = None,
) -> None:
    """What weakens validation on each host, what shows it, and the command that mends it.

    Reads every host and changes nothing. Exit 0 when there is nothing, else 3; a note (a default
    that could be better) is not counted.
    """
    from orchestrator.report.audit import json_of, serious, text
    from orchestrator.report.audit import nagios as plug_in

    _one_thing_at_once(publish=publish, adopt=adopt, plain=as_json or nagios)
    if publish is not None:
        _publish(publish, options.state_folder(state))
        return
    if adopt is not None:
        policy, fleet = desk.playbook_of(playbook), desk.inventory_of(inventory)
        request = _request(adopt, reason, ticket, lifetime, policy, by)
        _adopt(request, fleet, policy, desk.Looker(root_hints, trust_anchor, port, None), out)
        return
    hosts = desk.inventory_of(inventory).hosts
    found = _findings(hosts, trust_anchor)
    if nagios:
        line, code = plug_in(found, len(hosts))
        print(line)
        raise typer.Exit(code)
    if as_json:
        print(json.dumps(json_of(found, len(hosts))))
    else:
        print(text(found, len(hosts), output.width()), end="")
    raise typer.Exit(FOUND if serious(found) else 0)


def _one_thing_at_once(*, publish: Path | None, adopt: str | None, plain: bool) -> None:
    """Refuse options that would be ignored. Raises BadInput."""
    if publish and adopt:
        raise BadInput("--publish and --adopt are two things", next_step="one after the other")
    if (publish or adopt) and plain:
        raise BadInput("--json and --nagios are of the audit itself")


def _publish(folder: Path, state: Path) -> None:
    """Each file whole or not at all; what is read while this runs is the old or the new list."""
    from orchestrator.incident.lifecycle import fold
    from orchestrator.report.publish import html, json_text, published, text
    from orchestrator.whole import write_whole

    if not folder.is_dir():
        raise BadInput(f"--publish {folder}: there is no such folder", next_step=f"mkdir {folder}")
    with desk.opened(state) as store:
        listed = published(fold(store.events()).values(), desk.now())
    for name, form in (("ntas.json", json_text), ("ntas.html", html), ("ntas.txt", text)):
        write_whole(folder / name, form(listed))
    desk.say(f"{len(listed.ntas)} NTAs are listed in {folder}")


def _findings(hosts: tuple[Host, ...], trust_anchor: Path | None) -> list[Finding]:
    from orchestrator.audit.judge import Finding
    from orchestrator.engines.weak import Weakness
    from orchestrator.fleet.run import Fleet
    from orchestrator.rollout.send import examine

    tags = _root_tags(trust_anchor)
    with Fleet(workers=32) as connections:
        examined, faults = examine(connections, desk.now, hosts, deadline=_DEADLINE)
    found: list[Finding] = []
    for host in hosts:
        if host.name in faults:
            rule, message = faults[host.name]
            found.append(Finding(host, Weakness(rule, "error", f"not audited: {message}", ())))
        else:
            found += _of_host(host, examined[host.name], tags)
    return found


def _of_host(host: Host, seen: Examined, tags: set[int]) -> list[Finding]:
    """A host that tells what nobody expects is told as such, and stands in no other's way."""
    from orchestrator.audit.judge import Finding, findings
    from orchestrator.engines.weak import Weakness
    from orchestrator.fleet.outcome import plain

    try:
        return findings(host, seen, tags)
    except (ValueError, LookupError) as error:
        says = f"not audited: what it tells is not understood: {error}"
        return [Finding(host, Weakness("unreadable", "error", plain(says)[:300], ()))]


def _root_tags(trust_anchor: Path | None) -> set[int]:
    """The key tags that a resolver's anchors for the root should have."""
    import dns.name

    from orchestrator.chain.vantage import anchors_by_zone, vantage

    anchors = anchors_by_zone(vantage(None, trust_anchor).anchors)
    return {anchor.key_tag for anchor in anchors.get(dns.name.root, ())}


def _request(
    zone: str, reason: str, ticket: str, lifetime: str | None, policy: Playbook, by: str | None
) -> Request:
    from orchestrator.names import length, zone_name
    from orchestrator.rollout.plan import Request

    return Request(
        zones=(zone_name(zone),),
        reason=reason,
        ticket=ticket,
        lifetime=policy.lifetime if lifetime is None else length(lifetime),
        adopt=True,
        created_by=options.person(by),
    )


def _adopt(
    request: Request, fleet: Inventory, policy: Playbook, looker: desk.Looker, out: Path | None
) -> None:
    """The plan that takes over, shown, and saved where that is wanted."""
    from orchestrator.cli.incident import checked, proposed
    from orchestrator.report.plan import text_of
    from orchestrator.rollout.plan import check_request

    check_request(request, policy)
    (zone,) = request.zones
    having = _having(fleet, zone)
    made = proposed(request, having, policy, [checked(looker, zone, policy)])
    if out is not None:
        desk.save_plan(out, made)
    print(text_of(made, output.width()))
    if out is not None:
        desk.say(f"saved: {out}\nnext:  ntactl approve {out}")


def _having(fleet: Inventory, zone: str) -> Inventory:
    """The hosts on which others set an NTA for a zone. Raises BadInput when there are none."""
    from orchestrator.fleet.run import Fleet
    from orchestrator.rollout.send import read

    with Fleet(workers=32) as connections:
        readings, faults = read(connections, desk.now, fleet.hosts, deadline=_DEADLINE)
    for name, (_, message) in sorted(faults.items()):
        desk.say(f"{name}: not read: {message}")
    theirs = {
        name
        for name, reading in readings.items()
        if any(running.zone == zone and running.id is None for running in reading.running)
    }
    if not theirs:
        raise BadInput(
            f"no host that was read has an NTA of others for {zone}",
            next_step="ntactl audit -i INVENTORY lists those there are",
        )
    return fleet.model_copy(update={"hosts": tuple(h for h in fleet.hosts if h.name in theirs)})
