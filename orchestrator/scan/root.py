"""The root: is it sound, and which zones does it delegate?"""

from __future__ import annotations

import random
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import dns.name

from orchestrator.chain.vantage import Vantage, anchors_by_zone
from orchestrator.dns import wire
from orchestrator.dns.lane import Query
from orchestrator.dns.pipeline import Pipeline
from orchestrator.dns.transfer import transfer
from orchestrator.dns.wire import SOA, ZONEMD, Record
from orchestrator.errors import NtactlError
from orchestrator.scan import zonemd
from orchestrator.scan.drive import Manner, piped
from orchestrator.scan.keys import Keys
from orchestrator.scan.look import Outcome, look_at_root
from orchestrator.scan.parent import ROOT, Delegation, delegations
from orchestrator.scan.sound import Doubt, Ledger, rrsets

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Root:
    """The root as it was seen; without `keys` nothing below it can be judged quickly."""

    outcome: Outcome
    keys: Keys | None

    @property
    def addresses(self) -> tuple[str, ...]:
        """Those that answer, or all when none does."""
        every = tuple(address for _, address in self.outcome.servers)
        return tuple(one for one in every if one not in self.outcome.silent) or every


def root(view: Vantage, manner: Manner, ledger: Ledger) -> Root:
    """Look at the root, at every address of the hints."""
    servers = [(wire.to_name(name), address) for name, address in view.hints]
    anchors = anchors_by_zone(view.anchors).get(dns.name.root, ())
    ds = [anchor.to_wire() or b"" for anchor in anchors]
    with piped(manner) as pipeline:
        outcome, keys = _run(look_at_root(servers, ds, ledger, random.SystemRandom()), pipeline)
    return Root(outcome, keys)


def _run(steps: Generator[list[Query], None, R], pipeline: Pipeline) -> R:
    try:
        while True:
            for query in next(steps):
                pipeline.put(query)
            for _ in pipeline.replies():
                pass
    except StopIteration as end:
        result: R = end.value
        return result


def listed(
    seen: Root, keys: Keys, manner: Manner, ledger: Ledger
) -> tuple[list[Delegation], list[bytes]]:
    """Every delegation by a transfer of the root, and zones of which something is missing.

    Raises NtactlError when no root server gives a zone that is whole.
    """
    why = "none of its servers allows a transfer (AXFR)"
    # IPv4 first: a machine may lack the other, and finds out slowly.
    shuffled = random.sample(seen.addresses, len(seen.addresses))
    for address in sorted(shuffled, key=lambda address: ":" in address):
        records = transfer(address, manner.port, ROOT, manner.timeout)
        if records is None:
            continue
        try:
            _check(records, keys, ledger)
        except Doubt as doubt:
            why = f"the transfer from {address} cannot be believed: {doubt.why}"
        else:
            return delegations(records)
    raise NtactlError(
        f"the root's zones cannot be listed: {why}",
        next_step="name the zones: ntactl scan --zones FILE",
    )


def _check(records: Sequence[Record], keys: Keys, ledger: Ledger) -> None:
    """Is the transferred root signed and whole (RFC 8976 section 4)? Raises Doubt."""
    apex = rrsets(record for record in records if record.owner == ROOT)
    ledger.check(apex.get((ROOT, SOA)), keys)
    if (ROOT, ZONEMD) in apex:
        ledger.check(apex[ROOT, ZONEMD], keys)
        zonemd.check(ROOT, records)
