"""What sshd is asked to run."""

from __future__ import annotations

from shlex import quote

from orchestrator.fleet.inventory import Host

WRAPPER = "/usr/local/sbin/ntactl-host"


def command(host: Host, program: str, now: float) -> str:
    """The one exec: a program as an argument of sh, or orders as one of the wrapper.

    The controller's time goes with it.
    """
    if host.sudo == "restricted":
        return f"exec sudo -n {WRAPPER} " + quote(f"now {int(now)}\n{program}")
    sudo = "sudo -n " if host.sudo else ""
    return f"exec {sudo}sh -c " + quote(f"controller_now={int(now)}\n{program}")
