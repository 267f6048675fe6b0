"""The socket that connections to hosts are read from."""

import socket
from collections.abc import Iterator

import pytest

from orchestrator.fleet.reach import Socket


@pytest.fixture
def line() -> Iterator[tuple[Socket, socket.socket]]:
    """A connection as we read it, and its other end."""
    with socket.create_server(("127.0.0.1", 0)) as server, Socket() as ours:
        ours.settimeout(2)
        ours.connect(server.getsockname())
        theirs, _ = server.accept()
        with theirs:
            yield ours, theirs


def test_what_was_read_ahead_comes_in_its_order_and_then_what_came_later(
    line: tuple[Socket, socket.socket],
) -> None:
    ours, theirs = line
    theirs.sendall(b"abcdefgh")
    assert [ours.recv(4), ours.recv(3)] == [b"abcd", b"efg"]
    theirs.sendall(b"ij")
    assert [ours.recv(10), ours.recv(10)] == [b"h", b"ij"]


def test_the_end_is_told_after_all_that_came_before_it(line: tuple[Socket, socket.socket]) -> None:
    ours, theirs = line
    theirs.sendall(b"last")
    theirs.close()
    assert [ours.recv(2), ours.recv(2), ours.recv(2), ours.recv(2)] == [b"la", b"st", b"", b""]


def test_silence_is_a_timeout_also_after_something_was_read_ahead(
    line: tuple[Socket, socket.socket],
) -> None:
    ours, theirs = line
    ours.settimeout(0.05)
    theirs.sendall(b"ab")
    assert [ours.recv(1), ours.recv(1)] == [b"a", b"b"]
    with pytest.raises(TimeoutError):
        ours.recv(1)
