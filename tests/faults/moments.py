"""When a fault strikes: at a journal step, a command of a host's program, or a byte on the wire.

Whoever comes to the moment is held there until the fault has struck.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from faults.hosts import BenchHost
from faults.wire import Wire


class Moment(Protocol):
    """Armed before the transaction; `struck` says what was reached, "" while it has not been."""

    def arm(self) -> None: ...

    def struck(self) -> str: ...

    def release(self) -> None: ...

    def disarm(self) -> None: ...


class AtStep:
    """A journal step of the operator (child.py)."""

    def __init__(self, folder: Path, at: str) -> None:
        self.folder, self.at = folder, at

    def arm(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.disarm()

    def struck(self) -> str:
        what = self.folder / "what"
        return what.read_text().strip() if what.exists() else ""

    def release(self) -> None:
        (self.folder / "go").touch()

    def disarm(self) -> None:
        for name in ("what", "go"):
            (self.folder / name).unlink(missing_ok=True)


class AtCommand:
    """The N-th tool that ntactl's program on a host calls (trap.sh).

    `since` "begun" counts only from where it begins to write what it may have to take back.
    """

    def __init__(self, host: BenchHost, at: int, since: str = "") -> None:
        self.host, self.folder, self.at, self.since = host, host.run_folder, at, since

    def arm(self) -> None:
        self.disarm()
        (self.folder / "count").write_text("0\n")
        (self.folder / "armed").write_text(f"{self.at} {self.since}\n")

    def struck(self) -> str:
        what = self.folder / "what"
        return f"{self.host.name} {what.read_text().strip()}" if what.exists() else ""

    def release(self) -> None:
        (self.folder / "armed").unlink(missing_ok=True)
        (self.folder / "go").touch()

    def disarm(self) -> None:
        (self.folder / "armed").unlink(missing_ok=True)
        if (self.folder / "struck").exists():
            (self.folder / "struck").rmdir()
        for name in ("what", "go"):
            (self.folder / name).unlink(missing_ok=True)


class AtByte:
    """The N-th byte between the operator and a host, both ways counted."""

    def __init__(self, wire: Wire, host: BenchHost, at: int) -> None:
        self.wire, self.host, self.at = wire, host, at

    def arm(self) -> None:
        self.armed = self.wire.arm(self.host.name, self.at)

    def struck(self) -> str:
        return f"{self.host.name} after byte {self.at}" if self.armed.struck.is_set() else ""

    def release(self) -> None:
        self.armed.release()

    def disarm(self) -> None:
        self.wire.disarm()
