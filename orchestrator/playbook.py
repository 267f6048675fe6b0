"""Policy as values: what to probe, waves, budget, lifetimes, hold-down, approvals, who is told."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from orchestrator.errors import BadInput
from orchestrator.model import Length, Value, Zone
from orchestrator.names import length_text

LONGEST = timedelta(days=7)  # what BIND allows, and more than any TLD ever needed


def lifetime(value: timedelta) -> timedelta:
    """Give the lifetime of an NTA back if it is over 0 and at most 7 days. Raises BadInput."""
    if value <= timedelta(0):
        raise BadInput("an NTA needs an end: a lifetime of 0 is refused", next_step="say 4h")
    if value > LONGEST:
        raise BadInput(
            f"a lifetime of {length_text(value)} is refused: an NTA lives 7d at most",
            next_step="say 4h; `ntactl renew` gives a new end while it is needed",
        )
    return value


def _some(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("must be longer than 0")
    return value


def _short(value: timedelta) -> timedelta:
    if value > timedelta(hours=1):
        raise ValueError("must be 1h at most")
    return value


def _wave_order(waves: tuple[str, ...]) -> tuple[str, ...]:
    if waves[:1] != ("canary",) or "canary" in waves[1:]:
        raise ValueError("the first wave must be 'canary', and no other")
    if waves[-1] != "rest" or "rest" in waves[:-1]:
        raise ValueError("the last wave must be 'rest', and no other: hosts would be left out")
    if wrong := [w for w in waves if w.endswith("%") and int(w[:-1]) > 100]:
        raise ValueError(f"a wave of {wrong[0]} is more than the fleet")
    return waves


Lifetime = Annotated[Length, AfterValidator(lifetime)]
Positive = Annotated[Length, AfterValidator(_some)]
Wave = Annotated[str, StringConstraints(pattern=r"^(canary|rest|[1-9][0-9]*%?)$")]
Waves = Annotated[tuple[Wave, ...], AfterValidator(_wave_order)]
Share = Annotated[str, StringConstraints(pattern=r"^([1-9][0-9]?|100)%$")]


class Probe(Value):
    """What a check asks beside the fixed set: rounds, their spacing, children to look at."""

    rounds: Annotated[int, Field(ge=1, le=20)] = 3
    every: Annotated[Length, AfterValidator(_short)] = timedelta(seconds=1)
    timeout: Annotated[Positive, AfterValidator(_short)] = timedelta(seconds=2)
    names: tuple[Zone, ...] = ()


class Controls(Value):
    """Zones the resolvers must go on judging rightly while an NTA stands (DESIGN rule 5)."""

    healthy: Zone
    bogus: Zone

    @model_validator(mode="after")
    def _two_zones(self) -> Self:
        if self.healthy == self.bogus:
            raise ValueError(f"{self.healthy} cannot be both the healthy and the bogus zone")
        return self


class Budget(Value):
    """How many hosts may fail over all waves together, an absolute number, never a share.

    A host that is unreachable, drifted, refused or not ours counts as failed unless
    `count_unreachable` is off, which leaves out the unreachable ones only.
    """

    failed_hosts: Annotated[int, Field(ge=0)] = 2
    count_unreachable: bool = True
    on_breach: Literal["take_back", "hold"] = "take_back"


class Approvals(Value):
    """Who must say yes: how many different people, and whether the creator may be one.

    `allowed_signers` is OpenSSH's file of whose signatures count; a relative path starts at the
    playbook's folder. With `exempt_labs` one yes is enough on a lab.
    """

    required: Annotated[int, Field(ge=1, le=5)] = 1
    creator_may_approve: bool = True
    allowed_signers: Path | None = None
    exempt_labs: bool = False


class Notify(Value):
    """A command that gets each event as one JSON object on stdin; empty: nobody is told."""

    command: tuple[str, ...] = ()
    timeout: Positive = timedelta(seconds=10)


class Playbook(Value):
    """One policy. `aftercare` is how long a reverted zone is still watched.

    `site_share` is how much of one site a wave may take (rounded down, one host at least).
    """

    name: str
    probe: Probe = Probe()
    controls: Controls
    waves: Waves = ("canary", "rest")
    site_share: Share = "50%"
    budget: Budget = Budget()
    lifetime: Lifetime = timedelta(hours=4)
    plan_expires: Positive = timedelta(minutes=15)
    hold_down: Length = timedelta(minutes=30)
    bake: Length = timedelta(minutes=5)
    aftercare: Length = timedelta(hours=24)
    host_deadline: Positive = timedelta(seconds=60)
    workers: Annotated[int, Field(ge=1, le=128)] = 32
    approvals: Approvals = Approvals()
    notify: Notify = Notify()


def load_playbook(path: Path) -> Playbook:
    """Read a policy from the YAML file at `path`. Raises BadFile with file, line and field."""
    from orchestrator import yamlfile

    book = yamlfile.load(path, Playbook)
    signers = book.approvals.allowed_signers
    if signers is None:
        return book
    whole = path.parent.absolute() / signers.expanduser()
    approvals = book.approvals.model_copy(update={"allowed_signers": whole})
    return book.model_copy(update={"approvals": approvals})


def packaged_playbook() -> Path:
    """The playbook for TLDs that ships with ntactl: in the wheel, else in the checkout."""
    package = Path(__file__).parent
    shipped = package / "_playbooks" / "tld-nta.yaml"
    return shipped if shipped.exists() else package.parent / "playbooks" / "tld-nta.yaml"
