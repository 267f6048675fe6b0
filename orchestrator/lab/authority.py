"""An authoritative server: one NSD process, its zone files, and what it really serves."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode
from dns.rdatatype import RdataType

from orchestrator.errors import LabError
from orchestrator.lab.signer import Zone, zone_text
from orchestrator.render import render

PATIENCE = 10.0


class Authority:
    """One NSD. All its addresses serve the same content."""

    def __init__(self, folder: Path, addresses: Sequence[str], zones: Sequence[str]) -> None:
        self.folder = folder
        self.addresses = tuple(addresses)
        self.serials = dict.fromkeys(zones, 0)
        folder.mkdir(parents=True)
        values = {"folder": folder, "addresses": addresses, "zones": zones}
        (folder / "nsd.conf").write_text(render("lab/nsd.conf.j2", **values))

    def write(self, zones: Mapping[str, Zone]) -> None:
        """Replace zone files; NSD reads them at start and at `reload`."""
        for name, zone in zones.items():
            path = self.folder / f"{name}zone"
            fresh = path.with_suffix(".new")
            fresh.write_text(zone_text(zone))
            fresh.rename(path)
            soa = next(item for item in zone if item.rdtype == RdataType.SOA)
            self.serials[name] = soa[0].serial

    def start(self) -> None:
        with (self.folder / "nsd.log").open("ab") as log:
            self.process = subprocess.Popen(
                ["nsd", "-d", "-c", str(self.folder / "nsd.conf")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def reload(self) -> None:
        self.process.send_signal(signal.SIGHUP)

    def wait(self, zones: Sequence[str]) -> None:
        """Return when every address serves what was written. Raises LabError."""
        until = time.monotonic() + PATIENCE
        missing = [(zone, address) for zone in zones for address in self.addresses]
        while missing:
            missing = [pair for pair in missing if not self._serves(*pair)]
            if missing and time.monotonic() > until:
                raise LabError(
                    f"{self.folder.name} does not serve {missing[0][0]} at {missing[0][1]}",
                    next_step=f"read {self.folder}/nsd.log, then: ntactl lab down",
                )
            time.sleep(0.02 if missing else 0)

    def _serves(self, zone: str, address: str) -> bool:
        answer = ask(address, zone, "SOA", recurse=False)
        if answer is None or not answer.answer:
            return False
        return bool(answer.answer[0][0].serial == self.serials[zone])


def ask(
    address: str, name: str, kind: str, *, recurse: bool = True, timeout: float = 0.5
) -> dns.message.Message | None:
    """One question over UDP with DO; None when nothing usable came back."""
    query = dns.message.make_query(name, kind, want_dnssec=True)
    if not recurse:
        query.flags &= ~dns.flags.RD
    try:
        return dns.query.udp(query, address, timeout=timeout, ignore_unexpected=True)
    except (dns.exception.DNSException, OSError):
        return None
