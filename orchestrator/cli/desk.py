"""What every acting verb lays out first: state, fleet, clock, and somebody to tell."""

from __future__ import annotations

import secrets
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from orchestrator.cli.typed import names_under
from orchestrator.errors import BadFile, BadInput, NtactlError, PersonNeeded, Refused, cut, quoted
from orchestrator.given import given_text

if TYPE_CHECKING:
    from orchestrator.cli.live import Hears
    from orchestrator.fleet.inventory import Inventory
    from orchestrator.incident.lifecycle import Accepted, Record
    from orchestrator.incident.store import Store
    from orchestrator.model import Verdict
    from orchestrator.playbook import Notify, Playbook, Probe
    from orchestrator.rollout.means import Means
    from orchestrator.rollout.plan import Plan


_NAMED = 3  # hosts that are named where there may be thousands
LOCK_WAIT = 60  # seconds: as long as one host may take


def now() -> datetime:
    """The controller's clock."""
    return datetime.now(UTC)


def new_id() -> str:
    """Eight random hex digits: a plan's name."""
    return secrets.token_hex(4)


def say(line: str) -> None:
    """Tell the person who watches (stderr: results go to stdout)."""
    print(line, file=sys.stderr, flush=True)


def done(act: Callable[[], None], otherwise: str) -> bool:
    """Do what a result must not be lost for; a failure is said, and False."""
    try:
        act()
    except NtactlError as error:
        say(f"{error}\n  state: {otherwise}; the verdict stands")
        return False
    return True


def inventory_of(path: Path | None) -> Inventory:
    """Load the fleet. Raises BadInput without one."""
    from orchestrator.fleet.load import load_inventory

    if path is None:
        raise BadInput("no inventory", next_step="-i INVENTORY, or NTACTL_INVENTORY")
    inventory = load_inventory(path)
    if inventory.left_out:
        say(f"{path}: hosts without an engine left out: {_some(inventory.left_out)}")
    return inventory


def _some(names: Sequence[str]) -> str:
    """How many, and the first of them."""
    more = ", ..." if len(names) > _NAMED else ""
    return f"{len(names)} ({', '.join(names[:_NAMED])}{more})"


def playbook_of(path: Path | None) -> Playbook:
    """Load the policy; the packaged one for TLDs when none is named."""
    from orchestrator.playbook import load_playbook, packaged_playbook

    return load_playbook(path or packaged_playbook())


@dataclass(frozen=True)
class Looker:
    """How this machine looks at zones: hints, anchors, port, names given."""

    hints: Path | None
    anchor: Path | None
    port: int
    names: Path | None

    def look(
        self, zone: str, playbook: Playbook, *, extra: Sequence[str] = (), rounds: int | None = None
    ) -> Verdict:
        """One verdict on one zone."""
        from orchestrator.chain.check import check, vantage

        view = vantage(self.hints, self.anchor, self.port)
        names = [*names_under(self.names, zone), *extra]
        return check(zone, view, probe=playbook.probe, names=names, rounds=rounds, clock=now)

    def once(self, plan: Plan, zone: str, names: tuple[str, ...]) -> Verdict:
        """One full round, as the watcher looks."""
        return self.look(zone, plan.playbook, extra=names, rounds=1)


def probe_of(probe: Probe, every: float | None, timeout: float | None) -> Probe:
    """A playbook's probe with what the command line says instead, in seconds."""
    update: dict[str, timedelta] = {}
    if every is not None:
        update["every"] = timedelta(seconds=every)
    if timeout is not None:
        update["timeout"] = timedelta(seconds=timeout)
    return probe.model_copy(update=update)


@contextmanager
def opened(folder: Path) -> Iterator[Store]:
    """The state, open."""
    from orchestrator.incident.store import Store

    store = Store(folder)
    try:
        yield store
    finally:
        store.close()


