"""What a host's program prints, read with suspicion: banners, noise and lies included."""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, NamedTuple, Protocol

from orchestrator.engines import engine
from orchestrator.engines.weak import Facts, facts
from orchestrator.errors import BadInput
from orchestrator.fleet.inventory import Host
from orchestrator.fleet.outcome import plain
from orchestrator.model import HeldNta, HostReading, Receipt, RunningNta, Statistics
from orchestrator.names import zone_name

_UNREADABLE = "the host's answer is not one that this version understands"


class Ran(Protocol):
    """A program that ran to its end (fleet/outcome.py)."""

    @property
    def exit(self) -> int | None: ...
    @property
    def stdout(self) -> str: ...
    @property
    def stderr(self) -> str: ...


def parse_reading(host: Host, stdout: str, now: datetime) -> HostReading:
    """Read the read program's answer; what is missing or odd becomes a problem, never an error."""
    empty = HostReading(host=host.name, at=now, engine=host.engine)
    told = _facts(_block(stdout, "reading"))
    if not told:
        return empty.model_copy(update={"problems": (("unreadable", _UNREADABLE),)})
    try:
        return _reading(empty, told)
    except (ValueError, LookupError, OverflowError, OSError, BadInput) as error:
        why = f"{_UNREADABLE}: {' '.join(str(error).split())[:200]}"
        return empty.model_copy(update={"problems": (("unreadable", why),)})


class Examined(NamedTuple):
    """What a host holds, and what weakens validation there, as it tells it."""

    reading: HostReading
    facts: Facts


def parse_audit(host: Host, stdout: str, now: datetime) -> Examined:
    """Read the audit program's answer: a reading, and more."""
    return Examined(parse_reading(host, stdout, now), facts(_facts(_block(stdout, "reading"))))


class Counts(NamedTuple):
    """What a resolver has counted, and how far its host's clock is ahead of ours, in seconds."""

    statistics: Statistics
    clock_offset: float | None = None


def parse_counts(host: Host, ran: Ran) -> Counts:
    """Read the count program's answer; what is missing or odd becomes an error in the value."""
    told, offset = _facts(_block(ran.stdout, "reading")), None
    with contextlib.suppress(*_UNBELIEVABLE, AttributeError, StopIteration):
        _, offset = _clock(told)
        if not _all(told, "problem"):
            return Counts(engine(host.engine).statistics(_all(told, "counter")), offset)
    return Counts(Statistics(error=refusal(ran)[1]), offset)


def parse_receipt(host: Host, action: str, stdout: str, now: datetime) -> Receipt | None:
    """The receipt in a program's answer; None when there is none that can be believed."""
    try:
        fields = _plain_fields(json.loads(_block(stdout, "receipt")))
        fields["at"] = _time(fields["at"]) if "at" in fields else now
        receipt = Receipt(host=host.name, **fields)
    except _UNBELIEVABLE:
        return None
    return receipt if receipt.action == action else None


# What a lie can provoke; RecursionError: "[[[[" and so on.
_UNBELIEVABLE = (ValueError, TypeError, LookupError, OverflowError, OSError, RecursionError)


def refusal(ran: Ran) -> tuple[str, str]:
    """The (rule, message) for a program that ended without a receipt, or read nothing."""
    said = _last_line(ran.stderr)
    for word, rest in _facts(_block(ran.stdout, "reading")):
        if word == "problem":
            rule, _, message = rest.partition(" ")
            return rule, message
    if re.search(r"^(sudo:|.*is not in the sudoers file|.*may not run sudo)", said):
        return "no-sudo", f"sudo refused: {said}; what to allow: ntactl fleet sudoers"
    if ran.exit is None:
        return "killed", "the program was killed on the host; what it did is read back next time"
    if ran.exit in {126, 127}:
        return "no-shell", f"its login shell could not start sh: {said}"
    return "unreadable", f"{_UNREADABLE} (exit {ran.exit}{': ' + said if said else ''})"


def _block(stdout: str, kind: str) -> str:
    """The text between the last pair of marks; a login's banner may stand before them."""
    marks = rf"^ntactl-begin-{kind}$(.*?)^ntactl-end-{kind}$"
    found = re.findall(marks, stdout, re.MULTILINE | re.DOTALL)
    return found[-1] if found else ""


