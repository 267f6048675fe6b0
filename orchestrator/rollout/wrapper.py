"""Least privilege: a root-owned program on the host that takes orders, and no code.

`sudo sh` is root. A host that says `sudo: restricted` lets its user run `ntactl-host` alone: the
same shell library, installed there, which reads orders in one strict format. docs/decisions/0009.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

from orchestrator.engines import engine
from orchestrator.fleet.command import WRAPPER
from orchestrator.fleet.inventory import Host
from orchestrator.render import render
from orchestrator.rollout import shell


def orders(
    host: Host, action: str, values: Mapping[str, str], ntas: Sequence[tuple[str, str, int]]
) -> str:
    """What a restricted host is sent instead of a program; `ntas` are (id, zone, end)."""
    lines = [f"kind {shell.kind(host)}", f"action {action}"]
    lines += [f"{name} {value}" for name, value in values.items()]
    return "\n".join([*lines, *(f"nta {nta} {zone} {end}" for nta, zone, end in ntas)])


def wrapper(hosts: Iterable[Host]) -> str:
    """The program for all these hosts: one file, whatever their engines and paths."""
    kinds = {shell.kind(host): host for host in hosts}
    engines = sorted({host.engine for host in kinds.values()})
    pieces = {
        "common": shell.common(),
        "guard_text": shell.guard_code(),
        **{f"engine_{name}": shell.engine_code(name) for name in engines},
        **{
            f"{more}_{name}": shell.more_code(name, more) for more in shell.MORE for name in engines
        },
        **{f"code_{action}": shell.action_code(action) for action in shell.ACTIONS},
    }
    parts = [
        render("host/wrapper-head.j2", path=WRAPPER).removesuffix("\n"),
        "set -u",
        shell.ASIDE,
        shell.assign(pieces),
        _kinds(kinds),
        shell.code("host/orders.sh"),
    ]
    return "\n".join(parts) + "\n"


def _kinds(hosts: Mapping[str, Host]) -> str:
    """A shell function that sets what is particular to a kind of host."""
    cases = (f"{kind})\n{_particulars(host)}\n;;" for kind, host in sorted(hosts.items()))
    return "\n".join(["particulars() {", "case $1 in", *cases, "*) return 1 ;;", "esac", "}"])


def _particulars(host: Host) -> str:
    forms = {
        "settings": shell.settings(host),
        "fragment_form": engine(host.engine).line("@id@", "@zone@"),
        "override_form": engine(host.engine).line("@id@", "."),
        "cron_form": shell.cron_entry(host, "@id@", "@zone@"),
    }
    engines = (f"{each}_code=${each}_{host.engine}" for each in ("engine", *shell.MORE))
    return "\n".join([shell.assign(forms), *engines])


def sudoers(hosts: Sequence[Host], users: Iterable[str]) -> str:
    """The fragment for /etc/sudoers.d that lets users run the wrapper, as it is now, alone."""
    return render(
        "host/sudoers.j2",
        path=WRAPPER,
        digest=sha256(wrapper(hosts).encode()).hexdigest(),
        users=sorted(set(users)),
    )
