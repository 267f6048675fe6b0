"""The lab's resolver hosts: which there are, their files, and how one is started.

A host is a set of namespaces (mount, network, process, host name) with its own /etc, /var and
/run, Debian's layout in them, and real sshd, cron and resolver processes.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import BadInput, LabError
from orchestrator.lab.engines import ENGINES
from orchestrator.lab.files import put
from orchestrator.lab.folder import Folder
from orchestrator.lab.world import BRIDGE_PREFIX, NETWORK
from orchestrator.render import render, text

DEFAULT = "unbound=2,bind=2,pdns=2,knot=2"
MAX_HOSTS = 250
UNPLUGGED = 10.0
INIT = Path(__file__).with_name("host_init.py")

# What a host takes from the machine's own /etc; everything else there is made for the lab.
_FROM_MACHINE = (
    *("group", "nsswitch.conf", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "pam.d", "security"),
    *("login.defs", "environment", "default", "alternatives", "localtime", "services", "ssl"),
    *("protocols", "shells", "debian_version", "os-release"),
)
_OPERATOR = """\
ops:x:1000:100:an operator without privileges:/var/lib/ops:/bin/sh
"""
_CRONTAB = """\
SHELL=/bin/sh
PATH=/usr/local/sbin:/usr/local/bin:/sbin:/bin:/usr/sbin:/usr/bin
"""

# Debian's own wants a login uid, which containers may not set; then no job would ever run.
_PAM_CRON = "".join(f"{kind} required pam_permit.so\n" for kind in ("auth", "account", "session"))


@dataclass(frozen=True, slots=True)
class LabHost:
    """One resolver host of the lab."""

    name: str
    address: str
    engine: str
    site: str

    @property
    def config(self) -> str:
        """The engine's configuration folder on the host."""
        return ENGINES[self.engine].folder

    @property
    def dropin(self) -> str:
        """The file for NTAs that the engine was told to read; "" where it has its own way."""
        return ENGINES[self.engine].dropin


def plan_hosts(resolvers: str) -> tuple[LabHost, ...]:
    """Hosts for a text like "unbound=2,bind=2". Raises BadInput."""
    counts: dict[str, int] = {}
    for part in resolvers.split(","):
        match = re.fullmatch(r"\s*([a-z]+)=(\d{1,3})\s*", part)
        if match is None or match[1] not in ENGINES or match[1] in counts:
            raise BadInput(
                f"--resolvers {resolvers!r}: {part!r} is not ENGINE=COUNT",
                next_step=f"write it like {DEFAULT}",
            )
        counts[match[1]] = int(match[2])
    if not 1 <= sum(counts.values()) <= MAX_HOSTS:
        raise BadInput(f"--resolvers {resolvers!r}: a lab has 1 to {MAX_HOSTS} hosts")
    pairs = [(engine, i) for engine, count in counts.items() for i in range(count)]
    return tuple(
        LabHost(f"{engine}{i + 1}", f"{BRIDGE_PREFIX}.100.{number}", engine, ENGINES[engine].site)
        for number, (engine, i) in enumerate(pairs, 1)
    )


def write_host(folder: Folder, host: LabHost, hints: str, anchor: str) -> str:
    """Make one host's etc, var and run. Return its public host key."""
    root = folder.hosts / host.name
    etc = root / "etc"
    _copy_from_machine(etc)
    _write_accounts(etc)
    _write_etc(etc, host)
    _write_ssh(etc, host, folder.key.with_suffix(".pub").read_text())
    ENGINES[host.engine].write(root, host.address, hints, anchor)
    _write_var(root / "var")
    (root / "run").mkdir()
    return (etc / "ssh/ssh_host_ed25519_key.pub").read_text()


def _copy_from_machine(etc: Path) -> None:
    etc.mkdir(parents=True)
    for name in _FROM_MACHINE:
        source = Path("/etc") / name
        if source.is_dir():
            shutil.copytree(source, etc / name, symlinks=True, ignore=_private_keys)
        elif source.exists():
            shutil.copy2(source, etc / name)


def _private_keys(_folder: str, names: list[str]) -> set[str]:
    return {"private", "certs"} & set(names)


