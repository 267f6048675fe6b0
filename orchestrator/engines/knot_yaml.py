"""The YAML of Knot Resolver 6: where its settings stand, and the commands that mend them.

Its manager makes each instance's Lua of that, so whatever is mended is loaded by the manager: it
starts the instances anew, one after the other, and then their cache has to go.
"""

from __future__ import annotations

import re
from shlex import quote

from orchestrator.engines.mend import Change, commands, edits, named, substituted
from orchestrator.engines.weak import Facts, Line
from orchestrator.model import Zone

_OFF = r"((?<![\w-])enable:\s*)(?:false|no|off)\b"
_LOOPBACK = r"(query-loopback:\s*)(?:true|yes|on)\b"


def loaded(told: Facts) -> tuple[str, ...]:
    """What lets the instances go by the configuration; () for release 5, which has no YAML.

    Where a mistake is in it, `kresctl reload` says nothing and exits with 0 (6.5).
    """
    main = _main(told)
    return (*_checked(main), f"kresctl -c {quote(main)} reload --force") if main else ()


def _main(told: Facts) -> str:
    return next((file for file in told.files if file.endswith((".yaml", ".yml"))), "")


def _checked(main: str) -> tuple[str, ...]:
    return (f"kresctl validate {quote(main)} > /dev/null",)


def _mended(told: Facts, lines: list[Line], change: Change) -> tuple[str, ...]:
    return commands(edits(lines, change), "".join(_checked(_main(told))))


def unlisted(told: Facts, zone: Zone) -> tuple[str, ...]:
    """Takes a zone out of dnssec.negative-trust-anchors."""
    return _without(told, "negative-trust-anchors", named(zone))


def unanchored(told: Facts, zone: Zone) -> tuple[str, ...]:
    """Takes a zone's records out of dnssec.trust-anchors."""
    name = re.escape(zone.removesuffix("."))
    record = rf"{name}\.?\s[^\"',\]]*"
    return _without(told, "trust-anchors", rf"(?:'{record}'|\"{record}\"|{record})")


def _without(told: Facts, key: str, value: str) -> tuple[str, ...]:
    """The items of a list that are so are taken out; an empty list is a mistake, none is not."""
    # Alone in brackets, among others there, or a line of its own.
    item = rf"(?:^\s*-\s+{value}\s*$|\[\s*{value}\s*\])"
    among = rf"(?<=[\[,])\s*{value}\s*(?:,|(?=\]))"
    either = re.compile(f"{item}|{among}", re.IGNORECASE)
    lines = [line for line in _listed(told, key) if either.search(line.text)]
    return _mended(told, lines, substituted(either.pattern, "", "#"))


def _listed(told: Facts, key: str) -> list[Line]:
    """The lines of a list: its key's, and those of the items right below."""
    found: list[Line] = []
    for line in told.lines:
        below = found and (line.file, line.number - 1) == (found[-1].file, found[-1].number)
        if re.search(rf"(?<![\w-]){key}:", line.text) or (below and re.match(r"\s*- ", line.text)):
            found.append(line)
    return found


def switched_off(told: Facts) -> list[Line]:
    """The lines that say dnssec.enable: false; other sections have an `enable` of their own."""
    found, section = [], ""
    for line in told.lines:
        top = re.match(r"([a-z0-9-]+):", line.text)
        section = top[1] if top else section
        if section == "dnssec" and re.search(_OFF, line.text):
            found.append(line)
    return found


def switched_on(told: Facts) -> tuple[str, ...]:
    return _mended(told, switched_off(told), substituted(_OFF, r"\1true", "#"))


def loopback(told: Facts) -> list[Line]:
    """The lines that say options.query-loopback: true."""
    return told.having(_LOOPBACK)


def no_loopback(told: Facts) -> tuple[str, ...]:
    return _mended(told, loopback(told), substituted(_LOOPBACK, r"\1false", "#"))
