"""Commands that mend lines of a configuration, each as it was seen, checked, or put back.

What a host told may be anything. So a line is changed here, where its text is known, and a
command puts the whole new line in the old one's place, only while that is still what it was.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from shlex import quote
from typing import NamedTuple

from orchestrator.engines.weak import Line

Change = Callable[[str], str]


class Edit(NamedTuple):
    """A line and what it becomes; empty lines stay, so that no other's number moves."""

    line: Line
    text: str


def edits(lines: Iterable[Line], change: Change) -> tuple[Edit, ...]:
    """The lines, changed; () when one does not change: its statement is not whole in that line."""
    made = tuple(Edit(line, change(line.text)) for line in lines)
    return made if all(edit.text != edit.line.text for edit in made) else ()


def commands(made: Sequence[Edit], check: str = "") -> tuple[str, ...]:
    """What puts the lines in place; where the checker then fails, the files are as before."""
    files = dict.fromkeys(edit.line.file for edit in made)
    puts = [_put(file, [edit for edit in made if edit.line.file == file]) for file in files]
    if not puts or not check:
        return tuple(puts)
    back = " && ".join(f"cp -p {quote(f'{file}.ntactl')} {quote(file)}" for file in files)
    gone = " ".join(quote(f"{file}.ntactl") for file in files)
    return (*puts, f"{{ {check} || {{ {back}; false; }}; }}", f"rm -f {gone}")


def _put(file: str, made: Sequence[Edit]) -> str:
    """Written through, so that a link, mode and owner stay; nothing where it has changed."""
    name, aside = quote(file), quote(f"{file}.ntactl")
    same = " && ".join(map(_same, made))
    puts = " ".join(f"-e {quote(_script(edit))}" for edit in made)
    changed = quote(f"{file} has changed: audit it again")
    return (
        f"{{ {{ {same}; }} || {{ echo {changed} >&2; false; }}; }} && "
        f"cp -p {name} {aside} && sed {puts} {aside} > {name}"
    )


def _same(edit: Edit) -> str:
    """A test: is the line still what it was?"""
    told = f"sed -n {edit.line.number}p {quote(edit.line.file)} | tr '\\t\\r' '  '"
    return f'[ "$({told})" = {quote(edit.line.text)} ]'


def _script(edit: Edit) -> str:
    text = re.sub(r"[\\&/]", r"\\\g<0>", edit.text)
    return f"{edit.line.number}s/.*/{text}/"


def substituted(pattern: str, replacement: str, comment: str) -> Change:
    """A change: a pattern replaced wherever it stands before a comment; whatever the case."""

    def change(text: str) -> str:
        if "/*" in text or "*/" in text:  # where such a comment ends, one line does not tell
            return text
        end = _comment_start(text, comment)
        return re.sub(pattern, replacement, text[:end], flags=re.IGNORECASE) + text[end:]

    return change


def _comment_start(text: str, comment: str) -> int:
    """Where a comment begins, outside quotes; the text's length where there is none."""
    skipped = re.compile(rf"\"[^\"]*\"|'[^']*'|(?P<comment>{comment})")
    starts = (match.start() for match in skipped.finditer(text) if match["comment"])
    return next(starts, len(text))


def named(zone: str) -> str:
    """A zone's name as a pattern: with or without its final dot, quoted or not, and all of it."""
    name = re.escape(zone.removesuffix("."))
    return rf"(?:\"{name}\.?\"|'{name}\.?'|(?<![\w.\"'-]){name}\.?(?![\w.\"'-]))"
