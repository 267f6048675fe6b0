"""The TLDs that the root delegates, as facts that ship with ntactl (data/root-tlds.tsv)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_FACTS = Path(__file__).with_name("data") / "root-tlds.tsv"


def rows() -> list[list[str]]:
    """One list of fields a delegation, its name first ("de."); the file's head says which."""
    lines = _FACTS.read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


@cache
def _names() -> frozenset[str]:
    return frozenset(row[0] for row in rows())


def delegated(zone: str) -> bool:
    """Is it a TLD, or the root itself? "lan." and "corp." are not: they are somebody's own."""
    return zone == "." or zone in _names()
