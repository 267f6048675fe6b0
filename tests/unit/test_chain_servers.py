"""Servers that differ: keys that did not come, a parent that is bad, keys that contradict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from dns.rdatatype import RdataType
from dns.rrset import RRset
from signed_world import (
    DAY,
    DE,
    DE_SERVERS,
    FRESH,
    KEYS,
    KID,
    NOW,
    ROOT_SERVERS,
    de_data,
    de_zone,
    finish,
    recorded,
    root_zone,
    silenced,
    world,
)

from orchestrator.chain.above import above
from orchestrator.chain.evidence import Evidence
from orchestrator.chain.judge import judge
from orchestrator.chain.own import looks
from orchestrator.chain.verify import When
from orchestrator.lab.keys import Key, make_key
from orchestrator.lab.signer import Window, Zone, rrset, sign, signature
from orchestrator.model import Cause, Extent, Remedy, State, Verdict
from orchestrator.report.verdict import exit_code

A, B, C = DE_SERVERS


def judged(evidence: Evidence) -> Verdict:
    return judge(evidence, evidence.at)


def corrupt(zone: Zone, kind: RdataType) -> Zone:
    """The zone with the signatures over one type broken."""
    return [broken(item) if item.covers == kind else item for item in zone]


def broken(item: RRset) -> RRset:
    return rrset(item.name, 60, RdataType.RRSIG, *(r.replace(signature=bytes(64)) for r in item))


# The DNSKEY RRset does not come.


@pytest.mark.parametrize(
    ("error", "cause"),
    [("timeout", Cause.SERVER_UNREACHABLE), ("truncated-no-tcp", Cause.TRUNCATED_NO_TCP)],
)
def test_keys_that_do_not_come_show_nothing(error: str, cause: Cause) -> None:
    evidence = recorded("healthy")
    verdict = judged(
        silenced(evidence, lambda s: (s.purpose, s.cut) == ("dnskey", evidence.zone), error)
    )
    assert (verdict.state, verdict.extent) == (State.INDETERMINATE, None)
    assert (verdict.findings[0].cause, verdict.findings[0].rrset) == (cause, "DNSKEY")
    assert (verdict.remedy, exit_code(verdict)) == (Remedy.ESCALATE, 12)
    assert {server.state for server in verdict.servers} == {State.INDETERMINATE}
    assert all("2 of 80 looks" in finding.detail for finding in verdict.findings[1:])


def test_one_servers_keys_that_do_not_come_are_those_of_the_others() -> None:
    evidence = recorded("healthy")
    first = evidence.cuts[-1].servers[0]
    verdict = judged(
        silenced(evidence, lambda s: s.purpose == "dnskey" and s.server == first, "timeout")
    )
    assert (verdict.state, exit_code(verdict)) == (State.SECURE, 0)


def test_a_bare_copy_proves_nothing_while_the_others_keys_stay_away() -> None:
    """Small, unsigned answers get through where large, signed ones do not."""
    evidence = world().at(A, de_data()).evidence()
    away = silenced(
        evidence,
        lambda s: s.purpose == "dnskey" and s.server.address in (B, C),
        "truncated-no-tcp",
    )
    verdict = judged(away)
    assert (verdict.state, verdict.remedy) == (State.BOGUS, Remedy.ESCALATE)
    assert "did not come" in verdict.remedy_reason


# The parent's DS.


def test_a_ds_that_no_server_of_the_parent_signs_well_calls_for_an_nta() -> None:
    bad = corrupt(root_zone(), RdataType.DS)
    verdict = judged(world().at(ROOT_SERVERS, bad).evidence())
    assert (verdict.state, verdict.extent) == (State.BOGUS, Extent.WHOLE)
    assert (verdict.findings[0].cause, verdict.findings[0].rrset) == (Cause.RRSIG_INVALID, "DS")
    assert (verdict.remedy, exit_code(verdict)) == (Remedy.NTA, 10)
    assert "DS" in verdict.remedy_reason


def test_one_bad_server_of_the_parent_is_named_and_outvoted() -> None:
    bad = corrupt(root_zone(), RdataType.DS)
    verdict = judged(world().at(ROOT_SERVERS[1], bad).evidence())
    assert (verdict.state, verdict.extent) == (State.BOGUS, Extent.PARTIAL)
    main = verdict.findings[0]
    assert (main.cause, main.server, main.rrset) == (
        Cause.SERVER_DIVERGENT,
        "b.root. (192.0.2.2)",
        "DS",
    )
    assert (verdict.remedy, exit_code(verdict)) == (Remedy.ESCALATE, 12)
    assert "only b.root. (192.0.2.2) is bad" in verdict.remedy_reason


def test_children_with_a_bad_ds_and_such_a_child_itself() -> None:
    """.se 2022: its own servers are clean, and every validator fails."""
    bad = world().at(DE_SERVERS, corrupt(de_zone(), RdataType.DS))
    tld, child = judged(bad.evidence("de.")), judged(bad.evidence("kid.de."))
    assert (tld.state, tld.remedy) == (State.BOGUS, Remedy.NTA_CHILD)
    assert "kid.de." in tld.remedy_reason
    assert (child.state, child.extent, child.remedy) == (State.BOGUS, Extent.WHOLE, Remedy.NTA)
    assert exit_code(child) == 10


@pytest.mark.parametrize("bad", [1, 2, 3])
def test_no_reason_ever_names_nobody(bad: int) -> None:
    zone = corrupt(root_zone(), RdataType.DS)
    verdict = judged(world().at(ROOT_SERVERS[:bad], zone).evidence())
    assert "only  " not in verdict.remedy_reason
    assert verdict.remedy is (Remedy.ESCALATE if bad == 1 else Remedy.NTA)


# Keys that contradict each other.


def signed_by(zsk: Key, published: Sequence[Key] = ()) -> Zone:
    """de. as a signer with its own ZSK makes it; the KSK is one."""
    keys = replace(KEYS[DE], zsk=zsk)
    return finish(DE, de_data(), keys=keys, published=(keys.ksk, *(published or (zsk,))))


ONE, TWO, THREE = (make_key(256) for _ in range(3))


def test_two_signers_each_right_by_itself_are_not_clean() -> None:
    """APNIC 2012: whoever holds the keys of one rejects the data of the other."""
    evidence = world().at((A, C), signed_by(ONE)).at(B, signed_by(TWO)).evidence()
    verdict = judged(evidence)
    assert (verdict.state, verdict.extent) == (State.BOGUS, Extent.PARTIAL)
    assert verdict.findings[0].cause is Cause.SERVER_DIVERGENT
    assert verdict.findings[0].severity == "error"
    assert {server.state for server in verdict.servers} == {State.BOGUS}
    assert (verdict.remedy, exit_code(verdict)) == (Remedy.ESCALATE, 12)
    assert f"b.nic.de. ({B})" in verdict.remedy_reason
    assert verdict.fraction_bogus == 0.0, "each signature is good by the keys beside it"


def test_when_no_two_servers_agree_most_validators_fail() -> None:
    every = world().at(A, signed_by(ONE)).at(B, signed_by(TWO)).at(C, signed_by(THREE))
    verdict = judged(every.evidence())
    assert (verdict.state, verdict.remedy) == (State.BOGUS, Remedy.NTA)


def test_a_published_key_that_signs_nothing_yet_is_fine() -> None:
    ahead = signed_by(ONE, published=(ONE, TWO))
    verdict = judged(world().at((A, C), signed_by(ONE)).at(B, ahead).evidence())
    assert (verdict.state, verdict.findings, exit_code(verdict)) == (State.SECURE, (), 0)


def test_a_zone_signed_twice_is_fine_under_either_key() -> None:
    twice = twice_signed(signed_by(ONE, published=(ONE, TWO)))
    verdict = judged(world().at((A, C), signed_by(ONE)).at(B, twice).evidence())
    assert (verdict.state, verdict.findings) == (State.SECURE, ())
    after = judged(world().at((A, C), signed_by(TWO)).at(B, twice).evidence())
    assert (after.state, after.findings) == (State.SECURE, ())


def twice_signed(zone: Zone) -> Zone:
    plain = [item for item in zone if item.rdtype != RdataType.RRSIG]
    more = {
        (item.name, item.covers): item
        for item in sign(DE, plain, FRESH, lambda _: TWO)
        if item.rdtype == RdataType.RRSIG and item.covers != RdataType.DNSKEY
    }
    return [
        rrset(i.name, 60, RdataType.RRSIG, *i, *more[i.name, i.covers])
        if (i.name, i.covers) in more
        else i
        for i in zone
    ]


def test_keys_of_the_round_before_are_still_held() -> None:
    """One server that changes its keys without a roll fails whoever asked it before."""
    before = world().at(DE_SERVERS, signed_by(ONE)).evidence(rounds=2)
    after = world().at(DE_SERVERS, signed_by(TWO)).evidence(rounds=2)
    sights = (
        *(s for s in before.sights if s.round == 0),
        *(s for s in after.sights if s.round == 1),
    )
    verdict = judged(before.model_copy(update={"sights": sights}))
    assert verdict.state is State.BOGUS


def test_keys_under_a_signature_that_is_over_vouch_for_nothing() -> None:
    """The DS of kid.de. at A is signed by a key that only a DNSKEY RRset out of time has."""
    stale = signed_by(ONE)
    keys = next(item for item in stale if item.rdtype == RdataType.DNSKEY)
    over = signature(DE, keys, KEYS[DE].ksk, Window(NOW - 9 * DAY, NOW - DAY))
    stale = [over if item.covers == RdataType.DNSKEY else item for item in stale]
    evidence = world().at(A, stale).evidence("kid.de.")
    verdict = judged(evidence)
    assert (verdict.state, verdict.remedy) == (State.BOGUS, Remedy.ESCALATE)
    assert f"only a.nic.de. ({A}) is bad" in verdict.remedy_reason


def test_messages_are_judged_once_for_a_set_of_keys() -> None:
    """All servers and rounds send the same bytes: they share one judgement."""
    evidence = world().evidence(rounds=2)
    when = When(NOW)
    judged_looks = looks(evidence, above(evidence, when), when)
    plain = [one.look for one in judged_looks if one.sight.name == "plain.de."]
    assert len(plain) == 2 * len(DE_SERVERS)
    assert len({id(look) for look in plain}) == 1


def test_a_dispute_is_told_although_the_keys_differ_too() -> None:
    short = [item for item in de_data() if not item.name.is_subdomain(KID)]
    keys = replace(KEYS[DE], zsk=TWO)
    evidence = world().at(B, finish(DE, short, keys=keys)).evidence()
    verdict = judged(evidence)
    assert verdict.remedy is Remedy.ESCALATE
    assert "signed, but false" in verdict.remedy_reason
