"""The small reader: the same as dnspython's on what that accepts, and at peace with the rest."""

from __future__ import annotations

import time
from ipaddress import IPv4Address, IPv6Address, ip_address

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mutations import CHANGES
from signed_world import recorded

from orchestrator.dns import wire
from orchestrator.dns.message import UNREADABLE

NAMES = ("healthy", "de-2026-1", "de-2010-1", "bw-1", "al-2026-3")
# Types with a form of their own in the reader; the rdata of others is taken as it comes.
KNOWN = {1, 2, 5, 6, 28, 39, 43, 46, 47, 48, 50}
ONLY_ONE = {5, 6, 39, 47}  # dnspython keeps the last of several
SIGHTS = [sight.wire for name in NAMES for sight in recorded(name).sights if sight.wire]


def canonical(name: dns.name.Name) -> bytes:
    return name.to_digestable()


def theirs(message: dns.message.Message) -> list[set[tuple]]:
    return [
        {
            (canonical(rrset.name), int(rrset.rdtype), rdata.to_digestable())
            for rrset in section
            if rrset.rdclass == 1 and rrset.rdtype in KNOWN - ONLY_ONE
            for rdata in rrset
        }
        for section in (message.answer, message.authority, message.additional)
    ]


def ours(message: wire.Message) -> list[set[tuple]]:
    return [
        {
            (record.owner, record.rdtype, record.rdata)
            for record in section
            if record.rdclass == 1 and record.rdtype in KNOWN - ONLY_ONE
        }
        for section in (message.answer, message.authority, message.additional)
    ]


def single(message: dns.message.Message) -> set[tuple]:
    return {
        (canonical(rrset.name), int(rrset.rdtype), rrset[0].to_digestable())
        for section in (message.answer, message.authority, message.additional)
        for rrset in section
        if rrset.rdclass == 1 and rrset.rdtype in ONLY_ONE
    }


def accepted(data: bytes) -> dns.message.Message | None:
    try:
        message = dns.message.from_wire(data, ignore_trailing=True)
    except UNREADABLE:
        return None
    return message if message.opcode() == 0 else None


def agrees(data: bytes) -> bool:
    """Was it accepted by dnspython? If so, ours has to say the same."""
    read, message = wire.read(data), accepted(data)
    if message is None:
        return False
    assert read is not None
    assert not read.malformed
    assert (read.ident, read.rcode) == (message.id, int(message.rcode()))
    assert read.flags & 0x0770 == int(message.flags) & 0x0770
    asked = [(canonical(q.name), int(q.rdtype)) for q in message.question]
    assert {(name, rdtype) for name, rdtype, _ in read.question} == set(asked)
    assert ours(read) == theirs(message)
    records = (*read.answer, *read.authority, *read.additional)
    assert single(message) <= {(r.owner, r.rdtype, r.rdata) for r in records}
    return True


@pytest.mark.parametrize("name", NAMES)
def test_it_reads_recorded_answers_as_dnspython_does(name: str) -> None:
    data = [sight.wire for sight in recorded(name).sights if sight.wire]
    assert all(agrees(one) for one in dict.fromkeys(data))


@pytest.mark.fuzz
@given(st.sampled_from(SIGHTS), st.lists(CHANGES, max_size=4))
def test_it_agrees_on_changed_answers(data: bytes, changes: list) -> None:
    for change in changes:
        data = change(data)[:65535]
    agrees(data)


LABEL = st.binary(min_size=1, max_size=63)
NAME = st.lists(LABEL, max_size=4).map(lambda parts: dns.name.Name([*parts[:3], b""]))
TYPES = st.frozensets(st.integers(1, 300).filter(lambda n: n not in (41, 250)), max_size=6)


def bitmap(kinds: frozenset[int]) -> bytes:
    found: dict[int, bytearray] = {}
    for kind in kinds:
        octets = found.setdefault(kind >> 8, bytearray(32))
        octets[(kind & 255) >> 3] |= 0x80 >> (kind & 7)
    return b"".join(
        bytes([window, len(bits.rstrip(b"\0"))]) + bits.rstrip(b"\0")
        for window, bits in sorted(found.items())
    )


def digestable(name: dns.name.Name) -> bytes:
    return name.to_wire() or b""


