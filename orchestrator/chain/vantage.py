"""From where a chain is walked: root hints and trust anchors, by default those of IANA."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import dns.exception
import dns.name
import dns.rdatatype
import dns.zonefile
from dns.name import Name
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.DS import DS
from dns.rrset import RRset

from orchestrator.chain.trust import as_ds, supported
from orchestrator.errors import BadFile, cut
from orchestrator.given import given_text


@dataclass(frozen=True)
class Vantage:
    """`hints` are (name, address) of root servers; `anchors` lines of DS or DNSKEY records."""

    hints: tuple[tuple[str, str], ...]
    anchors: tuple[str, ...]
    port: int = 53


def vantage(
    hints: Path | None, anchors: Path | None, port: int = 53, *, any_anchor: bool = False
) -> Vantage:
    """Read hints and anchors; None means the IANA files in the package. Raises BadFile.

    With `any_anchor` also anchors that can fit no key, or are of a kind that cannot be checked.
    """
    return Vantage(_hints(hints), _anchors(anchors, any_anchor=any_anchor), port)


def anchors_by_zone(anchors: tuple[str, ...]) -> dict[Name, tuple[DS, ...]]:
    """The anchors as DS records, by the zone they vouch for."""
    by_zone: dict[Name, tuple[DS, ...]] = {}
    for rrset in dns.zonefile.read_rrsets("\n".join(anchors), rdclass=None, default_ttl=0):
        records = tuple(
            record if isinstance(record, DS) else as_ds(rrset.name, record)
            for record in rrset
            if isinstance(record, DS | DNSKEY)
        )
        by_zone[rrset.name] = by_zone.get(rrset.name, ()) + records
    return by_zone


def anchor_groups(anchors: tuple[str, ...]) -> dict[Name, tuple[tuple[DS, ...], ...]]:
    """The anchors by zone, those given as DS and those given as DNSKEY apart; either may do."""
    keys = tuple(line for line in anchors if " DNSKEY " in line)
    parts = (anchors_by_zone(tuple(a for a in anchors if a not in keys)), anchors_by_zone(keys))
    zones = dict.fromkeys(zone for part in parts for zone in part)
    return {zone: tuple(part[zone] for part in parts if zone in part) for zone in zones}


def _hints(path: Path | None) -> tuple[tuple[str, str], ...]:
    rrsets = _read(path, "root.hints")
    servers = {
        record.target
        for rrset in rrsets
        if rrset.rdtype == dns.rdatatype.NS and rrset.name == dns.name.root
        for record in rrset
    }
    found = tuple(
        (rrset.name.to_text().lower(), record.address)
        for rrset in rrsets
        if rrset.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA)
        if rrset.name in servers or not servers  # a list of addresses alone is clear enough
        for record in rrset
    )
    if not found:
        raise BadFile("holds no name server of the root with an address", file=str(path))
    return found


def _anchors(path: Path | None, *, any_anchor: bool) -> tuple[str, ...]:
    found = tuple(
        f"{rrset.name} IN {dns.rdatatype.to_text(rrset.rdtype)} {record.to_text()}"
        for rrset in _read(path, "root.ds", any_anchor=any_anchor)
        if rrset.rdtype in (dns.rdatatype.DS, dns.rdatatype.DNSKEY)
        for record in rrset
    )
    if not found:
        raise BadFile("holds no DS and no DNSKEY record", file=str(path))
    if not any_anchor and not any(
        supported(zone, ds)[0] for zone, ds in anchors_by_zone(found).items()
    ):
        what = "holds no anchor with an algorithm and a digest type that can be checked"
        raise BadFile(what, file=str(path))
    return found


_DS = re.compile(
    r"(\bDS\s+\d+\s+\d+\s+)([1-4])(\s+)([0-9A-Fa-f]+)(?=[ \t]*(?:;.*)?$)",
    re.MULTILINE | re.IGNORECASE,
)
_MOST = 1 << 20  # bytes: more keys and servers than any root
_HEX = {"1": 40, "2": 64, "3": 64, "4": 96}  # digits of a digest, by its type


def _of_right_length(match: re.Match[str]) -> str:
    """A digest of the wrong length fits no key; dnspython reads only one of the right length."""
    before, kind, space, digest = match.groups()
    return before + kind + space + digest[: _HEX[kind]].ljust(_HEX[kind], "0")


def _read(path: Path | None, packaged: str, *, any_anchor: bool = False) -> list[RRset]:
    if path is None:
        text = resources.files("orchestrator").joinpath("data", packaged).read_text()
    else:
        text = given_text(path, _MOST)
    if any_anchor:
        text = _DS.sub(_of_right_length, text)
    try:
        return list(dns.zonefile.read_rrsets(text, rdclass=None, default_ttl=0))
    except (dns.exception.DNSException, ValueError) as error:
        raise BadFile(f"is no file of DNS records: {cut(error)}", file=str(path)) from error
