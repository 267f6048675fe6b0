"""The scripted scenarios of tests/cases/rpl (CZ.NIC's, see LICENSE there) get the right verdict."""

from pathlib import Path

import pytest
from rpl import load
from scripted import validated

from orchestrator.chain.vantage import vantage
from orchestrator.model import State

CASES = Path(__file__).parents[1] / "cases" / "rpl"
EXPECTED = [
    line.split("\t")
    for line in (CASES / "expected.tsv").read_text().splitlines()
    if not line.startswith("#")
]


@pytest.mark.parametrize(("file", "state"), [(row[0], row[4]) for row in EXPECTED])
def test_the_scenario_is_judged_right(file: str, state: str, tmp_path: Path) -> None:
    scenario = load(CASES / file)
    hints, anchors = tmp_path / "hints", tmp_path / "anchors"
    hints.write_text(
        ". NS a.root.\n" + "".join(f"a.root. A {address}\n" for address in scenario.hints)
    )
    anchors.write_text("".join(f"{anchor}\n" for anchor in scenario.anchors))
    verdict = validated(scenario, vantage(hints, anchors, any_anchor=True))
    assert verdict.state == State(state), verdict.findings
    assert bool(verdict.findings) == (state != "secure")
