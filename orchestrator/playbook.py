"""Policy as values: what to probe, waves, budget, lifetimes, hold-down, approvals, who is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from orchestrator.model import Length, Value, Zone

Wave = Annotated[str, StringConstraints(pattern=r"^(canary|rest|[1-9][0-9]*%?)$")]


class Probe(Value):
    """What a check asks beside the fixed set: rounds, their spacing, children to look at."""

    rounds: Annotated[int, Field(ge=1, le=20)] = 3
    every: Length = timedelta(seconds=1)
    timeout: Length = timedelta(seconds=2)
    names: tuple[Zone, ...] = ()


class Controls(Value):
    """Zones the resolvers must go on judging rightly while an NTA stands (DESIGN rule 5)."""

    healthy: Zone
    bogus: Zone


class Budget(Value):
    """How many hosts may fail over all waves together, an absolute number, never a share.

    A host that is unreachable, drifted, refused or not ours counts as failed unless
    `count_unreachable` is off, which leaves out the unreachable ones only.
    """

    failed_hosts: Annotated[int, Field(ge=0)] = 2
    count_unreachable: bool = True
    on_breach: Literal["take_back", "hold"] = "take_back"


class Approvals(Value):
    """Who must say yes: how many different people, and whether the creator may be one."""

    required: Annotated[int, Field(ge=1, le=5)] = 1
    creator_may_approve: bool = True


class Notify(Value):
    """A command that gets each event as one JSON object on stdin; empty: nobody is told."""

    command: tuple[str, ...] = ()
    timeout: Length = timedelta(seconds=10)


class Playbook(Value):
    """One policy. `aftercare` is how long a reverted zone is still watched."""

    name: str
    probe: Probe = Probe()
    controls: Controls
    waves: tuple[Wave, ...] = ("canary", "rest")
    budget: Budget = Budget()
    lifetime: Length = timedelta(hours=4)
    plan_expires: Length = timedelta(minutes=15)
    hold_down: Length = timedelta(minutes=30)
    bake: Length = timedelta(minutes=5)
    aftercare: Length = timedelta(hours=24)
    host_deadline: Length = timedelta(seconds=60)
    workers: Annotated[int, Field(ge=1, le=128)] = 32
    approvals: Approvals = Approvals()
    notify: Notify = Notify()
