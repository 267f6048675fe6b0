"""Not the zone but its servers: one is behind, some have less, none answers, TCP is blocked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from dns.name import Name
from dns.rdatatype import RdataType

from orchestrator.lab.scenarios.look import Look, Scenario, healthy, signed
from orchestrator.lab.signer import Zone
from orchestrator.lab.world import CHILD_ADDRESSES, LIMITED, NARROW, NOBODY, Server, Tld


def _botswana(look: Look) -> Zone:
    """The last server has missed three days of zones (YYYYMMDDnn) and serves an unsigned copy."""
    if not look.last:
        return healthy(look)
    return replace(look, serial=look.serial - 300).data()


def _truncated(look: Look) -> Zone:
    """Every server but the last has a zone that ends early; what is left is signed correctly."""
    data = look.data()
    if not look.last:
        lost = _lost(look.tld)
        data = [item for item in data if not any(item.name.is_subdomain(name) for name in lost)]
    return signed(look, data)


def _lost(tld: Tld) -> list[Name]:
    children = sorted({item.name for item in tld.delegations if item.rdtype == RdataType.NS})
    return children[len(children) // 4 :]


def _many_keys(look: Look) -> Zone:
    """A DNSKEY RRset that fits no UDP answer, at addresses where nobody answers over TCP."""
    keys = look.tld.keys
    return signed(_at(look, _narrow), published=(keys.ksk, keys.zsk, *keys.spare))


def _unreachable(look: Look) -> Zone:
    return healthy(_at(look, _dead))


def _refused(look: Look) -> Zone:
    return healthy(_at(look, _lame))


def _slow(look: Look) -> Zone:
    return healthy(_at(look, _limited))


def _at(look: Look, moved: Callable[[Tld, int], tuple[Server, ...]]) -> Look:
    """The zone itself names the same servers as the root, else resolvers find the right ones."""
    plan = replace(look.tld.plan, servers=moved(look.tld, look.phase))
    return replace(look, tld=replace(look.tld, plan=plan))


def _narrow(tld: Tld, _phase: int) -> tuple[Server, ...]:
    return _moved(tld.plan.servers, NARROW)


def _limited(tld: Tld, _phase: int) -> tuple[Server, ...]:
    return _moved(tld.plan.servers, LIMITED)


def _dead(tld: Tld, phase: int) -> tuple[Server, ...]:
    return _all_or_last(tld, phase, NOBODY)


def _lame(tld: Tld, phase: int) -> tuple[Server, ...]:
    """Addresses of servers that refuse what is asked of this zone."""
    return _all_or_last(tld, phase, CHILD_ADDRESSES)


def _all_or_last(tld: Tld, phase: int, addresses: Sequence[str]) -> tuple[Server, ...]:
    own = tld.plan.servers
    return _moved(own, addresses) if phase == 1 else (*own[:-1], *_moved(own[-1:], addresses))


def _moved(servers: Sequence[Server], addresses: Sequence[str]) -> tuple[Server, ...]:
    names = list(dict.fromkeys(server.name for server in servers))
    return tuple(
        Server(name, addresses[number % len(addresses)]) for number, name in enumerate(names)
    )


SCENARIOS = (
    Scenario(
        "bw",
        "C14",
        "one server of several is days behind and unsigned",
        ("the last server serves a stale, unsigned copy",),
        _botswana,
    ),
    Scenario(
        "de-2010",
        "C18",
        "not DNSSEC: most servers serve a zone that ends early, signed correctly",
        ("false NXDOMAIN for most children from all servers but one",),
        _truncated,
    ),
    Scenario(
        "dnskey-no-tcp",
        "C5",
        "a DNSKEY RRset too large for UDP, at servers that nobody reaches over TCP",
        ("the DNSKEY RRset is truncated over UDP and not to be had over TCP",),
        _many_keys,
        servers=_narrow,
    ),
    Scenario(
        "unreachable",
        "C18",
        "not DNSSEC: the root's glue points to addresses where nobody answers",
        ("all addresses", "the last address"),
        _unreachable,
        servers=_dead,
    ),
    Scenario(
        "rate-limited",
        "C18",
        "not broken: servers that answer 20 queries a second",
        ("half of what is above that is dropped, half sent to TCP",),
        _slow,
        servers=_limited,
    ),
    Scenario(
        "lame",
        "C18",
        "not DNSSEC: the root's glue points to servers that do not serve the zone",
        ("all addresses", "the last address"),
        _refused,
        servers=_lame,
    ),
)
