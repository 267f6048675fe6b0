"""Patterns of ssh_config(5) and known_hosts: `*`, `?`, and `!` before what must not match."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class Patterns:
    """A list of patterns, kept so that a plain name costs one look-up: there may be thousands."""

    plain: frozenset[str]
    wild: tuple[re.Pattern[str], ...]
    refused: tuple[re.Pattern[str], ...]

    def match(self, names: Sequence[str]) -> bool:
        """Does one of the names match, and none of them a pattern with `!`?"""
        if self.plain.isdisjoint(names) and not (self.wild and _any(self.wild, names)):
            return False
        return not _any(self.refused, names)


def patterns(texts: Iterable[str]) -> Patterns:
    """Read patterns; case is of no matter, so names are to come in lower case."""
    plain: set[str] = set()
    wild: list[re.Pattern[str]] = []
    refused: list[re.Pattern[str]] = []
    for text in map(str.lower, texts):
        if text.startswith("!"):
            refused.append(_expression(text[1:]))
        elif "*" in text or "?" in text:
            wild.append(_expression(text))
        else:
            plain.add(text)
    return Patterns(frozenset(plain), tuple(wild), tuple(refused))


@cache
def _expression(text: str) -> re.Pattern[str]:
    return re.compile(re.escape(text).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


def _any(expressions: Sequence[re.Pattern[str]], names: Sequence[str]) -> bool:
    return any(e.fullmatch(name) is not None for e in expressions for name in names)
