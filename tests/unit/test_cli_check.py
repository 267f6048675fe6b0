"""`ntactl check` without a network: what it refuses, and what its text says of the time."""

from __future__ import annotations

from pathlib import Path
from subprocess import CompletedProcess

import pytest
from commands import unanswered


def check(folder: Path, *args: str) -> CompletedProcess[str]:
    return unanswered(folder, "check", *args)


def test_evidence_is_kept(tmp_path: Path) -> None:
    done = check(tmp_path, "de.", "--save-evidence", "kept.json")
    assert done.returncode == 12
    assert (tmp_path / "kept.json").exists()


def test_evidence_in_a_folder_that_is_not_there(tmp_path: Path) -> None:
    done = check(tmp_path, "de.", "--save-evidence", "no/kept.json")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no/kept.json: the evidence cannot be kept: No such file" in done.stderr


def test_evidence_of_several_zones_would_overwrite_itself(tmp_path: Path) -> None:
    done = check(tmp_path, "de.", "fj.", "--save-evidence", "kept.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "one zone" in done.stderr
    assert not (tmp_path / "kept.json").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--now", "2036-01-01T00:00:00Z"), "judged for 2036-01-01T00:00:00Z (--now), not for now"),
        (("--skew", "90"), "signature times may be 90 s off (--skew)"),
    ],
)
def test_a_verdict_for_another_time_says_so(
    tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    assert check(tmp_path, "de.", *options).stdout.startswith(f"note: {said}\n")


def test_a_policy_that_tolerates_times_says_so(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("skew_share: 0.1\n")
    said = check(tmp_path, "de.", "--policy", "policy.yaml").stdout
    assert said.startswith("note: signatures may be 10% of their lifetime off (--policy)\n")


def test_a_verdict_for_now_says_nothing_of_it(tmp_path: Path) -> None:
    assert "note:" not in check(tmp_path, "de.").stdout
