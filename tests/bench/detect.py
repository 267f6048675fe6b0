"""How fast every TLD of a root as large as the real one is judged, beside other validators.

Brings up a lab of its own (the first time takes minutes: keys are made), asks everything on it in
one run, and takes it down. Two addresses a zone; `--real-servers` has the real root's count.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

NTACTL = (sys.executable, "-m", "orchestrator")
SYSTEM_PYTHON = "/usr/bin/python3"  # where apt's python3-unbound is
LIBUNBOUND = Path(__file__).with_name("libunbound.py")
SAMPLE = {"unbound-host": 200, "delv": 60}
WALL, CPU = 1.0, 1.0  # seconds in all and ms a zone; with the real count of servers:
REAL_WALL, REAL_CPU = 3.0, 2.5


@dataclass(frozen=True)
class Row:
    """What one way of asking took for so many zones: seconds of wall clock and of CPU."""

    name: str
    zones: int
    wall: float
    cpu: float
    note: str = ""

    @property
    def wall_ms(self) -> float:
        return self.wall * 1000 / self.zones

    @property
    def cpu_ms(self) -> float:
        return self.cpu * 1000 / self.zones


@contextmanager
def lab(size: int, *, real: bool) -> Iterator[dict[str, str]]:
    """A lab's environment; the lab is gone at the end."""
    with tempfile.TemporaryDirectory(prefix="ntactl-bench-") as folder:
        env = {**os.environ, "NTACTL_LAB": folder}
        more = ["--real-servers"] if real else []
        up = [*NTACTL, "lab", "up", "--root-size", str(size), "--resolvers", "unbound=1", *more]
        subprocess.run(up, env=env, check=True)
        try:
            yield env
        finally:
            subprocess.run([*NTACTL, "lab", "down"], env=env, check=True)


def timed(argv: Sequence[str]) -> tuple[float, float, str]:
    """Wall and CPU seconds of a command with all it starts, and what it said."""
    with tempfile.TemporaryFile("w+") as out:
        started = time.monotonic()
        process = subprocess.Popen(argv, stdout=out, stderr=subprocess.DEVNULL)
        _, _, used = os.wait4(process.pid, 0)
        wall = time.monotonic() - started
        out.seek(0)
        return wall, used.ru_utime + used.ru_stime, out.read()


def scan(*more: str) -> tuple[list[Row], list[str]]:
    """Our own: its quick half alone, and from start to end; and the zones it looked at."""
    wall, cpu, out = timed([*NTACTL, "scan", "--json", *more])
    told = json.loads(out)
    zones, cost = [verdict["zone"] for verdict in told["zones"]], told["cost"]
    bad = [v["zone"] for v in told["zones"] if v["state"] in ("bogus", "indeterminate")]
    again = f"{cost['doubted']} looked at again: {' '.join(bad)}"
    rows = [
        Row("ntactl scan, the quick half", len(zones), cost["quick"], cost["cpu"]),
        Row("ntactl scan, start to end", len(zones), wall, cpu, again),
    ]
    return rows, zones


def libunbound(zones: Sequence[str], env: dict[str, str]) -> Row | None:
    """SOA, a name that does not exist and a DS, one server each, asynchronously."""
    if subprocess.call([SYSTEM_PYTHON, "-c", "import unbound"], stderr=subprocess.DEVNULL):
        return None
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as config, listed(zones) as names:
        config.write(unbound_conf(env))
        config.flush()
        wall, cpu, out = timed([SYSTEM_PYTHON, str(LIBUNBOUND), config.name, names])
    return Row("libunbound, asynchronous", len(zones), wall, cpu, out.strip())


def unbound_conf(env: dict[str, str]) -> str:
    return (
        f'server:\n  root-hints: "{env["NTACTL_ROOT_HINTS"]}"\n'
        f'  trust-anchor-file: "{env["NTACTL_TRUST_ANCHOR"]}"\n  do-ip6: no\n'
    )


@contextmanager
def listed(zones: Sequence[str]) -> Iterator[str]:
    with tempfile.NamedTemporaryFile("w") as names:
        names.write("".join(f"{zone}\n" for zone in zones))
        names.flush()
        yield names.name


