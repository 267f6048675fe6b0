"""Work shared out between processes: forked, so that nothing is imported or read twice."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import TypeVar

from orchestrator.errors import NtactlError

CHUNK = 16  # results sent together

T = TypeVar("T")
R = TypeVar("R")
Work = Callable[[Sequence[T]], Iterator[R]]


def shared(work: Work[T, R], items: Sequence[T], count: int) -> Iterator[R]:
    """Do `work` on a share of the items in each of `count` processes; results as they come.

    With one there is no other process. The caller has no threads. Raises NtactlError when a
    process dies, and whatever ends one.
    """
    if count <= 1:
        yield from work(items)
        return
    context = multiprocessing.get_context("fork")
    lines: list[Connection] = []
    processes = []
    try:
        for number in range(count):
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_worker, args=(theirs, work, items[number::count]))
            process.start()
            theirs.close()
            lines.append(ours)
            processes.append(process)
        yield from _collected(lines)
    finally:
        for line in lines:
            line.close()
        for process in processes:
            process.kill()
            process.join()


def _worker(line: Connection, work: Work[T, R], items: Sequence[T]) -> None:
    """Send results in chunks, and at last None, or what went wrong."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent has it too, and ends this process
    chunk: list[R] = []
    try:
        for result in work(items):
            chunk.append(result)
            if len(chunk) == CHUNK:
                line.send(chunk)
                chunk = []
        line.send(chunk)
        line.send(None)
    except (BrokenPipeError, ConnectionError):
        pass  # the parent is gone
    except Exception as error:  # noqa: BLE001 (the parent raises it)
        line.send(error)
    os._exit(0)  # what the parent registered to be done at its end is not ours to do


def _collected(lines: Sequence[Connection]) -> Iterator[R]:
    left = list(lines)
    while left:
        for line in wait(left):
            assert isinstance(line, Connection)
            try:
                chunk: list[R] | Exception | None = line.recv()
            except EOFError as error:
                raise NtactlError("a process of the scan died", next_step="scan again") from error
            if isinstance(chunk, Exception):
                raise chunk
            if chunk is None:
                left.remove(line)
            else:
                yield from chunk
