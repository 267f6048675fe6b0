"""What resolvers have cached of a sound zone, dropped where it is old: in waves, no NTA touched.

There is no way back from a flush and none is needed: on trouble it stops where it stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.chain.resolvers import stale
from orchestrator.errors import Refused
from orchestrator.fleet.inventory import Host
from orchestrator.incident.journal import Event, Kind
from orchestrator.model import Cause, Finding, Remedy, State, Verdict
from orchestrator.playbook import Playbook
from orchestrator.rollout.apply import Ending, Report, named
from orchestrator.rollout.asking import UNVERIFIED, no_way, not_cured
from orchestrator.rollout.gate import counted
from orchestrator.rollout.means import Means
from orchestrator.rollout.send import Job, send
from orchestrator.rollout.waves import canary_waves, split

Told = tuple[str, str, str]  # state, rule and message of a host, as in a report


@dataclass(frozen=True)
class Flush:
    """The zone, the hosts that hold old data of it, and what is said of those left alone.

    `names` fail at these hosts; `secure`: afterwards the zone has to have AD there.
    """

    id: str
    zone: str
    secure: bool
    hosts: tuple[Host, ...]
    names: tuple[str, ...]
    left: Mapping[str, Told]
    playbook: Playbook

    @property
    def waves(self) -> tuple[tuple[str, ...], ...]:
        """Names of hosts, cut as a plan's."""
        return split(self.hosts, self.playbook.waves, self.playbook.site_share)


def check_zone(zone: str) -> None:
    """Refuse what would empty whole caches. Raises Refused."""
    if zone == ".":
        raise Refused("root-zone", "a flush of the root would empty the whole of every cache")


def check_sound(verdict: Verdict) -> None:
    """Refuse where a flush would not help, and drop what still hides the outage. Raises Refused."""
    zone, broken = verdict.zone, verdict.state is State.BOGUS
    if not broken and verdict.remedy is not Remedy.ESCALATE:
        return
    look, plan = f"ntactl check {zone} -i INVENTORY", f"ntactl plan {zone} -i INVENTORY"
    raise Refused(
        "zone-broken" if broken else "zone-doubtful",
        f"{zone} is {verdict.state.value}, remedy {verdict.remedy.value}: a flush would not help, "
        "and would drop old answers that still hide the outage",
        next_step=f"{plan} --reason '...'" if verdict.remedy is Remedy.NTA else look,
    )


def propose(flush_id: str, verdict: Verdict, hosts: Sequence[Host], playbook: Playbook) -> Flush:
    """Which hosts to flush after this verdict, which has asked them all. Raises Refused."""
    check_sound(verdict)
    failing = stale(verdict)
    ill = {view.host for view in failing}
    names = dict.fromkeys(view.name for view in failing if view.type == "A")
    return Flush(
        id=flush_id,
        zone=verdict.zone,
        secure=verdict.state is State.SECURE,
        hosts=tuple(host for host in hosts if host.name in ill),
        names=tuple(names),
        left={h.name: _left(verdict, h.name) for h in hosts if h.name not in ill},
        playbook=playbook,
    )


def _left(verdict: Verdict, name: str) -> Told:
    """Why this host is left alone."""
    told = [f for f in verdict.findings if f.server == name and f.severity != "info"]
    return _fault(told[0]) if told else ("sound", "", "")


def _fault(finding: Finding) -> Told:
    if finding.cause is Cause.SERVER_UNREACHABLE and finding.severity == "warning":
        return ("unreachable", "unreachable", finding.detail)
    return ("left-alone", finding.cause.value, f"a flush would not mend it: {finding.detail}")


def nothing_to_do(flush: Flush) -> Report:
    """No host holds old data; those with another fault, or without an answer, are told."""
    return Report(flush.id, _ending(flush, {}, ""), dict(flush.left))


def carry_out(means: Means, flush: Flush) -> Report:
    """Flush wave after wave, asking each resolver itself; stop where it does not help."""
    means.journal.append(_event(means, flush, Kind.FLUSH_STARTED, {"waves": flush.waves}))
    told, why = _waves(means, flush)
    ending = _ending(flush, told, why)
    if means.stopping() and len(told) < len(flush.hosts):
        ending, why = "stopped", f"go on: ntactl flush {flush.zone} -i INVENTORY"
    means.journal.append(
        _event(means, flush, Kind.FLUSH_ENDED, {"outcome": ending, "why": why}),
    )
    not_begun = {host.name: ("planned", "", "") for host in flush.hosts}
    return Report(flush.id, ending, {**flush.left, **not_begun, **told}, why)


