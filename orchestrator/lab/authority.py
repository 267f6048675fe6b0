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

    def __init__(
        self,
        folder: Path,
        addresses: Sequence[str],
        zones: Sequence[str],
        *,
        axfr: bool = False,
        limit: int = 0,
    ) -> None:
        self.folder = folder
        self.addresses = tuple(addresses)
        self.serials = dict.fromkeys(zones, 0)
        folder.mkdir(parents=True, exist_ok=True)
        values = {"folder": folder, "addresses": addresses, "zones": zones}
        text = render("lab/nsd.conf.j2", **values, axfr=axfr, limit=limit)
        (folder / "nsd.conf").write_text(text)

    def adopt(self, name: str, file: Path, serial: int) -> None:
        """Serve a zone from a file that is somebody else's, until it is written."""
        (self.folder / f"{name}zone").symlink_to(file)
        self.serials[name] = serial

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

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()

    def wait_for_all(self) -> None:
        """Return when every address serves every zone as it was written. Raises LabError."""
        for zone in self.serials:
            for address in self.addresses:
                self.wait(zone, address)

    def wait(self, zone: str, address: str) -> None:
        """Return when this address serves the zone as it was written. Raises LabError."""
        until = time.monotonic() + PATIENCE
        while not self._serves(zone, address):
            if time.monotonic() > until:
                raise LabError(
                    f"{self.folder.name} does not serve {zone} at {address}",
                    next_step=f"read {self.folder}/nsd.log, then: ntactl lab down",
                )
            time.sleep(0.02)

    def _serves(self, zone: str, address: str) -> bool:
        answer = ask(address, zone, "SOA", recurse=False)
        if answer is None or not answer.answer:
            return False
        return bool(answer.answer[0][0].serial == self.serials[zone])


def ask(
    address: str,
    name: str,
    kind: str,
    *,
    recurse: bool = True,
    cd: bool = False,
    timeout: float = 0.5,
) -> dns.message.Message | None:
    """One question over UDP with DO; None when nothing usable came back."""
    query = dns.message.make_query(name, kind, want_dnssec=True)
    if not recurse:
        query.flags &= ~dns.flags.RD
    if cd:
        query.flags |= dns.flags.CD
    try:
        return dns.query.udp(query, address, timeout=timeout, ignore_unexpected=True)
    except (dns.exception.DNSException, OSError):
        return None
