"""What was asked of `lab up`: the resolver hosts, and how large the root is to be."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from orchestrator.lab.census import fillers
from orchestrator.lab.folder import Folder
from orchestrator.lab.hosts import plan_hosts
from orchestrator.lab.stock import Stock
from orchestrator.lab.world import TLDS, TldPlan


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked; kept in the lab's folder, where the inside of the lab reads it.

    `cache` is where keys and zones of a large root are kept, beside every lab.
    """

    resolvers: str
    root_size: int = len(TLDS)
    real_servers: bool = False
    cache: str = ""

    @classmethod
    def read(cls, folder: Folder) -> Asked:
        """What the lab in this folder was asked for."""
        return cls(**json.loads(folder.plan.read_text()))

    def write(self, folder: Folder) -> None:
        folder.plan.write_text(json.dumps(asdict(self)))

    def same(self, other: Asked) -> bool:
        """Whether the same lab fulfils both."""
        mine, others = plan_hosts(self.resolvers), plan_hosts(other.resolvers)
        size = (self.root_size, self.real_servers)
        return mine == others and size == (other.root_size, other.real_servers)

    def fillers(self) -> list[TldPlan]:
        """The TLDs beside the lab's own. Raises BadInput."""
        return fillers(self.root_size, real_counts=self.real_servers)

    def stock(self) -> Stock:
        """Where their keys and zones are."""
        return Stock(Path(self.cache), "real" if self.real_servers else "two")

    def __str__(self) -> str:
        kind = " with all their servers" if self.real_servers else ""
        return f"{self.resolvers} and a root of {self.root_size} zones{kind}"
