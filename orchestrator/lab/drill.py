"""The whole incident on the lab, with real daemons: the commands an operator types, and the clock.

Every step runs the real command line inside the lab and shows it; nothing is pretended.
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.errors import LabError
from orchestrator.lab import lifecycle
from orchestrator.lab.ask import table
from orchestrator.lab.asked import Asked
from orchestrator.lab.folder import Folder, lab_root
from orchestrator.lab.hosts import DEFAULT
from orchestrator.model import ResolverView

ZONE = "de."
NTACTL = (sys.executable, "-m", "orchestrator")
PATIENCE = 60.0

Say = Callable[[str], None]


@dataclass
class Drill:
    """One run: the lab's folder, two ways to speak, and the timeline so far (seconds, what)."""

    folder: Folder
    head: Say
    say: Say
    started: float = field(default_factory=time.monotonic)
    timeline: list[tuple[float, str]] = field(default_factory=list)

    def mark(self, what: str) -> None:
        """Put a line on the timeline."""
        self.timeline.append((time.monotonic() - self.started, what))

    def inside(self, *argv: str) -> list[str]:
        """A command line that runs where the lab's addresses answer."""
        return [*NTACTL, "lab", "exec", "--", *argv]

    def ntactl(self, *argv: str, expect: Sequence[int] = (0,)) -> None:
        """Show and run one command; its output goes to the terminal. Raises LabError."""
        self.say(f"$ ntactl {shlex.join(argv)}")
        done = subprocess.run(self.inside("ntactl", *argv), env=self.environment(), check=False)
        if done.returncode not in expect:
            raise LabError(f"ntactl {argv[0]} ended with {done.returncode}, not {expect[0]}")

    def answer(self, *argv: str) -> Any:
        """Run one command inside and give the JSON it prints. Raises LabError."""
        done = subprocess.run(
            self.inside(*argv),
            env=self.environment(),
            check=False,
            stdout=subprocess.PIPE,
            text=True,
        )
        if not done.stdout.strip():
            raise LabError(f"{' '.join(argv)} said nothing (exit {done.returncode})")
        return json.loads(done.stdout)

    def views(self, names: Sequence[str]) -> list[ResolverView]:
        """What every resolver answers for the names, now."""
        told = self.answer(sys.executable, "-m", "orchestrator.lab.ask", *names)
        return [ResolverView(**view) for view in told]

    def environment(self) -> dict[str, str]:
        """The environment of this process, pointed at the drill's own lab."""
        return {**os.environ, "NTACTL_LAB": str(self.folder.root)}


def run(drill: Drill, scenario: str, *, yes: bool) -> None:
    """The incident from the first SERVFAIL to the last AD. Raises LabError where it falls short."""
    with lifecycle.leash(drill.folder):
        _bring_up(drill)
        _break(drill, scenario)
        _relieve(drill, yes=yes)
        _heal(drill)
    _print_timeline(drill)


def names(drill: Drill) -> list[str]:
    """The zone, unsigned and signed children, one never asked before, and the two controls."""
    told = lifecycle.status(drill.folder)
    fresh = f"{secrets.token_hex(3)}.spiegel.{ZONE}"
    zones = told["zones"]
    return [
        ZONE,
        f"www.amazon.{ZONE}",
        f"www.denic.{ZONE}",
        fresh,
        zones["control"],
        zones["bogus"],
    ]


def _bring_up(drill: Drill) -> None:
    drill.head("A miniature Internet: signed root, de. on four addresses, eight resolver hosts")
    lifecycle.up(drill.folder, Asked(DEFAULT))
    drill.mark("lab up")
    drill.say(table(drill.views(names(drill))))


def _break(drill: Drill, scenario: str) -> None:
    drill.head(f"{ZONE} breaks the way {scenario} did; caches run dry, resolvers answer SERVFAIL")
    lifecycle.break_zones(drill.folder, [ZONE], scenario, 1, keep_caches=True)
    drill.mark(f"{ZONE} breaks")
    seen = _until(drill, _is_failing, "the resolvers to fail")
    drill.mark("clients see SERVFAIL")
    drill.say(table(seen))


