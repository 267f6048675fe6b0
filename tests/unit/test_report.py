"""Exit codes of an apply, and how it is told."""

import pytest

from orchestrator.report.apply import json_of, text_of
from orchestrator.rollout.apply import Ending, Report


def report(ending: Ending, *states: str) -> Report:
    return Report("p1", ending, {f"h{n}": (state, "", "") for n, state in enumerate(states)})


@pytest.mark.parametrize(
    ("ending", "states", "code"),
    [
        ("done", ("applied", "applied"), 0),
        ("pending", ("applied", "unreachable"), 7),
        ("taken-back", ("reverted", "undone"), 5),
        ("person-needed", ("stuck",), 6),
        ("stopped", ("applied", "planned"), 130),
        ("nothing-changed", ("unreachable",), 1),
        ("nothing-changed", ("refused", "unreachable"), 1),
        ("nothing-changed", ("refused", "left-alone", "planned"), 4),
    ],
)
def test_exit_codes(ending: Ending, states: tuple[str, ...], code: int) -> None:
    made = report(ending, *states)
    assert made.exit_code == code
    assert json_of(made)["exit_code"] == code


def test_which_of_the_two_it_is_stands_in_the_text() -> None:
    assert "all on" in text_of(report("done", "applied"))
    assert "all as before" in text_of(report("taken-back", "reverted"))
    assert "all as before" in text_of(report("nothing-changed", "refused"))


def test_a_revert_is_told_in_its_own_words() -> None:
    assert "is out" in text_of(report("done", "reverted"), "revert")