def _facts(block: str) -> list[tuple[str, str]]:
    lines = (plain(line).partition(" ") for line in block.splitlines() if line)
    return [(word, rest) for word, _, rest in lines]


def _plain_fields(fields: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(fields, dict):
        raise TypeError("a receipt is an object")
    return {key: _plain(value) for key, value in fields.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return plain(value) if isinstance(value, str) else value


def _reading(empty: HostReading, facts: Sequence[tuple[str, str]]) -> HostReading:
    told, at, offset = dict(facts), *_clock(facts)
    held = tuple(_held(rest) for rest in _all(facts, "held"))
    problems = [rest.partition(" ") for rest in _all(facts, "problem")]
    return empty.model_copy(
        update={
            "at": at,
            "clock_offset": offset,
            "version": told.get("version", ""),
            "scheduler": told.get("scheduler", ""),
            "generation": int(told.get("generation") or 0),
            "running": tuple(_running(facts, held, told.get("timezone", "+0000"))),
            "held": held,
            "dropin": _dropin(told),
            "anchors": tuple(_all(facts, "anchor")),
            "state_sha256": told.get("state_sha256", ""),
            "problems": tuple((rule, message) for rule, _, message in problems),
        }
    )


def _all(facts: Sequence[tuple[str, str]], word: str) -> list[str]:
    return [rest for found, rest in facts if found == word]


def _clock(facts: Sequence[tuple[str, str]]) -> tuple[datetime, float]:
    """The host's time, and how far it is ahead of the controller's, in seconds."""
    told = dict(facts)["now"].split() if "now" in dict(facts) else []
    if not told:
        raise ValueError("it tells no time")
    host, *controller = (int(word) for word in told)
    return _time(host), float(host - controller[0]) if controller else 0.0


def _time(epoch: Any) -> datetime:
    return datetime.fromtimestamp(int(epoch), UTC)


def _dropin(told: dict[str, str]) -> str | None:
    if "dropin" not in told:
        return None
    try:
        return base64.b64decode(told["dropin"], validate=True).decode(errors="replace")
    except binascii.Error as error:
        raise ValueError(f"the drop-in came damaged ({error})") from error


def _held(rest: str) -> HeldNta:
    nta_id, zone, ends, state = rest.split()
    return HeldNta.model_validate(
        {"id": nta_id, "zone": zone, "ends_at": _time(ends), "state": _STATES[state]}
    )


_STATES = {"half": "armed", "applied": "applied", "ended": "ended"}


def _running(
    facts: Sequence[tuple[str, str]], held: Sequence[HeldNta], zone_text: str
) -> Iterator[RunningNta]:
    ours = {nta.zone: nta.id for nta in held if nta.state != "ended"}
    for rest in _all(facts, "running"):
        name, kind, *when = rest.split(maxsplit=2)
        try:
            zone = zone_name(name)
        except BadInput:  # engines list garbage that somebody typed; the state's hash covers it
            continue
        if kind == "partial" and zone in ours:  # one that some instances lost is not on
            continue
        yield RunningNta(
            zone=zone,
            id=ours.get(zone),
            permanent=kind == "config" and zone not in ours,
            expires=_expiry(when[0], zone_text) if when else None,
        )


def _expiry(when: str, zone_text: str) -> datetime | None:
    """named's "24-Nov-2026 09:15:45.000" in the host's own time zone ("+0100")."""
    hours, minutes = int(zone_text[:3]), int(zone_text[0] + zone_text[3:5])
    local = timezone(timedelta(hours=hours, minutes=minutes))
    try:
        naive = datetime.strptime(when.split(".", maxsplit=1)[0], "%d-%b-%Y %H:%M:%S")  # noqa: DTZ007
    except ValueError:
        return None
    return naive.replace(tzinfo=local).astimezone(UTC)


def _last_line(stderr: str) -> str:
    lines = [plain(line.strip()) for line in stderr.splitlines() if line.strip()]
    return lines[-1][:200] if lines else ""
