"""The careful reader: whatever a zone may publish comes out as it was signed."""

from __future__ import annotations

import struct

import dns.name
import dns.rdatatype
import pytest
from dns.rdatatype import RdataType
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.dns.message import find, read

OWNER = dns.name.from_text("a.example.")
# What dnspython refuses or writes anew, and validators verify (RFC 3597 section 6).
ODD = {
    "HTTPS": "0000 0474657374 00 0001 0003 026832",
    "SVCB": "0001 00 0003 0002 01bb 0001 0003 026832",
    "LOC": "00 05 16 13 80000000 80000000 00989680",
    "CAA": "00 07 69732d73756521 63",
    "ZONEMD": "00000001 01 01 00",
    "CDS": "0001 0d 02 ab",
    "SSHFP": "01 01 ab",
    "URI": "0001 0001",
    "ISDN": "01 31 00",
    "TXT": "",
}


def message(rdtype: int, *rdatas: bytes) -> bytes:
    """A response with one RRset."""
    head = struct.pack("!6H", 7, 0x8400, 1, len(rdatas), 0, 0)
    question = OWNER.to_wire() + struct.pack("!HH", rdtype, 1)
    fixed = b"\xc0\x0c" + struct.pack("!HHI", rdtype, 1, 60)
    return head + question + b"".join(fixed + struct.pack("!H", len(r)) + r for r in rdatas)


def shown(rdtype: int, *rdatas: bytes) -> set[bytes]:
    read_ = read(message(rdtype, *rdatas))
    assert read_ is not None
    rrset = find(read_.answer, OWNER, RdataType.make(rdtype))
    assert (read_.faults, rrset is None) == (0, False)
    return {rdata.to_digestable() for rdata in rrset or ()}


@pytest.mark.parametrize(("mnemonic", "data"), ODD.items(), ids=ODD)
def test_what_dnspython_would_refuse_is_read_as_it_is(mnemonic: str, data: str) -> None:
    rdata = bytes.fromhex(data)
    assert shown(dns.rdatatype.from_text(mnemonic), rdata) == {rdata}


@given(rdtype=st.integers(256, 65535), rdatas=st.sets(st.binary(max_size=40), min_size=1))
def test_types_nobody_knows_are_read_as_they_are(rdtype: int, rdatas: set[bytes]) -> None:
    assert shown(rdtype, *rdatas) == rdatas


@given(rdatas=st.sets(st.binary(min_size=4, max_size=60), min_size=1))
def test_a_ds_of_whatever_digest_is_one(rdatas: set[bytes]) -> None:
    assert shown(RdataType.DS, *rdatas) == rdatas


def test_a_record_that_cannot_be_read_is_counted_and_the_others_stay() -> None:
    told = read(message(RdataType.A, bytes(4), bytes(3)))
    assert told is not None
    assert told.faults == 1
    assert [len(rrset) for rrset in told.answer] == [1]


def test_records_after_a_torn_one_are_lost_and_counted_once() -> None:
    told = read(message(RdataType.A, bytes(4), b"\1\2\3\4")[:-3])
    assert told is not None
    assert (told.faults, [len(rrset) for rrset in told.answer]) == (1, [1])


def test_only_the_first_opt_of_the_last_section_is_one() -> None:
    """RFC 6891 section 6.1.1; others would change the rcode."""
    opt = b"\0" + struct.pack("!HHIH", RdataType.OPT, 1232, 0, 0)
    liar = b"\0" + struct.pack("!HHIH", RdataType.OPT, 1232, 1 << 24, 0)
    question = OWNER.to_wire() + struct.pack("!HH", RdataType.A, 1)
    head = struct.pack("!6H", 7, 0x8400, 1, 1, 0, 2)
    told = read(head + question + liar + opt + liar)
    assert told is not None
    assert (told.rcode, told.faults) == (0, 1)
