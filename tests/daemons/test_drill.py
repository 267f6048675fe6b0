"""The drill, without a terminal: the whole incident, and nothing left, also when interrupted."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from harness import NTACTL, ROOT, wait_until

KEPT = ("lock", "lab.log", "drill-plan.json")


def drill(folder: Path) -> subprocess.Popen[str]:
    """`ntactl drill --yes` with a lab folder of its own, at the head of its own process group."""
    return subprocess.Popen(
        [*NTACTL, "drill", "--yes"],
        env={**os.environ, "NTACTL_LAB": str(folder / "lab"), "HOME": str(folder)},
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def left(folder: Path) -> list[str]:
    """What still names the drill's folder: command lines of processes, mounts, the lab's files.

    The cache keeps its lock, the log and the last plan, for whoever wants to read them.
    """
    mine = str(folder)
    lines = [_command_line(entry) for entry in Path("/proc").glob("[0-9]*")]
    lines += Path("/proc/self/mounts").read_text().splitlines()
    walked = os.walk(folder)  # files may go while we look, it does not mind
    files = [f"{place}/{name}" for place, _, names in walked for name in names if name not in KEPT]
    return [line for line in lines if mine in line] + files


def _command_line(entry: Path) -> str:
    try:
        return (entry / "cmdline").read_text(errors="replace").replace("\0", " ")
    except OSError:
        return ""


def read_until(process: subprocess.Popen[str], text: str) -> str:
    assert process.stdout is not None
    said = ""
    while text not in said:
        line = process.stdout.readline()
        assert line, said
        said += line
    return said


def test_the_whole_incident_and_nothing_left(tmp_path: Path) -> None:
    started = time.monotonic()
    process = drill(tmp_path)
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    timeline = said.split("\nTimeline\n")[1]
    steps = ("lab up", "SERVFAIL", "proved", "planned", "approved", "applied", "gone", "AD is back")
    found = [timeline.index(step) for step in steps]
    assert found == sorted(found)
    assert "\x1b" not in said, "colour without a terminal"
    assert "Traceback" not in said
    assert left(tmp_path) == []
    assert time.monotonic() - started < 200, "90 s on a machine with nothing else to do"


@pytest.mark.soak
@pytest.mark.parametrize(
    ("moment", "how"),
    [
        ("A miniature Internet", signal.SIGINT),
        ("$ ntactl check", signal.SIGINT),
        ("$ ntactl apply", signal.SIGINT),
        ("A miniature Internet", signal.SIGKILL),
        ("$ ntactl apply", signal.SIGKILL),
    ],
)
def test_interrupted_it_leaves_nothing(tmp_path: Path, moment: str, how: signal.Signals) -> None:
    process = drill(tmp_path)
    read_until(process, moment)
    time.sleep(0.5)
    os.killpg(process.pid, how)
    said, _ = process.communicate(timeout=60)
    assert process.returncode not in (0, None)
    assert "Traceback" not in said
    wait_until(lambda: left(tmp_path) == [], 20, "the lab to be gone")
