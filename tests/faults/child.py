"""ntactl as it is, but held at one of its journal steps: FOLDER STEP ARGV...

STEP is "N" (every append counts twice: before it is written, and after), or "sent:N": right after
the N-th time that hosts' programs were written down as sent, with a generation, and not sent yet.
It says what it is about to do in FOLDER/what, and goes on once FOLDER/go is there.
"""

import sys
import time
from pathlib import Path

from orchestrator.cli import run
from orchestrator.incident import store
from orchestrator.incident.journal import Event, Kind

folder, at = Path(sys.argv[1]), sys.argv[2]
LONGEST = 120  # seconds; who holds us may have died


class HeldStore(store.Store):
    """A store whose process waits at one of its steps."""

    halves = 0
    sent = 0

    def append(self, *events: Event) -> None:
        if not events:
            return
        self._pass("before", events)
        super().append(*events)
        HeldStore.sent += events[0].kind is Kind.HOST_SENT
        self._pass("after", events)

    def _pass(self, side: str, events: tuple[Event, ...]) -> None:
        HeldStore.halves += 1
        just_sent = side == "after" and events[0].kind is Kind.HOST_SENT
        if at == str(self.halves) or (just_sent and at == f"sent:{self.sent}"):
            hosts = ",".join(event.host for event in events if event.host)
            hold(f"{side} journal step {(self.halves + 1) // 2} ({events[0].kind} {hosts})")


def hold(what: str) -> None:
    (folder / "what.new").write_text(f"{what}\n")
    (folder / "what.new").rename(folder / "what")
    until = time.monotonic() + LONGEST
    while not (folder / "go").exists() and time.monotonic() < until:
        time.sleep(0.01)


store.Store = HeldStore  # type: ignore[misc]
sys.exit(run(sys.argv[3:]))
