"""Names that do not exist, chosen so that their denials come from all over a zone.

Of .de's denials in 2026 a third was good; which one a name gets is decided by where its hash
falls in the NSEC3 ring. So names are drawn until each part of the ring has one, spans not seen
yet before others.
"""

from __future__ import annotations

import random
import string
from dataclasses import dataclass, field

import dns.name
from dns.name import Name
from dns.rdtypes.ANY.NSEC3 import NSEC3

from orchestrator.chain.proofs import ITERATIONS, between, nsec3_hash, owner_hash
from orchestrator.dns.message import Message

POOL = 64  # names drawn for each one used
HASHES = 20_000  # of SHA-1, spent on one choice


@dataclass
class Ring:
    """The spans of a zone's NSEC3 ring seen so far; empty for NSEC or as long as none was seen."""

    zone: Name
    salt: bytes = b""
    iterations: int = 0
    spans: dict[bytes, bytes] = field(default_factory=dict)

    def learn(self, message: Message) -> None:
        """Take in the denial records of one reply."""
        for rrset in message.authority:
            owner = owner_hash(rrset.name, self.zone)
            for rdata in rrset:
                if owner and isinstance(rdata, NSEC3) and rdata.iterations <= ITERATIONS:
                    self._take(owner, rdata)

    def _take(self, owner: bytes, rdata: NSEC3) -> None:
        if (rdata.salt, rdata.iterations) != (self.salt, self.iterations):
            self.salt, self.iterations, self.spans = rdata.salt, rdata.iterations, {}
        self.spans[owner] = rdata.next

    def names(self, count: int, rng: random.Random) -> list[Name]:
        """`count` random names of the zone, one in each `count`th part of its ring."""
        if not self.spans:
            return [_name(self.zone, rng, part, count) for part in range(count)]
        size = max(count, min(POOL * count, HASHES // (self.iterations + 1)))
        parts: dict[int, list[Name]] = {}
        for _ in range(size):
            name = _name(self.zone, rng)
            parts.setdefault(self._hash(name)[0] * count // 256, []).append(name)
        return [self._least_known(names) for _, names in sorted(parts.items())]

    def _least_known(self, names: list[Name]) -> Name:
        return next((name for name in names if not self._known(self._hash(name))), names[0])

    def _known(self, hashed: bytes) -> bool:
        return any(between(owner, hashed, after) for owner, after in self.spans.items())

    def _hash(self, name: Name) -> bytes:
        return nsec3_hash(name, self.salt, self.iterations)


def _name(zone: Name, rng: random.Random, part: int = 0, parts: int = 1) -> Name:
    """A random label under `zone`; with `parts`, its first letter in that part of the alphabet."""
    letters = string.ascii_lowercase
    low, high = part * 26 // parts, max(part * 26 // parts + 1, (part + 1) * 26 // parts)
    label = rng.choice(letters[low:high] or letters)
    label += "".join(rng.choices(letters + string.digits, k=13))
    return dns.name.Name([label.encode(), *zone.labels])
