"""`ntactl scan`: the chain of trust to every TLD."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli import options, output
from orchestrator.cli.clock import clock_note, clock_told, other_time
from orchestrator.cli.desk import done, now, playbook_of, probe_of
from orchestrator.cli.typed import moment, names_in

if TYPE_CHECKING:
    from orchestrator.model import Verdict
    from orchestrator.scan.memory import Memory
    from orchestrator.scan.scan import Cost

Zones = Annotated[Path | None, typer.Option("--zones", help="Zones to scan, one a line.")]
StateFile = Annotated[
    Path | None,
    typer.Option(
        "--state",
        envvar="NTACTL_SCAN_STATE",  # NTACTL_STATE: of other verbs it is the folder of the journal
        help="File that remembers this scan, so that the next says what is new.",
    ),
]
JsonLines = Annotated[bool, typer.Option("--json-lines", help="One JSON object a zone, as found.")]
Margin = Annotated[str, typer.Option("--margin", help="Tell signatures that end within: 1d.")]
_BAR = 30


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(scan)


def scan(
    zones: Zones = None,
    state: StateFile = None,
    playbook: options.PlaybookFile = None,
    trust_anchor: options.TrustAnchor = None,
    root_hints: options.RootHints = None,
    port: options.Port = 53,
    at: options.Now = None,
    skew: options.Skew = None,
    rounds: options.Rounds = None,
    every: options.Every = None,
    timeout: options.Timeout = None,
    policy: options.Policy = None,
    margin: Margin = "1d",
    as_json: options.Json = False,
    json_lines: JsonLines = False,
) -> None:
    """Prove for every TLD of the root whether its chain of trust is whole, at every server.

    What is not clean is looked at again, alone and in several rounds, before it is told.
    """
    # It lives for seconds and holds little that refers to itself: looking for that costs a tenth.
    gc.set_threshold(100_000)

    from orchestrator.chain.policy import load, with_skew
    from orchestrator.chain.vantage import vantage
    from orchestrator.names import length
    from orchestrator.report.scan import text
    from orchestrator.report.verdict import exit_codes
    from orchestrator.scan.again import Closely
    from orchestrator.scan.drive import Manner
    from orchestrator.scan.scan import Scan, nobody

    soon = length(margin)
    kept = _file(state)
    before = _recalled(kept)
    judged_at = moment(at, now()) if at is not None else None
    rules = with_skew(load(policy), skew)
    probe = probe_of(playbook_of(playbook).probe, every, timeout)
    view = vantage(root_hints, trust_anchor, port)
    closely = Closely(view, probe, now, rounds, rules, judged_at)
    manner = Manner(port, probe.timeout.total_seconds())
    scanning = Scan(closely, manner, _bar if sys.stderr.isatty() else nobody)
    found = list(_told(scanning.verdicts(_zones(zones)), json_lines=json_lines))
    if json_lines or as_json:
        listed = [] if json_lines else found
        _print_json(listed, scanning.cost, clock_told(judged_at, rules))
    else:
        shown = text(found, before, soon, scanning.cost, output.width())
        print(*other_time(judged_at, rules), *clock_note(found), shown, sep="", end="")
    remembered = _remembered(found, before, kept)
    raise typer.Exit(exit_codes(found) or int(not remembered))


def _remembered(found: Sequence[Verdict], before: Memory | None, kept: Path | None) -> bool:
    """Is the scan kept for the next one, where that is wanted?"""
    from orchestrator.scan.memory import Memory, remember

    if kept is None:
        return True
    memory = Memory.of(found, before, now())
    return done(partial(remember, memory, kept), "this scan is not remembered")


def _recalled(kept: Path | None) -> Memory | None:
    """What the last scan found; the file has to be one that this scan can be written to."""
    from orchestrator.scan.memory import recall
    from orchestrator.whole import check_writable

    if kept is None:
        return None
    before = recall(kept)
    check_writable(kept, "--state")
    return before


def _print_json(listed: Sequence[Verdict], cost: Cost, clock: dict[str, object]) -> None:
    zones = [verdict.model_dump(mode="json") for verdict in listed]
    told = {"schema": "ntactl/scan/1", "zones": zones, "cost": asdict(cost), "clock": clock}
    print(json.dumps(told))


def _file(state: Path | None) -> Path | None:
    """In the folder of the journal, which ntactl.toml may name for all verbs, it has its place."""
    return state / "scan.json" if state and state.is_dir() else state


def _zones(path: Path | None) -> list[str] | None:
    """The zones of a --zones file. Raises BadFile."""
    from orchestrator.errors import BadFile

    if path is None:
        return None
    found = names_in(path)
    if not found:
        raise BadFile("names no zone", file=str(path))
    return found


def _told(verdicts: Iterator[Verdict], *, json_lines: bool) -> Iterator[Verdict]:
    """The same, with a line printed for each where that is wanted."""
    for verdict in verdicts:
        if json_lines:
            print(verdict.model_dump_json(), flush=True)
        yield verdict


def _bar(what: str, done: int, total: int) -> None:
    """One line that a terminal overwrites, and in the end clears."""
    filled = _BAR * done // total
    line = f"{what} [{'#' * filled:<{_BAR}}] {done}/{total}" if done < total else ""
    print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
