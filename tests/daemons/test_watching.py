"""A rollout watched: on a terminal, without one, in a file, and stopped with Ctrl-C mid-wave."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness import NTACTL, ROOT, Lab, a_lab, heard, wait_until

MANY = 12  # hosts of the second wave


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with a_lab(tmp_path_factory.mktemp("fleet"), "unbound=7,bind=7") as lab:
        book = lab.folder / "playbook.yaml"
        large = {"site_share": "100%"}  # so that all but the canary are one wave
        book.write_text(yaml.safe_dump(yaml.safe_load(book.read_text()) | large))
        lab.lab("break", "de.", "--as", "zm-2015")
        yield lab


@pytest.fixture
def clean(fleet: Lab) -> Iterator[Lab]:
    """Whatever a test left on is taken out."""
    yield fleet
    for nta in fleet.ok("status", "--offline", "--json").json["ntas"]:
        if nta["state"] != "ended":
            fleet.ok("revert", nta["id"], "--yes")


def on(lab: Lab) -> set[str]:
    return {name for name, zones in lab.all_ntas().items() if zones == ["de."]}


def events_in(path: Path) -> list[dict[str, Any]]:
    """Every line is a whole object of the schema."""
    told = [json.loads(line) for line in path.read_text().splitlines()]
    assert {event["schema"] for event in told} == {"ntactl/event/1"}
    return told


def of_host(events: list[dict[str, Any]], name: str) -> list[str]:
    return [event["kind"] for event in events if event["host"] == name]


class Terminal:
    """A command on a terminal of 80 columns, and all that came to its screen."""

    def __init__(self, lab: Lab, *argv: str, **env: str) -> None:
        ours, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        line = ["setsid", "--ctty", "--wait", *NTACTL, "lab", "exec", "--", *NTACTL, *argv]
        streams = {"stdin": its, "stdout": its, "stderr": its}
        self.process = subprocess.Popen(line, env={**lab.env, **env}, cwd=ROOT, **streams)
        os.close(its)
        self.screen, self._ours = "", ours

    def until(self, words: str) -> None:
        while words not in self.screen:
            assert self._more(), self.screen

    def type(self, text: bytes) -> None:
        os.write(self._ours, text)

    def end(self) -> int:
        while self._more():
            pass
        os.close(self._ours)
        return self.process.wait(60)

    def _more(self) -> bool:
        try:
            new = os.read(self._ours, 4096).decode()
        except OSError:  # its end is closed
            return False
        self.screen += new
        return bool(new)

    def lines(self) -> list[str]:
        """What was written, by carriage return and line feed."""
        return [part for line in self.screen.split("\n") for part in line.split("\r")]


def test_on_a_terminal_one_line_is_written_over(clean: Lab, tmp_path: Path) -> None:
    clean.approved(tmp_path / "p.json")
    seen = Terminal(clean, "apply", str(tmp_path / "p.json"), "--yes", TERM="xterm")
    assert seen.end() == 0, seen.screen
    assert f"\rwave 2/2: 0 done, 0 failed, {MANY} left" in seen.screen
    assert "; slow: unbound2, " in seen.screen
    assert "\x1b" not in seen.screen
    assert all(len(line) <= 80 for line in seen.lines())
    assert "unbound3: applied" not in seen.screen
    assert "all on" in seen.screen


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_dumb_terminal_gets_plain_lines(clean: Lab, tmp_path: Path, term: str) -> None:
    clean.approved(tmp_path / "p.json")
    seen = Terminal(clean, "apply", str(tmp_path / "p.json"), "--yes", TERM=term)
    assert seen.end() == 0, seen.screen
    assert "\r" not in seen.screen.replace("\r\n", "")
    assert f"wave 2/2: {MANY} done, 0 failed, " in seen.screen


def test_no_terminal_and_events_beside_one_json_object(clean: Lab, tmp_path: Path) -> None:
    """A bad host is told as it fails, the good ones of a large wave are counted."""
    clean.approved(tmp_path / "p.json")
    clean.on_host("bind5", "/etc/lab/service sshd stop")
    try:
        told = ("--json", "--events", str(tmp_path / "events"))
        done = clean.ok("apply", str(tmp_path / "p.json"), *told, code=7)
    finally:
        clean.on_host("bind5", "/etc/lab/service sshd start")
    assert done.json["ending"] == "pending"
    lines = done.err.splitlines()
    assert any(line.startswith("bind5: failed [unreachable] ") for line in lines), done.err
    assert any(line.startswith(f"wave 2/2: {MANY - 1} done, 1 failed, ") for line in lines)
    assert f"verified: {MANY - 1} of {MANY - 1}" in lines
    assert "\r" not in done.err
    assert len(lines) < MANY
    events = events_in(tmp_path / "events")
    assert [event["kind"] for event in events][:: len(events) - 1] == [
        "apply-started",
        "apply-ended",
    ]
    assert of_host(events, "bind5") == ["host-sent", "host-failed"]
    assert of_host(events, "unbound6") == ["host-sent", "host-done"]


def test_who_reads_the_events_and_stops_holds_nothing_up(clean: Lab, tmp_path: Path) -> None:
    pipe, plan = tmp_path / "pipe", str(tmp_path / "p.json")
    os.mkfifo(pipe)
    clean.approved(tmp_path / "p.json")
    refused = clean.ok("apply", plan, "--events", str(pipe), code=2)
    assert str(pipe) in refused.err  # nobody reads it
    assert "stdout" in clean.ok("apply", plan, "--events", "-", code=2).err
    assert on(clean) == set()
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)  # and read nothing
        done = clean.ok("apply", plan, "--events", str(pipe))
    finally:
        os.close(reader)
    assert "took not all events in time" in done.err
    assert on(clean) == set(clean.hosts())


@pytest.mark.parametrize("pause", [0.02, 0.3])
def test_two_quick_ctrl_c_mid_wave_leave_what_is_healed(
    clean: Lab, tmp_path: Path, pause: float
) -> None:
    plan, told = tmp_path / "p.json", tmp_path / "events"
    made = clean.approved(plan)
    process = clean.started("apply", str(plan), "--events", str(told))
    said = heard(process, f"wave: {MANY} hosts")
    wait_until(lambda: of_host(events_in(told), "unbound2") != [], 30, "the wave", every=0.05)
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(pause)
    rest, _ = process.communicate(timeout=60)
    said += rest
    assert process.returncode == 130, said
    assert f"take back: ntactl revert {made['ntas'][0]['id']}" in said
    assert "go on: ntactl apply PLAN" in said
    assert "Traceback" not in said
    healed = {event["host"] for event in events_in(told) if event["kind"] == "host-done"}
    assert healed >= {"unbound1", "bind1"}
    assert not any(event["data"].get("action") == "revert" for event in events_in(told))
    wait_until(lambda: healed <= on(clean), 30, "hosts in flight to finish alone")
    time.sleep(2)
    assert healed <= on(clean)
    clean.ok("apply", str(plan), "--events", str(told))
    assert on(clean) == set(clean.hosts())


def test_ctrl_c_on_a_terminal_says_where_things_stand(clean: Lab, tmp_path: Path) -> None:
    clean.approved(tmp_path / "p.json")
    seen = Terminal(clean, "apply", str(tmp_path / "p.json"), "--yes", TERM="xterm")
    seen.until("wave 2/2: 0 done")
    seen.type(b"\x03")
    seen.until("stopping after the hosts in flight")
    seen.type(b"\x03\x03\x03")
    assert seen.end() == 130, seen.screen
    assert "Traceback" not in seen.screen
    assert "stopped at once; hosts that were sent it finish alone" in seen.screen
    assert re.search(r": of 14 hosts \d+ applied, \d+ sent", seen.screen), seen.screen
    assert "take back: ntactl revert de-" in seen.screen
    time.sleep(2)
    assert on(clean) >= {"unbound1", "bind1"}
