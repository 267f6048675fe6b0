"""The lab's miniature Internet as values: who serves what, at which address, with which TTLs.

TTLs are short where a break or a repair has to show soon (SOA, denial, DS, DNSKEY, and a
child's NS and apex address: 10 s) and longer where caches matter (`www` and `*`: 300 s).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import dns.name
from dns.name import Name
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.DS import DS

from orchestrator.lab.keys import P256, Key, Keys
from orchestrator.lab.signer import (
    Window,
    Zone,
    by_type,
    nsec3_chain,
    nsec3param,
    nsec_chain,
    rrset,
    sign,
)

SOON = 10
STEADY = 300
DAY = 86400
# From a day ago, so that a resolver with a slow clock still takes them, to two weeks from now.
FRESH = (-DAY, 14 * DAY)

CONTROL = "org."
BOGUS = "bogus."
NETWORK = 16
BRIDGE_PREFIX = "10.53"
FILLERS = ("10.53.128.0/17", "fd53::f:0:0/96")  # name servers of a large root; host_init too


@dataclass(frozen=True, slots=True)
class Server:
    """One address of one name server. Each server of an ordinary TLD may serve its own content."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class TldPlan:
    """What a TLD holds: its servers, its children with and without a signature, how it signs.

    `digests` are the types of the DS of its KSK; `coming_ds` counts DS of keys yet to come.
    """

    origin: str
    servers: tuple[Server, ...]
    unsigned: tuple[str, ...]
    signed: tuple[str, ...]
    secure: bool = True
    algorithm: int = P256
    digests: tuple[int, ...] = (2,)
    coming_ds: int = 0
    nsec: bool = False

    @property
    def children(self) -> tuple[str, ...]:
        return tuple(f"{label}.{self.origin}" for label in (*self.unsigned, *self.signed))


ROOT_SERVERS = (
    Server("a.root-servers.net.", "10.53.0.1"),
    Server("b.root-servers.net.", "10.53.0.2"),
)
DE = TldPlan(
    "de.",
    (
        Server("a.nic.de.", "10.53.1.1"),
        Server("f.nic.de.", "10.53.1.2"),
        Server("z.nic.de.", "10.53.1.3"),
        Server("a.nic.de.", "fd53::1:1"),
    ),
    unsigned=(
        *("amazon", "bahn", "spiegel", "heise", "ebay", "otto", "web", "gmx", "zeit", "faz"),
        *("chefkoch", "wetter", "tagesschau", "sparkasse", "idealo", "kicker"),
    ),
    signed=("denic", "bund", "bsi", "posteo", "mailbox", "dfn", "kit", "lrz"),
)
FJ = TldPlan(
    "fj.",
    (Server("a.nic.fj.", "10.53.3.1"), Server("b.nic.fj.", "10.53.3.2")),
    unsigned=("usp", "fijitimes", "fbcnews", "tfl", "fnpf", "fnu"),
    signed=("gov", "rbf"),
)
ORG = TldPlan(
    CONTROL,
    (Server("a.nic.org.", "10.53.2.1"),),
    unsigned=("wikipedia",),
    signed=("example", "isc"),
)
BAD = TldPlan(BOGUS, (Server("a.nic.bogus.", "10.53.2.1"),), unsigned=("www",), signed=())
ORDINARY = (DE, FJ)
TLDS = (DE, FJ, ORG, BAD)
CHILD_ADDRESSES = ("10.53.4.1", "10.53.4.2")
# Where scenarios delegate to: no TCP, nobody, and few answers a second.
NARROW = ("10.53.5.1", "10.53.5.2")
NOBODY = ("10.53.6.1", "10.53.6.2")
LIMITED = ("10.53.7.1", "10.53.7.2")


@dataclass(frozen=True, slots=True)
class Tld:
    """A TLD with its keys and the delegations to its children."""

    plan: TldPlan
    origin: Name
    keys: Keys
    delegations: Zone = field(repr=False)


def soa(origin: Name, server: str, serial: int) -> Zone:
    """The SOA record; its last field and TTL keep negative answers short-lived."""
    text = f"{server} hostmaster.{server} {serial} 3600 900 604800 {SOON}"
    return [rrset(origin, SOON, RdataType.SOA, text)]


def server_records(origin: Name, servers: tuple[Server, ...], ttl: int = STEADY) -> Zone:
    """NS of a zone and the addresses of its servers: glue above, authoritative data inside."""
    names = list(dict.fromkeys(server.name for server in servers))
    return [rrset(origin, ttl, RdataType.NS, *names), *addresses(servers)]


