"""Roots to scan, ways to break their zones, and what a scan says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness import NTACTL, Lab, run

from orchestrator.lab.folder import Folder
from orchestrator.lab.lifecycle import leash

How = tuple[str, int]  # scenario and phase

# How a zone is broken -> the cause told of it.
BROKEN = {
    ("zm-2015", 1): "rrsig-expired",
    ("not-yet-valid", 1): "rrsig-not-yet-valid",
    ("fj-2022", 1): "ds-no-matching-dnskey",
    ("mx-2023", 1): "ds-digest-mismatch",
    ("xn--qxam-2021", 1): "dnskey-missing",
    ("red-2014", 1): "rrsig-missing",
    ("au-2022", 1): "rrsig-invalid",
    ("au-2023", 1): "rrsig-invalid",
    ("de-2026", 1): "rrsig-invalid",
    ("denial", 2): "denial-invalid",
    ("de-2010", 1): "server-divergent",
    ("dnskey-no-tcp", 1): "truncated-no-tcp",
    ("lame", 1): "server-lame",
    ("unreachable", 1): "server-unreachable",
    ("ds-signature", 1): "rrsig-invalid",
}


@contextmanager
def a_root(folder: Path, size: int) -> Iterator[Lab]:
    """A lab with so many zones in its root, and one resolver."""
    lab = Lab(folder)
    up = [*NTACTL, "lab", "up", "--resolvers", "unbound=1", "--root-size", str(size)]
    with leash(Folder(folder)):
        done = run(up, lab.env, timeout=600)
        assert done.code == 0, done.err
        yield lab


@contextmanager
def broken(lab: Lab, how: dict[str, How]) -> Iterator[None]:
    """Some zones broken, and whole again at the end."""
    kinds: dict[How, list[str]] = {}
    for zone, kind in how.items():
        kinds.setdefault(kind, []).append(zone)
    for (scenario, phase), zones in kinds.items():
        lab.lab("break", *zones, "--as", scenario, "--phase", str(phase))
    try:
        yield
    finally:
        lab.lab("heal", *how)


def scanned(lab: Lab, *more: str) -> dict[str, Any]:
    """What `scan --json` says."""
    done = lab.ntactl("scan", "--json", *more, timeout=300)
    assert done.out, done.err
    told: dict[str, Any] = done.json
    return told


def bad(told: dict[str, Any]) -> dict[str, str]:
    """Zone -> main cause, of those that somebody has to do something about."""
    return {
        verdict["zone"]: verdict["findings"][0]["cause"]
        for verdict in told["zones"]
        if verdict["state"] in ("bogus", "indeterminate")
        or any(finding["severity"] == "error" for finding in verdict["findings"])
    }
