"""The pieces of which programs for hosts are made: files of templates/host/ and an engine's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from typing import Literal

from orchestrator.engines import engine
from orchestrator.fleet.command import word
from orchestrator.fleet.inventory import Host
from orchestrator.render import render, text

Action = Literal["read", "count", "audit", "apply", "revert", "renew", "flush"]
ACTIONS: tuple[Action, ...] = ("read", "count", "audit", "apply", "revert", "renew", "flush")
MORE: tuple[Action, ...] = ("count", "audit")  # for which each engine has a file of its own
FOLDER = "/var/lib/ntactl"
CRON_FOLDER = "/etc/cron.d"
UNIT_FOLDER = "/etc/systemd/system"
# Whatever tools print is told aside, the answer goes to 3.
ASIDE = "exec 3>&1 1>&2 </dev/null"
_SAID_OF_FUNCTION = re.compile(r"^([a-z_]+\(\) \{) # .*")


_BEFORE: dict[Action, tuple[str, ...]] = {  # others arm and change
    "read": (),
    "count": (),
    "audit": ("host/audit.sh",),
    "flush": ("host/change.sh",),
}


@cache  # the same for a thousand hosts
def code(*paths: str) -> str:
    """Shell files as they are, without their comments and indentation: they travel."""
    lines = (line.strip() for path in paths for line in text(path).splitlines())
    lines = (_SAID_OF_FUNCTION.sub(r"\1", line) for line in lines)
    return "\n".join(line for line in lines if line and not line.startswith("#"))


def common() -> str:
    """What programs and guards of every engine stand on."""
    return code("host/base.sh", "host/nta.sh")


def engine_code(name: str) -> str:
    """What an engine adds to that."""
    return code(*engine(name).shell)


def more_code(name: str, action: Action) -> str:
    """What an engine adds for one action alone: guards have no need of it."""
    return code(f"{name}/{action}.sh") if action in MORE else ""


def guard_code() -> str:
    """What a guard does, on top of the library."""
    return code("host/guard.sh")


def action_code(action: Action) -> str:
    """What an action does, on top of the library."""
    before = _BEFORE.get(action, ("host/arm.sh", "host/change.sh"))
    last = "read" if action == "audit" else action  # which tells more
    return code("host/scheduler.sh", "host/look.sh", *before, f"host/{last}.sh")


def settings(host: Host) -> str:
    """What is particular to a host, as shell variables."""
    the_engine = engine(host.engine)
    values = {
        "engine": host.engine,
        "instance": host.instance,
        "base": folder(host),
        "called": called(host),
        "cron_folder": CRON_FOLDER,
        "unit_folder": UNIT_FOLDER,
        "config": host.paths.config,
        "dropin": the_engine.dropin(host),
        "header": the_engine.header(),
    }
    return assign(values)


def folder(host: Host) -> str:
    """Where ntactl keeps what it holds there: each resolver of a host has its own."""
    return f"{FOLDER}_{host.instance}" if host.instance else FOLDER


def called(host: Host) -> str:
    """What stands before the id in the names of a guard's files: no id has a "_", names may."""
    return f"ntactl_{host.instance}_" if host.instance else "ntactl-"


def cron_entry(host: Host, nta_id: str, zone: str) -> str:
    """The guard's entry for cron."""
    values = {"id": nta_id, "zone": zone, "folder": folder(host)}
    return render("host/cron.j2", **values).removesuffix("\n")


def assign(variables: Mapping[str, str]) -> str:
    """Shell variables, every value quoted."""
    return "\n".join(f"{name}={word(value)}" for name, value in variables.items())


def kind(host: Host) -> str:
    """One hash over all that runs on a host but its orders: what is particular, and every piece."""
    return sha256(f"{settings(host)}\n{_pieces(host.engine)}".encode()).hexdigest()


@cache
def _pieces(name: str) -> str:
    engines = (engine_code(name), *(more_code(name, action) for action in MORE))
    actions = map(action_code, ACTIONS)
    return "\n".join([common(), *engines, guard_code(), *actions, code("host/orders.sh")])
