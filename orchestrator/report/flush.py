"""What a flush would cost, said before it. Pure."""

from __future__ import annotations

from orchestrator.report.verdict import wrapped
from orchestrator.rollout.apply import named
from orchestrator.rollout.flush import Flush


def price(flush: Flush, width: int) -> str:
    """What is dropped where, what it costs, and who is left alone, ending in no newline."""
    hosts, waves = [host.name for host in flush.hosts], len(flush.waves)
    every = len(hosts) + len(flush.left)
    sentences = (
        f"flush {flush.zone} on {len(hosts)} of {every} resolvers: {named(hosts)}",
        _COST.format(zone=flush.zone),
        *_spared(flush),
        f"in {waves} wave{'s' if waves > 1 else ''}, each asked whether it validates again",
        "no NTA is set",
    )
    return "\n".join(wrapped(sentence, width=width) for sentence in sentences)


_COST = (
    "each drops every name at and below {zone} from its cache, asks the servers for all of them "
    "anew, and has nothing stale left to answer with should those fail"
)


def _spared(flush: Flush) -> list[str]:
    sound = [name for name, (state, _, _) in flush.left.items() if state == "sound"]
    others = {n: message for n, (state, _, message) in flush.left.items() if state != "sound"}
    told = [f"left alone, for they answer well: {named(sound)}"] if sound else []
    return [*told, *(f"left alone: {name}: {message}" for name, message in others.items())]
