"""Programs killed on a host before each step they pass: completed or taken back, never half."""

import re
from collections.abc import Callable

import pytest
from hands import Hands, generation, nta

from orchestrator.rollout.transaction import revert_program

STEP = re.compile(
    r"^(step=|each_zone |mark_begun|check_lines|write_lines|look |answer=|record |send |put |"
    r"touched=|schedule |fill_folder|printf .*receipt|running_now|trap |unlock|rm -rf)"
)


def with_each(program: str, put: Callable[[int], str]) -> str:
    """The program with a line before each of its steps; `put` gives it by number."""
    head, mark, body = program.rpartition('eval "$library"\n')
    lines = body.splitlines()
    told = (f"{put(n)}\n{line}" if STEP.match(line) else line for n, line in enumerate(lines))
    return head + mark + "\n".join(told)


def steps(host: Hands, program: str) -> list[int]:
    """Where a program passes, in order, found by running it."""
    done = host.run(with_each(program, lambda n: f"echo passes {n} >&2"))
    return list(
        dict.fromkeys(int(n) for n in re.findall(r"^passes (\d+)$", done.err, re.MULTILINE))
    )


def killed_at(program: str, step: int) -> str:
    return with_each(program, lambda n: "kill -9 $$" if n == step else ":")


@pytest.mark.parametrize("then", ["revert", pytest.param("apply", marks=pytest.mark.soak)])
def test_killed_before_each_step_it_is_completed_or_taken_back(host: Hands, then: str) -> None:
    before, order = host.files(), nta()
    passes = steps(host, host.apply_program(host.change(order)))
    assert len(passes) > 20
    host.revert(order)
    for step in passes:
        wanted = host.change(order)
        assert host.run(killed_at(host.apply_program(wanted), step)).code in (-9, 137)
        if then == "apply":
            assert host.apply(wanted=wanted).outcome == "applied", step
            assert host.zones() == ["de."]
        assert host.revert(order).outcome == "reverted"
        assert (host.zones(), host.files()) == ([], before), step


@pytest.mark.soak
def test_a_revert_killed_before_each_step_is_finished_by_the_next(host: Hands) -> None:
    before, order = host.files(), nta()
    host.apply(order)
    passes = steps(host, revert_program(host.host, (order,), generation()))
    assert len(passes) > 8
    for step in passes:
        host.apply(order)
        program = revert_program(host.host, (order,), generation())
        assert host.run(killed_at(program, step)).code in (-9, 137)
        assert host.revert(order).outcome == "reverted"
        assert (host.zones(), host.files()) == ([], before), step
