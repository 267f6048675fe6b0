"""Connections to hosts over SSH, and what goes through them: the only importer of paramiko.

A host gets one exec, on a connection that is kept for the next run. What was measured to matter:
known_hosts read once and compared by key, TCP_NODELAY, TCP_QUICKACK armed again after every read
(else sshd's first answer waits 40 ms for an ACK), reading ahead, ciphers that bring their own MAC,
paramiko's Transport without its SSHClient and its timer, and a thread a host up to a few dozen.
Host keys are strict always: no option turns that off.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import time
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path

import paramiko

from orchestrator.fleet import certificate
from orchestrator.fleet.command import command
from orchestrator.fleet.files import Files, usual_keys
from orchestrator.fleet.known_hosts import KnownHosts, Shown, complaint, known_name
from orchestrator.fleet.outcome import FailureError, Outcome, lost
from orchestrator.fleet.peer import Peer, Route
from orchestrator.fleet.reach import connect, no_banner
from orchestrator.fleet.stream import Talk, converse, drain
from orchestrator.fleet.turn import Turn

IDLE = 30.0  # seconds
MAX_KEYS = 5  # sshd's MaxAuthTries is 6
_ERRORS = (paramiko.SSHException, EOFError, OSError)
# What fails is told by us, in words; paramiko would log tracebacks to stderr.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


class _Transport(paramiko.Transport):
    # A connection's thread wakes this often for nothing: paramiko's 0.1 s would cost a fifth of a
    # core at a thousand idle ones. Once it stands, closing is what wakes it (_wake).
    _active_check_timeout = 1.0

    def run(self) -> None:
        # A jump host's channel speaks once more when it closes, and the jump host may be gone.
        with contextlib.suppress(*_ERRORS):
            super().run()

    def _parse_debug(self, _message: paramiko.Message) -> None:
        """What sshd has for a log: paramiko would escape it octet by octet, and log nothing."""


class _Packets(paramiko.packet.Packetizer):
    def start_handshake(self, timeout: float) -> None:
        """Without the thread that paramiko starts to end it: `_handshake` waits no longer."""


class Connections:
    """The connections to hosts, each kept until `close`. From any thread.

    `patience` (seconds) bounds TCP, banner and key exchange.
    """

    def __init__(self, patience: float) -> None:
        self.patience = patience
        self.kept: dict[Route, paramiko.Transport] = {}
        self._files = Files(_load_key)
        self._open: dict[paramiko.Transport, Route] = {}
        self._lock = threading.RLock()

    def close(self) -> None:
        """Close them all; who waits on one is woken."""
        with self._lock:
            transports = list(self._open)
        for transport in transports:
            _wake(transport)
        for transport in transports:
            self._drop(transport)

    def route(self, turn: Turn) -> Route:
        """The way to a turn's host, found once. Raises FailureError."""
        turn.route = turn.route or self._files.route(turn.host)
        return turn.route

    def open(self, turn: Turn) -> Outcome:
        """Connect, for later."""
        if self.route(turn) not in self.kept:
            self._connect(turn.route, turn)
        return Outcome(turn.host.name, 0, "", "", "ok")

    def run(self, turn: Turn) -> Outcome:
        """Run the turn's program. Raises FailureError."""
        return self._execute(turn, self._channel(turn))

    def talk(self, turn: Turn, talk: Talk, patience: float) -> Outcome:
        """Over TCP from the host itself, talk to its `dns` address, for `patience` seconds.

        On another connection where one was hung up on with less than all said.
        """
        until, left = time.monotonic() + patience, 0
        while (words := talk.words()) and len(words) != left:
            again, left = bool(left), len(words)
            try:
                channel = self._channel(turn, (str(turn.host.dns), turn.host.dns_port))
            except FailureError:
                if again:  # what was answered counts
                    break
                raise
            with contextlib.closing(channel), contextlib.suppress(*_ERRORS):
                converse(channel, words, talk.hear, until)
        return Outcome(turn.host.name, 0, "", "", "ok")

    def _channel(self, turn: Turn, to: tuple[str, int] | None = None) -> paramiko.Channel:
        """A session, or a way `to` an address as the host reaches it (RFC 4254, 7.2).

        On the kept connection, or on a new one when that has died meanwhile.
        """
        kept = self.kept.get(self.route(turn))
        if kept is not None:
            turn.wake = partial(_wake, kept)
            try:
                return _opened(kept, to, min(turn.left(), self.patience))
            except _ERRORS as error:
                if _refused(to, error):
                    raise FailureError("unreachable", _no_way(turn.route[-1], to, error)) from error
                self._drop(kept)
        transport = self._connect(turn.route, turn)
        turn.wake = partial(_wake, transport)
        try:
            return _opened(transport, to, turn.left())
        except _ERRORS as error:
            if not _refused(to, error):
                self._drop(transport)
            raise FailureError("unreachable", _no_way(turn.route[-1], to, error)) from error

    def _execute(self, turn: Turn, channel: paramiko.Channel) -> Outcome:
        transport = channel.get_transport()
        program = command(turn.host, turn.program, time.time()).encode()
        try:
            turn.left()
            turn.sent = True
            channel.exec_command(program)
            stdout, stderr = drain(channel, turn.left)
            channel.status_event.wait(turn.left())
        except _ERRORS as error:
            self._drop(transport)
            turn.left()
            raise FailureError("lost", lost(str(error))) from error
        except FailureError:
            self._drop(transport)
            raise
        code = None if channel.exit_status == -1 else channel.exit_status
        if code is None and not transport.is_active():
            self._drop(transport)
            turn.left()
            raise FailureError("lost", lost("it was closed"))
        with contextlib.suppress(*_ERRORS):
            channel.close()
        return Outcome(turn.host.name, code, stdout, stderr, "ok")

    def _connect(self, way: Route, turn: Turn) -> paramiko.Transport:
        """A new connection to the end of the way, kept for the next run."""
        peer = way[-1]
        sock = self._through(way, turn) if len(way) > 1 else self._socket(peer, turn)
        transport = _Transport(sock, packetizer_class=_Packets)
        with self._lock:
            self._open[transport] = way
        try:
            self._handshake(transport, peer, turn)
            _authenticate(transport, peer, turn, self._files)
            sock.settimeout(IDLE)
        except FailureError:
            self._drop(transport)
            raise
        except _ERRORS as error:
            self._drop(transport)
            raise FailureError("unreachable", f"{peer} hung up: {error}") from error
        kept = self.kept.setdefault(way, transport)
        if kept is not transport:  # warmed meanwhile
            self._drop(transport)
        return kept

    def _socket(self, peer: Peer, turn: Turn) -> socket.socket:
        """The one that has answered, else a new one: to a jump host, or after a kept one died."""
        sock, turn.sock = turn.sock, None
        return sock or connect(peer, min(turn.left(), self.patience))

    def _through(self, way: Route, turn: Turn) -> paramiko.Channel:
        """A channel through the one connection to the jump host."""
        before, peer = way[:-1], way[-1]
        transport = turn.jumps.open(before, turn.left, lambda: self._hop(before, turn))
        seconds = min(turn.left(), self.patience)
        try:
            return _opened(transport, (peer.address, peer.port), seconds)
        except _ERRORS as error:
            text = f"the jump host {before[-1]} cannot reach {peer}: {error}"
            raise FailureError("unreachable", text) from error

    def _hop(self, way: Route, turn: Turn) -> paramiko.Transport:
        kept = self.kept.get(way)
        if kept is not None:
            if kept.is_active():
                return kept
            self._drop(kept)
        return self._connect(way, turn)

    def _handshake(self, transport: paramiko.Transport, peer: Peer, turn: Turn) -> None:
        known = self._files.known(peer.known_hosts)
        seconds = min(turn.left(), self.patience)
        transport.banner_timeout = transport.handshake_timeout = seconds
        _prefer(transport, known, peer)
        finished = threading.Event()
        transport.start_client(event=finished)
        if not finished.wait(seconds) or not transport.is_active():
            raise FailureError("unreachable", _no_handshake(transport, peer, seconds))
        shown = _shown(transport.get_remote_server_key())
        if text := complaint(shown, known, peer, time.time(), _signed):
            raise FailureError("host-key", text)

    def _drop(self, transport: paramiko.Transport) -> None:
        """Close a connection for good: socket, thread, and its place among the kept."""
        with self._lock:
            way = self._open.pop(transport, ())
            if self.kept.get(way) is transport:
                del self.kept[way]
        _wake(transport)
        with contextlib.suppress(*_ERRORS):
            transport.close()
            transport.sock.close()  # the channel of a jump host speaks once more when it closes
        if transport.is_alive():
            transport.join(5)


