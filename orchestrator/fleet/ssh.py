"""One program a host over SSH: the only importer of paramiko.

A host gets one exec, on a connection that is kept for the next run. What was measured to matter:
known_hosts read once and compared by key, TCP_NODELAY, TCP_QUICKACK armed again after every read
(else sshd's first answer waits 40 ms for an ACK), paramiko's Transport without its SSHClient, and
a thread a host up to a few dozen. Host keys are strict always: no option turns that off.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from shlex import quote
from types import TracebackType
from typing import Self

import paramiko

from orchestrator.fleet.inventory import Host
from orchestrator.fleet.jumps import Jumps
from orchestrator.fleet.known_hosts import HostKey, KnownHosts, complaint, host_name, parse, read
from orchestrator.fleet.outcome import FailureError, Outcome
from orchestrator.fleet.peer import Peer, connect_error, jump_peer, peer_of
from orchestrator.fleet.turn import Turn, Turns, never

__all__ = ["Fleet", "Outcome", "command"]

DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")
MAX_KEYS = 5  # sshd's MaxAuthTries is 6
MAX_OUTPUT = 8 << 20  # bytes; a program of ours says a few thousand
# What fails is told by us, in words; paramiko would log tracebacks to stderr.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


class _Socket(socket.socket):
    """Acknowledges at once, where the system can (Linux)."""

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        data = super().recv(bufsize, flags)
        if hasattr(socket, "TCP_QUICKACK"):
            self.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return data


class _Transport(paramiko.Transport):
    # Each connection's thread wakes this often for nothing; at 0.1 s a thousand idle ones cost
    # a fifth of a core.
    _active_check_timeout = 1.0


@dataclass
class _Trust:
    """Keys and known_hosts files, each read once and shared by all connections."""

    _known: dict[Path | None, KnownHosts] = field(default_factory=dict)
    _keys: dict[Path, paramiko.PKey] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def known(self, path: Path | None) -> KnownHosts:
        with self._lock:
            if path not in self._known:
                self._known[path] = _known_hosts(path)
            return self._known[path]

    def key(self, path: Path) -> paramiko.PKey:
        with self._lock:
            if path not in self._keys:
                self._keys[path] = _load_key(path)
            return self._keys[path]

    @cached_property
    def default_keys(self) -> tuple[list[paramiko.PKey], list[str]]:
        """The keys in the usual files, and why others there cannot be used."""
        keys: list[paramiko.PKey] = []
        unusable: list[str] = []
        for path in (Path.home() / ".ssh" / name for name in DEFAULT_KEYS):
            if os.access(path, os.F_OK):  # a home that is not ours to enter has no keys for us
                try:
                    keys.append(self.key(path))
                except FailureError as failure:
                    unusable.append(str(failure))
        return keys, unusable


class Fleet:
    """Runs programs on hosts; keeps the connections until exit.

    `workers` hosts at a time; `connect_timeout` (seconds) bounds TCP, banner and key exchange.
    """

    def __init__(self, workers: int = 32, connect_timeout: float = 10.0) -> None:
        self._workers = workers
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="ssh")
        self._connect_timeout = connect_timeout
        self._trust = _Trust()
        self._kept: dict[tuple[Peer, str], paramiko.Transport] = {}
        self._open: set[paramiko.Transport] = set()
        self._lock = threading.RLock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._close_all()
        self._pool.shutdown(wait=True)
        self._close_all()  # what a worker opened while we closed the others

    def _close_all(self) -> None:
        with self._lock:
            transports = list(self._open)
        for transport in transports:
            _wake(transport)
        for transport in transports:
            self._drop(transport)

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
        jumps = Jumps()
        todo = deque(Turn(host, program, deadline, jumps) for host, program in programs)
        return Turns(self._pool, self._workers, todo, self._work, stopping).outcomes()

    def _work(self, turn: Turn) -> Outcome:
        return self._execute(turn, self._channel(turn))

    def _channel(self, turn: Turn) -> paramiko.Channel:
        """A session on the kept connection, or on a new one when that has died meanwhile."""
        peer = peer_of(turn.host)
        kept = self._kept.get((peer, turn.host.ssh.jump))
        if kept is not None:
            with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
                turn.wake = partial(_wake, kept)
                return kept.open_session(timeout=min(turn.left(), self._connect_timeout))
            self._drop(kept)
        transport = self._connect(peer, turn.host.ssh.jump, turn)
        turn.wake = partial(_wake, transport)
        self._kept[peer, turn.host.ssh.jump] = transport
        try:
            return transport.open_session(timeout=turn.left())
        except (paramiko.SSHException, EOFError, OSError) as error:
            self._drop(transport)
            raise FailureError("unreachable", f"{peer} gives no session: {error}") from error

    def _execute(self, turn: Turn, channel: paramiko.Channel) -> Outcome:
        transport = channel.get_transport()
        program = command(turn.host, turn.program, time.time()).encode()
        try:
            turn.left()
            turn.sent = True
            channel.exec_command(program)
            stdout, stderr = _drain(channel, turn)
            channel.status_event.wait(turn.left())
        except (paramiko.SSHException, EOFError, OSError) as error:
            self._drop(transport)
            turn.left()
            raise FailureError("lost", _lost(str(error))) from error
        except FailureError:
            self._drop(transport)
            raise
        code = None if channel.exit_status == -1 else channel.exit_status
        if code is None and not transport.is_active():
            self._drop(transport)
            turn.left()
            raise FailureError("lost", _lost("it was closed"))
        with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
            channel.close()
        return Outcome(turn.host.name, code, stdout, stderr, "ok")

    def _connect(self, peer: Peer, jump: str, turn: Turn) -> paramiko.Transport:
        sock = self._through(jump, peer, turn) if jump else self._socket(peer, turn)
        transport = _Transport(sock)
        with self._lock:
            self._open.add(transport)
        try:
            self._handshake(transport, peer, turn)
            _authenticate(transport, peer, turn, self._trust)
        except FailureError:
            self._drop(transport)
            raise
        except (paramiko.SSHException, EOFError, OSError) as error:
            self._drop(transport)
            raise FailureError("unreachable", f"{peer} hung up: {error}") from error
        return transport

    def _socket(self, peer: Peer, turn: Turn) -> socket.socket:
        family = socket.AF_INET6 if ":" in peer.address else socket.AF_INET
        sock = _Socket(family, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(min(turn.left(), self._connect_timeout))
            sock.connect((peer.address, peer.port))
        except OSError as error:
            sock.close()
            raise FailureError("unreachable", connect_error(error, peer)) from error
        return sock

    def _through(self, jump: str, peer: Peer, turn: Turn) -> paramiko.Channel:
        """A direct-tcpip channel (RFC 4254, 7.2) through the one connection to the jump host."""
        hop = jump_peer(jump, turn.host)
        transport = turn.jumps.open(hop, turn.left, lambda: self._hop(hop, turn))
        seconds = min(turn.left(), self._connect_timeout)
        try:
            return transport.open_channel(
                "direct-tcpip", (peer.address, peer.port), ("127.0.0.1", 0), timeout=seconds
            )
        except (paramiko.SSHException, EOFError, OSError) as error:
            text = f"the jump host {hop} cannot reach {peer}: {error}"
            raise FailureError("unreachable", text) from error

    def _hop(self, hop: Peer, turn: Turn) -> paramiko.Transport:
        kept = self._kept.get((hop, ""))
        if kept is not None:
            if kept.is_active():
                return kept
            self._drop(kept)
        transport = self._kept[hop, ""] = self._connect(hop, "", turn)
        return transport

    def _handshake(self, transport: paramiko.Transport, peer: Peer, turn: Turn) -> None:
        name = host_name(peer.address, peer.port)
        known = self._trust.known(peer.known_hosts)
        keys = known.keys(name)
        seconds = min(turn.left(), self._connect_timeout)
        transport.banner_timeout = transport.handshake_timeout = seconds
        _prefer(transport, keys)
        finished = threading.Event()
        transport.start_client(event=finished)
        if not finished.wait(seconds) or not transport.is_active():
            raise FailureError("unreachable", _no_handshake(transport, peer, seconds))
        raw = transport.get_remote_server_key().asbytes()
        if text := complaint(raw, keys, known, peer):
            raise FailureError("host-key", text)

    def _drop(self, transport: paramiko.Transport) -> None:
        """Close a connection for good: socket, thread, and its place among the kept."""
        with self._lock:
            self._open.discard(transport)
            for place in [p for p, kept in self._kept.items() if kept is transport]:
                del self._kept[place]
        _wake(transport)
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            transport.close()
            transport.sock.close()  # the channel of a jump host speaks once more when it closes
        if transport.is_alive():
            transport.join(5)


def command(host: Host, program: str, now: float) -> str:
    """The one exec: the program as an argument of sh, with the controller's time in it."""
    sudo = "sudo -n " if host.sudo else ""
    return f"exec {sudo}sh -c " + quote(f"controller_now={int(now)}\n{program}")


