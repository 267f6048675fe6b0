"""Run `ntactl apply PLAN ...`, die of SIGKILL right after the N-th journal step: N PLAN ..."""

import os
import signal
import sys

from orchestrator.cli import run
from orchestrator.incident import store
from orchestrator.incident.journal import Event

last, plan = int(sys.argv[1]), sys.argv[2]


class DyingStore(store.Store):
    """A store whose process does not outlive one of its steps."""

    steps = 0

    def append(self, *events: Event) -> None:
        super().append(*events)
        DyingStore.steps += bool(events)
        if DyingStore.steps == last:
            os.kill(os.getpid(), signal.SIGKILL)


store.Store = DyingStore  # type: ignore[misc]
sys.exit(run(["apply", plan, *sys.argv[3:]]))