def _opened(
    transport: paramiko.Transport, to: tuple[str, int] | None, seconds: float
) -> paramiko.Channel:
    if to is None:
        return transport.open_session(timeout=seconds)
    return transport.open_channel("direct-tcpip", to, ("127.0.0.1", 0), timeout=seconds)


def _refused(to: tuple[str, int] | None, error: Exception) -> bool:
    """Does sshd live, and say no to that way?"""
    return to is not None and isinstance(error, paramiko.ChannelException)


def _no_way(peer: Peer, to: tuple[str, int] | None, error: Exception) -> str:
    what = f"does not connect to {to[0]} port {to[1]}" if to else "gives no session"
    return f"{peer} {what}: {error}"


def _wake(transport: paramiko.Transport) -> None:
    with contextlib.suppress(OSError, EOFError):
        transport.sock.shutdown(socket.SHUT_RDWR)


def _prefer(transport: paramiko.Transport, known: KnownHosts, peer: Peer) -> None:
    """Ask for a certificate where a CA may give one, and for the types of key that we know."""
    options = transport.get_security_options()
    types = {key.type for key in known.keys(known_name(peer))}
    if "ssh-rsa" in types:
        types |= {"rsa-sha2-512", "rsa-sha2-256"}
    plain = tuple(options.key_types)
    certified = tuple(f"{name}{certificate.SUFFIX}" for name in plain)
    wanted = certified if known.authorities_for(peer) else ()
    wanted += tuple(name for name in plain if name in types)
    options.key_types = (*wanted, *(name for name in plain if name not in wanted))
    options.ciphers = sorted(options.ciphers, key=lambda name: "-gcm@" not in name)