def two_at_a_time(name: str, zones: Sequence[str], *argvs: Sequence[str]) -> Row | None:
    """Commands for each of a sample of zones, the zone in place of "{}"."""
    if shutil.which(name) is None:
        return None
    sample = zones[:: max(1, len(zones) // SAMPLE[name])]
    wall = cpu = 0.0
    with listed(sample) as names:
        for argv in argvs:
            took, used, _ = timed(["xargs", "-a", names, "-P2", "-I{}", *argv])
            wall, cpu = wall + took, cpu + used
    what = "SOA only" if len(argvs) == 1 else "the same three questions"
    return Row(f"{name}, two at a time", len(sample), wall, cpu, what)


def unbound_host(zones: Sequence[str], env: dict[str, str], *, all_three: bool) -> Row | None:
    wanted = [("SOA", "{}"), ("A", "nobodyhasthis.{}"), ("DS", "wikipedia.{}")]
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as config:
        config.write(unbound_conf(env))
        config.flush()
        argvs = [
            ["unbound-host", "-C", config.name, "-v", "-t", kind, name] for kind, name in wanted
        ]
        return two_at_a_time("unbound-host", zones, *argvs[: 3 if all_three else 1])


def delv(zones: Sequence[str], env: dict[str, str], resolver: str) -> Row | None:
    """It needs a resolver to ask, whose CPU is not counted."""
    owner, _, kind, *fields = Path(env["NTACTL_TRUST_ANCHOR"]).read_text().split()
    tag, algorithm, digest_type, *digest = fields
    anchor = f'{owner} static-ds {tag} {algorithm} {digest_type} "{"".join(digest)}"'
    assert kind == "DS"
    with tempfile.NamedTemporaryFile("w") as anchors:
        anchors.write(f"trust-anchors {{ {anchor}; }};\n")
        anchors.flush()
        argv = ["delv", f"@{resolver}", "-a", anchors.name, "+root=.", "{}", "SOA"]
        return two_at_a_time("delv", zones, argv)


def table(rows: Sequence[Row]) -> str:
    """What each took a zone, and how many times the first."""
    head = f"{'':<30}{'zones':>6}{'wall s':>8}{'wall ms':>9}{'CPU ms':>8}{'wall':>7}{'CPU':>7}"
    lines = [head, f"{'':<44}{'a zone':>9}{'a zone':>8}{'ratio':>7}{'ratio':>7}"]
    first = rows[0]
    for row in rows:
        ratios = f"{row.wall_ms / first.wall_ms:7.1f}{row.cpu_ms / first.cpu_ms:7.1f}"
        took = f"{row.zones:6}{row.wall:8.2f}{row.wall_ms:9.3f}{row.cpu_ms:8.3f}"
        lines.append(f"{row.name:<30}{took}{ratios}  {row.note}".rstrip())
    return "\n".join(lines)


def bars(rows: Sequence[Row], *, real: bool) -> str:
    """Whether the quick half is within what was promised for a root of this kind."""
    wall, cpu = (REAL_WALL, REAL_CPU) if real else (WALL, CPU)
    row = rows[0]
    met = "met" if row.wall <= wall and row.cpu_ms <= cpu else "NOT MET"
    return (
        f"bar: {wall} s wall and {cpu} ms CPU a zone: {met} ({row.wall:.2f} s, {row.cpu_ms:.2f} ms)"
    )


def inside(*, real: bool, runs: int) -> None:
    """In the lab: everything, one after another."""
    env = dict(os.environ)
    print(f"load average before: {os.getloadavg()[0]:.1f}", file=sys.stderr)
    tries = [scan() for _ in range(runs)]
    rows, zones = min(tries, key=lambda one: one[0][0].wall)
    inventory = json.loads(
        subprocess.run([*NTACTL, "lab", "status", "--json"], capture_output=True, check=True).stdout
    )
    others = (
        libunbound(zones, env),
        unbound_host(zones, env, all_three=False),
        unbound_host(zones, env, all_three=True),
        delv(zones, env, inventory["hosts"][0]["address"]),
    )
    rows += [row for row in others if row]
    print(table(rows))
    print(bars(rows, real=real))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1440)
    parser.add_argument("--runs", type=int, default=3, help="of the scan; the quickest counts")
    parser.add_argument("--real-servers", action="store_true")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.inside:
        inside(real=wanted.real_servers, runs=wanted.runs)
        return
    with lab(wanted.size, real=wanted.real_servers) as env:
        more = ["--real-servers"] if wanted.real_servers else []
        argv = [sys.executable, __file__, "--inside", "--runs", str(wanted.runs), *more]
        subprocess.run([*NTACTL, "lab", "exec", "--", *argv], env=env, check=True)


if __name__ == "__main__":
    main()
