"""TCP and the first word of the SSH banner, to many hosts at once and without a thread each.

So a host that swallows packets, or takes a connection and says nothing, holds up nobody: it costs
a descriptor until its time is over. What answers goes on to a thread with the socket as it is.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import selectors
import socket
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from orchestrator.fleet.outcome import FailureError
from orchestrator.fleet.peer import Peer, connect_error

YOUNG = 0.25  # seconds in which most hosts have answered; who is older holds no place in the row
_AHEAD = 1 << 14  # octets
SPARE_FILES = 256  # beside one for each host: journal, DNS, standard streams


class Socket(socket.socket):
    """Acknowledges at once, where the system can (Linux), and reads ahead.

    An SSH packet is read in two or three pieces, which else are as many waits for the network.
    """

    _ahead = b""

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        data = self._ahead
        if not data:
            data = super().recv(_AHEAD, flags)
            if hasattr(socket, "TCP_QUICKACK"):
                self.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        self._ahead = data[bufsize:]
        return data[:bufsize]


Who = TypeVar("Who")


def connect(peer: Peer, seconds: float) -> Socket:
    """One connection, waited for. Raises FailureError."""
    sock = _open(peer)
    try:
        sock.settimeout(seconds)
        sock.connect((peer.address, peer.port))
    except OSError as error:
        sock.close()
        raise FailureError("unreachable", connect_error(error, peer)) from error
    return sock


def _open(peer: Peer) -> Socket:
    sock = Socket(socket.AF_INET6 if ":" in peer.address else socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


@dataclass
class Attempt(Generic[Who]):
    """One connection on its way; `who` is whose turn it is."""

    who: Who
    peer: Peer
    sock: Socket
    begun: float
    until: float
    connected: bool = False


class Reach(Generic[Who]):
    """Connections on their way. `answered` and `failed` fill up as `wait` finds out."""

    def __init__(self) -> None:
        self.answered: deque[tuple[Who, Socket]] = deque()
        self.failed: deque[tuple[Who, FailureError]] = deque()
        self._attempts: dict[int, Attempt[Who]] = {}
        self._selector = selectors.DefaultSelector()
        self._bell, self._rope = socket.socketpair()
        self._rope.setblocking(False)
        self._selector.register(self._bell, selectors.EVENT_READ)

    def begin(self, who: Who, peer: Peer, seconds: float) -> None:
        """Set out; there are `seconds` for TCP and the first word."""
        try:
            sock = _open(peer)
        except OSError as error:
            self._fail(who, connect_error(error, peer))
            return
        sock.setblocking(False)
        now = time.monotonic()
        attempt = Attempt(who, peer, sock, now, now + seconds)
        self._attempts[sock.fileno()] = attempt
        self._selector.register(sock, selectors.EVENT_WRITE)
        if (code := sock.connect_ex((peer.address, peer.port))) not in _UNDER_WAY:
            self._give_up(attempt, _os_error(code, peer))

    @property
    def waiting(self) -> int:
        """How many have not answered yet."""
        return len(self._attempts)

    @property
    def busy(self) -> bool:
        """Is anybody on the way, or waiting to be taken up?"""
        return bool(self._attempts or self.answered or self.failed)

    def young(self) -> int:
        """How many of them have had little time to."""
        since = time.monotonic() - YOUNG
        return sum(attempt.begun > since for attempt in self._attempts.values())

    def wait(self, seconds: float) -> None:
        """Until something happens here or the bell rings, `seconds` at most."""
        for key, _ in self._selector.select(max(0.0, seconds)):
            if key.fileobj is self._bell:
                self._bell.recv(4096)
            else:
                self._event(self._attempts[key.fd])
        now = time.monotonic()
        for attempt in [a for a in self._attempts.values() if now >= a.until]:
            self._give_up(attempt, _too_late(attempt))

    def ring(self) -> None:
        """End the wait; from any thread."""
        with contextlib.suppress(OSError):  # full: it rings already; closed: nobody waits
            self._rope.send(b"!")

    def call_off(self) -> Iterator[Who]:
        """Give up whoever is on the way, or waits for a thread; nothing was sent to them."""
        for attempt in list(self._attempts.values()):
            self._forget(attempt)
            attempt.sock.close()
            yield attempt.who
        while self.answered:
            who, sock = self.answered.popleft()
            sock.close()
            yield who

    def close(self) -> None:
        """Close all that nobody took."""
        for _ in self.call_off():
            pass
        self._selector.close()
        self._bell.close()
        self._rope.close()

    def _event(self, attempt: Attempt[Who]) -> None:
        if attempt.connected:
            self._forget(attempt)
            self.answered.append((attempt.who, attempt.sock))
        elif code := attempt.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._give_up(attempt, _os_error(code, attempt.peer))
        else:
            attempt.connected = True
            self._selector.modify(attempt.sock, selectors.EVENT_READ)

    def _give_up(self, attempt: Attempt[Who], text: str) -> None:
        self._forget(attempt)
        attempt.sock.close()
        self._fail(attempt.who, text)

    def _fail(self, who: Who, text: str) -> None:
        self.failed.append((who, FailureError("unreachable", text)))

    def _forget(self, attempt: Attempt[Who]) -> None:
        self._selector.unregister(attempt.sock)
        del self._attempts[attempt.sock.fileno()]


_UNDER_WAY = {0, errno.EINPROGRESS}


def _os_error(code: int, peer: Peer) -> str:
    return connect_error(OSError(code, os.strerror(code)), peer)


def _too_late(attempt: Attempt[Who]) -> str:
    if not attempt.connected:
        return connect_error(TimeoutError(), attempt.peer)
    return no_banner(attempt.peer, attempt.until - attempt.begun)


def no_banner(peer: Peer, seconds: float) -> str:
    """What is said of something that is no sshd, or one that hangs."""
    return f"{peer} takes the connection but sent no SSH banner within {seconds:g} s"


def allow_files(hosts: int) -> None:
    """Let this process hold a connection to each host, where its limit can be raised."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = hosts + SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        top = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, top), hard))
