"""The fleet as values: hosts by address, with groups that carry defaults."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from orchestrator import yamlfile
from orchestrator.model import Value

HostName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
USER_NAME = r"^[A-Za-z_][A-Za-z0-9._-]*$"
EngineName = Literal["unbound", "bind", "pdns", "knot"]
Port = Annotated[int, Field(ge=1, le=65535)]
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


def _some(hosts: tuple[HostEntry, ...]) -> tuple[HostEntry, ...]:
    if not hosts:
        raise ValueError("has no host")
    return hosts


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
    """One resolver host, complete: group and inventory defaults are merged in.

    `address` is what SSH connects to, `dns` what probes ask (the same unless said). Both are
    addresses, never names: a name may lie under the zone that is broken.
    """

    name: HostName
    address: Address
    dns: Address
    dns_port: Port = 53
    engine: EngineName
    site: str = "default"
    labels: tuple[str, ...] = ()
    ssh: Ssh = Ssh()
    sudo: Sudo = False
    paths: Paths = Paths()


class Inventory(Value):
    """A fleet. `lab` marks hosts on which `mitigate --yes` may go on without an approval.

    `left_out` are hosts of an inventory of Ansible's that are no resolvers.
    """

    lab: bool = False
    hosts: tuple[Host, ...]
    left_out: tuple[str, ...] = ()


class Shared(Value):
    """What hosts may have in common: the fields of `defaults` and of each group."""

    dns_port: Port = 53
    engine: EngineName | None = None
    site: str = "default"
    labels: tuple[str, ...] = ()
    ssh: Ssh = Ssh()
    sudo: Sudo = False
    paths: Paths = Paths()


class HostEntry(Shared):
    """One host as the file has it; what it leaves out comes from its group, then `defaults`."""

    name: HostName
    address: Address
    dns: Address | None = None
    group: str | None = None


class InventoryFile(Value):
    """An inventory as the file has it."""

    lab: bool = False
    defaults: Shared = Shared()
    groups: dict[str, Shared] = Field(default_factory=dict)
    hosts: Annotated[tuple[HostEntry, ...], AfterValidator(_some)]


def from_yaml(path: Path) -> Inventory:
    """Read a fleet from the YAML file at `path`. Raises BadFile with file, line and field."""
    document = yamlfile.read(path)
    written = document.parse(InventoryFile)
    _refuse_twins(document, written)
    hosts = tuple(_host(document, written, index) for index in range(len(written.hosts)))
    return Inventory(lab=written.lab, hosts=hosts)


def _host(document: yamlfile.Document, written: InventoryFile, index: int) -> Host:
    """Merge one host: its own fields go before its group's, those before the defaults."""
    entry, place = written.hosts[index], ("hosts", index)
    if entry.group is not None and entry.group not in written.groups:
        known = ", ".join(sorted(written.groups)) or "none"
        raise document.wrong((*place, "group"), f"no group {entry.group!r}, known: {known}")
    fields = _said(written.defaults)
    if entry.group is not None:
        fields = _over(fields, _said(written.groups[entry.group]))
    fields = _over(fields, _said(entry))
    fields.pop("group", None)
    if fields.get("engine") is None:
        raise document.wrong((*place, "engine"), "is missing, also in the group and in defaults")
    host = Host.model_validate({**fields, "dns": fields.get("dns") or entry.address})
    return host.model_copy(update={"ssh": _here(host.ssh, document.path.parent)})


def _said(value: Shared) -> dict[str, Any]:
    return value.model_dump(exclude_unset=True)


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Lay `above` over `below`, mappings field by field; labels add up."""
    merged = {**below, **above}
    for key in below.keys() & above.keys():
        if isinstance(above[key], dict):
            merged[key] = _over(below[key], above[key])
        elif isinstance(above[key], tuple):
            merged[key] = tuple(dict.fromkeys((*below[key], *above[key])))
    return merged


def _here(ssh: Ssh, folder: Path) -> Ssh:
    """Read the paths of key and known_hosts from the inventory's own folder; ~ is home."""
    paths = {"key": ssh.key, "known_hosts": ssh.known_hosts}
    found = {name: folder / path.expanduser() for name, path in paths.items() if path}
    return ssh.model_copy(update=found)


def _refuse_twins(document: yamlfile.Document, written: InventoryFile) -> None:
    """Refuse a name or an address and SSH port that two hosts have."""
    seen: dict[object, int] = {}
    for index, entry in enumerate(written.hosts):
        place = ("hosts", index)
        twins = ((entry.name.casefold(), "name"), (_endpoint(written, entry), "address"))
        for key, field in twins:
            first = seen.setdefault(key, index)
            if first != index:
                line = document.line(("hosts", first, field))
                what = f"{getattr(entry, field)} is a duplicate of line {line}"
                raise document.wrong((*place, field), what)


def _endpoint(written: InventoryFile, entry: HostEntry) -> tuple[str, int]:
    levels = (entry, written.groups.get(entry.group or "", Shared()), written.defaults)
    said = (level.ssh.port for level in levels if level.ssh.port is not None)
    return str(entry.address), next(said, 22)
