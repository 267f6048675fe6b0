"""A plan: what would change on which host, as a value that is reviewed, approved and applied once.

`make` is pure. A plan carries all that apply needs - hosts, playbook, evidence, each host's diff -
so what was reviewed is what happens, and its digest covers everything but the approvals.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from pydantic import ConfigDict, Field

from orchestrator.errors import BadInput, Refused
from orchestrator.fleet.inventory import Host, Inventory
from orchestrator.model import HostReading, Length, Remedy, State, Time, Value, Verdict
from orchestrator.names import length_text, under
from orchestrator.playbook import Playbook
from orchestrator.rollout import override
from orchestrator.rollout.transaction import LONGEST_ID, Change, NtaOrder, change, objection
from orchestrator.rollout.waves import canary_waves, split

LONGEST = timedelta(days=7)  # RFC 7646 section 4
_PLAIN = re.compile(r"([a-z0-9]+\.)+|xn--[a-z0-9-]+\.")  # no two give one name with dots as "-"
BROKEN_ON_PURPOSE = frozenset({"dnssec-failed.org.", "rhybar.cz.", "sigfail.verteiltesysteme.net."})

Mode = Literal["nta", "config", "override"]


class PlannedHost(Value):
    """One host: its change, or the rule by which it is left alone.

    `fails_all`, in an override's plan: it fails a name that is sound, and resolves it with CD.
    """

    host: Host
    change: Change | None = None
    rule: str = ""
    message: str = ""
    version: str = ""
    fails_all: bool = False


class Approval(Value):
    """Who said yes to which digest, and what they had considered (RFC 7646 section 2).

    `signature` is over all of the rest (rollout/signature.py).
    """

    by: str
    at: Time
    digest: str
    attack_considered: str = "unstated"
    operator_contacted: str = "unstated"
    signature: str = ""


class Preview(Value):
    """What another mode would do to one engine; shown, never applied."""

    engine: str
    text: str
    commands: tuple[str, ...]
    dangers: tuple[str, ...]


class Plan(Value):
    """The file `ntactl plan --out` writes (contract: schema "ntactl/plan/1")."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_name: Literal["ntactl/plan/1"] = Field("ntactl/plan/1", alias="schema")
    id: str
    action: Literal["apply", "renew"] = "apply"
    mode: Mode = "nta"
    adopt: bool = False
    created_at: Time
    created_by: str
    expires_at: Time
    reason: str
    ticket: str = ""
    lab: bool = False
    lifetime: Length
    ntas: tuple[NtaOrder, ...]
    verdicts: tuple[Verdict, ...]
    hosts: tuple[PlannedHost, ...]
    waves: tuple[tuple[str, ...], ...]
    playbook: Playbook
    warnings: tuple[str, ...] = ()
    previews: tuple[Preview, ...] = ()
    digest: str = ""
    approvals: tuple[Approval, ...] = ()

    def to_json(self) -> str:
        """The file's text."""
        return self.model_dump_json(by_alias=True, indent=2) + "\n"

    def planned(self, name: str) -> PlannedHost:
        """One host by name. Raises KeyError."""
        for planned in self.hosts:
            if planned.host.name == name:
                return planned
        raise KeyError(name)

    @property
    def overrides(self) -> bool:
        """Does it switch validation off?"""
        return override.overrides(self.mode, [nta.zone for nta in self.ntas])

    @property
    def deadline(self) -> float:
        """Seconds for the whole change on one host."""
        return self.playbook.host_deadline.total_seconds()

    def canary_waves(self) -> tuple[tuple[str, ...], ...]:
        """The first of `waves`, in which every engine and site has its first host."""
        return canary_waves([planned.host for planned in self.hosts], self.waves)

    def left_alone(self) -> tuple[PlannedHost, ...]:
        """Hosts without a change."""
        return tuple(planned for planned in self.hosts if planned.change is None)


class Request(Value):
    """What a person asked for."""

    zones: tuple[str, ...]
    reason: str
    ticket: str = ""
    lifetime: timedelta
    mode: Mode = "nta"
    adopt: bool = False
    created_by: str