def _shown(key: paramiko.PKey) -> Shown:
    return Shown(key.asbytes(), key.public_blob.key_blob if key.public_blob else b"")


def _signed(authority: bytes, signature: bytes, data: bytes) -> bool:
    """Is it signed by this key? What paramiko cannot read, or holds for weak (SHA-1), is not."""
    try:
        key = paramiko.PKey.from_type_string(paramiko.Message(authority).get_text(), authority)
        return bool(key.verify_ssh_sig(data, paramiko.Message(signature)))
    except Exception:  # noqa: BLE001 - its parsers raise what they like
        return False


def _authenticate(
    transport: paramiko.Transport, peer: Peer, turn: Turn, files: Files[paramiko.PKey]
) -> None:
    with contextlib.ExitStack() as stack:
        keys, unusable = _credentials(peer, files, stack)
        for key in keys[:MAX_KEYS]:
            transport.auth_timeout = turn.left()
            try:
                if not transport.auth_publickey(peer.user, key):
                    return
            except (*_ERRORS, ValueError):
                if not transport.is_active():
                    break
    tried = len(keys[:MAX_KEYS])
    if not keys and peer.keys and unusable:
        raise FailureError("auth", unusable[0])
    what = f"none of the {tried} keys tried" if tried else "no key: there is none to try"
    blobs = [key.public_blob.key_blob for key in keys if key.public_blob]
    hints = [*(certificate.not_now(blob, time.time()) for blob in blobs), *unusable]
    if not peer.keys:
        hints.insert(0, "name one in the inventory (ssh.key), or add it to ssh-agent")
    text = "".join(f"; {hint}" for hint in hints if hint)
    raise FailureError("auth", f"{peer} lets {peer.user} in with {what}{text}")


