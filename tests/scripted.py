"""Drives `validate` with a scenario, without a socket."""

from __future__ import annotations

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


def validated(scenario: Scenario, vantage: Vantage, policy: Policy = DEFAULT) -> Validation:
    _, entry = scenario.asked
    assert entry.name is not None
    when = When(scenario.now.timestamp(), policy.skew, Work(), policy)
    steps = see(entry.name, RdataType(entry.rdtype or 1), vantage, when)
    return judge(_played(steps, scenario), scenario.now, when)


def _played(steps: Steps[Seen], scenario: Scenario) -> Seen:
    try:
        batch = next(steps)
        while True:
            batch = steps.send([_reply(scenario, question) for question in batch.questions])
    except StopIteration as done:
        seen: Seen = done.value
        return seen


def _reply(scenario: Scenario, question: Question) -> Reply:
    rdtype = dns.rdatatype.from_text(question.rdtype)
    query = dns.message.make_query(question.name, rdtype, want_dnssec=True)
    wire = scenario.reply(question.address, query)
    return Reply(question, wire, "" if wire else "timeout")
