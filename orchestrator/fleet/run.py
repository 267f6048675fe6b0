"""Programs on many hosts at once, each on a connection that is kept for the next run."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Self

from orchestrator.fleet.inventory import Host
from orchestrator.fleet.jumps import Jumps
from orchestrator.fleet.outcome import Outcome
from orchestrator.fleet.peer import Peer
from orchestrator.fleet.reach import allow_files
from orchestrator.fleet.ssh import Connections
from orchestrator.fleet.stream import Talk
from orchestrator.fleet.turn import Turn, Turns, never


class Fleet:
    """Runs programs on hosts; keeps the connections until exit.

    `workers` hosts at a time; `connect_timeout` (seconds) bounds TCP, banner and key exchange.
    """

    def __init__(self, workers: int = 32, connect_timeout: float = 10.0) -> None:
        self._workers = workers
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="ssh")
        self._connections = Connections(connect_timeout)
        self._warming: threading.Thread | None = None
        self._enough = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._enough.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._connections.close()
        self._pool.shutdown(wait=True)
        if self._warming is not None:
            self._warming.join()
        self._connections.close()  # what a worker opened while we closed the others

    def run(
        self,
        programs: Sequence[tuple[Host, str]],
        *,
        deadline: float,
        stopping: Callable[[], bool] = never,
    ) -> Iterator[Outcome]:
        """Run one POSIX sh program on each host; give outcomes as hosts finish.

        `deadline` is in seconds, for each host from the moment its turn comes. Once `stopping()`
        is true no host begins: those in flight finish, the others are "stopped".
        """
        self._enough.set()
        return self._turns(programs, deadline, self._connections.run, stopping).outcomes()

    def warm(self, hosts: Sequence[Host]) -> None:
        """Connect to hosts in the background, until the next run; that then finds them open."""
        self._enough.set()
        self._enough = threading.Event()
        programs, patience = [(host, "") for host in hosts], self._connections.patience
        turns = self._turns(programs, 2 * patience, self._connections.open, self._enough.is_set)
        self._warming = threading.Thread(target=turns.to_the_end, name="warming")
        self._warming.start()

    def converse(self, talks: Sequence[tuple[Host, Talk]], patience: float) -> dict[str, str]:
        """Over TCP from each host itself, talk to its `dns` address for `patience` seconds.

        Gives, by host, why it could not be talked to, or "".
        """
        told = {host.name: talk for host, talk in talks}

        def work(turn: Turn) -> Outcome:
            return self._connections.talk(turn, told[turn.host.name], patience)

        seconds = 2 * self._connections.patience + patience
        turns = self._turns([(host, "") for host, _ in talks], seconds, work, never)
        return {one.host: one.error for one in turns.outcomes()}

    def _turns(
        self,
        programs: Sequence[tuple[Host, str]],
        deadline: float,
        work: Callable[[Turn], Outcome],
        stopping: Callable[[], bool],
    ) -> Turns:
        allow_files(len(programs))
        jumps = Jumps()
        todo = deque(Turn(host, program, deadline, jumps) for host, program in programs)
        patience = self._connections.patience
        return Turns(self._pool, self._workers, todo, work, stopping, self._first, patience)

    def _first(self, turn: Turn) -> Peer | None:
        """Whom to reach before a thread is spent: the host itself, unless it is behind another."""
        try:
            route = self._connections.route(turn)
        except Exception:  # noqa: BLE001 - the thread meets it again, and tells
            return None
        return None if len(route) > 1 or route in self._connections.kept else route[0]
