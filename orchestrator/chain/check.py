"""Look at a zone over real sockets, then judge: the thin part around `survey` and `judge`."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

import dns.name
from dns.name import Name
from dns.rdatatype import RdataType

from orchestrator.chain import validate
from orchestrator.chain.evidence import Evidence
from orchestrator.chain.judge import judge
from orchestrator.chain.policy import Policy
from orchestrator.chain.survey import Looks, survey
from orchestrator.chain.vantage import Vantage, vantage
from orchestrator.chain.verify import When, Work
from orchestrator.chain.walk import Steps
from orchestrator.dns.exchange import ask
from orchestrator.model import Validation, Verdict
from orchestrator.playbook import Probe

__all__ = ["Vantage", "answer", "check", "drive", "look", "vantage"]

T = TypeVar("T")
PATIENCE, LEAST = 60, 30.0  # timeouts that one look may last, and seconds at least


def check(
    zone: str,
    vantage: Vantage,
    *,
    probe: Probe,
    names: Sequence[str] = (),
    rounds: int | None = None,
    skew: float = 0,
    clock: Callable[[], datetime],
) -> Verdict:
    """Is the chain of trust to `zone` whole, as seen from `vantage` now?

    `names` below the zone are asked in every round beside those of `probe`; `skew` is in seconds.
    """
    evidence = look(zone, vantage, probe=probe, names=names, rounds=rounds, clock=clock)
    return judge(evidence, clock(), skew)


def look(
    zone: str,
    vantage: Vantage,
    *,
    probe: Probe,
    names: Sequence[str] = (),
    rounds: int | None = None,
    clock: Callable[[], datetime],
) -> Evidence:
    """Gather the evidence for a verdict on `zone`."""
    wanted = tuple(dict.fromkeys((*names, *probe.names)))
    looks = Looks(
        names=tuple(dns.name.from_text(name) for name in wanted),
        rounds=rounds or probe.rounds,
        every=probe.every.total_seconds(),
    )
    at, started = clock(), time.monotonic()
    steps = survey(dns.name.from_text(zone), vantage, looks, random.SystemRandom())
    timeout = probe.timeout.total_seconds()
    seen = drive(steps, timeout=timeout, deadline=_patience(timeout) + looks.rounds * looks.every)
    return Evidence(
        zone=zone,
        anchors=vantage.anchors,
        cuts=seen.cuts,
        sights=seen.sights,
        names=wanted,
        at=at,
        rounds=looks.rounds,
        duration_ms=round((time.monotonic() - started) * 1000),
        queries=seen.queries,
    )


def answer(
    name: Name,
    rdtype: RdataType,
    vantage: Vantage,
    *,
    timeout: float,
    policy: Policy,
    clock: Callable[[], datetime],
    judged_at: datetime | None = None,
) -> Validation:
    """Is one answer secure, as seen from `vantage` now, or judged for another time?"""
    started, at = time.monotonic(), clock()
    when = When((judged_at or at).timestamp(), policy.skew, Work(), policy)
    steps = validate.see(name, rdtype, vantage, when)
    seen = drive(steps, timeout=timeout, deadline=_patience(timeout))
    took = round((time.monotonic() - started) * 1000)
    return validate.judge(seen, at, when, duration_ms=took, own_clock=judged_at is None)


def _patience(timeout: float) -> float:
    """Seconds that one look may last."""
    return max(LEAST, PATIENCE * timeout)


def drive(steps: Steps[T], *, timeout: float, deadline: float = math.inf) -> T:
    """Answer a walk's questions from the network until it is done.

    After `deadline` seconds every question is answered with nothing, so that any walk ends.
    """
    until = time.monotonic() + deadline
    try:
        batch = next(steps)
        while True:
            time.sleep(max(0.0, min(batch.after, until - time.monotonic())))
            batch = steps.send(
                ask(batch.questions, timeout=timeout, until=until, silent=batch.silent)
            )
    except StopIteration as done:
        result: T = done.value
        return result
