"""What came of one program on one host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["ok", "unreachable", "auth", "host-key", "timeout", "lost"]


@dataclass(frozen=True)
class Outcome:
    """What came of one program on one host.

    "ok": it ran to its end, whatever its exit (None: killed by a signal). "lost" and "timeout":
    it was sent, and the host may have finished it. The other kinds: nothing was sent. `error`
    is for a person.
    """

    host: str
    exit: int | None
    stdout: str
    stderr: str
    kind: Kind
    error: str = ""


class FailureError(Exception):
    """A host's turn ended without its program's end; becomes an Outcome."""

    def __init__(self, kind: Kind, error: str) -> None:
        super().__init__(error)
        self.kind = kind
