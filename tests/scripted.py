"""Drives `validate` with a scenario, without a socket."""

from __future__ import annotations

from collections.abc import Callable

import dns.message
import dns.rdatatype
from dns.rdatatype import RdataType
from rpl import Scenario

from orchestrator.chain.policy import DEFAULT, Policy
from orchestrator.chain.validate import Seen, judge, see
from orchestrator.chain.vantage import Vantage
from orchestrator.chain.verify import When, Work
from orchestrator.chain.walk import Steps
from orchestrator.dns.exchange import Question, Reply
from orchestrator.model import Validation

Change = Callable[[bytes], bytes]


def as_is(wire: bytes) -> bytes:
    return wire


def validated(
    scenario: Scenario, vantage: Vantage, policy: Policy = DEFAULT, change: Change = as_is
) -> Validation:
    """The verdict on the scenario's question; `change` is done to every answer."""
    _, entry = scenario.asked
    assert entry.name is not None
    when = When(scenario.now.timestamp(), policy.skew, Work(), policy)
    steps = see(entry.name, RdataType(entry.rdtype or 1), vantage, when)
    return judge(_played(steps, scenario, change), scenario.now, when)


def _played(steps: Steps[Seen], scenario: Scenario, change: Change) -> Seen:
    try:
        batch = next(steps)
        while True:
            batch = steps.send([_reply(scenario, q, change) for q in batch.questions])
    except StopIteration as done:
        seen: Seen = done.value
        return seen


def _reply(scenario: Scenario, question: Question, change: Change) -> Reply:
    rdtype = dns.rdatatype.from_text(question.rdtype)
    query = dns.message.make_query(question.name, rdtype, want_dnssec=True)
    wire = scenario.reply(question.address, query)
    wire = change(wire) if wire else wire
    return Reply(question, wire, "" if wire else "timeout")