def _credentials(
    peer: Peer, files: Files[paramiko.PKey], stack: contextlib.ExitStack
) -> tuple[list[paramiko.PKey], list[str]]:
    """What to try, in order, and why some of what was named cannot be tried.

    Named files go before the agent, the agent before the usual files, each certificate before
    its key.
    """
    held = cache(partial(_agent_keys, stack))
    found: list[paramiko.PKey] = []
    unusable: list[str] = []
    for path in peer.keys or usual_keys():
        try:
            found.append(files.key(path))
        except FailureError as failure:
            twins = _in_agent(path, held()) if peer.keys else []
            found.extend(twins)
            unusable.extend([] if twins else [str(failure)])
    if not peer.only:
        found = [*found, *held()] if peer.keys else [*held(), *found]
    return [each for key in found for each in _certified(key, peer.certificates)], unusable


def _agent_keys(stack: contextlib.ExitStack) -> list[paramiko.PKey]:
    keys: list[paramiko.PKey] = []
    if os.environ.get("SSH_AUTH_SOCK"):
        with contextlib.suppress(paramiko.SSHException, OSError):
            agent = paramiko.Agent()
            stack.callback(agent.close)
            keys.extend(map(_offered, agent.get_keys()))
    return keys


def _offered(key: paramiko.AgentKey) -> paramiko.PKey:
    """A key of the agent; a certificate there would else be offered as the plain key."""
    if not key.name.endswith(certificate.SUFFIX):
        return key
    return _with(key, paramiko.pkey.PublicBlob(key.name, key.blob))


def _in_agent(path: Path, held: Sequence[paramiko.PKey]) -> list[paramiko.PKey]:
    """The agent's own of a key whose file is locked, or is the public half alone."""
    raw = {blob.key_blob for place in (path, Path(f"{path}.pub")) if (blob := _public(place))}
    return [key for key in held if key.asbytes() in raw]


def _public(path: Path) -> paramiko.pkey.PublicBlob | None:
    """A public key or certificate file; None: it is not there, or something else."""
    try:
        return paramiko.pkey.PublicBlob.from_file(path)
    except (OSError, ValueError, paramiko.SSHException):
        return None


def _certified(key: paramiko.PKey, paths: Sequence[Path]) -> list[paramiko.PKey]:
    """A key with each certificate it has, then alone."""
    if key.get_name().endswith(certificate.SUFFIX):
        return [key]
    blobs = [blob for blob in (key.public_blob, *map(_public, paths)) if blob]
    fitting = [b for b in blobs if certificate.public_key(b.key_blob) == key.asbytes()]
    return [_with(key, blob) for blob in (*fitting, None)]


def _with(key: paramiko.PKey, blob: paramiko.pkey.PublicBlob | None) -> paramiko.PKey:
    twin = object.__new__(type(key))  # copy.copy never ends with an agent's key
    vars(twin).update(vars(key), public_blob=blob)
    return twin


def _load_key(path: Path) -> paramiko.PKey:
    try:
        return paramiko.PKey.from_path(path)
    except OSError as error:
        text = f"cannot read the key {path}: {error.strerror}"
    except TypeError:  # what cryptography raises for a key that is locked
        text = f"cannot use the key {path}: it has a passphrase; add it to ssh-agent"
    except Exception:  # noqa: BLE001 - paramiko lets through what its parsers raise
        text = f"cannot use the key {path}: it is damaged, or of an unknown kind"
    raise FailureError("auth", text)


def _no_handshake(transport: paramiko.Transport, peer: Peer, seconds: float) -> str:
    if not transport.remote_version:
        return no_banner(peer, seconds)
    why = transport.get_exception() or "no answer"
    return f"{peer} speaks SSH, but no keys could be agreed on: {why}"
