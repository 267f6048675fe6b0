"""The lab's miniature Internet as values: who serves what, at which address, with which TTLs.

TTLs are short where a break or a repair has to show soon (SOA, denial, DS, DNSKEY, and a
child's NS and apex address: 10 s) and longer where caches matter (`www` and `*`: 300 s).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import dns.name
from dns.name import Name
from dns.rdatatype import RdataType

from orchestrator.lab.signer import (
    KSK_FLAGS,
    ZSK_FLAGS,
    Key,
    Window,
    Zone,
    by_type,
    ds_of,
    make_key,
    nsec3_chain,
    nsec3param,
    nsec_chain,
    rrset,
    same_tag_keys,
    sign,
)

SOON = 10
STEADY = 300
DAY = 86400

CONTROL = "org."
BOGUS = "bogus."
NETWORK = 16
BRIDGE_PREFIX = "10.53"


@dataclass(frozen=True, slots=True)
class Server:
    """One address of one name server. Each server of an ordinary TLD may serve its own content."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class TldPlan:
    """What a TLD holds: its servers, and its children with and without a signature."""

    origin: str
    servers: tuple[Server, ...]
    unsigned: tuple[str, ...]
    signed: tuple[str, ...]

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


@dataclass(frozen=True, slots=True)
class Keys:
    """A signed zone's keys. `rivals` share the ZSK's tag but are published nowhere."""

    ksk: Key
    zsk: Key
    rivals: tuple[Key, ...] = ()
    old_ksk: Key | None = None


@dataclass(frozen=True, slots=True)
class Tld:
    """A TLD with its keys and the delegations to its children."""

    plan: TldPlan
    origin: Name
    keys: Keys
    delegations: Zone = field(repr=False)


def make_keys() -> Keys:
    """A KSK and a ZSK."""
    return Keys(make_key(KSK_FLAGS), make_key(ZSK_FLAGS))


def make_tld_keys() -> Keys:
    """Keys of a TLD that can break like .de did: the ZSK has two rivals with its key tag."""
    zsk, *rivals = same_tag_keys(3)
    while True:
        ksk, old = make_key(KSK_FLAGS), make_key(KSK_FLAGS)
        if len({ksk.tag, old.tag, zsk.tag}) == 3:
            return Keys(ksk, zsk, tuple(rivals), old)


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


def delegations(plan: TldPlan, child_keys: dict[str, Keys]) -> Zone:
    """NS, glue and, for signed children, DS."""
    made: Zone = []
    for child in plan.children:
        origin = dns.name.from_text(child)
        made += server_records(origin, child_servers(child), ttl=SOON)
        if child in child_keys:
            made.append(rrset(origin, SOON, RdataType.DS, ds_of(origin, child_keys[child].ksk)))
    return made


def tld_data(tld: Tld, serial: int) -> Zone:
    """A TLD's content before keys, denial and signatures."""
    return [
        *soa(tld.origin, tld.plan.servers[0].name, serial),
        *server_records(tld.origin, tld.plan.servers),
        rrset(tld.origin, STEADY, RdataType.A, "192.0.2.10"),
        *tld.delegations,
    ]


def with_nsec3(tld: Tld, data: Zone, *published: Key) -> Zone:
    """Add DNSKEY (when keys are given), NSEC3PARAM and the opt-out chain."""
    zone = [*data, nsec3param(tld.origin)]
    if published:
        zone += dnskeys(tld.origin, *published)
    return [*zone, *nsec3_chain(tld.origin, zone, SOON)]


def root_zone(ds: dict[str, Zone], keys: Keys, serial: int, window: Window) -> Zone:
    """The signed root (NSEC); `ds` holds the DS RRsets of each TLD, none for an insecure one."""
    zone = [
        *soa(dns.name.root, ROOT_SERVERS[0].name, serial),
        *server_records(dns.name.root, ROOT_SERVERS, ttl=DAY),
        *dnskeys(dns.name.root, keys.ksk, keys.zsk),
    ]
    for plan in TLDS:
        zone += server_records(dns.name.from_text(plan.origin), plan.servers)
        zone += ds.get(plan.origin, [])
    zone += nsec_chain(dns.name.root, zone, SOON)
    return sign(dns.name.root, zone, window, by_type(keys.ksk, keys.zsk))


def root_hints() -> str:
    """The root hints file."""
    names = "".join(f". {DAY} IN NS {server.name}\n" for server in ROOT_SERVERS)
    glue = "".join(f"{server.name} {DAY} IN A {server.address}\n" for server in ROOT_SERVERS)
    return names + glue
