"""What sshd is asked to run."""

from __future__ import annotations

from shlex import quote

from orchestrator.fleet.inventory import Host


def command(host: Host, program: str, now: float) -> str:
    """The one exec: the program as an argument of sh, with the controller's time in it."""
    sudo = "sudo -n " if host.sudo else ""
    return f"exec {sudo}sh -c " + quote(f"controller_now={int(now)}\n{program}")
