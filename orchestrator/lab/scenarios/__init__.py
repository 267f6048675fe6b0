"""How a TLD breaks, the way history did it: one row of the table a scenario.

A scenario says what each server of the TLD serves, and which DS and which servers the root has
for it, as a function of the phase, the server's index and the serial. Nothing in here touches a
file or a clock.
"""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.errors import BadInput
from orchestrator.lab.scenarios import caches, denial, denic, keys, parent, servers, signatures
from orchestrator.lab.scenarios.look import Scenario, healthy

HEALTHY = Scenario("healthy", "", "as it should be", ("as it should be",), healthy)

_KINDS = (denic, signatures, keys, denial, caches, servers, parent)
SCENARIOS: dict[str, Scenario] = {one.name: one for kind in _KINDS for one in kind.SCENARIOS}


def scenario(name: str, phase: int) -> Scenario:
    """The scenario of that name. Raises BadInput when it or its phase does not exist."""
    found = SCENARIOS.get(name)
    if found is None:
        raise BadInput(
            f"unknown scenario {name!r}; known: {', '.join(SCENARIOS)}",
            next_step="ntactl lab scenarios",
        )
    if not 1 <= phase <= len(found.phases):
        raise BadInput(
            f"scenario {name} has {_phases(found.phases)}, not {phase}",
            next_step="ntactl lab scenarios",
        )
    return found


def _phases(phases: Sequence[str]) -> str:
    return "one phase" if len(phases) == 1 else f"phases 1 to {len(phases)}"
