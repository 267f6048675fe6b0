"""Name servers with a fault of their own, for zones that a scenario has delegated to them.

They run only while a zone is. To some nobody gets through over TCP: the lab's own routing turns it
away, for every host and every program in the lab. Others answer some 20 queries a second.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

from orchestrator.lab.authority import Authority
from orchestrator.lab.standing import Standing
from orchestrator.lab.world import LIMITED, NARROW

A_SECOND = 20
# The rule has to come before the one for local addresses, which has the first place.
_NO_TCP = (
    "rule add pref 1 lookup local",
    "rule add pref 0 to 10.53.5.0/24 ipproto tcp unreachable",
    "rule del pref 0 lookup local",
)


class Apart:
    """One NSD for all narrow addresses, and one for all limited ones, or none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: dict[tuple[str, ...], Authority] = {}
        self.narrowed = False

    def serve(self, every: Iterable[Standing], serial: int) -> None:
        """Serve those that are delegated here and no others. Returns when they are served."""
        listed = list(every)
        for addresses in (NARROW, LIMITED):
            here = [one for one in listed if one.is_at(addresses)]
            running = self.running.get(addresses)
            if [one.zone for one in here] == (list(running.serials) if running else []):
                continue
            if running:
                self.running.pop(addresses).stop()
            if here:
                self.running[addresses] = self._start(addresses, here, serial)

    def _start(self, addresses: tuple[str, ...], here: list[Standing], serial: int) -> Authority:
        if addresses == NARROW and not self.narrowed:
            rules = "\n".join(_NO_TCP)
            subprocess.run(["ip", "-batch", "-"], input=rules, text=True, check=True)
            self.narrowed = True
        limit = A_SECOND if addresses == LIMITED else 0
        zones = [one.zone for one in here]
        made = Authority(self.folder / addresses[0], addresses, zones, limit=limit)
        made.write({one.zone: one.content(0, serial) for one in here})
        made.start()
        made.wait_for_all()
        return made