def digest_of(plan: Plan) -> str:
    """SHA-256 over the plan's canonical JSON, without its digest and approvals."""
    content = plan.model_dump(mode="json", by_alias=True, exclude={"digest", "approvals"})
    if not plan.adopt:  # plans from before there were such keep their digest
        del content["adopt"]
        for host in content["hosts"]:
            (host["change"] or {}).pop("adopt", None)
    for host in content["hosts"]:  # the same
        if not plan.overrides:
            del host["fails_all"]
        if not host["host"]["instance"]:
            del host["host"]["instance"]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def sealed(plan: Plan) -> Plan:
    """The plan with its digest."""
    return plan.model_copy(update={"digest": digest_of(plan)})


def usual_lifetime(mode: Mode, zones: Sequence[str], playbook: Playbook) -> timedelta:
    """How long it lasts where nobody says."""
    if override.overrides(mode, zones):
        return min(playbook.lifetime, override.LONGEST)
    return playbook.lifetime


def check_request(request: Request, playbook: Playbook) -> None:
    """Refuse what no plan may ask for. Raises BadInput or Refused."""
    if not request.zones:
        raise BadInput("no zone given", next_step='ntactl plan de. -i INVENTORY --reason "..."')
    if not request.reason.strip():
        raise BadInput("an NTA needs a reason", next_step='--reason "why, in a line"')
    off = override.overrides(request.mode, request.zones)
    check_lifetime(request.lifetime, off=off)
    if off and (len(request.zones) > 1 or request.adopt):
        raise BadInput("an override is a plan of its own", next_step=override.COMMAND)
    for zone in request.zones if not off else ():
        _check_zone(zone, playbook)


def check_lifetime(lifetime: timedelta, *, off: bool = False) -> None:
    """An NTA ends, and within a week (RFC 7646 section 4), an override (`off`) sooner.

    Raises BadInput or Refused.
    """
    if lifetime <= timedelta(0):
        raise BadInput("a lifetime of 0 is no lifetime", next_step="give one like --for 4h")
    if off:
        override.check_lifetime(lifetime)
    if lifetime > LONGEST:
        raise Refused(
            "lifetime",
            f"{length_text(lifetime)} is longer than 7 days (RFC 7646 section 4)",
            next_step="ask for hours, and renew when it is needed: --for 4h",
        )


def _check_zone(zone: str, playbook: Playbook) -> None:
    if zone == ".":
        raise Refused(
            "root-zone",
            "an NTA for the root would switch validation off everywhere",
            next_step=f"for nothing but a root that is broken: {override.COMMAND}",
        )
    if zone in BROKEN_ON_PURPOSE or zone == playbook.controls.bogus:
        raise Refused("broken-on-purpose", f"{zone} is bogus on purpose, so that tests can tell")
    for control in (playbook.controls.healthy, playbook.controls.bogus):
        if under(control, zone):
            raise Refused(
                "control-under-nta",
                f"the control {control} lies under {zone} and could not tell anything any more",
                next_step="name another control zone in the playbook",
            )


def make(
    request: Request,
    *,
    plan_id: str,
    now: datetime,
    verdicts: Sequence[Verdict],
    inventory: Inventory,
    playbook: Playbook,
    readings: Mapping[str, HostReading],
    faults: Mapping[str, tuple[str, str]],
    previews: Sequence[Preview] = (),
    failing: Collection[str] = (),
) -> Plan:
    """Put a plan together from what was asked and what was seen. Nothing is changed anywhere.

    `readings` are the hosts that answered; `faults` are (rule, message) of those that did not or
    whose probes fell through; `failing` hosts fail names that are sound. Raises BadInput or
    Refused for what no plan may ask for.
    """
    check_request(request, playbook)
    now = now.replace(microsecond=0)
    ends_at = now + request.lifetime
    ntas = tuple(NtaOrder(id=_nta_id(z, plan_id), zone=z, ends_at=ends_at) for z in request.zones)
    planned = (
        _planned(host, ntas, readings.get(host.name), faults.get(host.name), adopt=request.adopt)
        for host in inventory.hosts
    )
    hosts = tuple(p.model_copy(update={"fails_all": p.host.name in failing}) for p in planned)
    changing = [p.host for p in hosts if p.change is not None]
    plan = Plan(
        id=plan_id,
        mode=request.mode,
        adopt=request.adopt,
        created_at=now,
        created_by=request.created_by,
        expires_at=now + playbook.plan_expires,
        reason=request.reason,
        ticket=request.ticket,
        lab=inventory.lab,
        lifetime=request.lifetime,
        ntas=ntas,
        verdicts=tuple(verdicts),
        hosts=hosts,
        waves=split(changing, playbook.waves, playbook.site_share),
        playbook=playbook,
        warnings=tuple(warnings(request, verdicts)),
        previews=tuple(previews),
    )
    return sealed(plan)


