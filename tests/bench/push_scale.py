"""What a fleet of 1,000 must not do to a push, each figure beside its bar; `make bench-scale`.

    push_scale.py [--hosts 1000] [--pairs 3]

Hosts that swallow or refuse must not hold up the others; memory, threads and descriptors stay
bounded; a second run finds the connections of the first. Ratios are between runs that take
turns, as whatever else the machine does then falls on both. Exits 1 when a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from push import ours
from push_hosts import Hosts, serve
from push_ours import TIMEOUT
from sshd import dropping


def bar(what: str, figure: float, limit: float, unit: str = "") -> bool:
    """Print a figure beside its bar; gives whether it holds."""
    held = figure <= limit
    verdict = "ok" if held else "MISSED"
    load = os.getloadavg()[0]
    print(f"{what:64} {figure:8.2f}{unit} (bar {limit:g}{unit}) {verdict}; load {load:.0f}")
    sys.stdout.flush()
    return held


@contextmanager
def silence(hosts: Hosts) -> Iterator[None]:
    """Two ports where nobody speaks: one takes connections, one's queue is full."""
    every = "0.0.0.0"  # hosts have an address each
    with socket.create_server((every, 0), backlog=4096) as silent, dropping(every) as full:
        (hosts.folder / "silent").write_text(json.dumps([silent.getsockname()[1], full]))
        yield


def holes(hosts: Hosts, count: int, pairs: int) -> Iterator[bool]:
    """Clean runs, and runs of which some hosts swallow and some refuse, in turn."""
    silent, refusing = count // 20, count // 50
    with silence(hosts):
        runs = [
            (ours(hosts, "nothing", count)["first"], ours(hosts, "black-holes", count))
            for _ in range(pairs)
        ]
    clean, live = median(c["wall"] for c, _ in runs), median(h["live"] for _, h in runs)
    seconds = " ".join(f"{c['wall']:.1f}/{h['live']:.1f}/{h['all']:.1f}" for c, h in runs)
    print(f"{silent} silent and {refusing} refusing of {count}; clean/live/all in s: {seconds}")
    yield bar("live hosts done / clean run", live / clean, 1.2, "x")
    late = max(h["all"] - h["live"] for _, h in runs)
    yield bar("the end, after the last live host", late, TIMEOUT + 1, " s")
    unnamed = max(silent + refusing - h["named"] for _, h in runs)
    yield bar(f"of {silent + refusing} not named with address and reason", unnamed, 0)


def standing(hosts: Hosts, count: int, pairs: int) -> Iterator[bool]:
    """The whole transaction twice, over connections that are kept in between."""
    runs = [ours(hosts, "transaction-canned", count) for _ in range(pairs)]
    yield bar("connections not open at once", max(count - said["kept"] for said in runs), 0)
    yield bar("memory while they are", max(said["mb"] for said in runs), 250, " MB")
    yield bar("threads left after it", max(said["left"][0] for said in runs), 0)
    yield bar("descriptors left after it", max(said["left"][1] for said in runs), 0)
    ratio = median(said["second"]["wall"] / said["first"]["wall"] for said in runs)
    yield bar("second, warm transaction / first", ratio, 0.45, "x")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--pairs", type=int, default=3)
    asked = parser.parse_args()
    with serve(asked.hosts) as hosts:
        how = hosts, asked.hosts, asked.pairs
        held = [*holes(*how), *standing(*how)]
    sys.exit(not all(held))


if __name__ == "__main__":
    main()
