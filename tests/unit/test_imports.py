"""Imports go one way, down, and each library has one room."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2] / "orchestrator"

# From the ground up; a room may import from rooms before it in this list, and from itself.
FLOORS = [
    ["errors", "__init__"],
    ["names", "clock", "given", "whole", "tlds"],
    ["model"],
    ["yamlfile", "render"],
    ["dns"],
    ["playbook"],
    ["fleet"],
    ["chain"],
    ["scan"],
    ["incident", "notify"],
    ["engines"],
    ["rollout"],
    ["audit"],
    ["report"],
    ["watch"],
    ["lab"],
    ["cli"],
    ["__main__"],
]
OWNERS = {
    "paramiko": "fleet/ssh.py",
    "jinja2": "render.py",
    "sqlalchemy": "incident/store.py",
    "socket": "dns/",
    "selectors": "dns/",
}
# Sockets that are not DNS: SSH's own, and the lab's machinery.
SOCKETS_TOO = {"fleet/ssh.py", "fleet/reach.py"}


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def room(dotted: str) -> str | None:
    parts = dotted.split(".")
    return parts[1] if parts[0] == "orchestrator" and len(parts) > 1 else None


def floor(name: str) -> int:
    return next(level for level, rooms in enumerate(FLOORS) if name in rooms)


def modules() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def test_imports_go_down() -> None:
    wrong = []
    known = {name for rooms in FLOORS for name in rooms}
    for path in modules():
        here = path.relative_to(ROOT).parts[0].removesuffix(".py")
        for dotted in imported(path):
            there = room(dotted)
            if there in known and there != here and floor(there) >= floor(here):
                wrong.append(f"{path.relative_to(ROOT)} imports {dotted}")
    assert wrong == []


def test_every_room_has_a_floor() -> None:
    known = {name for rooms in FLOORS for name in rooms}
    assert {p.relative_to(ROOT).parts[0].removesuffix(".py") for p in modules()} <= known


def test_dns_sockets_are_opened_in_few_files() -> None:
    opening = {path.name for path in (ROOT / "dns").glob("*.py") if "socket" in imported(path)}
    assert opening == {"exchange.py", "pipeline.py", "stream.py", "transfer.py"}


def test_each_library_has_one_room() -> None:
    wrong = []
    for path in modules():
        here = str(path.relative_to(ROOT))
        for dotted in imported(path):
            owner = OWNERS.get(dotted.split(".")[0])
            if (
                owner
                and not here.startswith(owner)
                and here not in SOCKETS_TOO
                and not here.startswith("lab/")
            ):
                wrong.append(f"{here} imports {dotted}")
    assert wrong == []
