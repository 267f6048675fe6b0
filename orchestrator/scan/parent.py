"""What the root says of each TLD: by its whole zone (AXFR), or by one referral a zone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from orchestrator.chain.walk import ADDRESSES, NAMES, SERVERS
from orchestrator.dns import wire
from orchestrator.dns.wire import AAAA, DS, NS, NSEC, A, Message, Record
from orchestrator.errors import BadInput
from orchestrator.names import zone_name
from orchestrator.scan.sound import Doubt, Rrset, rrsets

ROOT = b"\0"


@dataclass(frozen=True, slots=True)
class Delegation:
    """A zone, every address of its name servers, and its parent's signed word on its DS.

    `word` is the DS RRset, or the NSEC that says there is none; it is verified with the zone.
    """

    zone: bytes
    servers: tuple[tuple[bytes, str], ...]
    word: Rrset


def delegations(records: Iterable[Record]) -> tuple[list[Delegation], list[bytes]]:
    """Every delegation in the root zone, and the zones for which something is missing."""
    found = rrsets(records)
    made, odd = [], []
    for (owner, rdtype), names in found.items():
        if rdtype == NS and owner != ROOT and _host(owner):
            try:
                made.append(_delegation(owner, names, found))
            except Doubt:
                odd.append(owner)
    return made, odd


def _host(zone: bytes) -> bool:
    """Is it a name that can be typed? The root has no other, and no engine takes one."""
    try:
        zone_name(wire.to_text(zone))
    except BadInput:
        return False
    return True


def referral(message: Message, zone: bytes) -> Delegation:
    """The delegation of `zone` in a root server's referral. Raises Doubt when it shows none."""
    authority = rrsets(message.authority)
    names = authority.get((zone, NS))
    if (
        message.malformed
        or names is None
        or any(key[1] == NS for key in authority if key[0] != zone)
    ):
        raise Doubt(f"no referral to {wire.to_text(zone)}")
    return _delegation(zone, names, {**rrsets(message.additional), **authority})


def _delegation(zone: bytes, names: Rrset, found: Mapping[tuple[bytes, int], Rrset]) -> Delegation:
    word = found.get((zone, DS)) or found.get((zone, NSEC))
    if word is None:
        raise Doubt(f"neither DS nor NSEC of {wire.to_text(zone)}")
    targets = sorted(set(names.rdatas))
    servers = [(name, address) for name in targets for address in _addresses(name, found)]
    if len({name for name, _ in servers}) < len(targets) or len(targets) > NAMES:
        raise Doubt(f"a name server of {wire.to_text(zone)} without an address")
    return Delegation(zone, tuple(servers[:SERVERS]), word)


def _addresses(name: bytes, found: Mapping[tuple[bytes, int], Rrset]) -> list[str]:
    glue = [found[name, rdtype].rdatas for rdtype in (A, AAAA) if (name, rdtype) in found]
    texts = (wire.address(rdata) for rdatas in glue for rdata in rdatas)
    return [text for text in texts if text][:ADDRESSES]
