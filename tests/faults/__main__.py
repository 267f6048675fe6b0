"""The fault bench: PYTHONPATH=tests python -m faults --seed 1 -n 300; exit 1 on any violation.

One line a round, and a last one. A round's seed alone decides it. A round whose fault did not
strike counts as none, and the next seed is played in its place.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from faults.bench import Bench, a_bench
from faults.count import counts
from faults.kinds import KINDS, draw
from faults.play import play
from faults.product import CUTS
from faults.regressions import again, known


def main() -> int:
    asked = arguments()
    temporary = tempfile.TemporaryDirectory(prefix="ntactl-faults-", dir=os.environ.get("TMPDIR"))
    with temporary as made, a_bench(asked.lab or Path(made)) as whole:
        bench = whole.without(asked.without) if asked.without else whole
        if asked.count:
            print("\n".join(counts(bench)))
            return 0
        if asked.regressions:
            return regressions(bench)
        return rounds(bench, asked.seed, asked.n, asked.kind)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the first round")
    parser.add_argument("-n", type=int, default=20, help="how many faults have to strike")
    names = [kind.name for kind in KINDS]
    parser.add_argument("--kind", choices=names, help="play the seeds of this kind alone")
    parser.add_argument("--without", choices=CUTS, default="", help="cut this out: must go red")
    parser.add_argument(
        "--regressions", action="store_true", help="play what was found before, and no seeds"
    )
    parser.add_argument("--count", action="store_true", help="count moments, for kinds.py")
    parser.add_argument("--lab", type=Path, help="the lab's folder (a temporary one)")
    return parser.parse_args()


def rounds(bench: Bench, seed: int, wanted: int, kind: str | None) -> int:
    """Play rounds until so many faults have struck. Gives the exit code."""
    started, struck, missed, violations = time.monotonic(), 0, 0, 0
    while struck < wanted:
        drawn = draw(seed)
        seed += 1
        if kind and drawn.kind.name != kind:
            continue
        played = play(bench, drawn)
        if not played.proof and not played.wrong:
            missed += 1
            print(f"seed {drawn.seed}: {drawn}: not struck", flush=True)
            continue
        struck += 1
        violations += len(played.wrong)
        print(played, flush=True)
        if played.wrong:
            print(f"  again: make faults SEED={drawn.seed} N=1", flush=True)
    print(f"{missed} rounds in which the fault did not strike were drawn again")
    print(f"{struck} faults, {violations} violations, {time.monotonic() - started:.0f} s")
    return 1 if violations else 0


def regressions(bench: Bench) -> int:
    """Play the list. Gives the exit code."""
    listed = known()
    wrong = again(bench, listed)
    print("\n".join([*wrong, f"{len(listed)} known rounds, {len(wrong)} violations"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
