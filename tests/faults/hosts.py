"""A host of the lab as the bench has it in hand: asked and hurt directly, never through ntactl."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from stat import S_ISREG

from harness import Lab, enter, run

TRAP = Path(__file__).with_name("trap.sh")
TRAPS = "/run/traps"
TOOLS = (
    "date timeout sync chmod mv rm mkdir cp cat sed awk grep cut tr sort head tail find readlink"
    " sha256sum base64 id unbound-control unbound-checkconf rndc named-checkconf"
)
BY_HAND, BY_FILE = "byhand.example.", "byfile.example."  # NTAs that somebody else set
DISK = "/var/faults-disk"
PLACES = {"ntactl": "/var/lib/ntactl", "cron": "/etc/cron.d"}
DROPINS = {"unbound": "/etc/unbound/unbound.conf.d", "bind": "/etc/bind"}
CONFIG = {"unbound": "/etc/unbound", "bind": "/etc/bind"}
CHECKER = {"unbound": "unbound-checkconf", "bind": "named-checkconf"}
LIST = {"unbound": "unbound-control list_insecure", "bind": "rndc nta -dump"}
ADD = {
    "unbound": f"unbound-control insecure_add {BY_HAND}",
    "bind": f"rndc nta -force -lifetime 604800 {BY_HAND}",
}
OPTION = f'server:\n    domain-insecure: "{BY_FILE}"\n'
# One small disk for all that ntactl writes, so that it can be filled or made read-only.
SET_UP = f"""set -e
mkdir -p {DISK} /run/faults
mount -t tmpfs -o size=4m,mode=700 faults {DISK}
for place in {{places}}; do
  mkdir -p $place $(dirname {DISK}$place)
  cp -a $place {DISK}$place
  mount --bind {DISK}$place $place
done
chmod 700 /var/lib/ntactl
mkdir {TRAPS}
for name in {TOOLS}; do
  real=$(command -v $name) || continue
  {{{{ echo '#!/bin/sh'; echo "name=$name real=$real"; cat /run/trap.sh; }}}} >{TRAPS}/$name
  chmod 755 {TRAPS}/$name
