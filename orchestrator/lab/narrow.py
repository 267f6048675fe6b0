"""Name servers that nobody reaches over TCP, for zones whose answers need it.

They run only while a zone is delegated to them. The lab's own routing turns TCP to them away, for
every host and every program in the lab.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from orchestrator.lab.authority import Authority
from orchestrator.lab.standing import Standing
from orchestrator.lab.world import NARROW

# The rule has to come before the one for local addresses, which has the first place.
_RULES = (
    "rule add pref 1 lookup local",
    "rule add pref 0 to 10.53.5.0/24 ipproto tcp unreachable",
    "rule del pref 0 lookup local",
)


class Narrow:
    """One NSD at all narrow addresses, or none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: Authority | None = None
        self.closed = False

    def serve(self, standing: Sequence[Standing], serial: int) -> None:
        """Serve these TLDs and no others. Returns when they are served."""
        wanted = [one.zone for one in standing]
        if wanted == (list(self.running.serials) if self.running else []):
            return
        if self.running:
            self.running.stop()
        self.running = self._start(standing, serial) if standing else None

    def _start(self, standing: Sequence[Standing], serial: int) -> Authority:
        self._close()
        made = Authority(self.folder, NARROW, [one.zone for one in standing])
        for one in standing:
            made.write({one.zone: one.content(0, serial)})
        made.start()
        made.wait_for_all()
        return made

    def _close(self) -> None:
        if not self.closed:
            rules = "\n".join(_RULES)
            subprocess.run(["ip", "-batch", "-"], input=rules, text=True, check=True)
            self.closed = True
