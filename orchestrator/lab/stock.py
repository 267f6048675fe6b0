"""What a large root needs and is slow to make: keys and signed zones, kept between labs.

In `$XDG_CACHE_HOME/ntactl/tlds`, one file of keys and one zone file a TLD. Whatever is missing,
of another form or soon too old is made, by as many processes as there are processors.
"""

from __future__ import annotations

import base64
import hashlib
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import dns.name
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from dns.dnssectypes import DSDigest
from filelock import FileLock

from orchestrator.lab.keys import (
    KSK_FLAGS,
    P256,
    ZSK_FLAGS,
    Key,
    Keys,
    Private,
    key_of,
    make_keys,
)
from orchestrator.lab.scenarios import HEALTHY
from orchestrator.lab.scenarios.look import Look
from orchestrator.lab.signer import zone_text
from orchestrator.lab.world import DAY, Tld, TldPlan, delegations, draw

# Signatures last two weeks; a zone signed longer ago than this is signed again.
KEPT = 2 * DAY
FORM = "1"

Progress = Callable[[int, int], None]


def cache_folder() -> Path:
    """Where it is kept, for the environment of now."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache).resolve() / "ntactl" / "tlds"


@dataclass(frozen=True, slots=True)
class Stock:
    """The stock in one folder. Zones differ with their servers, and so have a folder by kind."""

    folder: Path
    kind: str

    def fill(self, plans: Sequence[TldPlan], progress: Progress) -> None:
        """Make what is missing for these TLDs; `progress` hears how many are done, of how many."""
        for name in ("keys", self.kind):
            (self.folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(self.folder / "lock"):
            missing = [plan for plan in plans if not self._fresh(plan)]
            if not missing:
                return
            with ProcessPoolExecutor() as workers:
                for done, _ in enumerate(workers.map(self._make, missing, chunksize=4), 1):
                    progress(done, len(missing))

    def tld(self, plan: TldPlan) -> Tld:
        """A TLD of the stock. Nobody serves its children, so their DS are drawn."""
        ds = {f"{label}.{plan.origin}": _drawn_ds(label, plan.origin) for label in plan.signed}
        origin = dns.name.from_text(plan.origin)
        return Tld(plan, origin, self.keys(plan), delegations(plan, ds))

    def keys(self, plan: TldPlan) -> Keys:
        """The keys of a TLD of the stock."""
        ksk, zsk = self._keys_path(plan).read_text().split()
        return Keys(
            key_of(_private(ksk), KSK_FLAGS, plan.algorithm),
            key_of(_private(zsk), ZSK_FLAGS, plan.algorithm),
        )

    def zone(self, plan: TldPlan) -> tuple[Path, int]:
        """The zone file of a TLD of the stock, and its serial."""
        path = self._zone_path(plan)
        return path, int(_first_line(path)[2])

    def _zone_path(self, plan: TldPlan) -> Path:
        return self.folder / self.kind / f"{plan.origin}zone"

    def _keys_path(self, plan: TldPlan) -> Path:
        return self.folder / "keys" / f"{plan.origin}{plan.algorithm}"

    def _fresh(self, plan: TldPlan) -> bool:
        path = self._zone_path(plan)
        try:
            form = _first_line(path)[1]
            young = path.stat().st_mtime > time.time() - KEPT
            return young and form == _form(plan, self.keys(plan))
        except (OSError, ValueError, IndexError):
            return False

    def _make(self, plan: TldPlan) -> None:
        path = self._keys_path(plan)
        if not path.exists():
            made = make_keys(plan.algorithm)
            _replace(path, f"{_text(made.ksk)}\n{_text(made.zsk)}\n")
        tld, now = self.tld(plan), int(time.time())
        serial = int(time.strftime("%Y%m%d00", time.gmtime(now)))
        zone = HEALTHY.serve(Look(tld, 1, 0, serial, now))
        head = f"; {_form(plan, tld.keys)} {serial}\n"
        _replace(self._zone_path(plan), head + zone_text(zone))


def _first_line(path: Path) -> list[str]:
    with path.open() as file:
        return file.readline().split()


def _form(plan: TldPlan, keys: Keys) -> str:
    """What a zone file depends on, beside the day."""
    dnskeys = [key.dnskey.to_text() for key in (keys.ksk, keys.zsk)]
    return hashlib.sha256(repr((FORM, plan, dnskeys)).encode()).hexdigest()[:16]


def _drawn_ds(label: str, origin: str) -> str:
    parts = [draw("child", label, origin, part) for part in range(4)]
    digest = "".join(f"{part:016x}" for part in parts)
    return f"{parts[0] % 65536} {P256} {int(DSDigest.SHA256)} {digest}"


def _text(key: Key) -> str:
    der = key.private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return base64.b64encode(der).decode()


def _private(text: str) -> Private:
    der = base64.b64decode(text)
    made = load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(made, Private)
    return made


def _replace(path: Path, text: str) -> None:
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text(text)
    fresh.replace(path)
