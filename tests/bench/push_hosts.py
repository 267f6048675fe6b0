"""Many "hosts" for the push bench: loopback addresses of one sshd, each with a folder of its own.

In that folder lies what a host has under /etc and /var; a stub stands for unbound-control. So it
is SSH and the controller that are measured, not resolvers or disks (the folders are in memory).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from orchestrator.fleet.inventory import Host  # noqa: E402

CONTROL = """\
#!/bin/sh
[ "$1" = -c ] && folder=${2%/*} && shift 2
case $1 in
list_insecure) while read -r zone; do echo "$zone"; done <"$folder/ntas" ;;
insecure_add) echo "$2" >>"$folder/ntas" ;;
insecure_remove) : >"$folder/ntas" ;;
status) echo 'version: 1.17.1' ;;
esac
"""
CHECKCONF = """\
#!/bin/sh
[ "$1 $2" = '-o domain-insecure' ] || exit 0
dropin=${3%/*}/ntactl-nta.conf
[ ! -e "$dropin" ] || while read -r key zone _; do
  [ "$key" != domain-insecure: ] || { zone=${zone#?} && echo "${zone%?}"; }
done <"$dropin"
"""
SSHD = """\
Port {port}
ListenAddress 0.0.0.0
HostKey {folder}/host
PidFile none
AuthorizedKeysFile {folder}/user.pub
AuthenticationMethods publickey
UsePAM no
StrictModes no
MaxStartups 4000
Subsystem sftp internal-sftp
"""
# In a mount namespace of its own: there /run says that a cron runs, and root's shell is sh.
START = """\
mount -t tmpfs run /run && mkdir /run/sshd
{folder}/cron 100000 & echo $! >/run/crond.pid
mount --bind {folder}/passwd /etc/passwd
exec /usr/sbin/sshd -D -e -f {folder}/config
"""


@dataclass(frozen=True)
class Hosts:
    folder: Path
    port: int

    def host(self, number: int, *, port: int | None = None) -> Host:
        """One of them, counted from 0."""
        address = f"127.20.{number // 250}.{number % 250 + 1}"
        own = self.folder / "hosts" / address
        return Host(
            name=f"h{number}",
            address=address,
            dns=address,
            engine="unbound",
            ssh={
                "user": "root",
                "port": port or self.port,
                "key": self.folder / "user",
                "known_hosts": self.folder / "known",
                "jump": "none",
            },
            paths={"config": f"{own}/unbound.conf", "dropin": f"{own}/ntactl-nta.conf"},
        )

    def own(self, host: Host) -> Path:
        return Path(host.paths.config).parent

    def localised(self, host: Host, program: str) -> str:
        """A program of ntactl's, its fixed places turned into this host's."""
        own = self.own(host)
        return (
            program.replace("/var/lib/ntactl", f"{own}/var")
            .replace("/etc/cron.d", f"{own}/cron.d")
            .replace("PATH=/usr/local/sbin", f"PATH={self.folder}/bin:/usr/local/sbin")
        )

    def reset(self, count: int) -> None:
        """As if nothing had been pushed yet."""
        shutil.rmtree(self.folder / "hosts", ignore_errors=True)
        for number in range(count):
            own = self.own(self.host(number))
            (own / "cron.d").mkdir(parents=True)
            (own / "unbound.conf").touch()
            (own / "ntas").touch()


@contextmanager
def serve(count: int) -> Iterator[Hosts]:
    """That many hosts, gone at the end."""
    from harness import wait_until
    from sshd import answers, free_port

    with tempfile.TemporaryDirectory(prefix="ntactl-push-", dir="/dev/shm") as name:
        hosts = Hosts(Path(name), free_port())
        _furnish(hosts, count)
        inside = ["unshare", "-mp", "--kill-child", "--fork", "--mount-proc", "sh", "-c"]
        process = subprocess.Popen(
            [*inside, START.format(folder=hosts.folder)], stderr=subprocess.DEVNULL
        )
        try:
            wait_until(lambda: answers(hosts.port), 10, "sshd", every=0.05)
            yield hosts
        finally:
            process.kill()
            process.wait()


def _furnish(hosts: Hosts, count: int) -> None:
    from sshd import make_key

    folder = hosts.folder
    for key in ("user", "host"):
        make_key(folder / key)
    key = (folder / "host.pub").read_text()
    lines = (f"[{hosts.host(n).address}]:{hosts.port} {key}" for n in range(count))
    (folder / "known").write_text("".join(lines))
    (folder / "config").write_text(SSHD.format(port=hosts.port, folder=folder))
    (folder / "bin").mkdir()
    for name, text in (("unbound-control", CONTROL), ("unbound-checkconf", CHECKCONF)):
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
    shutil.copy("/bin/sleep", folder / "cron")
    (folder / "passwd").write_text(f"root:x:0:0:root:{folder}:/bin/sh\nsshd:x:105:65534::/:\n")
    hosts.reset(count)
