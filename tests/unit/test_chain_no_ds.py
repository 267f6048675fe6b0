"""Only an explicit proof that a delegation has no DS makes a zone insecure (RFC 4035 5.2)."""

from __future__ import annotations

import dns.message
import dns.name
import dns.rrset
import pytest
from dns.rdatatype import RdataType
from signed_world import (
    AT,
    DE,
    FRESH,
    KEYS,
    ROOT,
    ROOT_SERVERS,
    Edit,
    World,
    edited,
    finish,
    recorded,
    root_data,
    soa,
    world,
)

from orchestrator.chain.evidence import Evidence, Sight
from orchestrator.chain.judge import judge
from orchestrator.chain.look import name as look_at
from orchestrator.chain.tally import Trust
from orchestrator.chain.verify import When, keys_of
from orchestrator.dns.message import read
from orchestrator.lab.signer import by_type, nsec3_chain, nsec_chain, rrset, sign
from orchestrator.model import Remedy, State, Verdict
from orchestrator.report.verdict import exit_code


def strip_ds(_: Sight, message: dns.message.Message) -> None:
    message.answer = [item for item in message.answer if item.rdtype != RdataType.DS]


def only_strip(_: Sight, message: dns.message.Message) -> None:
    message.answer = []


def is_ds(sight: Sight) -> bool:
    return sight.purpose == "ds"


def keys_instead(evidence: Evidence) -> Edit:
    """The root's DNSKEY RRset, perfectly signed, in place of the DS."""
    roots = next(s for s in evidence.sights if (s.purpose, s.name) == ("dnskey", "."))
    answer = dns.message.from_wire(roots.wire or b"").answer

    def edit(_: Sight, message: dns.message.Message) -> None:
        message.answer = answer

    return edit


def judged(evidence: Evidence) -> Verdict:
    return judge(evidence, evidence.at)


@pytest.mark.parametrize("case", ["healthy", "fj-2022-1"])
@pytest.mark.parametrize("edit", [strip_ds, only_strip])
def test_a_ds_taken_away_is_no_proof_that_there_is_none(case: str, edit: Edit) -> None:
    verdict = judged(edited(recorded(case), is_ds, edit))
    assert verdict.state is State.BOGUS
    assert exit_code(verdict) != 0


@pytest.mark.parametrize("case", ["healthy", "fj-2022-1"])
def test_a_signed_answer_to_another_question_is_no_proof(case: str) -> None:
    evidence = recorded(case)
    assert judged(edited(evidence, is_ds, keys_instead(evidence))).state is State.BOGUS


def test_a_proven_absence_is_insecure() -> None:
    root = finish(ROOT, root_data(ds=()))
    verdict = judged(world().at(ROOT_SERVERS, root).evidence())
    assert (verdict.state, verdict.remedy, exit_code(verdict)) == (State.INSECURE, Remedy.NONE, 0)


# RFC 6840 section 4.4: without the NS bit the record says nothing of a delegation.


def lying_root(*, kinds: tuple[str, ...]) -> World:
    """Root servers that refer to de., while the signed NSEC of de. has no NS in its bitmap."""
    data = root_data(ds=())
    chain = nsec_chain(ROOT, data, 60)
    own = next(item for item in chain if item.name == DE)
    chain.remove(own)
    chain.append(rrset(DE, 60, RdataType.NSEC, f"{own[0].next} {' '.join(kinds)}"))
    return world().at(ROOT_SERVERS, signed_as_is([*data, *chain]))


def signed_as_is(data: list[dns.rrset.RRset]) -> list[dns.rrset.RRset]:
    keys = KEYS[ROOT]
    published = rrset(ROOT, 60, RdataType.DNSKEY, keys.ksk.dnskey, keys.zsk.dnskey)
    return sign(ROOT, [*data, published], FRESH, by_type(keys.ksk, keys.zsk))


def test_without_the_ns_bit_it_is_not_delegated() -> None:
    verdict = judged(lying_root(kinds=("A", "RRSIG", "NSEC")).evidence())
    assert (verdict.state, verdict.remedy) == (State.INDETERMINATE, Remedy.ESCALATE)
    assert "no delegation" in verdict.findings[0].detail
    assert exit_code(verdict) == 12


def test_with_the_ns_bit_it_is_insecure() -> None:
    verdict = judged(lying_root(kinds=("NS", "RRSIG", "NSEC")).evidence())
    assert (verdict.state, exit_code(verdict)) == (State.INSECURE, 0)