RDATA = st.one_of(
    st.tuples(st.just(1), st.binary(min_size=4, max_size=4)),
    st.tuples(st.just(28), st.binary(min_size=16, max_size=16)),
    st.tuples(st.just(2), NAME.map(digestable)),
    st.tuples(st.just(5), NAME.map(digestable)),
    st.tuples(st.just(39), NAME.map(digestable)),
    st.tuples(
        st.just(6), st.builds(lambda a, b, c: a + b + c, NAME.map(digestable),
                              NAME.map(digestable), st.binary(min_size=20, max_size=20)),
    ),
    st.tuples(
        st.just(46), st.builds(lambda a, b, c: a + b + c, st.binary(min_size=18, max_size=18),
                               NAME.map(digestable), st.binary(min_size=1, max_size=300)),
    ),
    st.tuples(st.just(47), st.builds(lambda n, b: digestable(n) + bitmap(b), NAME, TYPES)),
    st.tuples(st.just(48), st.binary(min_size=4, max_size=300)),
    st.tuples(st.just(43), st.builds(lambda h, d: h + b"\2" + d, st.binary(min_size=3, max_size=3),
                                     st.binary(min_size=32, max_size=32))),
    st.tuples(
        st.just(50),
        st.builds(
            lambda salt, after, kinds: b"\1\0\0\1" + bytes([len(salt)]) + salt
            + bytes([len(after)]) + after + bitmap(kinds),
            st.binary(max_size=20), st.binary(min_size=1, max_size=40), TYPES,
        ),
    ),
)  # fmt: skip


@pytest.mark.fuzz
@given(
    st.lists(st.tuples(NAME, RDATA), max_size=8),
    st.lists(st.tuples(NAME, RDATA), max_size=4),
    st.integers(0, 65535),
)
def test_it_agrees_on_anything_well_formed(answer: list, authority: list, ident: int) -> None:
    message = dns.message.make_response(dns.message.make_query("example.", "A", id=ident))
    message.use_edns(0)
    for section, records in ((message.answer, answer), (message.authority, authority)):
        for name, (rdtype, rdata) in records:
            kind = dns.rdatatype.RdataType.make(rdtype)
            try:
                rd = dns.rdata.from_wire(dns.rdataclass.IN, kind, rdata, 0, len(rdata))
            except UNREADABLE:
                continue
            rrset = message.find_rrset(
                section, name, dns.rdataclass.IN, kind, rd.covers(), create=True
            )
            rrset.add(rd, 60)
    try:
        data = message.to_wire(max_size=65535)
    except dns.exception.DNSException:
        return
    agrees(data)


@pytest.mark.fuzz
@given(st.binary(max_size=512))
@example(b"\0" * 12)
def test_bytes_of_any_kind_raise_nothing(data: bytes) -> None:
    agrees(data)
    wire.read(b"\0\0\x80\0\0\1\0\1\0\1\0\1" + data)


@pytest.mark.fuzz
@given(st.binary(max_size=400))
def test_the_parts_raise_nothing(data: bytes) -> None:
    wire.rrsig(data)
    wire.types(data)
    wire.name_size(data)


HEADER = b"\0\0\x84\0\0\0\xff\xff\xff\xff\xff\xff"
POINTERS = b"".join((0xC000 | max(0, at - 2)).to_bytes(2) for at in range(14, 0x3FFE, 2))


@pytest.mark.parametrize(
    "body",
    [
        b"\xc0\x0c" * 32000,  # a name that is its own end
        b"\1a" * 32000,  # one that never ends
        b"\0" + POINTERS + (b"\xff\xfd" + b"\0\1\0\1\0\0\0\0\0\0") * 4000,  # a chain of pointers
        (b"\x3f" + b"a" * 63) * 1000,
        (b"\xc0\x0c" + b"\0\2\0\1\0\0\0\0\0\2\xc0\x0c") * 4600,
        b"\0\0\1\0\1\0\0\0\0\0\4abcd" * 4300,
    ],
)
def test_a_message_as_large_as_can_be_takes_little_time(body: bytes) -> None:
    started = time.process_time()
    wire.read((HEADER + body)[:65535])
    assert time.process_time() - started < 0.5


def test_names() -> None:
    de, upper = wire.to_name("de."), wire.to_name("WWW.De.")
    assert upper == b"\3www\2de\0"
    assert wire.under(upper, de)
    assert wire.under(de, de)
    assert not wire.under(wire.to_name("xde."), de)
    assert wire.to_text(upper) == "www.de."
    assert wire.to_text(b"\0") == "."
    assert wire.to_text(b"\3a.b\0") == "a\\046b."
    assert wire.labels(upper) == [b"www", b"de"]


def test_a_label_that_looks_like_the_zone_is_not_under_it() -> None:
    assert not wire.under(b"\4a\2de\0", b"\2de\0")


@given(st.one_of(st.binary(min_size=4, max_size=4), st.binary(min_size=16, max_size=16)))
@example(b"\0" * 4)
@example(b"\0" * 16)
@example(b"\xff" * 4)
@example(b"\xe0\0\0\1")
@example(b"\xef\xff\xff\xff")
@example(b"\xf0\0\0\1")
@example(b"\xff\2" + b"\0" * 13 + b"\1")
@example(b"\xfe\x80" + b"\0" * 13 + b"\1")
def test_an_address_is_read_unless_nothing_can_be_asked_there(rdata: bytes) -> None:
    address: IPv4Address | IPv6Address = ip_address(rdata)
    nothing = address.is_multicast or address.is_unspecified or str(address) == "255.255.255.255"
    shown = wire.address(rdata)
    assert not shown if nothing else ip_address(shown) == address
