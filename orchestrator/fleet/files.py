"""The operator's own files: ~/.ssh/config, known_hosts, keys. Each is read once a run."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Generic, TypeVar

from orchestrator.fleet import ssh_config
from orchestrator.fleet.inventory import Host
from orchestrator.fleet.known_hosts import KnownHosts, load
from orchestrator.fleet.outcome import FailureError
from orchestrator.fleet.peer import Route, route

Key = TypeVar("Key")
DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")


class Files(Generic[Key]):
    """What all connections of a fleet share; `read_key` makes a key of a file.

    Each method raises FailureError where a file cannot be used.
    """

    def __init__(self, read_key: Callable[[Path], Key]) -> None:
        self._read_key = read_key
        self._known: dict[tuple[Path, ...], KnownHosts] = {}
        self._keys: dict[Path, Key] = {}
        self._lock = threading.RLock()

    def known(self, paths: tuple[Path, ...]) -> KnownHosts:
        """What known_hosts files say; none named: the usual ones."""
        with self._lock:
            if paths not in self._known:
                self._known[paths] = load(paths)
            return self._known[paths]

    def key(self, path: Path) -> Key:
        """A private key."""
        with self._lock:
            if path not in self._keys:
                self._keys[path] = self._read_key(path)
            return self._keys[path]

    def route(self, host: Host) -> Route:
        """The way to a host."""
        with self._lock:
            return route(host, self._config)

    @cached_property
    def _config(self) -> ssh_config.SshConfig:
        try:
            return ssh_config.load()
        except ssh_config.ConfigError as error:
            raise FailureError("unreachable", str(error)) from error


def usual_keys() -> list[Path]:
    """Where they are; a home that is not ours to enter has no keys for us."""
    places = (Path.home() / ".ssh" / name for name in DEFAULT_KEYS)
    return [place for place in places if os.access(place, os.F_OK)]
