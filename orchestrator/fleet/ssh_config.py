"""~/.ssh/config (ssh_config(5)), read once a run: it fills in what the inventory leaves open.

paramiko's own reader knows no Include, runs `Match exec`, and asks DNS for this machine's name
at every host, in the middle of a DNS incident. Here nothing is run and nobody is asked.
"""

from __future__ import annotations

import getpass
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from glob import glob
from pathlib import Path

from orchestrator.fleet.patterns import Patterns, patterns

SYSTEM = Path("/etc/ssh/ssh_config")
DEEPEST = 16  # Includes inside Includes, as in OpenSSH
_LINE = re.compile(r"(\w+)(?:\s*=\s*|\s+)(.+)")
_LISTS = {"identityfile", "certificatefile"}  # every one counts, not only the first


class ConfigError(ValueError):
    """A line that ssh would refuse too."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One criterion of a Host or Match line."""

    kind: str
    negated: bool
    patterns: Patterns

    def holds(self, names: Sequence[str], user: str, *, final: bool) -> bool:
        """Is it met? What we do not carry out (exec, localnetwork, ...) is met by nobody."""
        match self.kind:
            case "host" | "originalhost":
                met = self.patterns.match(names)
            case "all":
                met = True
            case "final":
                met = final
            case "canonical":
                met = False
            case "user":
                met = self.patterns.match((user.lower(),))
            case "localuser":
                met = self.patterns.match((getpass.getuser().lower(),))
            case _:
                return False
        return met != self.negated


@dataclass(frozen=True, slots=True)
class Block:
    """Settings that hold where all conditions are met."""

    conditions: tuple[Condition, ...]
    settings: list[tuple[str, str]] = field(default_factory=list)

    def holds(self, names: Sequence[str], user: str, *, final: bool) -> bool:
        """Are all conditions met?"""
        for condition in self.conditions:  # noqa: SIM110 (a third faster, and there are many)
            if not condition.holds(names, user, final=final):
                return False
        return True


@dataclass(frozen=True, slots=True)
class Found:
    """What the files say of one host: the first value of each setting, lists in full."""

    values: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def one(self, key: str) -> str:
        """The value, or "" where nothing is said."""
        return self.values[key][0] if key in self.values else ""

    def yes(self, key: str) -> bool:
        """Is it switched on?"""
        return self.one(key).lower() in {"yes", "true"}

    def all(self, key: str) -> tuple[str, ...]:
        """Every value of a list."""
        return tuple(value for value in self.values.get(key, ()) if value.lower() != "none")


@dataclass(frozen=True, slots=True)
class SshConfig:
    """Blocks in the order of the files."""

    blocks: tuple[Block, ...] = ()
    me: str = ""  # who runs this: the user where nobody names one
    twice: bool = False  # `Match final` is there: its blocks come after all others

    def lookup(self, names: Sequence[str], user: str | None) -> Found:
        """What holds for a host that goes by any of these names.

        `user` is the one that the inventory names; it goes before any `User` line.
        """
        low = tuple(name.lower() for name in names)
        values: dict[str, list[str]] = {}
        for final in (False, True) if self.twice else (False,):
            for block in self.blocks:
                who = user or values.get("user", (self.me,))[0]
                if block.holds(low, who, final=final):
                    _take(values, block.settings)
        return Found(values)


def _take(values: dict[str, list[str]], settings: Sequence[tuple[str, str]]) -> None:
    for key, value in settings:
        if key not in values:
            values[key] = [value]
        elif key in _LISTS and value not in values[key]:
            values[key].append(value)


def load() -> SshConfig:
    """The user's file, then the machine's. Raises ConfigError, naming file and line."""
    places = (Path.home() / ".ssh/config", SYSTEM)
    blocks = tuple(block for place in places for block in _file(place, (), 0))
    final = any(c.kind == "final" for block in blocks for c in block.conditions)
    return SshConfig(blocks, getpass.getuser(), final)


def _file(path: Path, outer: tuple[Condition, ...], depth: int) -> Iterator[Block]:
    """The blocks of one file; `outer` are the conditions under which it is included."""
    if depth > DEEPEST:
        raise ConfigError(f"{path}: included too deep; does it include itself?")
    block = Block(outer)
    for number, line in enumerate(_text(path).splitlines(), 1):
        key, words = _words(line, f"{path} line {number}")
        if key in {"host", "match"}:
            yield block
            block = Block((*outer, *_conditions(key, words)))
        elif key == "include":
            yield block
            for name in words:
                yield from _included(path, name, block.conditions, depth)
            block = Block(block.conditions)
        elif key:
            block.settings.append((key, " ".join(words)))
    yield block


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error


def _words(line: str, place: str) -> tuple[str, list[str]]:
    """A line as its keyword, in lower case, and what it says; "" for one that says nothing."""
    line = line.strip()
    if not line or line.startswith("#"):
        return "", []
    match = _LINE.fullmatch(line)
    if match is None:
        raise ConfigError(f"{place}: {line!r} is no setting")
    try:
        return match[1].lower(), shlex.split(match[2])
    except ValueError as error:
        raise ConfigError(f"{place}: {error}") from error


def _included(path: Path, name: str, outer: tuple[Condition, ...], depth: int) -> Iterator[Block]:
    """Files of an Include line: names without a folder are beside the file of the user's own."""
    folder = SYSTEM.parent if path.is_relative_to(SYSTEM.parent) else Path.home() / ".ssh"
    for place in sorted(glob(str(folder / Path(name).expanduser()))):  # noqa: PTH207 (absolute)
        yield from _file(Path(place), outer, depth + 1)


def _conditions(key: str, words: list[str]) -> Iterator[Condition]:
    if key == "host":
        yield Condition("host", negated=False, patterns=patterns(words))
        return
    rest = iter(words)
    for word in rest:
        kind = word.lower().removeprefix("!")
        wants = kind not in {"all", "canonical", "final"}
        against = next(rest, "").split(",") if wants else []
        yield Condition(kind, word.startswith("!"), patterns(against))
