"""The units that run the watch: systemd itself finds nothing wrong with them."""

import re
import shutil
import subprocess
from pathlib import Path

UNITS = Path(__file__).parents[2] / "templates" / "systemd"
SECTIONS = (["Unit", "Service"], ["Unit", "Timer", "Install"])


def test_the_timer_starts_a_cycle_often_enough_for_a_guard_of_75_s() -> None:
    timer = (UNITS / "ntactl-watch.timer").read_text()
    service = (UNITS / "ntactl-watch.service").read_text()
    assert "OnUnitInactiveSec=15s" in timer
    assert "ExecStart=/usr/local/bin/ntactl watch --once\n" in service
    assert "Type=oneshot\n" in service


def test_the_units_hold_what_systemd_expects(tmp_path: Path) -> None:
    for unit in UNITS.glob("*.*"):
        # verify looks for the program and the user, which an installation would have.
        text = unit.read_text().replace("/usr/local/bin/ntactl", "/bin/true")
        (tmp_path / unit.name).write_text(text.replace("User=ntactl", "User=root"))
    units = sorted(tmp_path.iterdir())
    assert [unit.name for unit in units] == ["ntactl-watch.service", "ntactl-watch.timer"]
    for unit in units:
        assert re.findall(r"^\[(\w+)\]$", unit.read_text(), re.MULTILINE) in SECTIONS
    if shutil.which("systemd-analyze"):
        command = ["systemd-analyze", "verify", *(str(unit) for unit in units)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "ntactl-watch" not in done.stderr
