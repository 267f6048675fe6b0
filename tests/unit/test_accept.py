"""Which refusals can be accepted: every rule that there is has its answer."""

import re
from pathlib import Path

import pytest

from orchestrator.cli import run
from orchestrator.errors import BadInput, Refused
from orchestrator.incident.lifecycle import NOTHING_SENT
from orchestrator.rollout.accept import ACCEPTABLE, NEVER, check_acceptable

ROOT = Path(__file__).parents[2]
# No refusals: a person asked to stop before the host's turn; a resolver tells no counters.
OTHERS = {"stopped", "no-counters"}


def rules_in_code() -> set[str]:
    """Every rule that is named where something is refused, by us or by a host's program."""
    found: set[str] = set()
    for path in (ROOT / "orchestrator").rglob("*.py"):
        found |= set(re.findall(r"Refused\(\s*\"([a-z-]+)\"", path.read_text()))
    for path in (ROOT / "templates").rglob("*.sh"):
        found |= set(re.findall(r"\b(?:refuse|problem) ([a-z]+(?:-[a-z]+)*)\b", path.read_text()))
    transaction = (ROOT / "orchestrator/rollout/transaction.py").read_text()
    found |= set(re.findall(r"return \(\"([a-z-]+)\", ", transaction))
    return (found | NOTHING_SENT) - OTHERS


def test_every_rule_says_whether_it_can_be_accepted() -> None:
    known = {*ACCEPTABLE, *NEVER}
    assert len(rules_in_code()) > 30
    assert rules_in_code() - known == set()
    assert not ACCEPTABLE.keys() & NEVER.keys()


@pytest.mark.parametrize("rule", [*NEVER])
def test_never(rule: str) -> None:
    with pytest.raises(Refused) as refusal:
        check_acceptable(["budget", rule])
    assert refusal.value.rule == rule
    assert NEVER[rule] in refusal.value.what
    assert "--accept takes verdict or budget" in str(refusal.value)


@pytest.mark.parametrize("rule", ["", "all", "force", "Budget"])
def test_what_is_no_rule_is_answered_with_the_rules(rule: str) -> None:
    with pytest.raises(BadInput) as error:
        check_acceptable([rule])
    assert error.value.exit_code == 2
    assert all(known in str(error.value) for known in (*ACCEPTABLE, *NEVER))


def test_those_that_can_be() -> None:
    check_acceptable([*ACCEPTABLE])


@pytest.mark.parametrize("where", ["environment", "file"])
def test_an_acceptance_is_typed(
    where: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A default for it would be a --force."""
    monkeypatch.chdir(tmp_path)
    if where == "environment":
        monkeypatch.setenv("NTACTL_ACCEPT", "budget")
    else:
        (tmp_path / "ntactl.toml").write_text('accept = ["budget"]\n')
    for verb in (["apply", "p.json"], ["mitigate", "de.", "--reason", "r"]):
        assert run(verb) == 2
        assert "--accept is typed" in capsys.readouterr().err
