"""The screen and the file: what they write, and that they never hold up or end a rollout."""

import json
import os
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator.cli.live import PATIENCE, Heard, Screen, events_to
from orchestrator.errors import BadInput
from orchestrator.incident.journal import Event, Kind
from orchestrator.incident.store import Store

NOW = datetime(2026, 5, 5, 22, 0, tzinfo=UTC)


def sent(name: str, message: str = "") -> Event:
    data = {"action": "apply", "message": message}
    return Event(at=NOW, kind=Kind.HOST_SENT, plan="p", ntas=("de-p",), host=name, data=data)


def shown(*events: Event, rewrites: bool, seconds: float = 0.3) -> str:
    """What a screen writes of a wave that takes a while, and of a line said in the middle."""
    written: list[str] = []
    with Screen(written.append, lambda: NOW, rewrites=rewrites, every=0.05) as screen:
        screen.hear(events)
        time.sleep(seconds)
        screen.say("said")
        time.sleep(seconds)
    return "".join(written)


def test_a_terminal_has_one_line_at_the_bottom() -> None:
    text = shown(sent("h1"), rewrites=True)
    line = "putting it on: 0 done, 0 failed, 1 left, 0 s; slow: h1"
    blank = " " * len(line)
    assert text == f"\r{line}\rsaid{blank[4:]}\n{line}\r{blank}\r"


def test_elsewhere_it_is_told_now_and_then() -> None:
    lines = shown(sent("h1"), rewrites=False).splitlines()
    assert len(lines) > 3
    assert set(lines) == {"said", "putting it on: 0 done, 0 failed, 1 left, 0 s; slow: h1"}


def test_nothing_under_way_is_nothing_to_tell() -> None:
    assert shown(rewrites=True) == shown(rewrites=False) == "said\n"


def test_those_who_hear_come_after_the_journal(tmp_path: Path) -> None:
    store, heard = Store(tmp_path), list[tuple[int, int]]()
    journal = Heard(store, lambda events: heard.append((len(events), store.last())))
    journal.append(sent("h1"), sent("h2"))
    assert heard == [(2, 2)]
    assert [event.host for event in journal.events("p")] == ["h1", "h2"]
    store.close()


def test_events_are_added_to_the_file(tmp_path: Path) -> None:
    path = tmp_path / "events"
    for name in ("h1", "h2"):
        with events_to(path, pytest.fail) as hears:
            hears([sent(name)])
    assert [json.loads(line)["host"] for line in path.read_text().splitlines()] == ["h1", "h2"]
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["-", "/nowhere/events", "/"])
def test_what_cannot_be_written_is_said_before_anything_begins(name: str) -> None:
    with pytest.raises(BadInput, match="--events"), events_to(Path(name), pytest.fail):
        pytest.fail("it began")


def test_a_disk_that_is_full_costs_events_only() -> None:
    said: list[str] = []
    with events_to(Path("/dev/full"), said.append) as hears:
        hears([sent("h1")])
        hears([sent("h2")])
    assert said == [
        "warning: no more events in /dev/full: No space left on device; the journal has them"
    ]


def test_a_reader_that_sleeps_holds_nothing_up(tmp_path: Path) -> None:
    pipe, said = tmp_path / "pipe", list[str]()
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    began = time.monotonic()
    with events_to(pipe, said.append) as hears:
        hears([sent("h1", "x" * 1_000_000)])
        assert time.monotonic() - began < 1
    assert time.monotonic() - began < PATIENCE + 1
    os.close(reader)
    assert said[0] == f"warning: {pipe} took not all events in time; the journal has them"
    writers = [thread for thread in threading.enumerate() if thread.name == "events"]
    for thread in writers:
        thread.join(5)
    assert not any(thread.is_alive() for thread in writers)
