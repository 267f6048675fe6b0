"""What was seen while looking at one zone: enough to judge it again, anywhere, at any time."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict

from orchestrator.dns.exchange import Failure
from orchestrator.errors import BadFile
from orchestrator.given import given_bytes
from orchestrator.model import Time, Value
from orchestrator.whole import write_whole

# Why a question was asked. "ds": the parent's side of a cut. "denial": a random name, to see a
# denial at some place of the ring. "child": the DS of a name below the zone.
Purpose = Literal["ds", "dnskey", "soa", "ns", "denial", "child"]


class Server(Value):
    """One address of one name server."""

    name: str
    address: str

    def __str__(self) -> str:
        return f"{self.name} ({self.address})"


class Cut(Value):
    """One zone of the chain and every address of every one of its name servers."""

    zone: str
    servers: tuple[Server, ...]


class Sight(Value):
    """One question and what came back: the wire bytes as they were, or why there are none."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64"
    )

    cut: str
    server: Server
    round: int
    purpose: Purpose
    name: str
    type: str
    wire: bytes | None
    error: Failure = ""
    ms: int = 0
    tcp: bool = False


class Evidence(Value):
    """The walk from the root to `zone` (`cuts`, the root first) and every sight on it.

    The last cut is `zone` itself, unless it is not delegated. `names` were given to be looked at.
    """

    zone: str
    anchors: tuple[str, ...]
    cuts: tuple[Cut, ...]
    sights: tuple[Sight, ...]
    names: tuple[str, ...] = ()
    at: Time
    rounds: int
    duration_ms: int = 0
    queries: int = 0


def save(evidence: Evidence, path: Path) -> None:
    """Write evidence as JSON, compressed when the name ends in .gz. Raises NtactlError."""
    data = evidence.model_dump_json(exclude_defaults=True).encode()
    write_whole(path, gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)


def load(path: Path) -> Evidence:
    """Read what `save` wrote. Raises BadFile."""
    try:
        data = given_bytes(path)
        return Evidence.model_validate_json(gzip.decompress(data) if path.suffix == ".gz" else data)
    except (OSError, EOFError, ValueError) as error:
        raise BadFile(f"is no saved evidence: {error}", file=str(path)) from error
