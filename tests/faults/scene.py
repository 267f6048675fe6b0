"""What a round is made of: its fault with all that was drawn, and the scene while it is played."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import Run

from faults.bench import Bench, Child
from faults.hosts import BenchHost

# Moments: a journal step, a tool that a host's program calls, one of those from where it begins to
# write what it may have to take back, a byte on the wire, a wave just written down as sent.
STEP, COMMAND, BEGUN, BYTE, SENT = "step", "command", "begun", "byte", "sent"
ANY = (STEP, COMMAND, BYTE)


@dataclass(frozen=True)
class Draw:
    """Everything that chance decides about a round; a function of the seed alone."""

    seed: int
    kind: Kind
    variant: str
    action: str
    host: str
    moment: str
    at: int
    number: float
    budget: int

    @property
    def restarts(self) -> bool:
        """Does the struck host's resolver start anew, and forget what was set at run time?"""
        return self.kind.restarts or self.variant.startswith("resolver-")

    def __str__(self) -> str:
        variant = f"/{self.variant}" if self.variant else ""
        return f"{self.kind.name}{variant} in {self.action}"


@dataclass
class Scene:
    """One round while it is played. `plan` is its content, `others` what other operators did."""

    bench: Bench
    draw: Draw
    folder: Path
    host: BenchHost
    child: Child
    plan: dict[str, Any]
    others: list[tuple[str, Path, Run | Child]] = field(default_factory=list)

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def nta(self) -> str:
        return str(self.plan["ntas"][0]["id"])

    def copy_of_state(self) -> Path:
        """The state as another machine has it: a backup, or a replica."""
        copy = self.folder / "state-copy"
        shutil.copytree(self.state, copy, ignore=shutil.ignore_patterns("lock*"))
        return copy


def nothing(_scene: Scene) -> None:
    """Nothing to take away."""


@dataclass(frozen=True)
class Kind:
    """One kind of fault.

    `strike` gives words for the log, "" when there was nothing to strike; `restarts`: the struck
    host's resolver starts anew, so it forgets what was set by hand at run time; `share` is how
    often it is drawn, `lifetime` the NTA's in seconds.
    """

    name: str
    strike: Callable[[Scene], str]
    lift: Callable[[Scene], None] = nothing
    moments: tuple[str, ...] = ANY
    actions: tuple[str, ...] = ("apply", "apply", "revert")
    variants: tuple[str, ...] = ("",)
    restarts: bool = False
    share: int = 2
    lifetime: int = 3600
