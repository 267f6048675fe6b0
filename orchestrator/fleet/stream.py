"""What a program on a host says, read to its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from orchestrator.fleet.outcome import FailureError

MAX_OUTPUT = 8 << 20  # bytes; a program of ours says a few thousand
_PIECE = 1 << 16
_PAUSE = 2.0  # seconds between looks at the other stream and the clock


class Channel(Protocol):
    """The part of paramiko's Channel that is read from."""

    def settimeout(self, timeout: float, /) -> None: ...
    def recv(self, nbytes: int, /) -> bytes: ...
    def recv_stderr(self, nbytes: int, /) -> bytes: ...
    def recv_stderr_ready(self) -> bool: ...
    def sendall(self, data: bytes, /) -> None: ...


class Talk(Protocol):
    """What is to be said, as long as not all is heard; and hearing it, True when that is all."""

    def words(self) -> bytes: ...
    def hear(self, data: bytes, /) -> bool: ...


def drain(channel: Channel, left: Callable[[], float]) -> tuple[str, str]:
    """Both streams to their ends. They share one window, so neither may wait for the other.

    `left` gives the seconds left, or raises FailureError.
    """
    out, err = bytearray(), bytearray()

    def hear_errors() -> None:
        while channel.recv_stderr_ready() and len(err) <= MAX_OUTPUT:
            err.extend(channel.recv_stderr(_PIECE))

    _read_all(channel, channel.recv, out, left, hear_errors)
    _read_all(channel, channel.recv_stderr, err, left, _nothing)
    return out.decode(errors="replace"), err.decode(errors="replace")


def converse(channel: Channel, words: bytes, hear: Callable[[bytes], bool], until: float) -> None:
    """Say words and hear, until that is all, it hangs up, or time.monotonic() is `until`."""
    channel.settimeout(max(0.0, until - time.monotonic()))
    channel.sendall(words)
    for _ in range(MAX_OUTPUT // _PIECE):
        channel.settimeout(max(0.0, until - time.monotonic()))
        if not (chunk := channel.recv(_PIECE)) or hear(chunk):
            return


def _nothing() -> None:
    """There is no other stream."""


def _read_all(
    channel: Channel,
    read: Callable[[int], bytes],
    into: bytearray,
    left: Callable[[], float],
    meanwhile: Callable[[], None],
) -> None:
    while True:
        channel.settimeout(min(left(), _PAUSE))
        meanwhile()
        try:
            chunk = read(_PIECE)
        except TimeoutError:
            continue
        if not chunk:
            return
        into.extend(chunk)
        if len(into) > MAX_OUTPUT:
            raise FailureError("lost", f"it said over {MAX_OUTPUT >> 20} MiB; nobody reads on")