def _wake(transport: paramiko.Transport) -> None:
    with contextlib.suppress(OSError, EOFError):
        transport.sock.shutdown(socket.SHUT_RDWR)


def _drain(channel: paramiko.Channel, turn: Turn) -> tuple[str, str]:
    """Both streams to their ends. They share one window, so neither may wait for the other."""
    out, err = bytearray(), bytearray()
    _read_all(channel.recv, out, channel, turn, other=(channel.recv_stderr, err))
    _read_all(channel.recv_stderr, err, channel, turn, other=None)
    return out.decode(errors="replace"), err.decode(errors="replace")


def _read_all(
    read: Callable[[int], bytes],
    into: bytearray,
    channel: paramiko.Channel,
    turn: Turn,
    other: tuple[Callable[[int], bytes], bytearray] | None,
) -> None:
    while True:
        channel.settimeout(min(turn.left(), 0.5))
        if other is not None and channel.recv_stderr_ready():
            other[1].extend(other[0](1 << 16))
        try:
            chunk = read(1 << 16)
        except TimeoutError:
            continue
        if not chunk:
            return
        into.extend(chunk)
        if len(into) > MAX_OUTPUT:
            raise FailureError("lost", f"it said over {MAX_OUTPUT >> 20} MiB; nobody reads on")


