"""Every TLD of the root, or of a list: quickly all of them, and again what is not clean."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from orchestrator.chain.vantage import anchors_by_zone
from orchestrator.dns import wire
from orchestrator.errors import BadInput
from orchestrator.model import Finding, Remedy, ServerState, State, Verdict
from orchestrator.scan.again import Closely, again, unreachable
from orchestrator.scan.drive import Manner, Target, quickly
from orchestrator.scan.keys import Keys
from orchestrator.scan.look import Outcome, Parent
from orchestrator.scan.root import Root, listed, root
from orchestrator.scan.sound import Ledger

ROOT = "."


_SELF, _CHILDREN = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
_SOUND = "the chain of trust is whole"
_UNSIGNED = "provably unsigned: resolvers answer without validating"


class Progress(Protocol):
    """Told how far a scan is: so many of so many, of what is being done."""

    def __call__(self, what: str, done: int, total: int) -> None: ...


def nobody(what: str, done: int, total: int) -> None:
    """Nobody watches."""


@dataclass
class Cost:
    """What a scan cost: `quick` seconds without, `again` with closer looks at `doubted` zones.

    `cpu` is in seconds too, of the quick looks and all before them, in every process.
    """

    zones: int = 0
    doubted: int = 0
    quick: float = 0.0
    again: float = 0.0
    cpu: float = 0.0


@dataclass
class Scan:
    """One scan, and in the end what it cost."""

    closely: Closely
    manner: Manner
    progress: Progress = nobody
    targets: list[Target] = field(default_factory=list)
    doubted: list[Outcome] = field(default_factory=list)
    sound: int = 0
    cost: Cost = field(default_factory=Cost)
    started: float = field(default_factory=time.monotonic)

    def verdicts(self, zones: Sequence[str] | None = None) -> Iterator[Verdict]:
        """A verdict on each of `zones`, or on every TLD that the root delegates, as they come.

        Also on the root, when it is not clean. Raises NtactlError when it does not give its zones.
        """
        anchored = {name.to_text() for name in anchors_by_zone(self.closely.view.anchors)}
        if ROOT not in anchored:
            yield from self._without_anchor(zones)
            return
        ledger = Ledger(self.closely.now().timestamp(), self.closely.policy)
        seen = root(self.closely.view, self.manner, ledger)
        if seen.outcome.doubt:
            yield from self._root_again(seen, zones or ())
        if seen.keys:
            self._sort_out(*self._listed(seen, seen.keys, zones, ledger), anchored)
            parent = Parent(seen.keys, seen.addresses, ledger.now, ledger.policy)
            yield from self._quick(parent)
            yield from self._slow()

    def _without_anchor(self, zones: Sequence[str] | None) -> Iterator[Verdict]:
        if zones is None:
            what = "a scan starts at the root, and the trust anchors have none for it"
            raise BadInput(what, next_step="name the zones: --zones FILE")
        self.doubted = [_unseen(wire.to_name(zone)) for zone in zones]
        yield from self._slow()

    def _root_again(self, seen: Root, zones: Iterable[str]) -> Iterator[Verdict]:
        """The closer look at the root. When it shows no good keys, it speaks for all below it."""
        verdict = self.closely.check(ROOT)
        if seen.keys is None or not clean(verdict):
            yield verdict
        if seen.keys is None:
            why = "the chain breaks above it, at .: look there"
            update = {"remedy": Remedy.ESCALATE, "remedy_reason": why, "servers": (), "matrix": ()}
            for zone in zones:
                yield verdict.model_copy(update={**update, "zone": zone})

    def _listed(
        self, seen: Root, keys: Keys, zones: Sequence[str] | None, ledger: Ledger
    ) -> tuple[Sequence[Target], Sequence[bytes]]:
        if zones is None:
            return listed(seen, keys, self.manner, ledger)
        return [wire.to_name(zone) for zone in zones], []

    def _sort_out(
        self, targets: Iterable[Target], odd: Iterable[bytes], anchored: set[str]
    ) -> None:
        """What the quick look is not made for goes to the closer one at once."""
        own = {wire.to_name(zone) for zone in anchored} | {wire.to_name(ROOT)}
        self.targets = []
        self.doubted = [_unseen(zone) for zone in odd]
        for target in targets:
            zone = target if isinstance(target, bytes) else target.zone
            if zone in own:
                self.doubted.append(_unseen(zone))
            else:
                self.targets.append(target)

    def _quick(self, parent: Parent) -> Iterator[Verdict]:
        total = len(self.targets)
        for done, outcome in enumerate(quickly(self.targets, parent, self.manner), 1):
            self.progress("zones", done, total)
            if outcome.doubt:
                self.doubted.append(outcome)
            else:
                self.sound += 1
                yield self._verdict(outcome)
        self.cost.quick = time.monotonic() - self.started
        self.cost.cpu = _cpu()

    def _slow(self) -> Iterator[Verdict]:
        total = len(self.doubted)
        for done, verdict in enumerate(again(self.doubted, self.closely), 1):
            self.progress("looked at again", done, total)
            yield verdict
        self.cost.zones, self.cost.doubted = total + self.sound, total
        self.cost.again = time.monotonic() - self.started - self.cost.quick

    def _verdict(self, outcome: Outcome) -> Verdict:
        """The verdict on a zone that is plainly in order, but for servers that are silent."""
        state = State.SECURE if outcome.signed else State.INSECURE
        now = self.closely.now()
        ends = outcome.expires
        return Verdict(
            zone=wire.to_text(outcome.zone),
            state=state,
            findings=tuple(_silent(outcome)),
            servers=tuple(
                ServerState(
                    name=wire.to_text(name),
                    address=address,
                    state=State.INDETERMINATE if address in outcome.silent else state,
                )
                for name, address in outcome.servers
            ),
            remedy_reason=_SOUND if outcome.signed else _UNSIGNED,
            signature_margin=None if ends is None else int(ends - now.timestamp()),
            at=now,
            rounds=1,
            duration_ms=outcome.ms,
            queries=outcome.queries,
        )


def _cpu() -> float:
    """Seconds of CPU that this process and those it waited for have taken."""
    mine, theirs = (resource.getrusage(whose) for whose in (_SELF, _CHILDREN))
    return mine.ru_utime + mine.ru_stime + theirs.ru_utime + theirs.ru_stime


def clean(verdict: Verdict) -> bool:
    """Is there nothing that anybody has to do?"""
    sound = verdict.state in {State.SECURE, State.INSECURE}
    return sound and all(finding.severity != "error" for finding in verdict.findings)


def _unseen(zone: bytes) -> Outcome:
    """A zone that the quick look cannot start with."""
    why = "cannot be looked at quickly"
    return Outcome(zone, why, False, False, False, (), {}, None, None, 0, 0)


def _silent(outcome: Outcome) -> Iterator[Finding]:
    """Addresses that do not answer; not those of a family that this machine lacks."""
    families = {":" in a for _, a in outcome.servers if outcome.silent.get(a) != "unreachable"}
    for name, address in outcome.servers:
        why = outcome.silent.get(address)
        if why and (":" in address) in families:
            yield unreachable(wire.to_text(name), address, "warning", why)
