"""The journal and the plans in a database; the only room that knows which.

SQLite by default (WAL, a busy timeout, full synchronous: an event that was appended survives
kill -9 and a power cut).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from orchestrator.errors import NtactlError
from orchestrator.incident.journal import Event

_META = sa.MetaData()
_JOURNAL = sa.Table(
    "journal",
    _META,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("plan", sa.String(64), nullable=False, index=True),
    sa.Column("event", sa.Text, nullable=False),
)
_PLANS = sa.Table(
    "plan",
    _META,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
)


class Store:
    """One state folder: `ntactl.db` beside the locks and the saved plans."""

    def __init__(self, folder: Path) -> None:
        """Open or make the store. Raises NtactlError when the folder cannot be written."""
        self.folder = folder
        with _explained(folder):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._engine = sa.create_engine(
                f"sqlite:///{folder / 'ntactl.db'}", connect_args={"timeout": 30}
            )
            sa.event.listen(self._engine, "connect", _durable)
            _META.create_all(self._engine)

    def append(self, *events: Event) -> None:
        """Write events down in one durable step, all or none."""
        rows = [{"plan": e.plan, "event": e.model_dump_json(exclude={"seq"})} for e in events]
        if rows:
            with _explained(self.folder), self._engine.begin() as connection:
                connection.execute(sa.insert(_JOURNAL), rows)

    def events(self, plan: str | None = None) -> list[Event]:
        """The journal in order, of one plan or of all."""
        query = sa.select(_JOURNAL.c.seq, _JOURNAL.c.event).order_by(_JOURNAL.c.seq)
        if plan is not None:
            query = query.where(_JOURNAL.c.plan == plan)
        with _explained(self.folder), self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return [Event(seq=seq, **json.loads(text)) for seq, text in rows]

    def last(self) -> int:
        """The number of the newest line, 0 before any."""
        with _explained(self.folder), self._engine.connect() as connection:
            return int(connection.execute(sa.select(sa.func.max(_JOURNAL.c.seq))).scalar() or 0)

    def keep_plan(self, plan_id: str, text: str) -> None:
        """Keep the plan as it was when it was first carried out; a later call changes nothing."""
        known = sa.select(_PLANS.c.id).where(_PLANS.c.id == plan_id)
        with _explained(self.folder), self._engine.begin() as connection:
            if connection.execute(known).first() is None:
                connection.execute(sa.insert(_PLANS).values(id=plan_id, text=text))

    def plan(self, plan_id: str) -> str:
        """The text of a kept plan. Raises KeyError."""
        query = sa.select(_PLANS.c.text).where(_PLANS.c.id == plan_id)
        with _explained(self.folder), self._engine.connect() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise KeyError(plan_id)
        return str(row[0])

    def close(self) -> None:
        """Let the database go."""
        self._engine.dispose()


def _durable(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sa.exc.SQLAlchemyError) as error:
        cause = getattr(error, "orig", None) or error
        raise NtactlError(
            f"the state cannot be read or written: {cause}",
            where=str(folder),
            state="hosts are as the last journal line says; armed guards still lift at ends_at",
            next_step=f"df -h {folder}; ls -ld {folder}; then run the same command again",
        ) from error
