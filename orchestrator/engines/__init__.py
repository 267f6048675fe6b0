"""What an NTA is to each resolver software."""

from __future__ import annotations

from orchestrator.engines.base import Engine, Preview
from orchestrator.engines.bind import Bind
from orchestrator.engines.knot import Knot
from orchestrator.engines.pdns import Pdns
from orchestrator.engines.unbound import Unbound

__all__ = ["Engine", "Preview", "engine"]

_ENGINES: dict[str, Engine] = {each.name: each for each in (Unbound(), Bind(), Pdns(), Knot())}


def engine(name: str) -> Engine:
    """The engine of that name, as inventories write it ("unbound", "bind", "pdns", "knot")."""
    return _ENGINES[name]
