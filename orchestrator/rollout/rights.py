"""What a host lets its user do as root: asked of sudo, without trying it."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.fleet.command import WRAPPER
from orchestrator.fleet.inventory import Host
from orchestrator.rollout.means import Runner

# `sudo -l` only lists: a refusal is no incident in anybody's log. It heeds pinned digests.
_PROBE = f"""\
[ "$(id -u)" != 0 ] || echo root
! sudo -n -l sh >/dev/null 2>&1 || echo sudo-sh
! sudo -n -l {WRAPPER} >/dev/null 2>&1 || echo sudo-ntactl-host
"""


def needed(host: Host) -> str:
    """The right that the inventory counts on."""
    if host.sudo == "restricted":
        return "sudo-ntactl-host"
    return "sudo-sh" if host.sudo else "root"


def granted(fleet: Runner, hosts: Iterable[Host], *, deadline: float) -> dict[str, list[str]]:
    """The rights of each host that answers: "root", "sudo-sh", "sudo-ntactl-host"."""
    plain = [host.model_copy(update={"sudo": False}) for host in hosts]
    known = {"root", "sudo-sh", "sudo-ntactl-host"}
    return {
        outcome.host: [line for line in outcome.stdout.splitlines() if line in known]
        for outcome in fleet.run([(host, _PROBE) for host in plain], deadline=deadline)
        if outcome.kind == "ok"
    }
