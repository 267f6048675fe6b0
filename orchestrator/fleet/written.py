"""An inventory as our own file has it: hosts, groups and defaults, merged here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from orchestrator import yamlfile
from orchestrator.fleet.inventory import (
    Address,
    EngineName,
    Host,
    HostName,
    InstanceName,
    Inventory,
    Paths,
    Port,
    Ssh,
    Sudo,
)
from orchestrator.fleet.twins import clashes
from orchestrator.model import Value


def _some(hosts: tuple[HostEntry, ...]) -> tuple[HostEntry, ...]:
    if not hosts:
        raise ValueError("has no host")
    return hosts


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
    instance: InstanceName = ""
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
    hosts = tuple(_host(document, written, index) for index in range(len(written.hosts)))
    _refuse_twins(document, hosts)
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


def _refuse_twins(document: yamlfile.Document, hosts: tuple[Host, ...]) -> None:
    for index, place, what, first in clashes(hosts):
        if first is None:
            raise document.wrong(("hosts", index, *place), what)
        line = document.line(("hosts", first, *place))
        raise document.wrong(("hosts", index, *place), f"{what} is a duplicate of line {line}")
