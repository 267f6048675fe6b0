"""The pager: what it gets, and that nothing it does can stop an apply."""

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestrator.notify import event, tell
from orchestrator.playbook import Notify

AT = datetime(2026, 5, 5, 20, 0, tzinfo=UTC)
EVENT = event("ends-soon", at=AT, id="n1", zone="de.", minutes=5, renew="ntactl renew n1 --for 1h")


def sh(script: str, *, timeout: float = 5) -> Notify:
    return Notify(command=("sh", "-c", script), timeout=timedelta(seconds=timeout))


def test_the_command_gets_one_json_object_on_stdin(tmp_path: Path) -> None:
    out = tmp_path / "got"
    assert tell(Notify(command=("sh", "-c", 'cat > "$1"', "sh", str(out))), EVENT) == ""
    assert json.loads(out.read_text()) == {
        "schema": "ntactl/event/1",
        "kind": "ends-soon",
        "at": "2026-05-05T20:00:00Z",
        "id": "n1",
        "zone": "de.",
        "minutes": 5,
        "renew": "ntactl renew n1 --for 1h",
    }


def test_nobody_to_tell_is_no_failure() -> None:
    assert tell(Notify(), EVENT) == ""


def test_a_command_that_does_not_read_is_no_failure() -> None:
    assert tell(sh("exit 0"), {**EVENT, "hosts": ["x" * 100] * 10_000}) == ""


def test_nothing_goes_through_a_shell(tmp_path: Path) -> None:
    notify = Notify(command=("echo", f"$(touch {tmp_path}/no)"))
    assert tell(notify, EVENT) == ""
    assert not (tmp_path / "no").exists()


def test_its_output_does_not_mix_with_results(capfd: pytest.CaptureFixture[str]) -> None:
    assert tell(sh("echo out; echo err >&2"), EVENT) == ""
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("notify", "why"),
    [
        (sh("echo no route >&2; exit 7"), "notify command 'sh' ended with exit code 7: no route"),
        (sh("exit 1"), "notify command 'sh' ended with exit code 1: it said nothing"),
        (sh("kill -9 $$"), "notify command 'sh' ended with exit code -9: it said nothing"),
        (Notify(command=("/nowhere/pager",)), "notify command '/nowhere/pager' could not be run"),
        (Notify(command=("a\0b",)), "notify command 'a\\x00b' could not be run"),
    ],
)
def test_why_it_failed_is_one_sentence(notify: Notify, why: str) -> None:
    said = tell(notify, EVENT)
    assert said.startswith(why)
    assert "\n" not in said


def test_an_event_json_cannot_hold_is_told_not_raised() -> None:
    assert "could not be run" in tell(sh("cat"), {**EVENT, "at": object()})


def test_a_pager_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    start = time.monotonic()
    notify = sh(f"sleep 60 & echo $! > {pid}; wait", timeout=0.5)
    assert tell(notify, EVENT) == "notify command 'sh' did not end within 0.5 s"
    assert time.monotonic() - start < 5
    assert gone(int(pid.read_text()))


def gone(pid: int) -> bool:
    """Is the process away, or dead and only waiting to be collected?"""
    for _ in range(50):
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().rsplit(") ", 1)[1].startswith("Z"):
            return True
        time.sleep(0.05)
    return False


def test_a_child_left_behind_does_not_hold_us_up() -> None:
    start = time.monotonic()
    script = "import subprocess; subprocess.Popen(['sleep', '3'])"
    assert tell(Notify(command=(sys.executable, "-c", script)), EVENT) == ""
    assert time.monotonic() - start < 2.5
