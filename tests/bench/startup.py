"""How long `ntactl` takes to answer, as a whole process: the median of 20 runs."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

LIMIT = 0.15  # seconds; a person waits for these at night


def seconds(*command: str) -> float:
    """The median time of one command."""
    times = []
    for _ in range(20):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> int:
    """Print a line for each; 1 when one is over the limit."""
    slow = 0
    for arguments in (["--version"], ["--help"], ["check", "--help"]):
        median = seconds(sys.executable, "-m", "orchestrator", *arguments)
        print(f"ntactl {' '.join(arguments):14} {median * 1000:4.0f} ms")
        slow |= median > LIMIT
    return slow


if __name__ == "__main__":
    sys.exit(main())
