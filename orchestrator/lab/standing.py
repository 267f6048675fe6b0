"""How one TLD that can be broken stands, and what its servers and the root are to serve for it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from orchestrator.lab.authority import Authority
from orchestrator.lab.root import Delegation
from orchestrator.lab.scenarios import HEALTHY
from orchestrator.lab.scenarios.look import Look, Scenario
from orchestrator.lab.signer import Zone
from orchestrator.lab.world import Tld


@dataclass
class Standing:
    """A TLD's scenario and phase, since when, and when its next serial is due.

    Its authorities are in the order of its servers. `before`: whether it still is at what
    precedes the break.
    """

    tld: Tld
    authorities: tuple[Authority, ...]
    scenario: Scenario = HEALTHY
    phase: int = 1
    before: bool = False
    since: float = field(default_factory=time.time)
    due: float = 0.0

    @property
    def zone(self) -> str:
        return self.tld.plan.origin

    def delegation(self) -> Delegation:
        """What the root says of it."""
        found = self.scenario
        ds = found.before.ds if self.before and found.before else found.ds
        return Delegation(
            self.tld.origin,
            found.servers(self.tld, self.phase),
            ds(self.tld, self.phase),
            found.signs_ds(self.phase),
        )

    def is_at(self, addresses: Sequence[str]) -> bool:
        """Whether the root delegates it to one of these addresses."""
        listed = self.scenario.servers(self.tld, self.phase)
        return any(server.address in addresses for server in listed)

    def content(self, number: int, serial: int) -> Zone:
        """What the server of that number is to serve."""
        found = self.scenario
        serve = found.before.serve if self.before and found.before else found.serve
        return serve(Look(self.tld, self.phase, number, serial, int(time.time())))

    def write(self, serial: int) -> None:
        """Give each server its content."""
        for number, authority in enumerate(self.authorities):
            authority.write({self.zone: self.content(number, serial)})

    def wait(self) -> None:
        """Return when each server serves what was written."""
        for authority, server in zip(self.authorities, self.tld.plan.servers, strict=True):
            authority.wait(self.zone, server.address)
