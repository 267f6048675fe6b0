"""What sshd is asked to run."""

from __future__ import annotations

import re

from orchestrator.fleet.inventory import Host

_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")
WRAPPER = "/usr/local/sbin/ntactl-host"


def word(text: str) -> str:
    """Any text as one word of sh. Each "'" in it takes 4 bytes, and 13 where it is quoted twice.

    shlex.quote's would take 5 and 17, and a program has to fit a packet (RFC 4253 section 6.1).
    """
    if _PLAIN.fullmatch(text):
        return text
    return "'" + text.replace("'", r"'\''") + "'"


def command(host: Host, program: str, now: float) -> str:
    """The one exec: a program as an argument of sh, or orders as one of the wrapper.

    The controller's time goes with it.
    """
    if host.sudo == "restricted":
        return f"exec sudo -n {WRAPPER} " + word(f"now {int(now)}\n{program}")
    sudo = "sudo -n " if host.sudo else ""
    return f"exec {sudo}sh -c " + word(f"controller_now={int(now)}\n{program}")