done
"""
# A transaction that goes on meanwhile lifts first and disarms after, so the list is taken twice.
LOOK = """
{list} >/run/faults-first 2>/dev/null
echo "checker $({checker} >/dev/null 2>&1; echo $?)"
for nta in /var/lib/ntactl/nta/*/; do
  [ -e "$nta/ends_at" ] || continue
  id=$(basename "$nta")
  echo "nta $id $(cat "$nta/ends_at") $([ -s "$nta/guard" ] && [ -s "/etc/cron.d/ntactl-$id" ] &&
    [ -s "$nta/ends_at" ] && echo armed)"
done
echo "up $({list} >/run/faults-list 2>/dev/null && echo yes)"
sed 's/^/listed /' /run/faults-list
sed 's/^/first /' /run/faults-first
"""


@dataclass(frozen=True)
class Seen:
    """What a host itself says at one moment.

    `zones` are the NTAs that its resolver lists, `files` its configuration and cron entries,
    `ends` when each NTA that ntactl has begun there ends, `armed` those with a whole guard.
    """

    up: bool
    zones: tuple[str, ...]
    checks: bool
    files: dict[str, str]
    ends: dict[str, int]
    armed: frozenset[str]

    def holds(self, nta: str, zone: str) -> bool:
        return zone in self.zones and nta in self.ends


@dataclass(frozen=True)
class BenchHost:
    """One resolver host, entered from outside."""

    lab: Lab
    name: str

    @cached_property
    def engine(self) -> str:
        return str(self.lab.host(self.name)["engine"])

    @cached_property
    def address(self) -> str:
        return str(self.lab.host(self.name)["address"])

    @cached_property
    def pid(self) -> str:
        return str(self.lab.init_of(self.name))

    @property
    def run_folder(self) -> Path:
        """Its /run/faults, seen from outside."""
        return self.lab.folder / "hosts" / self.name / "run/faults"

    def sh(self, command: str, *, check: bool = True) -> str:
        """A command as root on the host, past the trap."""
        safe = f"PATH=/usr/sbin:/usr/bin:/sbin:/bin\n{command}"
        done = run([*enter(self.pid), "sh", "-c", safe], self.lab.env)
        assert done.code == 0 or not check, f"{self.name}: {command}: {done.err}"
        return done.out

    def begin(self, command: str) -> subprocess.Popen[bytes]:
        """A command on the host that is not waited for; with the PATH that programs have."""
        quiet = subprocess.DEVNULL
        argv = [*enter(self.pid), "sh", "-c", command]
        return subprocess.Popen(argv, stdin=quiet, stdout=quiet, stderr=quiet)

    def set_up(self) -> None:
        """Its disk, the trap, and an NTA of somebody else in its configuration."""
        if self.engine == "unbound":
            (self.lab.etc(self.name) / "unbound/unbound.conf.d/site.conf").write_text(OPTION)
        shutil.copy(TRAP, self.run_folder.parent / "trap.sh")
        places = " ".join([*PLACES.values(), DROPINS[self.engine]])
        self.sh(SET_UP.format(places=places))
        self.service("resolver", "restart")

    def service(self, *argv: str) -> None:
        self.sh(f"/etc/lab/service {' '.join(argv)}", check=False)

    def make_ready(self, *, trapped: bool) -> None:
        """The NTA that somebody set by hand, room on the small disk, and the (slow) trap."""
        trap = f"mount --bind {TRAPS} /usr/local/sbin" if trapped else ":"
        self.sh(
            "for n in /var/lib/ntactl/nta/*/ended; do [ ! -e $n ] || rm -rf ${n%/ended}; done;"
            f" ! mountpoint -q /usr/local/sbin || umount /usr/local/sbin; {trap};"
            f" {LIST[self.engine]} | grep -q ^{BY_HAND[:-1]} || {ADD[self.engine]}"
        )

    def kill(self, daemon: str) -> None:
        """kill -9 of every process of a daemon, sessions too."""
        names = {"sshd": "sshd", "resolver": "unbound|named"}[daemon]
        self.sh(
            "for p in /proc/[0-9]*; do read -r name <$p/comm || continue;"
            f" case $name in {names}) kill -9 ${{p#/proc/}};; esac; done 2>/dev/null; true"
        )

    def busy(self) -> bool:
        """Does a shell run there: a program of ntactl, a guard, or its trap?"""
        space = Path(f"/proc/{self.pid}/ns/pid").readlink()
        return any(_is_shell(entry, space) for entry in Path("/proc").glob("[0-9]*"))

    def look(self) -> Seen:
        text = self.sh(LOOK.format(list=LIST[self.engine], checker=CHECKER[self.engine]))
        lines = [line.split(maxsplit=1) for line in text.splitlines()]
        return _seen(lines, self.engine, self._files())

    def _files(self) -> dict[str, str]:
        """Its configuration and cron entries, with kind, mode, owner and content."""
        root = Path(f"/proc/{self.pid}/root")
        folders = [root / folder.lstrip("/") for folder in (CONFIG[self.engine], "/etc/cron.d")]
        paths = [path for folder in folders for path in (folder, *folder.rglob("*"))]
        return {f"/{path.relative_to(root)}": _fingerprint(path) for path in paths}


def _is_shell(entry: Path, space: Path) -> bool:
    try:
        return (entry / "comm").read_text() == "sh\n" and (entry / "ns/pid").readlink() == space
    except OSError:
        return False


def _fingerprint(path: Path) -> str:
    """Mode, owner and content; a transaction that goes on meanwhile may take the file away."""
    try:
        stat = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if S_ISREG(stat.st_mode) else ""
    except FileNotFoundError:
        return "gone"
    return f"{stat.st_mode:o} {stat.st_uid}:{stat.st_gid} {content}"


def _seen(lines: list[list[str]], engine: str, files: dict[str, str]) -> Seen:
    said = [(words[0], words[1] if len(words) > 1 else "") for words in lines if words]
    of = {word: [rest for found, rest in said if found == word] for word, _ in said}
    ntas = [rest.split() for rest in of.get("nta", [])]
    zones = _zones(of.get("first", []), engine) & _zones(of.get("listed", []), engine)
    return Seen(
        up=of["up"] == ["yes"],
        zones=tuple(sorted(zones)),
        checks=of["checker"] == ["0"],
        files=files,
        ends={
            words[0]: int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
            for words in ntas
        },
        armed=frozenset(words[0] for words in ntas if words[-1] == "armed"),
    )


def _zones(lines: list[str], engine: str) -> set[str]:
    if engine == "unbound":
        return {line.strip() for line in lines if line.strip()}
    live = [line.split("/")[0] for line in lines if ": expiry " in line or ": permanent" in line]
    return {name.rstrip(".") + "." for name in live}
