"""The kinds of faults there are, and what a seed draws of them.

A kind more, or a moment more in one, and seeds mean other rounds: what was found stands in
regressions.toml as whole draws.
"""

from __future__ import annotations

import random

from faults import strikes
from faults.bench import BUDGETS, HOSTS
from faults.scene import ANY, BEGUN, BYTE, COMMAND, SENT, STEP, Draw, Kind

# How many moments a transaction has that nothing disturbs (--count); a journal step counts twice.
STEPS = {"apply": 20, "revert": 18}
COMMANDS = {
    (COMMAND, "apply", "unbound"): 130,
    (COMMAND, "apply", "bind"): 84,
    (COMMAND, "revert", "unbound"): 113,
    (COMMAND, "revert", "bind"): 79,
    (BEGUN, "apply", "unbound"): 49,
    (BEGUN, "apply", "bind"): 33,
    (BEGUN, "revert", "unbound"): 50,
    (BEGUN, "revert", "bind"): 30,
}
BYTES = 31_700
GREETINGS = 6_000  # bytes, a little more than go over before a program is sent
WAVES = 2

ONLY = ("apply",)
KINDS = (
    Kind("cut", strikes.cut, strikes.splice, moments=(BYTE,), variants=("once", "stays"), share=4),
    Kind("kill-operator", strikes.kill_operator, share=4),
    Kind(
        *("program", strikes.signal_program, strikes.wake_program),
        moments=(BEGUN,),
        variants=("TERM", "KILL", "STOP"),
        share=3,
    ),
    Kind("kill-sshd", strikes.kill_sshd, strikes.start_sshd, moments=(*ANY, BEGUN)),
    Kind(
        *("kill-resolver", strikes.kill_resolver, strikes.start_resolver),
        moments=(*ANY, BEGUN),
        restarts=True,
    ),
    Kind(
        *("reload", strikes.restart_resolver),
        moments=(*ANY, BEGUN),
        variants=("restart", "reload"),
        restarts=True,
    ),
    Kind("disk-full", strikes.fill_disk, strikes.free_disk, moments=(COMMAND, BEGUN, STEP)),
    Kind(
        *("read-only", strikes.make_read_only, strikes.make_writable),
        moments=(COMMAND, BEGUN, STEP),
        variants=("ntactl", "cron", "config"),
    ),
    Kind(
        *("checker", strikes.break_checker, strikes.mend_checker),
        moments=(*ANY, BEGUN),
        variants=("fails", "nonsense"),
    ),
    Kind("slow", strikes.slow_down, strikes.speed_up, variants=("held", "resolver")),
    Kind(
        *("clock", strikes.shift_clock, strikes.set_clock),
        moments=(*ANY, BEGUN),
        variants=("ahead", "behind", "resolver-ahead", "resolver-behind"),
    ),
    Kind(
        *("two-operators", strikes.second_operator),
        actions=ONLY,
        variants=("same-state", "own-state"),
    ),
    Kind("paused", strikes.take_over, moments=(SENT, BYTE), actions=ONLY),
    Kind("twice", strikes.keep_copy, moments=(STEP,), actions=ONLY, share=1),
    Kind(
        *("dead", strikes.leave_alone),
        actions=ONLY,
        variants=("", "resolver-down", "resolver-restarted", "cron"),
        lifetime=12,
    ),
)
BY_NAME = {kind.name: kind for kind in KINDS}


def draw(seed: int) -> Draw:
    """The round of a seed."""
    chance = random.Random(seed)
    kind = chance.choices(KINDS, [kind.share for kind in KINDS])[0]
    action, moment = chance.choice(kind.actions), chance.choice(kind.moments)
    host = chance.choice(HOSTS)
    least = GREETINGS if kind.name == "paused" and moment == BYTE else 1
    return Draw(
        seed=seed,
        kind=kind,
        variant=chance.choice(kind.variants),
        action=action,
        host=host,
        moment=moment,
        at=chance.randint(least, _moments(moment, action, host)),
        number=round(chance.random(), 3),
        budget=chance.choice(BUDGETS),
    )


def _moments(moment: str, action: str, host: str) -> int:
    """How many moments of that sort there are."""
    if moment in {COMMAND, BEGUN}:
        return COMMANDS[moment, action, host.rstrip("12")]
    return {STEP: STEPS[action], BYTE: BYTES, SENT: WAVES}[moment]
