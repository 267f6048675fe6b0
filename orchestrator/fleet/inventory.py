"""The fleet as values: resolvers and the hosts they run on, by address."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from orchestrator.model import Value

HostName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
USER_NAME = r"^[A-Za-z_][A-Za-z0-9._-]*$"
EngineName = Literal["unbound", "bind", "pdns", "knot"]
Port = Annotated[int, Field(ge=1, le=65535)]
InstanceName = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9][A-Za-z0-9_-]{0,31})?$")]
_JUMP = re.compile(
    r"(?:(?P<user>[^@\s]+)@)?(?:\[(?P<v6>[^\]]+)\]|(?P<v4>[^\[\]:@\s]+))(?::(?P<port>[0-9]+))?"
)


def _address(value: Any) -> Any:
    """Refuse what is no address of one host; says why a name will not do."""
    if isinstance(value, IPv4Address | IPv6Address):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no address: put it in quotes")  # noqa: TRY004 (pydantic)
    try:
        address = ip_address(value)
    except ValueError:
        raise ValueError(
            f"{value!r} is not an IP address; a name will not do: "
            "it may not resolve while the zone is broken"
        ) from None
    if address.is_unspecified or address.is_multicast:
        raise ValueError(f"{value} is not the address of one host")
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


class Jump(NamedTuple):
    """A jump host; `user` is "" where the managed host's own is meant."""

    user: str
    address: str
    port: int


def parse_jump(text: str) -> Jump:
    """Take a "user@address:port" apart; user and port may be left out. Raises ValueError."""
    match = _JUMP.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no jump host: write user@address:port, IPv6 as [address]")
    port = int(match["port"] or 22)
    if not 1 <= port <= 65535:
        raise ValueError(f"{text!r}: the port of a jump host is 1 to 65535, not {port}")
    return Jump(match["user"] or "", str(_address(match["v6"] or match["v4"])), port)


def parse_jumps(text: str) -> tuple[Jump, ...]:
    """The way through jump hosts, the first one first. Raises ValueError."""
    return tuple(parse_jump(part.strip()) for part in text.split(","))


def _jump(value: str) -> str:
    if value not in {"", "none"}:
        parse_jumps(value)
    return value


def _host_path(value: str) -> str:
    if value and not (value.startswith("/") and value.isprintable()):
        raise ValueError(f"{value!r} is not an absolute path on the host")
    return value


Address = Annotated[IPv4Address | IPv6Address, BeforeValidator(_address)]
HostPath = Annotated[str, AfterValidator(_host_path)]


# "restricted": only ntactl's own wrapper may be run as root (`ntactl fleet sudoers`).
Sudo = bool | Literal["restricted"]


class Ssh(Value):
    """How to reach a host. What is left out, ~/.ssh/config says; else it is root, port 22, direct.

    `jump` is "user@address:port" of a jump host (22 unless said), several with commas between;
    "none": none, whatever ~/.ssh/config says. Without `known_hosts` the user's own
    ~/.ssh/known_hosts says which host key is right.
    """

    user: Annotated[str, StringConstraints(pattern=USER_NAME)] | None = None
    port: Port | None = None
    key: Path | None = None
    known_hosts: Path | None = None
    jump: Annotated[str, AfterValidator(_jump)] = ""


class Paths(Value):
    """Where the engine keeps its things on the host; empty means the engine's Debian default."""

    config: HostPath = ""
    dropin: HostPath = ""


class Host(Value):
    """One resolver and its host, complete: group and inventory defaults are merged in.

    `address` is what SSH connects to, `dns` what probes ask (the same unless said). Both are
    addresses, never names: a name may lie under the zone that is broken. `instance` tells
    resolvers of one host apart; with BIND it is the name of a view, with Knot that of a control
    socket.
    """

    name: HostName
    address: Address
    dns: Address
    dns_port: Port = 53
    engine: EngineName
    instance: InstanceName = ""
    site: str = "default"
    labels: tuple[str, ...] = ()
    ssh: Ssh = Ssh()
    sudo: Sudo = False
    paths: Paths = Paths()

    @property
    def inner(self) -> bool:
        """Does it answer where only its own host can ask, as behind a dnsdist there?"""
        return self.dns.is_loopback and not self.address.is_loopback


class Inventory(Value):
    """A fleet. `lab` marks hosts on which `mitigate --yes` may go on without an approval.

    `left_out` are hosts of an inventory of Ansible's that are no resolvers.
    """

    lab: bool = False
    hosts: tuple[Host, ...]
    left_out: tuple[str, ...] = ()