def _write_accounts(etc: Path) -> None:
    needed = {"root", "daemon", "nobody", "sshd", *(each.user for each in ENGINES.values())}
    lines = Path("/etc/passwd").read_text().splitlines()
    kept = "".join(f"{line}\n" for line in lines if line.split(":")[0] in needed)
    put(etc / "passwd", kept + _OPERATOR)
    shadow = "".join(f"{line.split(':')[0]}:*:20000:0:99999:7:::\n" for line in kept.splitlines())
    put(etc / "shadow", shadow + "ops:*:20000:0:99999:7:::\n", 0o600)
    put(
        etc / "sudoers",
        "Defaults env_reset\nroot ALL=(ALL) ALL\n@includedir /etc/sudoers.d\n",
        0o440,
    )
    (etc / "sudoers.d").mkdir(mode=0o750)


def _write_etc(etc: Path, host: LabHost) -> None:
    put(etc / "hostname", f"{host.name}\n")
    put(etc / "hosts", f"127.0.0.1 localhost\n{host.address} {host.name}\n")
    put(etc / "resolv.conf", "nameserver 127.0.0.1\n")
    put(etc / "crontab", _CRONTAB)
    (etc / "cron.d").mkdir()
    put(etc / "pam.d/cron", _PAM_CRON)
    put(etc / "lab/engine", f"{host.engine}\n")
    put(etc / "lab/service", text("lab/service.sh"), 0o755)
    service = ENGINES[host.engine].service  # so that service(8) finds it
    put(etc / "init.d" / service, '#!/bin/sh\nexec /etc/lab/service resolver "$1"\n', 0o755)


def _write_ssh(etc: Path, host: LabHost, authorized: str) -> None:
    ssh = etc / "ssh"
    put(ssh / "sshd_config", render("lab/sshd_config.j2", address=host.address))
    put(ssh / "authorized_keys", authorized)
    make_ssh_key(ssh / "ssh_host_ed25519_key", host.name)


def make_ssh_key(path: Path, comment: str) -> None:
    """A fresh ed25519 key pair without a passphrase, as ssh-keygen makes it."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def _write_var(var: Path) -> None:
    for name in ("lib/ops", "log", "tmp", "mail", "cache", "spool/cron/crontabs"):
        (var / name).mkdir(parents=True, exist_ok=True)
    (var / "tmp").chmod(0o1777)
    (var / "spool/cron/crontabs").chmod(0o1730)
    os.chown(var / "lib/ops", 1000, 100)
    (var / "run").symlink_to("/run")
    (var / "lock").symlink_to("/run/lock")


class HostProcess:
    """A host that runs: its namespaces live as long as its PID 1."""

    def __init__(self, folder: Folder, host: LabHost) -> None:
        self.host = host
        number = int(host.address.rpartition(".")[2])
        self.link, self.mac = f"ve-{number}", f"02:53:00:00:01:{number:02x}"
        root = folder.hosts / host.name
        self._wait_until_unplugged()
        _empty(root / "run")
        with (root / "boot.log").open("ab") as log:
            self.process = subprocess.Popen(
                ["unshare", "-nmpu", "--fork", "--kill-child", *self._init(root)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        self._boot()

    def _init(self, root: Path) -> list[str]:
        address = f"{self.host.address}/{NETWORK}"
        return [sys.executable, "-IS", str(INIT), self.host.name, str(root), address]

    def _boot(self) -> None:
        """Give the host its network link once its namespace exists, and let it go on."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdout.readline()
        peer = f"peer name eth0 address {self.mac} netns {self.process.pid}"
        make = f"link add {self.link} type veth {peer}"
        ip_batch([make, f"link set {self.link} master lab0 up"])
        self.process.stdin.close()
        self.process.stdout.close()

    def _wait_until_unplugged(self) -> None:
        """The kernel takes a dead host's link away a moment after its last process."""
        command = ["ip", "link", "show", self.link]
        until = time.monotonic() + UNPLUGGED
        while subprocess.run(command, capture_output=True, check=False).returncode == 0:
            if time.monotonic() > until:
                raise LabError("what ran before has not ended", where=self.host.name)
            time.sleep(0.05)

    def alive(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """Pull the plug: nothing on the host gets a chance to tidy up."""
        self.process.kill()
        self.process.wait()


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def ip_batch(lines: list[str]) -> None:
    """Run `ip` commands, one a line."""
    command = ["ip", "-batch", "-"]
    subprocess.run(command, input="\n".join(lines), text=True, check=True)
