"""Standard streams that cost words, never the work: no full disk or closed descriptor ends it.

A reader that went away does: nobody wants the rest.
"""

from __future__ import annotations

import io
import os
import select
import shutil
import sys
from typing import TYPE_CHECKING, Literal, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed import ReadableBuffer

_LOST = """\
stdout cannot be written: {}
  state: what it did not take is lost; the work itself goes on
  next:  the same command with a stdout that works; of NTAs `ntactl status` tells"""


class _Lossy(io.FileIO):
    """A descriptor that remembers why it could not be written to, and goes on."""

    failure: OSError | None = None

    def write(self, data: ReadableBuffer, /) -> int:
        """Write it, or act as if. Raises BrokenPipeError."""
        try:
            while (written := super().write(data)) is None:  # whoever shares it set it not to block
                select.select((), (self,), ())
        except BrokenPipeError:
            raise
        except OSError as error:
            first, self.failure = self.failure is None, error
            if first and sys.stdout.fileno() == self.fileno():
                print(_LOST.format(error.strerror), file=sys.stderr)
            return memoryview(data).nbytes
        return written


def failure() -> OSError | None:
    """Why stdout could not be written to; None as long as all came through."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return raw.failure if isinstance(raw, _Lossy) else None


def width() -> int:
    """Columns for text: 40 to 80, as the terminal has them; 80 where there is none."""
    return max(40, min(80, shutil.get_terminal_size().columns))


def alarm() -> Callable[[str], str]:
    """What shows a line in red: bold red on a terminal, unless NO_COLOR forbids it; else itself."""
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        return lambda line: f"\033[1;31m{line}\033[0m"
    return str


def take_over() -> None:
    """Make lossy streams of this process's own stdout and stderr, and stand in for closed ones."""
    if sys.stdin is None:
        sys.stdin = _nothing("r")
    if sys.stdout is sys.__stdout__:  # else somebody gave it another
        sys.stdout = _lossy(sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _lossy(sys.stderr)


def _lossy(stream: TextIO | None) -> TextIO:
    if not isinstance(stream, io.TextIOWrapper):
        return _nothing("w")
    return io.TextIOWrapper(
        io.BufferedWriter(_Lossy(stream.fileno(), "w", closefd=False)),
        encoding=stream.encoding,
        errors="replace",  # an old terminal must not end an apply
        line_buffering=stream.line_buffering or stream.write_through,
    )


def _nothing(mode: Literal["r", "w"]) -> TextIO:
    """For a closed descriptor /dev/null, before a database takes its number and is printed into."""
    number = os.open(os.devnull, os.O_RDWR)
    os.set_inheritable(number, True)
    return os.fdopen(number, mode, encoding="utf-8")
