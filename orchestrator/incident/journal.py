"""What is written down: append-only events, each before or right after the act it names.

The journal is the only truth about an incident; `lifecycle.fold` turns it into what stands now.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import Field

from orchestrator.model import Time, Value


class Kind(StrEnum):
    """What happened. `*-started` and `host-sent` are written before the act."""

    APPLY_STARTED = "apply-started"
    HOST_SENT = "host-sent"
    HOST_DONE = "host-done"
    HOST_FAILED = "host-failed"
    WAVE_VERIFIED = "wave-verified"
    TAKE_BACK_STARTED = "take-back-started"
    APPLY_ENDED = "apply-ended"
    RENEWED = "renewed"
    HELD = "held"
    RELEASED = "released"
    LOOKED = "looked"
    REVERT_STARTED = "revert-started"
    CANARY_RETURNED = "canary-returned"
    REVERT_STOPPED = "revert-stopped"
    REVERT_ENDED = "revert-ended"
    TOLD = "told"
    BROKE_AGAIN = "broke-again"
    FLUSH_STARTED = "flush-started"
    FLUSH_ENDED = "flush-ended"


class Event(Value):
    """One line of the journal.

    `ntas` are the ids it concerns, `by` the person or "watch", `data` the kind's own fields.
    `seq` is given by the store.
    """

    seq: int = 0
    at: Time
    kind: Kind
    plan: str
    ntas: tuple[str, ...] = ()
    host: str = ""
    by: str = ""
    data: dict[str, Any] = Field(default_factory=dict)
