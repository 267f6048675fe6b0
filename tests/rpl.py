"""Scripted scenarios (.rpl), as in Unbound's testdata and in Deckard: read, and answer from them.

A scenario has a configuration (trust anchor, time), ranges of steps in which addresses answer by
entries, and steps that ask and say what a resolver must answer. Here the resolver's own questions
are all that is played: `Scenario.reply` is what an address sends back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from dns.name import Name
from dns.rdatatype import RdataType

SECTIONS = ("ANSWER", "AUTHORITY", "ADDITIONAL")
RCODES = {"NOTIMPL": "NOTIMP"}
TTL = 3600


@dataclass
class Entry:
    """One answer, and the queries it is for."""

    match: set[str] = field(default_factory=set)
    adjust: set[str] = field(default_factory=set)
    flags: set[str] = field(default_factory=set)
    name: Name | None = None
    rdtype: RdataType | None = None
    records: list[tuple[str, str]] = field(default_factory=list)  # section, record
    raw: bytes | None = None

    @property
    def rcode(self) -> str:
        words = (RCODES.get(flag, flag) for flag in self.flags)
        return next((w for w in words if w in dns.rcode.Rcode.__members__), "NOERROR")

    def matches(self, query: dns.message.Message, *, tcp: bool) -> bool:
        asked = query.question[0]
        if "question" in self.match or "all" in self.match:
            return (asked.name, asked.rdtype) == (self.name, self.rdtype)
        wrong = (
            ("qtype" in self.match and asked.rdtype != self.rdtype),
            ("qname" in self.match and asked.name != self.name),
            ("subdomain" in self.match and not asked.name.is_subdomain(self.name)),
            ("UDP" in self.match and tcp),
            ("TCP" in self.match and not tcp),
        )
        return not any(wrong)

    def answer(self, query: dns.message.Message) -> bytes:
        if self.raw is not None:
            return query.to_wire()[:2] + self.raw[2:]
        message = dns.message.Message(query.id)
        message.flags = sum(
            dns.flags.from_text(flag) for flag in self.flags if flag in dns.flags.Flag.__members__
        )
        message.flags |= dns.flags.QR
        message.set_rcode(dns.rcode.from_text(self.rcode))
        message.use_edns(0, dns.flags.DO, 4096)
        asked = query.question[0]
        name, rdtype = asked.name, asked.rdtype
        if "copy_query" not in self.adjust and self.name is not None:
            name, rdtype = self.name, self.rdtype
        message.question = [dns.rrset.RRset(name, dns.rdataclass.IN, rdtype)]
        for section, text in self.records:
            _add(message, section, text)
        return message.to_wire(max_size=65535)


def _add(message: dns.message.Message, section: str, text: str) -> None:
    name, ttl, rdtype, rest = _record(text)
    rdata = dns.rdata.from_text(dns.rdataclass.IN, rdtype, rest, dns.name.root, relativize=False)
    covers = rdata.covers()
    number = SECTIONS.index(section) + 1
    rrset = message.find_rrset(number, name, rdata.rdclass, rdtype, covers, create=True)
    rrset.add(rdata, ttl)


def _record(text: str) -> tuple[Name, int, RdataType, str]:
    """Owner, TTL (which may be left out, as may the class), type and rdata."""
    owner, *words = text.split()
    ttl = TTL
    while words:
        word = words.pop(0)
        if word.isdigit():
            ttl = int(word)
        elif word.upper() not in ("IN", "CH"):
            break
    return dns.name.from_text(owner), ttl, dns.rdatatype.from_text(word), " ".join(words)


@dataclass
class Range:
    """Who answers from `first` step to `last`."""

    first: int
    last: int
    addresses: set[str] = field(default_factory=set)
    entries: list[Entry] = field(default_factory=list)


@dataclass
class Scenario:
    """One file."""

    config: list[tuple[str, str]] = field(default_factory=list)
    title: str = ""
    ranges: list[Range] = field(default_factory=list)
    steps: list[tuple[int, str, Entry]] = field(default_factory=list)

    @property
    def asked(self) -> tuple[int, Entry]:
        """The first query: its step, name and type."""
        return next((step, entry) for step, kind, entry in self.steps if kind == "QUERY")

    def values(self, key: str) -> list[str]:
        return [value for name, value in self.config if name == key]

    @property
    def anchors(self) -> list[str]:
        return self.values("trust-anchor")

    @property
    def hints(self) -> list[str]:
        """The addresses of the root's servers."""
        return [value.partition("@")[0] for value in self.values("stub-addr")]

    @property
    def now(self) -> datetime:
        date = self.values("val-override-date")[0]
        return datetime.strptime(date, "%Y%m%d%H%M%S").replace(tzinfo=UTC)

    @property
    def addresses(self) -> set[str]:
        return {address for one in self.ranges for address in one.addresses}

    def reply(self, address: str, query: dns.message.Message, *, tcp: bool = False) -> bytes | None:
        """What `address` answers; None when the script has nothing."""
        step, _ = self.asked
        for one in self.ranges:
            if one.first <= step <= one.last and address in one.addresses:
                for entry in one.entries:
                    if entry.matches(query, tcp=tcp):
                        return entry.answer(query)
        return None


