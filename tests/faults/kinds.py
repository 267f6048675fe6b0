"""The kinds of faults: what strikes, and how it is taken away again."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import Run

from faults.bench import BUDGETS, Bench, Child
from faults.hosts import DISK, DROPINS, PLACES, BenchHost

# How many moments a transaction has that nothing disturbs; a journal step counts twice.
STEPS = {"apply": 20, "revert": 18}
COMMANDS = {
    ("apply", True): 130,
    ("apply", False): 84,
    ("revert", True): 113,
    ("revert", False): 79,
}
BYTES = 31_700
GREETINGS = 6_000  # bytes, a little more than go over before a program is sent
WAVES = 2
HOSTS = 4
STEP, COMMAND, BYTE, SENT = "step", "command", "byte", "sent"
ANY = (STEP, COMMAND, BYTE)


@dataclass(frozen=True)
class Draw:
    """Everything that chance decides about a round; a function of the seed alone."""

    seed: int
    kind: Kind
    variant: str
    action: str
    host: int
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

    `strike` gives words for the log; `restarts`: the struck host's resolver starts anew, so it
    forgets what was set by hand at run time; `share` is how often it is drawn.
    """

    name: str
    strike: Callable[[Scene], str]
    lift: Callable[[Scene], None] = nothing
    moments: tuple[str, ...] = ANY
    actions: tuple[str, ...] = ("apply", "apply", "revert")
    variants: tuple[str, ...] = ("",)
    restarts: bool = False
    share: int = 2
    lifetime: str = "1h"


