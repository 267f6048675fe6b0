"""Where a fleet comes from: a file of ours, or the inventory that Ansible has of it.

A file is Ansible's when it holds what `ansible-inventory --list` printed, or when only that command
can read it: INI with a section, or YAML whose groups or plugin stand at the left edge. No file of
ours is taken for one: all of ours have `hosts` there, or are in brackets.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

from orchestrator.errors import BadFile
from orchestrator.fleet.ansible import from_listing
from orchestrator.fleet.inventory import Inventory
from orchestrator.fleet.written import from_yaml
from orchestrator.given import STDIN, given_text

PATIENCE = 60.0  # seconds that ansible-inventory may take
_OURS = re.compile(r"^(['\"]?)hosts\1[^\S\n]*:|\A(?:\s|#.*|---)*\{", re.MULTILINE)
_THEIRS = re.compile(
    r"^\[[^\[\]\s,]+\][^\S\n]*(?:[#;].*)?$"  # a section
    r"|^plugin:[^\S\n]"
    # A group, and first in it what only groups have.
    r"|^[\w.'\"-]+:[^\S\n]*(?:#.*)?\n(?:[^\S\n]*(?:#.*)?\n)*[^\S\n]+(?:hosts|children|vars):",
    re.MULTILINE,
)
_LIST = "ansible-inventory -i INVENTORY --list"
# A source that Ansible only warns of would be resolvers that nobody misses; exported variables
# stay with their groups.
_STRICT = {
    "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
    "ANSIBLE_INVENTORY_EXPORT": "false",
    "ANSIBLE_NOCOLOR": "true",
    "LC_ALL": "C.UTF-8",  # in another encoding, as under cron, it does nothing
}


def load_inventory(path: Path) -> Inventory:
    """Read a fleet, from whatever `path` is. Raises BadFile."""
    if os.path.isdir(path):  # noqa: PTH112 (Path's raises where a folder may not be entered)
        return from_listing(_listed(path), str(path))
    text = given_text(path)
    listing = _listing(text)
    if listing is None and _is_theirs(text):
        listing = _listed(path)
    return from_yaml(path) if listing is None else from_listing(listing, str(path))


def _listing(text: str) -> Any:
    """What `ansible-inventory --list` printed; None when it is something else."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return data if "_meta" in data else None


def _is_theirs(text: str) -> bool:
    return not _OURS.search(text) and _THEIRS.search(text) is not None


def _listed(path: Path) -> Any:
    """Let Ansible read its inventory. Raises BadFile."""
    if path in STDIN or path.is_fifo():
        what = "only ansible-inventory can read this, and it reads no pipe"
        raise BadFile(what, file=str(path), next_step=f"{_LIST} | ntactl ... -i -")
    done = _run(path)
    listing = _listing(done.stdout.decode(errors="replace"))
    if done.returncode or listing is None:
        raise _failed(path, f"failed: {_complaint(done)}")
    return listing


def _run(path: Path) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["ansible-inventory", f"--inventory={path}", "--list"],
            stdin=subprocess.DEVNULL,  # a vault's password is not asked for
            capture_output=True,
            timeout=PATIENCE,
            env={**os.environ, **_STRICT},
            check=False,
        )
    except FileNotFoundError as error:
        what = "only ansible-inventory can read this, and it is not installed"
        step = f"where Ansible is: {_LIST} > fleet.json; then here: -i fleet.json"
        raise BadFile(what, file=str(path), next_step=step) from error
    except subprocess.TimeoutExpired as error:
        raise _failed(path, f"did not end within {PATIENCE:g} s") from error
    except OSError as error:
        raise _failed(path, f"cannot be run: {error.strerror}") from error


def _complaint(done: subprocess.CompletedProcess[bytes]) -> str:
    """The line that says why: warnings come before it, and what led to it after."""
    lines = [line.strip() for line in done.stderr.decode(errors="replace").splitlines()]
    said = [line for line in lines if line] or [f"exit code {done.returncode}, and it said nothing"]
    return next((line for line in said if line.startswith(("[ERROR]", "ERROR"))), said[-1])


def _failed(path: Path, how: str) -> BadFile:
    step = f"ansible-inventory -i {shlex.quote(str(path))} --list"
    return BadFile(f"ansible-inventory {how}", file=str(path), next_step=step)
