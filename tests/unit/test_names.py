"""Names and lengths of time, as people type them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import BadInput
from orchestrator.names import length, length_text, under, zone_name


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("de", "de."),
        ("DE", "de."),
        ("de.", "de."),
        ("münchen", "xn--mnchen-3ya."),
        ("MÜNCHEN.de", "xn--mnchen-3ya.de."),
        ("xn--mnchen-3ya", "xn--mnchen-3ya."),
        ("_dmarc.example", "_dmarc.example."),
        ("a" * 63, "a" * 63 + "."),
        (".", "."),
    ],
)
def test_a_name_becomes_absolute_lower_case_a_labels(typed: str, name: str) -> None:
    assert zone_name(typed) == name


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "empty label"),
        ("..", "empty label"),
        ("a..b", "empty label"),
        (".de", "empty label"),
        ("de extra", "not a host name"),
        ("de\nserver:", "not a host name"),
        ('de"', "not a host name"),
        ("-de", "not a host name"),
        ("de;rm", "not a host name"),
        ("a" * 64, "over 63"),
        ("ü" * 63, "A-label"),
        (".".join(["a" * 63] * 4), "longer than 253"),
        ("de。evil", "not a host name"),
    ],
)
def test_nonsense_is_refused_before_an_engine_sees_it(typed: str, said: str) -> None:
    with pytest.raises(BadInput, match=said) as caught:
        zone_name(typed)
    assert caught.value.exit_code == 2


@given(st.text(max_size=80))
def test_a_canonical_name_stays_as_it_is(text: str) -> None:
    try:
        name = zone_name(text)
    except BadInput:
        return
    assert zone_name(name) == name
    assert name.isascii()
    assert name == name.lower()
    assert name.endswith(".")


@pytest.mark.parametrize(
    ("typed", "seconds"), [("90s", 90), ("2m", 120), ("1h", 3600), ("1d", 86400), ("0s", 0)]
)
def test_lengths_are_read(typed: str, seconds: int) -> None:
    assert length(typed) == timedelta(seconds=seconds)


@pytest.mark.parametrize("typed", ["", "4", "h", "1.5h", "-1h", "1w", "1h30m", "4 h", "٤h"])
def test_other_lengths_are_refused(typed: str) -> None:
    with pytest.raises(BadInput):
        length(typed)


@given(st.integers(0, 10**8))
def test_a_written_length_reads_back(seconds: int) -> None:
    value = timedelta(seconds=seconds)
    assert length(length_text(value)) == value


def test_under_means_labels_not_letters() -> None:
    assert under("a.de.", "de.")
    assert under("de.", "de.")
    assert under("de.", ".")
    assert not under("xde.", "de.")
