"""The fleet as Ansible knows it: what `ansible-inventory --list` prints, as an inventory. Pure.

Every field of a host may be said by a variable of ours; where Ansible has one for the same thing,
that holds otherwise. A host that has no engine is none of our resolvers.
"""

from __future__ import annotations

import os.path
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from ipaddress import ip_address
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from orchestrator.errors import BadFile
from orchestrator.fleet.inventory import EngineName, Host, Inventory
from orchestrator.fleet.twins import clashes
from orchestrator.yamlfile import Place, error_text, field

# Which variables say a field, the first that is set; like Ansible, ansible_ssh_* before ansible_*.
SOURCES: dict[Place, tuple[str, ...]] = {
    ("address",): ("ntactl_address", "ansible_ssh_host", "ansible_host"),
    ("dns",): ("ntactl_dns",),
    ("dns_port",): ("ntactl_dns_port",),
    ("engine",): ("ntactl_engine",),
    ("instance",): ("ntactl_instance",),
    ("site",): ("ntactl_site",),
    ("labels",): ("ntactl_labels",),
    ("ssh", "user"): ("ntactl_user", "ansible_ssh_user", "ansible_user"),
    ("ssh", "port"): ("ntactl_port", "ansible_ssh_port", "ansible_port"),
    ("ssh", "key"): ("ntactl_key", "ansible_ssh_private_key_file", "ansible_private_key_file"),
    ("ssh", "known_hosts"): ("ntactl_known_hosts",),
    ("ssh", "jump"): ("ntactl_jump",),
    ("sudo",): ("ntactl_sudo", "ansible_become"),
    ("paths", "config"): ("ntactl_config",),
    ("paths", "dropin"): ("ntactl_dropin",),
}
_READ = frozenset(name for names in SOURCES.values() for name in names)
_ENGINES: tuple[str, ...] = get_args(EngineName)
_NO_ENGINE = (
    "no host has an engine: set ntactl_engine (unbound, bind, pdns or knot) on the resolvers, "
    "or put them into groups of these names"
)


class _Group(BaseModel):
    hosts: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    vars: dict[str, Any] = Field(default_factory=dict)


class _Meta(BaseModel):
    hostvars: dict[str, dict[str, Any]] = Field(default_factory=dict)


