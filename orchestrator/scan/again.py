"""What a scan doubts, looked at again, alone and slowly, by `chain`: only that is reported."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from orchestrator.chain.policy import DEFAULT, Policy
from orchestrator.chain.vantage import Vantage
from orchestrator.dns import wire
from orchestrator.model import Cause, Extent, Finding, ServerState, Severity, State, Verdict
from orchestrator.playbook import Probe
from orchestrator.scan.look import Outcome
from orchestrator.scan.processes import shared

NO_REACHABLE_AUTHORITY = 22  # RFC 8914
AT_ONCE = 4  # zones looked at again at the same time; most of it is waiting for the next round


@dataclass(frozen=True)
class Closely:
    """How a zone is looked at again. `judged_at`: for another time than now."""

    view: Vantage
    probe: Probe
    clock: Callable[[], datetime]
    rounds: int | None = None
    policy: Policy = DEFAULT
    judged_at: datetime | None = None

    def check(self, zone: str, *, seen_bad: bool = False) -> Verdict:
        """In rounds, unless the first shows nothing good and a look before it was as bad."""
        if seen_bad and self.rounds is None:
            verdict = self._look(zone, 1)
            if (verdict.state, verdict.extent) == (State.BOGUS, Extent.WHOLE):
                return verdict
        return self._look(zone, self.rounds)

    def _look(self, zone: str, rounds: int | None) -> Verdict:
        from orchestrator.chain.check import look
        from orchestrator.chain.judge import judge

        evidence = look(zone, self.view, probe=self.probe, rounds=rounds, clock=self.clock)
        return judge(evidence, self.now(), self.policy.skew, policy=self.policy)

    def now(self) -> datetime:
        """The moment to judge for."""
        return self.judged_at or self.clock()


def again(doubted: Sequence[Outcome], closely: Closely) -> Iterator[Verdict]:
    """A verdict on each. Of zones that share all their silent addresses, one speaks for all."""
    import orchestrator.chain.check
    import orchestrator.chain.judge  # noqa: F401 (once, before the processes part)

    groups = _groups(doubted)
    work = partial(_checked, closely)
    for group, verdict in shared(work, groups, min(AT_ONCE, len(groups))):
        yield verdict
        for other in group[1:]:
            yield _as_silent(other, verdict) if _silent(verdict) else _closely(other, closely)


def _checked(
    closely: Closely, groups: Iterable[Sequence[Outcome]]
) -> Iterator[tuple[Sequence[Outcome], Verdict]]:
    for group in groups:
        yield group, _closely(group[0], closely)


def _closely(outcome: Outcome, closely: Closely) -> Verdict:
    return closely.check(_text(outcome), seen_bad=outcome.invalid)


def _text(outcome: Outcome) -> str:
    return wire.to_text(outcome.zone)


def _groups(doubted: Iterable[Outcome]) -> list[list[Outcome]]:
    groups: dict[object, list[Outcome]] = {}
    for outcome in doubted:
        addresses = frozenset(address for _, address in outcome.servers)
        dead = bool(addresses) and addresses == set(outcome.silent)
        groups.setdefault(addresses if dead else outcome.zone, []).append(outcome)
    return list(groups.values())


def _silent(verdict: Verdict) -> bool:
    """Did no server answer the closer look either?"""
    if verdict.state is not State.INDETERMINATE:
        return False
    return all(finding.cause is Cause.SERVER_UNREACHABLE for finding in verdict.findings)


def _as_silent(outcome: Outcome, verdict: Verdict) -> Verdict:
    """The verdict on another zone on the same addresses, for this one."""
    servers = [(wire.to_text(name), address) for name, address in outcome.servers]
    return verdict.model_copy(
        update={
            "zone": _text(outcome),
            "findings": tuple(unreachable(*server, "error") for server in servers),
            "servers": tuple(
                ServerState(name=name, address=address, state=State.INDETERMINATE)
                for name, address in servers
            ),
            "matrix": (),
            "queries": outcome.queries,
            "duration_ms": outcome.ms,
        }
    )


def unreachable(name: str, address: str, severity: Severity, detail: str = "timeout") -> Finding:
    return Finding(
        cause=Cause.SERVER_UNREACHABLE,
        severity=severity,
        server=f"{name} ({address})",
        detail=detail,
        ede=NO_REACHABLE_AUTHORITY,
    )
