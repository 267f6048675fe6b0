"""Watching it happen: what is written in the journal, on the terminal and in a file as it comes.

Nothing here may hold up or end a rollout: a terminal that went away, a full disk or a reader of the
events that sleeps costs words, never hosts.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Self

from orchestrator.errors import BadInput
from orchestrator.report.progress import WIDTH, Progress, after, json_line, line, news

if TYPE_CHECKING:
    from orchestrator.incident.journal import Event
    from orchestrator.incident.store import Store

Hears = Callable[[Sequence["Event"]], None]
PATIENCE = 2.0  # seconds that a slow reader of the events is waited for at the end


class Heard:
    """The journal, and those who hear of each event once it is written down."""

    def __init__(self, store: Store, *hearers: Hears) -> None:
        self._store, self._hearers = store, hearers

    def append(self, *events: Event) -> None:
        """Write them down, durably, then tell."""
        self._store.append(*events)
        for hears in self._hearers:
            hears(events)

    def events(self, plan: str | None = None) -> list[Event]:
        """The journal in order, of one plan or of all."""
        return self._store.events(plan)


class Screen:
    """Lines that stay, and below them, where `rewrites`, one that is written over in place.

    Elsewhere that line is told every `every` seconds while a wave takes so long. `out` writes
    text; it is called by a signal handler too, so it must not be Python's buffered one.
    """

    def __init__(
        self,
        out: Callable[[str], None],
        clock: Callable[[], datetime],
        waves: tuple[tuple[str, ...], ...] = (),
        *,
        rewrites: bool,
        every: float | None = None,
    ) -> None:
        self._out, self._clock, self._rewrites = out, clock, rewrites
        self._every = every or (0.2 if rewrites else 10.0)
        self._progress, self._shown = Progress(waves), ""
        self._lock = threading.RLock()  # a signal handler speaks in the middle of a line
        self._over = threading.Event()
        self._ticking = threading.Thread(target=self._tick, name="progress", daemon=True)

    def __enter__(self) -> Self:
        self._ticking.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._ticking.join()
        self._rewrite("")

    def say(self, text: str) -> None:
        """Tell the person who watches; it stays."""
        with self._lock:
            back = "\r" if self._shown else ""
            self._out(f"{back}{text:<{len(self._shown)}}\n{self._shown}")

    def hear(self, events: Sequence[Event]) -> None:
        """Take in what was just written down, and tell what is new."""
        for event in events:
            with self._lock:
                self._progress = after(self._progress, event)
                told = news(self._progress, event)
            for text in told:
                self.say(text)

    def _tick(self) -> None:
        while not self._over.wait(self._every):
            with self._lock:
                width = min(WIDTH, shutil.get_terminal_size().columns - 1)
                text = line(self._progress, self._clock(), width if self._rewrites else WIDTH)
                if self._rewrites:
                    self._rewrite(text)
                elif self._progress.are("in flight"):
                    self.say(text)

    def _rewrite(self, text: str) -> None:
        """Write over the line in place: carriage return and blanks, which any terminal knows."""
        if text != self._shown:
            end = "" if text else "\r"
            self._out(f"\r{text:<{len(self._shown)}}{end}")
            self._shown = text


def to_stderr(text: str) -> None:
    """Write at once, past Python's buffers, and whatever became of the terminal."""
    descriptor = sys.stderr.fileno()  # not always 2: see cli/output.py
    rest = text.encode(errors="replace")
    try:
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    except OSError:
        return


def rewrites() -> bool:
    """May a line be written over in place? On a terminal that is not a dumb one."""
    return sys.stderr.isatty() and os.environ.get("TERM", "") not in {"", "dumb"}


@contextmanager
def events_to(path: Path | None, say: Callable[[str], None]) -> Iterator[Hears]:
    """Who writes each event into a file as a line of JSON (NDJSON), after what is there.

    A thread does, so that no reader of a pipe can hold up a rollout. Raises BadInput.
    """
    if path is None:
        yield lambda _events: None
        return
    lines: SimpleQueue[str | None] = SimpleQueue()
    args = (_opened(path), path, lines, say)
    writing = threading.Thread(target=_write, args=args, name="events", daemon=True)
    writing.start()
    try:
        yield lambda events: lines.put("".join(map(json_line, events)))
    finally:
        lines.put(None)
        writing.join(PATIENCE)
        if writing.is_alive():
            say(f"warning: {path} took not all events in time; the journal has them")


def _opened(path: Path) -> int:
    if path == Path("-"):
        step = "name a file or a pipe, like --events >(jq .kind)"
        raise BadInput("--events - would mix with the result on stdout", next_step=step)
    try:
        # Not blocking: a pipe that nobody reads is an error now, not a wait without end.
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        raise BadInput(f"--events {path} cannot be written: {error.strerror}") from error
    os.set_blocking(descriptor, True)
    return descriptor


def _write(
    descriptor: int, path: Path, lines: SimpleQueue[str | None], say: Callable[[str], None]
) -> None:
    try:
        with open(descriptor, "wb", buffering=0) as file:
            while (text := lines.get()) is not None:
                rest = memoryview(text.encode())
                while rest:
                    rest = rest[file.write(rest) or 0 :]
    except OSError as error:
        say(f"warning: no more events in {path}: {error.strerror}; the journal has them")
