"""The inside of the lab: PID 1 of its namespaces, and the process that runs the lab.

PID 1 only reaps, and ends when the other ends; with it the kernel ends everything else.
"""

from __future__ import annotations

import itertools
import json
import os
import socket
import subprocess
import sys
import time
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any

import dns.flags

from orchestrator.errors import BadInput, LabError, NtactlError
from orchestrator.lab import hosts, world
from orchestrator.lab.approver import make_approver
from orchestrator.lab.asked import Asked
from orchestrator.lab.authority import ask
from orchestrator.lab.control import socket_path
from orchestrator.lab.folder import Folder
from orchestrator.lab.internet import Internet
from orchestrator.lab.scenarios.look import SECOND
from orchestrator.render import render

PATIENCE = 45.0
POLL = 0.05
PRIMED = 10.0
FADING = SECOND + 1.0  # until keys of a second are forgotten: Unbound counts whole ones


class Lab:
    """Everything that runs: name servers and hosts, and the answers to the command line."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        asked = Asked.read(folder)
        self.plan = hosts.plan_hosts(asked.resolvers)
        fillers = asked.fillers()
        _network()
        self.internet = Internet(folder, fillers, asked.stock())
        self._write_files()
        self.internet.start()
        self.hosts = {host.name: hosts.HostProcess(folder, host) for host in self.plan}
        for host in self.plan:
            self._wait(host)

    def _write_files(self) -> None:
        folder, hints, anchor = self.folder, world.root_hints(), self.internet.anchor()
        folder.hints.write_text(hints)
        folder.anchor.write_text(anchor)
        folder.names.write_text("".join(f"{child}\n" for child in world.DE.children))
        folder.state.mkdir(exist_ok=True)
        hosts.make_ssh_key(folder.key, "lab")
        make_approver(folder)
        keys = {host: hosts.write_host(folder, host, hints, anchor) for host in self.plan}
        folder.known_hosts.write_text("".join(f"{h.address} {key}" for h, key in keys.items()))
        values = {"hosts": self.plan, "key": folder.key, "known_hosts": folder.known_hosts}
        folder.inventory.write_text(render("lab/inventory.yaml.j2", **values))
        folder.ssh_config.write_text(render("lab/ssh_config.j2", **values))
        zones = {"control": world.CONTROL, "bogus": world.BOGUS}
        folder.playbook.write_text(render("lab/playbook.yaml.j2", **zones))

    def _wait(self, host: hosts.LabHost) -> None:
        """Return when the host's three daemons do their work. Raises LabError."""
        until = time.monotonic() + PATIENCE
        while missing := missing_daemon(self.folder, host):
            if time.monotonic() > until:
                log = self.folder.hosts / host.name / "boot.log"
                raise LabError(f"{missing} does not come up", where=host.name, state=f"see {log}")
            time.sleep(POLL)

    def serve(self) -> None:
        """Answer the command line, and let scenarios go on, for ever."""
        with socket.socket(socket.AF_UNIX) as server, socket_path(self.folder) as path:
            server.bind(f"{path}.new")
            server.listen()
            Path(f"{path}.new").rename(path)  # whoever sees it can connect
            while True:
                server.settimeout(self.internet.seconds_to_tick())
                try:
                    line, _ = server.accept()
                except TimeoutError:
                    pass
                else:
                    self._talk(line)
                self._tick()

    def _tick(self) -> None:
        try:
            self.internet.tick()
        except NtactlError:
            traceback.print_exc()  # a machine so busy that NSD lags is not the lab's end

    def _talk(self, line: socket.socket) -> None:
        with line:
            line.settimeout(5)
            try:
                question = json.loads(line.makefile().readline())
                line.sendall(json.dumps(self._answer(question)).encode() + b"\n")
            except (OSError, ValueError):
                traceback.print_exc()  # a client that went away is not the lab's end

    def _answer(self, question: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._do(question)
        except NtactlError as error:
            kind = "BadInput" if isinstance(error, BadInput) else "LabError"
            return {"error": error.what, "kind": kind, "next_step": error.next_step}
        except (OSError, subprocess.SubprocessError) as error:
            traceback.print_exc()
            return {"error": str(error), "kind": "LabError", "next_step": f"read {self.folder.log}"}

    def _do(self, question: dict[str, Any]) -> dict[str, Any]:
        match question["do"]:
            case "prepare":
                self.internet.prepare(question["zones"], question["as"], question["phase"])
            case "prime":
                self._prime(question["zones"], question["types"])
            case "break":
                self.internet.break_zones(question["zones"], question["as"], question["phase"])
            case "heal":
                self.internet.heal_zones(question["zones"])
            case "host":
                self._host(question["name"], question["action"])
        return self._status()

    def _prime(self, zones: list[str], types: list[str]) -> None:
        """Let every resolver cache what it is to keep. Raises LabError.

        The zone's servers too, or PowerDNS and Knot would take the DS of the root's next referral;
        those are asked for with CD, which spares BIND and Knot the DNSKEY.
        """
        for host in [process.host for process in self.hosts.values() if process.alive()]:
            for zone, kind in itertools.product(zones, ["NS", *types]):
                answer = ask(host.address, zone, kind, cd=kind == "NS", timeout=PRIMED)
                if answer is None or not answer.answer:
                    raise LabError(f"{host.name} has no answer for {zone} {kind} to cache")
        time.sleep(FADING)

    def _host(self, name: str, action: str) -> None:
        if name not in self.hosts:
            raise BadInput(f"no host {name!r} in the lab; it has {', '.join(self.hosts)}")
        process = self.hosts[name]
        if action in ("stop", "reboot") and process.alive():
            process.kill()
        if action in ("start", "reboot") and not process.alive():
            self.hosts[name] = hosts.HostProcess(self.folder, process.host)
            self._wait(process.host)

    def _status(self) -> dict[str, Any]:
        return {
            "hosts": [self._host_status(process) for process in self.hosts.values()],
            "root_size": len(world.TLDS) + len(self.internet.fillers.plans),
            "tlds": [
                {
                    "zone": zone,
                    "scenario": standing.scenario.name,
                    "phase": standing.phase,
                    "since": int(standing.since),
                    "servers": [asdict(server) for server in standing.tld.plan.servers],
                }
                for zone, standing in self.internet.standing.items()
            ],
        }

    def _host_status(self, process: hosts.HostProcess) -> dict[str, Any]:
        host = process.host
        return {**asdict(host), "up": process.alive()}


def missing_daemon(folder: Folder, host: hosts.LabHost) -> str:
    """The first of a host's daemons that does not do its work yet, or ""."""
    if not (folder.hosts / host.name / "run/crond.pid").exists():
        return "cron"
    try:
        with socket.create_connection((host.address, 22), timeout=1) as line:
            if not line.recv(4).startswith(b"SSH"):
                return "sshd"
    except OSError:
        return "sshd"
    answer = ask(host.address, world.CONTROL, "SOA", timeout=2)
    validated = answer is not None and "AD" in dns.flags.to_text(answer.flags)
    return "" if validated else host.engine


def _network() -> None:
    """The bridge, and on it every address of every name server.

    Those of fillers are thousands. As routes to us they cost nothing; as addresses each IPv6 packet
    would look through all of them for its source.
    """
    addresses = [server.address for server in world.ROOT_SERVERS]
    for plan in world.TLDS:
        addresses += [server.address for server in plan.servers]
    addresses += [*world.CHILD_ADDRESSES, *world.NARROW, *world.LIMITED]
    hosts.ip_batch(
        [
            "link set lo up",
            # An address of its own: else it takes the lowest of its ports', and a host that
            # reboots leaves all others with a wrong ARP entry for every name server.
            "link add lab0 address 02:53:00:00:00:00 type bridge",
            "link set lab0 up",
            *(f"addr add {_with_prefix(address)} dev lab0" for address in dict.fromkeys(addresses)),
            *(f"route add local {network} dev lo" for network in world.FILLERS),
        ]
    )


def _with_prefix(address: str) -> str:
    return f"{address}/64 nodad" if ":" in address else f"{address}/{world.NETWORK}"


def main() -> None:
    folder = Folder(Path(sys.argv[1]))
    worker = os.fork()
    if worker == 0:
        Lab(folder).serve()
    while os.wait()[0] != worker:
        pass


if __name__ == "__main__":
    main()
