"""The rounds that once found something, as regressions.toml has them."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from faults.bench import Bench
from faults.kinds import BY_NAME
from faults.play import Round, play
from faults.scene import Draw

LIST = Path(__file__).with_name("regressions.toml")


@dataclass(frozen=True)
class Known:
    """A round that found something; it has to go red without a safeguard, where one is named."""

    draw: Draw
    found: str
    red_without: str = ""
    fast: bool = False


def known() -> list[Known]:
    """All that the list has."""
    return [_known(**told) for told in tomllib.loads(LIST.read_text())["round"]]


def _known(
    *, kind: str, found: str, red_without: str = "", fast: bool = False, **told: object
) -> Known:
    draw = Draw(**{"variant": "", **told, "kind": BY_NAME[kind]})
    return Known(draw, found, red_without, fast)


def again(bench: Bench, rounds: Sequence[Known]) -> list[str]:
    """Play them, and those that need a safeguard without it too. Gives what went wrong."""
    wrong = []
    for each in rounds:
        played = tell(play(bench, each.draw), each.found)
        wrong += trouble(played)
        if each.red_without:
            cut = tell(play(bench.without(each.red_without), each.draw), f"no {each.red_without}")
            wrong += [] if cut.wrong else [f"seed {each.draw.seed} is green {_without(each)}"]
    return wrong


def trouble(played: Round) -> list[str]:
    """What is wrong with a round that has to strike and to be green."""
    struck = [] if played.proof else ["did not strike: its moment is another one now"]
    return [f"seed {played.draw.seed}: {each}" for each in [*struck, *played.wrong]]


def tell(played: Round, about: str) -> Round:
    print(f"{played}\n  ({about})", flush=True)
    return played


def _without(each: Known) -> str:
    return f"without {each.red_without}, which it needs"
