"""A host's change as one POSIX sh program, and what comes back from it.

Pure: values in, text out; fleet/ssh.py sends the text. A program is its settings and orders as
shell variables, then files of templates/host/ and the engine's own, as they are. The part that
a guard needs too is a variable of the program (`library`), which it runs and also writes into
the guard, so that the host can finish alone what was begun here.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated

from pydantic import StringConstraints

from orchestrator.engines import engine
from orchestrator.errors import BadInput
from orchestrator.fleet.inventory import Host
from orchestrator.model import HostReading, Time, Value, Zone
from orchestrator.rollout import shell, wrapper
from orchestrator.rollout.answer import parse_reading, parse_receipt, refusal
from orchestrator.rollout.shell import CRON_FOLDER, UNIT_FOLDER, Action

__all__ = [
    "LONGEST_ID",
    "Change",
    "NtaOrder",
    "apply_program",
    "audit_program",
    "change",
    "count_program",
    "flush_program",
    "objection",
    "parse_reading",
    "parse_receipt",
    "read_program",
    "refusal",
    "renew_commands",
    "renew_program",
    "revert_program",
]

# It names files, of cron too, which skips names with a dot (cron(8)).
LONGEST_ID = 96
NtaId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=LONGEST_ID)]


class NtaOrder(Value):
    """One NTA as a host is told of it."""

    id: NtaId
    zone: Zone
    ends_at: Time


class Change(Value):
    """What apply will do to one host.

    `before` and `after` are the whole of the file `path` ("" and None: the engine needs none);
    apply makes `after` to the byte, or refuses by rule `drifted` when the host no longer has
    the state whose hash is `expected_state`. `adopt`: NTAs that others set
    in the daemon become ntactl's.
    """

    host: str
    expected_state: str
    adopt: bool = False
    ntas: tuple[NtaOrder, ...]
    path: str
    before: str | None
    after: str | None
    diff: str
    commands: tuple[str, ...]


def change(
    host: Host, reading: HostReading, ntas: Sequence[NtaOrder], *, adopt: bool = False
) -> Change:
    """What putting `ntas` on this host changes, from what it holds now."""
    _one_each(ntas)
    path = engine(host.engine).dropin(host)
    after = _with_lines(host, reading.dropin, ntas) if path else None
    return Change(
        host=host.name,
        expected_state=reading.state_sha256,
        adopt=adopt,
        ntas=tuple(ntas),
        path=path,
        before=reading.dropin,
        after=after,
        diff=_file_diff(path, reading.dropin, after) + _list_diff(host, reading, ntas),
        commands=tuple(
            line for nta in ntas for line in _apply_commands(host, nta, reading.scheduler)
        ),
    )


def _one_each(ntas: Sequence[NtaOrder]) -> None:
    for what in ("zone", "id"):
        named = [getattr(nta, what) for nta in ntas]
        if len(set(named)) != len(named):
            raise BadInput(f"the same {what} twice in one change: {' '.join(sorted(named))}")


def _with_lines(host: Host, before: str | None, ntas: Sequence[NtaOrder]) -> str:
    the_engine = engine(host.engine)
    lines = (before or the_engine.header()).splitlines()
    wanted = (the_engine.line(nta.id, nta.zone) for nta in ntas)
    return "".join(f"{line}\n" for line in [*lines, *(w for w in wanted if w not in lines)])


def _file_diff(path: str, before: str | None, after: str | None) -> str:
    old = (before or "").splitlines(keepends=True)
    new = (after or "").splitlines(keepends=True)
    return "".join(difflib.unified_diff(old, new, path if old else "/dev/null", path))


def _list_diff(host: Host, reading: HostReading, ntas: Sequence[NtaOrder]) -> str:
    if any(nta.zone == "." for nta in ntas):
        return "--- running\n+++ running\n@@ every zone @@\n-validation on\n+validation off\n"
    command = engine(host.engine).list_command(host)
    old = sorted({nta.zone for nta in reading.running})
    new = sorted({*old, *(nta.zone for nta in ntas)})
    lines = difflib.unified_diff(old, new, command, command, lineterm="")
    return "".join(f"{line}\n" for line in lines)


def _apply_commands(host: Host, nta: NtaOrder, scheduler: str) -> tuple[str, ...]:
    the_engine = engine(host.engine)
    line = the_engine.line(nta.id, nta.zone)
    write = (f"echo '{line}' >> {the_engine.dropin(host)}",) if line else ()
    return (*_arm_commands(host, nta, scheduler), *write, *the_engine.add_commands(host, nta.zone))


def _arm_commands(host: Host, nta: NtaOrder, scheduler: str) -> tuple[str, ...]:
    folder, called = f"{shell.folder(host)}/nta/{nta.id}", f"{shell.called(host)}{nta.id}"
    ends = f"echo {_epoch(nta.ends_at)} > {folder}/ends_at"
    entry = shell.cron_entry(host, nta.id, nta.zone).splitlines()[-1]
    cron = f"echo '{entry}' > {CRON_FOLDER}/{called}"
    timer = f"systemctl enable --now {UNIT_FOLDER}/{called}.timer"
    if scheduler == "systemd":
        return (ends, f"{timer}  # every minute: /bin/sh {folder}/guard")
    return (ends, cron if scheduler else f"{cron}  # where systemd runs: {timer}")


def renew_commands(host: Host, nta: NtaOrder) -> tuple[str, ...]:
    """What a renewal runs on a host, for a reviewer."""
    return (*_arm_commands(host, nta, ""), *engine(host.engine).renew_commands(host, nta.zone))


def objection(
    reading: HostReading, ntas: Sequence[NtaOrder], *, adopt: bool = False
) -> tuple[str, str] | None:
    """The (rule, message) by which apply would refuse this host as it was read; None: fit."""
    if reading.problems:
        return reading.problems[0]
    ours = {nta.id for nta in ntas}
    for nta in ntas:
        for held in reading.held:
            if held.zone == nta.zone and held.state != "ended" and held.id not in ours:
                return ("already-held", f"{nta.zone} is under {held.id}: renew or revert that one")
        for running in reading.running:
            theirs = running.zone == nta.zone and running.id not in ours
            if theirs and (running.permanent or not adopt):
                return ("foreign-nta", f"{nta.zone} is under an NTA that ntactl did not add")
        if nta.zone != "." and nta.zone in reading.anchors:
            message = f"{nta.zone} has a trust anchor of its own, which overrides an NTA"
            return ("explicit-anchor", message)
    return None


def read_program(host: Host) -> str:
    """The read-only program: tells what the host holds, and writes nothing there."""
    return _program(host, "read")


def count_program(host: Host) -> str:
    """Tell what the resolver has counted; writes nothing, and no counter begins anew."""
    return _program(host, "count")


def audit_program(host: Host) -> str:
    """Tell what a reading tells, and the configuration that weakens validation; writes nothing."""
    return _program(host, "audit")


def apply_program(host: Host, change: Change, generation: int) -> str:
    """Put the change's NTAs on, all or none.

    Sent twice it completes or takes back what the first left, and gives the receipt again. A
    program of a lower `generation` (the controller's clock in ms) than one that ran there is
    refused; "refused" is answered only by a host that holds nothing of the order, else "stuck".
    """
    orders = {"generation": str(generation), "expected": change.expected_state}
    if change.adopt:
        orders["adopt"] = "yes"
    return _program(host, "apply", change.ntas, orders)


def revert_program(
    host: Host,
    ntas: Sequence[NtaOrder],
    generation: int,
    *,
    once_more: bool = False,
    keep_theirs: bool = False,
) -> str:
    """Take NTAs out; those that have ended or were never there are no error.

    "reverted" by rule `foreign-nta`: ntactl's is out, but others keep the zone insecure there.
    With `once_more` an NTA that runs again for the zone of one that ended there is taken out too.
    With `keep_theirs` the daemon keeps what it had by others before ntactl took it over.
    """
    orders = {"generation": str(generation), "once_more": "yes" if once_more else "no"}
    if keep_theirs:
        orders["keep_theirs"] = "yes"
    return _program(host, "revert", ntas, orders)


def renew_program(host: Host, ntas: Sequence[NtaOrder], generation: int) -> str:
    """Give NTAs that stand the new end that each order carries; "undone": the old end stands."""
    return _program(host, "renew", ntas, {"generation": str(generation)})


def flush_program(host: Host, zone: Zone) -> str:
    """Drop what is cached at and below a zone. Raises BadInput for the root: that is all of it."""
    if zone == ".":
        raise BadInput("a flush of the root would empty the whole cache")
    return _program(host, "flush", orders={"zone": zone})


def _program(
    host: Host,
    action: Action,
    ntas: Sequence[NtaOrder] = (),
    orders: Mapping[str, str] = {},
) -> str:
    if host.sudo == "restricted":
        ends = [(nta.id, nta.zone, _epoch(nta.ends_at)) for nta in ntas]
        return wrapper.orders(host, action, orders, ends)
    guarded = f"{shell.common()}\n{shell.engine_code(host.engine)}"
    variables = {"settings": shell.settings(host), "library": guarded, "action": action, **orders}
    variables["ids"] = " ".join(nta.id for nta in ntas)
    if ntas:
        variables["guard_text"] = shell.guard_code()
    parts = [
        "set -u",
        shell.ASIDE,
        shell.assign(variables),
        _order_function(host, ntas),
        'eval "$settings"',
        'eval "$library"',
        shell.more_code(host.engine, action),
        shell.action_code(action),
    ]
    return "\n".join(part for part in parts if part)


def _order_function(host: Host, ntas: Sequence[NtaOrder]) -> str:
    """order ID sets what the program knows of one NTA."""
    if not ntas:
        return ""
    cases = (f"{nta.id})\n{shell.assign(_order(host, nta))}\n;;" for nta in ntas)
    return "\n".join(["order() {", "case $1 in", *cases, "*) return 1 ;;", "esac", "}"])


def _order(host: Host, nta: NtaOrder) -> dict[str, str]:
    return {
        "zone": nta.zone,
        "ends": str(_epoch(nta.ends_at)),
        "fragment": engine(host.engine).line(nta.id, nta.zone),
        "cron_entry": shell.cron_entry(host, nta.id, nta.zone),
    }


def _epoch(at: datetime) -> int:
    return int(at.timestamp())