def _relieve(drill: Drill, *, yes: bool) -> None:
    plan = drill.folder.root / "drill-plan.json"
    drill.head("Is it us? What exactly is broken, at every address of every name server?")
    drill.ntactl("check", ZONE, expect=(10, 11))
    drill.mark("proved")
    drill.head("What would change on which host? A dry run: nothing is written")
    reason = "drill: rehearsing a broken TLD"
    drill.ntactl("plan", ZONE, "--reason", reason, "--out", str(plan))
    drill.mark("planned")
    drill.head("A person says yes")
    considered = ("--attack-considered", "a drill", "--operator-contacted", "a drill")
    drill.ntactl("approve", str(plan), *considered, *(["--yes"] if yes else []))
    drill.mark("approved")
    drill.head("Push: canary, verify, the rest, verify")
    drill.ntactl("apply", str(plan), "--yes")
    drill.mark("applied and verified on every host")
    seen = drill.views(names(drill))
    drill.say(table(seen))
    _expect(_is_relieved(seen), "names to resolve without AD, the controls to be as they were")


def _heal(drill: Drill) -> None:
    drill.head(f"{ZONE} is mended; `watch` waits for a clean hold-down, reverts a canary, the rest")
    lifecycle.heal_zones(drill.folder, [ZONE], keep_caches=True)
    drill.mark(f"{ZONE} is whole again")
    _watch_until_gone(drill)
    drill.mark("NTA gone from every host")
    seen = _until(drill, _is_validated, "validation to be back")
    drill.mark("AD is back")
    drill.say(table(seen))


def _watch_until_gone(drill: Drill) -> None:
    drill.say("$ ntactl watch --once   # each second")
    said = ""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        told = drill.answer("ntactl", "watch", "--once", "--json")["ntas"]
        line = told[0]["said"] if told else ""
        if line and _gist(line) != _gist(said):
            drill.say(f"  {line}")
        if not told or line.endswith("gone from every host"):
            return
        said = line
        time.sleep(1)
    raise LabError(f"the NTA is still there after {PATIENCE:.0f} s: {said}")


def _gist(sentence: str) -> str:
    """A sentence without the seconds that change in it."""
    return sentence.split(" for ", maxsplit=1)[0]


def _until(
    drill: Drill, good: Callable[[Sequence[ResolverView]], bool], what: str
) -> list[ResolverView]:
    until = time.monotonic() + PATIENCE
    while True:
        seen = drill.views(names(drill))
        if good(seen):
            return seen
        _expect(time.monotonic() < until, what)
        time.sleep(0.5)


def _in_zone(seen: Sequence[ResolverView]) -> list[ResolverView]:
    return [view for view in seen if view.name.endswith(ZONE)]


def _is_failing(seen: Sequence[ResolverView]) -> bool:
    hosts = {view.host for view in seen}
    return hosts == {view.host for view in _in_zone(seen) if view.rcode == "SERVFAIL"}


def _is_relieved(seen: Sequence[ResolverView]) -> bool:
    return _controls_hold(seen) and all(v.rcode == "NOERROR" and not v.ad for v in _in_zone(seen))


def _is_validated(seen: Sequence[ResolverView]) -> bool:
    signed = {ZONE, f"www.denic.{ZONE}"}
    return _controls_hold(seen) and all(
        view.rcode == "NOERROR" and view.ad is (view.name in signed) for view in _in_zone(seen)
    )


def _controls_hold(seen: Sequence[ResolverView]) -> bool:
    others = [view for view in seen if not view.name.endswith(ZONE)]
    return all(v.rcode == "SERVFAIL" if v.name == "bogus." else v.ad for v in others)


def _expect(so: bool, what: str) -> None:
    if not so:
        raise LabError(f"waited in vain for {what}", next_step="ntactl drill, once more")


def _print_timeline(drill: Drill) -> None:
    drill.head("Timeline")
    before = 0.0
    for at, what in drill.timeline:
        drill.say(f"  {at:6.1f} s  {f'+{at - before:.1f} s':>8}  {what}")
        before = at


def folder_of_drill() -> Folder:
    """A drill has a lab of its own, so that one that stands already is left alone."""
    lab = lab_root()
    return Folder(lab.with_name(f"{lab.name}-drill"))