def draw(seed: int) -> Draw:
    """The round of a seed."""
    chance = random.Random(seed)
    kind = chance.choices(KINDS, [kind.share for kind in KINDS])[0]
    action, moment = chance.choice(kind.actions), chance.choice(kind.moments)
    host = chance.randrange(HOSTS)
    commands = COMMANDS[action, host < HOSTS // 2]  # the first ones run Unbound
    most = {STEP: STEPS[action], COMMAND: commands, BYTE: BYTES, SENT: WAVES}[moment]
    least = GREETINGS if kind.name == "paused" and moment == BYTE else 1
    return Draw(
        seed=seed,
        kind=kind,
        variant=chance.choice(kind.variants),
        action=action,
        host=host,
        moment=moment,
        at=chance.randint(least, most),
        number=chance.random(),
        budget=chance.choice(BUDGETS),
    )


def cut(scene: Scene) -> str:
    stay = scene.draw.variant == "stays"
    scene.bench.wire.cut(scene.host.name, stay=stay)
    return f"connections to {scene.host.name} cut{', no new ones' if stay else ''}"


def splice(scene: Scene) -> None:
    scene.bench.wire.shut.discard(scene.host.name)


def kill_operator(scene: Scene) -> str:
    os.kill(scene.child.process.pid, signal.SIGKILL)
    return "operator killed"


def kill_sshd(scene: Scene) -> str:
    scene.host.kill("sshd")
    return f"sshd and its sessions killed on {scene.host.name}"


def start_sshd(scene: Scene) -> None:
    scene.host.service("sshd", "restart")


def kill_resolver(scene: Scene) -> str:
    scene.host.kill("resolver")
    return f"resolver killed on {scene.host.name}"


def start_resolver(scene: Scene) -> None:
    scene.host.service("resolver", "start")


def restart_resolver(scene: Scene) -> str:
    if scene.draw.variant == "restart":
        scene.host.service("resolver", "restart")
    else:
        reload = {"unbound": "unbound-control reload", "bind": "rndc reload"}
        scene.host.sh(reload[scene.host.engine], check=False)
    return f"{scene.draw.variant} of the resolver on {scene.host.name}"


def fill_disk(scene: Scene) -> str:
    left = int(scene.draw.number * 3) * 4096  # a few files still find room
    scene.host.sh(
        f"cat /dev/zero >{DISK}/filler 2>/dev/null; size=$(stat -c %s {DISK}/filler);"
        f" truncate -s $((size - {left})) {DISK}/filler"
    )
    return f"disk full on {scene.host.name} but for {left} bytes"


def free_disk(scene: Scene) -> None:
    scene.host.sh(f"rm -f {DISK}/filler")


def _place(scene: Scene) -> str:
    return {**PLACES, "config": DROPINS[scene.host.engine]}[scene.draw.variant]


def make_read_only(scene: Scene) -> str:
    scene.host.sh(
        f"for n in 1 2 3 4 5; do mount -o remount,bind,ro {_place(scene)} && break; sleep 0.1; done"
    )
    return f"{_place(scene)} read-only on {scene.host.name}"


def make_writable(scene: Scene) -> None:
    scene.host.sh(f"mount -o remount,bind,rw {_place(scene)}")


def break_checker(scene: Scene) -> str:
    if scene.draw.variant == "fails":
        (scene.host.run_folder / "checker").touch()
    else:
        scene.host.sh(f"echo 'nonsense {{' >>{_foreign_file(scene)}")
    return f"checker of {scene.host.name} fails ({scene.draw.variant})"


def mend_checker(scene: Scene) -> None:
    (scene.host.run_folder / "checker").unlink(missing_ok=True)
    if scene.draw.variant == "nonsense":
        scene.host.sh(f"sed -i '/^nonsense {{/d' {_foreign_file(scene)}")


def _foreign_file(scene: Scene) -> str:
    return {
        "unbound": "/etc/unbound/unbound.conf.d/site.conf",
        "bind": "/etc/bind/named.conf.local",
    }[scene.host.engine]


def slow_down(scene: Scene) -> str:
    seconds = 1 + 3 * scene.draw.number
    if scene.draw.variant == "held":
        time.sleep(seconds)
        return f"held for {seconds:.1f} s"
    scene.host.sh(f"{_EACH_RESOLVER} kill -STOP ${{p#/proc/}};; esac; done; true")
    scene.host.begin(f"sleep {seconds}; {_EACH_RESOLVER} kill -CONT ${{p#/proc/}};; esac; done")
    return f"resolver of {scene.host.name} stopped for {seconds:.1f} s"


_EACH_RESOLVER = "for p in /proc/[0-9]*; do case $(cat $p/comm 2>/dev/null) in unbound|named)"


def speed_up(scene: Scene) -> None:
    scene.host.sh(f"{_EACH_RESOLVER} kill -CONT ${{p#/proc/}};; esac; done; true")


def shift_clock(scene: Scene) -> str:
    far = int(70 + 10 ** (2 + 4 * scene.draw.number))
    offset = far if scene.draw.variant == "ahead" else -far
    (scene.host.run_folder / "clock").write_text(f"{offset}\n")
    return f"clock of {scene.host.name} {offset:+d} s"


def set_clock(scene: Scene) -> None:
    (scene.host.run_folder / "clock").unlink(missing_ok=True)


def second_operator(scene: Scene) -> str:
    """Another one at the same moment: the same plan from the same state, or from a state of his."""
    other = scene.folder / "other"
    other.mkdir()
    if scene.draw.variant == "same-state":
        state, plan = scene.state, scene.folder / "plan.json"
    else:
        state, plan = scene.folder / "state-other", scene.folder / "plan-other.json"
    running = scene.bench.start(state, other, "0", "apply", str(plan), "--json")
    scene.others.append((scene.draw.variant, state, running))
    time.sleep(2 * scene.draw.number)
    return "a second operator began to apply"


def take_over(scene: Scene) -> str:
    """The operator sleeps; another, who has his journal, takes the NTA out; he wakes up.

    A program that is on its way then does not come through, so that he sends it once more.
    """
    os.kill(scene.child.process.pid, signal.SIGSTOP)
    state = scene.copy_of_state()
    done = scene.bench.ntactl(state, "revert", scene.nta, "--yes", "--json")
    scene.others.append(("revert", state, done))
    if scene.draw.moment == BYTE:
        scene.bench.wire.cut(scene.host.name, stay=False)
    os.kill(scene.child.process.pid, signal.SIGCONT)
    return f"operator stopped, another one reverted (exit {done.code}), operator woken"


def keep_copy(scene: Scene) -> str:
    """The journal as it is now comes back after the end, as from a backup."""
    scene.others.append(("again", scene.copy_of_state(), Run(0, "", "")))
    return "journal copied, to apply from it again after the end"


def leave_alone(scene: Scene) -> str:
    """The operator dies for good; the guards are alone with what happens to their resolver."""
    os.kill(scene.child.process.pid, signal.SIGKILL)
    if scene.draw.variant == "resolver-down":
        scene.host.kill("resolver")
    if scene.draw.variant == "resolver-restarted":
        scene.host.service("resolver", "restart")
    return f"operator killed for good ({scene.draw.variant or 'nothing else'})"


ONLY = ("apply",)
KINDS = (
    Kind("cut", cut, splice, moments=(BYTE,), variants=("once", "stays"), share=4),
    Kind("kill-operator", kill_operator, share=4),
    Kind("kill-sshd", kill_sshd, start_sshd),
    Kind("kill-resolver", kill_resolver, start_resolver, restarts=True),
    Kind("reload", restart_resolver, variants=("restart", "reload"), restarts=True),
    Kind("disk-full", fill_disk, free_disk, moments=(COMMAND, COMMAND, STEP)),
    Kind(
        *("read-only", make_read_only, make_writable),
        moments=(COMMAND, COMMAND, STEP),
        variants=("ntactl", "cron", "config"),
    ),
    Kind("checker", break_checker, mend_checker, variants=("fails", "nonsense")),
    Kind("slow", slow_down, speed_up, variants=("held", "resolver")),
    Kind("clock", shift_clock, set_clock, variants=("ahead", "behind")),
    Kind("two-operators", second_operator, actions=ONLY, variants=("same-state", "own-state")),
    Kind("paused", take_over, moments=(SENT, BYTE), actions=ONLY),
    Kind("twice", keep_copy, moments=(STEP,), actions=ONLY, share=1),
    Kind(
        *("dead", leave_alone),
        actions=ONLY,
        variants=("", "resolver-down", "resolver-restarted", "cron"),
        lifetime="7s",
    ),
)
