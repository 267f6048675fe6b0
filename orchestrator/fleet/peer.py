"""Where one SSH connection goes, and why it did not get there."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from pathlib import Path

from orchestrator.fleet.inventory import Host, parse_jump


@dataclass(frozen=True)
class Peer:
    """One end of an SSH connection: as whom, where, with which files (None: the user's own)."""

    user: str
    address: str
    port: int
    key: Path | None
    known_hosts: Path | None

    def __str__(self) -> str:
        return f"{self.address} port {self.port}"


def peer_of(host: Host) -> Peer:
    """The host itself."""
    ssh = host.ssh
    return Peer(ssh.user, str(host.address), ssh.port, ssh.key, ssh.known_hosts)


def jump_peer(jump: str, host: Host) -> Peer:
    """The jump host of an inventory's "user@address:port", with the host's own key files."""
    ssh, (user, address, port) = host.ssh, parse_jump(jump)
    return Peer(user or ssh.user, address, port, ssh.key, ssh.known_hosts)


def connect_error(error: OSError, peer: Peer) -> str:
    """Why TCP did not get through, for a person."""
    if isinstance(error, TimeoutError):
        return f"{peer} does not answer: the host is down, or a firewall drops it"
    if error.errno == errno.ECONNREFUSED:
        return f"{peer} refuses: the host is up, and no sshd listens there"
    return f"{peer} cannot be reached: {error.strerror or error}"
