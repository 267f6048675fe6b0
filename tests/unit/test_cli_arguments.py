"""What is typed after an option: numbers, times, names and files that can only be a mistake."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import ROOT, unanswered

from orchestrator.cli import run

Run = Callable[..., str]
FLEET = str(ROOT / "inventories" / "example.yaml")
CHECK, VALIDATE, SCAN = ["check", "de."], ["validate", "de.", "A"], ["scan", "--zones", "/dev/null"]
PLAN = ["plan", "de.", "--reason", "r", "-i", FLEET]
NO_FLOAT = ["nan", "inf", "-inf", "1e400", "-1", "1e18", "abc", ""]
NO_INT = ["nan", "inf", "-1", "0", "99999", "1e400", "9" * 40, ""]
NO_LENGTH = ["999999999d", "-1s", "1e3s", "nan", "inf", ""]


@pytest.fixture
def refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Run it in this process, for speed: it is exit 2, nothing on stdout, and says why."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))

    def refused(*args: str) -> str:
        code, told = run(args), capsys.readouterr()
        assert (code, told.out) == (2, ""), (args, told.err)
        assert "unexpected" not in told.err
        return told.err

    return refused


@pytest.mark.parametrize(
    ("verbs", "option", "values"),
    [
        ([CHECK, VALIDATE, SCAN, PLAN, ["watch", "--once"]], "--port", NO_INT),
        ([CHECK, VALIDATE, SCAN], "--rounds", NO_INT),
        ([CHECK, VALIDATE, SCAN], "--timeout", [*NO_FLOAT, "0"]),
        ([CHECK, VALIDATE, SCAN], "--every", NO_FLOAT),
        ([CHECK, VALIDATE, SCAN], "--skew", NO_FLOAT),
        ([SCAN], "--margin", NO_LENGTH),
        ([["watch", "--once"]], "--every", [*NO_LENGTH, "0s", "5m"]),
        ([PLAN], "--for", [*NO_LENGTH, "0s"]),
        ([["lab", "up"]], "--root-size", NO_INT),
        ([["lab", "break", "de.", "--as", "de-2026"]], "--phase", NO_INT),
        ([["lab", "up"]], "--resolvers", ["unbound=-1", "unbound=0", "unbound=9999", "=3", ""]),
        (
            [CHECK, VALIDATE, SCAN],
            "--now",
            ["9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00", "999999999d", "nan", ""],
        ),
    ],
)
def test_no_number_that_cannot_be_meant(
    refused: Run, verbs: list[list[str]], option: str, values: list[str]
) -> None:
    for verb in verbs:
        for value in values:
            assert refused(*verb, f"{option}={value}")


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("skew: .inf", "skew: input should be less"),
        ("skew: .nan", "skew: input should be"),
        ("skew_share: .inf", "skew_share: input should be less"),
    ],
)
def test_no_such_number_in_a_file_either(
    refused: Run, tmp_path: Path, file: str, said: str
) -> None:
    (tmp_path / "policy.yaml").write_text(file)
    assert said in refused(*CHECK, "--policy", "policy.yaml")


UNSEEN = [
    "",
    " ",
    "@",
    "de. --json",
    "de.\n",
    "de\t",
    " de.",
    "de.\x00",
    "d\x1b[31me.",
    "d\u200be.",
]


@pytest.mark.parametrize(
    "verb",
    [["check"], ["validate", "A"], ["plan", "--reason", "r", "-i", FLEET], ["revert"], ["hold"]],
)
def test_no_name_that_is_none(refused: Run, verb: list[str]) -> None:
    more = ["--until", "1h"] if verb == ["hold"] else []
    for name in UNSEEN:
        assert refused(verb[0], name, *verb[1:], *more)


@pytest.mark.parametrize("name", ["a\\032b.example.", "a\\ b.example.", "\\@.example.", "*.de."])
def test_an_escape_is_a_name(tmp_path: Path, name: str) -> None:
    assert unanswered(tmp_path, "validate", name, "A").returncode == 12


@pytest.mark.parametrize("option", ["--names", "--zones"])
def test_names_in_a_file_are_refused_with_their_line(
    refused: Run, tmp_path: Path, option: str
) -> None:
    verb = SCAN[:1] if option == "--zones" else CHECK
    for line in ("de. extra", "d\x0ce.", "@", "a" * 100_000):
        (tmp_path / "names").write_text(f"fj.\n\n{line}\n")
        said = refused(*verb, option, "names")
        assert said.startswith("names:3: zone name ")
        assert len(said) < 300
    assert "none: cannot be read: No such file or directory" in refused(*verb, option, "none")


@pytest.mark.parametrize(
    "args",
    [
        [*CHECK, "--trust-anchor"],
        [*CHECK, "--root-hints"],
        [*CHECK, "--names"],
        [*CHECK, "--policy"],
        [*CHECK, "--playbook"],
        ["scan", "--zones"],
        ["scan", "--state"],
        ["fleet", "-i"],
        ["show"],
        ["apply"],
    ],
)
def test_no_file_without_end(refused: Run, tmp_path: Path, args: list[str]) -> None:
    with (tmp_path / "huge").open("wb") as huge:
        huge.truncate(2 << 30)
    assert "/dev/zero: is a device" in refused(*args, "/dev/zero")
    assert "huge: is longer than" in refused(*args, "huge")


def test_names_and_zones_come_by_stdin_too(tmp_path: Path) -> None:
    for args in (["check", "de.", "--names", "-"], ["scan", "--zones", "-"]):
        done = subprocess.run(
            [sys.executable, "-m", "orchestrator", *args],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
            input="fj.\nde. extra\n",
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("-:2: zone name 'de. extra'")


@pytest.mark.parametrize("plan", ["-", "/dev/stdin", "/dev/null", "."])
def test_an_approval_needs_a_file_to_be_written_into(refused: Run, plan: str) -> None:
    assert "is no file: an approval is written into it" in refused("approve", plan)
