"""Asks libunbound for each zone's SOA, a name that does not exist and a DS (python3-unbound)."""

import secrets
import sys
import time
from pathlib import Path

import unbound

TYPES = {"SOA": 6, "A": 1, "DS": 43}


def main(config: str, names: str) -> None:
    context = unbound.ub_ctx()
    context.config(config)
    context.set_async(True)
    zones = Path(names).read_text().split()
    left, secure = [3 * len(zones)], [0]

    def done(_mine: object, _status: int, result: object) -> None:
        left[0] -= 1
        secure[0] += bool(result and result.secure)  # type: ignore[attr-defined]

    for zone in zones:
        for name, kind in (
            (zone, "SOA"),
            (f"{secrets.token_hex(6)}.{zone}", "A"),
            (f"wikipedia.{zone}", "DS"),
        ):
            context.resolve_async(name, None, done, TYPES[kind], 1)
    while left[0]:
        context.process()
        time.sleep(0.002)
    print(f"{secure[0]} of {3 * len(zones)} answers secure")


if __name__ == "__main__":
    main(*sys.argv[1:])
