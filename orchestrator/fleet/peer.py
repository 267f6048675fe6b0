"""Where an SSH connection goes and through which jump hosts, and why it did not get there."""

from __future__ import annotations

import errno
import getpass
import os
import re
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from orchestrator.fleet.inventory import Host, Jump, parse_jumps
from orchestrator.fleet.outcome import FailureError
from orchestrator.fleet.ssh_config import ConfigError, Found, SshConfig

MOST_HOPS = 8
_TOKEN = re.compile(r"%([%dhinpru])|\$\{(\w+)\}")
_HOP = re.compile(
    r"(?:ssh://)?(?:(?P<user>[^@\s]+)@)?(?P<host>\[[^\]]+\]|[^:@\s]+)(?::(?P<port>\d+))?"
)


@dataclass(frozen=True)
class Peer:
    """One end of an SSH connection: as whom, where, and with which files.

    `name` is how a person calls it: a host certificate may be for that, too. `keys` empty: the
    agent's and the usual files; `only`: no other than those. `known_hosts` empty: the user's own.
    `alias`, where there is one, is looked up in known_hosts instead of the address.
    """

    user: str
    address: str
    port: int
    name: str = ""
    keys: tuple[Path, ...] = ()
    certificates: tuple[Path, ...] = ()
    only: bool = False
    known_hosts: tuple[Path, ...] = ()
    alias: str = ""

    def __str__(self) -> str:
        return f"{self.address} port {self.port}"

    @property
    def names(self) -> tuple[str, ...]:
        """What a host certificate may call it."""
        return (self.alias,) if self.alias else tuple(n for n in (self.address, self.name) if n)


Route = tuple[Peer, ...]  # the jump hosts in their order, then the host itself


def route(host: Host, config: SshConfig) -> Route:
    """The way to a host: the inventory's word, then ~/.ssh/config's. Raises FailureError."""
    try:
        return _route(host, config)
    except ConfigError as error:
        raise FailureError("unreachable", str(error)) from error


def _route(host: Host, config: SshConfig) -> Route:
    ssh, address = host.ssh, str(host.address)
    found = config.lookup((host.name, address), ssh.user)
    peer = _peer(Jump(ssh.user or "", address, ssh.port or 0), host.name, found, "root")
    peer = _with_inventory(peer, host)
    if ssh.jump:
        jumps = () if ssh.jump == "none" else parse_jumps(ssh.jump)
        hops = (_inventory_hop(jump, peer, config) for jump in jumps)
        return (*(_with_inventory(hop, host) for hop in hops), peer)
    return (*_proxies(found, peer, config, 0), peer)


def _with_inventory(peer: Peer, host: Host) -> Peer:
    """The inventory's key and known_hosts go before what ~/.ssh/config names."""
    changes: dict[str, tuple[Path, ...] | bool] = {}
    if host.ssh.key is not None:
        changes = {"keys": (host.ssh.key,), "certificates": (), "only": True}
    if host.ssh.known_hosts is not None:
        changes["known_hosts"] = (host.ssh.known_hosts,)
    return Peer(**{**vars(peer), **changes})


def _inventory_hop(jump: Jump, target: Peer, config: SshConfig) -> Peer:
    found = config.lookup((jump.address,), jump.user or target.user)
    return _peer(jump._replace(user=jump.user or target.user), "", found, target.user)


def _proxies(found: Found, target: Peer, config: SshConfig, depth: int) -> Route:
    """The jump hosts of ProxyJump; the first may itself be behind others (ssh_config(5))."""
    text = found.one("proxyjump")
    if not text and found.one("proxycommand").lower() not in {"", "none"}:
        why = "ProxyCommand in ~/.ssh/config is not run: write ProxyJump, or ssh.jump"
        raise FailureError("unreachable", f"{target}: {why} in the inventory")
    if not text or text.lower() == "none":
        return ()
    if depth == MOST_HOPS:
        raise FailureError("unreachable", f"ProxyJump of {target} goes in a circle")
    hops: list[Peer] = []
    for part in text.split(","):
        hop, said = _proxy(part.strip(), target, config)
        if not hops:
            hops.extend(_proxies(said, hop, config, depth + 1))
        hops.append(hop)
    return tuple(hops)


def _proxy(text: str, target: Peer, config: SshConfig) -> tuple[Peer, Found]:
    match = _HOP.fullmatch(text)
    if match is None:
        raise FailureError("unreachable", f"{text!r} in ~/.ssh/config is no jump host")
    name, user = match["host"].strip("[]"), match["user"] or ""
    found = config.lookup((name,), user or None)
    address = found.one("hostname") or name
    try:
        ip_address(address)
    except ValueError:
        why = "it may not resolve while the zone is broken; give its address by HostName"
        raise FailureError("unreachable", f"the jump host {address} is a name: {why}") from None
    return _peer(Jump(user, address, int(match["port"] or 0)), name, found, target.user), found


def _peer(jump: Jump, name: str, found: Found, default_user: str) -> Peer:
    """One end: what is said in `jump` (0, "": nothing), then what the files say."""
    user = jump.user or found.one("user") or default_user
    port = jump.port or _port(found.one("port"))
    values = {"h": jump.address, "n": name or jump.address, "p": str(port), "r": user}

    def paths(key: str) -> tuple[Path, ...]:
        return tuple(_path(text, values) for text in found.all(key))

    return Peer(
        user=user,
        address=jump.address,
        port=port,
        name=name,
        keys=paths("identityfile"),
        certificates=paths("certificatefile"),
        only=found.yes("identitiesonly"),
        known_hosts=_known_hosts(found.one("userknownhostsfile"), values),
        alias=_expand(found.one("hostkeyalias"), values),
    )


def _known_hosts(text: str, values: dict[str, str]) -> tuple[Path, ...]:
    """The files named, of several those that are there; "none" is an empty one."""
    if text.lower() == "none":
        return (Path(os.devnull),)
    paths = tuple(_path(word, values) for word in text.split())
    return tuple(path for path in paths if path.exists()) or paths


def _port(text: str) -> int:
    if not text:
        return 22
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise ConfigError(f"~/.ssh/config: Port {text!r} is no port")
    return int(text)


def _path(text: str, values: dict[str, str]) -> Path:
    return Path(_expand(text, values)).expanduser()


def _expand(text: str, values: dict[str, str]) -> str:
    """Put in what %-tokens and ${VARIABLES} stand for (ssh_config(5), TOKENS)."""
    if "%" not in text and "$" not in text:
        return text
    us = {"%": "%", "d": str(Path.home()), "i": str(os.getuid()), "u": getpass.getuser()}
    own = us | values
    return _TOKEN.sub(lambda m: own[m[1]] if m[1] else os.environ.get(m[2], ""), text)


def connect_error(error: OSError, peer: Peer) -> str:
    """Why TCP did not get through, for a person."""
    if isinstance(error, TimeoutError):
        return f"{peer} does not answer: the host is down, or a firewall drops it"
    if error.errno == errno.ECONNREFUSED:
        return f"{peer} refuses: the host is up, and no sshd listens there"
    return f"{peer} cannot be reached: {error.strerror or error}"
