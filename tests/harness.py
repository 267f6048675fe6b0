"""A lab of real daemons for tests: its own folder, the real command line, and hosts asked directly.

What a host itself says is asked over plain ssh, or of its resolver over DNS, never through ntactl.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import warm

from orchestrator.lab.enter import inside
from orchestrator.lab.folder import Folder, require_running
from orchestrator.lab.lifecycle import leash

NTACTL = (sys.executable, "-m", "orchestrator")
ROOT = Path(__file__).parents[1]


LISTS = {
    "unbound": "unbound-control list_insecure",
    "bind": "rndc nta -dump",
    "pdns": "rec_control get-ntas",
}

# What stands in the lines of those, each a name and the final dot that some leave out.
LISTED = {
    "unbound": re.compile(r"^(\S+)$", re.MULTILINE),
    "bind": re.compile(r"^(\S+)/\S+: expiry ", re.MULTILINE),
    "pdns": re.compile(r"^(\S+)\t", re.MULTILINE),
}


@dataclass(frozen=True)
class Run:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def run(argv: Sequence[str], env: Mapping[str, str], *, timeout: float = 120) -> Run:
    done = subprocess.run(
        argv,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        cwd=ROOT,
    )
    return Run(done.returncode, done.stdout, done.stderr)


def _warm(
    module: str,
    argv: Sequence[str],
    env: Mapping[str, str],
    *,
    network: str | None = None,
    timeout: float = 120,
) -> Run:
    done = warm.command(module, argv, env, ROOT, network=network, timeout=timeout)
    return Run(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True)
class Lab:
    """One running lab."""

    folder: Path

    @property
    def env(self) -> dict[str, str]:
        return {**os.environ, "NTACTL_LAB": str(self.folder)}

    def lab(self, *argv: str) -> Run:
        """`ntactl lab ...`, which has to work."""
        done = _warm("orchestrator", ["lab", *argv], self.env)
        assert done.code == 0, done.err
        return done

    def inside(self, *argv: str, timeout: float = 120) -> Run:
        """Any command where the lab's addresses answer."""
        return run(*inside(Folder(self.folder), [*argv]), timeout=timeout)

    def ntactl(self, *argv: str, timeout: float = 120) -> Run:
        """The real command line inside the lab, without a terminal."""
        return self._inside("orchestrator", *argv, timeout=timeout)

    def _inside(self, module: str, *argv: str, timeout: float = 120) -> Run:
        folder = Folder(self.folder)
        network = f"/proc/{require_running(folder)}/ns/net"
        env = {**os.environ, **folder.environment()}
        return _warm(module, argv, env, network=network, timeout=timeout)

    def started(self, *argv: str) -> subprocess.Popen[str]:
        """The real command line inside the lab, running in a session of its own, all it says."""
        argv_inside, env = inside(Folder(self.folder), [*NTACTL, *argv])
        return subprocess.Popen(
            argv_inside,
            env=env,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def ok(self, *argv: str, code: int = 0) -> Run:
        """`ntactl ...` inside the lab, which has to end with `code`."""
        done = self.ntactl(*argv)
        assert done.code == code, f"{' '.join(argv)}: {done.code}\n{done.out}\n{done.err}"
        return done

    def status(self) -> Any:
        return json.loads(self.lab("status", "--json").out)

    def hosts(self) -> list[str]:
        return [host["name"] for host in fixed(self)]

    def host(self, name: str) -> Any:
        """What never changes of a host while the lab is up."""
        return next(host for host in fixed(self) if host["name"] == name)

    def etc(self, name: str) -> Path:
        """A host's /etc, seen from outside."""
        return self.folder / "hosts" / name / "etc"

    def var(self, name: str) -> Path:
        """A host's /var, seen from outside."""
        return self.folder / "hosts" / name / "var"

    def ssh(self, name: str, command: str) -> Run:
        """A shell command on a host, by OpenSSH."""
        config = str(self.folder / "ssh_config")
        return self.inside("ssh", "-F", config, name, command)

    def on_host(self, name: str, command: str) -> Run:
        """A shell command in a host's namespaces, for when nobody can log in."""
        pid = str(self.init_of(name))
        return run([*enter(pid), "sh", "-c", command], self.env)

    def init_of(self, name: str) -> int:
        """PID 1 of a host, seen from outside."""
        root = str(self.folder / "hosts" / name)
        return next(int(e.name) for e in Path("/proc").glob("[0-9]*") if _is_init(e, root))

    def ntas(self, name: str) -> list[str]:
        """The zones the resolver itself lists as negative trust anchors now."""
        engine = self.host(name)["engine"]
        if engine == "knot":
            return kresd_ntas(self.folder / "hosts" / name / "run/knot-resolver/control")
        listed = self.on_host(name, LISTS[engine])
        assert listed.code == 0, listed.err
        return sorted(f"{zone.rstrip('.')}." for zone in LISTED[engine].findall(listed.out))

    def all_ntas(self) -> dict[str, list[str]]:
        return {name: self.ntas(name) for name in self.hosts()}

    def views(self, *names: str) -> dict[tuple[str, str], tuple[str | None, bool]]:
        """(host, name) -> (rcode, AD) as a client sees it now."""
        done = self._inside("orchestrator.lab.ask", *names)
        assert done.code == 0, done.err
        return {(v["host"], v["name"]): (v["rcode"], v["ad"]) for v in json.loads(done.out)}

    def relieved(self, fresh: str) -> bool:
        """Do names under de. resolve without AD everywhere, and are the controls as they were?

        `fresh` is a label that nobody asked for yet.
        """
        names = ("de.", "www.denic.de.", "www.amazon.de.", f"{fresh}.heise.de.")
        seen = self.views(*names, "org.", "bogus.")
        good = {("org.", "NOERROR", True), ("bogus.", "SERVFAIL", False)}
        good |= {(name, "NOERROR", False) for name in names}
        return {(name, rcode, ad) for (_, name), (rcode, ad) in seen.items()} == good

    def validated(self, *names: str) -> bool:
        """Do these names have AD everywhere, and are the controls as they were?"""
        seen = self.views(*names, "org.", "bogus.")
        return all(
            (rcode, ad) == (("SERVFAIL", False) if name == "bogus." else ("NOERROR", True))
            for (_, name), (rcode, ad) in seen.items()
        )

    def watch(self) -> list[dict[str, str]]:
        """One cycle; what was said of each NTA."""
        said: list[dict[str, str]] = self.ok("watch", "--once", "--json").json["ntas"]
        return said

    def gone(self) -> bool:
        """One cycle; is every NTA out?"""
        return all(nta["said"].endswith("every host") for nta in self.watch())

    def files(self) -> dict[str, str]:
        """sha256, mode and owner of every file under every host's configuration, and cron's."""
        found: dict[str, str] = {}
        for host in fixed(self):
            found |= fingerprints([*map(Path, host["config"]), self.etc(host["name"]) / "cron.d"])
        return found

    def plan(self, path: Path, *more: str, zone: str = "de.") -> dict[str, Any]:
        """A plan for a broken zone, saved; gives its content."""
        self.ok("plan", zone, "--reason", "a test", "--out", str(path), *more)
        made: dict[str, Any] = json.loads(path.read_text())
        return made

    def approved(self, path: Path, *more: str, zone: str = "de.") -> dict[str, Any]:
        """A plan that a person said yes to."""
        self.plan(path, *more, zone=zone)
        self.ok("approve", str(path), "--by", "tester")
        made: dict[str, Any] = json.loads(path.read_text())
        return made


def kresd_ntas(sockets: Path) -> list[str]:
    """What the instances list, and where they differ. The control socket's own binary form."""
    lists: list[set[str]] = []
    for path in sockets.iterdir():
        with socket.socket(socket.AF_UNIX) as talk, talk.makefile("rb") as said:
            if talk.connect_ex(str(path)):
                continue  # killed, and not started again yet
            talk.sendall(b"__binary\n")
            assert said.read(2) == b"> "
            talk.sendall(b"tojson(trust_anchors.insecure)\n")
            length = int.from_bytes(said.read(4), "big")
            names = json.loads(said.read(length).strip(b"'"))
            lists.append({f"{name.rstrip('.')}." for name in names})
    every, some = set.intersection(*lists), set.union(*lists)
    return sorted([*every, *(f"{name} in some" for name in some - every)])


def heard(process: subprocess.Popen[str], words: str, times: int = 1) -> str:
    """What a started command says until it has said something so often."""
    assert process.stdout is not None
    said = ""
    while said.count(words) < times:
        line = process.stdout.readline()
        assert line, said
        said += line
    return said


@cache
def fixed(lab: Lab) -> list[Any]:
    """Names, addresses, engines and folders of a lab's hosts, asked once."""
    hosts: list[Any] = lab.status()["hosts"]
    return hosts


def _is_init(entry: Path, root: str) -> bool:
    """Whether a process is PID 1 of the host whose folder is `root` (proc(5), NSpid)."""
    try:
        argv = (entry / "cmdline").read_text(errors="replace").split("\0")
        status = (entry / "status").read_text()
    except OSError:
        return False
    ids = next(line for line in status.splitlines() if line.startswith("NSpid:"))
    return root in argv and ids.split()[-1] == "1"


def enter(pid: str) -> list[str]:
    """The command that runs another in a host: its root too, else tests in a chroot leave that."""
    return ["nsenter", "--target", pid, "--all", "--root"]


def fingerprints(folders: Sequence[Path]) -> dict[str, str]:
    """Content, mode and owner of everything below some folders."""
    return {str(path): _fingerprint(path) for each in folders for path in sorted(each.rglob("*"))}


def _fingerprint(path: Path) -> str:
    stat = path.lstat()
    content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
    return f"{content} {stat.st_mode:o} {stat.st_uid}:{stat.st_gid}"


@contextmanager
def a_lab(folder: Path, resolvers: str = "unbound=2,bind=2") -> Iterator[Lab]:
    """A lab that is gone at the end, whatever happens, also when the tests are killed.

    Its checks look twice and without a pause, which is enough but for what changes in between.
    """
    lab = Lab(folder)
    with leash(Folder(folder)):
        up = run([*NTACTL, "lab", "up", "--resolvers", resolvers], lab.env)
        assert up.code == 0, up.err
        book = folder / "playbook.yaml"
        quick = book.read_text().replace("rounds: 3", "rounds: 2").replace("every: 1s", "every: 0s")
        book.write_text(quick)
        yield lab


@contextmanager
def unchanged(lab: Lab) -> Iterator[Lab]:
    """No host's files or NTAs differ after what is done in here."""
    before, ntas = lab.files(), lab.all_ntas()
    yield lab
    assert lab.files() == before
    assert lab.all_ntas() == ntas


def wait_until(good: Callable[[], bool], seconds: float, what: str, every: float = 0.5) -> float:
    """Wait for something; gives how long it took. Fails with what was waited for."""
    started = time.monotonic()
    while not good():
        assert time.monotonic() - started < seconds, f"waited {seconds} s in vain for {what}"
        time.sleep(every)
    return time.monotonic() - started
