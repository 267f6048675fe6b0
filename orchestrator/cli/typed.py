"""What people type and files hold: times, and lists of names."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.errors import BadFile, BadInput, quoted
from orchestrator.given import given_text

_NAMES = 16 << 20  # bytes of a file of names: a million
_RRSIG_TIME = re.compile(r"[0-9]{14}$")  # RFC 4034 section 3.2


def moment(text: str, start: datetime) -> datetime:
    """A time as RFC 3339 or as in an RRSIG (YYYYMMDDhhmmss), or a length from `start`.

    Raises BadInput.
    """
    try:
        at = datetime.fromisoformat(f"{text[:8]}T{text[8:]}" if _RRSIG_TIME.match(text) else text)
    except ValueError:
        return _later(text, start)
    if not 1970 <= at.year < 2106:
        raise BadInput(
            f"{quoted(text)} is no time of a signature", next_step="1970 to 2105 (RFC 4034 3.1.5)"
        )
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _later(text: str, start: datetime) -> datetime:
    from orchestrator.names import length

    try:
        return start + length(text)
    except (BadInput, OverflowError) as error:
        example = f"write it like {start:%Y-%m-%dT%H:%M:%SZ}, or 2h from now"
        raise BadInput(f"{quoted(text)} is no time", next_step=example) from error


def names_in(path: Path) -> list[str]:
    """The names of a file, one a line, "#" before what is none. Raises BadFile."""
    from orchestrator.names import zone_name

    found: dict[str, None] = {}
    for number, line in enumerate(given_text(path, _NAMES).split("\n"), 1):
        word = line.partition("#")[0].strip()
        try:
            found |= {zone_name(word): None} if word else {}
        except BadInput as error:
            raise BadFile(error.what, file=str(path), line=number) from error
    return list(found)


def names_under(path: Path | None, zone: str) -> list[str]:
    """The names of a --names file that lie under the zone. Raises BadFile."""
    from orchestrator.names import under

    return [name for name in names_in(path) if under(name, zone)] if path else []
