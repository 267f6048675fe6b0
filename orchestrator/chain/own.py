"""Every look at the zone itself, judged by the keys that a validator may hold.

A validator keeps one server's DNSKEY RRset and asks another server for data. So what a server
shows is judged by its own keys first, then by those of every other server (APNIC 2012: two
signers, each right by itself).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import dns.name
import dns.rdatatype
from dns.name import Name
from dns.rdtypes.ANY.DNSKEY import DNSKEY

from orchestrator.chain import look as looking
from orchestrator.chain.above import Above, judge_keys, pooled, silence
from orchestrator.chain.evidence import Evidence, Sight
from orchestrator.chain.look import Judged, Look
from orchestrator.chain.tally import Trust
from orchestrator.chain.trust import Entry
from orchestrator.chain.verify import Fault, Keys, When
from orchestrator.dns.message import read
from orchestrator.model import Cause, State

KEY_SETS = 8  # different ones that data is judged by


def looks(evidence: Evidence, link: Above, when: When) -> tuple[Judged, ...]:
    """Every look at the zone itself, judged."""
    zone = dns.name.from_text(evidence.zone)
    if link.state is State.INSECURE:
        keys: tuple[Judged, ...] = ()
        everyone = Trust(zone, None, insecure=True)
    else:
        keys = judge_keys(evidence.sights, evidence.cuts[-1], link.ds, when)
        everyone = pooled(zone, keys)
    bench = _Bench(zone, when, keys, everyone)
    data = [
        Judged(sight, bench.look(sight))
        for sight in evidence.sights
        if sight.cut == evidence.zone and sight.purpose not in ("dnskey", "ds")
    ]
    return (*keys, *data)


def unseen(judged: Sequence[Judged]) -> Cause | None:
    """Why no server showed the zone's keys, where that kept its data from being judged."""
    keys = [one for one in judged if one.sight.purpose == "dnskey"]
    if not unjudged(judged) or any(one.look.state is not None for one in keys):
        return None
    causes = {one.look.failure for one in keys} - {None, Cause.SERVER_UNREACHABLE}
    return min(causes, default=Cause.SERVER_UNREACHABLE, key=str)


def unjudged(judged: Iterable[Judged]) -> tuple[str, ...]:
    """The servers that answer, whose data cannot be judged because their keys were never seen."""
    names = (str(one.sight.server) for one in judged if one.look.unjudged)
    return tuple(dict.fromkeys(names))


@dataclass
class _Bench:
    """Judges looks at one zone. `shown` is what each server showed of keys, by round."""

    zone: Name
    when: When
    keys: Sequence[Judged]
    everyone: Trust
    shown: dict[tuple[str, int], Entry] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)
    holders: dict[frozenset[DNSKEY], list[str]] = field(default_factory=dict)
    sets: dict[frozenset[DNSKEY], Keys] = field(default_factory=dict)
    remembered: dict[tuple[object, ...], Look] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for one in self.keys:
            server, entry = str(one.sight.server), one.look.entry
            if one.look.state is not None:
                self.answered.add(server)
            if entry and entry.keys and entry.fault is None:
                self.shown[server, one.sight.round] = entry
                self._hold(entry.keys, server)

    def _hold(self, keys: Keys, server: str) -> None:
        """A validator may hold `keys`, which are in time."""
        if keys.value in self.sets or len(self.sets) < KEY_SETS:
            self.sets.setdefault(keys.value, keys)
            self.holders.setdefault(keys.value, []).append(server)

    def look(self, sight: Sight) -> Look:
        silent = silence(sight)
        if silent:
            return silent
        server = str(sight.server)
        entry = self.shown.get((server, sight.round))
        trust = Trust(self.zone, entry.keys) if entry else self.everyone
        if trust.keys is None and not trust.insecure and server not in self.answered:
            detail = "cannot be judged: this server's DNSKEY did not come"
            return replace(looking.failed(self._why(server), detail), unjudged=True)
        return self._crossed(sight, trust, self._look(sight, trust))

    def _why(self, server: str) -> Cause:
        """Why the keys of `server` did not come."""
        causes = (o.look.failure for o in self.keys if str(o.sight.server) == server)
        return next((cause for cause in causes if cause), Cause.SERVER_UNREACHABLE)

    def _crossed(self, sight: Sight, trust: Trust, own: Look) -> Look:
        """`own`, or the look of a validator that holds keys which reject what is good by others."""
        if own.state not in (State.SECURE, State.INSECURE) or trust.keys is None:
            return own
        rejecting = {
            value: look
            for value, keys in self.sets.items()
            if value != trust.keys.value
            and (look := self._look(sight, Trust(self.zone, keys))).state is State.BOGUS
        }
        if not rejecting:
            return own
        against = tuple(dict.fromkeys(s for value in rejecting for s in self.holders[value]))
        worse = next(iter(rejecting.values()))
        fault = _contradiction(worse.faults[0], against)
        return replace(own, state=State.BOGUS, faults=(fault,), against=against)

    def _look(self, sight: Sight, trust: Trust) -> Look:
        """Most servers send the same bytes after the id: judged once for each key set."""
        wire = sight.wire or b""
        by = trust.keys.value if trust.keys else None
        key = (sight.purpose, sight.name, sight.type, wire[2:], by)
        if key not in self.remembered:
            self.remembered[key] = self._judge(sight, trust)
        return self.remembered[key]

    def _judge(self, sight: Sight, trust: Trust) -> Look:
        message = read(sight.wire or b"")
        rdtype = dns.rdatatype.from_text(sight.type)
        if sight.purpose in ("soa", "ns"):
            return looking.data(message, trust, rdtype, self.when)
        return looking.name(message, trust, dns.name.from_text(sight.name), rdtype, self.when)


def _contradiction(fault: Fault, against: Sequence[str]) -> Fault:
    others = against[0] + (f" and {len(against) - 1} more" if len(against) > 1 else "")
    detail = f"good by its own server's keys, bogus by those of {others}: {fault.detail}"
    return replace(fault, cause=Cause.SERVER_DIVERGENT, detail=detail)