def addresses(servers: tuple[Server, ...]) -> Zone:
    """A and AAAA of the servers, one RRset a name and family."""
    found: dict[tuple[str, RdataType], list[str]] = {}
    for server in servers:
        kind = RdataType.AAAA if ":" in server.address else RdataType.A
        found.setdefault((server.name, kind), []).append(server.address)
    return [
        rrset(dns.name.from_text(name), STEADY, kind, *texts)
        for (name, kind), texts in found.items()
    ]


def dnskeys(origin: Name, *keys: Key) -> Zone:
    """The DNSKEY RRset."""
    return [rrset(origin, SOON, RdataType.DNSKEY, *(key.dnskey for key in keys))]


def child_servers(child: str) -> tuple[Server, ...]:
    """A child's own two name servers; all children live on the same two addresses."""
    return tuple(
        Server(f"ns{number}.{child}", address) for number, address in enumerate(CHILD_ADDRESSES, 1)
    )


_CHILD_HOSTS = (("", SOON, "192.0.2.1"), ("www", STEADY, "192.0.2.2"), ("*", STEADY, "192.0.2.3"))


def child_zone(child: str, serial: int) -> Zone:
    """An unsigned child: apex, www and `*`, so that never-asked names do not run out."""
    origin = dns.name.from_text(child)
    return [
        *soa(origin, f"ns1.{child}", serial),
        *server_records(origin, child_servers(child), ttl=SOON),
        *(
            rrset(dns.name.from_text(label, origin), ttl, RdataType.A, ip)
            for label, ttl, ip in _CHILD_HOSTS
        ),
    ]


def signed_child(child: str, keys: Keys, serial: int, window: Window) -> Zone:
    """A signed child, with NSEC."""
    origin = dns.name.from_text(child)
    zone = [*child_zone(child, serial), *dnskeys(origin, keys.ksk, keys.zsk)]
    zone += nsec_chain(origin, zone, SOON)
    return sign(origin, zone, window, by_type(keys.ksk, keys.zsk))


def delegations(plan: TldPlan, child_ds: Mapping[str, DS | str]) -> Zone:
    """NS, glue and, for signed children, DS."""
    made: Zone = []
    for child in plan.children:
        origin = dns.name.from_text(child)
        made += server_records(origin, child_servers(child), ttl=SOON)
        if child in child_ds:
            made.append(rrset(origin, SOON, RdataType.DS, child_ds[child]))
    return made


def tld_data(tld: Tld, serial: int) -> Zone:
    """A TLD's content before keys, denial and signatures."""
    return [
        *soa(tld.origin, tld.plan.servers[0].name, serial),
        *server_records(tld.origin, tld.plan.servers),
        rrset(tld.origin, STEADY, RdataType.A, "192.0.2.10"),
        *tld.delegations,
    ]


def with_denial(tld: Tld, data: Zone, *published: Key) -> Zone:
    """Add DNSKEY (when keys are given) and the TLD's kind of denial: NSEC, or opt-out NSEC3."""
    if tld.plan.nsec:
        zone = [*data, *_dnskeys_if_any(tld, published)]
        return [*zone, *nsec_chain(tld.origin, zone, SOON)]
    return with_nsec3(tld, data, *published)


def with_nsec3(tld: Tld, data: Zone, *published: Key, iterations: int = 0) -> Zone:
    """Add DNSKEY (when keys are given), NSEC3PARAM and the opt-out chain."""
    zone = [*data, nsec3param(tld.origin, iterations), *_dnskeys_if_any(tld, published)]
    return [*zone, *nsec3_chain(tld.origin, zone, SOON, iterations)]


def _dnskeys_if_any(tld: Tld, published: tuple[Key, ...]) -> Zone:
    return dnskeys(tld.origin, *published) if published else []


def fresh(now: int) -> Window:
    """When signatures made now are valid."""
    return Window(now + FRESH[0], now + FRESH[1])


def root_hints() -> str:
    """The root hints file."""
    names = "".join(f". {DAY} IN NS {server.name}\n" for server in ROOT_SERVERS)
    glue = "".join(f"{server.name} {DAY} IN A {server.address}\n" for server in ROOT_SERVERS)
    return names + glue


def draw(*what: object) -> int:
    """A number that looks random and is the same for the same things."""
    return int.from_bytes(hashlib.sha256(repr(what).encode()).digest()[:8], "big")
