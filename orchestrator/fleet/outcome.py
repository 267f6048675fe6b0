"""What came of one program on one host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["ok", "unreachable", "auth", "host-key", "timeout", "lost", "stopped"]


@dataclass(frozen=True)
class Outcome:
    """What came of one program on one host.

    "ok": it ran to its end, whatever its exit (None: killed by a signal). "lost" and "timeout":
    it was sent, and the host may have finished it. The other kinds: nothing was sent; "stopped":
    on request. `stdout` and `stderr` are as the host wrote them; `error` is for a person.
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
        super().__init__(plain(error))
        self.kind = kind

    def outcome(self, host: str) -> Outcome:
        """What it means for the host."""
        return Outcome(host, None, "", "", self.kind, str(self))


def lost(why: str) -> str:
    """What is told of a connection that broke after the program was sent."""
    return (
        f"the connection was lost after the program was sent ({why or 'closed'}); "
        "the host finishes alone, and its receipt waits there"
    )


def plain(text: str) -> str:
    r"""Text from a host as one line that is safe to show: what is not printable is escaped.

    ESC becomes \x1b. Also escaped: bidi overrides, and surrogates, which no UTF-8 terminal takes.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
