"""What speaks for a mistake and what for an attack, in outages that were recorded."""

import dns.message
import dns.rdata
import pytest
from dns.rdatatype import NS
from signed_world import edited, recorded

from orchestrator.chain.evidence import Sight
from orchestrator.chain.judge import judge
from orchestrator.model import Verdict


def points(verdict: Verdict) -> list[str]:
    return [one.points_to for one in verdict.indicators]


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("de-2026-1", ["mistake", "mistake", "mistake", "mistake"]),
        ("al-2026-1", ["mistake", "mistake", "neither", "mistake"]),
        ("bw-1", ["neither", "mistake", "mistake", "mistake"]),
        ("healthy", []),
    ],
)
def test_recorded_outages(case: str, expected: list[str]) -> None:
    evidence = recorded(case)
    assert points(judge(evidence, evidence.at)) == expected


def test_another_name_server_speaks_for_an_attack() -> None:
    def moved(_sight: Sight, message: dns.message.Message) -> None:
        for rrset in message.answer:
            if rrset.rdtype == NS:
                rrset.clear()
                rrset.add(dns.rdata.from_text("IN", "NS", "ns.elsewhere.example."), 60)

    def at_one(sight: Sight) -> bool:
        return sight.purpose == "ns" and sight.server.address == "10.53.1.2"

    evidence = edited(recorded("zm-2015-1"), at_one, moved)
    indicator = judge(evidence, evidence.at).indicators[1]
    assert indicator.points_to == "attack"
    assert "ns.elsewhere.example." in indicator.detail