class _Listing(BaseModel):
    """`_meta`, and beside it the groups by name."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, _Group]

    meta: _Meta = Field(alias="_meta")


class _Wrong(NamedTuple):
    """A complaint, and what it is about: a host, or its variable."""

    about: str
    what: str


class _UnclearError(Exception):
    """A host that cannot be made out."""

    def __init__(self, *wrong: _Wrong) -> None:
        super().__init__(*wrong)
        self.wrong = wrong


def from_listing(data: Any, file: str) -> Inventory:
    """The fleet in what `ansible-inventory --list` printed. Raises BadFile with every bad host."""
    listing = _parsed(data, file)
    entries = list(_entries(listing))
    ours = [entry for entry in entries if entry.is_ours]
    hosts, unclear = _hosts(ours)
    wrong = [*_unmerged(listing), *(w for entry in entries for w in entry.unknown()), *unclear]
    if wrong:
        raise _all_wrong(wrong, file)
    if not hosts:
        raise BadFile(_NO_ENGINE, file=file)
    left_out = tuple(entry.name for entry in entries if not entry.is_ours)
    return Inventory(hosts=tuple(hosts), left_out=left_out)


def _parsed(data: Any, file: str) -> _Listing:
    try:
        return _Listing.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        what = f"is not what ansible-inventory --list prints: {error_text(first)}"
        raise BadFile(what, file=file, field=field(first["loc"])) from error


def _entries(listing: _Listing) -> Iterator[_Entry]:
    """Each host once, as the groups have them; one without variables is in a group only."""
    groups = listing.__pydantic_extra__
    listed = (host for group in groups.values() for host in group.hosts)
    members = {engine: _members(groups, engine) for engine in _ENGINES}
    for name in dict.fromkeys((*listed, *listing.meta.hostvars)):
        variables = listing.meta.hostvars.get(name, {})
        yield _Entry(name, variables, [engine for engine in _ENGINES if name in members[engine]])


def _members(groups: Mapping[str, _Group], name: str) -> set[str]:
    """The hosts of a group and of all groups below it."""
    below, todo = set(), [name]
    while todo:
        group = todo.pop()
        if group in groups and group not in below:
            below.add(group)
            todo += groups[group].children
    return {host for group in below for host in groups[group].hosts}


@dataclass(frozen=True)
class _Entry:
    """A host as the listing has it; `engines` are those whose groups it is in."""

    name: str
    variables: Mapping[str, Any]
    engines: Sequence[str]

    @property
    def is_ours(self) -> bool:
        return bool(self.engines) or self._said(("engine",)) is not None

    def unknown(self) -> Iterator[_Wrong]:
        """Variables that look like ours; a slip in ntactl_engine would leave the host out."""
        for name in self.variables:
            if name.startswith("ntactl_") and name not in _READ:
                near = get_close_matches(name, _READ, n=1)
                meant = f", did you mean {near[0]!r}?" if near else ""
                yield _Wrong(f"{self.name}: {name}", f"unknown variable{meant}")

    def host(self) -> Host:
        """The host. Raises _UnclearError."""
        fields: dict[str, Any] = {"name": self.name, "engine": self._engine()}
        for place in SOURCES:
            if (name := self._said(place)) is not None:
                _put(fields, place, self._value(place, name))
        if _is_address(self.name):  # as Ansible has it: a host without one is reached by its name
            fields.setdefault("address", self.name)
        fields.setdefault("dns", fields.get("address"))
        try:
            return Host.model_validate(fields)
        except ValidationError as error:
            raise _UnclearError(*self._complaints(error)) from error

    def about(self, place: Place) -> str:
        """What a complaint about a field names."""
        names = SOURCES.get(place)
        return f"{self.name}: {self._said(place) or names[-1]}" if names else self.name

    def _said(self, place: Place) -> str | None:
        """The variable that says a field."""
        names = SOURCES[place]
        return next((name for name in names if self.variables.get(name) is not None), None)

    def _engine(self) -> str | None:
        if self._said(("engine",)) is None and len(self.engines) > 1:
            both = " and ".join(self.engines)
            what = f"is in the groups of several engines, {both}: say which in ntactl_engine"
            raise _UnclearError(_Wrong(self.name, what))
        return next(iter(self.engines), None)

    def _value(self, place: Place, name: str) -> Any:
        """What a variable says. Raises _UnclearError when only Ansible can tell."""
        value = self.variables[name]
        if isinstance(value, dict):
            value = value.get("__ansible_unsafe", value)
        if isinstance(value, dict) and "__ansible_vault" in value:
            raise self._unclear(place, "is encrypted by Ansible Vault")
        if isinstance(value, str) and ("{{" in value or "{%" in value):
            raise self._unclear(place, "is a template, which ansible-inventory does not fill in")
        if isinstance(value, str) and not value.isprintable():
            raise self._unclear(place, "holds what cannot be printed")
        if place == ("labels",) and isinstance(value, str):
            return [label.strip() for label in value.split(",")]
        if place in {("ssh", "key"), ("ssh", "known_hosts")} and isinstance(value, str):
            return os.path.expanduser(value)  # noqa: PTH111 (Path's raises for an unknown user)
        return value

    def _unclear(self, place: Place, what: str) -> _UnclearError:
        return _UnclearError(_Wrong(self.about(place), f"{what}: write it out in {_ours(place)}"))

    def _complaints(self, error: ValidationError) -> Iterator[_Wrong]:
        """One for each variable: what is no address is no address to ask either."""
        found: dict[str, str] = {}
        for each in error.errors():
            place = next((p for p in SOURCES if each["loc"][: len(p)] == p), each["loc"])
            if place == ("dns",) and self._said(place) is None:
                continue
            text = error_text(each)
            if place == ("address",) and self._said(place) != _ours(place):
                text += f"; {_ours(place)} can say it"
            found.setdefault(self.about(place), text)
        yield from (_Wrong(*one) for one in found.items())


def _put(fields: dict[str, Any], place: Place, value: Any) -> None:
    *above, last = place
    for part in above:
        fields = fields.setdefault(str(part), {})
    fields[str(last)] = value


def _ours(place: Place) -> str:
    return SOURCES[place][0]


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _hosts(entries: Iterable[_Entry]) -> tuple[list[Host], list[_Wrong]]:
    """The hosts, and what is wrong with those that are not among them."""
    hosts: list[Host] = []
    known: list[_Entry] = []
    wrong: list[_Wrong] = []
    for entry in entries:
        try:
            hosts.append(entry.host())
        except _UnclearError as error:
            wrong += error.wrong
        else:
            known.append(entry)
    for index, place, what, first in clashes(hosts):
        said = what if first is None else f"is a duplicate of {hosts[first].name}'s"
        wrong.append(_Wrong(known[index].about(place), said))
    return hosts, wrong


def _unmerged(listing: _Listing) -> Iterator[_Wrong]:
    """Variables that are still with their groups: which of them a host has, Ansible must say."""
    for name, group in listing.__pydantic_extra__.items():
        if read := sorted(_READ & group.vars.keys()):
            what = f"{read[0]} stands with the group: list it without --export"
            yield _Wrong(name, what)


def _all_wrong(wrong: Sequence[_Wrong], file: str) -> BadFile:
    (about, what), *others = wrong
    if others:
        what += f" (the first of {len(wrong)} errors)"
    what += "".join(f"\n  {file}: {other.about}: {other.what}" for other in others)
    return BadFile(what, file=file, field=about)