def _prefer(transport: paramiko.Transport, keys: Sequence[HostKey]) -> None:
    """Ask for the types of key that we know of this host, else it may show another one."""
    options = transport.get_security_options()
    types = {key.type for key in keys}
    if "ssh-rsa" in types:
        types |= {"rsa-sha2-512", "rsa-sha2-256"}
    wanted = [name for name in options.key_types if name in types]
    others = [name for name in options.key_types if name not in types]
    options.key_types = (*wanted, *others)


def _authenticate(transport: paramiko.Transport, peer: Peer, turn: Turn, trust: _Trust) -> None:
    tried = 0
    with contextlib.ExitStack() as stack:
        for key in _keys(peer, trust, stack)[:MAX_KEYS]:
            transport.auth_timeout = turn.left()
            tried += 1
            try:
                if not transport.auth_publickey(peer.user, key):
                    return
            except (paramiko.SSHException, EOFError, OSError, ValueError):
                if not transport.is_active():
                    break
    what = f"none of the {tried} keys tried" if tried else "no key: there is none to try"
    raise FailureError("auth", f"{peer} lets {peer.user} in with {what}{_hint(peer, trust)}")


def _hint(peer: Peer, trust: _Trust) -> str:
    if peer.key is not None:
        return ""
    unusable = [f"; {text}" for text in trust.default_keys[1]]
    return "; name one in the inventory (ssh.key), or add it to ssh-agent" + "".join(unusable)


def _keys(peer: Peer, trust: _Trust, stack: contextlib.ExitStack) -> list[paramiko.PKey]:
    """The key that the inventory names, else the agent's and the usual files."""
    if peer.key is not None:
        return [trust.key(peer.key)]
    keys: list[paramiko.PKey] = []
    if os.environ.get("SSH_AUTH_SOCK"):
        with contextlib.suppress(paramiko.SSHException, OSError):
            agent = paramiko.Agent()
            stack.callback(agent.close)
            keys.extend(agent.get_keys())
    return keys + trust.default_keys[0]


def _known_hosts(path: Path | None) -> KnownHosts:
    try:
        return parse(read(path))
    except OSError as error:
        raise FailureError("host-key", f"cannot read {error.filename}: {error.strerror}") from error


def _load_key(path: Path) -> paramiko.PKey:
    try:
        return paramiko.PKey.from_path(path)
    except OSError as error:
        text = f"cannot read the key {path}: {error.strerror}"
    except TypeError:  # what cryptography raises for a key that is locked
        text = (
            f"cannot use the key {path}: it has a passphrase; add it to ssh-agent, name no ssh.key"
        )
    except Exception:  # noqa: BLE001 - paramiko lets through what its parsers raise
        text = f"cannot use the key {path}: it is damaged, or of an unknown kind"
    raise FailureError("auth", text)


def _no_handshake(transport: paramiko.Transport, peer: Peer, seconds: float) -> str:
    if not transport.remote_version:
        return f"{peer} takes the connection but sent no SSH banner within {seconds:g} s"
    why = transport.get_exception() or "no answer"
    return f"{peer} speaks SSH, but no keys could be agreed on: {why}"


def _lost(why: str) -> str:
    return (
        f"the connection was lost after the program was sent ({why or 'closed'}); "
        "the host finishes alone, and its receipt waits there"
    )
