"""Where validators differ: what counts, set by a file; the default is today's Unbound and BIND."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from orchestrator.model import Value

# What the crypto library can check: DSA (3, 6) only for old records, never by default (RFC 9905).
ALGORITHMS = frozenset({3, 5, 6, 7, 8, 10, 13, 14, 15, 16})
DIGESTS = frozenset({1, 2, 4})


def _known(known: frozenset[int]) -> AfterValidator:
    def check(numbers: frozenset[int]) -> frozenset[int]:
        if unknown := sorted(numbers - known):
            raise ValueError(f"cannot check {unknown[0]}, only {sorted(known)}")
        return numbers

    return AfterValidator(check)


class Policy(Value):
    """What a validator takes for good; a chain of anything else is insecure (RFC 4035 section 5.2).

    `nsec3_iterations`: above it a denial is insecure (RFC 9276; Unbound and BIND 9.18: 150, BIND
    9.20: 50). `failures`: how many keys may not fit, or signatures be out of time, in one answer;
    one more ends it, whatever else has signed (CVE-2023-50387; None: no end but our own). `skew`:
    seconds of tolerance on signature times; `skew_share`: or this share of a signature's lifetime,
    an hour at least and a day at most (unbound.conf(5), val-sig-skew-min).
    """

    algorithms: Annotated[frozenset[int], _known(ALGORITHMS)] = ALGORITHMS - {3, 6}
    digests: Annotated[frozenset[int], _known(DIGESTS)] = DIGESTS
    nsec3_iterations: Annotated[int, Field(ge=0, le=2500)] = 150
    failures: Annotated[int, Field(ge=0)] | None = None
    skew: Annotated[float, Field(ge=0, le=2**31 - 1)] = 0
    skew_share: Annotated[float, Field(ge=0, le=1)] = 0

    def tolerance(self, lifetime: float) -> float:
        """Seconds that a signature of this lifetime may be out of its time, `skew` aside."""
        return min(86400.0, max(3600.0, lifetime * self.skew_share)) if self.skew_share else 0.0


class Engine(Value):
    """How versions of an engine differ from the default, with their settings untouched."""

    engine: str
    versions: str
    policy: Policy


DEFAULT = Policy()
# Measured: Unbound 1.17.1, BIND 9.18.49 (since 9.18.24 a first failure ends it); BIND 9.20 by its
# release notes and tests: max-validation-failures-per-fetch is 1, so that one may fail.
ENGINES = (
    Engine(engine="unbound", versions="1.17 and later", policy=Policy(skew_share=0.1)),
    Engine(engine="bind", versions="9.18", policy=Policy(failures=0)),
    Engine(
        engine="bind", versions="9.20 and later", policy=Policy(nsec3_iterations=50, failures=1)
    ),
)


def load(path: Path | None) -> Policy:
    """The policy in a YAML file, or the default. Raises BadFile."""
    if path is None:
        return DEFAULT
    from orchestrator import yamlfile

    return yamlfile.load(path, Policy)


def with_skew(policy: Policy, skew: float | None) -> Policy:
    """The same policy with another tolerance, where one is given."""
    return policy if skew is None else policy.model_copy(update={"skew": skew})
