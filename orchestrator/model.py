"""The field's nouns as frozen values.

They travel between the rooms and into JSON, so their names are the ones scripts rely on
(docs/reference/contract.md). Times are aware UTC datetimes; zones are A-labels with a final dot.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

from orchestrator.errors import BadInput, cut
from orchestrator.names import length, length_text, zone_name


class Value(BaseModel):
    """A frozen value that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _aware(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def rfc3339(at: datetime) -> str:
    """RFC 3339 in UTC with a Z, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _length(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):  # a bare 4 could mean seconds or hours
        raise BadInput(f"{cut(repr(value))} is no length of time: write it like 90s, 2m, 1h, 1d")
    return length(value)


Time = Annotated[datetime, AfterValidator(_aware), PlainSerializer(rfc3339, when_used="json")]
Length = Annotated[
    timedelta,
    BeforeValidator(_length),
    PlainSerializer(length_text, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,9}[smhd]$"}),
]
Zone = Annotated[str, AfterValidator(zone_name)]


class State(StrEnum):
    """RFC 4033 section 5."""

    SECURE = "secure"
    INSECURE = "insecure"
    BOGUS = "bogus"
    INDETERMINATE = "indeterminate"


class Extent(StrEnum):
    """How far a bogus zone is broken."""

    WHOLE = "whole"
    PARTIAL = "partial"
    FLAPPING = "flapping"


class Remedy(StrEnum):
    """What an operator of resolvers can do about it."""

    NONE = "none"
    NTA = "nta"
    NTA_CHILD = "nta-child"
    FLUSH = "flush"
    ESCALATE = "escalate"


class Cause(StrEnum):
    """Why; the names are stable (contract)."""

    RRSIG_EXPIRED = "rrsig-expired"
    RRSIG_NOT_YET_VALID = "rrsig-not-yet-valid"
    RRSIG_INVALID = "rrsig-invalid"
    RRSIG_UNKNOWN_KEY = "rrsig-unknown-key"
    RRSIG_MISSING = "rrsig-missing"
    RRSIG_MALFORMED = "rrsig-malformed"
    DNSKEY_MISSING = "dnskey-missing"
    DNSKEY_NOT_SIGNED_BY_DS_KEY = "dnskey-not-signed-by-ds-key"
    DS_NO_MATCHING_DNSKEY = "ds-no-matching-dnskey"
    DS_DIGEST_MISMATCH = "ds-digest-mismatch"
    KEY_REVOKED = "key-revoked"
    KEY_NOT_ZONE_KEY = "key-not-zone-key"
    KEY_PROTOCOL = "key-protocol"
    DENIAL_MISSING = "denial-missing"
    DENIAL_INVALID = "denial-invalid"
    NSEC3_ITERATIONS = "nsec3-iterations"
    UNSUPPORTED_ALGORITHM = "unsupported-algorithm"
    UNSUPPORTED_DIGEST = "unsupported-digest"
    SERVER_UNREACHABLE = "server-unreachable"
    SERVER_LAME = "server-lame"
    SERVER_DIVERGENT = "server-divergent"
    TRUNCATED_NO_TCP = "truncated-no-tcp"
    FLAPPING = "flapping"
    CACHE_MISMATCH = "cache-mismatch"
    CLOCK_SUSPECT = "clock-suspect"
    TRUST_ANCHOR_MISMATCH = "trust-anchor-mismatch"
    VALIDATION_LIMIT = "validation-limit"
    NOT_VALIDATING = "not-validating"
    NTA_PRESENT = "nta-present"


Severity = Literal["error", "warning", "info"]


class Finding(Value):
    """One thing that is wrong, and where; `server` is "name (address)" or "" for all."""

    cause: Cause
    severity: Severity
    server: str | None = None
    rrset: str | None = None
    owner: str | None = None
    key_tag: int | None = None
    algorithm: int | None = None
    detail: str = ""
    ede: int | None = None


class ServerState(Value):
    """What one address of one name server serves."""

    name: str
    address: str
    state: State


class Cell(Value):
    """One field of the matrix server x RRset: how many looks, how many were bogus."""

    server: str
    rrset: str
    looks: int
    bogus: int
    failed: int = 0


class Indicator(Value):
    """What speaks for an attack or for a mistake; never certain (RFC 7646 section 7)."""

    points_to: Literal["mistake", "attack", "neither"]
    detail: str


class EngineView(Value):
    """What the zone is to validators of one engine, with their settings untouched."""

    engine: str
    versions: str
    state: State
    extent: Extent | None = None
    cause: Cause | None = None


class Verdict(Value):
    """Is the chain of trust to `zone` whole? (contract, "A verdict")."""

    zone: Zone
    state: State
    extent: Extent | None = None
    findings: tuple[Finding, ...] = ()
    fraction_bogus: float = 0.0
    servers: tuple[ServerState, ...] = ()
    matrix: tuple[Cell, ...] = ()
    remedy: Remedy = Remedy.NONE
    remedy_reason: str = ""
    indicators: tuple[Indicator, ...] = ()
    signature_margin: int | None = None
    bad_names: tuple[str, ...] = ()
    at: Time
    rounds: int
    duration_ms: int
    queries: int
    engines: tuple[EngineView, ...] = ()
    resolvers: tuple[ResolverView, ...] = ()
    witnesses: tuple[ResolverView, ...] = ()


class Statistics(Value):
    """What one resolver has counted by itself: a hint, never part of a verdict.

    Of `answers`, `servfail` were SERVFAIL and `bogus` failed validation. BIND counts no such
    answers but `failed_validations`, several an answer. They began no earlier than `since` and
    were read, or written by others, at `at` (the host's clock). `source` is where they were read;
    with an `error` there is nothing else.
    """

    since: Time | None = None
    at: Time | None = None
    answers: int | None = None
    servfail: int | None = None
    bogus: int | None = None
    failed_validations: int | None = None
    source: str = ""
    error: str = ""


class ResolverView(Value):
    """What one resolver answers for one name: the pair without and with CD (RFC 4035 3.2.2).

    `rcode` is None when no answer came (then `error` says why). `signed`: had the answer with CD
    RRSIG records? EDE codes are RFC 8914's: supporting evidence, never a verdict. `statistics`
    are the host's, the same with each of its views; None: not asked for.
    """

    host: str
    name: str
    type: str
    rcode: str | None
    rcode_cd: str | None
    ad: bool
    signed: bool | None = None
    ede: tuple[int, ...] = ()
    error: str = ""
    statistics: Statistics | None = None


class Validation(Verdict):
    """How one answer stands: the verdict of `validate`. `zone` is the zone that decides it.

    `shows` is what is at the end of `aliases`: the type asked for, NODATA or NXDOMAIN.
    """

    name: str
    type: str
    zone: str
    shows: str = ""
    aliases: tuple[str, ...] = ()


class RunningNta(Value):
    """One NTA a resolver lists now. `id` is set when ntactl's folder on the host names it."""

    zone: Zone
    id: str | None = None
    permanent: bool = False
    expires: Time | None = None


class HeldNta(Value):
    """One folder nta/ID on a host, as the host tells it; of a damaged end it tells second 0."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=96)]
    zone: Zone
    ends_at: Time
    state: Literal["armed", "applied", "ended"]

    @property
    def damaged(self) -> bool:
        """Is its end there unreadable? Its guard takes that for now."""
        return self.ends_at.timestamp() <= 0


class HostReading(Value):
    """What a host holds now; made by the read-only program, changes nothing.

    `state_sha256` covers the running NTAs, the drop-in and the explicit trust anchors: a plan
    carries it, and a host whose value has moved on has drifted. `problems` are the reasons why
    ntactl would refuse to touch the host, as (rule, message). `generation` is the highest that
    ran there. `scheduler` wakes its guards: "systemd" or "cron", "" when it was not told.
    """

    host: str
    at: Time
    clock_offset: float = 0.0
    engine: str
    version: str = ""
    scheduler: str = ""
    generation: int = 0
    running: tuple[RunningNta, ...] = ()
    held: tuple[HeldNta, ...] = ()
    dropin: str | None = None
    anchors: tuple[str, ...] = ()
    state_sha256: str = ""
    problems: tuple[tuple[str, str], ...] = ()


class Receipt(Value):
    """How a host's transaction ended; the host wrote it before it sent it.

    `outcome`: applied / reverted / renewed: done and read back (reverted with a `rule`: ours is
    out, and others keep the zone insecure). undone: failed and everything taken back, read back; of
    a renewal, the old end stands. refused: the host holds nothing of this order, `rule` says why.
    stuck: it stands or may stand; a person is needed, the guard goes on. flushed: nothing else.
    """

    host: str
    action: Literal["apply", "revert", "renew", "flush"]
    outcome: Literal["applied", "reverted", "renewed", "undone", "refused", "stuck", "flushed"]
    rule: str = ""
    message: str = ""
    step: str = ""
    at: Time
    generation: int = 0
    running: tuple[str, ...] = ()
    state_sha256: str = ""
