"""Standard streams that are closed, full or shared: words are lost, codes are not."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from commands import ROOT

VERB = """
import os, sys, typer
from orchestrator import cli
def words(code: int = 0) -> None:
    print("result")
    print("told", file=sys.stderr)
    with open("file", "w") as file:
        numbers = [stream.fileno() for stream in (sys.stdin, sys.stdout, sys.stderr)]
        print(*numbers, file.fileno() > 2, file=file)
    raise typer.Exit(code)
cli.app.command("words")(words)
sys.exit(cli.run(["words", *sys.argv[1:]]))
"""


def shell(folder: Path, redirected: str, *args: str) -> subprocess.CompletedProcess[str]:
    """A verb with a word for each stream, its streams redirected by a shell."""
    (folder / "verb.py").write_text(VERB)
    return subprocess.run(
        ["sh", "-c", f'"$@" {redirected}', "sh", sys.executable, "verb.py", *args],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("redirected", "out", "err"),
    [
        (">&-", "", "told\n"),
        ("2>&-", "result\n", ""),
        ("<&-", "result\n", "told\n"),
        ("<&- >&- 2>&-", "", ""),
        ("2>/dev/full", "result\n", ""),
    ],
)
def test_a_closed_stream_is_one_that_nobody_reads(
    tmp_path: Path, redirected: str, out: str, err: str
) -> None:
    """And no file that is opened later gets its number, to be printed into."""
    done = shell(tmp_path, redirected, "--code", "12")
    assert (done.returncode, done.stdout, done.stderr) == (12, out, err)
    assert (tmp_path / "file").read_text() == "0 1 2 True\n"


@pytest.mark.parametrize(("code", "ends"), [("0", 1), ("12", 12)])
def test_a_result_that_is_lost_is_no_success(tmp_path: Path, code: str, ends: int) -> None:
    done = shell(tmp_path, ">/dev/full", "--code", code)
    assert done.returncode == ends
    assert "stdout cannot be written: No space left on device\n" in done.stderr
    assert "told\n" in done.stderr
    assert "unexpected" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_stream_that_somebody_set_not_to_block_is_waited_for() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    args = [sys.executable, "-m", "orchestrator", "schema", "plan"]
    with subprocess.Popen(args, cwd=ROOT, stdout=writer, stderr=subprocess.PIPE) as process:
        os.write(writer, bytes(65_536))  # full, so that the first word does not fit
        os.close(writer)
        with os.fdopen(reader, "rb") as file:
            assert len(file.read()) > 65_536
        assert process.wait(60) == 0


EARLY = """
import os, signal, sys
class Pressed:
    def find_spec(self, name, path=None, target=None):
        if name == "orchestrator.cli":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Pressed())
import orchestrator.__main__
"""
LATE = """
import os, signal
from orchestrator import __main__ as ntactl
ntactl.run = lambda args: os.kill(os.getpid(), signal.SIGINT)
ntactl.main()
"""


@pytest.mark.parametrize(("code", "ends"), [(EARLY, -signal.SIGINT), (LATE, 130)])
def test_no_ctrl_c_is_too_early_or_too_late(code: str, ends: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (ends, "", "")
