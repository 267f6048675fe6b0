"""The real root as facts, and the TLDs that a lab with N zones takes from it.

../data/root-tlds.tsv holds, for every delegation of the root, how its DS are made and how many name
servers and addresses it has: no keys, no digests, no addresses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_network

from orchestrator.errors import BadInput
from orchestrator.lab import world
from orchestrator.lab.keys import P256
from orchestrator.lab.world import Server, TldPlan, draw
from orchestrator.tlds import rows

LARGEST = 5000

# Half of what a signed TLD delegates is signed; the labels are the same in each.
SIGNED = ("bank", "gov", "uni", "wikipedia")
UNSIGNED = ("amazon", "apple", "news", "shop")

# As in the root of 2026: 14,589 pairs of TLD and address, 8,957 addresses.
OPERATORS = 12
SHARED_PERCENT = 40
_V4, _V6 = (ip_network(network).network_address for network in world.FILLERS)


@dataclass(frozen=True, slots=True)
class Fact:
    """One delegation of the real root."""

    name: str
    ds: tuple[tuple[int, int], ...]
    ds_records: int
    names: int
    v4: int
    v6: int

    @property
    def algorithm(self) -> int:
        return self.ds[0][0] if self.ds else P256


def facts() -> list[Fact]:
    """All delegations of the real root, by name."""
    return [_fact(*row) for row in rows()]


def _fact(name: str, pairs: str, *counts: str) -> Fact:
    split = [pair.split("/") for pair in pairs.split() if pair != "-"]
    return Fact(name, tuple((int(a), int(d)) for a, d in split), *(int(n) for n in counts))


def fillers(root_size: int, *, real_counts: bool = False) -> list[TldPlan]:
    """What a root of `root_size` zones holds beside the lab's own. Raises BadInput.

    The first of each kind of DS comes first, so that a small root has all kinds; the rest comes
    as if shuffled, so that any root has the real one's mix. A larger root holds the smaller.
    """
    own = {plan.origin for plan in world.TLDS}
    if not len(own) <= root_size <= LARGEST:
        raise BadInput(f"--root-size {root_size}: a lab's root has {len(own)} to {LARGEST} zones")
    real = [fact for fact in _in_order(facts()) if fact.name not in own]
    wanted = root_size - len(own)
    chosen = [*real, *_made_up(wanted - len(real))][:wanted]
    addresses = _Addresses()
    return [_plan(fact, addresses, real_counts) for fact in chosen]


def _in_order(found: Iterable[Fact]) -> list[Fact]:
    mixed = sorted(found, key=lambda fact: draw("order", fact.name))
    first: dict[object, Fact] = {}
    for fact in mixed:
        first.setdefault(fact.ds, fact)
    leading = list(first.values())
    names = {fact.name for fact in leading}
    return [*leading, *(fact for fact in mixed if fact.name not in names)]


def _made_up(count: int) -> Iterator[Fact]:
    for number in range(1, count + 1):
        yield Fact(f"zz{number:04}.", ((8, 2),), 1, 4, 4, 4)


def _plan(fact: Fact, addresses: _Addresses, real_counts: bool) -> TldPlan:
    v4, v6 = (fact.v4, fact.v6) if real_counts else (2, 0)
    names = min(fact.names, v4 + v6) if real_counts else 2
    return TldPlan(
        fact.name,
        tuple(addresses.servers(fact.name, names, v4, v6)),
        unsigned=UNSIGNED,
        signed=SIGNED if fact.ds else (),
        secure=bool(fact.ds),
        algorithm=fact.algorithm,
        digests=tuple(digest for _, digest in fact.ds),
        coming_ds=max(0, fact.ds_records - len(fact.ds)),
        nsec=draw("denial", fact.name) % 10 == 0,
    )


class _Addresses:
    """Hands out addresses: to some TLDs those of a big operator, to others their own."""

    def __init__(self) -> None:
        self.given: dict[tuple[str, int, int], int] = {}

    def servers(self, origin: str, names: int, v4: int, v6: int) -> Iterator[Server]:
        drawn = draw("operator", origin)
        owner = str(drawn % OPERATORS) if drawn // 16 % 100 < SHARED_PERCENT else origin
        families = [4] * v4 + [6] * v6
        for place, family in enumerate(families):
            number = place if family == 4 else place - v4
            host = f"{chr(ord('a') + number % names)}.nic.{origin}"
            yield Server(host, self._address(owner, place, family))

    def _address(self, owner: str, place: int, family: int) -> str:
        number = self.given.setdefault((owner, place, family), len(self.given) + 1)
        return str((_V4 if family == 4 else _V6) + number)
