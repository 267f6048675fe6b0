"""Scenes: who serves what in a signed Internet that is small enough to break on purpose.

`Scene` answers like rpl.Scenario (`reply`, `addresses`, `anchors`, `hints`, `now`, `asked`), so a
test may drive `validate` with it, and tests/play.py may serve it on real sockets. An `Edit` changes
what some addresses answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from dns.message import Message
from dns.name import Name
from dns.rdatatype import RdataType
from scene_server import answer
from scene_zones import NOW, Plan, name_of

Change = Callable[[Message], Message | None]


@dataclass(frozen=True)
class Edit:
    """A change to the answers of `addresses` (empty: all) to one question (None: any)."""

    change: Change
    name: str | None = None
    rdtype: str | None = None
    addresses: tuple[str, ...] = ()

    def fits(self, address: str, query: Message) -> bool:
        asked = query.question[0]
        return (
            (self.name is None or asked.name == name_of(self.name))
            and (self.rdtype is None or asked.rdtype == RdataType.make(self.rdtype))
            and (not self.addresses or address in self.addresses)
        )


@dataclass(frozen=True)
class _Asked:
    name: Name
    rdtype: RdataType


@dataclass(frozen=True)
class Scene:
    """Who serves what, what is asked, and from which anchors."""

    question: str
    plans: tuple[Plan, ...]
    anchors: tuple[str, ...]
    hints: tuple[str, ...]
    edits: tuple[Edit, ...] = ()
    also: tuple[tuple[str, Plan], ...] = ()  # more servers: address, what it serves

    now = datetime.fromtimestamp(NOW, UTC)

    @property
    def asked(self) -> tuple[int, _Asked]:
        name, rdtype = self.question.split()
        return 1, _Asked(name_of(name), RdataType.make(rdtype))

    @property
    def addresses(self) -> set[str]:
        return {address for address, _ in self._served()}

    def _served(self) -> Iterator[tuple[str, Plan]]:
        yield from ((plan.address, plan) for plan in self.plans)
        yield from self.also

    def reply(self, address: str, query: Message, *, tcp: bool = False) -> bytes | None:
        del tcp
        zones = [plan.zone() for where, plan in self._served() if where == address]
        if not zones:
            return None
        message: Message | None = answer(zones, query)
        for edit in self.edits:
            if message is not None and edit.fits(address, query):
                message = edit.change(message)
        return message.to_wire(max_size=65535) if message else None

    def edited(self, *edits: Edit) -> Scene:
        return replace(self, edits=(*self.edits, *edits))
