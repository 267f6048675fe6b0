"""What a scenario is, and the parts that all are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dns.dnssectypes import DSDigest
from dns.name import Name
from dns.rdatatype import RdataType
from dns.rrset import RRset

from orchestrator.lab.keys import Key
from orchestrator.lab.root import DsSigning
from orchestrator.lab.signer import Window, Zone, by_type, ds_of, rrset, sign_each, signature
from orchestrator.lab.world import FRESH, SOON, Server, Tld, draw, tld_data, with_denial

Bounds = tuple[int, int]
SECOND, HOUR = 1, 3600
_DIGEST_OCTETS = {int(DSDigest.SHA1): 20, int(DSDigest.SHA256): 32, int(DSDigest.SHA384): 48}


@dataclass(frozen=True, slots=True)
class Look:
    """What a scenario is asked for: the content of one server of the TLD, now."""

    tld: Tld
    phase: int
    server: int
    serial: int
    now: int

    @property
    def last(self) -> bool:
        """Whether this is the TLD's last server."""
        return self.server == len(self.tld.plan.servers) - 1

    def window(self, bounds: Bounds = FRESH) -> Window:
        return Window(self.now + bounds[0], self.now + bounds[1])

    def data(self) -> Zone:
        """The zone's content before keys, denial and signatures."""
        return tld_data(self.tld, self.serial)

    def signature(self, item: RRset, key: Key, bounds: Bounds = FRESH) -> RRset:
        return signature(self.tld.origin, item, key, self.window(bounds))


def own_servers(tld: Tld, _phase: int) -> tuple[Server, ...]:
    """The TLD's own servers: the root delegates to where the zone is served."""
    return tld.plan.servers


def published_ds(tld: Tld, _phase: int) -> Zone:
    """The right DS, of every digest type the TLD has, and those of keys that are yet to come."""
    if not tld.plan.secure:
        return []
    made = [ds_of(tld.origin, tld.keys.ksk, digest) for digest in tld.plan.digests]
    coming = [_coming_ds(tld, number) for number in range(tld.plan.coming_ds)]
    return [rrset(tld.origin, SOON, RdataType.DS, *made, *coming)]


def _coming_ds(tld: Tld, number: int) -> str:
    """Of a type that the KSK's has too: beside SHA-256, SHA-1 does not count (RFC 4509)."""
    kind = tld.plan.digests[-1]
    drawn = [draw("coming", tld.plan.origin, number, part) for part in range(6)]
    digest = "".join(f"{part:016x}" for part in drawn)[: 2 * _DIGEST_OCTETS[kind]]
    return f"{drawn[0] % 65536} {tld.plan.algorithm} {kind} {digest}"


@dataclass(frozen=True, slots=True)
class Before:
    """What resolvers are made to cache before the break, and keep when it comes.

    They are asked for these types at the TLD's name, once they have forgotten all else of it.
    """

    serve: Callable[[Look], Zone]
    ds: Callable[[Tld, int], Zone]
    asked: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One way to break.

    `kind` is the failure class (docs/lab.md). `every`: seconds between new serials, 0 when the
    zone stands still. `servers` are those the root delegates to.
    """

    name: str
    kind: str
    about: str
    phases: tuple[str, ...]
    serve: Callable[[Look], Zone]
    ds: Callable[[Tld, int], Zone] = published_ds
    every: float = 0
    servers: Callable[[Tld, int], tuple[Server, ...]] = own_servers
    ds_signing: tuple[DsSigning, ...] = ()
    before: Before | None = None

    def signs_ds(self, phase: int) -> DsSigning | None:
        """How the root signs the DS in that phase, where not as it should."""
        return self.ds_signing[phase - 1] if self.ds_signing else None


def healthy(look: Look) -> Zone:
    """The zone as it should be."""
    return signed(look) if look.tld.plan.secure else look.data()


def signed(
    look: Look,
    data: Zone | None = None,
    *,
    choose: Callable[[RRset], Key] | None = None,
    bounds: Bounds = FRESH,
    published: Sequence[Key] = (),
) -> Zone:
    """The zone with its denial, signed; what is not said is as it should be."""
    keys = look.tld.keys
    chosen = choose or by_type(keys.ksk, keys.zsk)
    return signed_by(
        look, lambda item: [look.signature(item, chosen(item), bounds)], data, published
    )


def signed_by(
    look: Look,
    signing: Callable[[RRset], Zone],
    data: Zone | None = None,
    published: Sequence[Key] = (),
) -> Zone:
    """The zone with its denial, each RRset with the signatures that `signing` makes for it."""
    keys = look.tld.keys
    content = look.data() if data is None else data
    zone = with_denial(look.tld, content, *(published or (keys.ksk, keys.zsk)))
    return sign_each(look.tld.origin, zone, signing)


def wrongly_signed(look: Look, wrong: Callable[[RRset], bool]) -> Zone:
    """The zone where signatures that `wrong` picks are by an unpublished key of the ZSK's tag."""
    keys = look.tld.keys
    usual = by_type(keys.ksk, keys.zsk)
    return signed(look, choose=lambda item: keys.rivals[0] if wrong(item) else usual(item))


def is_denial(item: RRset) -> bool:
    return item.rdtype in (RdataType.NSEC, RdataType.NSEC3)


def of_apex(item: RRset) -> bool:
    """Whether it is the NSEC or NSEC3 record of the apex, which many denials need."""
    return is_denial(item) and RdataType.SOA in _listed_types(item)


def _listed_types(item: RRset) -> set[int]:
    return {
        window * 256 + byte * 8 + bit
        for window, bitmap in item[0].windows
        for byte, bits in enumerate(bitmap)
        for bit in range(8)
        if bits & (0x80 >> bit)
    }


def spans(look: Look) -> list[Name]:
    """The owners of all denials but the apex's, in order of the ring."""
    zone = with_denial(look.tld, look.data(), look.tld.keys.ksk, look.tld.keys.zsk)
    return sorted(item.name for item in zone if is_denial(item) and not of_apex(item))


def signed_children(tld: Tld) -> list[Name]:
    """The children with a DS."""
    return sorted(item.name for item in tld.delegations if item.rdtype == RdataType.DS)