def test_a_denied_child_is_not_delegated() -> None:
    """The referral is not signed; the denial of the name is."""
    evidence = world().evidence()
    without = [soa(ROOT), *root_data()[1:5]]
    other = world().at(ROOT_SERVERS, finish(ROOT, without))
    wire = next(s.wire for s in other.evidence().sights if s.purpose == "ns" and s.cut == ".")
    sights = tuple(
        s.model_copy(update={"wire": wire}) if s.purpose == "ds" else s for s in evidence.sights
    )
    verdict = judged(evidence.model_copy(update={"sights": sights}))
    assert (verdict.state, verdict.remedy) == (State.INDETERMINATE, Remedy.ESCALATE)


# One answer.

TRUST = Trust(DE, keys_of(DE, [KEYS[DE].zsk.dnskey]))
WWW = dns.name.from_text("www.de.")


def answered(*sections: list[dns.rrset.RRset], rcode: int = 0) -> State | None:
    message = dns.message.make_response(dns.message.make_query("www.de.", "A"))
    message.flags |= 0x0400
    message.answer, message.authority = [*sections, []][:2]
    message.set_rcode(rcode)  # type: ignore[arg-type]
    return look_at(read(message.to_wire()), TRUST, WWW, RdataType.A, When(AT.timestamp())).state


def made(name: str, kind: RdataType, text: str, *, signed: bool = True) -> list[dns.rrset.RRset]:
    item = rrset(dns.name.from_text(name), 60, kind, text)
    zone = sign(DE, [item], FRESH, by_type(KEYS[DE].ksk, KEYS[DE].zsk))
    return zone if signed else [item]


def test_a_signature_without_its_records_is_bogus() -> None:
    assert answered(made("www.de.", RdataType.A, "192.0.2.1")) is State.SECURE
    assert answered(made("www.de.", RdataType.A, "192.0.2.1")[1:]) is State.BOGUS


def test_what_was_not_asked_does_not_count() -> None:
    assert answered(made("other.de.", RdataType.A, "192.0.2.1")) is State.BOGUS
    stray = made("other.de.", RdataType.A, "192.0.2.1", signed=False)
    assert answered([*made("www.de.", RdataType.A, "192.0.2.1"), *stray]) is State.SECURE


def test_a_dname_from_elsewhere_vouches_for_nothing() -> None:
    cname = made("www.de.", RdataType.CNAME, "evil.example.", signed=False)
    dname = made(".", RdataType.DNAME, "example.", signed=False)
    assert answered([*dname, *cname]) is State.BOGUS


def test_aliases_are_followed_and_counted() -> None:
    away = made("www.de.", RdataType.CNAME, "www.example.")
    assert answered(away) is State.SECURE
    assert answered(away[:1]) is State.BOGUS
    here = made("www.de.", RdataType.CNAME, "host.de.")
    assert answered([*here, *made("host.de.", RdataType.A, "192.0.2.1")]) is State.SECURE
    assert answered([*here, *made("host.de.", RdataType.A, "192.0.2.1")[:1]]) is State.BOGUS


def test_a_dname_of_the_zone_takes_its_cname_along() -> None:
    dname = made("de.", RdataType.DNAME, "example.")
    cname = made("www.de.", RdataType.CNAME, "www.example.", signed=False)
    assert answered([*dname, *cname]) is State.SECURE
    assert answered([*dname[:1], *cname]) is State.BOGUS


def test_a_child_zone_on_the_same_server_is_lame_and_not_bogus() -> None:
    item = made("www.de.", RdataType.A, "192.0.2.1")
    foreign = rrset(WWW, 60, RdataType.RRSIG, item[1][0].replace(signer=WWW))
    assert answered([item[0], foreign]) is None


def test_a_zone_with_nsec3_proves_an_unsigned_delegation_by_its_span() -> None:
    data = root_data(ds=())
    opt_out = [*data, *nsec3_chain(ROOT, data, 60)]
    verdict = judged(world().at(ROOT_SERVERS, signed_as_is(opt_out)).evidence())
    assert (verdict.state, verdict.findings) == (State.INSECURE, ())


@pytest.mark.parametrize("owner", [".", "example."])
def test_an_upward_referral_is_lame_also_with_aa(owner: str) -> None:
    referral = made(owner, RdataType.NS, "a.root.", signed=False)
    assert answered([], referral) is (None if owner == "." else State.BOGUS)