def tell(whom: Notify, kind: Any, aloud: Callable[[str], None] = say, **more: Any) -> None:
    """Hand an event to the notify command; a pager that fails is said, and stops nothing."""
    from orchestrator import notify

    failure = notify.tell(whom, notify.event(kind, at=now(), **more))
    if failure:
        aloud(f"warning: nobody was told of '{kind}': {failure}")


@contextmanager
def alone(folder: Path, doing: str) -> Iterator[None]:
    """The state to oneself; a cycle of `watch` that is on is waited for. Raises Refused."""
    from orchestrator.incident.lock import only_one

    def waiting(holder: str) -> None:
        say(f"waiting up to {LOCK_WAIT} s for {holder}, which is at work on this state")

    with only_one(folder, doing, wait=LOCK_WAIT, waiting=waiting):
        yield


@contextmanager
def at_work(
    store: Store,
    workers: int,
    by: str,
    *,
    waves: tuple[tuple[str, ...], ...] = (),
    hears: Hears | None = None,
) -> Iterator[Means]:
    """The means to act on a fleet, connections closed at the end.

    What happens is shown as it does, with its place in the plan's `waves`; `hears` is told too.
    """
    from orchestrator.cli.live import Heard, Screen, rewrites, to_stderr
    from orchestrator.fleet.probe import views
    from orchestrator.fleet.run import Fleet
    from orchestrator.rollout.means import Means

    screen = Screen(to_stderr, now, waves, rewrites=rewrites())
    journal = Heard(store, *([hears] if hears else []), screen.hear)
    with Fleet(workers=workers) as fleet, screen, _stop_on_interrupt(screen.say) as stopping:
        told, asking = partial(tell, aloud=screen.say), partial(views, ways=fleet)
        yield Means(journal, fleet, asking, now, told, screen.say, time.sleep, stopping, by)


@contextmanager
def _stop_on_interrupt(say: Callable[[str], None]) -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C asks to stop after the hosts in flight, the second stops at once.

    One more, when the work is over, must not cut off what is then told: where things stand.
    """
    asked = False

    def interrupted(_signal: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        say("stopping after the hosts in flight; Ctrl-C again stops at once (hosts finish alone)")

    before = signal.signal(signal.SIGINT, interrupted)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN if asked else before)


@contextmanager
def no_half_truth(
    store: Store, ntas: Sequence[str], touched: Callable[[], bool], go_on: str
) -> Iterator[None]:
    """Once hosts were sent something, an error is no "nothing was changed" (exit 6, not 1).

    `ntas` are the ids to take back by hand, if any, `touched` asks the journal, `go_on` is the
    command that goes on after a Ctrl-C.
    """
    from orchestrator.cli import trace

    back = "; ".join(f"ntactl revert {nta}" for nta in ntas)
    try:
        yield
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # one more must not cut off what is told now
        say("stopped at once; hosts that were sent it finish alone")
        for line in _standing(store, ntas):
            say(f"  {line}")
        say(f"  next: go on: {go_on}" + (f"; take back: {back}" if back else ""))
        raise
    except Exception as error:
        if not _touched(touched):
            raise
        what = str(error)
        if not isinstance(error, NtactlError):
            what = f"unexpected {type(error).__name__}: {error}\n  trace: {trace.save(error)}"
        state = "hosts are as the journal's last line says; armed guards still lift at the end"
        step = "ntactl status; then the same command again" + (f", or {back}" if back else "")
        raise PersonNeeded(what, state=state, next_step=step) from error


def _standing(store: Store, ntas: Sequence[str]) -> list[str]:
    """Where NTAs stand after a Ctrl-C, as the journal has it."""
    from orchestrator.incident.lifecycle import fold
    from orchestrator.report.apply import standing_text

    try:
        records = fold(store.events())
    except NtactlError as error:
        return [f"the journal cannot be read: {error.what}"]
    return [standing_text(records[nta]) for nta in ntas if nta in records]


def _touched(touched: Callable[[], bool]) -> bool:
    try:
        return touched()
    except NtactlError:  # the journal cannot even be read: believe the worse
        return True


def kept_plan(store: Store, plan_id: str) -> Plan:
    """The plan as it was when it was first carried out. Raises NtactlError."""
    from pydantic import ValidationError

    from orchestrator.rollout.plan import Plan

    where = str(store.folder)
    try:
        return Plan.model_validate_json(store.plan(plan_id))
    except KeyError as error:
        what = f"plan {plan_id} is not in this state"
        raise NtactlError(what, where=where, next_step="--state DIR") from error
    except ValidationError as error:
        what = f"plan {plan_id} was kept by an ntactl that this one cannot read: {error}"
        raise NtactlError(
            what,
            where=where,
            state="guards lift its NTAs at their end",
            next_step="use the ntactl that applied it",
        ) from error


def accepted_for(plan: Plan, folder: Path) -> list[Accepted]:
    """The refusals that were accepted when it was carried out; a journal that fails is said."""
    from orchestrator.incident.lifecycle import fold

    if not (folder / "ntactl.db").exists():  # to look makes no journal
        return []
    try:
        with opened(folder) as store:
            records = fold(store.events(plan.id)).values()
    except NtactlError as error:
        say(f"warning: what was accepted for it is not known: {error.where}: {error.what}")
        return []
    return list(dict.fromkeys(one for record in records for one in record.accepted))


def load_plan(path: Path) -> Plan:
    """Read a plan file. Raises BadFile; whether it was edited is the gate's question."""
    from pydantic import ValidationError

    from orchestrator.rollout.plan import Plan

    try:
        return Plan.model_validate_json(given_text(path))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise BadFile(f"is no plan: {cut(first['msg'])}", file=str(path), field=field) from error


