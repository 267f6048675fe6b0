"""What a host wrote is safe to show before it is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.fleet.outcome import FailureError, plain


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("unbound 1.22.0 für 東京", "unbound 1.22.0 für 東京"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("bell\a, C1 \x9b31m", "bell\\x07, C1 \\x9b31m"),
        ("a\u202egnihtyna", "a\\u202egnihtyna"),
        ("a\r\nh2: applied", "a\\r\\nh2: applied"),
        ("half \ud800", "half \\ud800"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(said: str, shown: str) -> None:
    assert plain(said) == shown
    assert FailureError("lost", said).outcome("h1").error == shown


@given(st.text(st.characters()))
def test_any_text_becomes_one_printable_line(text: str) -> None:
    assert plain(text).isprintable()
    assert plain(plain(text)) == plain(text)
    plain(text).encode()
