"""Where validators differ: what counts, set by a file; the default is today's Unbound and BIND."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from orchestrator import yamlfile
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
    9.20: 50). `skew`: seconds of tolerance on signature times.
    """

    algorithms: Annotated[frozenset[int], _known(ALGORITHMS)] = ALGORITHMS - {3, 6}
    digests: Annotated[frozenset[int], _known(DIGESTS)] = DIGESTS
    nsec3_iterations: Annotated[int, Field(ge=0, le=2500)] = 150
    skew: Annotated[float, Field(ge=0)] = 0


DEFAULT = Policy()


def load(path: Path | None) -> Policy:
    """The policy in a YAML file, or the default. Raises BadFile."""
    return yamlfile.load(path, Policy) if path else DEFAULT


def with_skew(policy: Policy, skew: float | None) -> Policy:
    """The same policy with another tolerance, where one is given."""
    return policy if skew is None else policy.model_copy(update={"skew": skew})