def _nta_id(zone: str, plan_id: str) -> str:
    """The zone's name, with a hash where that alone would not be its own or not fit."""
    if zone == ".":
        return f"root-{plan_id}"
    name = re.sub(r"[._]", "-", zone.removesuffix("."))
    room = LONGEST_ID - len(plan_id) - 1
    if _PLAIN.fullmatch(zone) and len(name) <= room:
        return f"{name}-{plan_id}"
    digest = hashlib.sha256(zone.encode()).hexdigest()[:12]
    return f"{name[: room - 13]}-{digest}-{plan_id}".lstrip("-")


def _planned(
    host: Host,
    ntas: Sequence[NtaOrder],
    reading: HostReading | None,
    fault: tuple[str, str] | None,
    *,
    adopt: bool,
) -> PlannedHost:
    left = why_left_alone(ntas, reading, fault, adopt=adopt)
    version = reading.version if reading else ""
    if left is not None or reading is None:
        rule, message = left or ("unreachable", "no answer")
        return PlannedHost(host=host, rule=rule, message=message, version=version)
    return PlannedHost(host=host, change=change(host, reading, ntas, adopt=adopt), version=version)


def why_left_alone(
    ntas: Sequence[NtaOrder],
    reading: HostReading | None,
    fault: tuple[str, str] | None,
    *,
    adopt: bool = False,
) -> tuple[str, str] | None:
    """The (rule, message) by which a host gets no change, or None when it may have one."""
    if fault is not None:
        return fault
    if reading is None:
        return ("unreachable", "no answer")
    return objection(reading, ntas, adopt=adopt)


def warnings(request: Request, verdicts: Sequence[Verdict]) -> list[str]:
    """What a reviewer should weigh; nothing here refuses."""
    found = [
        f"{zone} is no top-level domain: an NTA belongs at the lowest name that cures"
        for zone in request.zones
        if zone.count(".") > 1
    ]
    if override.overrides(request.mode, request.zones):
        return found + override.warnings(verdicts)
    found += [
        f"{verdict.zone} is {verdict.state.value}, remedy {verdict.remedy.value}: "
        f"apply will refuse this plan{_unless(verdict)} ({verdict.remedy_reason})"
        for verdict in verdicts
        if not calls_for_nta(verdict)
    ]
    if request.adopt:
        found.append(
            "it takes over NTAs that others set: they get this reason, this end and a guard"
        )
    if request.mode != "nta":
        found.append(f"--mode {request.mode} is a preview: apply will refuse this plan")
    if request.mode == "override":
        found.append(f"an override is for the root: {override.COMMAND}")
    return found


def _unless(verdict: Verdict) -> str:
    return " without --accept verdict" if verdict.state is State.BOGUS else ""


def calls_for_nta(verdict: Verdict) -> bool:
    """Only a bogus zone whose data are sound is helped by an NTA.

    Where only some children are bad ("nta-child"), it belongs on each of those, not on the zone.
    """
    return verdict.state is State.BOGUS and verdict.remedy is Remedy.NTA


def budget_sentence(playbook: Playbook) -> str:
    """The failure budget in one sentence, as a plan prints it."""
    budget = playbook.budget
    counted = (
        "a host counts when it fails, is refused, has drifted, is not ours or is unreachable"
        if budget.count_unreachable
        else "a host counts when it fails, is refused, has drifted or is not ours, "
        "not when it is unreachable"
    )
    then = (
        "every host is taken back" if budget.on_breach == "take_back" else "nothing more is touched"
    )
    return (
        f"At most {_hosts(budget.failed_hosts)} may fail over all waves together; {counted}; "
        f"one more, and {then}. A canary that fails or does not verify takes every host back."
    )


def share_sentence(playbook: Playbook) -> str:
    """How much of a site one wave may take, in one sentence, as a plan prints it."""
    return f"No wave takes more than {playbook.site_share} of one site's hosts, or one host."


def _hosts(count: int) -> str:
    return f"{count} host{'' if count == 1 else 's'}"
