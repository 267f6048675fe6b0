"""Many looks at once over one pipeline, and the zones shared out between processes."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from orchestrator.dns.pipeline import Pipeline
from orchestrator.scan.look import Look, Outcome, Parent, look
from orchestrator.scan.parent import Delegation
from orchestrator.scan.processes import shared

LOOKS = 2000  # at once in one process
LONGEST = 1800.0  # seconds of a scan; what is not asked by then counts as silent
PROCESSES = 2
WORTH = 16  # zones that a second process is worth its start for

Target = Delegation | bytes


@dataclass(slots=True)
class _Task:
    """One look and how many of its questions are still out."""

    look: Look
    left: int = 0


class _Drive:
    """Looks under way. Every question knows its task, and a task goes on when none is left."""

    def __init__(self, looks: Iterable[Look], pipeline: Pipeline) -> None:
        self.waiting, self.pipeline = iter(looks), pipeline
        self.running = 0
        self.done: list[Outcome] = []

    def outcomes(self) -> Iterator[Outcome]:
        self._start()
        for query in self.pipeline.replies():
            task = query.owner
            assert isinstance(task, _Task)
            task.left -= 1
            if not task.left:
                self._go_on(task)
                self._start()
            if self.done:
                yield from self.done
                self.done.clear()
        yield from self.done

    def _start(self) -> None:
        while self.running < LOOKS and (look := next(self.waiting, None)) is not None:
            self.running += 1
            self._go_on(_Task(look))

    def _go_on(self, task: _Task) -> None:
        try:
            queries = next(task.look)
        except StopIteration as end:
            self.running -= 1
            self.done.append(end.value)
            return
        task.left = len(queries)
        for query in queries:
            query.owner = task
            self.pipeline.put(query)


def drive(looks: Iterable[Look], pipeline: Pipeline) -> Iterator[Outcome]:
    """Run looks over a pipeline; their outcomes as they come."""
    return _Drive(looks, pipeline).outcomes()


@dataclass(frozen=True, slots=True)
class Manner:
    """How a scan asks: the servers' port, seconds a question."""

    port: int = 53
    timeout: float = 2.0


def quickly(targets: Sequence[Target], parent: Parent, manner: Manner) -> Iterator[Outcome]:
    """Look at every target, in two processes where it is worth it; outcomes as they come."""
    work = partial(_looked, parent, manner)
    return shared(work, targets, PROCESSES if len(targets) >= WORTH else 1)


def _looked(parent: Parent, manner: Manner, targets: Sequence[Target]) -> Iterator[Outcome]:
    rng = random.Random(secrets.token_bytes(32))  # noqa: S311 (names to ask for; ids are not)
    looks = (look(target, parent, rng) for target in targets)
    with piped(manner) as pipeline:
        yield from drive(looks, pipeline)


@contextmanager
def piped(manner: Manner) -> Iterator[Pipeline]:
    """A pipeline, closed at the end."""
    until = time.monotonic() + LONGEST
    pipeline = Pipeline(timeout=manner.timeout, port=manner.port, until=until)
    try:
        yield pipeline
    finally:
        pipeline.close()