def _waves(means: Means, flush: Flush) -> tuple[dict[str, Told], str]:
    """How each host came out that had its turn, and why others had none."""
    canaries = canary_waves(flush.hosts, flush.waves)
    told: dict[str, Told] = {}
    for wave in flush.waves:
        if means.stopping():
            break
        means.say(f"{'canary' if wave in canaries else 'wave'}: {named(wave)}")
        told |= _wave(means, flush, [host for host in flush.hosts if host.name in wave])
        if why := _trouble(flush, told, canary=wave in canaries, proven=wave not in canaries[:-1]):
            return told, why
    return told, ""


def _wave(means: Means, flush: Flush, hosts: Sequence[Host]) -> dict[str, Told]:
    """How each host of one wave came out."""
    unfit = no_way(means, flush.zone, flush.playbook, hosts)
    told: dict[str, Told] = {name: ("left-alone", "baseline", why) for name, why in unfit.items()}
    jobs = [Job(host, "flush", zone=flush.zone) for host in hosts if host.name not in unfit]
    deadline = flush.playbook.host_deadline.total_seconds()
    results = send(means, flush.id, jobs, deadline=deadline, stoppable=True)
    begun = {name: result for name, result in results.items() if result.outcome != "stopped"}
    told |= {name: (r.outcome, r.rule, r.message) for name, r in begun.items()}
    flushed = [host for host in hosts if host.name in begun and told[host.name][0] == "flushed"]
    for name, complaint in _verified(means, flush, flushed).items():
        told[name] = ("flushed", UNVERIFIED, complaint)
    return told


def _verified(means: Means, flush: Flush, hosts: Sequence[Host]) -> dict[str, str]:
    """Ask the flushed resolvers themselves; complaints by host name."""
    complaints = not_cured(
        means, flush.zone, flush.names, flush.playbook, hosts, secure=flush.secure
    )
    verified = [host.name for host in hosts if host.name not in complaints]
    data = {"hosts": verified, "complaints": complaints}
    means.journal.append(_event(means, flush, Kind.WAVE_VERIFIED, data))
    for name, complaint in complaints.items():
        means.say(f"{name}: does not verify: {complaint}")
    return complaints


def _trouble(flush: Flush, told: Mapping[str, Told], *, canary: bool, proven: bool) -> str:
    """Why no other host is to be flushed, or "". `proven`: every canary has had its turn."""
    failed = {n: rule or state for n, (state, rule, _) in told.items() if (state, rule) != _CURED}
    uncured = [name for name, rule in failed.items() if rule == UNVERIFIED]
    if canary and uncured:
        return f"a flush does not cure {named(uncured)}"
    if proven and len(failed) == len(told):
        return "no canary could be flushed"
    budget = flush.playbook.budget
    if counted(budget, failed.values()) <= budget.failed_hosts:
        return ""
    names = ", ".join(f"{name} ({rule})" for name, rule in failed.items())
    return f"the failure budget of {budget.failed_hosts} is spent: {names}"


_CURED = ("flushed", "")


def _ending(flush: Flush, told: Mapping[str, Told], why: str) -> Ending:
    states = {state for state, _, _ in (*flush.left.values(), *told.values())}
    tests: tuple[tuple[bool, Ending], ...] = (
        ("stuck" in states, "person-needed"),
        (bool(told) and not states & {"flushed", "unknown"}, "nothing-changed"),
        (any(rule == UNVERIFIED for _, rule, _ in told.values()), "uncured"),
        (bool(why), "person-needed"),
        ("left-alone" in states, "uncured"),
        (bool(states - {"flushed", "sound"}), "pending"),
        (bool(told), "done"),
    )
    return next((name for is_so, name in tests if is_so), "nothing-to-do")


def _event(means: Means, flush: Flush, kind: Kind, data: dict[str, Any]) -> Event:
    about = {"zone": flush.zone} if kind is not Kind.WAVE_VERIFIED else {}
    return Event(at=means.clock(), kind=kind, plan=flush.id, by=means.by, data={**about, **data})
