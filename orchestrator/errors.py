"""What can go wrong, for a tired person.

Every error says what happened, where, what state things are in now and the next command to
type. The exit codes are those of the command line contract (docs/reference/exit-codes.md)::

    NtactlError            1  failed, nothing was changed
    |-- BadInput           2  the command line or a file named on it is wrong
    |   `-- BadFile        2  an inventory, playbook or plan: file, line and field
    |-- Refused            4  a safety rule or a missing approval; the rule is named
    |-- PersonNeeded       6  a host could not be taken back or reached
    `-- LabError           1  the lab could not do what was asked
"""

from __future__ import annotations

_QUOTED = 80  # characters of what is wrong that an error repeats


def cut(text: object) -> str:
    """What another program or a file said, short enough for an error."""
    shown = str(text)
    return shown if len(shown) <= _QUOTED else f"{shown[: _QUOTED - 3]}..."


def quoted(text: str) -> str:
    """What was typed or read, as an error quotes it: control characters shown, long ones cut."""
    return repr(cut(text))


class NtactlError(Exception):
    """Failed; nothing was changed."""

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", state: str = "", next_step: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.state = state
        self.next_step = next_step

    def __str__(self) -> str:
        """The message as a person reads it: up to four short lines."""
        head = f"{self.where}: {self.what}" if self.where else self.what
        lines = [head]
        if self.state:
            lines.append(f"  state: {self.state}")
        if self.next_step:
            lines.append(f"  next:  {self.next_step}")
        return "\n".join(lines)


class BadInput(NtactlError, ValueError):
    """The command line is wrong.

    A ValueError too, so that pydantic reports one from a field's validator with its place.
    """

    exit_code = 2


class BadFile(BadInput):
    """A file is wrong; says file, line and field."""

    def __init__(
        self,
        what: str,
        *,
        file: str,
        line: int | None = None,
        field: str = "",
        next_step: str = "",
    ) -> None:
        where = file if line is None else f"{file}:{line}"
        what = what if not field else f"{field}: {what}"
        super().__init__(what, where=where, next_step=next_step)
        self.file, self.line, self.field = file, line, field


class Refused(NtactlError):
    """A safety rule said no, and nothing was changed. `rule` is its stable name."""

    exit_code = 4

    def __init__(
        self, rule: str, what: str, *, where: str = "", state: str = "", next_step: str = ""
    ) -> None:
        super().__init__(
            f"refused by rule '{rule}': {what}",
            where=where,
            state=state or "nothing was changed",
            next_step=next_step,
        )
        self.rule = rule


class PersonNeeded(NtactlError):
    """A host could not be taken back or reached; a person has to look."""

    exit_code = 6


class LabError(NtactlError):
    """The lab could not do what was asked."""
