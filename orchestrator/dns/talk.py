"""DNS over a TCP connection that others opened: every question at once (RFC 7766, 6.2.1.1).

Sans I/O: bytes to send, and replies from what was heard.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator.dns.exchange import Failure, Question, Reply, answers, encode


def spoken(questions: Sequence[Question]) -> list[bytes]:
    """A query for each question, its id telling which. Raises on a name, as `encode` does."""
    return [encode(question, ident) for ident, question in enumerate(questions, 1)]


def framed(queries: Sequence[bytes]) -> bytes:
    """What to send for them, each behind its length."""
    return b"".join(len(query).to_bytes(2, "big") + query for query in queries)


def messages(heard: bytes) -> Iterator[bytes]:
    """The whole messages of what was heard so far."""
    while len(heard) >= 2 and len(heard) >= (end := 2 + int.from_bytes(heard[:2], "big")):
        yield heard[2:end]
        heard = heard[end:]


def replies(questions: Sequence[Question], queries: Sequence[bytes], heard: bytes) -> list[Reply]:
    """Each question with its answer, in whatever order those came."""
    whole = list(messages(heard))
    return [_reply(*pair, whole) for pair in zip(questions, queries, strict=True)]


def _reply(question: Question, query: bytes, whole: Sequence[bytes]) -> Reply:
    wire = next((message for message in whole if answers(query, message)), None)
    error: Failure = "" if wire else "timeout"
    return Reply(question, wire, error, tcp=True)
