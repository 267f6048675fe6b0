"""The fleet as values: hosts by address, with groups that carry defaults."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from orchestrator.model import Value

HostName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
EngineName = Literal["unbound", "bind"]
Port = Annotated[int, Field(ge=1, le=65535)]


class Ssh(Value):
    """How to reach a host. `jump` is "user@address:port" of a jump host, or empty."""

    user: str = "root"
    port: Port = 22
    key: Path | None = None
    known_hosts: Path | None = None
    jump: str = ""


class Paths(Value):
    """Where the engine keeps its things on the host; empty means the engine's Debian default."""

    config: str = ""
    dropin: str = ""


class Host(Value):
    """One resolver host, complete: group and inventory defaults are merged in.

    `address` is what SSH connects to, `dns` what probes ask (the same unless said). Both are
    addresses, never names: a name may lie under the zone that is broken.
    """

    name: HostName
    address: IPv4Address | IPv6Address
    dns: IPv4Address | IPv6Address
    dns_port: Port = 53
    engine: EngineName
    site: str = "default"
    labels: tuple[str, ...] = ()
    ssh: Ssh = Ssh()
    sudo: bool = False
    paths: Paths = Paths()


class Inventory(Value):
    """A fleet. `lab` marks hosts on which `mitigate --yes` may go on without an approval."""

    lab: bool = False
    hosts: tuple[Host, ...]
