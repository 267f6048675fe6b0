"""DNS over a TCP connection that others opened: every question at once (RFC 7766, 6.2.1.1).

Sans I/O: words to send, and replies from what was heard.
"""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.dns.exchange import Question, Reply, answers, encode


class Talk:
    """One resolver's questions, asked until all are answered, over a connection or several."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self.questions = questions
        self.queries = [encode(question, ident) for ident, question in enumerate(questions, 1)]
        self.answered: dict[bytes, bytes] = {}
        self.heard = b""

    def words(self) -> bytes:
        """What is to be said on a new connection: what has no answer, each behind its length."""
        self.heard = b""
        left = [query for query in self.queries if query not in self.answered]
        return b"".join(len(query).to_bytes(2, "big") + query for query in left)

    def hear(self, data: bytes) -> bool:
        """Take what came; is all answered? What answers nothing that was asked is passed over."""
        self.heard += data
        while len(self.heard) >= 2:
            end = 2 + int.from_bytes(self.heard[:2], "big")
            if len(self.heard) < end:
                break
            message, self.heard = self.heard[2:end], self.heard[end:]
            query = next((query for query in self.queries if answers(query, message)), None)
            if query is not None:
                self.answered[query] = message
        return len(self.answered) == len(self.queries)

    def replies(self) -> list[Reply]:
        """Each question with its answer, or without."""
        return [
            Reply(question, wire, "" if wire else "timeout", tcp=True)
            for question, query in zip(self.questions, self.queries, strict=True)
            for wire in (self.answered.get(query),)
        ]
