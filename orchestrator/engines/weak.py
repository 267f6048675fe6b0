"""What weakens validation on a host: what an audit reads, and what an engine makes of it.

An engine names its settings in a table, and how a line of its configuration is mended; what no
table can say is a function in the engine's own file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Severity = Literal["error", "warning", "note"]
_LINE = re.compile(r"(/.*?):(\d+):(.*)")


class Line(NamedTuple):
    """One line of a host's configuration."""

    file: str
    number: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.number}: {self.text.strip()}"


class Weakness(NamedTuple):
    """One thing that weakens validation: why, what shows it, and what mends it on the host.

    A "note" is a default that others do better with, no fault of anybody. `mend` are commands of
    a shell, to be run until one fails; none where only a person can know.
    """

    rule: str
    severity: Severity
    says: str
    evidence: tuple[str, ...]
    mend: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """What a host told: lines of its configuration, what that `said`, what the daemon `runs` by.

    `keys` are trust anchors as records (Unbound), `tags` as (owner, key tag). `files` are those
    of the configuration with the time of their last change, in seconds of the epoch.
    """

    lines: tuple[Line, ...] = ()
    said: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    runs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    files: Mapping[str, int] = field(default_factory=dict)
    managers: tuple[str, ...] = ()
    package: str = ""

    def having(self, pattern: str) -> list[Line]:
        """The lines in which a pattern is found, whatever the case."""
        return [line for line in self.lines if re.search(pattern, line.text, re.IGNORECASE)]


def facts(told: Iterable[tuple[str, str]]) -> Facts:
    """Sort what a host's program told, as (word, rest)."""
    by_word: dict[str, list[str]] = {}
    for word, rest in told:
        by_word.setdefault(word, []).append(rest)
    stamps = (rest.partition(" ") for rest in by_word.get("file", ()))
    lines = (_LINE.fullmatch(rest) for rest in by_word.get("line", ()))
    pairs = (rest.split() for rest in by_word.get("tag", ()))
    return Facts(
        lines=tuple(Line(m[1], int(m[2]), m[3]) for m in lines if m),
        said=_values(by_word.get("said", ())),
        runs=_values(by_word.get("runs", ())),
        keys=tuple(by_word.get("key", ())),
        tags=tuple((pair[0].lower(), pair[1]) for pair in pairs if len(pair) == 2),
        files={path: int(at) for at, _, path in stamps if at.isdecimal()},
        managers=tuple(by_word.get("manager", ())),
        package=" ".join(by_word.get("package", ())),
    )


def _values(told: Iterable[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for rest in told:
        name, _, value = rest.partition(" ")
        found[name] = (*found.get(name, ()), value.strip())
    return found


class Setting(NamedTuple):
    """One option that must not have some values, and the one it should have ("": leave it out).

    `judged`: while it was so, answers were cached by another judgement; they have to go. A "note"
    that somebody wrote down is a warning.
    """

    name: str
    bad: Callable[[str], bool]
    rule: str
    severity: Severity
    says: str
    good: str = ""
    judged: bool = True


class Dialect(NamedTuple):
    """How an engine writes a setting, and reads its configuration anew.

    `pattern` is what finds a setting's line; `write` gives the commands that put a value in lines
    (() where they do not show the whole of it), `reload` the one that lets the daemon go by it, the
    cache emptied or not. `at_run_time`: can the daemon be told otherwise than its files say?
    """

    pattern: Callable[[str], str]
    write: Callable[[str, str, Sequence[Line]], tuple[str, ...]]
    reload: Callable[[bool], str]
    at_run_time: bool = True


def weak_settings(told: Facts, settings: Sequence[Setting], dialect: Dialect) -> Iterator[Weakness]:
    """Settings with a value they must not have, on disk or in the daemon; and where the two differ.

    One that is so by default alone is a note where the table calls it no error.
    """
    found: set[str] = set()
    for setting in settings:
        said, runs = told.said.get(setting.name, ()), told.runs.get(setting.name, ())
        lines = told.having(dialect.pattern(setting.name))
        on_disk, running = any(map(setting.bad, said)), any(map(setting.bad, runs))
        if on_disk or running:
            found.add(setting.name)
            yield _weak(setting, dialect, lines, on_disk=on_disk, running=running)
    for name in dict.fromkeys(setting.name for setting in settings if setting.name not in found):
        said, runs = told.said.get(name, ()), told.runs.get(name, ())
        if said and runs and said != runs:
            yield _not_loaded(name, said, runs, dialect.reload(True))


def _weak(
    setting: Setting, dialect: Dialect, lines: list[Line], *, on_disk: bool, running: bool
) -> Weakness:
    default = not lines and (on_disk or not dialect.at_run_time or setting.severity == "note")
    severity: Severity = setting.severity
    if severity == "note" and not default:
        severity = "warning"
    where = shown(lines) if on_disk else ()
    how = _how(setting.name, default=default, on_disk=on_disk, running=running)
    write = dialect.write(setting.name, setting.good, lines if on_disk else ())
    # Where no line can be changed, a reload would only make it so once more.
    mend = (*write, dialect.reload(setting.judged)) if write or not (on_disk or default) else ()
    return Weakness(setting.rule, severity, setting.says, (*where, *how), mend)


def _how(name: str, *, default: bool, on_disk: bool, running: bool) -> tuple[str, ...]:
    """What the lines of its files do not tell of a setting."""
    if default:
        return (f"no line that was found sets {name}: it is so by default, or set elsewhere",)
    if not on_disk:
        return (f"set in the daemon alone, where no file says so: {name}",)
    return () if running else ("the daemon does not go by it yet: a reload or restart will",)


def _not_loaded(name: str, said: Sequence[str], runs: Sequence[str], reload: str) -> Weakness:
    return Weakness(
        "not-loaded",
        "warning",
        "the daemon does not run by what its files say",
        (f"{name}: {' '.join(said)} on disk, {' '.join(runs)} in the daemon",),
        (reload,),
    )


def is_yes(value: str) -> bool:
    return value.lower() in {"yes", "true", "1", "on"}


def is_no(value: str) -> bool:
    return value.lower() in {"no", "false", "0", "off"}


def shown(lines: Sequence[Line]) -> tuple[str, ...]:
    return tuple(map(str, lines))
