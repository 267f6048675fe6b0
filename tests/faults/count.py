"""How many moments a transaction has that nothing disturbs: what kinds.py is to say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from faults.bench import Bench
from faults.moments import AtCommand
from faults.scene import BEGUN, COMMAND

FAR = 1_000_000  # a moment that never comes


def counts(bench: Bench) -> Iterator[str]:
    """Lines such as "begun apply unbound 49", and the bytes that go over."""
    for host in ("unbound1", "bind1"):
        for moment in (COMMAND, BEGUN):
            yield from _one(bench, host, moment)


def _one(bench: Bench, name: str, moment: str) -> Iterator[str]:
    bench.make_ready(name)
    host, folder = bench.hosts[name], bench.rounds / f"count-{name}-{moment}"
    folder.mkdir()
    plan = folder / "plan.json"
    bench.plan(folder / "state", plan, "1h", budget=1)
    nta = json.loads(plan.read_text())["ntas"][0]["id"]
    at = AtCommand(host, FAR, BEGUN if moment == BEGUN else "")
    for action, what in (("apply", str(plan)), ("revert", nta)):
        at.arm()
        wire = bench.wire.arm(name, FAR)
        done = bench.ntactl(folder / "state", action, what, "--yes", "--json")
        assert done.code == 0, done.err
        yield f"{moment} {action} {host.engine} {_called(host.run_folder)}, bytes {wire.passed}"
        at.disarm()
        bench.wire.disarm()


def _called(folder: Path) -> int:
    return int((folder / "count").read_text())
