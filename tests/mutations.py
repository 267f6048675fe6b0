"""What a hostile server, or a broken box on the way, may make of a DNS message."""

from __future__ import annotations

import struct

from hypothesis import strategies as st

# Types and classes that mean something to the readers, and some that should not come.
NUMBERS = (0, 1, 2, 3, 5, 6, 12, 28, 33, 39, 41, 43, 46, 47, 48, 50, 51, 249, 250, 254, 255, 65535)


def overwrite(wire: bytes, where: int, what: bytes) -> bytes:
    at = where % max(1, len(wire))
    return wire[:at] + what + wire[at + len(what) :]


def flip(wire: bytes, where: int, bit: int) -> bytes:
    at = where % max(1, len(wire))
    return wire[:at] + bytes([wire[at] ^ 1 << bit]) + wire[at + 1 :] if wire else wire


def renumber(wire: bytes, where: int, old: int, new: int) -> bytes:
    """Another type or class, at a place where one may stand."""
    wanted = struct.pack("!H", old)
    places = [n for n in range(12, len(wire) - 1) if wire[n : n + 2] == wanted]
    return overwrite(wire, places[where % len(places)], struct.pack("!H", new)) if places else wire


WHERE, NUMBER = st.integers(0, 65535), st.sampled_from(NUMBERS)
CHANGES = st.one_of(
    st.builds(lambda n, b: lambda w: overwrite(w, n, b), WHERE, st.binary(max_size=8)),
    st.builds(lambda n, b: lambda w: overwrite(w, n % 12, b), WHERE, st.binary(max_size=2)),
    st.builds(lambda n, p: lambda w: overwrite(w, n, (0xC000 | p).to_bytes(2)), WHERE,
              st.integers(0, 600)),
    st.builds(lambda n: lambda w: w[: n % (len(w) + 1)], WHERE),
    st.builds(lambda n: lambda w: w + w[n % (len(w) + 1) :], WHERE),
    st.builds(lambda n, bit: lambda w: flip(w, n, bit), WHERE, st.integers(0, 7)),
    st.builds(lambda n, a, b: lambda w: renumber(w, n, a, b), WHERE, NUMBER, NUMBER),
)  # fmt: skip
