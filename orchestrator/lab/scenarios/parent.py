"""The zone is whole, what the root signs about it is not."""

from __future__ import annotations

from dns.rrset import RRset

from orchestrator.lab.keys import Key
from orchestrator.lab.root import ROOT
from orchestrator.lab.scenarios.look import Scenario, healthy
from orchestrator.lab.scenarios.signatures import HOURS_AGO
from orchestrator.lab.signer import Window, signature, spoilt
from orchestrator.lab.world import fresh


def _spoilt(item: RRset, zsk: Key, now: int) -> RRset:
    return spoilt(signature(ROOT, item, zsk, fresh(now)))


def _expired(item: RRset, zsk: Key, now: int) -> RRset:
    return signature(ROOT, item, zsk, Window(now + HOURS_AGO[0], now + HOURS_AGO[1]))


SCENARIOS = (
    Scenario(
        "ds-signature",
        "C7 C1",
        "the root's own signature over the DS does not hold",
        ("it is wrong", "it expired 7 hours ago"),
        healthy,
        ds_signing=(_spoilt, _expired),
    ),
)
