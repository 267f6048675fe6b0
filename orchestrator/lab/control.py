"""The line between the command line and the running lab: a unix socket in the lab's folder.

One JSON object a line each way. The answer holds "error" when the request failed.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from orchestrator.errors import BadInput, LabError
from orchestrator.lab.folder import Folder, require_running

TIMEOUT = 60.0


@contextmanager
def socket_path(folder: Folder) -> Iterator[str]:
    """The socket's path in a form that fits the 107 bytes which a unix socket's may have."""
    descriptor = os.open(folder.root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/control"
    finally:
        os.close(descriptor)


def request(folder: Folder, do: str, **values: Any) -> dict[str, Any]:
    """Ask the running lab for something. Raises BadInput or LabError with the lab's words."""
    require_running(folder)
    try:
        answer = _exchange(folder, {"do": do, **values})
    except (OSError, ValueError) as error:
        raise LabError(
            f"the lab runs but does not answer: {error}",
            where=str(folder.root),
            next_step="ntactl lab down",
        ) from error
    if "error" in answer:
        kind = BadInput if answer["kind"] == "BadInput" else LabError
        raise kind(answer["error"], next_step=answer["next_step"])
    return answer


def _exchange(folder: Folder, question: dict[str, Any]) -> dict[str, Any]:
    with socket.socket(socket.AF_UNIX) as line, socket_path(folder) as path:
        line.settimeout(TIMEOUT)
        line.connect(path)
        line.sendall(json.dumps(question).encode() + b"\n")
        answer: dict[str, Any] = json.loads(line.makefile().readline())
        return answer
