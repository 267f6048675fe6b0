"""Names and lengths of time as people type them, made canonical.

A zone name is absolute, lower case and in A-labels ("de.", "xn--mnchen-3ya."); a length of
time is a timedelta typed as "90s", "2m", "1h" or "1d".
"""

from __future__ import annotations

import re
from datetime import timedelta

from orchestrator.errors import BadInput, quoted

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?")
_LENGTH = re.compile(r"([0-9]{1,9})([smhd])")
_JOINERS = dict.fromkeys((0x200C, 0x200D))  # not printed, and part of names (RFC 5892 appendix A)
_LONGEST = timedelta(days=3652)  # so that sums of times and lengths have a date
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def zone_name(text: str) -> str:
    """Give `text` as an absolute A-label name (RFC 5890), "." for the root.

    Engines accept nonsense ("de extra", "a..b", raw UTF-8), so nothing reaches one that has
    not passed here. Raises BadInput.
    """
    if text == ".":
        return "."
    if not text.translate(_JOINERS).isprintable():
        raise BadInput(f"zone name {quoted(text)} is not a host name: not all of it can be seen")
    labels = text.removesuffix(".").split(".")
    name = ".".join(_label(label, text) for label in labels) + "."
    if len(name) > 254:
        raise BadInput(f"zone name {quoted(text)} is longer than 253 characters")
    return name


def _label(label: str, text: str) -> str:
    if not label:
        raise BadInput(
            f"zone name {quoted(text)} has an empty label", next_step='write it like "de."'
        )
    lowered = label.lower() if label.isascii() else _to_ascii(label, text)
    if len(lowered) > 63:
        raise BadInput(f"zone name {quoted(text)} has a label of over 63 characters")
    if not _LABEL.fullmatch(lowered):
        raise BadInput(
            f"zone name {quoted(text)} is not a host name: letters, digits, '-' and '_' only",
            next_step='name one zone, like "de."',
        )
    return lowered


def _to_ascii(label: str, text: str) -> str:
    import idna

    try:
        return idna.encode(label, uts46=True).decode().lower()
    except idna.IDNAError as error:
        raise BadInput(
            f"zone name {quoted(text)} has no A-label form (IDNA 2008): {error}"
        ) from error


def length(text: str) -> timedelta:
    """Read a length of time: digits and one of s, m, h, d. Raises BadInput."""
    match = _LENGTH.fullmatch(text.strip())
    if match is None:
        raise BadInput(
            f"{quoted(text)} is no length of time", next_step="write it like 90s, 2m, 1h, 1d"
        )
    found = timedelta(seconds=int(match[1]) * _SECONDS[match[2]])
    if found > _LONGEST:
        raise BadInput(f"{text} is longer than ten years")
    return found


def length_text(value: timedelta) -> str:
    """Write a length of time the way `length` reads it, in the largest exact unit."""
    seconds = round(value.total_seconds())
    for unit in "dhm":
        if seconds and seconds % _SECONDS[unit] == 0:
            return f"{seconds // _SECONDS[unit]}{unit}"
    return f"{seconds}s"


def under(name: str, zone: str) -> bool:
    """Is `name` the zone or below it? ("xde." is not under "de.")."""
    return zone in (".", name) or name.endswith("." + zone)