def save_plan(path: Path, plan: Plan) -> Path:
    """Write a plan file, in folders that are nobody else's. Raises NtactlError."""
    from orchestrator.whole import write_whole

    try:
        for folder in reversed([path.parent, *path.parent.parents]):
            folder.mkdir(exist_ok=True, mode=0o700)
    except OSError as error:
        raise NtactlError(f"cannot be made: {error.strerror}", where=str(path.parent)) from error
    write_whole(path, plan.to_json())
    return path


def check_startable(
    plan: Plan, store: Store, accepting: Sequence[str] = (), *, resume: bool = False
) -> tuple[Refused, ...]:
    """May it be started, or taken up again? Gives the refusals that were accepted.

    Raises Refused, the rule named.
    """
    from orchestrator.incident.lifecycle import fold
    from orchestrator.rollout import gate

    gate.check_digest(plan)
    events = store.events()
    if resume:
        gate.check_resumable(plan, events, now())
    elif gate.was_started(plan, events):
        gate.check_unfinished(plan, events, now())
    else:
        return gate.check_startable(plan, fold(events).values(), now(), accepting)
    return ()


def record_named(records: dict[str, Record], text: str, *, ended: bool = False) -> Record:
    """That id; or the live one of that zone, else the last that `ended`. Raises BadInput."""
    from orchestrator.names import zone_name

    if text in records:
        return records[text]
    try:
        zone = zone_name(text)
    except BadInput:
        zone = ""
    of_zone = [record for record in records.values() if record.zone == zone]
    live = [record for record in of_zone if record.live()]
    if len(live) == 1:
        return live[0]
    if live:
        ids = ", ".join(record.id for record in live)
        raise BadInput(f"{zone} has several NTAs: {ids}", next_step="name one of them")
    if of_zone and ended:
        return of_zone[-1]
    if of_zone:
        raise BadInput(f"{zone} has no live NTA; {of_zone[-1].id} ended", next_step="ntactl status")
    raise BadInput(f"no NTA {quoted(text)} in this state", next_step="ntactl status")
