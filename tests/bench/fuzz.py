"""Hostile answers for the readers and the judges: every test marked `fuzz`, seed after seed.

`make fuzz SECONDS=3600 SEED=1`. Each seed tries EXAMPLES inputs a test; what fails is printed with
its seed, which shows it again.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time

COMMAND = (
    sys.executable,
    "-m",
    "pytest",
    "-q",
    "-m",
    "fuzz",
    "tests/unit",
    "-p",
    "no:cacheprovider",
)


def run(seed: int, examples: int) -> tuple[int, str]:
    """One seed: pytest's exit code, and what it said."""
    more = ("--hypothesis-profile=fuzz", f"--hypothesis-seed={seed}", "--timeout=0")
    env = {**os.environ, "EXAMPLES": str(examples)}
    done = subprocess.run(
        [*COMMAND, *more], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env,
        check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--seed", type=int, default=1, help="the first; each round takes the next")
    parser.add_argument("--examples", type=int, default=2000, help="inputs a test and seed")
    wanted = parser.parse_args()
    started, seed, inputs, failed = time.monotonic(), wanted.seed, 0, []
    while time.monotonic() - started < wanted.seconds:
        code, said = run(seed, wanted.examples)
        last = (said.strip().splitlines() or ["pytest said nothing"])[-1]
        inputs += int(last.split(" passed")[0].split()[-1]) * wanted.examples if not code else 0
        print(f"seed {seed}: {last}", flush=True)
        if code:
            failed.append(seed)
            print(said)
        seed += 1
    took = (time.monotonic() - started) / 60
    print(f"{took:.0f} min, seeds {wanted.seed} to {seed - 1}, {inputs:,} inputs, failed: {failed}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
