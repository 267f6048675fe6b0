"""What comes back from a host is read with suspicion."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hands import a_host
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.rollout.transaction import parse_reading, parse_receipt, refusal

NOW = datetime(2026, 5, 5, 20, 0, tzinfo=UTC)
HOST = a_host("bind")
READING = """\
Welcome to h1! ntactl-begin-reading is a word of this banner
ntactl-begin-reading
now 1795508270 1795508268
timezone +0100
version 9.18.49
scheduler systemd
generation 17
held de-4f2a91c0 de. 1795511870 applied
held fj-00000001 fj. 1795500000 ended
problem guard-scheduler no cron runs here
state_sha256 abc
running de. runtime 24-Nov-2026 10:15:45.000
running se. config
running de?extra. runtime
anchor .
dropin c2VydmVyOgo=
ntactl-end-reading
goodbye
"""
RECEIPT = (
    '{"action":"apply","outcome":"applied","rule":"","message":"it \\"works\\"","step":"receipt",'
    '"at":1795508270,"generation":3,"running":["de."],"state_sha256":"abc"}'
)


@dataclass
class Ended:
    exit: int | None = 0
    stdout: str = ""
    stderr: str = ""


def receipt_text(body: str = RECEIPT) -> str:
    return f"motd\nntactl-begin-receipt\n{body}\nntactl-end-receipt\n"


def test_a_reading_among_banners() -> None:
    seen = parse_reading(HOST, READING, NOW)
    assert seen.at == datetime(2026, 11, 24, 8, 17, 50, tzinfo=UTC)
    assert (seen.clock_offset, seen.version, seen.generation) == (2.0, "9.18.49", 17)
    assert seen.scheduler == "systemd"
    assert [(n.zone, n.id, n.permanent) for n in seen.running] == [
        ("de.", "de-4f2a91c0", False),
        ("se.", None, True),
    ]
    assert seen.running[0].expires == datetime(2026, 11, 24, 9, 15, 45, tzinfo=UTC)
    assert [(n.id, n.state) for n in seen.held] == [
        ("de-4f2a91c0", "applied"),
        ("fj-00000001", "ended"),
    ]
    assert seen.dropin == "server:\n"
    assert seen.problems == (("guard-scheduler", "no cron runs here"),)


@pytest.mark.parametrize(
    "stdout",
    [
        "",
        "bash: sh: command not found",
        READING.replace("ntactl-end-reading", ""),
        READING.replace("now 1795508270", "now soon"),
        READING.replace("now ", "then "),
        READING.replace(" applied", " sideways"),
        READING.replace("c2VydmVyOgo=", "%%%"),
        READING.replace("held de-4f2a91c0 de.", "held de-4f2a91c0 d..e"),
        READING.replace("generation 17", "generation many"),
        READING.replace("now 1795508270", "now " + "9" * 30),
        READING.replace("timezone +0100", "timezone"),
    ],
)
def test_an_odd_reading_is_a_problem_and_no_traceback(stdout: str) -> None:
    seen = parse_reading(HOST, stdout, NOW)
    assert seen.problems[0][0] == "unreadable"
    assert seen.state_sha256 == ""


@given(st.text(max_size=200))
def test_any_noise_is_survived(noise: str) -> None:
    block = f"ntactl-begin-reading\n{noise}\nntactl-end-reading\n"
    assert parse_reading(HOST, block, NOW).host == "h1"
    assert parse_receipt(HOST, "apply", receipt_text(noise), NOW) is None


def test_a_receipt_among_banners() -> None:
    receipt = parse_receipt(HOST, "apply", receipt_text(), NOW)
    assert receipt is not None
    assert (receipt.host, receipt.outcome, receipt.message) == ("h1", "applied", 'it "works"')
    assert receipt.at == datetime(2026, 11, 24, 8, 17, 50, tzinfo=UTC)
    assert receipt.running == ("de.",)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{",
        "null",
        RECEIPT.replace("applied", "wonderful"),
        RECEIPT.replace('"at"', '"a"'),
        RECEIPT.replace('["de."]', "[" * 500 + "]" * 500),
        '{"at":' * 50_000,
        "[" * 100_000,
    ],
)
def test_a_receipt_that_cannot_be_believed_is_none(body: str) -> None:
    assert parse_receipt(HOST, "apply", receipt_text(body), NOW) is None


def test_a_receipt_for_another_action_is_none() -> None:
    assert parse_receipt(HOST, "revert", receipt_text(), NOW) is None


@pytest.mark.parametrize(
    ("ended", "rule"),
    [
        (Ended(1, stderr="sudo: a password is required\n"), "no-sudo"),
        (Ended(1, stderr="banner\nntactl is not in the sudoers file.\n"), "no-sudo"),
        (Ended(127, stderr="sh: 1: exec: sudo: not found\n"), "no-shell"),
        (Ended(None), "killed"),
        (Ended(0, stdout="hello"), "unreadable"),
        (Ended(0, stdout=READING), "guard-scheduler"),
        (Ended(0, stdout=receipt_text("[" * 100_000)), "unreadable"),
    ],
)
def test_why_a_program_gave_no_receipt(ended: Ended, rule: str) -> None:
    assert refusal(ended)[0] == rule


def test_a_host_does_not_speak_to_the_terminal() -> None:
    sly = READING.replace("9.18.49", "9\x1b[2J").replace("no cron", "n\u202eo\x9b cron")
    seen = parse_reading(HOST, sly, NOW)
    assert (seen.version, seen.problems[0][1]) == ("9\\x1b[2J", "n\\u202eo\\x9b cron runs here")
    body = RECEIPT.replace("works", "\\u001b[2J\\ud800").replace('["de."]', '["de.\\u0007"]')
    receipt = parse_receipt(HOST, "apply", receipt_text(body), NOW)
    assert receipt is not None
    assert (receipt.message, receipt.running) == ('it "\\x1b[2J\\ud800"', ("de.\\x07",))
    for ended in (Ended(0, stdout=sly), Ended(127, stderr="\x1b[2J"), Ended(1, stderr="\x1b[2J")):
        assert refusal(ended)[1].isprintable()
