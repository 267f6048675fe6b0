"""`ntactl check` without a network: what it refuses, and what its text says of the time."""

from __future__ import annotations

from pathlib import Path
from subprocess import CompletedProcess

import pytest
from commands import ntactl, unanswered


def check(folder: Path, *args: str) -> CompletedProcess[str]:
    return unanswered(folder, "check", *args)


def test_evidence_is_kept(tmp_path: Path) -> None:
    done = check(tmp_path, "de.", "--save-evidence", "kept.json")
    assert done.returncode == 12
    assert (tmp_path / "kept.json").exists()


def test_what_cannot_be_written_is_refused_before_the_look(tmp_path: Path) -> None:
    (tmp_path / "zones").write_text("de.\n")
    for args in (
        ("check", "de.", "--save-evidence", "no/kept.json"),
        ("scan", "--zones", "zones", "--state", "no/kept.json"),
    ):
        done = unanswered(tmp_path, *args)
        assert (done.returncode, done.stdout) == (2, ""), args
        assert "no/kept.json: cannot be written: No such file" in done.stderr


def test_evidence_that_is_lost_in_the_end_costs_no_verdict(tmp_path: Path) -> None:
    done = check(tmp_path, "de.", "--save-evidence", "/dev/full")
    assert done.returncode == 12
    assert done.stdout.startswith("de. is INDETERMINATE")
    assert "/dev/full: cannot be written: No space left on device" in done.stderr
    assert "the evidence is not kept; the verdict stands" in done.stderr


@pytest.mark.parametrize(("columns", "widest"), [("40", 40), ("10", 40), ("200", 80)])
def test_prose_is_as_wide_as_the_terminal(tmp_path: Path, columns: str, widest: int) -> None:
    (tmp_path / "hints").write_text(". 9 IN NS a.root.\na.root. 9 IN A 127.0.0.1\n")
    quick = ("--root-hints", "hints", "--port", "1", "--rounds", "1", "--timeout", "0.05")
    done = ntactl(tmp_path, "check", "de.", *quick, COLUMNS=columns)
    prose = [line for line in done.stdout.splitlines() if "  " not in line.strip()]
    assert widest - 10 < max(map(len, prose)) <= widest


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