def load(path: Path) -> Scenario:
    """Read a scenario."""
    return _Reader(_lines(path.read_text())).scenario()


def _lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        bare = _uncommented(line).strip()
        if bare:
            yield bare


def _uncommented(line: str) -> str:
    """A ";" begins a comment, unless it is quoted; a "#" too, where a word would begin."""
    quoted = False
    for at, char in enumerate(line):
        if char == '"':
            quoted = not quoted
        elif not quoted and (char == ";" or (char == "#" and not line[:at].strip(" \t"))):
            return line[:at]
    return line


class _Reader:
    def __init__(self, lines: Iterator[str]) -> None:
        self.lines = lines

    def scenario(self) -> Scenario:
        made = Scenario(list(self.config()))
        for line in self.lines:
            word, _, rest = line.partition(" ")
            if word == "SCENARIO_BEGIN":
                made.title = rest.strip()
            elif word == "RANGE_BEGIN":
                made.ranges.append(self.range(rest))
            elif word == "STEP":
                number, kind, *_ = rest.split()
                asks = kind in ("QUERY", "CHECK_ANSWER", "CHECK_OUT_QUERY", "REPLY")
                made.steps.append((int(number), kind, self.entry() if asks else Entry()))
            elif word == "SCENARIO_END":
                break
        return made

    def config(self) -> Iterator[tuple[str, str]]:
        for line in self.lines:
            if line.startswith("CONFIG_END"):
                return
            key, _, value = line.partition(":")
            quoted = re.match(r'\s*"([^"]*)"', value)
            bare = quoted[1] if quoted else value.partition("#")[0]
            yield key.strip(), bare.strip()

    def range(self, bounds: str) -> Range:
        first, last = bounds.split()[:2]
        made = Range(int(first), int(last))
        for line in self.lines:
            word, _, rest = line.partition(" ")
            if word == "ADDRESS":
                made.addresses.add(str(ip_address(rest.split()[0])))
            elif word == "ENTRY_BEGIN":
                made.entries.append(self.entry(begun=True))
            elif word == "RANGE_END":
                break
        return made

    def entry(self, *, begun: bool = False) -> Entry:
        made, section = Entry(), ""
        for line in self.lines:
            word, *rest = line.split()
            if word == "ENTRY_BEGIN":
                begun = True
            elif word == "ENTRY_END" and begun:
                break
            elif word in ("MATCH", "ADJUST"):
                getattr(made, word.lower()).update(rest)
            elif word == "REPLY":
                made.flags.update(rest)
            elif word == "SECTION":
                section = rest[0]
            elif word in ("HEX_ANSWER_BEGIN", "RAW"):
                made.raw = self.raw(rest)
            elif section == "QUESTION":
                _question(made, line)
            elif section:
                made.records.append((section, line))
        return made

    def raw(self, rest: list[str]) -> bytes:
        if rest:
            return bytes.fromhex("".join(rest))
        digits = ""
        for line in self.lines:
            if line.startswith("HEX_ANSWER_END"):
                break
            digits += line.replace(" ", "")
        return bytes.fromhex(digits)


def _question(entry: Entry, line: str) -> None:
    name, *words = line.split()
    kinds = [word for word in words if word.upper() not in ("IN", "CH") and not word.isdigit()]
    entry.name = dns.name.from_text(name)
    entry.rdtype = dns.rdatatype.from_text(kinds[0])
