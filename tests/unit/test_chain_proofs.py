"""What denial records prove, and what they do not (RFC 4035 5.4, RFC 5155 8, RFC 6840 4)."""

from __future__ import annotations

import dns.name
import pytest
from dns.name import Name
from dns.rdatatype import RdataType
from dns.rrset import RRset

from orchestrator.chain.proofs import ITERATIONS, Denial, denial
from orchestrator.lab.signer import nsec3_chain, nsec_chain, rrset
from orchestrator.model import Cause

ZONE = dns.name.from_text("example.")
DS, A = RdataType.DS, RdataType.A


def n(text: str) -> Name:
    return dns.name.from_text(text, ZONE)


def made(owner: str, kind: RdataType, rdata: str) -> RRset:
    return rrset(n(owner), 60, kind, rdata)


CONTENT = [
    rrset(ZONE, 60, RdataType.SOA, "ns.example. root.example. 1 1 1 1 1"),
    rrset(ZONE, 60, RdataType.NS, "ns.example."),
    made("ns", A, "192.0.2.1"),
    made("signed", RdataType.NS, "ns.signed.example."),
    made("signed", DS, "1 13 2 " + "00" * 32),
    made("unsigned", RdataType.NS, "ns.unsigned.example."),
    made("host.deep", A, "192.0.2.2"),
    made("*.wild", A, "192.0.2.3"),
    made("x.*.hollow", A, "192.0.2.4"),
]
NSEC = nsec_chain(ZONE, CONTENT, 60)
NSEC3 = nsec3_chain(ZONE, CONTENT, 60)
WITHOUT_OPT_OUT = [
    rrset(item.name, 60, RdataType.NSEC3, item[0].replace(flags=0)) for item in NSEC3
]
BOTH = pytest.mark.parametrize("chain", [NSEC, NSEC3], ids=["NSEC", "NSEC3"])


def proves(chain: list[RRset]) -> Denial:
    return denial(ZONE, chain)


@BOTH
def test_what_is_not_there_is_proven_not_there(chain: list[RRset]) -> None:
    for name in ("zz", "a.b.c", "x.ns", "0"):
        assert proves(chain).nxdomain(n(name)).cause is None, name


@BOTH
def test_what_is_there_cannot_be_denied(chain: list[RRset]) -> None:
    for name in ("ns", "signed", "deep", "host.deep"):
        assert proves(chain).nxdomain(n(name)).cause == Cause.DENIAL_INVALID, name


@BOTH
def test_a_wildcard_keeps_a_name_from_being_denied(chain: list[RRset]) -> None:
    assert proves(chain).nxdomain(n("any.wild")).cause == Cause.DENIAL_INVALID


@BOTH
def test_a_wildcard_that_is_an_empty_non_terminal_is_there_and_has_no_data(
    chain: list[RRset],
) -> None:
    assert proves(chain).nxdomain(n("any.hollow")).cause == Cause.DENIAL_INVALID
    assert proves(chain).nodata(n("any.hollow"), A).cause is None


@BOTH
def test_a_type_that_is_not_there_is_denied(chain: list[RRset]) -> None:
    assert proves(chain).nodata(n("ns"), RdataType.MX).cause is None
    assert proves(chain).nodata(n("deep"), A).cause is None  # an empty non-terminal
    assert proves(chain).nodata(n("any.wild"), RdataType.MX).cause is None


@BOTH
def test_a_type_that_is_there_cannot_be_denied(chain: list[RRset]) -> None:
    assert proves(chain).nodata(n("ns"), A).cause == Cause.DENIAL_INVALID
    assert proves(chain).nodata(n("signed"), DS).cause == Cause.DENIAL_INVALID
    assert proves(chain).nodata(n("any.wild"), A).cause == Cause.DENIAL_INVALID


@BOTH
def test_an_unsigned_delegation_is_proven(chain: list[RRset]) -> None:
    assert proves(chain).unsigned_cut(n("unsigned")).cause is None
    assert proves(chain).unsigned_cut(n("signed")).cause == Cause.DENIAL_INVALID
    assert proves(chain).unsigned_cut(n("ns")).cause == Cause.DENIAL_INVALID


@BOTH
def test_the_parents_record_says_nothing_about_the_childs_types(chain: list[RRset]) -> None:
    assert proves(chain).nodata(n("signed"), A).cause == Cause.DENIAL_INVALID
    assert proves(chain).nxdomain(n("www.signed")).cause == Cause.DENIAL_INVALID


@BOTH
def test_the_childs_own_record_says_nothing_about_its_ds(chain: list[RRset]) -> None:
    assert proves(chain).nodata(ZONE, DS).cause == Cause.DENIAL_INVALID


@BOTH
def test_every_part_of_a_denial_is_needed(chain: list[RRset]) -> None:
    """With NSEC3: encloser, next closer name and wildcard; with NSEC: the span and the wildcard."""
    name = n("zz")
    assert proves(chain).nxdomain(name).cause is None
    needed = [
        item
        for item in chain
        if proves([other for other in chain if other is not item]).nxdomain(name).cause
    ]
    assert needed
    assert proves(needed).nxdomain(name).cause is None
    for item in needed:
        fewer = [other for other in needed if other is not item]
        assert not fewer or proves(fewer).nxdomain(name).cause == Cause.DENIAL_INVALID


def test_opt_out_is_insecure_and_only_where_it_is_allowed() -> None:
    assert proves(NSEC3).unsigned_cut(n("unsigned")).insecure
    assert proves(NSEC3).nxdomain(n("zz")).insecure
    assert not proves(NSEC).unsigned_cut(n("unsigned")).insecure
    refused = proves(WITHOUT_OPT_OUT).unsigned_cut(n("unsigned"))
    assert refused.cause == Cause.DENIAL_INVALID
    assert not proves(WITHOUT_OPT_OUT).nxdomain(n("zz")).insecure


@BOTH
def test_a_wildcard_answer_needs_the_closer_name_denied(chain: list[RRset]) -> None:
    assert proves(chain).expansion(n("any.wild"), n("wild")).cause is None
    assert proves(chain).expansion(n("host.deep"), n("deep")).cause == Cause.DENIAL_INVALID


def test_too_many_iterations_are_insecure_and_told() -> None:
    costly = [
        rrset(item.name, 60, RdataType.NSEC3, item[0].replace(iterations=ITERATIONS + 1))
        for item in NSEC3
    ]
    proof = proves(costly).nxdomain(n("zz"))
    assert (proof.cause, proof.insecure) == (Cause.NSEC3_ITERATIONS, True)


def test_records_of_another_zone_or_hash_prove_nothing() -> None:
    elsewhere = denial(dns.name.from_text("org."), NSEC3)
    assert elsewhere.nxdomain(dns.name.from_text("zz.org.")).cause == Cause.DENIAL_INVALID
    unknown = [rrset(i.name, 60, RdataType.NSEC3, i[0].replace(algorithm=9)) for i in NSEC3]
    assert proves(unknown).nxdomain(n("zz")).cause == Cause.DENIAL_INVALID


def test_an_nsec_of_a_cut_or_a_dname_covers_nothing_below_itself() -> None:
    for kinds in ("NS RRSIG NSEC", "DNAME RRSIG NSEC"):
        span = [made("sub", RdataType.NSEC, f"zzz.example. {kinds}")]
        assert proves(span).nodata(n("www.sub"), A).cause == Cause.DENIAL_INVALID
