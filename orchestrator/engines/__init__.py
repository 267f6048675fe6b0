"""What an NTA is to each resolver software."""

from __future__ import annotations

from orchestrator.engines.base import Engine, Preview
from orchestrator.engines.bind import Bind
from orchestrator.engines.unbound import Unbound

__all__ = ["Engine", "Preview", "engine"]

_ENGINES: dict[str, Engine] = {each.name: each for each in (Unbound(), Bind())}


def engine(name: str) -> Engine:
    """The engine of that name, as inventories write it ("unbound", "bind")."""
    return _ENGINES[name]
